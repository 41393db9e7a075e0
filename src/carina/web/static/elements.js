// The elements of the page by their id, and new ones. Whatever comes from a file or from the
// server enters as text or as a picture, never as HTML.

export function element(id) {
  return document.getElementById(id);
}

export function made(tag, { className = "", text = "" } = {}, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  node.append(...children);
  return node;
}

// A file's name: in a direction of its own, whatever stands around it.
export function named(name, className = "") {
  return made("bdi", { className, text: name });
}

// A sentence's parts, in which a file's name stands in a direction of its own.
export function withName(text, name) {
  const [before, ...after] = text.split(name);
  return after.length === 0 ? [text] : [before, named(name), after.join(name)];
}

// Show a text in an element, and hide the element while there is none.
export function say(id, text) {
  const node = element(id);
  node.textContent = text;
  node.hidden = !text;
}

export function list(id, texts) {
  element(id).replaceChildren(...texts.map((text) => made("li", { text })));
}

export function pictureAddress(base64) {
  return `data:image/png;base64,${base64}`;
}

export function bytesOf(base64) {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let place = 0; place < binary.length; place += 1) bytes[place] = binary.charCodeAt(place);
  return bytes;
}

// What a screen reader is told; the same text twice is told twice.
export function announce(text) {
  const status = element("status");
  status.textContent = "";
  requestAnimationFrame(() => {
    status.textContent = text;
  });
}
