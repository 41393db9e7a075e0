// The strip of films: a thumbnail, a name and an answer for each; arrow keys walk along it.

import { element, made, named, pictureAddress } from "./elements.js";
import { MOST_FILMS } from "./films.js";
import { counted, percent } from "./words.js";

const MARKS = { queued: "…", sending: "…", waiting: "…", failed: "!" };

export class Strip {
  constructor(films) {
    this.films = films;
    this.box = element("films");
    this.items = new Map(); // film id -> its element
    this.box.addEventListener("keydown", (event) => this.walk(event));
    this.box.addEventListener("click", (event) => {
      const item = event.target.closest("[role=option]");
      if (item) this.choose(item);
    });
  }

  // Show every film as it is now.
  show() {
    const { all, chosen } = this.films;
    element("tray").hidden = all.length === 0;
    this.box.hidden = all.length < 2; // one film has its answer beside it
    if (all.length === 0) this.empty(); // films leave all at once
    for (const film of all) this.showOne(film, film === chosen);
    element("progress").textContent = progress(this.films);
    element("again").hidden = !this.films.canBeSentAgain;
    element("save").disabled = this.films.count("answered") + this.films.count("failed") === 0;
  }

  empty() {
    this.box.replaceChildren();
    this.items.clear();
  }

  showOne(film, chosen) {
    const item = this.items.get(film.id) ?? this.added(film);
    const [thumbnail, , answer] = item.children;
    if (item.getAttribute("aria-selected") !== String(chosen)) {
      item.setAttribute("aria-selected", String(chosen));
      item.tabIndex = chosen ? 0 : -1;
    }
    const state = film.answer?.abstained ? "abstained" : film.state;
    if (item.dataset.state === state) return;
    item.dataset.state = state;
    answer.replaceChildren(...shortAnswer(film).map((text) => made("span", { text })));
    if (film.thumbnail) {
      const picture = made("img");
      picture.alt = "";
      picture.src = pictureAddress(film.thumbnail);
      thumbnail.replaceChildren(picture);
    } else {
      thumbnail.replaceChildren(MARKS[film.state] ?? "");
    }
  }

  added(film) {
    const item = made("li", { className: "film" });
    item.setAttribute("role", "option");
    item.dataset.id = String(film.id);
    item.title = film.name;
    const thumbnail = made("span", { className: "thumbnail" });
    thumbnail.setAttribute("aria-hidden", "true");
    item.append(thumbnail, named(film.name, "name"), made("span", { className: "short" }));
    this.items.set(film.id, item);
    this.box.append(item);
    return item;
  }

  walk(event) {
    const items = [...this.box.children];
    const here = items.indexOf(event.target.closest("[role=option]"));
    const steps = {
      ArrowRight: here + 1, ArrowDown: here + 1, ArrowLeft: here - 1, ArrowUp: here - 1,
      Home: 0, End: items.length - 1,
    };
    const next = items[steps[event.key]];
    if (event.key in steps) event.preventDefault();
    if (!next || here < 0) return;
    this.choose(next);
    next.focus();
  }

  choose(item) {
    const film = this.films.all.find(({ id }) => id === Number(item.dataset.id));
    this.films.choose(film);
    item.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}

// The class and its probability, or one word; the class is cut where there is no room for both.
function shortAnswer({ state, answer }) {
  if (state !== "answered") {
    return [{ queued: "queued", sending: "being read", waiting: "waits", failed: "not read" }[state]];
  }
  if (answer.abstained) return ["no answer"];
  return [`${answer.decision} `, percent(answer.probabilities[answer.decision])];
}

export function progress(films) {
  const [answered, failed] = [films.count("answered"), films.count("failed")];
  const done = `${answered} of ${counted(films.all.length, "film")} answered`;
  const wrong = failed > 0 ? `, ${failed} not read` : "";
  const { leftOut, stopped } = films;
  const out = leftOut > 0 ? `; ${counted(leftOut, "file")} left out: ${MOST_FILMS} at once are the most` : "";
  if (!stopped) return `${done}${wrong}${out}`;
  const why = stopped.kind === "token" ? "a token is asked for" : "the server does not answer";
  return `${done}${wrong}${out}; stopped: ${why}`;
}
