// The page "Compare": one set lights up wherever it stands, and a line reads all curves at one distance.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const NEAR_PX = 14; // from a curve: the pointer is on it
  const GAP_PX = 12; // between the reading line and what it says
  const STEPS = 100; // of the reading line, over the axis, by the arrow keys
  const BASELINE = -1; // what the random pairs are called in a curve's `line`

  let lit = null; // the place of what is lit up; null: nothing
  let reading = null; // where the reading line stands, in units of the axis; null: it does not

  const stage = () => dxr.element(dxr.ids.comparedStage);
  const plotOf = (id) => document.querySelector(`#${id} .js-plotly-plot`);
  const column = () => document.querySelector(".column.compare");

  // ---- One set, everywhere

  function light(place) {
    if (place === lit) return;
    lit = place;
    paint();
  }

  function paint() {
    const box = column();
    if (!box) return;
    for (const one of box.querySelectorAll("[data-line]"))
      one.classList.toggle("dim", lit !== null && Number(one.dataset.line) !== lit);
    for (const id of [dxr.ids.comparedDistances, dxr.ids.comparedRanks])
      for (const one of box.querySelectorAll(`#${id} .scatterlayer .trace`)) {
        const found = /traceline-(\d+)-/.exec(one.getAttribute("class"));
        one.classList.toggle("dim", lit !== null && Boolean(found) && Number(found[1]) !== lit);
      }
  }

  // ---- The reading line

  // The curves of shares: what each says at a distance.
  function curves() {
    const plot = plotOf(dxr.ids.comparedDistances);
    return ((plot && plot._fullData) || []).filter(({ meta }) => meta && meta.line !== undefined);
  }

  function axes() {
    const plot = plotOf(dxr.ids.comparedDistances);
    const layout = plot && plot._fullLayout;
    if (!layout || !layout.xaxis || !layout.xaxis._length || !layout.yaxis2) return null;
    return { x: layout.xaxis, y: layout.yaxis, violins: layout.yaxis2, size: layout._size };
  }

  const percent = (share) => {
    const whole = 100 * share;
    if (whole > 0 && whole < 0.1) return "< 0.1\u202f%";
    return `${whole < 10 ? whole.toFixed(1) : Math.round(whole)}\u202f%`;
  };

  function part(name, className, text) {
    const one = document.createElement(name);
    one.className = className;
    if (text !== undefined) one.textContent = text;
    return one;
  }

  function readout(at, shown) {
    const byLine = new Map();
    for (const curve of curves()) {
      const { line, within, label } = curve.meta;
      const entry = byLine.get(line) || { colour: curve.line.color };
      if (within) entry.label = label;
      entry[within ? "within" : "gallery"] = dxr.heightAt(curve, at);
      byLine.set(line, entry);
    }
    const box = part("div", "readout");
    const base = byLine.get(BASELINE);
    const nearer = base && `${percent(base.within)} of random pairs are nearer`;
    const where = shown.x._input.tickformat ? "where" : `at ${at.toFixed(3)}:`; // by percentile there is no distance
    box.append(part("p", "readout-head", base ? `${where} ${nearer}` : where));
    const table = part("table", "");
    const row = (cells, className = "") => {
      const line = part("tr", className);
      for (const cell of cells) line.append(cell);
      table.append(line);
    };
    row([part("th", ""), part("th", "", "within"), part("th", "", "to gallery")]);
    for (const [line, { colour, label, within, gallery }] of byLine) {
      if (line === BASELINE) continue;
      const name = part("th", "name");
      const sign = part("span", "ring");
      sign.style.setProperty("--set", colour);
      const text = part("span", "", label || "");
      text.dir = "auto";
      name.append(sign, text);
      const share = (value) => part("td", "", value === undefined ? "–" : percent(value));
      row([name, share(within), share(gallery)], line === lit ? "lit" : "");
    }
    box.append(table);
    return box;
  }

  function draw() {
    const overlay = dxr.element(dxr.ids.comparedOverlay);
    const shown = axes();
    if (!overlay) return;
    if (reading === null || !shown) return overlay.replaceChildren();
    const at = shown.x._offset + shown.x.l2p(reading);
    const mark = part("div", "reading-line");
    mark.style.left = `${at}px`;
    mark.style.top = `${shown.size.t}px`;
    mark.style.height = `${shown.size.h}px`;
    const dots = curves().map((curve) => {
      const dot = part("span", "reading-dot");
      const up = dxr.heightAt(curve, reading);
      dot.style.left = `${at}px`;
      dot.style.top = `${shown.y._offset + shown.y.l2p(up)}px`;
      dot.style.background = curve.line.color;
      return dot;
    });
    const box = readout(reading, shown);
    overlay.replaceChildren(mark, ...dots, box);
    const [width, room] = [box.offsetWidth, overlay.clientWidth];
    const left = at + GAP_PX + width <= room ? at + GAP_PX : at - GAP_PX - width;
    box.style.top = `${shown.size.t + 4}px`;
    box.style.left = `${Math.min(Math.max(left, 0), Math.max(room - width, 0))}px`;
    return undefined;
  }

  function read(value) {
    const shown = axes();
    if (value !== null && shown) {
      const [low, high] = shown.x.range;
      reading = Math.min(Math.max(value, low), high);
    } else reading = null;
    draw();
  }

  // The set whose curve or violin is under the pointer.
  function under(x, y, shown) {
    if (y >= shown.violins._offset && y <= shown.violins._offset + shown.violins._length) {
      const at = Math.round(-shown.violins.p2l(y - shown.violins._offset));
      const place = Math.floor((at - 1) / 2);
      return at >= 1 && curves().some(({ meta }) => meta.line === place) ? place : null;
    }
    const value = shown.x.p2l(x - shown.x._offset);
    let [best, near] = [null, NEAR_PX];
    for (const curve of curves()) {
      const far = Math.abs(shown.y._offset + shown.y.l2p(dxr.heightAt(curve, value)) - y);
      if (far < near) [best, near] = [curve.meta.line, far];
    }
    return best === BASELINE ? null : best;
  }

  function overDistances(event) {
    const shown = axes();
    if (!shown || event.buttons) return;
    const box = stage().getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const inside = x >= shown.x._offset && x <= shown.x._offset + shown.x._length;
    light(under(x, y, shown));
    read(inside ? shown.x.p2l(x - shown.x._offset) : null);
  }

  function overRanks(event) {
    const plot = plotOf(dxr.ids.comparedRanks);
    const layout = plot && plot._fullLayout;
    if (!layout || !layout.xaxis || !layout.xaxis._length) return;
    const box = plot.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const rank = layout.xaxis.p2d(x - layout.xaxis._offset);
    let [best, near] = [null, NEAR_PX];
    for (const curve of plot._fullData) {
      if (!curve.meta || curve.meta.key === undefined || !curve.x || !curve.x.length) continue;
      const far = Math.abs(layout.yaxis._offset + layout.yaxis.l2p(dxr.heightAt(curve, rank)) - y);
      if (far < near) [best, near] = [Number(curve.meta.key), far];
    }
    light(best);
  }

  function key(event) {
    const shown = axes();
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape" && reading !== null) {
      read(null);
      event.stopPropagation();
      return;
    }
    if (!shown || !way || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const [low, high] = shown.x.range;
    const step = (high - low) / STEPS;
    read((reading === null ? (low + high) / 2 : reading) + way * step * (event.shiftKey ? 10 : 1));
  }

  document.addEventListener("DOMContentLoaded", () => {
    dxr.whenDrawn(dxr.ids.comparedDistances, (plot) => {
      const box = stage();
      box.addEventListener("pointermove", overDistances);
      box.addEventListener("pointerleave", () => {
        light(null);
        read(null);
      });
      box.addEventListener("keydown", key);
      box.addEventListener("blur", () => read(null));
      plot.on("plotly_afterplot", () => {
        paint();
        draw();
      });
    });
    dxr.whenDrawn(dxr.ids.comparedRanks, (plot) => {
      const box = dxr.element(dxr.ids.comparedRanksStage);
      box.addEventListener("pointermove", overRanks);
      box.addEventListener("pointerleave", () => light(null));
      plot.on("plotly_afterplot", paint);
    });
    document.addEventListener("pointerover", ({ target }) => {
      const line = target instanceof Element && target.closest(`#${dxr.ids.compared} [data-line]`);
      if (line) light(Number(line.dataset.line));
    });
    document.addEventListener("pointerout", ({ target, relatedTarget }) => {
      const from = target instanceof Element && target.closest(`#${dxr.ids.compared} [data-line]`);
      if (from && !(relatedTarget instanceof Element && from.contains(relatedTarget))) light(null);
    });
  });
})();
