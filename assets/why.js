// Why two images match: a dialog with a heat map over each of them, drawn from the numbers that the server sends.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  // Blue takes away, orange adds: apart for colour-blind readers, and both plain on a picture without colours.
  const LESS = [60, 150, 255];
  const MORE = [255, 140, 0];
  const STRONGEST = 0.85; // opacity of the strongest place
  const SCALE_PX = 240;

  let stop = null; // ends the question that is under way
  let found = null; // what came of the last one
  let images = []; // the two pictures
  let heat = true;

  const part = (id) => dxr.element(dxr.ids[id]);

  // Ask for the neighbour that the keyboard is on, or else the pointer.
  dxr.askWhy = () => {
    const here = document.activeElement && document.activeElement.closest(".near-cell");
    const cell = here || document.querySelector(".near-cell:hover");
    if (cell) cell.querySelector(".why").click();
  };

  dxr.openWhy = async ({ first, second }) => {
    stop?.abort();
    const asked = (stop = new AbortController());
    found = null;
    part("whyScale").hidden = true;
    say(["Looking at both images…"]);
    images = [first, second].map((key) => pictureOf(key));
    part("whyPair").replaceChildren(...images.map(frame));
    dxr.showHeat(true);
    part("whyDialog").setAttribute("aria-busy", "true");
    part("whyDialog").onclose = () => asked.abort();
    part("whyDialog").showModal();
    try {
      const folder = `why/${dxr.facts().version}/${encodeURIComponent(dxr.selection().space)}`;
      const answer = await fetch(`${folder}/${first}/${second}.ndjson`, { signal: asked.signal });
      if (!answer.ok) return say(["The collection has changed since this page was opened.", "Reload the page."]);
      await dxr.readLines(answer.body, (said) => {
        if (said.step) say([dxr.stepText(said)]);
        else if (said.found) show(said.found);
        else say([said.problem, said.remedy]);
      });
    } catch (error) {
      if (error.name !== "AbortError") say(["dxr does not answer.", "Start it again, then reload the page."]);
    } finally {
      if (stop === asked) part("whyDialog").setAttribute("aria-busy", "false");
    }
    return undefined;
  };

  dxr.showHeat = (on) => {
    heat = on;
    part("whyDialog").querySelector("[data-do=heat]").setAttribute("aria-pressed", String(on));
    images.forEach((_, side) => draw(side));
  };

  function pictureOf(key) {
    const image = new Image();
    image.onload = () => images.includes(image) && draw(images.indexOf(image));
    image.src = `pictures/${dxr.facts().version}/${key}.jpg`;
    return image;
  }

  function frame(_image, side) {
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", side ? "The neighbour" : "The image asked with");
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    caption.textContent = side ? "The neighbour" : "The image asked with";
    figure.append(canvas, caption);
    return figure;
  }

  function say(lines, title = "") {
    const box = part("whySaid");
    box.replaceChildren(
      ...lines.map((text) => {
        const line = document.createElement("p");
        line.dir = "auto";
        line.textContent = text;
        return line;
      }),
    );
    if (!title) return;
    const strong = document.createElement("strong");
    strong.textContent = `${title}. `;
    box.firstElementChild.prepend(strong);
  }

  function show(what) {
    found = what;
    say(what.lines, what.title);
    for (const [side, name] of what.names.entries()) {
      const figure = part("whyPair").children[side];
      figure.querySelector("canvas").setAttribute("aria-label", name);
      figure.querySelector("figcaption").textContent = name;
    }
    images.forEach((_, side) => draw(side));
    drawScale();
  }

  // Colour and opacity of a value; nothing where it is 0.
  function ink(value) {
    const strength = Math.min(1, Math.abs(value) / (found.most || 1));
    return [...(value < 0 ? LESS : MORE), Math.round(255 * STRONGEST * strength)];
  }

  // A picture with one pixel for each value.
  function pixels(values) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [values[0].length, values.length];
    const data = new Uint8ClampedArray(values.flat().flatMap(ink));
    canvas.getContext("2d").putImageData(new ImageData(data, canvas.width, canvas.height), 0, 0);
    return canvas;
  }

  function draw(side) {
    const canvas = part("whyPair").children[side]?.querySelector("canvas");
    const image = images[side];
    if (!canvas || !image.naturalWidth) return;
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const paper = canvas.getContext("2d");
    const shown = heat && found;
    paper.drawImage(image, 0, 0);
    if (!shown) return;
    paper.globalCompositeOperation = "saturation"; // take its colours away
    paper.fillStyle = "#808080";
    paper.fillRect(0, 0, canvas.width, canvas.height);
    paper.globalCompositeOperation = "source-over";
    const { values, box } = found.maps[side];
    const [left, top, right, bottom] = [box[0] * canvas.width, box[1] * canvas.height, box[2] * canvas.width, box[3] * canvas.height];
    paper.imageSmoothingEnabled = found.smooth;
    paper.drawImage(pixels(values), left, top, right - left, bottom - top);
    paper.strokeStyle = "rgb(255 255 255 / 70%)"; // what lies outside the network does not see
    if (left > 1 || top > 1) paper.strokeRect(left, top, right - left, bottom - top);
  }

  function drawScale() {
    const { low, high, ends, most } = found;
    const box = part("whyScale");
    box.hidden = !most;
    if (!most) return;
    const ramp = pixels([Array.from({ length: SCALE_PX }, (_, x) => low + ((high - low) * x) / (SCALE_PX - 1))]);
    const text = (said) => {
      const span = document.createElement("span");
      span.textContent = said;
      return span;
    };
    ramp.setAttribute("aria-hidden", "true");
    box.replaceChildren(text(low < 0 ? `less alike: ${ends[0]}` : "no part: 0"), ramp, text(`more alike: ${ends[1]}`));
  }
})();
