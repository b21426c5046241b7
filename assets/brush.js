// The one brush over the ranks of all curves: where it is, how it is drawn, keys and typed ranks.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const MOST_WIDTH = 50; // ranks in the brush; state.py has the same number

  // ---- The brush: integer ranks, clamped, the same everywhere.

  let live = null; // while it is dragged: {first, width}; then it goes into the selection
  const brushListeners = [];

  dxr.brushMoves = () => live !== null;
  dxr.onBrush = (listener) => brushListeners.push(listener);
  dxr.brush = () => live || { first: dxr.selection().first, width: dxr.selection().width };

  function clamped({ first, width }) {
    const last = dxr.lastRank();
    const wide = Math.min(Math.max(Math.round(width), 1), MOST_WIDTH, last);
    return { first: Math.min(Math.max(Math.round(first), 1), last - wide + 1), width: wide };
  }

  // Move the brush; `done` keeps it in the selection and so in the address.
  dxr.setBrush = (wanted, { done = true } = {}) => {
    const next = clamped({ ...dxr.brush(), ...wanted });
    live = next;
    dxr.showBrush();
    if (!done) return;
    live = null;
    dxr.change(next);
  };

  dxr.showBrush = () => {
    const brush = dxr.brush();
    for (const [id, value] of [["brushFirst", brush.first], ["brushWidth", brush.width]]) {
      const field = dxr.element(dxr.ids[id]);
      if (field !== document.activeElement) field.value = value;
    }
    dxr.drawRanks();
    for (const listener of brushListeners) listener(brush);
  };

  dxr.stepBrush = (by) => dxr.setBrush({ first: dxr.brush().first + by });

  // ---- How it looks.

  // Draw the brush on the summary and on every row.
  dxr.drawBrush = () => {
    drawSummary();
    for (const row of dxr.rankRows()) drawRowBrush(row, dxr.brush());
  };

  function drawSummary() {
    const box = dxr.element(dxr.ids.ranksOverlay);
    const scale = dxr.axes();
    if (!box || !scale) return;
    let svg = box.querySelector("svg");
    if (!svg) {
      svg = dxr.shape("svg", { "aria-hidden": "true" });
      svg.append(dxr.shape("rect", { class: "brush" }), dxr.shape("g", { class: "dots" }));
      box.append(svg);
    }
    box.hidden = !dxr.curveLines().size; // without a curve there are no ranks
    const { first, width } = dxr.brush();
    const [from, to] = dxr.brushEnds(scale.x, first, width);
    const rect = svg.querySelector(".brush");
    const place = { x: from, y: scale.top, width: to - from, height: scale.height };
    for (const [key, value] of Object.entries(place)) rect.setAttribute(key, value);
    const handle = box.querySelector(".brush-handle") || newHandle(box);
    handle.style.left = `${from}px`;
    handle.style.width = `${to - from}px`;
    handle.style.top = `${scale.top}px`;
    handle.style.height = `${scale.height}px`;
    handle.setAttribute("aria-valuenow", first);
    handle.setAttribute("aria-valuemax", dxr.lastRank());
    handle.setAttribute("aria-valuetext", `ranks ${first} to ${first + width - 1}`);
  }

  // A rank reaches half-way to its neighbours; wide enough to be seen and taken hold of.
  dxr.brushEnds = (x, first, width) => {
    const [from, to] = [x(Math.max(first - 0.5, 0.96)), x(first + width - 0.5)];
    const missing = Math.max(0, 6 - (to - from)) / 2;
    return [from - missing, to + missing];
  };

  function drawRowBrush(row, { first, width }) {
    const box = row.querySelector(".rank-curve");
    const rect = box && box.querySelector(".brush");
    if (!rect) return;
    const { x, last } = box.scale;
    const end = Math.min(first + width - 0.5, last);
    const [from, to] = [x(Math.max(first - 0.5, 1)), x(Math.max(end, 1))];
    rect.setAttribute("x", from - 1);
    rect.setAttribute("width", Math.max(to - from, 1) + 2);
  }

  // ---- Keys.

  function newHandle(box) {
    const handle = document.createElement("div");
    handle.className = "brush-handle";
    handle.tabIndex = 0;
    handle.setAttribute("role", "slider");
    handle.setAttribute("aria-label", "Brush over the ranks");
    handle.setAttribute("aria-valuemin", 1);
    handle.addEventListener("keydown", brushKey);
    box.append(handle);
    return handle;
  }

  function brushKey(event) {
    const { first, width } = dxr.brush();
    const far = event.shiftKey ? 10 : 1;
    const moves = {
      ArrowRight: { first: first + far },
      ArrowLeft: { first: first - far },
      ArrowUp: { width: width + far },
      ArrowDown: { width: width - far },
      PageDown: { first: first + width },
      PageUp: { first: first - width },
      Home: { first: 1 },
      End: { first: dxr.lastRank() },
    };
    if (!moves[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    dxr.setBrush(moves[event.key]);
  }

  // ---- Typed ranks.

  function typed(event) {
    const field = event.target;
    const key = { [dxr.ids.brushFirst]: "first", [dxr.ids.brushWidth]: "width" }[field.id];
    if (!key) return;
    const value = Number.parseInt(field.value, 10);
    if (Number.isFinite(value)) dxr.setBrush({ [key]: value });
    field.value = dxr.brush()[key];
  }
  document.addEventListener("change", typed);
  document.addEventListener("keydown", (event) => {
    if (![dxr.ids.brushFirst, dxr.ids.brushWidth].includes(event.target.id)) return;
    if (event.key === "Enter") {
      event.preventDefault(); // the field has one line
      typed(event);
    }
    if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      event.preventDefault();
      const key = event.target.id === dxr.ids.brushFirst ? "first" : "width";
      dxr.setBrush({ [key]: dxr.brush()[key] + (event.key === "ArrowUp" ? 1 : -1) });
      event.target.value = dxr.brush()[key];
    }
  });
})();
