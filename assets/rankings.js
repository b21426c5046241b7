// What is known here of each query's ranking: hovering and brushing then ask the server nothing.
//
// For each query 14 bytes an image are kept: the item, distance and baseline percentile at each rank, and the rank of
// each gallery image. Up to FULL_IMAGES all of it is fetched; of larger collections the first page of ranks, and others
// when the brush gets there.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const PAGE = 65536; // ranks in one answer; rankings.py has the same number
  const FULL_IMAGES = 4 * PAGE;
  const KEPT = 48; // rankings
  const UNKNOWN = 65535;

  const rankings = new Map(); // address -> Ranking
  const files = new Map(); // address -> {value, ready}

  class Ranking {
    constructor(address, key) {
      this.address = address;
      this.key = key;
      this.n = null; // how many are ranked; null until the first page is here
      this.items = null;
      this.pages = new Map(); // page -> promise
      this.failed = false;
      this.ready = this.load(0).then(() => {
        const last = Math.floor((this.n - 1) / PAGE);
        const all = this.n <= FULL_IMAGES ? last : 0;
        return Promise.all(Array.from({ length: all }, (_, i) => this.load(i + 1)));
      });
      this.ready.catch(() => (this.failed = true));
    }

    load(page) {
      if (!this.pages.has(page)) this.pages.set(page, this.fetchPage(page));
      return this.pages.get(page);
    }

    async fetchPage(page) {
      const answer = await fetch(`${this.address}/${page}.bin`);
      if (!answer.ok) throw new Error(`${answer.status}`);
      const n = Number(answer.headers.get("X-Dxr-Ranked"));
      const bytes = await answer.arrayBuffer();
      if (!this.items) {
        this.n = n;
        this.items = new Int32Array(n);
        this.distances = new Float32Array(n);
        this.tenths = new Uint16Array(n).fill(UNKNOWN);
        this.known = new Uint8Array(Math.ceil(n / PAGE));
        this.ranks = new Uint32Array(Number(dxr.facts().images));
        this.outside = new Map();
      }
      const count = bytes.byteLength / 10;
      const start = page * PAGE;
      this.items.set(new Int32Array(bytes, 0, count), start);
      this.distances.set(new Float32Array(bytes, 4 * count, count), start);
      this.tenths.set(new Uint16Array(bytes, 8 * count, count), start);
      const { items, ranks } = this;
      for (let i = start; i < start + count; i++) {
        if (items[i] >= 0) ranks[items[i]] = i + 1;
        else this.outside.set(items[i], i + 1);
      }
      this.known[page] = 1;
      tell();
    }

    // The rank of an item, 1 = nearest; 0 when it is not ranked or not known yet.
    rank(item) {
      if (!this.items) return 0;
      return item >= 0 ? this.ranks[item] || 0 : this.outside.get(item) || 0;
    }

    // What is at a rank; null while it is not known, and then it is asked for.
    at(rank) {
      if (!this.items || rank < 1 || rank > this.n) return null;
      const page = Math.floor((rank - 1) / PAGE);
      if (!this.known[page]) {
        this.load(page).catch(() => {});
        return null;
      }
      const i = rank - 1;
      return { rank, item: this.items[i], distance: this.distances[i], tenths: this.tenths[i] };
    }

    // The rank whose distance is nearest to a value.
    nearestRank(distance) {
      let [low, high] = [0, this.n];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.distances[middle] < distance) low = middle + 1;
        else high = middle;
      }
      if (low === this.n || (low > 0 && distance - this.distances[low - 1] < this.distances[low] - distance)) low -= 1;
      return low + 1;
    }
  }

  const listeners = [];
  let telling = false;
  function tell() {
    if (telling) return;
    telling = true;
    requestAnimationFrame(() => {
      telling = false;
      for (const listener of listeners) listener();
    });
  }

  // Called when more is known of any ranking.
  dxr.onRanking = (listener) => listeners.push(listener);

  dxr.ranking = (key, metric = dxr.selection().metric) => {
    const s = dxr.selection();
    const address = `ranking/${dxr.facts().version}/${encodeURIComponent(s.space)}/${metric}/${key}`;
    let found = rankings.get(address);
    if (found) rankings.delete(address); // put it last: the oldest unused one goes first
    else found = new Ranking(address, key);
    rankings.set(address, found);
    if (found.failed) rankings.delete(address); // asked for again next time
    while (rankings.size > KEPT) rankings.delete(rankings.keys().next().value);
    return found;
  };

  function file(address, read) {
    if (!files.has(address)) {
      const entry = { value: null };
      entry.ready = fetch(address)
        .then((answer) => (answer.ok ? read(answer) : null))
        .then((value) => {
          entry.value = value;
          tell();
        })
        .catch(() => files.delete(address));
      files.set(address, entry);
    }
    return files.get(address).value;
  }

  const ints = async (answer) => new Int32Array(await answer.arrayBuffer());

  // Each image's label: {codes, names}; null while it is on its way.
  dxr.labels = () => {
    const { version } = dxr.facts();
    const codes = file(`labels/${version}.i32`, ints);
    const names = file(`labels/${version}.json`, (answer) => answer.json());
    return codes && names ? { codes, names } : null;
  };

  // The gallery rows of a query set, as a Set; null while they are on their way.
  dxr.members = (set) => file(`members/${dxr.facts().version}/${set}.i32`, async (a) => new Set(await ints(a)));

  dxr.labelOf = (row) => {
    const labels = dxr.labels();
    const code = labels && row >= 0 && labels.codes.length ? labels.codes[row] : -1;
    return code >= 0 ? labels.names[code] : "";
  };

  // Why an item found at a query is relevant: "set", the same query set; "label", the same label; or "".
  dxr.relevance = (key, item) => {
    if (key.startsWith("s.")) {
      if (item < 0) return "set";
      const members = dxr.members(key.slice(2));
      return members && members.has(item) ? "set" : "";
    }
    if (key.startsWith("o.")) {
      const set = key.split(".")[1];
      const members = dxr.members(set);
      return item < 0 || (members && members.has(item)) ? "set" : "";
    }
    const [row, { active }] = [Number(key.slice(1)), dxr.selection()];
    const members = active && dxr.members(active);
    if (members && members.has(row) && members.has(item)) return "set";
    const labels = dxr.labels();
    const code = labels && labels.codes.length ? labels.codes[row] : -1;
    return code >= 0 && item >= 0 && labels.codes[item] === code ? "label" : "";
  };

  // "closer than 99.7 % of random pairs", from tenths of a per cent; the words are those of theme.py.
  dxr.percent = (tenths) => (tenths === UNKNOWN ? "–" : `${tenths / 10}\u202f%`);
  dxr.closerThan = (tenths) =>
    tenths === UNKNOWN
      ? "no baseline to compare with"
      : tenths >= 1000
        ? "closer than every random pair"
        : `closer than ${dxr.percent(tenths)} of random pairs`;

  dxr.count = (n) => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
})();
