// The printed page: one film, its map, its answer and what speaks against relying on it.

import { element, list, made, named } from "./elements.js";
import { WHOLE, inBits } from "./grey_window.js";
import { answerInWords, bars, chancesTitle, operatingPointInWords } from "./reading.js";
import { sentence, timeInWords } from "./words.js";

const LONGER_SIDE = 1000; // 10 cm at 250 dots an inch

export function fillSummary(film, { classifier, view, heat, filmInWords }) {
  const answered = film?.state === "answered" ? film : null;
  document.body.classList.toggle("has-summary", answered !== null);
  if (!answered) return;
  const { answer } = answered;
  const words = answerInWords(answer);
  element("print-time").textContent = timeInWords(answered.time);
  element("print-kicker").textContent = words.kicker;
  element("print-decision").textContent = words.decision;
  element("print-remark").textContent = words.remark;
  element("print-facts").replaceChildren(
    made("dt", { text: "File" }),
    made("dd", {}, named(answered.name)),
    ...term("SHA-256", answer.sha256, "digest"),
    ...term("Film", filmInWords(answer.film)),
    ...term("Answered by", `${answered.classifier.name}, ${answered.classifier.digest.slice(0, 12)}`),
  );
  element("print-chances").replaceChildren(
    made("p", { className: "summary-heading", text: chancesTitle(answer) }),
    ...bars(answer, classifier),
    made("p", { text: operatingPointInWords(classifier) }),
  );
  const cautions = [
    ...answer.cautions.map((caution) => sentence(`This film: ${caution}`)),
    ...(heat.layer ? heat.cautions : []),
    ...classifier.cautions,
  ];
  list("print-cautions", [...new Set(cautions)]);
  drawPictures(view, heat, windowInWords(view.window, answer.film.bits));
}

function term(name, text, className = "") {
  return [made("dt", { text: name }), made("dd", { text, className })];
}

function windowInWords(window, bits) {
  if (window.width === WHOLE.width && !window.inverted) return "";
  const [width, level] = [window.width, window.level].map((value) => inBits(value, bits).toLocaleString("en"));
  return `, window ${width}, level ${level}${window.inverted ? ", inverted" : ""}`;
}

function drawPictures(view, heat, shownAs) {
  element("print-pictures").hidden = !view.film; // not yet here: better none than another film's
  if (!view.film) return;
  draw(element("print-film"), view, 0);
  element("print-film-caption").textContent = `The film${shownAs}`;
  element("print-map").hidden = !heat.layer;
  if (!heat.layer) return;
  draw(element("print-heat"), view, heat.opacity || 0.65);
  element("print-map-caption").textContent = heat.caption;
}

function draw(canvas, view, opacity) {
  const { width, height } = view.film;
  const scale = Math.min(1, LONGER_SIDE / Math.max(width, height));
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  view.drawInto(canvas.getContext("2d"), { scale, x: 0, y: 0 }, opacity);
}
