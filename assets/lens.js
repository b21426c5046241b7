// The strip's lens: where each image of a line stands while those near the focus are widened. Numbers only.
//
// A fisheye along one axis: the ends and the focus keep their places, as in Sarkar and Brown, "Graphical fisheye views of
// graphs", CHI 1992. Theirs enlarges by a factor. This one gives the focus a width in pixels, so that it shows whole images in
// a line of ten as in one of a million: k images away from the focus, an image is
//   rest + peak / (1 + (k / reach)²)
// pixels wide, and those up to there together rest·k + peak·reach·atan(k / reach).
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const STRONGEST = 10; // state.py has the same number
  const MOST_SHARE = 0.9; // of the line that the lens may take: what is left keeps the rest in sight
  const STEPS = 60;

  // One side of the focus: n images on `length` pixels, `share` of which go to the lens.
  function side(n, length, widest, share) {
    const even = n > 0 ? length / n : 0;
    if (!(share > 0 && even > 0 && widest > even)) return { rest: even, peak: 0, reach: 1 };
    const rest = even * (1 - share);
    const wanted = (share * length) / (widest - rest);
    const filled = (reach) => reach * Math.atan(n / reach);
    let reach = (2 * wanted) / Math.PI; // Newton's steps from below: `filled` is concave, so they never go too far
    for (let i = 0; i < STEPS; i++) {
      const missing = wanted - filled(reach);
      if (missing <= 1e-12 * wanted) break;
      reach += missing / (Math.atan(n / reach) - (n * reach) / (n * n + reach * reach));
    }
    return { rest, peak: (share * length) / filled(reach), reach };
  }

  const grown = ({ rest, peak, reach }, k) => rest * k + peak * reach * Math.atan(k / reach);

  // How many images lie within `length` pixels of the focus.
  function within(flank, length, n) {
    const { rest, peak, reach } = flank;
    if (!(rest > 0)) return 0;
    let k = Math.max(length / (rest + peak), (length - (peak * reach * Math.PI) / 2) / rest);
    for (let i = 0; i < STEPS; i++) {
      const missing = length - grown(flank, k);
      if (missing <= 1e-9) break;
      k += missing / (rest + peak / (1 + (k / reach) ** 2));
    }
    return Math.min(k, n);
  }

  // The lens over n images on `width` pixels. `at` is its focus, from 0, the left edge of the first image, to n, the right
  // edge of the last; `height` is the width of a whole image; `distortion` goes from 0, no lens, to 10.
  dxr.lens = ({ width, n, at, height, distortion }) => {
    const strength = Math.min(Math.max(distortion / STRONGEST, 0), 1);
    const even = width / n;
    const widest = even + Math.max(height - even, 0) * (1 - (1 - strength) ** 4);
    const share = MOST_SHARE * (1 - (1 - strength) ** 2);
    const middle = at * even;
    const left = side(at, middle, widest, share);
    const right = side(n - at, width - middle, widest, share);
    return {
      width,
      n,
      at,
      middle,
      // where the left edge of image u stands; u need not be whole
      place: (u) => (u < at ? middle - grown(left, at - u) : middle + grown(right, u - at)),
      // what stands at x
      image: (x) => (x < middle ? at - within(left, middle - x, at) : at + within(right, x - middle, n - at)),
      // how wide an image is there
      density: (u) => {
        const flank = u < at ? left : right;
        return flank.rest + flank.peak / (1 + ((u - at) / flank.reach) ** 2);
      },
    };
  };

  // What to draw: {image, left, right} from left to right, without a gap, on whole pixels of a screen with `ratio` of them to
  // one of ours. Where images are narrower than a column one stands for several: every second, fourth, eighth ... of the line,
  // so that wherever the lens moves, the same ones stand for the others.
  dxr.slivers = (lens, ratio = 1) => {
    const { width, n } = lens;
    const column = Math.max(1, Math.round(ratio)) / ratio; // the narrowest sliver
    const found = [];
    let left = 0;
    while (left < width) {
      const u = Math.min(Math.max(lens.image(left + column / 2), 0), n - 1e-6);
      const every = 2 ** Math.max(0, Math.round(-Math.log2(lens.density(u) * column)));
      const image = Math.floor(u / every) * every;
      // one that stands for others goes column by column: among those others may be the focus
      const end = every > 1 ? 0 : Math.round(lens.place(image + 1) * ratio) / ratio;
      const right = Math.min(width, Math.max(end, left + column));
      const last = found[found.length - 1];
      if (last && image <= last.image) last.right = right;
      else found.push({ image, left, right });
      left = right;
    }
    return found;
  };

  // The part of a picture that is seen in a box: its middle, at the height of the box; never squashed.
  dxr.cropped = (picture, box) => {
    const square = Math.min(picture.width, picture.height);
    const scale = Math.max(box.height, box.width) / square;
    const [width, height] = [box.width / scale, box.height / scale];
    return { left: (picture.width - width) / 2, top: (picture.height - height) / 2, width, height };
  };
})();
