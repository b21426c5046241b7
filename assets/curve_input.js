// The pointer on the curves: it drags the brush, or looks at the image at a rank.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const MOST_WIDTH = 50; // ranks in the brush; state.py has the same number
  const EDGE_PX = 7; // this near to an edge of the brush, a drag moves the edge

  // ---- Pointers: drag the brush, on the summary and on every row; hover looks at the image there.

  function toRank(event, row) {
    if (row) {
      const box = row.querySelector(".rank-curve");
      if (!box.scale) return null;
      const { left, width } = box.getBoundingClientRect();
      return dxr.rankAtShare((event.clientX - left) / width, box.scale.last, box.scale.log);
    }
    const scale = dxr.axes();
    if (!scale) return null;
    return scale.rank(event.clientX - dxr.element(dxr.ids.ranksStage).getBoundingClientRect().left);
  }

  let drag = null; // {row, grip: "first" | "last" | "all", offset}

  function gripAt(event, row) {
    const { first, width } = dxr.brush();
    const rank = toRank(event, row);
    const scale = row ? row.querySelector(".rank-curve").scale : dxr.axes();
    const left = row ? row.querySelector(".rank-curve").getBoundingClientRect().left : dxr.element(dxr.ids.ranksStage).getBoundingClientRect().left;
    const [from, to] = dxr.brushEnds(scale.x, first, width).map((px) => px + left);
    const x = event.clientX;
    if (to - from > 3 * EDGE_PX) {
      if (Math.abs(x - from) <= EDGE_PX) return { row, grip: "first" };
      if (Math.abs(x - to) <= EDGE_PX) return { row, grip: "last" };
    } else if (Math.abs(x - to) <= EDGE_PX && x > to) return { row, grip: "last" };
    const inside = x >= from && x <= to;
    return { row, grip: "all", offset: inside ? first - rank : -(width - 1) / 2 };
  }

  function moveBrush(event, done) {
    const rank = toRank(event, drag.row);
    if (rank === null || !Number.isFinite(rank)) return;
    const { first, width } = dxr.brush();
    if (drag.grip === "all") dxr.setBrush({ first: rank + drag.offset }, { done });
    if (drag.grip === "last") dxr.setBrush({ width: Math.round(rank) - first + 1 }, { done });
    if (drag.grip === "first") {
      const last = first + width - 1;
      const next = Math.min(Math.max(Math.round(rank), 1, last - MOST_WIDTH + 1), last);
      dxr.setBrush({ first: next, width: last - next + 1 }, { done });
    }
  }

  function over(event) {
    const target = event.target instanceof Element ? event.target : null;
    if (!target) return null;
    const box = target.closest(".rank-curve");
    if (box) return { row: box.closest(".rank-row") };
    const stage = target.closest(`#${dxr.ids.ranksStage}`);
    return stage ? { row: null } : null;
  }

  document.addEventListener("pointerdown", (event) => {
    const where = over(event);
    if (!where || event.button !== 0 || toRank(event, where.row) === null) return;
    event.preventDefault();
    event.stopPropagation();
    dxr.leave();
    event.target.setPointerCapture(event.pointerId); // the drag goes on beyond the window
    drag = { ...gripAt(event, where.row), before: dxr.brush() };
    const handle = document.querySelector(".brush-handle");
    if (handle) handle.focus({ preventScroll: true, focusVisible: false });
    if (event.pointerType !== "touch") moveBrush(event, false); // a finger may be about to scroll the page
    window.addEventListener("pointermove", dragged);
    window.addEventListener("pointerup", dropped);
    window.addEventListener("pointercancel", dropped);
  }, true);

  const dragged = (event) => moveBrush(event, false);
  function dropped(event) {
    if (event.type === "pointerup") moveBrush(event, false); // where it was let go, not where it was seen last
    window.removeEventListener("pointermove", dragged);
    window.removeEventListener("pointerup", dropped);
    window.removeEventListener("pointercancel", dropped);
    const { before } = drag;
    drag = null;
    dxr.setBrush(event.type === "pointercancel" ? before : {}); // cancelled: it was a scroll
  }

  // Over a curve, the image at that rank is looked at: of the row, or of the curve that is nearest to the pointer.
  let peeking = false;
  document.addEventListener("pointermove", (event) => {
    if (drag || event.pointerType === "touch") return;
    const where = over(event);
    if (!where) {
      if (peeking) dxr.leave();
      peeking = false;
      return;
    }
    const stage = dxr.element(dxr.ids.ranksStage);
    const grip = dxr.axes() ? gripAt(event, where.row).grip : "all";
    (where.row ? where.row.querySelector(".rank-curve") : stage).style.cursor = grip === "all" ? "crosshair" : "ew-resize";
    const rank = Math.round(toRank(event, where.row));
    const key = where.row ? where.row.dataset.key : nearestCurve(event, rank);
    const one = key && dxr.ranking(key).at(rank);
    if (!one) return;
    peeking = true;
    dxr.hover(
      { ...dxr.about(key, one), note: `Rank ${dxr.count(rank)} · distance ${one.distance.toFixed(3)} · ${dxr.closerThan(one.tenths)}` },
      { left: event.clientX - 10, right: event.clientX + 10, y: event.clientY },
    );
  });

  // What the hover card says of an item that a query found.
  dxr.about = (key, { item }) => {
    if (item >= 0) return { row: item };
    const set = key.split(".")[1];
    return { item, set, name: "an image from outside", src: `outside/${dxr.facts().version}/${set}/${-1 - item}.jpg` };
  };

  function nearestCurve(event, rank) {
    const scale = dxr.axes();
    if (!scale) return null;
    const y = event.clientY - dxr.element(dxr.ids.ranksStage).getBoundingClientRect().top;
    let best = [Infinity, null];
    for (const [key, line] of dxr.curveLines()) {
      const far = Math.abs(scale.y(dxr.heightAt(line, rank)) - y);
      if (far < best[0]) best = [far, key];
    }
    return best[1];
  }
})();
