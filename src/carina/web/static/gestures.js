// Mouse, touch and keys on the film: wheel and pinch zoom, drag moves, drag with the right
// button sets the window (right: wider, up: brighter).

const STEP = 1.25;
const MOVE = 60; // canvas pixels of one press of an arrow key
const TURN = 1024; // grey levels of one press of an arrow key with Shift

export function watchGestures(stage, view, { toggleHeat }) {
  const fingers = new Map(); // pointer id -> its place in canvas pixels
  let button = 0;

  const placeOf = (event) => {
    const box = stage.getBoundingClientRect();
    const density = view.canvas.width / box.width;
    return { x: (event.clientX - box.left) * density, y: (event.clientY - box.top) * density };
  };

  stage.addEventListener("pointerdown", (event) => {
    if (!view.film || fingers.size === 2) return;
    button = event.button;
    fingers.set(event.pointerId, placeOf(event));
    stage.setPointerCapture(event.pointerId);
    stage.classList.add("held");
  });
  stage.addEventListener("pointermove", (event) => {
    const from = fingers.get(event.pointerId);
    if (!from) return;
    const to = placeOf(event);
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    if (fingers.size === 2) pinch(view, fingers, { moved: event.pointerId, to });
    else if (button === 2) dragWindow(view, dx, dy);
    else view.moveBy(dx, dy);
    fingers.set(event.pointerId, to);
  });
  const release = (event) => {
    fingers.delete(event.pointerId);
    if (fingers.size === 0) stage.classList.remove("held");
  };
  for (const kind of ["pointerup", "pointercancel"]) stage.addEventListener(kind, release);
  stage.addEventListener("contextmenu", (event) => event.preventDefault());
  stage.addEventListener("dblclick", () => (view.fitted ? view.actual() : view.fit()));
  stage.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1);
      view.zoomBy(Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.0018)), placeOf(event));
    },
    { passive: false },
  );
  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !view.film) return;
    const act = event.shiftKey ? shifted(view)[event.key] : undefined;
    const plain = keys(view, toggleHeat)[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act && !plain) return;
    event.preventDefault();
    (act ?? plain)();
  });
}

export function zoomStep(view, sign) {
  view.zoomBy(STEP ** sign);
}

function keys(view, toggleHeat) {
  return {
    "+": () => zoomStep(view, 1),
    "=": () => zoomStep(view, 1),
    "-": () => zoomStep(view, -1),
    _: () => zoomStep(view, -1),
    0: () => view.fit(),
    1: () => view.actual(),
    i: () => view.setWindow({ inverted: !view.window.inverted }),
    r: () => view.resetWindow(),
    h: toggleHeat,
    ArrowLeft: () => view.moveBy(MOVE, 0),
    ArrowRight: () => view.moveBy(-MOVE, 0),
    ArrowUp: () => view.moveBy(0, MOVE),
    ArrowDown: () => view.moveBy(0, -MOVE),
  };
}

function shifted(view) {
  const { width, level } = view.window;
  return {
    ArrowLeft: () => view.setWindow({ width: width - TURN }),
    ArrowRight: () => view.setWindow({ width: width + TURN }),
    ArrowUp: () => view.setWindow({ level: level - TURN }),
    ArrowDown: () => view.setWindow({ level: level + TURN }),
  };
}

function dragWindow(view, dx, dy) {
  // The narrower the window, the finer the drag: a screen's width is twice the window's.
  const { width, level } = view.window;
  const perPixel = Math.max(width, 2048) / 600;
  view.setWindow({ width: width + dx * perPixel, level: level + dy * perPixel });
}

function pinch(view, fingers, { moved, to }) {
  const [still] = [...fingers].filter(([id]) => id !== moved).map(([, place]) => place);
  const from = fingers.get(moved);
  const before = Math.hypot(from.x - still.x, from.y - still.y);
  const after = Math.hypot(to.x - still.x, to.y - still.y);
  const centre = { x: (to.x + still.x) / 2, y: (to.y + still.y) / 2 };
  if (before > 0) view.zoomBy(after / before, centre);
  view.moveBy((to.x - from.x) / 2, (to.y - from.y) / 2);
}
