// The film on a canvas: zoom, movement, window, and the heat map over it.

import { WHOLE, limited, paint } from "./grey_window.js";

const CLOSEST = 16; // screen pixels that one pixel of the picture may fill
const SMOOTH_BELOW = 3; // closer than this its pixels are shown as they are

export class FilmView {
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed; // called after every change, once a frame
    this.film = null;
    this.heat = null;
    this.opacity = 0;
    this.window = WHOLE;
    this.place = { scale: 1, x: 0, y: 0 }; // screen pixels; x and y of the film's corner
    this.fitted = true;
    this.frame = 0;
    this.picture = document.createElement("canvas");
    new ResizeObserver(() => this.resized()).observe(canvas.parentElement);
  }

  // Show a film of decoded levels ({ width, height, levels }), whole and in its own window.
  show(film) {
    this.film = film;
    this.heat = null;
    this.window = WHOLE;
    this.picture.width = film.width;
    this.picture.height = film.height;
    this.image = this.picture.getContext("2d").createImageData(film.width, film.height);
    this.repaint();
    this.fit();
  }

  clear() {
    this.film = null;
    this.heat = null;
    this.stale = false;
    this.draw();
  }

  // Lay a heat map (an image over the whole film, or null) over the film.
  setHeat(heat, opacity) {
    this.heat = heat;
    this.opacity = opacity;
    this.draw();
  }

  setWindow(change) {
    this.window = limited({ ...this.window, ...change });
    this.stale = true;
    this.draw();
  }

  resetWindow() {
    this.setWindow(WHOLE);
  }

  // How many screen pixels one pixel of the picture fills.
  get zoom() {
    return this.place.scale;
  }

  get canvasSize() {
    return { width: this.canvas.width, height: this.canvas.height };
  }

  fit() {
    this.fitted = true;
    if (!this.film) return;
    const { width, height } = this.canvasSize;
    const scale = this.fittingScale();
    this.place = {
      scale,
      x: (width - this.film.width * scale) / 2,
      y: (height - this.film.height * scale) / 2,
    };
    this.draw();
  }

  actual() {
    const { width, height } = this.canvasSize;
    this.zoomTo(1, { x: width / 2, y: height / 2 });
  }

  zoomBy(factor, at = null) {
    this.zoomTo(this.place.scale * factor, at);
  }

  // Zoom so that what is at a place of the canvas (its own pixels) stays there.
  zoomTo(wanted, at = null) {
    if (!this.film) return;
    const { width, height } = this.canvasSize;
    const centre = at ?? { x: width / 2, y: height / 2 };
    const least = Math.min(this.fittingScale(), 1);
    const scale = Math.min(CLOSEST, Math.max(least, wanted));
    const grown = scale / this.place.scale;
    this.fitted = scale <= this.fittingScale() * 1.0001 && wanted < 1;
    if (this.fitted) return void this.fit();
    this.place = {
      scale,
      x: centre.x - (centre.x - this.place.x) * grown,
      y: centre.y - (centre.y - this.place.y) * grown,
    };
    this.moveBy(0, 0);
  }

  // Move by canvas pixels; some of the film always stays in sight.
  moveBy(dx, dy) {
    if (!this.film) return;
    const { width, height } = this.canvasSize;
    const { scale, x, y } = this.place;
    this.place = {
      scale,
      x: kept(x + dx, this.film.width * scale, width),
      y: kept(y + dy, this.film.height * scale, height),
    };
    this.fitted = this.fitted && dx === 0 && dy === 0;
    this.draw();
  }

  resized() {
    const box = this.canvas.parentElement.getBoundingClientRect();
    const density = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(box.width * density), Math.round(box.height * density)];
    if (width === this.canvas.width && height === this.canvas.height) return;
    this.canvas.width = width;
    this.canvas.height = height;
    if (this.fitted) this.fit();
    else this.moveBy(0, 0);
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      if (this.stale) this.repaint();
      const context = this.canvas.getContext("2d");
      context.clearRect(0, 0, this.canvas.width, this.canvas.height);
      if (this.film) this.drawInto(context, this.place, this.heat ? this.opacity : 0);
      this.changed();
    });
  }

  // Draw the film at a place of any context, with the heat map at an opacity in [0, 1].
  drawInto(context, { scale, x, y }, opacity) {
    if (this.stale) this.repaint();
    const [width, height] = [this.film.width * scale, this.film.height * scale];
    context.imageSmoothingEnabled = scale < SMOOTH_BELOW;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.picture, x, y, width, height);
    if (!this.heat || opacity === 0) return;
    context.imageSmoothingEnabled = true;
    context.globalAlpha = opacity;
    context.drawImage(this.heat, x, y, width, height);
    context.globalAlpha = 1;
  }

  repaint() {
    paint(this.film.levels, this.image, this.window);
    this.picture.getContext("2d").putImageData(this.image, 0, 0);
    this.stale = false;
  }

  fittingScale() {
    const { width, height } = this.canvasSize;
    return Math.min(width / this.film.width, height / this.film.height);
  }
}

// Keep a film that is larger than the canvas over it, and a smaller one inside it.
function kept(start, size, room) {
  const [least, most] = size > room ? [room - size, 0] : [0, room - size];
  return Math.min(most, Math.max(least, start));
}
