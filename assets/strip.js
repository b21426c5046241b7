// The strip: one sliver for each image in line, a lens over them, and the marks: focus, pointer, members, brush.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const [TOP, HEIGHT, RAIL] = [9, 70, 16]; // pixels: marks above, slivers, ticks and brush below
  const SLIVER = 0.25; // share of a square's width that a sliver holds
  const GAPS_FROM = 9; // pixels; tiles at least so wide stand apart
  const OPENS_MS = 130;
  const MOST_TICKS = 20000;
  const LEAST_BRUSH = 6; // pixels

  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  let line = { n: 0 };
  let lens = null;
  let drawn = []; // {image, left, right}
  let at = null; // focus of the lens, in images; null: nowhere yet
  let open = false;
  let grown = 0; // 0: no lens, 1: all of it
  let strength = null; // while the slider moves; then it is in the selection
  let last = 0;
  let colours = { said: "" };

  dxr.stripStage = () => dxr.element(dxr.ids.stripStage);
  dxr.stripParts = { top: TOP, height: HEIGHT, rail: TOP + HEIGHT };
  dxr.stripNow = () => ({ line, lens, drawn, at, open, moving: grown !== (open ? 1 : 0) });

  // ---- The lens: open at a place, closed, stronger or weaker.

  dxr.openLens = (image) => {
    at = Math.min(Math.max(image, 0), line.n);
    open = true;
    dxr.drawStrip();
  };
  dxr.closeLens = () => {
    open = false;
    dxr.drawStrip();
  };
  dxr.tryLens = (value) => {
    strength = value;
    if (at === null) at = line.n / 2;
    dxr.openLens(at);
  };

  // ---- Drawing, once a frame.

  let waiting = false;
  dxr.drawStrip = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame((now) => {
      waiting = false;
      if (!dxr.selection()) return;
      const goal = open ? 1 : 0;
      const step = last && now - last < 100 ? (now - last) / OPENS_MS : 0.12;
      last = now;
      grown = still.matches ? goal : open ? Math.min(grown + step, 1) : Math.max(grown - step, 0);
      draw();
      if (grown !== goal) dxr.drawStrip();
      for (const listener of listeners) listener();
    });
  };
  const listeners = [];
  dxr.onStrip = (listener) => listeners.push(listener);

  function draw() {
    const stage = dxr.stripStage();
    if (!stage || !stage.clientWidth) return; // the other page is open
    const s = dxr.selection();
    line = dxr.line();
    say(line);
    const context = prepared(stage);
    drawn = [];
    lens = null;
    if (!line.n) return;
    const width = Math.min(stage.clientWidth, line.n * HEIGHT);
    const distortion = (strength === null ? s.lens : strength) * (at === null ? 0 : ease(grown));
    if (at !== null) at = Math.min(at, line.n);
    lens = dxr.lens({ width, n: line.n, at: at === null ? line.n / 2 : at, height: HEIGHT, distortion });
    drawn = dxr.slivers(lens, devicePixelRatio);
    colours = coloursNow(s);
    drawSlivers(context, distortion > 0);
    drawTicks(context, s);
    if (line.key) drawBrush(context);
    const focus = s.focus === null ? -1 : line.place(s.focus);
    if (focus >= 0) mark(context, focus, colours.ink);
    const hovered = dxr.placeOf(line, dxr.underPointer());
    if (hovered >= 0) mark(context, hovered, colours.accent);
  }

  const ease = (t) => t * t * (3 - 2 * t);

  function say({ n, message }) {
    const note = dxr.element(dxr.ids.stripNote);
    if (n || message) note.hidden = !message; // while it is on its way, what was said stays
    if (message && note.textContent !== message) note.textContent = message;
    const stage = dxr.stripStage();
    const every = n ? 2 ** Math.max(0, Math.round(Math.log2(n / stage.clientWidth))) : 1;
    const facts = !n ? "" : every > 1 ? `${dxr.count(n)} · 1 in ${every}` : `${dxr.count(n)} image${n === 1 ? "" : "s"}`;
    const box = dxr.element(dxr.ids.stripFacts);
    if (box.textContent !== facts) {
      box.textContent = facts;
      box.title = every > 1 ? `${dxr.count(n)} images; each that is drawn stands for ${every}, and the lens shows every one` : "";
    }
    stage.setAttribute("aria-valuemax", Math.max(n, 1));
    stage.setAttribute("aria-disabled", String(!n));
  }

  function prepared(stage) {
    let canvas = stage.querySelector("canvas");
    if (!canvas) {
      canvas = document.createElement("canvas");
      canvas.setAttribute("aria-hidden", "true");
      stage.prepend(canvas);
    }
    const [width, height] = [stage.clientWidth, TOP + HEIGHT + RAIL];
    const [across, down] = [Math.round(width * devicePixelRatio), Math.round(height * devicePixelRatio)];
    if (canvas.width !== across || canvas.height !== down) [canvas.width, canvas.height] = [across, down];
    const context = canvas.getContext("2d");
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.imageSmoothingQuality = "high";
    return context;
  }

  function coloursNow({ active }) {
    const said = `${dxr.appearance()} ${active}`;
    if (colours.said === said && colours.set) return colours;
    const style = getComputedStyle(document.documentElement);
    const own = document.querySelector(`#${dxr.ids.sets} .set.active`); // empty until the sets are drawn
    return {
      said,
      accent: style.getPropertyValue("--accent"),
      ink: style.getPropertyValue("--map-mark"),
      halo: style.getPropertyValue("--map-halo"),
      ground: style.getPropertyValue("--ground"),
      set: own ? getComputedStyle(own).getPropertyValue("--set") : "",
    };
  }

  // ---- Slivers and tiles.

  function drawSlivers(context, enlarged) {
    context.fillStyle = colours.ground;
    context.fillRect(0, TOP, lens.width, HEIGHT);
    const rows = [];
    const whole = [];
    const near = (4 * line.n) / lens.width; // farther away, an image stands for no other
    for (const one of drawn) {
      const item = line.item(one.image);
      if (item === null) continue;
      const width = one.right - one.left;
      const away = Math.abs((one.left + one.right) / 2 - lens.middle);
      const tile = width > SLIVER * HEIGHT || (item < 0 && width > 2);
      if (tile) whole.push({ item, set: line.set, away });
      // coarse ones first: each stands for its neighbours until they are here
      if (item >= 0) rows.push({ row: item, order: enlarged ? away : -(one.image & -one.image || line.n) });
      const box = { left: one.left, width: width - (width >= GAPS_FROM ? 1 : 0) };
      const picture = tile || item < 0 ? dxr.wholeOf(item, line.set) : null;
      if (picture) paintTile(context, picture, box);
      else paintSliver(context, sliverFor(one.image, near), box);
    }
    rows.sort((a, b) => a.order - b.order);
    whole.sort((a, b) => a.away - b.away);
    dxr.wantPictures(rows.map(({ row }) => row), whole);
  }

  // The image's own sliver, or that of a coarser one that is here.
  function sliverFor(image, near) {
    for (let one = image; image - one <= near; one &= one - 1) {
      const item = line.item(one);
      const found = item !== null && item >= 0 && dxr.sliverOf(item);
      if (found) return found;
      if (!one) break;
    }
    return null;
  }

  function paintSliver(context, sliver, { left, width }) {
    if (!sliver) return;
    const scale = HEIGHT / sliver.height;
    const seen = Math.min(width, sliver.width * scale);
    const from = sliver.left + (sliver.width - seen / scale) / 2;
    context.drawImage(sliver.picture, from, 0, seen / scale, sliver.height, left + (width - seen) / 2, TOP, seen, HEIGHT);
  }

  function paintTile(context, picture, { left, width }) {
    const seen = dxr.cropped({ width: picture.naturalWidth, height: picture.naturalHeight }, { width, height: HEIGHT });
    context.drawImage(picture, seen.left, seen.top, seen.width, seen.height, left, TOP, width, HEIGHT);
  }

  // ---- Marks.

  function mark(context, place, colour) {
    const [left, right] = [lens.place(place), lens.place(place + 1)];
    const middle = (left + right) / 2;
    const sides = [
      [colours.halo, 5],
      [colour, 2.5],
    ];
    for (const [style, width] of sides) {
      context.strokeStyle = style;
      context.lineWidth = width;
      context.beginPath();
      if (right - left >= GAPS_FROM) context.rect(left + 1.25, TOP + 1.25, right - left - 3.5, HEIGHT - 2.5);
      else {
        context.moveTo(middle, TOP);
        context.lineTo(middle, TOP + HEIGHT);
      }
      context.stroke();
    }
    context.fillStyle = colour;
    context.beginPath();
    context.moveTo(middle - 5.5, 0);
    context.lineTo(middle + 5.5, 0);
    context.lineTo(middle, TOP - 1);
    context.fill();
  }

  // Where the members of the active set stand.
  function drawTicks(context, { active }) {
    const members = active && dxr.members(active);
    if (!members || members.size > MOST_TICKS) return;
    context.fillStyle = colours.set || colours.accent;
    for (const row of members) {
      const place = line.place(row);
      if (place < 0) continue;
      const [left, right] = [lens.place(place), lens.place(place + 1)];
      const width = Math.max(right - left - 1, 1.2);
      context.fillRect((left + right - width) / 2, TOP + HEIGHT + 2, width, 4);
    }
  }

  // The pixels that the brush covers; null where no rank of it is in line.
  dxr.brushOnStrip = () => {
    const { first, width } = dxr.brush();
    if (!lens || !line.key || first > line.n) return null;
    const [from, to] = [lens.place(first - 1), lens.place(Math.min(first - 1 + width, line.n))];
    const missing = Math.max(0, LEAST_BRUSH - (to - from)) / 2;
    return [Math.max(from - missing, 0), Math.min(to + missing, lens.width)];
  };

  function drawBrush(context) {
    const ends = dxr.brushOnStrip();
    if (!ends) return;
    const [from, to] = ends;
    const below = TOP + HEIGHT + 8;
    context.fillStyle = context.strokeStyle = colours.accent;
    context.globalAlpha = 0.16;
    context.fillRect(from, TOP, to - from, HEIGHT);
    context.globalAlpha = 1;
    for (const [style, width] of [
      [colours.halo, 4],
      [colours.accent, 2],
    ]) {
      context.strokeStyle = style;
      context.lineWidth = width;
      context.strokeRect(from, TOP - 1, to - from, HEIGHT + 2);
    }
    context.beginPath();
    context.roundRect(from, below, to - from, 5, 2.5);
    context.fill();
    for (const x of to - from > 24 ? [from, to - 3] : []) context.fillRect(x, below - 3, 3, 10);
  }

  // By then every script has been read, in whatever order.
  document.addEventListener("DOMContentLoaded", () => {
    const again = () => dxr.drawStrip();
    dxr.onChange(({ lens: kept }) => {
      if (kept === strength) strength = null;
      again();
    });
    for (const hook of ["onLine", "onPicture", "onHover", "onRanking", "onBrush"]) dxr[hook](again);
  });
})();
