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

  const shape = (name, attributes) => {
    const one = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
    return one;
  };

  // Between map coordinates and pixels of the stage.
  dxr.scales = () => {
    const plot = document.querySelector(`#${dxr.ids.map} .js-plotly-plot`);
    const layout = plot && plot._fullLayout;
    if (!layout || !layout.xaxis || !layout.xaxis._length) return null;
    const { xaxis, yaxis } = layout;
    return {
      plot,
      toScreen: (x, y) => [xaxis._offset + xaxis.l2p(x), yaxis._offset + yaxis.l2p(y)],
      toMap: (left, top) => [xaxis.p2l(left - xaxis._offset), yaxis.p2l(top - yaxis._offset)],
      view: [...xaxis.range, ...yaxis.range],
    };
  };

  let waiting = false;
  dxr.drawOverlay = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  };

  function draw() {
    const box = dxr.element(dxr.ids.mapOverlay);
    const scales = dxr.scales();
    const s = dxr.selection();
    if (!box || !scales || !s) return;
    let svg = box.firstElementChild;
    if (!svg) {
      svg = shape("svg", { "aria-hidden": "true" });
      box.append(svg);
    }
    const parts = [];
    const known = dxr.coordinates();
    if (!known.values) known.ready.then(() => dxr.drawOverlay());
    const place = (row) => {
      const values = known.values;
      return values && 2 * row + 1 < values.length ? scales.toScreen(values[2 * row], values[2 * row + 1]) : null;
    };
    const lasso = dxr.drawing() || s.lasso;
    if (lasso.length) {
      const corners = lasso.map(([x, y]) => scales.toScreen(x, y).map((p) => p.toFixed(1)).join(","));
      parts.push(shape("polygon", { class: "lasso", points: corners.join(" ") }));
    }
    const focus = s.focus === null ? null : place(s.focus);
    if (focus) {
      for (const thumb of document.querySelectorAll(`#${dxr.ids.neighbours} .grid .thumb[data-row]`)) {
        const end = place(Number(thumb.dataset.row));
        if (!end) continue;
        parts.push(shape("line", { class: "thread", x1: focus[0], y1: focus[1], x2: end[0], y2: end[1] }));
        parts.push(shape("circle", { class: "near", cx: end[0], cy: end[1], r: 4 }));
      }
      parts.push(shape("circle", { class: "focus halo", cx: focus[0], cy: focus[1], r: 9 }));
      parts.push(shape("circle", { class: "focus", cx: focus[0], cy: focus[1], r: 9 }));
    }
    const under = dxr.underPointer();
    const hover = under && under.row !== undefined ? place(under.row) : null;
    if (hover) {
      parts.push(shape("circle", { class: "hover halo", cx: hover[0], cy: hover[1], r: 8 }));
      parts.push(shape("circle", { class: "hover", cx: hover[0], cy: hover[1], r: 8 }));
    }
    svg.replaceChildren(...parts);
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
      plot.on("plotly_relayouting", () => dxr.drawOverlay());
      plot.on("plotly_afterplot", () => dxr.drawOverlay());
      new ResizeObserver(() => dxr.drawOverlay()).observe(plot);
      new MutationObserver(() => dxr.drawOverlay()).observe(dxr.element(dxr.ids.neighbours), { childList: true });
    });
  });
})();
