// The colours of a map's points, as Plotly takes them without reading text.
//
// Plotly turns the number of each point into the text of a colour and reads that text again: half a second for 50,000
// points, at every drawing. Here a scale is read once, into as many colours as a byte can name.
(() => {
  "use strict";
  const COLOURS = 256;
  const ARRAYS = { u1: Uint8Array, f4: Float32Array };
  const WRITTEN = /^(#[0-9a-f]{6}|rgba?\([\d., ]+\))$/i;
  const known = new WeakMap(); // marker of a figure -> the one to draw: the same again, so that Plotly sees no change

  const isMany = (value) => Array.isArray(value) || ArrayBuffer.isView(value) || Boolean(value?.bdata);

  // Numbers as the server sends them, in base64 or in a list; null where Plotly has to read them itself.
  function numbers(sent) {
    if (!sent?.bdata) return sent;
    const kind = ARRAYS[sent.dtype];
    if (!kind || sent.shape) return null;
    return new kind(Uint8Array.from(atob(sent.bdata), (letter) => letter.charCodeAt(0)).buffer);
  }

  // "#rrggbb" or "rgba(r,g,b,a)" as four numbers from 0 to 1.
  function channels(colour) {
    const found = colour.startsWith("#")
      ? [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16))
      : colour.match(/[\d.]+/g).map(Number);
    return [found[0] / 255, found[1] / 255, found[2] / 255, found[3] ?? 1];
  }

  function palette(scale) {
    const stops = scale.map(([at, colour]) => [at, channels(colour)]);
    return Array.from({ length: COLOURS }, (_, i) => {
      const at = i / (COLOURS - 1);
      const after = Math.max(1, stops.findIndex((stop) => stop[0] >= at));
      const [[low, start], [high, end]] = [stops[after - 1], stops[after]];
      const share = high > low ? (at - low) / (high - low) : 0;
      return start.map((value, channel) => value + share * (end[channel] - value));
    });
  }

  // One colour for each of some points whose opacities differ: given once, it would be read for every point.
  const repeated = (colour, n) => (WRITTEN.test(colour) ? new Array(n).fill(channels(colour)) : colour);

  function quick(marker) {
    const { color, colorscale, cmin, cmax, opacity, line, ...rest } = marker;
    const scaled = isMany(color) && Array.isArray(colorscale) && cmax > cmin;
    if (scaled && !isMany(opacity) && colorscale.every(([, colour]) => colour === colorscale[0][1]))
      return { ...rest, opacity, line, color: colorscale[0][1] };
    const values = scaled && colorscale.every(([, colour]) => WRITTEN.test(colour)) ? numbers(color) : null;
    if (values) {
      const [colours, factor] = [palette(colorscale), (COLOURS - 1) / (cmax - cmin)];
      const at = (value) => Math.min(Math.max(Math.round((value - cmin) * factor), 0), COLOURS - 1);
      return { ...rest, opacity, line, color: Array.from(values, (value) => colours[at(value)]) };
    }
    const n = !isMany(color) && isMany(opacity) ? numbers(opacity)?.length : 0;
    if (!n) return marker;
    return { ...marker, color: repeated(color, n), line: { ...line, color: repeated(line?.color, n) } };
  }

  function quickly(trace) {
    const { marker } = trace;
    if (trace.type !== "scattergl" || !marker) return trace;
    if (!known.has(marker)) known.set(marker, quick(marker));
    return { ...trace, marker: known.get(marker) };
  }

  const { react } = window.Plotly;
  window.Plotly.react = (plot, figure, ...rest) =>
    react(plot, Array.isArray(figure?.data) ? { ...figure, data: figure.data.map(quickly) } : figure, ...rest);
})();
