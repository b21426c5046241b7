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
    if (key.startsWith("r") && Number(key.slice(1)) !== s.focus) {
      patch.focus = Number(key.slice(1));
      patch.trail = dxr.trailTo(s, patch.focus);
    }
    if (!s.queries.some((one) => one.key === key)) {
      if (s.queries.length >= MOST_QUERIES)
        dxr.say({ note: `${MOST_QUERIES} queries are as many as the page holds. Remove some first.`, tone: "plain" });
      else patch.queries = [...s.queries, { key, slot: freeSlot(s.queries), pinned: false, name: "" }];
    }
    dxr.ranking(key); // under way while the server draws the row
    if (Object.keys(patch).length) dxr.change(patch, { step: true });
    dxr.flash(key);
  };

  // The trail up to the image that was looked at, and then this one: what lay beyond is left.
  dxr.trailTo = ({ trail, focus }, row) => {
    const at = focus === null ? -1 : trail.lastIndexOf(focus);
    if (at >= 0 && trail[at] === row) return trail;
    return [...trail.slice(0, at + 1), row].slice(-MOST_TRAIL);
  };

  dxr.changeQueries = (change, { step = true } = {}) => {
    const { queries } = dxr.selection();
    const next = change(queries);
    // pinned rows stay on top, each group in its order
    dxr.change({ queries: [...next.filter((one) => one.pinned), ...next.filter((one) => !one.pinned)] }, { step });
  };

  dxr.removeQueries = (which) => {
    const { queries, strip } = dxr.selection();
    const gone = queries.filter(which);
    if (!gone.length) {
      dxr.say({ note: "Only pinned rows are left. Remove them one by one, or let go of their pins.", tone: "plain" });
      return;
    }
    const kept = queries.filter((one) => !which(one));
    dxr.change({ queries: kept, ...(gone.some(({ key }) => key === strip) ? { strip: "map" } : {}) }, { step: true });
    const note = gone.length === 1 ? "Row removed." : `${gone.length} rows removed.`;
    dxr.say({ note, undo: () => dxr.bringBack(gone, queries) });
  };

  // Put rows back where they were among others; what has come since stays.
  dxr.bringBack = (gone, before) =>
    dxr.changeQueries((all) => {
      const next = [...all];
      const placeOf = (one) => next.findIndex(({ key }) => key === one.key);
      for (const one of [...gone].reverse()) {
        if (placeOf(one) >= 0) continue;
        const follower = before.slice(before.indexOf(one) + 1).find((other) => placeOf(other) >= 0);
        next.splice(follower ? placeOf(follower) : next.length, 0, one);
      }
      return next;
    });

  dxr.pin = (key) =>
    dxr.changeQueries((all) => all.map((one) => (one.key === key ? { ...one, pinned: !one.pinned } : one)));

  dxr.moveQuery = (key, by) =>
    dxr.changeQueries((all) => {
      const [at, next] = [all.findIndex((one) => one.key === key), [...all]];
      const [one] = next.splice(at, 1);
      next.splice(Math.min(Math.max(at + by, 0), next.length), 0, one);
      return next;
    });

  dxr.nameQuery = (key, name) =>
    dxr.changeQueries((all) => all.map((one) => (one.key === key ? { ...one, name } : one)), { step: false });

  // Make a query set of the pinned rows; of all images when none is pinned.
  dxr.mergeQueries = () => {
    const { queries } = dxr.selection();
    const pinned = queries.filter((one) => one.pinned);
    const merged = pinned.length ? pinned : queries.filter(({ key }) => !key.startsWith("s."));
    if (!merged.length) {
      dxr.say({ note: "Click some images first, or pin the rows to merge.", tone: "plain" });
      return;
    }
    const facts = `${merged.length} row${merged.length === 1 ? "" : "s"} become one query set.`;
    const keys = merged.map(({ key }) => key);
    dxr.askName({ title: "New query set", facts, then: (name) => dxr.command({ do: "merge", name, queries: keys }) });
  };

  // Another feature space has another map: nothing that was drawn on this one means anything there.
  dxr.useSpace = (space) => {
    const s = dxr.selection();
    const beside = s.beside === space ? s.space : s.beside; // the two change places
    const whole = { lasso: [], view: null, beside_view: null, opened: s.opened + 1 };
    dxr.change({ space, layout: "umap", beside, ...whole }, { step: true });
  };

  // Query sets have colours of their own, from the first on: images begin farther back.
  const SLOTS = Array.from({ length: N_SLOTS }, (_, i) => (i < 8 ? (i + 3) % 8 : i));

  function freeSlot(queries) {
    const used = queries.map((one) => one.slot);
    const free = SLOTS.find((slot) => !used.includes(slot));
    return free === undefined ? queries.length % N_SLOTS : free;
  }

  // Add a query set, in its own colour; an image that had this colour takes another.
  dxr.withSet = (queries, set, slot) => {
    const key = `s.${set}`;
    if (queries.some((one) => one.key === key)) return queries;
    const all = [...queries, { key, slot, pinned: false, name: "" }];
    return all.map((one) => (one.slot === slot && !one.key.startsWith("s.") ? { ...one, slot: freeSlot(all) } : one));
  };
})();
