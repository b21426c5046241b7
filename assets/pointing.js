// The pointer on a map: a picture under it wins over the nearest point that plotly finds.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const CLICK_PX = 5; // less movement than this is a click

  // The rows of a map's points where only some are drawn; null where a point's number is its row.
  const drawn = new WeakMap(); // plot -> {steps, rows}
  dxr.drawnRows = (plot = document.querySelector(`#${dxr.ids.map} .js-plotly-plot`)) => {
    const steps = (plot && plot.layout && plot.layout.meta && plot.layout.meta.steps) || null;
    if (!steps) return null;
    if (drawn.get(plot)?.steps !== steps) {
      let row = 0;
      drawn.set(plot, { steps, rows: Int32Array.from(steps, (step) => (row += step)) });
    }
    return drawn.get(plot).rows;
  };

  function rowOf(found, plot) {
    if (!found || found.curveNumber !== 0) return null;
    const rows = dxr.drawnRows(plot);
    return rows ? rows[found.pointNumber] : found.pointNumber;
  }

  // The picture at a place of the stage: {row, box}; null where there is none.
  dxr.pictureAt = (x, y) => dxr.markAt(x, y) || dxr.cellAt(x, y);

  // Listen to the pointer on a map; `pictureAt` finds the picture at a place of its stage.
  dxr.pointOn = (stage, plot, pictureAt) => {
    let picture = null; // the row of the picture under the pointer
    let point = null; // the row and place of the point that plotly finds under it
    let pressed = null;

    function stagePlace(event) {
      const box = stage.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top, box };
    }

    function move(event) {
      if (event.pointerType === "touch" || dxr.drawing()) return;
      const { x, y, box } = stagePlace(event);
      const found = event.buttons ? null : pictureAt(x, y);
      const row = found ? found.row : null;
      if (row === picture) return;
      picture = row;
      stage.classList.toggle("on-point", row !== null || point !== null);
      if (found) {
        const left = box.left + found.box.left;
        const at = { left, right: left + found.box.width, y: box.top + found.box.top + found.box.height / 2 };
        dxr.hover({ row }, at);
      } else if (point && !event.buttons) dxr.hover({ row: point.row }, point.at);
      else dxr.leave();
    }

    function gone() {
      if (picture === null) return;
      picture = null;
      stage.classList.remove("on-point");
      dxr.leave();
    }

    function press(event) {
      const pans = stage.dataset.tool === "pan";
      pressed = pans && event.button === 0 ? stagePlace(event) : null;
    }

    function release(event) {
      if (!pressed) return;
      const { x, y } = stagePlace(event);
      const still = Math.hypot(x - pressed.x, y - pressed.y) < CLICK_PX;
      pressed = null;
      const found = still && pictureAt(x, y);
      if (found) dxr.follow(`r${found.row}`);
    }

    stage.addEventListener("pointermove", move);
    stage.addEventListener("pointerleave", gone);
    stage.addEventListener("pointerdown", press, { capture: true });
    window.addEventListener("pointerup", release, { capture: true }); // plotly covers the page while it drags
    plot.on("plotly_hover", (data) => {
      const row = rowOf(data.points[0], plot);
      if (row === null || dxr.drawing()) return;
      const { clientX, clientY } = data.event;
      point = { row, at: { left: clientX, right: clientX, y: clientY } };
      if (picture !== null) return;
      stage.classList.add("on-point");
      dxr.hover({ row }, point.at);
    });
    plot.on("plotly_unhover", () => {
      point = null;
      if (picture !== null) return;
      stage.classList.remove("on-point");
      dxr.leave();
    });
    plot.on("plotly_click", (data) => {
      const row = rowOf(data.points[0], plot);
      const { x, y } = stagePlace(data.event);
      if (row !== null && !pictureAt(x, y)) dxr.follow(`r${row}`);
    });
  };

  // By then every script has been read, in whatever order.
  document.addEventListener("DOMContentLoaded", () =>
    dxr.whenDrawn(dxr.ids.map, (plot) => dxr.pointOn(dxr.element(dxr.ids.mapStage), plot, dxr.pictureAt)),
  );
})();
