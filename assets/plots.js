// What is drawn over the two plots: rings and threads on the map, the mark on the distances.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const SVG = "http://www.w3.org/2000/svg";

  // Call `then` with a graph's element once plotly has drawn it.
  dxr.whenDrawn = (id, then) => {
    const look = () => {
      const plot = document.querySelector(`#${id} .js-plotly-plot`);
      if (plot && plot._fullLayout && plot._fullLayout.xaxis && plot.on) then(plot);
      else requestAnimationFrame(look);
    };
    look();
  };

  const shape = (name, attributes = {}) => {
    const one = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
    return one;
  };
  dxr.shape = shape;

  // Between map coordinates and pixels of the stage; `perX` and `perY` are pixels of one unit of the map.
  dxr.scales = (graph = dxr.ids.map) => {
    const plot = document.querySelector(`#${graph} .js-plotly-plot`);
    const layout = plot && plot._fullLayout;
    if (!layout || !layout.xaxis || !layout.xaxis._length) return null;
    const { xaxis, yaxis } = layout;
    const [[x0, x1], [y0, y1]] = [xaxis.range, yaxis.range];
    const [perX, perY] = [xaxis._length / (x1 - x0), yaxis._length / (y1 - y0)];
    return {
      plot,
      perX,
      perY,
      toScreen: (x, y) => [xaxis._offset + (x - x0) * perX, yaxis._offset + (y1 - y) * perY],
      toMap: (left, top) => [x0 + (left - xaxis._offset) / perX, y1 - (top - yaxis._offset) / perY],
      view: [x0, x1, y0, y1],
    };
  };

  // Where the images are: on the map, or in the cells of the mosaic.
  dxr.coordinates = () => {
    const s = dxr.selection();
    const space = s && encodeURIComponent(s.space);
    return s && dxr.numbers(`coordinates/${dxr.facts().version}/${space}/${s.layout}/${s.arrangement}.f32`, 2);
  };

  const overlays = [];
  dxr.onOverlay = (draw) => overlays.push(draw); // another map's, drawn together with this one's

  let waiting = false;
  dxr.drawOverlay = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
      for (const one of overlays) one();
    });
  };

  function draw() {
    const s = dxr.selection();
    if (!s) return;
    // a polygon means nothing on another layout than the one it was drawn on; what it selected stays selected
    const own = [`${s.layout} ${s.arrangement}`, `${s.layout} ${s.arrangement} ${s.space}`].includes(s.drawn_on);
    const lasso = dxr.drawing(dxr.ids.map) || (own ? s.lasso : []);
    const near = dxr.neighboursOnMap(s);
    const box = dxr.element(dxr.ids.mapOverlay);
    dxr.drawOver(box, dxr.scales(), dxr.coordinates(), { lasso, ...near, boxOf: dxr.pictureBox });
    if (box && box.firstElementChild) box.firstElementChild.dataset.arrangement = s.arrangement;
  }

  // Draw over a map: the lasso, threads from the image in focus to its neighbours, rings round it and the one under the
  // pointer. `places` finds where an image is on the map, `boxOf` the picture that stands for it.
  dxr.drawOver = (box, scales, places, { lasso, rows, far, boxOf }) => {
    const s = dxr.selection();
    if (!box || !scales || !s) return;
    let svg = box.firstElementChild;
    if (!svg) {
      svg = shape("svg", { "aria-hidden": "true" });
      box.append(svg);
    }
    const place = (row) => {
      const found = places.at(row);
      return found && scales.toScreen(...found);
    };
    const parts = [];
    if (lasso.length) {
      const corners = lasso.map(([x, y]) => scales.toScreen(x, y).map((p) => p.toFixed(1)).join(","));
      parts.push(shape("polygon", { class: "lasso", points: corners.join(" ") }));
    }
    const focus = s.focus === null ? null : place(s.focus);
    if (focus) {
      for (const row of rows) threads(parts, focus, place(row), far.has(row));
      ring(parts, "focus", boxOf(s.focus), focus, 9);
    }
    const under = dxr.underPointer();
    const hover = under && under.row !== undefined ? place(under.row) : null;
    if (hover) ring(parts, "hover", boxOf(under.row), hover, 8);
    svg.replaceChildren(...parts);
  };

  function threads(parts, [x1, y1], end, isFar) {
    if (!end) return;
    const [x2, y2] = end;
    const more = isFar ? " far" : "";
    parts.push(shape("line", { class: "under", x1, y1, x2, y2 }));
    parts.push(shape("line", { class: `thread${more}`, x1, y1, x2, y2 }));
    if (isFar) parts.push(shape("circle", { class: "near halo", cx: x2, cy: y2, r: 6 }));
    parts.push(shape("circle", { class: `near${more}`, cx: x2, cy: y2, r: isFar ? 6 : 4 }));
  }

  // A ring round a point, or a frame round the picture that stands for the image.
  function ring(parts, name, box, [cx, cy], r) {
    for (const one of [`${name} halo`, name]) {
      if (!box) parts.push(shape("circle", { class: one, cx, cy, r }));
      else {
        const [x, y, width, height] = [box.left - 2, box.top - 2, box.width + 4, box.height + 4];
        parts.push(shape("rect", { class: one, x, y, width, height, rx: box.rounding + 2 }));
      }
    }
  }

  // Mark a distance on the shared axis of histogram and violins; null takes the mark away.
  dxr.markDistance = (value) => {
    const box = dxr.element(dxr.ids.distancesOverlay);
    const plot = document.querySelector(`#${dxr.ids.distances} .js-plotly-plot`);
    const layout = plot && plot._fullLayout;
    if (!box || !layout || !layout.xaxis || !layout.yaxis2) return;
    let mark = box.firstElementChild;
    if (!mark) {
      mark = document.createElement("div");
      mark.className = "distance-mark";
      mark.append(document.createElement("span"));
      box.append(mark);
    }
    const { xaxis, _size } = layout;
    const at = value === null ? NaN : xaxis._offset + xaxis.l2p(value);
    mark.hidden = !(at >= xaxis._offset - 1 && at <= xaxis._offset + xaxis._length + 1);
    if (mark.hidden) return;
    mark.style.left = `${at}px`;
    mark.style.top = `${_size.t}px`;
    mark.style.height = `${_size.h}px`;
    mark.firstElementChild.textContent = value.toFixed(3);
    mark.classList.toggle("right", at > xaxis._offset + xaxis._length / 2);
  };

  // By then every script has been read, in whatever order.
  document.addEventListener("DOMContentLoaded", () => {
    dxr.onChange(() => dxr.drawOverlay());
    dxr.whenDrawn(dxr.ids.map, (plot) => {
      const moved = () => {
        dxr.drawLayers();
        dxr.drawOverlay();
      };
      plot.on("plotly_relayouting", moved);
      plot.on("plotly_afterplot", moved);
      new ResizeObserver(moved).observe(plot);
      new MutationObserver(() => dxr.drawOverlay()).observe(dxr.element(dxr.ids.neighbours), {
        childList: true,
        subtree: true, // the panel keeps its elements from one image to the next
      });
    });
  });
})();
