// Which images stand in line on the strip: all in map order, the selection, or a query's ranking.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const KEPT = 6; // orders
  const FEW = 1024; // images in one answer, of a large collection's line; of others, all

  const orders = new Map(); // address -> {n, rows, places, failed}; n is null until the first page is here
  const watched = new WeakSet(); // rankings whose failing is told
  const listeners = [];
  dxr.onLine = (listener) => listeners.push(listener);
  const tell = () => listeners.forEach((listener) => listener());

  function order(address) {
    let found = orders.get(address);
    if (found) orders.delete(address); // put it last: the oldest unused one goes first
    else {
      const all = Number(dxr.facts().allAtOnce);
      const size = dxr.isLarge() ? Math.min(FEW, all) : all;
      found = { address, size, n: null, pages: new Map(), asked: new Set(), places: new Map(), failed: false };
      load(found, 0);
    }
    orders.set(address, found);
    while (orders.size > KEPT) orders.delete(orders.keys().next().value);
    return found;
  }

  async function load(entry, page) {
    if (entry.asked.has(page)) return;
    entry.asked.add(page);
    try {
      const answer = await fetch(entry.address.replace("PAGE", `${entry.size}/${page}`));
      if (!answer.ok) throw new Error(`${answer.status}`);
      const rows = new Uint32Array(await answer.arrayBuffer());
      entry.n = Number(answer.headers.get("X-Dxr-Images"));
      entry.pages.set(page, rows);
      rows.forEach((row, i) => entry.places.set(row, page * entry.size + i));
    } catch {
      entry.failed = true;
    }
    tell();
  }

  // The row at a place; null while it is not known, and then its page is asked for.
  function rowAt(entry, place) {
    const number = Math.floor(place / entry.size);
    const page = entry.pages.get(number);
    if (!page) load(entry, number);
    return page ? page[place % entry.size] : null;
  }

  const says = (message) => ({ n: 0, message });

  function ofOrder(entry, what) {
    if (entry.failed) return says("These images could not be put in line. Reload the page.");
    if (entry.n === null) return says("");
    return {
      n: entry.n,
      item: (place) => rowAt(entry, place),
      place: (item) => entry.places.get(item) ?? -1,
      about: (place) => {
        const row = rowAt(entry, place);
        return row === null ? null : { row, note: `${dxr.count(place + 1)} of ${dxr.count(entry.n)} ${what}` };
      },
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
    return order(`selected/${dxr.facts().version}/PAGE.u32?${said}`);
  };

  function selected() {
    const found = dxr.selectedOrder();
    if (!found) return says("Nothing is selected. Draw a lasso on the map, or choose a group in its legend.");
    if (found.n === 0) return says("The lasso holds no image. Draw a larger one.");
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
    return ofOrder(order(`order/${dxr.facts().version}/${encodeURIComponent(space)}/${layout}/PAGE.u32`), "in map order");
  };

  // The place of what is under the pointer, here or in any other panel.
  dxr.placeOf = (line, what) => {
    if (!what || !line.n) return -1;
    if (what.row !== undefined) return line.place(what.row);
    return what.item !== undefined && line.set === what.set ? line.place(what.item) : -1;
  };
})();
