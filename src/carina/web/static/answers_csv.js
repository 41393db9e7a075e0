// The answers as a CSV file, made in the browser.

import { timeInWords } from "./words.js";

// What begins so is taken for a formula by spreadsheets, behind what may cut a cell, too; an
// apostrophe makes it text. The same rule as files/formulas.py, so that carina reads it back.
const FORMULA = /(^|[,;\t\r\n"])(?='*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20][^])/g;

export function answersCsv(films, labels) {
  const head = [
    "file", "sha256", "answer", "abstained", "reason", ...labels.map((name) => `p_${name}`),
    "cautions", "error", "error_code", "classifier", "time", "note",
  ];
  const done = films.filter(({ state }) => state === "answered" || state === "failed");
  const rows = done.map((film) => row(film, labels));
  return [head, ...rows].map((cells) => cells.map(cell).join(",")).join("\r\n") + "\r\n";
}

function row(film, labels) {
  const { answer, problem } = film;
  if (!answer) {
    const empty = labels.map(() => "");
    return [film.name, "", "", "", "", ...empty, "", problem.message, problem.code || problem.kind, "", "", ""];
  }
  return [
    film.name,
    answer.sha256,
    answer.decision ?? "",
    String(answer.abstained),
    answer.reason,
    ...labels.map((name) => answer.probabilities[name] ?? ""),
    answer.cautions.join("; "),
    "",
    "",
    film.classifier.digest,
    timeInWords(film.time),
    "research and education only, not for diagnosis",
  ];
}

function cell(value) {
  if (typeof value === "number") return String(value);
  const safe = String(value).replace(FORMULA, "$1'");
  return /[",\r\n;]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function saveFile(name, text) {
  // Spreadsheets read UTF-8 for sure only after a byte order mark.
  const address = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
