// The right column: the chosen film's answer, its probabilities and cautions, or what went wrong.

import { element, list, made, say, withName } from "./elements.js";
import { closed, percent, sentence, thresholdInPercent } from "./words.js";

const STATES = ["waiting", "working", "failed", "answer"];

export function showReading(film, classifier) {
  const state = stateOf(film);
  for (const name of STATES) element(name).hidden = name !== state;
  const result = element("result");
  result.setAttribute("aria-busy", String(state === "working"));
  result.classList.toggle("abstained", film?.answer?.abstained ?? false);
  element("chances").hidden = state !== "answer";
  element("print").disabled = state !== "answer";
  list("film-cautions", (film?.answer?.cautions ?? []).map((caution) => sentence(`This film: ${caution}`)));
  element("cautions").hidden = element("cautions").querySelector("li") === null;
  showOtherClassifier(film, classifier);
  if (state === "working") showWork(film);
  if (state === "failed") showFailure(film, classifier);
  if (state === "answer") showAnswer(film.answer, classifier);
}

function stateOf(film) {
  if (!film) return "waiting";
  return { answered: "answer", failed: "failed" }[film.state] ?? "working";
}

function showWork(film) {
  const titles = { queued: "This film waits for its turn", sending: "Reading the film" };
  element("working-title").textContent = titles[film.state] ?? "The server is busy";
  say("working-note", film.note ? sentence(film.note) : "");
}

function showFailure({ problem, name }, { advice }) {
  const titles = {
    gone: "The server is gone",
    busy: "The server is too busy",
    server: "The server failed",
    file: "The file cannot be read any more",
  };
  element("failure-title").textContent = titles[problem.kind] ?? (problem.title || "This film was not read");
  element("failure").replaceChildren(...withName(closed(problem.message), name));
  say("failure-hint", problem.hint || (advice[problem.code] ?? ""));
}

function showAnswer(answer, classifier) {
  const { kicker, decision, remark } = answerInWords(answer);
  element("kicker").textContent = kicker;
  element("decision").textContent = decision;
  element("remark").textContent = remark;
  element("chances-title").textContent = chancesTitle(answer);
  element("chances-box").open = !answer.abstained;
  element("bars").replaceChildren(...bars(answer, classifier));
  element("operating-point").textContent = operatingPointInWords(classifier);
}

// The answer in three lines. An abstained film shows no class.
export function answerInWords(answer) {
  if (answer.abstained) {
    return {
      kicker: "Carina abstains",
      decision: "No answer on this film",
      remark: `Reason: ${sentence(answer.reason)}`,
    };
  }
  return {
    kicker: element("kicker").dataset.rule,
    decision: answer.decision,
    remark: `Probability ${percent(answer.probabilities[answer.decision])}`,
  };
}

export function chancesTitle(answer) {
  return answer.abstained ? "The network’s output, which is no answer" : "Probabilities";
}

// The probability that decides for a class, or null: a threshold, or one half of two classes.
function tickOf(name, { operatingPoint, labels }) {
  if (operatingPoint) return operatingPoint.label === name ? operatingPoint.threshold : null;
  return labels.length === 2 ? 0.5 : null;
}

export function operatingPointInWords({ operatingPoint, labels }) {
  if (operatingPoint) {
    const from = thresholdInPercent(operatingPoint.threshold);
    return `The mark is the operating point: ${operatingPoint.label} is the answer from ${from} on.`;
  }
  if (labels.length === 2) return "The mark is the operating point: the more probable class is the answer.";
  return "The most probable class is the answer; there is no threshold.";
}

export function bars(answer, classifier) {
  return Object.entries(answer.probabilities).map(([name, share]) => {
    const fill = made("div", { className: "fill" });
    fill.style.setProperty("--share", String(share));
    const track = made("div", { className: "track" }, fill);
    track.setAttribute("aria-hidden", "true");
    const tick = tickOf(name, classifier);
    if (tick !== null) {
      const mark = made("div", { className: "tick" });
      mark.style.setProperty("--share", String(tick));
      track.append(mark);
    }
    const row = made("div", { className: "chance" },
      made("span", { className: "name", text: name }), made("span", { className: "value", text: percent(share) }), track);
    row.setAttribute("role", "listitem");
    row.classList.toggle("chosen", name === answer.decision);
    return row;
  });
}

// Long cautions are cut to a few lines until they are asked for; a button says so.
export function connectCautions() {
  const [cautions, button] = [element("card-cautions"), element("whole-cautions")];
  const measure = () => {
    const cut = [...cautions.querySelectorAll("span")].some((span) => span.scrollHeight > span.clientHeight + 1);
    if (cautions.classList.contains("short")) button.hidden = !cut;
  };
  new ResizeObserver(measure).observe(cautions);
  button.addEventListener("click", () => {
    const short = cautions.classList.toggle("short");
    button.setAttribute("aria-expanded", String(!short));
    button.textContent = short ? "Show them whole" : "Show them short";
  });
}

// A server may take up another classifier while this page is open.
function showOtherClassifier(film, { digest }) {
  const other = film?.classifier && film.classifier.digest !== digest;
  const text = other
    ? `The server has taken up another classifier, ${film.classifier.name}: this film was answered by it. ` +
      "Load this page again to read what that one was trained and tested on."
    : "";
  say("other-classifier", text);
}
