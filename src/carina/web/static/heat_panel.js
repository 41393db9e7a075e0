// The heat map's controls: which class, by which method, how opaque, and how far to believe it.

import { Problem } from "./ask.js";
import { element, list, made, say } from "./elements.js";
import { counted, estimateInWords, sentence } from "./words.js";

export class HeatPanel {
  constructor({ classifier, view, pictures }) {
    this.classifier = classifier;
    this.view = view;
    this.pictures = pictures;
    this.film = null;
    this.turn = 0; // a later choice makes earlier maps stale
    this.asking = new AbortController();
    this.layer = null;
    this.seen = true;
    this.methodIsChosen = false; // by the reader: until then each class has its usual one
    element("shown-class").addEventListener("change", () => this.explain());
    element("method").addEventListener("change", () => {
      this.methodIsChosen = true;
      this.explain();
    });
    element("opacity").addEventListener("input", () => {
      this.seen = true;
      this.draw();
    });
    element("map").hidden = true;
  }

  // Follow the chosen film: its map of the class that was answered. A map of no answer would
  // be taken for one, so an abstained film has none.
  follow(film) {
    const answered = film?.state === "answered" && !film.answer.abstained ? film : null;
    element("map").hidden = answered === null;
    if (answered === this.film) return;
    this.film = answered;
    this.put(null);
    if (!answered) return void this.stop();
    element("shown-class").value = answered.answer.decision;
    if (element("shown-class").value) this.explain();
    else element("map").hidden = true; // another classifier's class: the page says to load it again
  }

  get shown() {
    return { label: element("shown-class").value, method: element("method").value };
  }

  stop() {
    this.turn += 1;
    this.asking.abort();
    this.asking = new AbortController();
    element("map").setAttribute("aria-busy", "false");
  }

  async explain() {
    this.stop();
    const mine = this.turn;
    this.showMethods();
    this.showScores();
    const busy = setTimeout(() => this.note("The map is being computed."), 300);
    element("map").setAttribute("aria-busy", "true");
    try {
      const { layer, note } = await this.pictures.heatOf(this.film, this.shown, this.asking.signal);
      if (mine !== this.turn) return;
      this.note(note ? `No heat map: ${note}` : "");
      this.put(layer);
    } catch (error) {
      if (error.name === "AbortError" || mine !== this.turn) return;
      if (!(error instanceof Problem)) throw error;
      this.note(`The heat map did not come: ${error.message}`);
      this.put(null);
    } finally {
      clearTimeout(busy);
      if (mine === this.turn) element("map").setAttribute("aria-busy", "false");
    }
  }

  // Offer the methods that work for the class, the usual one first; keep the reader's if it works.
  showMethods() {
    const works = this.classifier.explainedBy[this.shown.label] ?? [];
    const select = element("method");
    for (const option of select.options) {
      option.disabled = !works.includes(option.value);
      const title = this.classifier.methods[option.value];
      option.textContent = option.value === works[0] ? `${title} (usual)` : title;
    }
    const kept = this.methodIsChosen && works.includes(select.value);
    if (!kept && works.length > 0) [select.value] = works;
  }

  // What was found of the shown method's maps: a caution names its method in brackets, and one
  // that names none holds for all.
  cautions() {
    const { scores, methods } = this.classifier;
    const others = Object.entries(methods).filter(([name]) => name !== this.shown.method);
    const isOfAnother = (caution) => others.some(([, title]) => caution.includes(`(${title})`));
    return (scores?.cautions ?? []).filter((caution) => !isOfAnother(caution)).map(sentence);
  }

  showScores() {
    const scored = this.classifier.scores;
    const found = scored?.methods[this.shown.method];
    const title = this.classifier.methods[this.shown.method];
    const rows = Object.entries(found?.scores ?? {});
    list("map-cautions", this.cautions());
    element("scores").hidden = rows.length === 0;
    const why = scored?.not_scored[this.shown.method];
    const unscored = `${title} was not scored on this classifier${why ? `: ${why}` : ""}`;
    say("not-scored", rows.length === 0 ? sentence(unscored) : "");
    element("scores-title").textContent = scoredOn(title, found, scored);
    element("scores-rows").replaceChildren(
      ...rows.map(([name, estimate]) => {
        const head = made("th", { text: this.classifier.scoreTitles[name] ?? name });
        head.scope = "row";
        return made("tr", {}, head, made("td", { className: "number", text: estimateInWords(estimate) }));
      }),
    );
  }

  note(text) {
    say("map-note", sentence(text));
  }

  put(layer) {
    this.layer = layer;
    this.draw();
  }

  toggle() {
    this.seen = !this.seen;
    this.draw();
  }

  // How opaque the map is drawn, in [0, 1].
  get opacity() {
    return this.seen ? element("opacity").value / 100 : 0;
  }

  draw() {
    element("opacity-value").textContent = this.seen ? `${element("opacity").value} %` : "hidden";
    this.view.setHeat(this.layer, this.opacity);
  }
}

export function scoredOn(title, found, scored) {
  if (!found) return "";
  const where = scored.data ? ` (${scored.data})` : "";
  return `${title} scored on ${counted(found.n_films, "film")}${where}`;
}
