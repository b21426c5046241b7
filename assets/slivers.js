// The strip's pictures: slivers, many in one file, and thumbnails for the few that the lens shows whole.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const IN_FILE = 64; // slivers asked for at once
  const MOST_SLIVERS = 8192; // kept: four kilobytes each
  const MOST_WHOLE = 160; // thumbnails kept
  const FILES_AT_ONCE = 3;
  const WHOLE_AT_ONCE = 6;
  const RESTS_MS = 60; // what the lens only flies over is not asked for

  const slivers = new Map(); // row -> {file, at}
  const files = new Set(); // {rows, bitmap, used}
  const whole = new Map(); // address -> {image, ready, used}
  const asked = new Set(); // rows on their way, and those that cannot be had
  let frame = 0;
  let filesAsked = 0;
  let wholeAsked = 0;
  let wanted = { rows: [], whole: [] };
  let since = new Map(); // what is wanted -> since when

  const listeners = [];
  dxr.onPicture = (listener) => listeners.push(listener);
  const tell = () => listeners.forEach((listener) => listener());

  const addressOf = (item, set) =>
    item >= 0 ? `thumbnails/${dxr.facts().version}/${item}.jpg` : `outside/${dxr.facts().version}/${set}/${-1 - item}.jpg`;

  // The middle of a gallery image as {picture, left, width, height}; null while it is not here.
  dxr.sliverOf = (row) => {
    const found = slivers.get(row);
    if (!found) return null;
    const { file, at } = found;
    file.used = frame;
    const width = file.bitmap.width / file.rows.length;
    return { picture: file.bitmap, left: at * width, width, height: file.bitmap.height };
  };

  // The thumbnail of an item; null while it is not here.
  dxr.wholeOf = (item, set) => {
    const found = whole.get(addressOf(item, set));
    if (!found || !found.ready) return null;
    found.used = frame;
    return found.image;
  };

  // Ask for what the line needs now: gallery rows, and {item, set} to be seen whole; what matters most comes first.
  dxr.wantPictures = (rows, items) => {
    frame += 1;
    wanted = {
      rows: rows.filter((row) => !slivers.has(row) && !asked.has(row)),
      whole: items.map(({ item, set }) => addressOf(item, set)).filter((address) => !whole.has(address)),
    };
    const now = performance.now();
    since = new Map([...wanted.rows, ...wanted.whole].map((one) => [one, since.get(one) ?? now]));
    ask();
  };

  let later = 0;
  function ask() {
    const until = performance.now() - RESTS_MS;
    const ripe = (one) => since.get(one) <= until;
    const take = (list, most) => {
      const found = wanted[list].filter(ripe).slice(0, most);
      wanted[list] = wanted[list].filter((one) => !found.includes(one));
      return found;
    };
    for (let rows; filesAsked < FILES_AT_ONCE && (rows = take("rows", IN_FILE)).length; ) askFile(rows);
    take("whole", WHOLE_AT_ONCE - wholeAsked).forEach(askWhole);
    clearTimeout(later);
    if ([...wanted.rows, ...wanted.whole].some((one) => !ripe(one))) later = setTimeout(ask, RESTS_MS / 2);
  }

  async function askFile(rows) {
    filesAsked += 1;
    for (const row of rows) asked.add(row);
    try {
      const answer = await fetch(`slivers/${dxr.facts().version}/${rows.join(",")}.jpg`);
      if (!answer.ok) throw new Error(`${answer.status}`);
      const file = { rows, bitmap: await createImageBitmap(await answer.blob()), used: frame };
      files.add(file);
      rows.forEach((row, at) => {
        asked.delete(row);
        slivers.set(row, { file, at });
      });
      forget();
    } catch {
      // they stay in `asked`: what cannot be had is not asked for again and again
    }
    filesAsked -= 1;
    ask();
    tell();
  }

  function forget() {
    while (slivers.size > MOST_SLIVERS) {
      const oldest = [...files].reduce((a, b) => (b.used < a.used ? b : a));
      files.delete(oldest);
      for (const row of oldest.rows) if (slivers.get(row).file === oldest) slivers.delete(row);
      oldest.bitmap.close();
    }
  }

  function askWhole(address) {
    wholeAsked += 1;
    const one = { image: new Image(), ready: false, used: frame };
    whole.set(address, one);
    while (whole.size > MOST_WHOLE) {
      const [oldest] = [...whole].reduce((a, b) => (b[1].used < a[1].used ? b : a));
      whole.delete(oldest);
    }
    const done = () => {
      wholeAsked -= 1;
      ask();
      tell();
    };
    one.image.src = address;
    one.image.decode().then(() => (one.ready = true)).catch(() => {}).then(done);
  }
})();
