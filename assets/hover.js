// The image under the pointer, wherever it is: a card with its picture, a ring on the map, a mark on the distances.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const MOST_RANKS = 12; // queries in the card
  const KEPT = 300; // pictures whose bytes are kept here; the browser's own cache holds the rest

  const pictures = new Map(); // row -> promise of {src, name, label}
  let under = null; // what the pointer is on: {row, distance, note, ...}
  let source = null; // the thumbnail it is on; null on the map
  let turn = 0;

  dxr.distances = () => {
    const s = dxr.selection();
    if (!s || !s.active) return null;
    return dxr.numbers(`distances/${dxr.facts().version}/${encodeURIComponent(s.space)}/${s.active}.f32`, 1);
  };

  function pictureOf(row) {
    if (!pictures.has(row)) {
      if (pictures.size >= KEPT) {
        const [oldest, promise] = pictures.entries().next().value;
        pictures.delete(oldest);
        promise.then(({ src }) => URL.revokeObjectURL(src)).catch(() => {});
      }
      const address = `thumbnails/${dxr.facts().version}/${row}.jpg`;
      pictures.set(
        row,
        fetch(address).then(async (answer) => {
          const about = JSON.parse(decodeURIComponent(answer.headers.get("X-Dxr-Image")));
          return { src: URL.createObjectURL(await answer.blob()), ...about };
        }),
      );
    }
    pictures.get(row).catch(() => pictures.delete(row));
    return pictures.get(row);
  }

  const listeners = [];
  dxr.onHover = (listener) => listeners.push(listener);

  // Say what the pointer is on. `at` says where that is on the screen; the card goes beside it, or `above` a height.
  dxr.hover = async (what, at, thumb = null) => {
    const mine = ++turn;
    [under, source] = [what, thumb];
    light(what.row);
    dxr.drawOverlay();
    dxr.markDistance(distanceOf(what));
    for (const listener of listeners) listener(what);
    try {
      const about = what.row === undefined ? what : { ...(await pictureOf(what.row)), note: what.note };
      if (mine === turn) showCard(about, at);
    } catch {
      // without its picture there is no card; the status line says that the server does not answer
    }
  };

  dxr.leave = () => {
    if (!under) return;
    turn += 1;
    under = null;
    light(undefined);
    dxr.drawOverlay();
    dxr.markDistance(null);
    for (const listener of listeners) listener(null);
    dxr.element(dxr.ids.card).hidden = true;
  };

  dxr.underPointer = () => under;

  function distanceOf(what) {
    const known = dxr.distances();
    if (!known) return null;
    const value = what.row === undefined ? what.distance : known.at(what.row)?.[0];
    return Number.isFinite(value) ? value : null;
  }

  function light(row) {
    for (const one of document.querySelectorAll(".thumb.lit")) one.classList.remove("lit");
    if (row === undefined) return;
    for (const one of document.querySelectorAll(`.thumb[data-row="${row}"]`)) one.classList.add("lit");
  }

  // Names are text, never markup: nothing here goes through innerHTML.
  function showCard(about, at) {
    const card = dxr.element(dxr.ids.card);
    const line = (text, name) => {
      const p = document.createElement("p");
      p.className = name;
      p.dir = "auto";
      p.textContent = text;
      return p;
    };
    const image = document.createElement("img");
    image.src = about.src;
    image.alt = "";
    const parts = [image, line(about.name, "name")];
    if (about.label) parts.push(line(about.label, "label"));
    const distance = distanceOf(under || {});
    const s = dxr.selection();
    if (distance !== null) parts.push(line(`${distance.toFixed(3)} to the active set`, "distance"));
    else if (s && s.active && under && under.row !== undefined && !dxr.distances().at(under.row))
      dxr.distances().ready.then(() => under && dxr.markDistance(distanceOf(under)));
    if (about.note) parts.push(line(about.note, "note"));
    const ranks = under && rankTable(under);
    if (ranks) parts.push(ranks);
    card.replaceChildren(...parts);
    card.hidden = false;
    const [width, height, gap] = [card.offsetWidth, card.offsetHeight, 14];
    const beside = at.right + gap + width > innerWidth ? at.left - gap - width : at.right + gap;
    const left = at.above === undefined ? beside : Math.min((at.left + at.right - width) / 2, innerWidth - width - 8);
    const wanted = at.above === undefined ? at.y - height / 2 : at.above - gap - height;
    const top = Math.min(Math.max(wanted, 8), innerHeight - height - 8);
    card.style.transform = `translate(${Math.max(left, 8)}px, ${Math.max(top, 8)}px)`;
  }

  // The rank and distance of what the pointer is on, for each query that knows it.
  function rankTable(what) {
    const { queries } = dxr.selection();
    const table = document.createElement("table");
    for (const { key, slot } of queries) {
      const rank = dxr.rankFor(key, what);
      if (!rank) continue;
      if (table.rows.length === MOST_RANKS) {
        table.insertRow().insertCell().textContent = "…";
        break;
      }
      const row = table.insertRow();
      const [sign, where, far] = [row.insertCell(), row.insertCell(), row.insertCell()];
      sign.className = `sign set-${slot % 8}`;
      where.textContent = `rank ${dxr.count(rank)}`;
      far.textContent = dxr.ranking(key).at(rank).distance.toFixed(3);
    }
    return table.rows.length ? table : null;
  }

  function thumbUnder(event) {
    return event.target instanceof Element ? event.target.closest(".thumb") : null;
  }

  function enter(thumb) {
    const { row, name, label, src, note, distance, item, set } = thumb.dataset;
    const box = thumb.getBoundingClientRect();
    const what = { name, label, src, note };
    if (row !== undefined) what.row = Number(row);
    else if (set !== undefined) [what.item, what.set] = [Number(item), set];
    if (distance !== undefined) what.distance = Number(distance);
    dxr.hover(what, { left: box.left, right: box.right, y: box.top + box.height / 2 }, thumb);
  }

  // A thumbnail that the pointer or the keyboard is on shows another image now.
  dxr.hoverAgain = (thumb) => {
    if (thumb === source && thumb.matches(":hover, :focus-visible")) enter(thumb);
  };

  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const thumb = thumbUnder(event);
    if (thumb) enter(thumb);
  });
  document.addEventListener("pointerout", (event) => {
    const thumb = thumbUnder(event);
    if (thumb && !thumb.contains(event.relatedTarget)) dxr.leave();
  });
  // A finger elsewhere closes the card: there is no pointer to leave with.
  document.addEventListener("pointerdown", ({ pointerType, target }) => {
    if (pointerType === "touch" && !target.closest(`.thumb, .stage, #${dxr.ids.stripStage}`)) dxr.leave();
  });
  document.addEventListener("focusin", (event) => {
    const thumb = thumbUnder(event);
    if (thumb && thumb.matches(":focus-visible")) enter(thumb);
  });
  document.addEventListener("focusout", (event) => {
    if (thumbUnder(event)) dxr.leave();
  });
  // What the pointer was on has moved away under it: a thumbnail that is no longer there, or the page with the map.
  function scrolled({ target }) {
    const still = source ? source.matches(":hover, :focus-visible") : !target.contains(dxr.element(dxr.ids.mapStage));
    if (!still) dxr.leave();
  }
  document.addEventListener("scroll", scrolled, { capture: true, passive: true });
})();
