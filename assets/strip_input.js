// The strip under the pointer and the keyboard: hover, click, the brush, the lens, and the choice of what stands in line.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const CLICK_PX = 4; // less movement than this is a click
  const EDGE_PX = 7; // this near to an edge of the brush, a drag moves the edge
  const MOST_WIDTH = 50; // ranks in the brush; state.py has the same number
  const STRONGEST = 10;
  const WHEEL_PX = 24; // sideways, for one image
  const TAP_PX = 14; // an image this wide can be tapped
  const LONGEST = 40; // letters of a name in the list

  let pointer = null; // {x, y, holds} on the stage
  let press = null; // {x, grip, offset, dragging, touch}
  let seen = -1; // the place that the card is about

  // ---- Looking at an image.

  function look(place) {
    const { line } = dxr.stripNow();
    const about = place >= 0 && place < line.n ? line.about(place) : null;
    if (!about) return leave();
    if (place === seen) return undefined;
    seen = place;
    return showAt(place, about);
  }

  function showAt(place, about) {
    const { lens } = dxr.stripNow();
    const box = dxr.stripStage().getBoundingClientRect();
    const [left, right] = [lens.place(place), lens.place(place + 1)].map((x) => x + box.left);
    dxr.hover(about, { left, right, y: box.top, above: box.top });
  }

  function leave() {
    if (seen < 0) return;
    seen = -1;
    dxr.leave();
  }

  // What is drawn at x; with the lens following, the image at its focus.
  function placeAt(x) {
    const { drawn, lens } = dxr.stripNow();
    if (!lens || x < 0 || x >= lens.width) return -1;
    const found = drawn.find(({ right }) => x < right);
    return found ? found.image : -1;
  }

  dxr.followOnStrip = (place) => {
    const { line } = dxr.stripNow();
    const about = place >= 0 && line.n ? line.about(place) : null;
    if (about) dxr.follow(dxr.keyOf(about));
  };

  // ---- Pointers.

  function spot(event) {
    const box = dxr.stripStage().getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  function move(event) {
    const { x, y } = spot(event);
    if (press) return drag(event, x);
    if (event.pointerType === "touch") return undefined;
    const { lens, open } = dxr.stripNow();
    const below = y > dxr.stripParts.rail;
    if (!lens) return undefined;
    pointer = { x };
    if (x <= lens.width && !(below && open)) dxr.openLens((x / lens.width) * lens.n);
    dxr.stripStage().style.cursor = cursorAt(x, below);
    dxr.drawStrip();
    return undefined;
  }

  function cursorAt(x, below) {
    const { grip } = gripAt(x);
    if (grip === "first" || grip === "last") return "ew-resize";
    return below && grip ? "grab" : placeAt(x) >= 0 ? "pointer" : "default";
  }

  function gripAt(x) {
    const { line, lens } = dxr.stripNow();
    if (!line.key || !lens) return {};
    const ends = dxr.brushOnStrip();
    const rank = lens.image(x) + 1;
    const { first, width } = dxr.brush();
    if (ends) {
      const [from, to] = ends;
      if (to - from > 3 * EDGE_PX && Math.abs(x - from) <= EDGE_PX) return { grip: "first" };
      if (Math.abs(x - to) <= EDGE_PX && (to - from > 3 * EDGE_PX || x > to)) return { grip: "last" };
      if (x >= from && x <= to) return { grip: "all", offset: first - rank };
    }
    return { grip: "all", offset: -width / 2 };
  }

  function down(event) {
    if (event.button !== 0 || !dxr.stripNow().lens) return;
    const { x, y } = spot(event);
    const touch = event.pointerType === "touch";
    const below = y > dxr.stripParts.rail;
    press = { x, touch, dragging: false, ...gripAt(x) };
    if (touch && !below) press.grip = "lens"; // a finger on the slivers moves the lens, below them the brush
    dxr.stripStage().setPointerCapture(event.pointerId);
    if (below && press.grip) drag(event, x);
  }

  function drag(event, x) {
    const below = spot(event).y > dxr.stripParts.rail;
    if (!press.dragging && Math.abs(x - press.x) < CLICK_PX && !(event.type === "pointerdown" && below)) return;
    press.dragging = true;
    if (press.grip === "lens") {
      const { lens } = dxr.stripNow();
      pointer = { x };
      dxr.openLens((Math.min(Math.max(x, 0), lens.width) / lens.width) * lens.n);
    } else if (press.grip) {
      leave();
      pointer = null;
      dxr.stripStage().style.cursor = press.grip === "all" ? "grabbing" : "ew-resize";
      moveBrush(x);
    }
  }

  // The lens holds still meanwhile: the brush goes to what is under the pointer.
  function moveBrush(x) {
    const { lens } = dxr.stripNow();
    const rank = lens.image(Math.min(Math.max(x, 0), lens.width)) + 1;
    const { first, width } = dxr.brush();
    if (press.grip === "all") dxr.setBrush({ first: rank + press.offset }, { done: false });
    if (press.grip === "last") dxr.setBrush({ width: Math.floor(rank) - first + 1 }, { done: false });
    if (press.grip === "first") {
      const end = first + width - 1;
      const next = Math.min(Math.max(Math.floor(rank), 1, end - MOST_WIDTH + 1), end);
      dxr.setBrush({ first: next, width: end - next + 1 }, { done: false });
    }
  }

  function up(event) {
    if (!press) return;
    const { x, grip, dragging, touch } = press;
    press = null;
    if (dragging && grip && grip !== "lens") dxr.setBrush({});
    if (dragging || event.type === "pointercancel") return;
    const { drawn, lens, open } = dxr.stripNow();
    const tile = drawn.find(({ right }) => x < right);
    if (!tile) return;
    const wide = tile.right - tile.left >= TAP_PX;
    if (touch && !wide && dxr.selection().lens) {
      pointer = { x };
      dxr.openLens((x / lens.width) * lens.n);
    } else dxr.followOnStrip(!touch && open && seen >= 0 ? seen : tile.image);
  }

  function out() {
    if (press) return;
    pointer = null;
    leave();
    if (dxr.stripStage().matches(":focus-visible")) return;
    dxr.closeLens();
  }

  let turned = 0;
  function wheel(event) {
    const sideways = event.deltaX || (event.shiftKey ? event.deltaY : 0);
    if (!sideways || (Math.abs(sideways) < Math.abs(event.deltaY) && !event.shiftKey)) return; // the page's own
    event.preventDefault();
    if (turned * sideways < 0) turned = 0;
    turned += sideways * (event.deltaMode ? 16 : 1);
    const steps = Math.trunc(turned / WHEEL_PX);
    if (!steps) return;
    turned -= steps * WHEEL_PX;
    go(cursor() + steps);
  }

  // ---- The keyboard.

  function cursor() {
    const { line } = dxr.stripNow();
    if (seen >= 0) return seen;
    const { focus } = dxr.selection();
    return Math.max(focus === null ? 0 : line.place(focus), 0);
  }

  function go(place) {
    const { line, lens } = dxr.stripNow();
    if (!lens) return;
    pointer = null;
    const to = Math.min(Math.max(place, 0), line.n - 1);
    dxr.openLens(to + 0.5);
    look(to);
    announce(to);
  }

  function announce(place) {
    const { line } = dxr.stripNow();
    const stage = dxr.stripStage();
    const about = line.about(place);
    const label = about && about.row !== undefined ? dxr.labelOf(about.row) : "";
    stage.setAttribute("aria-valuenow", place + 1);
    stage.setAttribute("aria-valuetext", [about && about.note, label].filter(Boolean).join(", "));
  }

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const far = event.shiftKey ? 10 : 1;
    const { n } = dxr.stripNow().line;
    const page = Math.max(Math.round(n / 20), 10);
    const moves = {
      ArrowLeft: () => go(cursor() - far),
      ArrowRight: () => go(cursor() + far),
      PageUp: () => go(cursor() - page),
      PageDown: () => go(cursor() + page),
      Home: () => go(0),
      End: () => go(n - 1),
      ArrowUp: () => strengthen(1),
      ArrowDown: () => strengthen(-1),
      Enter: () => dxr.followOnStrip(cursor()),
      " ": () => dxr.followOnStrip(cursor()),
    };
    if (!moves[event.key]) return;
    event.preventDefault();
    event.stopPropagation(); // the page has other uses for them
    moves[event.key]();
  }

  const strengthen = (by) =>
    dxr.change({ lens: Math.min(Math.max(Math.round(dxr.selection().lens) + by, 0), STRONGEST) });

  // ---- What stands in line, and the lens' strength.

  function nameOf({ key: asked, name }) {
    const row = document.querySelector(`#${dxr.ids.rows} > [data-key="${asked}"] .rank-text .name`);
    const text = name || (row ? row.textContent : asked.startsWith("r") ? `image ${asked.slice(1)}` : asked);
    return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
  }

  let offered = "";
  function offer() {
    const s = dxr.selection();
    const select = dxr.element(dxr.ids.stripSource);
    if (!s || !select) return;
    const chosen = s.page === "explore" ? dxr.selectedOrder() : null;
    const size = !chosen ? "none" : chosen.n === null ? "…" : dxr.count(chosen.n);
    const choices = [
      ["map", "All images, in map order"],
      ["selection", `Selection (${size})`],
      ...s.queries.map((query) => [query.key, `Ranking: ${nameOf(query)}`]),
    ];
    const said = JSON.stringify([choices, s.strip]);
    if (said === offered) return;
    offered = said;
    select.replaceChildren(
      ...choices.map(([value, text]) => {
        const option = new Option(text, value, false, value === s.strip);
        option.disabled = value === "selection" && !chosen && s.strip !== "selection";
        return option;
      }),
    );
  }

  function slider(box) {
    const input = document.createElement("input");
    Object.assign(input, { type: "range", min: 0, max: STRONGEST, step: 0.5 });
    input.addEventListener("input", () => dxr.tryLens(Number(input.value)));
    input.addEventListener("change", () => dxr.change({ lens: Number(input.value) }));
    input.addEventListener("keydown", (event) => {
      if (/^(Arrow|Page|Home|End)/.test(event.key)) event.stopPropagation(); // the page has other uses for them
    });
    for (const name of ["blur", "pointerleave"]) input.addEventListener(name, dxr.closeLens);
    box.append(input);
    dxr.onChange(({ lens }) => (input.value = lens));
    if (dxr.selection()) input.value = dxr.selection().lens;
  }

  function begin(stage) {
    stage.addEventListener("pointermove", move);
    stage.addEventListener("pointerdown", down);
    for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, up);
    stage.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && out());
    stage.addEventListener("wheel", wheel, { passive: false });
    stage.addEventListener("keydown", key);
    stage.addEventListener("focus", () => stage.matches(":focus-visible") && go(cursor()));
    stage.addEventListener("blur", () => {
      leave();
      dxr.closeLens();
    });
    document.addEventListener("pointerdown", (event) => {
      if (stage.contains(event.target)) return;
      leave();
      dxr.closeLens();
    });
    document.addEventListener("change", ({ target }) => {
      if (target.id === dxr.ids.stripSource) dxr.change({ strip: target.value }, { step: true });
    });
    new ResizeObserver(dxr.drawStrip).observe(stage);
    new MutationObserver(offer).observe(dxr.element(dxr.ids.rows), { childList: true });
    slider(dxr.element(dxr.ids.stripLens));
    dxr.drawStrip();
  }

  // By then every script has been read, in whatever order.
  document.addEventListener("DOMContentLoaded", () => {
    const placed = () => (dxr.stripStage() && dxr.element(dxr.ids.rows) ? begin(dxr.stripStage()) : requestAnimationFrame(placed));
    placed();
    dxr.onChange(offer);
    dxr.onLine(offer);
    dxr.onHover((what) => (seen = what ? seen : -1));
    // what the pointer is on is known once it has been drawn
    dxr.onStrip(() => {
      if (!pointer || (press && press.grip !== "lens")) return;
      look(placeAt(pointer.x));
    });
  });
})();
