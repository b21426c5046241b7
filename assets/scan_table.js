// The lines of a scan: sorted, filtered, and only those drawn that are in sight, so that thousands cost no more than ten.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const SPARE = 6; // lines drawn beyond either end of what is seen
  const RANKS = { yes: 0, partly: 1, no: 2, "cannot tell": 3 };
  const LINE = () => `#${dxr.ids.scanLines} .scan-line`; // the ids are known once every script is read
  const collator = new Intl.Collator(undefined, { numeric: true });

  let lines = []; // as they stand from top to bottom
  let key = ""; // of the scan that they belong to
  let current = null; // code of the line that the keyboard is on
  let wanted = null; // code of a line to be shown once it is there
  const rows = new Map(); // code -> element

  const measured = (name) => (one, other) => other[name].value - one[name].value;
  const ORDERS = {
    value: (one, other) => collator.compare(one.value, other.value),
    images: (one, other) => other.images - one.images,
    verdict: (one, other) => RANKS[one.verdict] - RANKS[other.verdict],
    auroc: measured("auroc"),
    map: measured("map"),
    lift: measured("lift"),
  };

  // What is not known comes last, whichever way round; equal lines stand by their AUROC, then by their number.
  function sorted(all, order) {
    const name = order.replace("-", "");
    const way = order.startsWith("-") ? -1 : 1;
    const unknown = (line) => line[name] === null;
    const byAuroc = (one, other) =>
      (one.auroc === null) - (other.auroc === null) || (one.auroc ? measured("auroc")(one, other) : 0);
    return [...all].sort(
      (one, other) =>
        unknown(one) - unknown(other) ||
        (unknown(one) ? 0 : way * ORDERS[name](one, other)) ||
        byAuroc(one, other) ||
        one.code - other.code,
    );
  }

  dxr.drawLines = (all, { order, only }, scan) => {
    const box = dxr.element(dxr.ids.scanLines);
    if (key !== scan) {
      for (const row of rows.values()) row.remove();
      rows.clear();
      [key, current] = [scan, null];
      box.scrollTop = 0;
      watcher.observe(box);
    }
    lines = sorted(only ? all.filter(({ verdict }) => verdict === only) : all, order);
    for (const head of dxr.element(dxr.ids.scanHead).children) {
      const button = head.querySelector("button");
      if (!button) continue;
      const name = button.dataset.order;
      const falling = !["value", "verdict"].includes(name); // the natural order of numbers: largest first
      const up = (order === name) !== falling;
      const sort = order.replace("-", "") !== name ? "none" : up ? "ascending" : "descending";
      head.setAttribute("aria-sort", sort);
    }
    box.parentElement.setAttribute("aria-rowcount", lines.length + 1);
    draw();
    if (wanted !== null) dxr.showLine(wanted);
  };

  const height = () => Number.parseFloat(getComputedStyle(dxr.element(dxr.ids.scanLines)).getPropertyValue("--row")) || 52;

  function draw() {
    const box = dxr.element(dxr.ids.scanLines);
    let spacer = box.firstElementChild;
    if (!spacer) {
      spacer = document.createElement("div");
      spacer.className = "scan-spacer";
      spacer.setAttribute("role", "presentation");
      box.append(spacer);
    }
    const row = height();
    spacer.style.height = `${lines.length * row}px`;
    const first = Math.max(0, Math.floor(box.scrollTop / row) - SPARE);
    const last = Math.min(lines.length, Math.ceil((box.scrollTop + (box.clientHeight || 900)) / row) + SPARE);
    const places = new Map();
    for (let i = first; i < last; i++) places.set(lines[i].code, i);
    const focused = document.activeElement && document.activeElement.closest(LINE());
    const kept = focused ? lines.findIndex(({ code }) => code === Number(focused.dataset.code)) : -1;
    if (kept >= 0) places.set(lines[kept].code, kept); // the keyboard is there
    for (const [code, element] of rows)
      if (!places.has(code)) {
        element.remove();
        rows.delete(code);
      }
    const first0 = lines.length ? lines[0].code : null;
    const stop = lines.some(({ code }) => code === current) ? current : first0;
    for (const [code, place] of [...places].sort(([, one], [, other]) => one - other)) {
      if (!rows.has(code)) {
        rows.set(code, newRow(lines[place]));
        spacer.append(rows.get(code));
      }
      const element = rows.get(code);
      element.style.transform = `translateY(${place * row}px)`;
      element.setAttribute("aria-rowindex", place + 2);
      element.tabIndex = code === stop ? 0 : -1;
    }
  }

  function make(tag, className, text = "") {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.textContent = text;
    return element;
  }

  function cell(name, ...parts) {
    const box = make("span", `cell-${name}`);
    box.setAttribute("role", "gridcell");
    box.append(...parts);
    return box;
  }

  function newRow(line) {
    const row = make("div", "scan-line");
    row.setAttribute("role", "row");
    row.dataset.do = "open-line";
    row.dataset.code = line.code;
    row.title = line.sentence;
    const name = make("bdi", "name", line.value || "(empty)");
    const verdict = make("span", `verdict-word ${dxr.verdictClass(line.verdict)}`, line.verdict);
    const value = cell("value", name);
    if (line.warnings.length) {
      const sign = make("span", "warned", "⚠");
      sign.title = line.warnings.join("\n");
      sign.setAttribute("role", "img");
      sign.setAttribute("aria-label", `Warning: ${line.warnings.join(" ")}`);
      value.append(sign);
    }
    row.append(
      cell("thumbs", ...line.pictures.map(picture)),
      value,
      cell("images", dxr.count(line.images)),
      cell("verdict", verdict),
      cell("auroc", ...graphic(line.auroc, "AUROC")),
      cell("map", ...graphic(line.map, "mAP")),
      cell("lift", ...figure(line.lift)),
    );
    return row;
  }

  function picture({ row, name, label }, place, all) {
    const thumb = make("span", "thumb");
    const src = `thumbnails/${dxr.facts().version}/${row}.jpg`;
    const note = all.length < 2 ? "" : place === 0 ? "Finds the others best" : "Finds the others worst";
    Object.assign(thumb.dataset, { row, name, label, src, note });
    const [box, image] = [make("span", "picture"), make("img")];
    image.alt = "";
    image.src = src;
    box.append(image);
    thumb.append(box);
    return thumb;
  }

  const percent = (value) => `${(100 * Math.min(Math.max(value, 0), 1)).toFixed(2)}%`;

  // The interval as a bar, chance as a dotted line, the value as a stroke: as in the answer.
  function graphic(one, what) {
    if (!one) return [make("span", "hint", "–")];
    const box = make("span", "graphic");
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", `${what} ${one.said}, interval ${one.between}`);
    const track = make("span", "track");
    if (one.low !== undefined && one.high !== undefined) {
      const bar = make("span", "bar");
      bar.style.left = percent(one.low);
      bar.style.width = percent(Math.max(one.high - one.low, 0.008));
      track.append(bar);
    }
    const [chance, dot] = [make("span", "chance"), make("span", "dot")];
    chance.style.left = percent(one.chance);
    dot.style.left = percent(one.value);
    track.append(chance, dot);
    box.append(track);
    return [box, ...figure(one)];
  }

  function figure(one) {
    if (!one) return [make("span", "hint", "–")];
    const words = make("span", "value");
    words.append(make("strong", "", one.said), make("span", "interval", one.between));
    return [words];
  }

  // Bring a line into sight and the keyboard to it.
  dxr.showLine = (code) => {
    const place = lines.findIndex((line) => line.code === code);
    wanted = place < 0 ? code : null;
    if (place < 0) return;
    const box = dxr.element(dxr.ids.scanLines);
    const row = height();
    const top = place * row;
    if (top < box.scrollTop) box.scrollTop = top;
    if (top + row > box.scrollTop + box.clientHeight) box.scrollTop = top + row - box.clientHeight;
    current = code;
    draw();
    for (const one of rows.values()) one.classList.remove("opening");
    rows.get(code).focus({ preventScroll: true });
  };

  const steps = (page) => ({ ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -1e9, End: 1e9 });

  document.addEventListener(
    "keydown",
    (event) => {
      const row = event.target instanceof Element && event.target.closest(LINE());
      if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
      const page = Math.max(1, Math.floor(dxr.element(dxr.ids.scanLines).clientHeight / height()) - 1);
      const step = steps(page)[event.key];
      if (event.key === "Enter" || event.key === " ") row.click();
      else if (step) {
        const place = lines.findIndex(({ code }) => code === Number(row.dataset.code)) + step;
        dxr.showLine(lines[Math.min(Math.max(place, 0), lines.length - 1)].code);
      } else return;
      event.preventDefault();
      event.stopPropagation(); // the arrows walk through thumbnails elsewhere
    },
    true,
  );

  let frame = 0;
  const again = () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(draw);
  };
  const watcher = new ResizeObserver(again);
  document.addEventListener("scroll", ({ target }) => target.id === dxr.ids.scanLines && again(), {
    capture: true, // scrolling does not bubble
    passive: true,
  });
})();
