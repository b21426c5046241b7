// The rank curves as a whole: what is drawn again when, and the row that flashes.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const FLASH_MS = 1400;
  const NEAR_PX = 200;

  // At most once a frame, and only what has changed: hovering leaves the filmstrips as they are.
  let waiting = false;
  let brushed = false;
  dxr.drawRanks = () => {
    brushed = true;
    mark();
  };
  function mark() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      if (!dxr.selection() || dxr.selection().page !== "explore") return;
      if (brushed) {
        brushed = false;
        dxr.drawBrush();
        for (const row of rowsToFill()) dxr.fillFilm(row, dxr.brush());
        flashNow();
      }
      dxr.markHovered();
    });
  }

  // While the brush is dragged only rows that are seen, or nearly: the others are filled when it is let go.
  function rowsToFill() {
    const rows = dxr.rankRows();
    if (!dxr.brushMoves()) return rows;
    return rows.filter((row) => {
      const { top, bottom } = row.getBoundingClientRect();
      return bottom > -NEAR_PX && top < innerHeight + NEAR_PX;
    });
  }

  // ---- A row that is there already: scroll to it and flash it, once it has been drawn.

  let flashing = null;
  dxr.flash = (key) => {
    flashing = key;
    flashNow();
  };

  function flashNow() {
    const row = flashing && dxr.rankRows().find((one) => one.dataset.key === flashing);
    if (!row || !row.offsetParent) return;
    if (dxr.ranking(flashing).n !== 0 && !row.querySelector(".rank-film .thumb")) return; // not as high yet as it will be
    flashing = null;
    row.scrollIntoView({ block: "nearest" });
    row.classList.remove("flash");
    void row.offsetWidth; // begins the animation anew
    row.classList.add("flash");
    setTimeout(() => row.classList.remove("flash"), FLASH_MS);
  }

  function markFocused() {
    const { focus } = dxr.selection();
    for (const row of dxr.rankRows()) row.classList.toggle("focused", row.dataset.key === `r${focus}`);
  }

  function redraw() {
    if (!dxr.selection()) return; // the address has not been read yet
    dxr.drawRankRows();
    dxr.drawRanks();
    flashNow();
    markFocused();
  }

  document.addEventListener("DOMContentLoaded", () => {
    dxr.onChange(() => {
      markFocused();
      dxr.showBrush();
    });
    dxr.onRanking(dxr.drawRanks);
    dxr.onHover(mark);
    dxr.whenDrawn(dxr.ids.ranks, (plot) => {
      plot.on("plotly_afterplot", redraw);
      const rows = dxr.element(dxr.ids.rows);
      new MutationObserver(redraw).observe(rows, { childList: true });
      new ResizeObserver(redraw).observe(rows);
    });
  });
})();
