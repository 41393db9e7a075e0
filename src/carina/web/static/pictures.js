// The films' pictures and heat maps, decoded; those of the last few films are kept.

import { Problem, ask } from "./ask.js";
import { bytesOf } from "./elements.js";
import { decodeGreyPng } from "./grey_png.js";

const KEPT = 4; // a film of 2,048 pixels takes 8 MB here

export class Pictures {
  constructor() {
    this.entries = new Map(); // film id -> { levels: promise, heats: key -> promise }
  }

  // Keep the picture that came with an answer, in base64.
  take(film, levels) {
    this.entryOf(film).levels = decodeGreyPng(bytesOf(levels));
  }

  // Return a film's levels: { width, height, levels }.
  levelsOf(film, signal) {
    const entry = this.entryOf(film);
    entry.levels ??= forgotten(this.asked(film, { film: "levels" }, signal), () => {
      entry.levels = undefined;
    }).then((answer) => decodeGreyPng(bytesOf(answer.levels_png)));
    return entry.levels;
  }

  // Return a heat map: { layer: image or null, note: why there is none }.
  heatOf(film, { label, method }, signal) {
    const { heats } = this.entryOf(film);
    const name = key(label, method);
    if (!heats.has(name)) {
      const query = { explain: "true", film: "none", class: label, method };
      const asked = forgotten(this.asked(film, query, signal), () => heats.delete(name));
      heats.set(name, asked.then((answer) => layer(answer.heat_map_png, answer.heat_map_note)));
    }
    return heats.get(name);
  }

  clear() {
    this.entries.clear();
  }

  async asked(film, query, signal) {
    const body = await ask(film.file, { query, signal });
    const [answer] = body.predictions;
    if (answer.sha256 !== film.answer.sha256) {
      throw new Problem("file", "the file was changed since it was answered; drop it again");
    }
    if (answer.explained && body.classifier.digest !== film.classifier.digest) {
      throw new Problem("server", "the server has taken up another classifier since; drop the film again");
    }
    return answer;
  }

  entryOf(film) {
    const entry = this.entries.get(film.id) ?? { levels: undefined, heats: new Map() };
    this.entries.delete(film.id); // to the end: the first is the one not seen for longest
    this.entries.set(film.id, entry);
    for (const id of [...this.entries.keys()].slice(0, -KEPT)) this.entries.delete(id);
    return entry;
  }
}

function key(label, method) {
  return JSON.stringify([label, method]);
}

async function layer(base64, note) {
  if (!base64) return { layer: null, note };
  const blob = new Blob([bytesOf(base64)], { type: "image/png" });
  return { layer: await createImageBitmap(blob), note: "" };
}

// A question that failed is forgotten, so that it can be asked again.
async function forgotten(promise, forget) {
  try {
    return await promise;
  } catch (error) {
    forget();
    throw error;
  }
}
