// Following images: a click anywhere asks with that image; the trail leads back through the chain.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const MOST_QUERIES = 64;
  const N_SLOTS = 32;
  const MOST_TRAIL = 64;

  dxr.keyOf = ({ row, set, item }) => (row !== undefined ? `r${row}` : `o.${set}.${-1 - Number(item)}`);

  // Ask with an image: a new row of the rank curves, or the one that is there. A gallery image becomes the focus, too.
  dxr.follow = (key) => {
    const s = dxr.selection();
    if (!s) return;
    const patch = {};
    if (key.startsWith("r")) {
      patch.focus = Number(key.slice(1));
      patch.trail = trailTo(s, patch.focus);
    }
    if (!s.queries.some((one) => one.key === key)) {
      if (s.queries.length >= MOST_QUERIES)
        dxr.say({ note: `${MOST_QUERIES} queries are as many as the page holds. Remove some first.`, tone: "plain" });
      else patch.queries = [...s.queries, { key, slot: freeSlot(s.queries), pinned: false, name: "" }];
    }
    dxr.change(patch, { step: true });
    dxr.flash(key);
  };

  // The trail up to the image that was looked at, and then this one: what lay beyond is left.
  function trailTo({ trail, focus }, row) {
    const at = focus === null ? -1 : trail.lastIndexOf(focus);
    if (at >= 0 && trail[at] === row) return trail;
    return [...trail.slice(0, at + 1), row].slice(-MOST_TRAIL);
  }

  function freeSlot(queries) {
    const used = queries.map((one) => one.slot);
    for (let slot = 0; slot < N_SLOTS; slot++) if (!used.includes(slot)) return slot;
    return queries.length % N_SLOTS;
  }
})();
