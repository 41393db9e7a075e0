// Questions to the server: the token, waiting while it is busy, and what went wrong in words.

import { printable } from "./words.js";

const TRIES = 6; // of one question, while the server says that it is busy
const TRIES_IN_TIME = 2; // of one that took too long: it will hardly be quicker
const LONGEST_WAIT_S = 30;
const TOKEN = "carina-token";

// What stopped a question. Its kind: "token" (one is asked for), "busy", "gone" (no answer),
// "file" (the file cannot be read any more), "film" (this film), "server" (a bug there).
export class Problem extends Error {
  constructor(kind, detail, { title = "", code = "", hint = "" } = {}) {
    super(detail);
    this.kind = kind;
    this.title = title;
    this.code = code;
    this.hint = hint;
  }
}

// The token stays in this tab: in its session's storage, or only in memory where that is shut.
let token = null;

export function keepToken(given) {
  token = given;
  try {
    sessionStorage.setItem(TOKEN, given);
  } catch {
    // Storage is shut off in this browser: the token then lasts until the page is left.
  }
}

export function forgetToken() {
  token = null;
  try {
    sessionStorage.removeItem(TOKEN);
  } catch {
    // As above.
  }
}

export function keptToken() {
  try {
    token ??= sessionStorage.getItem(TOKEN);
  } catch {
    // As above.
  }
  return token;
}

// Ask about one film and return the body of the answer.
// query: of /v1/predict. waits({ seconds, turn, turns }): called before each wait.
export async function ask(file, { query, signal, waits }) {
  for (let turn = 1; ; turn += 1) {
    const response = await sent(file, { query, signal });
    if (response.ok) return bodyOf(response);
    const problem = await problemOf(response);
    const tries = problem.code === "deadline" ? TRIES_IN_TIME : TRIES;
    if (problem.kind !== "busy" || turn >= tries) throw problem;
    const seconds = secondsToWait(response, turn);
    waits?.({ seconds, turn, turns: tries - 1 });
    await pause(seconds, signal);
  }
}

async function sent(file, { query, signal }) {
  const form = new FormData();
  form.append("file", file);
  const headers = keptToken() ? { Authorization: `Bearer ${keptToken()}` } : {};
  const address = `/v1/predict?${new URLSearchParams(query)}`;
  try {
    return await fetch(address, { method: "POST", body: form, headers, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    if (!(await readable(file))) {
      throw new Problem("file", `${printable(file.name)} cannot be read: it is a folder, or it was moved or changed`, {
        hint: "Choose it again.",
      });
    }
    throw gone();
  }
}

async function bodyOf(response) {
  try {
    return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw gone();
  }
}

function gone() {
  return new Problem("gone", "The server does not answer", {
    hint: "Is it still running? Films that were not answered can be sent again.",
  });
}

async function readable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

// What can be done where the server's own sentence may not say it.
const HINTS = {
  400: "Send it again; if that does not help, ask whoever runs the server.",
  408: "Send it again over a better connection.",
  500: "The fault is the server's, not the film's; its log says where.",
  502: "Something between this page and the server fails; ask whoever runs the server.",
  503: "Send it again in a minute.",
  504: "Send it again in a minute, or a smaller file.",
};
const KINDS = { 401: "token", 408: "busy", 429: "busy", 503: "busy", 504: "busy" };

async function problemOf(response) {
  const { status } = response;
  const document = await response.json().catch(() => ({}));
  const kind = KINDS[status] ?? (status >= 500 ? "server" : "film");
  const detail = document.detail || `It answered ${status} ${response.statusText}`.trim();
  return new Problem(kind, detail, {
    title: document.title ?? "",
    code: document.code ?? "",
    hint: HINTS[status] ?? "",
  });
}

function secondsToWait(response, turn) {
  const said = Number(response.headers.get("Retry-After"));
  const seconds = Number.isFinite(said) && said > 0 ? said : turn;
  return Math.min(seconds, LONGEST_WAIT_S);
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const stopped = () => reject(new DOMException("stopped", "AbortError"));
    if (signal?.aborted) return void stopped();
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      stopped();
    });
  });
}
