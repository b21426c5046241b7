// The trail: the images that were followed, oldest first; each leads back.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  let drawn = "";

  function draw({ trail, focus }) {
    const box = dxr.element(dxr.ids.trail);
    const said = `${trail.join(",")}@${focus}`;
    if (!box || said === drawn) return;
    drawn = said;
    box.hidden = trail.length < 2;
    const at = focus === null ? -1 : trail.lastIndexOf(focus);
    box.replaceChildren(heading(), ...trail.map((row, place) => step(row, place, at)));
    const here = box.querySelector("[aria-current]");
    if (here) here.scrollIntoView({ block: "nearest", inline: "center" });
  }

  function heading() {
    const text = document.createElement("span");
    text.className = "hint";
    text.textContent = "Trail";
    return text;
  }

  function step(row, place, at) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = `thumb${place > at ? " ahead" : ""}`;
    button.dataset.do = "go-back";
    button.dataset.row = row;
    button.dataset.place = place;
    button.dataset.note = place === at ? "You are here" : "Back to this image";
    button.setAttribute("aria-label", `Step ${place + 1} of the trail`);
    if (place === at) button.setAttribute("aria-current", "step");
    const picture = document.createElement("span");
    picture.className = "picture";
    const image = document.createElement("img");
    image.alt = "";
    image.src = `thumbnails/${dxr.facts().version}/${row}.jpg`;
    picture.append(image);
    button.append(picture);
    return button;
  }

  document.addEventListener("DOMContentLoaded", () => dxr.onChange(draw));
})();
