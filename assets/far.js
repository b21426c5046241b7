// What the map hides: which of the focused image's nearest images it has placed far away.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const FAR = 10; // a neighbour is far when more than so many times k images lie nearer on the map

  let known = { key: "", rows: [], far: new Set() };

  // The rows of the neighbours on the page, and those of them that are far on the map, once the server has said so.
  dxr.neighboursOnMap = (s) => {
    const list = dxr.element(dxr.ids.neighbours);
    const card = list.querySelector(".focus-card .thumb[data-row]");
    const fits = s.focus !== null && card && Number(card.dataset.row) === s.focus; // not of the focus before
    const rows = fits ? [...list.querySelectorAll(".grid .thumb[data-row]")].map((one) => Number(one.dataset.row)) : [];
    const space = encodeURIComponent(s.space);
    const where = `map-ranks/${dxr.facts().version}/${space}/${s.layout}/${s.arrangement}/${s.focus}.u32`;
    const key = rows.length ? `${where}?rows=${rows.join(",")}` : "";
    if (key !== known.key) {
      known = { key, rows, far: new Set() };
      say(known);
      if (key) ask(known);
    }
    return known;
  };

  async function ask(one) {
    try {
      const answer = await fetch(one.key);
      if (!answer.ok || one !== known) return;
      const ranks = new Uint32Array(await answer.arrayBuffer());
      one.far = new Set(one.rows.filter((_, i) => ranks[i] > FAR * one.rows.length));
    } catch {
      return; // the status line says that the server does not answer
    }
    if (one !== known) return;
    say(one);
    dxr.drawOverlay();
  }

  function say({ rows, far }) {
    const note = dxr.element(dxr.ids.mapFar);
    const lie = far.size === 1 ? "lies" : "lie";
    const what = `${far.size} of the ${rows.length} nearest images ${lie} far away on this map`;
    const text = far.size ? `${what} (over ${FAR * rows.length} others are nearer)` : "";
    if (note.textContent !== text) note.textContent = text;
  }
})();
