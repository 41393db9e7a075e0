// The upload page: sends a film to /v1/predict and shows what comes back.
// Everything from the server or a file goes in as text or as a picture, never as HTML.

const element = (id) => document.getElementById(id);
const desk = element("desk");
const viewer = element("viewer");
const chooser = element("file");
const result = element("result");
const opacity = element("opacity");
const shownClass = element("shown-class");
const maxBytes = Number(desk.dataset.maxBytes);
const STATES = ["waiting", "working", "failed", "answer"];

let film = null;
let turn = 0; // a later film or class makes earlier answers stale

function show(state) {
  for (const name of STATES) element(name).hidden = name !== state;
  result.setAttribute("aria-busy", String(state === "working"));
  if (state !== "answer") {
    result.classList.remove("abstained");
    for (const id of ["chances", "map"]) element(id).hidden = true;
  }
}

function percent(probability) {
  if (probability > 0.999 && probability < 1) return "> 99.9 %";
  if (probability < 0.001 && probability > 0) return "< 0.1 %";
  return `${(100 * probability).toFixed(1)} %`;
}

async function ask(file, { label }) {
  const form = new FormData();
  form.append("file", file);
  const query = new URLSearchParams({ explain: "true" });
  if (label) query.set("class", label);
  const response = await fetch(`/v1/predict?${query}`, { method: "POST", body: form });
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail);
  return body.predictions[0];
}

async function read(file) {
  film = file;
  const mine = ++turn;
  if (file.size > maxBytes) {
    return fail(`${file.name} has ${(file.size / 1e6).toFixed(0)} MB, and ${maxBytes / 1e6} MB is the most.`);
  }
  show("working");
  element("plate").classList.add("dim");
  try {
    const answer = await ask(file, {});
    if (mine !== turn) return;
    showFilm(answer);
    showAnswer(answer);
    showMap(answer);
  } catch (error) {
    if (mine === turn) fail(reasonOf(error));
  }
}

function reasonOf(error) {
  return error instanceof TypeError ? "The server does not answer. Is it still running?" : error.message;
}

function fail(reason) {
  element("failure").textContent = /[.?]$/.test(reason) ? reason : `${reason}.`;
  element("drop").hidden = false;
  for (const id of ["stage", "strip"]) element(id).hidden = true;
  element("film-cautions").replaceChildren();
  show("failed");
}

function showFilm(answer) {
  const { film_png: picture, film: facts } = answer;
  element("film").src = `data:image/png;base64,${picture}`;
  element("plate").style.setProperty("--ratio", String(facts.width / facts.height));
  element("film").alt = `The film ${answer.name}`;
  const name = document.createElement("strong");
  name.textContent = answer.name;
  const view = facts.view ? `, ${facts.view}` : "";
  const rest = `  ${facts.width} × ${facts.height} pixels, ${facts.file_format}, ${facts.bits} bit${view}`;
  element("facts").replaceChildren(name, rest);
  element("drop").hidden = true;
  for (const id of ["stage", "strip"]) element(id).hidden = false;
  element("plate").classList.remove("dim");
}

function showAnswer(answer) {
  const probability = answer.probabilities[answer.predicted];
  const kicker = element("kicker");
  kicker.textContent = answer.abstained ? "Carina abstains" : kicker.dataset.rule;
  element("decision").textContent = answer.abstained ? "No answer on this film" : answer.decision;
  element("remark").textContent = answer.abstained
    ? `Reason: ${answer.reason}.`
    : `Probability ${percent(probability)}`;
  const notes = answer.cautions.map((caution) => listItem(`This film: ${caution}`));
  element("film-cautions").replaceChildren(...notes);
  element("cautions").hidden = element("cautions").querySelector("li") === null;
  element("chances-title").textContent = answer.abstained
    ? "The network’s output, which is no answer"
    : "Probabilities";
  const bars = Object.entries(answer.probabilities).map(([name, share]) =>
    bar(name, share, name === answer.decision),
  );
  element("bars").replaceChildren(...bars);
  element("chances-box").open = !answer.abstained;
  show("answer");
  result.classList.toggle("abstained", answer.abstained);
  element("chances").hidden = false;
}

function listItem(text) {
  const item = document.createElement("li");
  item.textContent = text;
  return item;
}

function bar(name, share, chosen) {
  const row = document.createElement("div");
  const [term, value, track, fill] = ["dt", "dd", "dd", "div"].map((tag) => document.createElement(tag));
  row.classList.toggle("chosen", chosen);
  term.textContent = name;
  value.textContent = percent(share);
  track.className = "track";
  track.setAttribute("aria-hidden", "true");
  fill.className = "fill";
  fill.style.setProperty("--share", String(share));
  track.append(fill);
  row.append(term, value, track);
  return row;
}

function showMap(answer) {
  const heat = element("heat");
  const note = element("map-note");
  if (answer.heat_map_png) heat.src = `data:image/png;base64,${answer.heat_map_png}`;
  else heat.removeAttribute("src");
  note.textContent = answer.heat_map_note ? `No heat map: ${answer.heat_map_note}.` : "";
  note.hidden = !answer.heat_map_note;
  shownClass.value = answer.explained;
  element("map").hidden = answer.abstained; // a map of no answer would be taken for one
  applyOpacity();
}

function applyOpacity() {
  const heat = element("heat");
  const shown = heat.hasAttribute("src") && !element("map").hidden;
  heat.style.opacity = shown ? String(opacity.value / 100) : "0";
  element("opacity-value").textContent = `${opacity.value} %`;
}

async function changeClass() {
  const mine = ++turn;
  const label = shownClass.value;
  shownClass.setAttribute("aria-busy", "true");
  try {
    const answer = await ask(film, { label });
    if (mine === turn) showMap(answer);
  } catch (error) {
    if (mine === turn) fail(reasonOf(error));
  } finally {
    shownClass.removeAttribute("aria-busy");
  }
}

function take(files) {
  if (files.length === 0) return;
  turn += 1;
  if (files.length > 1) fail(`${files.length} files were dropped; this page reads one film at a time.`);
  else read(files[0]);
}

chooser.addEventListener("change", () => {
  take([...chooser.files]);
  chooser.value = ""; // so that the same file can be chosen again
});
opacity.addEventListener("input", applyOpacity);
shownClass.addEventListener("change", changeClass);
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
