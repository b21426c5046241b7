// What changes the map: layout and arrangement, zoom, lasso and box.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const STEP_PX = 4; // the lasso takes a new corner after so many pixels
  const CLICK_PX = 5; // less movement than this is a click
  const MOST_CORNERS = 120; // so that the address stays short

  let tool = "pan";
  let corners = null; // of the lasso or box being drawn, in map coordinates
  let start = null;
  let last = null;
  let where = null; // the map that is drawn on
  const later = {};

  // The corners drawn so far, on one map or on any.
  dxr.drawing = (graph = null) => (corners && (graph === null || where.graph === graph) ? corners : null);

  dxr.useTool = (name) => {
    tool = name;
    for (const id of [dxr.ids.mapStage, dxr.ids.besideStage]) dxr.element(id).dataset.tool = name;
    for (const one of document.querySelectorAll("[data-tool][aria-pressed]"))
      one.setAttribute("aria-pressed", String(one.dataset.tool === name));
  };

  // Show another layout or arrangement: all of it, as a zoom into the one before means nothing here.
  dxr.arrange = (patch) => {
    const s = dxr.selection();
    if (!s || Object.entries(patch).every(([key, value]) => s[key] === value)) return;
    for (const name of Object.keys(later)) clearTimeout(later[name]);
    dxr.change({ ...patch, view: null, beside_view: null, opened: s.opened + 1 }, { step: true });
  };

  function mirror({ layout, arrangement, pictures }) {
    const select = document.querySelector("select[data-do=layout]");
    if (select && select.value !== layout) select.value = layout;
    for (const one of document.querySelectorAll("[data-do=arrangement]"))
      one.setAttribute("aria-pressed", String(one.dataset.arrangement === arrangement));
    const button = document.querySelector("[data-do=pictures]");
    button.setAttribute("aria-pressed", String(pictures));
    button.disabled = arrangement === "mosaic"; // there, everything is a picture
  }

  function place(event) {
    const box = dxr.element(where.stage).getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  const toMap = (spot) => dxr.scales(where.graph).toMap(...spot);

  function begin(event, map) {
    if (tool === "pan" || event.button !== 0 || !dxr.scales(map.graph)) return;
    event.preventDefault();
    event.stopPropagation(); // plotly must not begin to pan
    if (event.type !== "pointerdown") return;
    dxr.leave();
    where = map;
    start = last = place(event);
    corners = [toMap(start)];
    window.addEventListener("pointermove", go);
    window.addEventListener("pointerup", end);
    window.addEventListener("pointercancel", stop);
  }

  function go(event) {
    const spot = place(event);
    if (tool === "box") {
      const [[a, b], [c, d]] = [start, spot];
      corners = [[a, b], [c, b], [c, d], [a, d]].map(toMap);
    } else if (Math.hypot(spot[0] - last[0], spot[1] - last[1]) >= STEP_PX) {
      last = spot;
      corners.push(toMap(spot));
    }
    dxr.drawOverlay();
  }

  function stop() {
    window.removeEventListener("pointermove", go);
    window.removeEventListener("pointerup", end);
    window.removeEventListener("pointercancel", stop);
    corners = null;
    dxr.drawOverlay();
  }

  function end(event) {
    const drawn = corners;
    const [x, y] = place(event);
    stop();
    if (Math.hypot(x - start[0], y - start[1]) < CLICK_PX && drawn.length < 4) return;
    if (drawn.length < 3) return;
    const every = Math.ceil(drawn.length / MOST_CORNERS);
    const lasso = drawn
      .filter((_, i) => i % every === 0)
      .map((corner) => where.own(corner).map((v) => Number(v.toPrecision(5))));
    dxr.change({ lasso, drawn_on: where.drawnOn(dxr.selection()), picked: null }, { step: true });
  }

  function zoomed({ graph, view: name }) {
    clearTimeout(later[name]);
    later[name] = setTimeout(() => {
      const scales = dxr.scales(graph);
      const s = dxr.selection();
      if (!scales || !s) return;
      const view = scales.view.map((v) => Number(v.toPrecision(5)));
      if (JSON.stringify(view) !== JSON.stringify(s[name])) dxr.change({ [name]: view });
    }, 250);
  }

  // Let a map be zoomed and drawn on: its graph, its stage, the name its zoom has in the selection; `own` turns a corner
  // into coordinates of the layout that `drawnOn` names.
  dxr.mapOf = (map, plot) => {
    const stage = dxr.element(map.stage);
    stage.dataset.tool = tool;
    for (const name of ["pointerdown", "mousedown", "touchstart"])
      stage.addEventListener(name, (event) => begin(event, map), { capture: true, passive: false });
    let shape = 0;
    new ResizeObserver(() => {
      clearTimeout(shape);
      shape = setTimeout(dxr.reshape, 120);
    }).observe(stage);
    plot.on("plotly_relayout", (change) => {
      if (Object.keys(change).some((key) => key.startsWith("xaxis.range"))) zoomed(map);
    });
    plot.on("plotly_webglcontextlost", ({ event }) => {
      if (event.target.isConnected) dxr.loseWebGL(); // else plotly has put it away itself
    });
  };

  // By then every script has been read, in whatever order.
  document.addEventListener("DOMContentLoaded", () => {
    dxr.onChange(mirror);
    const first = {
      ...{ graph: dxr.ids.map, stage: dxr.ids.mapStage, view: "view", own: (corner) => corner },
      drawnOn: ({ layout, arrangement }) => `${layout} ${arrangement}`,
    };
    dxr.whenDrawn(first.graph, (plot) => dxr.mapOf(first, plot));
  });
})();
