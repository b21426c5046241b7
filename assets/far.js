// What the map hides: which of the focused image's nearest images it has placed far away.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const FAR = 10; // a neighbour is far when more than so many times k images lie nearer on the map

  let known = { key: null, rows: [], far: new Set() };

  // The rows of the neighbours on the page, and those of them that are far on the map.
  dxr.neighboursOnMap = (s, values) => {
    const list = dxr.element(dxr.ids.neighbours);
    const card = list.querySelector(".focus-card .thumb[data-row]");
    const fits = s.focus !== null && card && Number(card.dataset.row) === s.focus; // not of the focus before
    const rows = fits ? [...list.querySelectorAll(".grid .thumb[data-row]")].map((one) => Number(one.dataset.row)) : [];
    const key = values && rows.length ? [s.space, s.layout, s.arrangement, s.focus, ...rows].join(" ") : "";
    if (key !== known.key) {
      known = { key, rows, far: key ? farOf(s.focus, rows, values) : new Set() };
      say(known);
    }
    return known;
  };

  // A neighbour's rank on the map counts the images that lie strictly nearer to the focus, itself left out.
  function farOf(focus, rows, values) {
    const [x, y] = [values[2 * focus], values[2 * focus + 1]];
    const distance = (row) => (values[2 * row] - x) ** 2 + (values[2 * row + 1] - y) ** 2;
    const sorted = [...rows].sort((a, b) => distance(a) - distance(b));
    const ends = sorted.map(distance);
    const longest = ends[ends.length - 1];
    const nearer = new Uint32Array(rows.length + 1); // images nearer than neighbour i, but not than neighbour i - 1
    for (let row = 0; 2 * row < values.length; row++) {
      const here = distance(row);
      if (row === focus || here >= longest) continue;
      let i = 0;
      while (ends[i] <= here) i += 1;
      nearer[i] += 1;
    }
    const far = new Set();
    let count = 0;
    sorted.forEach((row, i) => {
      count += nearer[i];
      if (count + 1 > FAR * rows.length) far.add(row);
    });
    return far;
  }

  function say({ rows, far }) {
    const note = dxr.element(dxr.ids.mapFar);
    const lie = far.size === 1 ? "lies" : "lie";
    const what = `${far.size} of the ${rows.length} nearest images ${lie} far away on this map`;
    const text = far.size ? `${what} (over ${FAR * rows.length} others are nearer)` : "";
    if (note.textContent !== text) note.textContent = text;
  }
})();
