// Grey PNG files of 8 or 16 bit, decoded to their exact levels. A browser's own decoder gives
// 8 bits, and some browsers change the pixels that a script reads back from a canvas.
// PNG specification (W3C, third edition): sections 5 (chunks), 9 (filters), 11.2.1 (IHDR).

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

// Return { width, height, levels }: levels is a Uint16Array, 0 black and 65535 white.
export async function decodeGreyPng(bytes) {
  const { width, height, depth, compressed } = chunksOf(bytes);
  const sample = depth / 8;
  const stride = width * sample;
  const rows = await inflated(compressed);
  if (rows.length !== height * (stride + 1)) throw new Error("the film's picture is damaged");
  const levels = new Uint16Array(width * height);
  let above = new Uint8Array(stride);
  for (let row = 0; row < height; row += 1) {
    const start = row * (stride + 1) + 1;
    const current = rows.subarray(start, start + stride);
    unfilter(rows[start - 1], current, above, sample);
    const first = row * width;
    if (sample === 2) {
      for (let x = 0; x < width; x += 1) levels[first + x] = (current[2 * x] << 8) | current[2 * x + 1];
    } else {
      for (let x = 0; x < width; x += 1) levels[first + x] = current[x] * 257;
    }
    above = current;
  }
  return { width, height, levels };
}

function chunksOf(bytes) {
  if (SIGNATURE.some((byte, place) => bytes[place] !== byte)) {
    throw new Error("the film's picture is no PNG");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const compressed = [];
  let header = null;
  for (let place = 8; place + 12 <= bytes.length; ) {
    const length = view.getUint32(place);
    const kind = String.fromCharCode(...bytes.subarray(place + 4, place + 8));
    const data = bytes.subarray(place + 8, place + 8 + length);
    if (kind === "IHDR") {
      header = { width: view.getUint32(place + 8), height: view.getUint32(place + 12), depth: data[8] };
      const [colour, interlace] = [data[9], data[12]];
      if (colour !== 0 || interlace !== 0 || ![8, 16].includes(header.depth)) {
        throw new Error("the film's picture is not plain grey");
      }
    }
    if (kind === "IDAT") compressed.push(data);
    place += 12 + length;
  }
  if (header === null) throw new Error("the film's picture is damaged");
  return { ...header, compressed };
}

async function inflated(pieces) {
  const stream = new Blob(pieces).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Undo a row's filter in place; `above` is the row before, unfiltered.
function unfilter(filter, row, above, sample) {
  const before = (place) => (place >= sample ? row[place - sample] : 0);
  switch (filter) {
    case 0:
      return;
    case 1:
      for (let place = sample; place < row.length; place += 1) row[place] += row[place - sample];
      return;
    case 2:
      for (let place = 0; place < row.length; place += 1) row[place] += above[place];
      return;
    case 3:
      for (let place = 0; place < row.length; place += 1) {
        row[place] += (before(place) + above[place]) >> 1;
      }
      return;
    case 4:
      for (let place = 0; place < row.length; place += 1) {
        const corner = place >= sample ? above[place - sample] : 0;
        row[place] += paeth(before(place), above[place], corner);
      }
      return;
    default:
      throw new Error("the film's picture is damaged");
  }
}

function paeth(left, up, corner) {
  const guess = left + up - corner;
  const [toLeft, toUp, toCorner] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}
