// The page: takes films in and connects the parts that show them.

import { answersCsv, saveFile } from "./answers_csv.js";
import { Problem, forgetToken, keepToken, keptToken } from "./ask.js";
import { announce, element, named, say } from "./elements.js";
import { FilmView } from "./film_view.js";
import { Films } from "./films.js";
import { watchGestures, zoomStep } from "./gestures.js";
import { inBits } from "./grey_window.js";
import { HeatPanel } from "./heat_panel.js";
import { Pictures } from "./pictures.js";
import { answerInWords, connectCautions, showReading } from "./reading.js";
import { Strip, progress } from "./strip.js";
import { fillSummary } from "./summary.js";
import { closed, sentence } from "./words.js";

const { classifier: facts, maxBytes } = element("desk").dataset;
const classifier = JSON.parse(facts);
const stage = element("stage");
const pictures = new Pictures();
const view = new FilmView(element("canvas"), showView);
const heat = new HeatPanel({ classifier, view, pictures });
const films = new Films({
  maxBytes: Number(maxBytes),
  changed: show,
  brought: (film, levels) => pictures.take(film, levels),
});
const strip = new Strip(films);
let shown = null; // the film whose picture is on the stage
let told = ""; // what was last announced

function show(film) {
  strip.show();
  showToken();
  if (film === null && films.all.length > 0) return void tellWhenDone();
  if (film !== null && film !== films.chosen) return;
  const { chosen } = films;
  showReading(chosen, classifier);
  heat.follow(chosen);
  tell(chosen);
  showFilm(chosen);
}

function tell(film) {
  if (film?.state === "answered") {
    const { decision, remark } = answerInWords(film.answer);
    told = `${film.name}: ${sentence(decision)} ${sentence(remark)}`;
  } else if (film?.state === "failed") told = `${film.name}: ${closed(film.problem.message)} ${film.problem.hint}`;
  else if (film?.state === "waiting") told = `${sentence(film.note)}`;
  else return;
  announce(told);
}

function tellWhenDone() {
  const open = films.all.length - films.count("answered") - films.count("failed");
  if (films.all.length > 1 && open === 0) announce(`${sentence(progress(films))} ${told}`);
}

async function showFilm(film) {
  for (const id of ["stage", "tools"]) element(id).hidden = !film;
  element("drop").hidden = Boolean(film);
  if (!film) {
    shown = null;
    view.clear();
    pictures.clear();
    return;
  }
  element("facts").replaceChildren(named(film.name));
  stage.setAttribute("aria-label", `The film ${film.name}`);
  if (shown !== film || film.state !== "answered") putAway(film);
  if (film.state !== "answered" || shown === film) return;
  shown = film;
  try {
    const decoded = await pictures.levelsOf(film);
    if (shown !== film) return;
    view.show(decoded);
    heat.draw();
    showFilmFacts(film, decoded);
    say("film-note", "");
  } catch (error) {
    if (shown !== film) return;
    shown = null;
    say("film-note", `The picture did not come: ${sentence(error.message)}`);
    if (!(error instanceof Problem)) throw error;
  }
}

function putAway(film) {
  shown = null;
  view.clear();
  element("view-facts").textContent = "";
  const words = { failed: "no picture: this film was not read", queued: "waits for its turn", waiting: "the server is busy" };
  say("film-note", words[film.state] ?? "reading the film");
}

function filmInWords({ file_format: format, width, height, bits, view: position }) {
  const seen = position ? `, ${position}` : "";
  return `${format}, ${width.toLocaleString("en")} × ${height.toLocaleString("en")} pixels, ${bits} bit${seen}`;
}

function showFilmFacts(film, { width, height }) {
  const { film: file } = film.answer;
  const smaller = width < file.width ? `, shown from ${width.toLocaleString("en")} × ${height.toLocaleString("en")}` : "";
  element("view-facts").textContent = `${filmInWords(file)}${smaller}`;
  stage.setAttribute("aria-label", `The film ${film.name}, ${filmInWords(file)}`);
}

function showView() {
  const { width, level, inverted } = view.window;
  const bits = films.chosen?.answer?.film.bits ?? 8;
  element("zoom").textContent = view.film ? `${Math.round(100 * view.zoom)} %` : "";
  for (const [id, value] of [["width", width], ["level", level]]) {
    const text = inBits(value, bits).toLocaleString("en");
    element(id).value = String(value);
    element(id).setAttribute("aria-valuetext", `${text} grey levels`);
    element(`${id}-value`).textContent = view.film ? text : "";
  }
  element("invert").setAttribute("aria-pressed", String(inverted));
  for (const control of element("tools").querySelectorAll("button, input")) control.disabled = !view.film;
  stage.classList.toggle("moves", Boolean(view.film) && !view.fitted);
}

function showToken() {
  const asked = films.stopped?.kind === "token";
  const form = element("token-form");
  if (form.hidden === !asked) return;
  form.hidden = !asked;
  if (!asked) return;
  if (keptToken()) {
    element("token-note").textContent = "The server refused this token. Whoever runs it can give you the right one.";
    forgetToken();
  }
  announce("This server asks for a token.");
  element("token").focus();
}

function take(files) {
  if (files.length > 0) films.add(files);
}

function connect() {
  const chooser = element("file");
  const on = (id, act, event = "click") => element(id).addEventListener(event, act);
  for (const id of ["choose", "add"]) on(id, () => chooser.click());
  on("file", () => {
    take([...chooser.files]);
    chooser.value = ""; // so that the same file can be chosen again
  }, "change");
  on("again", () => films.again());
  on("clear", () => {
    films.clear();
    element("choose").focus();
  });
  on("save", () => saveFile("carina-answers.csv", answersCsv(films.all, classifier.labels)));
  on("print", () => window.print());
  on("zoom-in", () => zoomStep(view, 1));
  on("zoom-out", () => zoomStep(view, -1));
  on("fit", () => view.fit());
  on("actual", () => view.actual());
  on("reset", () => view.resetWindow());
  on("invert", () => view.setWindow({ inverted: !view.window.inverted }));
  on("width", ({ target }) => view.setWindow({ width: Number(target.value) }), "input");
  on("level", ({ target }) => view.setWindow({ level: Number(target.value) }), "input");
  on("token-form", (event) => {
    event.preventDefault();
    keepToken(element("token").value.trim());
    element("token").value = "";
    films.again();
  }, "submit");
  watchGestures(stage, view, { toggleHeat: () => heat.toggle() });
}

function connectDropping() {
  const viewer = element("viewer");
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    viewer.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) viewer.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    viewer.classList.remove("over");
    take([...event.dataTransfer.files]);
  });
  document.addEventListener("paste", (event) => take([...event.clipboardData.files]));
}

function connectPrinting() {
  window.addEventListener("beforeprint", () => {
    const { label, method } = heat.shown;
    const title = classifier.methods[method];
    const caption = `${title} for ${label}: share of the hottest place on this film; the line runs along 0.5`;
    const { layer, opacity } = heat;
    fillSummary(films.chosen, { classifier, view, heat: { layer, opacity, caption, cautions: heat.cautions() }, filmInWords });
  });
}

connect();
connectCautions();
connectDropping();
connectPrinting();
showView();
