// The rank curves: summary, rows, the one brush, filmstrips.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});

  dxr.flash = () => {};
})();
