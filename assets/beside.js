// The map of another space beside the first: one pointer, one lasso, one focus for both; each has its own zoom, since
// the images that are seen on one may lie anywhere on the other.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});

  let turned = { values: null, of: null, by: null }; // all places, turned like the first map; of those as stored
  let marks = null; // thumbnails on the second map, once it is there
  let last = null; // the space that was there last

  const plotOf = () => document.querySelector(`#${dxr.ids.beside} .js-plotly-plot`);

  // What came with the figure: its space, its layout, the six numbers that turn it.
  function meta() {
    const plot = plotOf();
    const said = plot && plot.layout && plot.layout.meta;
    return said && said.space === dxr.selection().beside ? said : null;
  }

  // Show the map of a space beside; "" closes it, null opens the one that was there last, or the next space.
  dxr.showBeside = (space) => {
    const s = dxr.selection();
    if (!s) return;
    const others = [...dxr.element(dxr.ids.besideSpace).options].map((one) => one.value).filter((one) => one && one !== s.space);
    const beside = space === null ? others.find((one) => one === last) || others[0] || null : space || null;
    if (beside === s.beside) return;
    const colour = beside || s.colour !== "disagreement" ? s.colour : dxr.usualColour();
    dxr.change({ beside, colour, beside_view: null, opened: s.opened + 1 }, { step: true });
  };

  function mirror(s) {
    last = s.beside || last;
    const open = Boolean(s.beside);
    const stage = dxr.element(dxr.ids.besideStage);
    stage.hidden = !open;
    stage.closest(".map-body").classList.toggle("pair", open);
    dxr.element(dxr.ids.pairPanel).hidden = !open;
    for (const option of dxr.element(dxr.ids.besideSpace).options) option.hidden = option.value === s.space;
    const [first, second] = document.querySelectorAll(".map-name");
    first.hidden = !open;
    [first.textContent, second.textContent] = [s.space, s.beside || ""];
    if (open && !marks) {
      marks = dxr.marksOn(dxr.ids.besideMarks, places);
      dxr.whenDrawn(dxr.ids.beside, listen);
    }
  }

  // Places of the images on the second map, as its figure has them; null until it is here.
  function places() {
    const said = meta();
    if (!said) return null;
    const { version } = dxr.facts();
    const stored = dxr.numbers(`coordinates/${version}/${encodeURIComponent(said.space)}/${said.layout}/points.f32`, 2);
    const by = said.aligned.join();
    if (turned.of !== stored.values || turned.by !== by)
      turned = { values: stored.values && turnedAll(stored.values), of: stored.values, by };
    const at = (row) => {
      const place = stored.at(row);
      return place && drawn(place);
    };
    return { values: turned.values, at };
  }
  dxr.besidePlaces = places;

  function turnedAll(values) {
    const found = new Float32Array(values.length);
    for (let i = 0; i < values.length; i += 2) [found[i], found[i + 1]] = drawn([values[i], values[i + 1]]);
    return found;
  }

  // From the map as it is drawn to coordinates of the layout as it is stored, and back.
  function own([x, y]) {
    const [a, b, c, d, right, up] = meta().aligned;
    const [u, v, det] = [x - right, y - up, a * d - b * c];
    return [(u * d - v * c) / det, (v * a - u * b) / det];
  }

  function drawn([u, v]) {
    const [a, b, c, d, x, y] = meta().aligned;
    return [u * a + v * c + x, u * b + v * d + y];
  }

  const drawnOn = ({ beside }) => `${meta().layout} points ${beside}`;

  function draw() {
    const s = dxr.selection();
    if (!s || !s.beside) return;
    const known = places();
    if (!known) return;
    const lasso = dxr.drawing(dxr.ids.beside) || (s.drawn_on === drawnOn(s) ? s.lasso.map(drawn) : []);
    // the same neighbours as on the first map: does the neighbourhood stay together, or fall apart?
    const { rows } = dxr.neighboursOnMap(s);
    const over = { lasso, rows, far: new Set(), boxOf: marks.boxOf };
    dxr.drawOver(dxr.element(dxr.ids.besideOverlay), dxr.scales(dxr.ids.beside), known, over);
  }

  function drawAgain() {
    dxr.drawLayers();
    dxr.drawOverlay();
  }

  function listen(plot) {
    const stage = dxr.element(dxr.ids.besideStage);
    const map = { graph: dxr.ids.beside, stage: dxr.ids.besideStage, view: "beside_view", own, drawnOn };
    dxr.mapOf(map, plot);
    dxr.pointOn(stage, plot, marks.at);
    plot.on("plotly_relayouting", drawAgain);
    plot.on("plotly_afterplot", drawAgain);
  }

  // By then every script has been read, in whatever order.
  document.addEventListener("DOMContentLoaded", () => {
    dxr.onChange(mirror);
    dxr.onOverlay(draw);
    dxr.onLayers(() => {
      const said = dxr.selection().beside && meta();
      const scales = dxr.scales(dxr.ids.beside);
      if (!said || !scales) return;
      dxr.drawDensity(dxr.layer(dxr.ids.besideTiles), scales, said.density);
      marks.draw(scales, said);
    });
  });
})();
