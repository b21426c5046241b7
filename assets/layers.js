// The canvases under and over the points: when they are drawn, how large they are, the pictures they need.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const PAINTS_KEPT = 6;

  const painters = [];
  const shelves = [];
  const paints = new Map(); // address -> image, the last used last

  // Call `paint(scales, meta)` whenever the layers are drawn.
  dxr.onLayers = (paint) => painters.push(paint);

  let drawn = {}; // what the layers show: the figure's meta, and its view
  let waiting = false;
  dxr.drawLayers = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      const scales = dxr.scales();
      const meta = scales && scales.plot.layout.meta; // came with the figure, so the two always agree
      if (!meta || !dxr.selection()) return;
      for (const paint of painters) paint(scales, meta);
      drawn = { meta, view: scales.view.join() };
    });
  };

  // Whether the layers will still change by themselves: they are to be drawn, or pictures are on their way.
  dxr.layersWait = () => {
    const scales = dxr.scales();
    if (waiting || !scales || drawn.meta !== scales.plot.layout.meta || drawn.view !== scales.view.join()) return true;
    return [...paints.values()].some((image) => !image.complete) || shelves.some((shelf) => shelf.waits());
  };

  // A canvas as large as the stage and as fine as the screen, wiped.
  dxr.layer = (id) => {
    const canvas = dxr.element(id);
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
    const context = canvas.getContext("2d");
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    else context.clearRect(0, 0, width, height);
    return { context, ratio, width, height };
  };

  // A picture of one pixel for each image, once it is there; the layers are then drawn again.
  dxr.paintOf = (address) => {
    if (!address) return null;
    const image = paints.get(address) || new Image();
    paints.delete(address);
    paints.set(address, image);
    if (paints.size > PAINTS_KEPT) paints.delete(paints.keys().next().value);
    if (!image.src) {
      image.onload = () => dxr.drawLayers();
      image.src = address;
    }
    return image.complete && image.naturalWidth ? image : null;
  };

  // Its pixels: red, green, blue and opacity of each image.
  dxr.pixelsOf = (address) => {
    const image = dxr.paintOf(address);
    if (image && !image.pixels) {
      const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(image, 0, 0);
      image.pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    }
    return image && image.pixels;
  };

  // Pictures by address: fetched in the order they are wanted, made ready by `make`, the last used ones kept.
  // What is not wanted any more is not fetched any more.
  dxr.shelf = ({ most, atOnce, make }) => {
    const kept = new Map();
    const underway = new Map();
    const failed = new Set(); // not asked for again
    let wanted = [];

    function next() {
      for (const address of wanted) {
        if (underway.size >= atOnce) return;
        if (!kept.has(address) && !underway.has(address) && !failed.has(address)) load(address);
      }
    }

    async function load(address) {
      const stop = new AbortController();
      underway.set(address, stop);
      try {
        const answer = await fetch(address, { signal: stop.signal });
        if (!answer.ok) throw new Error(`${answer.status}`);
        kept.set(address, await make(await answer.blob()));
        while (kept.size > Math.max(most, wanted.length)) kept.delete(kept.keys().next().value);
        dxr.drawLayers();
        dxr.drawOverlay(); // a ring round a point becomes a frame round its picture
      } catch (error) {
        if (error.name !== "AbortError") failed.add(address);
      }
      underway.delete(address);
      next();
    }

    const shelf = {
      get: (address) => {
        const one = kept.get(address);
        if (one) {
          kept.delete(address);
          kept.set(address, one);
        }
        return one;
      },
      want: (addresses) => {
        wanted = addresses;
        for (const [address, stop] of underway) if (!addresses.includes(address)) stop.abort();
        next();
      },
      waits: () => wanted.some((address) => !kept.has(address) && !failed.has(address)),
    };
    shelves.push(shelf);
    return shelf;
  };

  // By then every script has been read, in whatever order.
  document.addEventListener("DOMContentLoaded", () => dxr.onChange(() => dxr.drawLayers()));
})();
