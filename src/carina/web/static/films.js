// The films of this page and their answers: sent a few at a time, each with its own state.

import { Problem, ask } from "./ask.js";
import { megabytes, printable } from "./words.js";

const AT_ONCE = 2; // the server reads one while the next travels
export const MOST_FILMS = 500;

// A film: { id, file, name, state, note, answer, classifier, time, thumbnail, problem }.
// Its state: "queued", "sending", "waiting" (the server is busy), "answered", "failed".
export class Films {
  constructor({ maxBytes, changed, brought }) {
    this.all = [];
    this.chosen = null;
    this.stopped = null; // the problem that stopped the queue: a token is asked for, no server
    this.maxBytes = maxBytes;
    this.changed = changed; // called with a film after each change of it, or with null
    this.brought = brought; // called with a film and the picture that came with its answer
    this.leftOut = 0; // files of the last drop that were too many
    this.atWork = 0;
    this.next = 1;
    this.stop = new AbortController();
  }

  // Take files in, choose the first of them, and start to send.
  add(files) {
    const room = Math.max(0, MOST_FILMS - this.all.length);
    const taken = [...files].slice(0, room).map((file) => this.made(file));
    this.all.push(...taken);
    if (this.stopped?.kind === "gone") this.stopped = null; // another try
    this.leftOut = files.length - taken.length;
    if (taken.length > 0) this.choose(taken[0]);
    this.work();
  }

  made(file) {
    const film = { id: this.next, file, name: printable(file.name) || "pasted film", state: "queued", note: "" };
    this.next += 1;
    if (file.size > this.maxBytes) {
      const most = `${megabytes(this.maxBytes)} is the most`;
      this.fail(film, new Problem("film", `${film.name} has ${megabytes(file.size)}, and ${most}`, {
        hint: "Send a smaller file, or ask whoever runs the server to raise its limit.",
      }));
    }
    return film;
  }

  choose(film) {
    this.chosen = film;
    this.changed(film);
  }

  // Send again what failed for a reason that may have passed, and what was never sent.
  again() {
    this.stopped = null;
    for (const film of this.all) {
      if (film.state === "failed" && passing(film.problem)) {
        Object.assign(film, { state: "queued", note: "", problem: undefined });
        this.changed(film);
      }
    }
    this.work();
  }

  clear() {
    this.stop.abort();
    this.stop = new AbortController();
    this.all = [];
    this.leftOut = 0;
    this.stopped = null;
    this.choose(null);
  }

  count(state) {
    return this.all.filter((film) => film.state === state).length;
  }

  get canBeSentAgain() {
    const failed = this.all.some((film) => film.state === "failed" && passing(film.problem));
    return failed || (this.stopped?.kind === "gone" && this.count("queued") > 0);
  }

  work() {
    while (this.atWork < AT_ONCE && !this.stopped) {
      const chosen = this.chosen?.state === "queued" ? this.chosen : null;
      const film = chosen ?? this.all.find(({ state }) => state === "queued");
      if (!film) break;
      this.atWork += 1;
      this.send(film, this.stop.signal).finally(() => {
        this.atWork -= 1;
        this.work();
      });
    }
    this.changed(null);
  }

  async send(film, signal) {
    // The film that is looked at comes with its picture; its heat map is asked for next.
    const query = { film: film === this.chosen ? "levels" : "thumbnail" };
    this.turn(film, "sending");
    try {
      const waits = ({ seconds, turn, turns }) => {
        const note = `The server is busy: try ${turn} of ${turns} follows in ${Math.ceil(seconds)} s`;
        this.turn(film, "waiting", note);
      };
      const response = await ask(film.file, { query, signal, waits });
      const [answer] = response.predictions;
      const { levels_png: levels, thumbnail_png: thumbnail, ...facts } = answer;
      Object.assign(film, { answer: facts, classifier: response.classifier, thumbnail, time: new Date() });
      if (levels) this.brought(film, levels);
      this.turn(film, "answered");
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof Problem)) throw error;
      this.failed(film, error);
    }
  }

  failed(film, problem) {
    if (problem.kind === "token") {
      this.stopped = problem;
      this.turn(film, "queued", "It waits for the token");
      return;
    }
    if (problem.kind === "gone") this.stopped = problem;
    this.fail(film, problem);
    this.changed(film);
  }

  fail(film, problem) {
    Object.assign(film, { state: "failed", note: "", problem });
  }

  turn(film, state, note = "") {
    Object.assign(film, { state, note });
    this.changed(film);
  }
}

function passing(problem) {
  return ["busy", "gone", "server", "file"].includes(problem.kind);
}
