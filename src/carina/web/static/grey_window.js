// Window and level: which of a film's 65,536 grey levels a screen's 256 show.

export const DEEPEST = 65535;
export const WHOLE = Object.freeze({ width: DEEPEST, level: DEEPEST / 2, inverted: false });
const NARROWEST = 64;

export function limited({ width, level, inverted }) {
  return {
    width: Math.min(DEEPEST, Math.max(NARROWEST, Math.round(width))),
    level: Math.min(DEEPEST, Math.max(0, level)),
    inverted,
  };
}

// Return the colour of each level as a Uint32Array for an ImageData (opaque grey; the three
// colours are alike, so the order of bytes matters only for the opacity).
export function colours({ width, level, inverted }) {
  const opaque = littleEndian() ? 0xff000000 : 0x000000ff;
  const shift = littleEndian() ? 0 : 8;
  const table = new Uint32Array(DEEPEST + 1);
  const darkest = level - width / 2;
  for (let value = 0; value <= DEEPEST; value += 1) {
    const share = Math.min(1, Math.max(0, (value - darkest) / width));
    const grey = Math.round(255 * (inverted ? 1 - share : share));
    table[value] = (((grey << 16) | (grey << 8) | grey) << shift) | opaque;
  }
  return table;
}

// Paint levels (Uint16Array) into an ImageData of as many pixels.
export function paint(levels, image, window) {
  const table = colours(window);
  const pixels = new Uint32Array(image.data.buffer);
  for (let place = 0; place < levels.length; place += 1) pixels[place] = table[levels[place]];
}

// A level in the grey values of a film of that many bits.
export function inBits(level, bits) {
  return Math.round((level / DEEPEST) * (2 ** Math.min(bits, 16) - 1));
}

function littleEndian() {
  return new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
}
