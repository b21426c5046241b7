// Numbers of images: all of a collection at once where it is small, of a large one those that are needed.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const ADDRESSES_KEPT = 8;
  const ROWS_KEPT = 20000;
  const ASKED_AT_ONCE = 128; // routes.py takes no more

  const known = new Map(); // address -> Numbers
  const all = () => Number(dxr.facts().images) <= Number(dxr.facts().allAtOnce);

  class Numbers {
    constructor(address, width) {
      Object.assign(this, { address, width, values: null, rows: new Map(), wanted: new Set(), underway: new Set() });
      this.ready = all() ? this.fetchAll() : Promise.resolve();
      this.ready.catch(() => known.delete(address)); // asked for again once the server is back
    }

    async fetchAll() {
      this.values = await floats(this.address);
      drawAgain();
    }

    // The numbers of a row; null while they are not here, and then they are asked for.
    at(row) {
      const { values, width } = this;
      if (values) return width * row + width <= values.length ? values.subarray(width * row, width * (row + 1)) : null;
      if (all()) return null;
      const found = this.rows.get(row);
      if (found || this.underway.has(row)) return found || null;
      if (!this.wanted.size) this.ready = Promise.resolve().then(() => this.fetchWanted());
      this.wanted.add(row);
      return null;
    }

    async fetchWanted() {
      const rows = [...this.wanted];
      this.wanted.clear();
      for (const row of rows) this.underway.add(row);
      try {
        for (let i = 0; i < rows.length; i += ASKED_AT_ONCE) {
          const some = rows.slice(i, i + ASKED_AT_ONCE);
          const values = await floats(`${this.address}?rows=${some.join(",")}`);
          if (values.length !== some.length * this.width) return; // they stay under way: not asked for again and again
          some.forEach((row, j) => this.rows.set(row, values.subarray(this.width * j, this.width * (j + 1))));
        }
        for (const row of rows) this.underway.delete(row);
        while (this.rows.size > ROWS_KEPT) this.rows.delete(this.rows.keys().next().value);
      } catch {
        for (const row of rows) this.underway.delete(row);
        return;
      }
      drawAgain();
    }
  }

  function drawAgain() {
    dxr.drawOverlay();
    dxr.drawLayers();
  }

  async function floats(address) {
    const answer = await fetch(address);
    return new Float32Array(answer.ok ? await answer.arrayBuffer() : new ArrayBuffer(0));
  }

  // `width` float32 numbers for each image: {at(row), values: all of them or null, ready}. What is drawn over, on and
  // under the maps is drawn again when they come.
  dxr.numbers = (address, width) => {
    let found = known.get(address);
    if (found) known.delete(address); // put it last: the oldest unused one goes first
    else found = new Numbers(address, width);
    known.set(address, found);
    while (known.size > ADDRESSES_KEPT) known.delete(known.keys().next().value);
    return found;
  };

  // Whether a collection is too large for all of its numbers.
  dxr.isLarge = () => !all();
})();
