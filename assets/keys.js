// The keyboard: tools, walking through thumbnails, closing things one by one.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});

  const single = {
    p: () => dxr.useTool("pan"),
    l: () => dxr.useTool("lasso"),
    b: () => dxr.useTool("box"),
    m: () => dxr.arrange({ arrangement: dxr.selection().arrangement === "mosaic" ? "points" : "mosaic" }),
    d: () => dxr.showBeside(dxr.selection().beside ? "" : null),
    t: () => dxr.change({ theme: dxr.appearance() === "dark" ? "light" : "dark" }),
    s: () => dxr.save(),
    a: () => dxr.change({ page: "answer" }, { step: true }),
    c: () => dxr.change({ page: "compare" }, { step: true }),
    x: () => dxr.change({ page: "scan" }, { step: true }),
    e: () => dxr.change({ page: "explore" }, { step: true }),
    w: () => dxr.askWhy(),
    0: () => dxr.showWholeMap(),
    "?": () => dxr.element(dxr.ids.helpDialog).showModal(),
    "/": () => dxr.element(dxr.ids.findText).focus(),
    "[": () => dxr.stepBrush(-1),
    "]": () => dxr.stepBrush(1),
    "{": () => dxr.stepBrush(-dxr.brush().width),
    "}": () => dxr.stepBrush(dxr.brush().width),
    j: () => walk(1),
    k: () => walk(-1),
    ArrowRight: () => walk(1),
    ArrowLeft: () => walk(-1),
    ArrowDown: () => walkRow(1),
    ArrowUp: () => walkRow(-1),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const open = document.querySelector("dialog[open]");
    const target = event.target instanceof Element ? event.target : document.body;
    if (event.key === "Escape" && !open) return escape(target);
    if (open) return;
    if (target.id === dxr.ids.findText) {
      if (event.key === "ArrowDown" || event.key === "Enter") toFound(event);
      return;
    }
    if (target.matches("select, textarea")) return;
    const act = single[event.key];
    if (!act) return;
    if (event.key.startsWith("Arrow") && !target.closest(".thumb") && target.tagName === "BUTTON") return;
    event.preventDefault();
    act();
  });

  // The thumbnails of the list that the keyboard is in; at first, the neighbours.
  function list() {
    const here = document.activeElement && document.activeElement.closest(".thumb");
    const home = here ? here.closest(".grid, .film, .rank-film, .strip, .found, .trail") : null;
    const neighbours = [dxr.ids.neighbours, dxr.ids.patches].map((id) => document.querySelector(`#${id} .grid`));
    const within = home || neighbours.find((one) => one?.offsetParent);
    const thumbs = within ? [...within.querySelectorAll(".thumb")] : [];
    return { thumbs, at: here ? thumbs.indexOf(here) : -1 };
  }

  function go(thumbs, to) {
    const next = thumbs[Math.min(Math.max(to, 0), thumbs.length - 1)];
    if (!next) return;
    next.focus({ focusVisible: true });
    next.scrollIntoView({ block: "nearest" });
  }

  function walk(step) {
    const { thumbs, at } = list();
    go(thumbs, at < 0 ? 0 : at + step);
  }

  function walkRow(step) {
    const { thumbs, at } = list();
    if (at < 0) return go(thumbs, 0);
    const top = (thumb) => thumb.getBoundingClientRect().top;
    const first = thumbs.findIndex((thumb) => Math.abs(top(thumb) - top(thumbs[0])) > 2);
    const columns = first < 0 ? thumbs.length : first;
    const to = at + step * columns;
    if (to >= 0 && to < thumbs.length) go(thumbs, to);
    return undefined;
  }

  function toFound(event) {
    const first = document.querySelector(`#${dxr.ids.found} .thumb`);
    event.preventDefault(); // the field has one line
    if (!first) return;
    if (event.key === "Enter") first.click();
    else first.focus({ focusVisible: true });
  }

  // Ask for images by name once the typing pauses.
  let pause = 0;
  document.addEventListener("input", ({ target }) => {
    if (target.id !== dxr.ids.findText) return;
    clearTimeout(pause);
    pause = setTimeout(() => dxr.set(dxr.ids.foundView, { data: target.value }), 200);
  });

  dxr.closeFound = () => {
    clearTimeout(pause);
    dxr.element(dxr.ids.findText).value = "";
    dxr.set(dxr.ids.foundView, { data: "" });
    if (document.activeElement) document.activeElement.blur();
  };

  // Close or let go of the uppermost thing.
  function escape(target) {
    const s = dxr.selection();
    const found = dxr.element(dxr.ids.found);
    dxr.leave();
    if (target.id === dxr.ids.findText || (found && found.childElementCount)) return dxr.closeFound();
    if (target.matches("textarea")) return target.blur();
    if (!s) return undefined;
    if (s.lasso.length || s.picked) return dxr.change({ lasso: [], picked: null }, { step: true });
    if (s.patches) return dxr.change({ patches: 0 }, { step: true });
    if (s.focus !== null) return dxr.change({ focus: null, trail: [] }, { step: true });
    if (s.member !== null && s.member < 0) return dxr.change({ member: null });
    return undefined;
  }
})();
