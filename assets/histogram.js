// The pointer over histogram and violins: the image whose distance to the active set is nearest to the one there.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  let peeking = false;

  function leave() {
    if (peeking) dxr.leave();
    peeking = false;
  }

  function look(event) {
    const s = dxr.selection();
    const plot = document.querySelector(`#${dxr.ids.distances} .js-plotly-plot`);
    const axis = plot && plot._fullLayout && plot._fullLayout.xaxis;
    if (!s || !s.active || !axis || !axis._length || event.pointerType === "touch" || event.buttons) return leave();
    const at = event.clientX - plot.getBoundingClientRect().left - axis._offset;
    if (at < 0 || at > axis._length) return leave();
    const key = `s.${s.active}`;
    const ranking = dxr.ranking(key, dxr.facts().metric);
    if (!ranking.n) return leave();
    const rank = ranking.nearestRank(axis.p2l(at));
    const one = ranking.at(rank);
    if (!one) return leave();
    peeking = true;
    dxr.hover(
      { ...dxr.about(key, one), distance: one.distance },
      { left: event.clientX - 12, right: event.clientX + 12, y: event.clientY - 90 },
    );
  }

  document.addEventListener("DOMContentLoaded", () => {
    dxr.whenDrawn(dxr.ids.distances, () => {
      const stage = dxr.element(dxr.ids.distancesStage);
      stage.addEventListener("pointermove", look);
      stage.addEventListener("pointerleave", leave);
    });
  });
})();
