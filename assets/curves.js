// The rank curves: what the summary knows of them, the rows' own, and the hovered image on all of them.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const ROW_PAD = 3; // of a row's curve, in pixels

  // ---- What the summary's plot knows: a line for each query, and the axes.

  const plotOf = () => document.querySelector(`#${dxr.ids.ranks} .js-plotly-plot`);

  dxr.curveLines = () => {
    const plot = plotOf();
    const lines = new Map();
    for (const trace of (plot && plot._fullData) || [])
      if (trace.meta && trace.meta.key) lines.set(trace.meta.key, { x: trace.x || [], y: trace.y || [] });
    for (const trace of (plot && plot._fullData) || [])
      if (trace.meta && trace.meta.band && lines.has(trace.meta.band))
        lines.get(trace.meta.band).band = { x: trace.x, y: trace.y };
    return lines;
  };

  dxr.axes = () => {
    const plot = plotOf();
    const layout = plot && plot._fullLayout;
    if (!layout || !layout.xaxis || !layout.xaxis._length || !layout.yaxis) return null;
    const { xaxis, yaxis } = layout;
    return {
      left: xaxis._offset,
      width: xaxis._length,
      top: yaxis._offset,
      height: yaxis._length,
      x: (rank) => xaxis._offset + xaxis.d2p(rank),
      y: (value) => yaxis._offset + yaxis.l2p(value),
      rank: (px) => xaxis.p2d(px - xaxis._offset),
      log: xaxis.type === "log",
      range: yaxis.range,
      references: (layout.shapes || []).map((shape) => shape.y0),
    };
  };

  // The height of a curve at a rank between two of its points.
  dxr.heightAt = ({ x, y }, rank) => {
    let [low, high] = [0, x.length - 1];
    if (rank <= x[0]) return y[0];
    if (rank >= x[high]) return y[high];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (x[middle] <= rank) low = middle;
      else high = middle;
    }
    const share = (rank - x[low]) / (x[high] - x[low]);
    return y[low] + share * (y[high] - y[low]);
  };

  // Where a rank stands on a row's curve, 0..1; the scale is the summary's.
  function placeOf(rank, last, log) {
    if (last <= 1) return 0;
    return log ? Math.log(rank) / Math.log(last) : (rank - 1) / (last - 1);
  }
  dxr.rankAtShare = (share, last, log) => (log ? Math.exp(share * Math.log(last)) : 1 + share * (last - 1));

  dxr.lastRank = () => {
    const curves = [...dxr.curveLines().values()].filter(({ x }) => x.length).map(({ x }) => x[x.length - 1]);
    return curves.length ? Math.max(1, ...curves) : Number(dxr.facts().images); // none is drawn yet
  };

  // ---- The rows' curves, drawn when the summary has been.

  dxr.rankRows = () => [...document.querySelectorAll(`#${dxr.ids.rows} > .rank-row[data-key]`)];

  dxr.drawRankRows = () => {
    const scale = dxr.axes();
    const lines = dxr.curveLines();
    const last = dxr.lastRank();
    for (const row of dxr.rankRows()) {
      const box = row.querySelector(".rank-curve");
      const line = lines.get(row.dataset.key);
      if (!box || !scale || !line || !line.x.length) continue;
      const [width, height] = [box.clientWidth, box.clientHeight];
      if (!width) continue;
      const [bottom, top] = scale.range;
      const x = (rank) => placeOf(rank, last, scale.log) * width;
      const y = (value) => ROW_PAD + (1 - (value - bottom) / (top - bottom)) * (height - 2 * ROW_PAD);
      const path = ({ x: ranks, y: values }) =>
        Array.from(ranks, (rank, i) => `${i ? "L" : "M"}${x(rank).toFixed(1)} ${y(values[i]).toFixed(1)}`).join("");
      const svg = dxr.shape("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
      for (const at of scale.references)
        svg.append(dxr.shape("line", { class: "reference", x1: 0, x2: width, y1: y(at), y2: y(at) }));
      if (line.band) svg.append(dxr.shape("path", { class: "curve-band", d: path(line.band) }));
      svg.append(dxr.shape("rect", { class: "brush", y: 0, height }));
      svg.append(dxr.shape("path", { class: `curve ${row.dataset.dash}`, d: path(line) }));
      svg.append(dxr.shape("circle", { class: "dot", r: 4.5, cx: -20, cy: -20 }));
      box.replaceChildren(svg);
      box.scale = { x, y, line, last, log: scale.log, width };
    }
  };

  // ---- The image under the pointer, at its rank on every curve.

  dxr.markHovered = () => {
    const under = dxr.underPointer();
    const item = under && (under.row !== undefined ? under.row : under.item);
    const scale = dxr.axes();
    const lines = dxr.curveLines();
    const dots = [];
    for (const row of dxr.rankRows()) {
      const { key } = row.dataset;
      const line = lines.get(key);
      const box = row.querySelector(".rank-curve");
      const dot = box && box.querySelector(".dot");
      if (!dot || !line || !line.x.length) continue;
      const rank = item === undefined || item === null ? 0 : dxr.rankFor(key, under);
      if (!rank) {
        dot.setAttribute("cx", -20);
        continue;
      }
      const value = dxr.heightAt(line, rank);
      dot.setAttribute("cx", box.scale.x(Math.min(rank, box.scale.last)));
      dot.setAttribute("cy", box.scale.y(value));
      if (scale) {
        const place = { cx: scale.x(rank), cy: scale.y(value), r: 5.5 };
        dots.push(dxr.shape("circle", { class: "dot", ...place, style: `--query: ${row.style.getPropertyValue("--query")}` }));
      }
    }
    const group = document.querySelector(`#${dxr.ids.ranksOverlay} .dots`);
    if (group) group.replaceChildren(...dots);
  };

  // The rank of what the pointer is on for a query: outside images count only for queries of their own set.
  dxr.rankFor = (key, under) => {
    const ranking = dxr.ranking(key);
    if (under.row !== undefined) return ranking.rank(under.row);
    return under.item !== undefined && key.split(".")[1] === under.set ? ranking.rank(under.item) : 0;
  };
})();
