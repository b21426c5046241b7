// The mosaic: tiles under the plot, the images' colours between them, a veil over what is not selected.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const TILE_PX = 256;
  const MOST_LEVEL = 7; // a cell is 2 ** level pixels of a tile
  const BLUR = 1.25; // a tile may be enlarged so much before a finer one is fetched
  const STAND_IN = 3; // levels between the sharp tiles and those that are fetched before them
  const FRAMED_PX = 11; // cells from this size on have frames; smaller ones are tinted
  const OUTLINED_PX = 5; // smaller members of query sets are filled
  const [TINT, LEAST_TINT] = [0.38, 0.22]; // of the smallest cells, and of the largest without frames

  const shelf = dxr.shelf({ most: 256, atOnce: 6, make: (blob) => createImageBitmap(blob) });
  const SQUARES_KEPT = 64;
  const squares = new Map(); // of a large mosaic: address -> the rows in 64 x 64 cells, null while they are on their way
  let cells = { values: null, rows: null }; // which row lies in each cell, -1 for none

  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  function draw(scales, paint) {
    const layer = dxr.layer(dxr.ids.mapTiles);
    if (!paint.grid) {
      dxr.drawDensity(layer, scales, paint.density);
      return shelf.want([]);
    }
    const seen = geometry(scales, paint.grid, layer);
    if (!seen) return shelf.want([]);
    drawTiles(layer, seen, paint);
    drawColours(layer, seen, dxr.paintOf(paint.colours));
    for (const one of paint.sets) drawMembers(layer, seen, one);
    const veil = dxr.paintOf(paint.veil);
    if (veil) stretch(layer, seen, veil);
    return undefined;
  }

  // Behind points that are not all drawn: how many images lie where.
  dxr.drawDensity = ({ context, ratio }, scales, density) => {
    const image = density && dxr.paintOf(density.src);
    if (!image) return;
    const [x0, x1, y0, y1] = density.view;
    const [left, top] = scales.toScreen(x0, y1).map((edge) => edge * ratio);
    const [right, bottom] = scales.toScreen(x1, y0).map((edge) => edge * ratio);
    context.imageSmoothingQuality = "high";
    context.drawImage(image, left, top, right - left, bottom - top);
  };

  // Where cells are on the canvas, in its pixels, and which of them are seen. Edges are whole pixels: no seams.
  function geometry(scales, grid, { ratio, width, height }) {
    const [left, top] = scales.toScreen(grid.left, grid.top).map((edge) => edge * ratio);
    const [across, down] = [grid.cell * scales.perX * ratio, grid.cell * scales.perY * ratio];
    const first = clamp(Math.floor(-left / across), 0, grid.columns);
    const end = clamp(Math.ceil((width - left) / across), 0, grid.columns);
    const upper = clamp(Math.floor(-top / down), 0, grid.rows);
    const lower = clamp(Math.ceil((height - top) / down), 0, grid.rows);
    if (first >= end || upper >= lower) return null;
    const x = (column) => Math.round(left + column * across);
    const y = (line) => Math.round(top + line * down);
    return { ...grid, ratio, cellPx: across, first, end, upper, lower, x, y };
  }

  function drawTiles({ context }, seen, paint) {
    const { cellPx, columns, rows } = seen;
    const level = clamp(Math.ceil(Math.log2(cellPx / BLUR)), 0, MOST_LEVEL);
    const coarsest = clamp(Math.floor(Math.log2(TILE_PX / Math.max(columns, rows))), 0, level);
    const s = dxr.selection();
    const folder = `mosaic/${dxr.facts().version}/${encodeURIComponent(s.space)}/${paint.layout}`;
    const address = ([at, x, y]) => `${folder}/${at}/${x}_${y}.webp`;
    context.imageSmoothingQuality = "high";
    const sharp = tilesAt(level, seen);
    for (const tile of sharp) drawTile(context, seen, tile, coarsest, (one) => shelf.get(address(one)));
    const before = [coarsest, clamp(level - STAND_IN, coarsest, level)].flatMap((at) => tilesAt(at, seen));
    shelf.want([...new Set([...before, ...sharp].map(address))]);
  }

  // The tiles of a level that are seen, from the middle outwards.
  function tilesAt(level, { first, end, upper, lower }) {
    const n = TILE_PX >> level;
    const found = [];
    for (let y = Math.floor(upper / n); y * n < lower; y++)
      for (let x = Math.floor(first / n); x * n < end; x++) found.push([level, x, y]);
    const [middleX, middleY] = [(first + end) / 2 / n - 0.5, (upper + lower) / 2 / n - 0.5];
    const away = ([, x, y]) => (x - middleX) ** 2 + (y - middleY) ** 2;
    return found.sort((a, b) => away(a) - away(b));
  }

  // Draw a tile, or until it is there, its part of the finest coarser one that is.
  function drawTile(context, seen, [level, x, y], coarsest, get) {
    const n = TILE_PX >> level;
    const [left, top] = [seen.x(x * n), seen.y(y * n)];
    const [width, height] = [seen.x((x + 1) * n) - left, seen.y((y + 1) * n) - top];
    for (let at = level; at >= coarsest; at--) {
      const up = level - at;
      const image = get([at, x >> up, y >> up]);
      if (!image) continue;
      const side = TILE_PX >> up;
      const part = (place) => (place & ((1 << up) - 1)) * side;
      context.drawImage(image, part(x), part(y), side, side, left, top, width, height);
      return;
    }
  }

  function drawColours(layer, seen, image) {
    if (!image) return;
    const { context, ratio } = layer;
    const { cellPx, first, end, upper, lower, x, y } = seen;
    context.save();
    if (cellPx >= FRAMED_PX * ratio) {
      const side = Math.round(clamp((cellPx / ratio) * 0.06, 1, 2) * ratio);
      const stripes = new Path2D();
      const [wide, high] = [x(end) - x(first), y(lower) - y(upper)];
      for (let column = first; column <= end; column++) stripes.rect(x(column) - side, y(upper), 2 * side, high);
      for (let line = upper; line <= lower; line++) stripes.rect(x(first), y(line) - side, wide, 2 * side);
      context.clip(stripes);
    } else context.globalAlpha = TINT - ((TINT - LEAST_TINT) * cellPx) / (FRAMED_PX * ratio);
    stretch(layer, seen, image);
    context.restore();
  }

  // Lay a picture of one pixel for each cell over the cells that are seen.
  function stretch({ context }, { cellPx, first, end, upper, lower, x, y }, image) {
    context.imageSmoothingEnabled = cellPx < 1;
    const part = [first, upper, end - first, lower - upper];
    context.drawImage(image, ...part, x(first), y(upper), x(end) - x(first), y(lower) - y(upper));
    context.imageSmoothingEnabled = true;
  }

  function drawMembers({ context, ratio }, seen, { colour, places }) {
    const { cellPx, columns, first, end, upper, lower, x, y } = seen;
    const outlined = cellPx >= OUTLINED_PX * ratio;
    const side = outlined ? clamp((cellPx / ratio) * 0.08, 1.5, 3.5) * ratio : 0;
    const all = new Path2D();
    for (const place of places) {
      const [column, line] = [place % columns, Math.floor(place / columns)];
      if (column < first || column >= end || line < upper || line >= lower) continue;
      const [left, top] = [x(column) + side / 2, y(line) + side / 2];
      const width = Math.max(x(column + 1) - x(column) - side, ratio);
      all.rect(left, top, width, Math.max(y(line + 1) - y(line) - side, ratio));
    }
    [context.strokeStyle, context.fillStyle, context.lineWidth] = [colour, colour, side];
    if (outlined) context.stroke(all);
    else context.fill(all);
  }

  const gridNow = () => {
    const scales = dxr.scales();
    const paint = scales && scales.plot.layout.meta;
    return paint && paint.grid ? { scales, grid: paint.grid } : null;
  };

  // The image in a cell; -1 where there is none, or while that is not known.
  function rowIn(grid, column, line) {
    if (!dxr.isLarge()) return (rowsByCell(grid) || [])[line * grid.columns + column] ?? -1;
    const s = dxr.selection();
    const [x, y] = [column >> 6, line >> 6];
    const address = `cells/${dxr.facts().version}/${encodeURIComponent(s.space)}/${s.layout}/${x}_${y}.i32`;
    if (!squares.has(address)) {
      squares.set(address, null);
      while (squares.size > SQUARES_KEPT) squares.delete(squares.keys().next().value);
      const keep = async (answer) => squares.set(address, new Int32Array(answer.ok ? await answer.arrayBuffer() : 0));
      fetch(address).then(keep).catch(() => squares.delete(address));
    }
    const rows = squares.get(address);
    return rows ? rows[(line & 63) * 64 + (column & 63)] ?? -1 : -1;
  }

  function rowsByCell(grid) {
    const { values } = dxr.coordinates();
    if (!values || dxr.selection().arrangement !== "mosaic") return null;
    if (cells.values !== values) {
      const rows = new Int32Array(grid.columns * grid.rows).fill(-1);
      for (let row = 0; 2 * row < values.length; row++) {
        const column = Math.floor((values[2 * row] - grid.left) / grid.cell);
        rows[Math.floor((grid.top - values[2 * row + 1]) / grid.cell) * grid.columns + column] = row;
      }
      cells = { values, rows };
    }
    return cells.rows;
  }

  function boxOf({ scales, grid }, column, line) {
    const [left, top] = scales.toScreen(grid.left + column * grid.cell, grid.top - line * grid.cell);
    return { left, top, width: grid.cell * scales.perX, height: grid.cell * scales.perY, rounding: 0 };
  }

  // The image whose cell is at a place of the stage, and that cell; null outside.
  dxr.cellAt = (left, top) => {
    const now = gridNow();
    if (!now) return null;
    const { scales, grid } = now;
    const [x, y] = scales.toMap(left, top);
    const [column, line] = [Math.floor((x - grid.left) / grid.cell), Math.floor((grid.top - y) / grid.cell)];
    if (column < 0 || column >= grid.columns || line < 0 || line >= grid.rows) return null;
    const row = rowIn(grid, column, line);
    return row < 0 ? null : { row, box: boxOf(now, column, line) };
  };

  // The cell of an image, where it is large enough for a frame of its own.
  dxr.cellBox = (row) => {
    const now = gridNow();
    if (!now || now.grid.cell * now.scales.perX < FRAMED_PX) return null;
    const place = dxr.coordinates().at(row);
    if (!place) return null;
    const { grid } = now;
    return boxOf(now, Math.floor((place[0] - grid.left) / grid.cell), Math.floor((grid.top - place[1]) / grid.cell));
  };

  // By then every script has been read, in whatever order.
  document.addEventListener("DOMContentLoaded", () => dxr.onLayers(draw));
})();
