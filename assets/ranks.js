// The rank curves: one brush over all of them, the rows' curves and filmstrips, and the marks of the hovered image.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const SVG = "http://www.w3.org/2000/svg";
  const MOST_WIDTH = 50; // ranks in the brush; state.py has the same number
  const EDGE_PX = 7; // this near to an edge of the brush, a drag moves the edge
  const FLASH_MS = 1400;
  const ROW_PAD = 3; // of a row's curve, in pixels

  const make = (name, attributes = {}) => {
    const one = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
    return one;
  };

  // ---- The brush: integer ranks, clamped, the same everywhere.

  let live = null; // while it is dragged: {first, width}; then it goes into the selection
  const brushListeners = [];

  dxr.onBrush = (listener) => brushListeners.push(listener);
  dxr.brush = () => live || { first: dxr.selection().first, width: dxr.selection().width };
  dxr.lastRank = () => {
    const curves = [...linesByKey().values()].filter(({ x }) => x.length).map(({ x }) => x[x.length - 1]);
    return curves.length ? Math.max(1, ...curves) : Number(dxr.facts().images); // none is drawn yet
  };

  function clamped({ first, width }) {
    const last = dxr.lastRank();
    const wide = Math.min(Math.max(Math.round(width), 1), MOST_WIDTH, last);
    return { first: Math.min(Math.max(Math.round(first), 1), last - wide + 1), width: wide };
  }

  // Move the brush; `done` keeps it in the selection and so in the address.
  dxr.setBrush = (wanted, { done = true } = {}) => {
    const next = clamped({ ...dxr.brush(), ...wanted });
    live = next;
    showBrush();
    if (!done) return;
    live = null;
    dxr.change(next);
  };

  function showBrush() {
    const brush = dxr.brush();
    for (const [id, value] of [["brushFirst", brush.first], ["brushWidth", brush.width]]) {
      const field = dxr.element(dxr.ids[id]);
      if (field !== document.activeElement) field.value = value;
    }
    draw();
    for (const listener of brushListeners) listener(brush);
  }

  dxr.stepBrush = (by) => dxr.setBrush({ first: dxr.brush().first + by });

  // ---- What the summary's plot knows: a line for each query, and the axes.

  const plotOf = () => document.querySelector(`#${dxr.ids.ranks} .js-plotly-plot`);

  function linesByKey() {
    const plot = plotOf();
    const lines = new Map();
    for (const trace of (plot && plot._fullData) || [])
      if (trace.meta && trace.meta.key) lines.set(trace.meta.key, { x: trace.x || [], y: trace.y || [] });
    for (const trace of (plot && plot._fullData) || [])
      if (trace.meta && trace.meta.band && lines.has(trace.meta.band))
        lines.get(trace.meta.band).band = { x: trace.x, y: trace.y };
    return lines;
  }

  function axes() {
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
  }

  // The height of a curve at a rank between two of its points.
  function heightAt({ x, y }, rank) {
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
  }

  // Where a rank stands on a row's curve, 0..1; the scale is the summary's.
  function placeOf(rank, last, log) {
    if (last <= 1) return 0;
    return log ? Math.log(rank) / Math.log(last) : (rank - 1) / (last - 1);
  }
  const rankAt = (share, last, log) => (log ? Math.exp(share * Math.log(last)) : 1 + share * (last - 1));

  // ---- The rows' curves, drawn when the summary has been.

  const rowsOf = () => [...document.querySelectorAll(`#${dxr.ids.rows} > .rank-row[data-key]`)];

  function drawRows() {
    const scale = axes();
    const lines = linesByKey();
    const last = dxr.lastRank();
    for (const row of rowsOf()) {
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
      const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
      for (const at of scale.references)
        svg.append(make("line", { class: "reference", x1: 0, x2: width, y1: y(at), y2: y(at) }));
      if (line.band) svg.append(make("path", { class: "curve-band", d: path(line.band) }));
      svg.append(make("rect", { class: "brush", y: 0, height }));
      svg.append(make("path", { class: `curve ${row.dataset.dash}`, d: path(line) }));
      svg.append(make("circle", { class: "dot", r: 4.5, cx: -20, cy: -20 }));
      box.replaceChildren(svg);
      box.scale = { x, y, line, last, log: scale.log, width };
    }
  }

  // ---- Everything that moves with the brush and the pointer.

  // At most once a frame, and only what has changed: hovering leaves the filmstrips as they are.
  let waiting = false;
  let brushed = false;
  function draw() {
    brushed = true;
    mark();
  }
  function mark() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      if (!dxr.selection() || dxr.selection().page !== "explore") return;
      if (brushed) {
        brushed = false;
        drawSummary();
        const brush = dxr.brush();
        for (const row of rowsOf()) drawRowBrush(row, brush);
        for (const row of rowsOf()) fillFilm(row, brush);
      }
      markHovered();
    });
  }

  function drawSummary() {
    const box = dxr.element(dxr.ids.ranksOverlay);
    const scale = axes();
    if (!box || !scale) return;
    let svg = box.querySelector("svg");
    if (!svg) {
      svg = make("svg", { "aria-hidden": "true" });
      svg.append(make("rect", { class: "brush" }), make("g", { class: "dots" }));
      box.append(svg);
    }
    const { first, width } = dxr.brush();
    const [from, to] = brushEnds(scale.x, first, width);
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
  function brushEnds(x, first, width) {
    const [from, to] = [x(Math.max(first - 0.5, 0.96)), x(first + width - 0.5)];
    const missing = Math.max(0, 6 - (to - from)) / 2;
    return [from - missing, to + missing];
  }

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

  // ---- Filmstrips: exactly the ranks under the brush.

  function fillFilm(row, { first, width }) {
    const film = row.querySelector(".rank-film");
    if (!film) return;
    const { key } = row.dataset;
    const ranking = dxr.ranking(key);
    if (ranking.n === null) {
      film.classList.add("waiting");
      return;
    }
    film.classList.remove("waiting");
    const count = Math.max(0, Math.min(width, ranking.n - first + 1));
    while (film.childElementCount > count) film.lastElementChild.remove();
    while (film.childElementCount < count) film.append(newFrame());
    const found = { set: 0, label: 0, known: 0 };
    for (let i = 0; i < count; i++) {
      const one = ranking.at(first + i);
      fillFrame(film.children[i], key, one, first + i);
      if (!one) continue;
      const why = dxr.relevance(key, one.item);
      if (why) found[why] += 1;
      found.known += 1;
    }
    sayPrecision(row, key, found, first, count);
  }

  function newFrame() {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "thumb";
    button.dataset.do = "focus";
    const picture = document.createElement("span");
    picture.className = "picture";
    const image = document.createElement("img");
    image.alt = "";
    image.decoding = "async";
    picture.append(image);
    button.append(picture);
    for (const name of ["far", "share", "label"]) {
      const caption = document.createElement("span");
      caption.className = `caption ${name}`;
      caption.dir = "auto";
      button.append(caption);
    }
    return button;
  }

  function fillFrame(frame, key, one, rank) {
    const said = one ? `${key} ${one.item} ${rank}` : "";
    const why = one ? dxr.relevance(key, one.item) : "";
    const label = one ? (one.item >= 0 ? dxr.labelOf(one.item) : "from outside") : "";
    frame.classList.toggle("hit", why === "set");
    frame.classList.toggle("same-label", why === "label");
    if (one && frame.said === said && frame.dataset.label === label) return;
    frame.said = said;
    const image = frame.querySelector("img");
    const [far, share, caption] = frame.querySelectorAll(".caption");
    if (!one) {
      image.removeAttribute("src");
      for (const name of ["row", "item", "set", "src"]) delete frame.dataset[name];
      for (const part of [far, share, caption]) part.textContent = "";
      return;
    }
    const { version } = dxr.facts();
    const set = key.split(".")[1];
    const src =
      one.item >= 0 ? `/thumbnails/${version}/${one.item}.jpg` : `/outside/${version}/${set}/${-1 - one.item}.jpg`;
    if (one.item >= 0) {
      frame.dataset.row = one.item;
      delete frame.dataset.item;
      delete frame.dataset.set;
    } else {
      delete frame.dataset.row;
      frame.dataset.item = one.item;
      frame.dataset.set = set;
    }
    frame.dataset.src = src;
    frame.dataset.label = label;
    const distance = one.distance.toFixed(3);
    frame.dataset.note = `Rank ${dxr.count(rank)} · distance ${distance} · ${dxr.closerThan(one.tenths)}`;
    frame.setAttribute("aria-label", [frame.dataset.note, label].filter(Boolean).join(", "));
    image.src = src;
    far.textContent = distance;
    share.textContent = dxr.percent(one.tenths);
    caption.textContent = label;
  }

  function sayPrecision(row, key, found, first, count) {
    const parts = [];
    const place = `ranks ${dxr.count(first)}–${dxr.count(first + count - 1)}`;
    if (found.set || key.startsWith("s.") || key.startsWith("o.")) parts.push(`${found.set} of ${found.known} in the set`);
    if (!key.startsWith("s.") && dxr.labels() && dxr.labels().codes.length) {
      const alike = found.label + (found.set ? sameLabelAmongSet(key, first, count) : 0);
      parts.push(`${alike} of ${found.known} with this label`);
    }
    const text = count ? [place, ...parts].join(" · ") : "no image at these ranks";
    const box = row.querySelector(".precision");
    if (box.textContent !== text) box.textContent = text;
  }

  // Images of the same set are marked as such; those among them that share the label count for both.
  function sameLabelAmongSet(key, first, count) {
    const labels = dxr.labels();
    const code = labels.codes[Number(key.slice(1))];
    let n = 0;
    for (let i = 0; i < count; i++) {
      const one = dxr.ranking(key).at(first + i);
      if (one && code >= 0 && labels.codes[one.item] === code && dxr.relevance(key, one.item) === "set") n += 1;
    }
    return n;
  }

  // ---- The image under the pointer, at its rank on every curve.

  function markHovered() {
    const under = dxr.underPointer();
    const item = under && (under.row !== undefined ? under.row : under.item);
    const scale = axes();
    const lines = linesByKey();
    const dots = [];
    for (const row of rowsOf()) {
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
      const value = heightAt(line, rank);
      dot.setAttribute("cx", box.scale.x(Math.min(rank, box.scale.last)));
      dot.setAttribute("cy", box.scale.y(value));
      if (scale) {
        const place = { cx: scale.x(rank), cy: scale.y(value), r: 5.5 };
        dots.push(make("circle", { class: "dot", ...place, style: `--query: ${row.style.getPropertyValue("--query")}` }));
      }
    }
    const group = document.querySelector(`#${dxr.ids.ranksOverlay} .dots`);
    if (group) group.replaceChildren(...dots);
  }

  // The rank of what the pointer is on for a query: outside images count only for queries of their own set.
  dxr.rankFor = (key, under) => {
    const ranking = dxr.ranking(key);
    if (under.row !== undefined) return ranking.rank(under.row);
    return under.item !== undefined && key.split(".")[1] === under.set ? ranking.rank(under.item) : 0;
  };

  // ---- Pointers: drag the brush, on the summary and on every row; hover looks at the image there.

  function toRank(event, row) {
    if (row) {
      const box = row.querySelector(".rank-curve");
      if (!box.scale) return null;
      const { left, width } = box.getBoundingClientRect();
      return rankAt((event.clientX - left) / width, box.scale.last, box.scale.log);
    }
    const scale = axes();
    if (!scale) return null;
    return scale.rank(event.clientX - dxr.element(dxr.ids.ranksStage).getBoundingClientRect().left);
  }

  let drag = null; // {row, grip: "first" | "last" | "all", offset}

  function gripAt(event, row) {
    const { first, width } = dxr.brush();
    const rank = toRank(event, row);
    const scale = row ? row.querySelector(".rank-curve").scale : axes();
    const left = row ? row.querySelector(".rank-curve").getBoundingClientRect().left : dxr.element(dxr.ids.ranksStage).getBoundingClientRect().left;
    const [from, to] = brushEnds(scale.x, first, width).map((px) => px + left);
    const x = event.clientX;
    if (to - from > 3 * EDGE_PX) {
      if (Math.abs(x - from) <= EDGE_PX) return { row, grip: "first" };
      if (Math.abs(x - to) <= EDGE_PX) return { row, grip: "last" };
    } else if (Math.abs(x - to) <= EDGE_PX && x > to) return { row, grip: "last" };
    const inside = x >= from && x <= to;
    return { row, grip: "all", offset: inside ? first - rank : -(width - 1) / 2 };
  }

  function moveBrush(event, done) {
    const rank = toRank(event, drag.row);
    if (rank === null || !Number.isFinite(rank)) return;
    const { first, width } = dxr.brush();
    if (drag.grip === "all") dxr.setBrush({ first: rank + drag.offset }, { done });
    if (drag.grip === "last") dxr.setBrush({ width: Math.round(rank) - first + 1 }, { done });
    if (drag.grip === "first") {
      const last = first + width - 1;
      const next = Math.min(Math.max(Math.round(rank), 1, last - MOST_WIDTH + 1), last);
      dxr.setBrush({ first: next, width: last - next + 1 }, { done });
    }
  }

  function over(event) {
    const target = event.target instanceof Element ? event.target : null;
    if (!target) return null;
    const box = target.closest(".rank-curve");
    if (box) return { row: box.closest(".rank-row") };
    const stage = target.closest(`#${dxr.ids.ranksStage}`);
    return stage ? { row: null } : null;
  }

  document.addEventListener("pointerdown", (event) => {
    const where = over(event);
    if (!where || event.button !== 0 || toRank(event, where.row) === null) return;
    event.preventDefault();
    event.stopPropagation();
    dxr.leave();
    event.target.setPointerCapture(event.pointerId); // the drag goes on beyond the window
    drag = gripAt(event, where.row);
    const handle = document.querySelector(".brush-handle");
    if (handle) handle.focus({ preventScroll: true, focusVisible: false });
    moveBrush(event, false);
    window.addEventListener("pointermove", dragged);
    window.addEventListener("pointerup", dropped);
    window.addEventListener("pointercancel", dropped);
  }, true);

  const dragged = (event) => moveBrush(event, false);
  function dropped() {
    window.removeEventListener("pointermove", dragged);
    window.removeEventListener("pointerup", dropped);
    window.removeEventListener("pointercancel", dropped);
    drag = null;
    dxr.setBrush({});
  }

  // Over a curve, the image at that rank is looked at: of the row, or of the curve that is nearest to the pointer.
  let peeking = false;
  document.addEventListener("pointermove", (event) => {
    if (drag || event.pointerType === "touch") return;
    const where = over(event);
    if (!where) {
      if (peeking) dxr.leave();
      peeking = false;
      return;
    }
    const stage = dxr.element(dxr.ids.ranksStage);
    const grip = axes() ? gripAt(event, where.row).grip : "all";
    (where.row ? where.row.querySelector(".rank-curve") : stage).style.cursor = grip === "all" ? "crosshair" : "ew-resize";
    const rank = Math.round(toRank(event, where.row));
    const key = where.row ? where.row.dataset.key : nearestCurve(event, rank);
    const one = key && dxr.ranking(key).at(rank);
    if (!one) return;
    peeking = true;
    dxr.hover(
      { ...dxr.about(key, one), note: `Rank ${dxr.count(rank)} · distance ${one.distance.toFixed(3)} · ${dxr.closerThan(one.tenths)}` },
      { left: event.clientX - 10, right: event.clientX + 10, y: event.clientY },
    );
  });

  // What the hover card says of an item that a query found.
  dxr.about = (key, { item }) => {
    if (item >= 0) return { row: item };
    const set = key.split(".")[1];
    return { item, set, name: "an image from outside", src: `/outside/${dxr.facts().version}/${set}/${-1 - item}.jpg` };
  };

  function nearestCurve(event, rank) {
    const scale = axes();
    if (!scale) return null;
    const y = event.clientY - dxr.element(dxr.ids.ranksStage).getBoundingClientRect().top;
    let best = [Infinity, null];
    for (const [key, line] of linesByKey()) {
      const far = Math.abs(scale.y(heightAt(line, rank)) - y);
      if (far < best[0]) best = [far, key];
    }
    return best[1];
  }

  // ---- A row that is there already: scroll to it and flash it, once it has been drawn.

  let flashing = null;
  dxr.flash = (key) => {
    flashing = key;
    flashNow();
  };

  function flashNow() {
    const row = flashing && rowsOf().find((one) => one.dataset.key === flashing);
    if (!row || !row.offsetParent) return;
    flashing = null;
    row.scrollIntoView({ block: "nearest", behavior: "smooth" });
    row.classList.remove("flash");
    void row.offsetWidth; // begins the animation anew
    row.classList.add("flash");
    setTimeout(() => row.classList.remove("flash"), FLASH_MS);
  }

  function markFocused() {
    const { focus } = dxr.selection();
    for (const row of rowsOf()) row.classList.toggle("focused", row.dataset.key === `r${focus}`);
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

  function redraw() {
    if (!dxr.selection()) return; // the address has not been read yet
    drawRows();
    draw();
    flashNow();
    markFocused();
  }

  document.addEventListener("DOMContentLoaded", () => {
    dxr.onChange(() => {
      markFocused();
      showBrush();
    });
    dxr.onRanking(draw);
    dxr.onHover(mark);
    dxr.whenDrawn(dxr.ids.ranks, (plot) => {
      plot.on("plotly_afterplot", redraw);
      const rows = dxr.element(dxr.ids.rows);
      new MutationObserver(redraw).observe(rows, { childList: true });
      new ResizeObserver(redraw).observe(rows);
    });
  });
})();
