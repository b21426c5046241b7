// The filmstrips: for every query exactly the images at the ranks under the brush.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});

  dxr.fillFilm = (row, { first, width }) => {
    const film = row.querySelector(".rank-film");
    if (!film) return;
    const { key } = row.dataset;
    const ranking = dxr.ranking(key);
    if (ranking.n === null) {
      film.classList.add("waiting");
      return;
    }
    film.classList.remove("waiting");
    const count = Math.max(0, Math.min(width, ranking.n - first + 1));
    film.style.setProperty("--frames", Math.max(count, 1)); // few of them need not fill the row
    while (film.childElementCount > count) film.lastElementChild.remove();
    while (film.childElementCount < count) film.append(newFrame());
    const found = { set: 0, label: 0, known: 0 };
    for (let i = 0; i < count; i++) {
      const one = ranking.at(first + i);
      fillFrame(film.children[i], key, one, first + i);
      if (!one) continue;
      const why = dxr.relevance(key, one.item);
      if (why) found[why] += 1;
      found.known += 1;
    }
    sayPrecision(row, key, found, first, count);
  };

  function newFrame() {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "thumb";
    button.dataset.do = "focus";
    const picture = document.createElement("span");
    picture.className = "picture";
    const image = document.createElement("img");
    image.alt = "";
    image.decoding = "async";
    picture.append(image);
    button.append(picture);
    for (const name of ["far", "share", "label"]) {
      const caption = document.createElement("span");
      caption.className = `caption ${name}`;
      caption.dir = "auto";
      button.append(caption);
    }
    return button;
  }

  function fillFrame(frame, key, one, rank) {
    const { space, metric } = dxr.selection();
    const said = one ? `${space} ${metric} ${key} ${one.item} ${rank}` : "";
    const why = one ? dxr.relevance(key, one.item) : "";
    const label = one ? (one.item >= 0 ? dxr.labelOf(one.item) : "from outside") : "";
    frame.classList.toggle("hit", why === "set");
    frame.classList.toggle("same-label", why === "label");
    if (one && frame.said === said && frame.dataset.label === label) return;
    frame.said = said;
    const image = frame.querySelector("img");
    const [far, share, caption] = frame.querySelectorAll(".caption");
    if (!one) {
      image.removeAttribute("src");
      for (const name of ["row", "item", "set", "src"]) delete frame.dataset[name];
      for (const part of [far, share, caption]) part.textContent = "";
      return;
    }
    const { version } = dxr.facts();
    const set = key.split(".")[1];
    const src =
      one.item >= 0 ? `thumbnails/${version}/${one.item}.jpg` : `outside/${version}/${set}/${-1 - one.item}.jpg`;
    if (one.item >= 0) {
      frame.dataset.row = one.item;
      delete frame.dataset.item;
      delete frame.dataset.set;
    } else {
      delete frame.dataset.row;
      frame.dataset.item = one.item;
      frame.dataset.set = set;
    }
    frame.dataset.src = src;
    frame.dataset.label = label;
    const distance = one.distance.toFixed(3);
    frame.dataset.note = `Rank ${dxr.count(rank)} · distance ${distance} · ${dxr.closerThan(one.tenths)}`;
    frame.setAttribute("aria-label", [frame.dataset.note, label].filter(Boolean).join(", "));
    image.src = src;
    far.textContent = distance;
    share.textContent = dxr.percent(one.tenths);
    caption.textContent = label;
    dxr.hoverAgain(frame); // the card follows what the frame shows now
  }

  function sayPrecision(row, key, found, first, count) {
    const parts = [];
    const last = first + count - 1;
    const place = count === 1 ? `rank ${dxr.count(first)}` : `ranks ${dxr.count(first)}–${dxr.count(last)}`;
    if (found.set || key.startsWith("s.") || key.startsWith("o.")) parts.push(`${found.set} of ${found.known} in the set`);
    if (!key.startsWith("s.") && dxr.labels() && dxr.labels().codes.length) {
      const alike = found.label + (found.set ? sameLabelAmongSet(key, first, count) : 0);
      parts.push(`${alike} of ${found.known} with this label`);
    }
    const text = count ? [place, ...parts].join(" · ") : "no image at these ranks";
    const box = row.querySelector(".precision");
    if (box.textContent !== text) box.textContent = text;
  }

  // Images of the same set are marked as such; those among them that share the label count for both.
  function sameLabelAmongSet(key, first, count) {
    const labels = dxr.labels();
    const code = labels.codes[Number(key.slice(1))];
    let n = 0;
    for (let i = 0; i < count; i++) {
      const one = dxr.ranking(key).at(first + i);
      if (one && code >= 0 && labels.codes[one.item] === code && dxr.relevance(key, one.item) === "set") n += 1;
    }
    return n;
  }
})();
