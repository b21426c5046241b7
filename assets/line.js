// Which images stand in line on the strip: all in map order, the selection, or a query's ranking.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const KEPT = 6; // orders

  const orders = new Map(); // address -> {rows, places, failed}; rows are null while they are on their way
  const watched = new WeakSet(); // rankings whose failing is told
  const listeners = [];
  dxr.onLine = (listener) => listeners.push(listener);
  const tell = () => listeners.forEach((listener) => listener());

  function order(address) {
    let found = orders.get(address);
    if (found) orders.delete(address); // put it last: the oldest unused one goes first
    else {
      const entry = (found = { rows: null, places: null, failed: false });
      fetch(address)
        .then((answer) => (answer.ok ? answer.arrayBuffer() : Promise.reject(new Error(`${answer.status}`))))
        .then((bytes) => {
          entry.rows = new Uint32Array(bytes);
          entry.places = new Int32Array(Number(dxr.facts().images)).fill(-1);
          entry.rows.forEach((row, place) => (entry.places[row] = place));
        })
        .catch(() => (entry.failed = true))
        .then(tell);
    }
    orders.set(address, found);
    while (orders.size > KEPT) orders.delete(orders.keys().next().value);
    return found;
  }

  const says = (message) => ({ n: 0, message });

  function ofOrder({ rows, places, failed }, what) {
    if (failed) return says("These images could not be put in line. Reload the page.");
    if (!rows) return says("");
    return {
      n: rows.length,
      item: (place) => rows[place],
      place: (item) => (item >= 0 ? places[item] : -1),
      about: (place) => ({ row: rows[place], note: `${dxr.count(place + 1)} of ${dxr.count(rows.length)} ${what}` }),
    };
  }

  // The images that the lasso or the legend selects; null when nothing is selected.
  dxr.selectedOrder = () => {
    const { space, layout, lasso, drawn_on, picked } = dxr.selection();
    if (!lasso.length && !picked) return null;
    // as the page's own address has them; that one is a moment behind the selection
    const said = new URLSearchParams({ space, layout });
    if (lasso.length) said.set("lasso", lasso.flat().map((x) => Number(x.toPrecision(5))));
    if (lasso.length) said.set("on", drawn_on);
    if (picked) said.set("pick", picked.join("="));
    return order(`selected/${dxr.facts().version}.u32?${said}`);
  };

  function selected() {
    const found = dxr.selectedOrder();
    if (!found) return says("Nothing is selected. Draw a lasso on the map, or choose a group in its legend.");
    if (found.rows && !found.rows.length) return says("The lasso holds no image. Draw a larger one.");
    return ofOrder(found, "selected");
  }

  function ranked(key) {
    const ranking = dxr.ranking(key);
    if (!watched.has(ranking)) {
      watched.add(ranking);
      ranking.ready.catch(tell);
    }
    if (ranking.failed) return says("This ranking cannot be had. Its row says why; show something else.");
    if (ranking.n === null) return says("");
    if (!ranking.n) return says("There is no other image to rank. Show all images, or ask with another.");
    return {
      n: ranking.n,
      key,
      set: key.split(".")[1],
      item: (place) => {
        const one = ranking.at(place + 1);
        return one && one.item;
      },
      place: (item) => ranking.rank(item) - 1,
      about: (place) => {
        const one = ranking.at(place + 1);
        if (!one) return null;
        const far = `distance ${one.distance.toFixed(3)} · ${dxr.closerThan(one.tenths)}`;
        return { ...dxr.about(key, one), note: `Rank ${dxr.count(one.rank)} · ${far}` };
      },
    };
  }

  // What stands in line now: n images; `item` at a place, null while it is not known; the `place` of an item, -1 where
  // it has none; what the hover card says `about` a place; the `key` of the query that ranks them. Or a `message`.
  dxr.line = () => {
    const { strip, space, layout } = dxr.selection();
    if (strip === "selection") return selected();
    if (strip !== "map") return ranked(strip);
    return ofOrder(order(`order/${dxr.facts().version}/${encodeURIComponent(space)}/${layout}.u32`), "in map order");
  };

  // The place of what is under the pointer, here or in any other panel.
  dxr.placeOf = (line, what) => {
    if (!what || !line.n) return -1;
    if (what.row !== undefined) return line.place(what.row);
    return what.item !== undefined && line.set === what.set ? line.place(what.item) : -1;
  };
})();
