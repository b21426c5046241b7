// Thumbnails as marks: representatives of the clusters everywhere, other images where there is room.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const [SMALLEST_PX, LARGEST_PX] = [44, 64];
  const GAP_PX = 5; // between two marks
  const STEPS = 4; // marks are placed anew when the scale has changed by this root of two
  const CROWD = 5; // an image has no mark where more images than this lie in one mark's place
  const PLACED_KEPT = 12;
  const ALL_ACROSS = 60; // where the map is more marks wide than this, only those around the view are placed
  const BLOCK = 16; // marks along the side of the squares that "around the view" is counted in

  // One map with marks. `layer` is the canvas; `places` finds the numbers that say where the images are, null while they
  // are not those of the figure.
  const newMap = (layer, places) => ({
    layer,
    places,
    large: { drawn: null, nFirst: 0, values: null, rows: null }, // what can be a mark, of a large collection
    shelf: dxr.shelf({ most: 700, atOnce: 6, make: rounded }),
    placed: new Map(), // for each scale and part of the map: {size, rows, beside}
    placedFor: {}, // the coordinates and representatives they were placed for
    shown: [], // what is drawn: {row, left, top, size}
    known: { paint: null, members: new Map() },
  });

  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  // The central square, with round corners, as fine as the screen can show it.
  async function rounded(blob) {
    const image = await createImageBitmap(blob);
    const side = Math.round(LARGEST_PX * Math.min(window.devicePixelRatio || 1, 2));
    const canvas = new OffscreenCanvas(side, side);
    const context = canvas.getContext("2d");
    context.beginPath();
    context.roundRect(0, 0, side, side, side * 0.12);
    context.clip();
    const part = Math.min(image.width, image.height);
    context.imageSmoothingQuality = "high";
    context.drawImage(image, (image.width - part) / 2, (image.height - part) / 2, part, part, 0, 0, side, side);
    return canvas.transferToImageBitmap();
  }

  function draw(map, scales, paint) {
    const layer = dxr.layer(map.layer);
    const { shelf } = map;
    map.shown = [];
    const places = paint.grid || !dxr.selection().pictures ? null : map.places(paint);
    const some = places && candidates(map, places, scales, paint);
    if (!some) return shelf.want([]);
    const veil = dxr.pixelsOf(paint.veil);
    if (paint.veil && !veil) return undefined; // drawn again once it is there
    const marks = inView(placedAt(map, scales, some, paint, veil), scales, some, layer);
    const address = ({ row }) => `thumbnails/${dxr.facts().version}/${row}.jpg`;
    shelf.want(marks.map(address));
    for (const mark of marks) {
      const image = shelf.get(address(mark));
      if (!image) continue; // its point stands for it until then
      map.shown.push(mark);
      drawMark(map, layer, mark, image, paint);
    }
    return undefined;
  }

  // What can be a mark: every image, or in a large collection those that are drawn, and the representatives.
  // Places as x, y, x, y, and the row of each; no rows where the first place is that of row 0, and so on. Null while
  // they are not known.
  function candidates(map, places, { plot }, { representatives }) {
    if (!dxr.isLarge()) return places.values && { values: places.values, rows: null };
    const drawn = dxr.drawnRows(plot);
    if (!drawn) return null;
    const found = representatives.map((row) => places.at(row));
    const firsts = representatives.filter((_, i) => found[i]);
    if (map.large.drawn === drawn && map.large.nFirst === firsts.length) return map.large;
    const { x, y } = plot._fullData[0];
    const values = new Float32Array(2 * (firsts.length + drawn.length));
    found.filter(Boolean).forEach((place, i) => values.set(place, 2 * i));
    for (let i = 0, at = 2 * firsts.length; i < drawn.length; i++) [values[at++], values[at++]] = [x[i], y[i]];
    const rows = new Int32Array(firsts.length + drawn.length);
    rows.set(firsts);
    rows.set(drawn, firsts.length);
    map.large = { drawn, nFirst: firsts.length, values, rows };
    return map.large;
  }

  function inView({ rows: places, beside, size }, scales, { values, rows }, { width, height, ratio }) {
    const found = [];
    places.forEach((at, i) => {
      const row = rows ? rows[at] : at;
      if (found.some((one) => one.row === row)) return; // a representative that is drawn is there twice
      const [x, y] = scales.toScreen(values[2 * at], values[2 * at + 1]);
      const [right, up] = beside[i];
      const [left, top] = [x - ((1 - right) * size) / 2, y - ((1 + up) * size) / 2];
      const seen = left > -size && top > -size && left * ratio < width && top * ratio < height;
      if (seen) found.push({ row, left, top, size });
    });
    return found;
  }

  // The marks of a scale, among the selected images where some are. They depend on nothing else, so panning moves and
  // changes none; far in, they depend on blocks so far outside the view that nothing of it reaches inside.
  function placedAt(map, { perX, perY, view }, { values, rows, nFirst: n }, { representatives }, veil) {
    if (map.placedFor.values !== values || map.placedFor.veil !== veil) {
      const lit = (at) => !veil || !veil[4 * (rows ? rows[at] : at) + 3];
      const firsts = (rows ? Array.from({ length: n }, (_, i) => i) : representatives).filter(lit);
      const order = orderOf(values.length / 2, firsts).filter(lit);
      map.placed = new Map();
      map.placedFor = { values, veil, ends: endsOf(values), order, nFirst: firsts.length };
    }
    const { placed } = map;
    const { order, ends, nFirst } = map.placedFor;
    const extent = Math.max(ends[1] - ends[0], ends[3] - ends[2]) || 1;
    const step = Math.floor(STEPS * Math.log2(Math.min(perX, perY)));
    const coarse = 2 ** (step / STEPS); // at most the scale itself: on the screen, gaps can only be wider
    const size = sizeAt(coarse, values.length / 2, extent);
    const side = (size + GAP_PX) / coarse;
    const part = extent / side > ALL_ACROSS ? around(view, BLOCK * side) : [];
    const key = [step, ...part].join();
    if (!placed.has(key)) {
      if (placed.size >= PLACED_KEPT) placed.delete(placed.keys().next().value);
      const [x0, x1, y0, y1] = part;
      const within = (row) =>
        values[2 * row] >= x0 && values[2 * row] < x1 && values[2 * row + 1] >= y0 && values[2 * row + 1] < y1;
      const firsts = part.length ? order.subarray(0, nFirst).filter(within).length : nFirst;
      placed.set(key, { size, ...place(values, part.length ? order.filter(within) : order, firsts, side, ends) });
    }
    return placed.get(key);
  }

  // The blocks that the view touches, and one more on each side, in map coordinates.
  function around([x0, x1, y0, y1], block) {
    const from = (value) => (Math.floor(value / block) - 1) * block;
    const to = (value) => (Math.floor(value / block) + 2) * block;
    return [from(x0), to(x1), from(y0), to(y1)];
  }

  function endsOf(values) {
    let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < values.length; i += 2) {
      [x0, x1] = [Math.min(x0, values[i]), Math.max(x1, values[i])];
      [y0, y1] = [Math.min(y0, values[i + 1]), Math.max(y1, values[i + 1])];
    }
    return [x0, x1, y0, y1];
  }

  // First the representatives, largest cluster first; then all rows, scattered, so that no folder comes first.
  function orderOf(n, representatives) {
    const order = new Uint32Array(n + representatives.length);
    order.set(representatives);
    const common = (a, b) => (b ? common(b, a % b) : a);
    let step = Math.max(1, Math.round(n * 0.618));
    while (common(step, n) !== 1) step += 1;
    for (let i = 0, row = 0; i < n; i++, row = (row + step) % n) order[representatives.length + i] = row;
    return order;
  }

  // Marks are large where the map has room for many of them.
  function sizeAt(scale, n, extent) {
    const crowding = Math.log2((n * SMALLEST_PX ** 2) / (extent * scale) ** 2);
    return Math.round(clamp(LARGEST_PX - ((crowding + 2) / 3) * (LARGEST_PX - SMALLEST_PX), SMALLEST_PX, LARGEST_PX));
  }

  // Go through the images in their order; each gets a mark where it overlaps none before it. Squares of a grid with
  // a mark's side say which marks are near; squares that share a place in the table only cost a look more.
  // A representative in a crowd stands beside it, with a corner at its point, up and to the right unless that is the
  // map's edge: it must not hide the cluster that it stands for, nor the rings in it.
  function place(values, order, nFirst, side, [, end, , top]) {
    const mask = 2 ** Math.ceil(Math.log2(2 * order.length + 64)) - 1;
    const cellOf = (x, y) => (Math.imul(x, 73856093) ^ Math.imul(y, 19349663)) & mask;
    const square = (value) => Math.floor(value / side);
    const crowd = new Uint8Array(mask + 1);
    for (let i = nFirst; i < order.length; i++) {
      const cell = cellOf(square(values[2 * order[i]]), square(values[2 * order[i] + 1]));
      if (crowd[cell] <= CROWD) crowd[cell] += 1;
    }
    const head = new Int32Array(mask + 1).fill(-1);
    const after = [];
    const [rows, beside, middles] = [[], [], []];
    const isFree = (x, y) => {
      for (let dx = -1; dx <= 1; dx++)
        for (let dy = -1; dy <= 1; dy++)
          for (let i = head[cellOf(square(x) + dx, square(y) + dy)]; i >= 0; i = after[i])
            if (Math.abs(x - middles[i][0]) < side && Math.abs(y - middles[i][1]) < side) return false;
      return true;
    };
    order.forEach((row, i) => {
      let [x, y] = [values[2 * row], values[2 * row + 1]];
      const crowded = crowd[cellOf(square(x), square(y))] > CROWD;
      if (crowded && i >= nFirst) return;
      const away = crowded ? [x + side / 2 > end ? -1 : 1, y + side / 2 > top ? -1 : 1] : [0, 0];
      [x, y] = [x + (away[0] * side) / 2, y + (away[1] * side) / 2];
      if (!isFree(x, y)) return;
      const cell = cellOf(square(x), square(y));
      after.push(head[cell]);
      head[cell] = rows.length;
      rows.push(row);
      beside.push(away);
      middles.push([x, y]);
    });
    return { rows: Int32Array.from(rows), beside };
  }

  function drawMark(map, { context, ratio }, { row, left, top, size }, image, paint) {
    const pixels = dxr.pixelsOf(paint.colours);
    const colour = pixels ? `rgb(${pixels[4 * row]} ${pixels[4 * row + 1]} ${pixels[4 * row + 2]})` : null;
    const [x, y, side] = [Math.round(left * ratio), Math.round(top * ratio), Math.round(size * ratio)];
    const edge = (grow, width, style) => {
      context.beginPath();
      context.roundRect(x - grow, y - grow, side + 2 * grow, side + 2 * grow, side * 0.12 + grow);
      [context.lineWidth, context.strokeStyle] = [width, style];
      context.stroke();
    };
    context.drawImage(image, x, y, side, side);
    const { ink, paper } = inks();
    edge(0, 2 * ratio, colour || ink);
    let out = 0;
    for (const member of membersOf(map, paint).get(row) || []) edge((out += 2.25 * ratio), 2.5 * ratio, member);
    edge(out + 1.5 * ratio, ratio, paper);
  }

  // Colours of the sets that each row belongs to.
  function membersOf(map, paint) {
    if (map.known.paint !== paint) {
      const members = new Map();
      for (const { colour, places } of paint.sets)
        for (const row of places) members.set(row, [...(members.get(row) || []), colour]);
      map.known = { paint, members };
    }
    return map.known.members;
  }

  function inks() {
    const style = getComputedStyle(document.documentElement);
    return { ink: style.getPropertyValue("--line-strong"), paper: style.getPropertyValue("--paper") };
  }

  const boxOf = ({ left, top, size }) => ({ left, top, width: size, height: size, rounding: size * 0.12 });

  // Show marks on another map, too: {draw, at, boxOf}, of which the last two find a mark by place and by row.
  dxr.marksOn = (layer, places) => {
    const map = newMap(layer, places);
    const found = (mark) => (mark ? { row: mark.row, box: boxOf(mark) } : null);
    return {
      draw: (scales, paint) => draw(map, scales, paint),
      at: (x, y) =>
        found(map.shown.find(({ left, top, size }) => x >= left && x <= left + size && y >= top && y <= top + size)),
      boxOf: (row) => found(map.shown.find((one) => one.row === row))?.box || null,
      shown: () => map.shown,
    };
  };

  // The places on the first map; null where the figure is not what the selection says.
  function placesOf({ layout, arrangement }) {
    const s = dxr.selection();
    return `${layout} ${arrangement}` === `${s.layout} ${s.arrangement}` ? dxr.coordinates() : null;
  }

  // By then every script has been read, in whatever order.
  document.addEventListener("DOMContentLoaded", () => {
    const first = dxr.marksOn(dxr.ids.mapMarks, placesOf);
    // The mark at a place of the stage, and the square it fills; null where there is none.
    dxr.markAt = first.at;
    // The picture that stands for an image on the map: its mark, or its cell in the mosaic; null for a point.
    dxr.pictureBox = (row) => first.boxOf(row) || dxr.cellBox(row);
    dxr.marks = first.shown;
    dxr.onLayers(first.draw);
  });
})();
