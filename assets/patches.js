// The neighbours of one image, patch by patch: the server is asked until they are there; it says what to show.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const OFTEN_MS = 400;
  const SELDOM_MS = 2000; // while the server is away

  let asked = ""; // what the list is about; empty: there is none
  let waits = false; // whether the server works for it
  let timer = 0;

  const panel = () => dxr.element(dxr.ids.patches).closest(".neighbours-panel");
  const show = (tree) => (dxr.element(dxr.ids.patches).dataset.tree = tree);

  // As the page's address says it.
  function about({ page, patches, space, active, focus, member }) {
    if (page !== "answer" || !patches) return "";
    const said = new URLSearchParams({ space, active: active ?? "", patches });
    if (focus !== null) said.set("focus", focus);
    if (member !== null) said.set("member", member);
    return said.toString();
  }

  const send = (what, method = "GET") =>
    fetch(`patches/${dxr.facts().version}.json?${what}`, { method, headers: { "X-Dxr": dxr.selection().fingerprint } });

  dxr.askPatches = async () => {
    const mine = asked;
    clearTimeout(timer);
    let said;
    try {
      const answer = await send(mine);
      said = answer.ok ? await answer.json() : failed("The collection has changed since this page was opened.", "Reload the page.");
    } catch {
      said = failed("dxr does not answer.", "Start it again; this page then goes on.");
      said.away = true;
    }
    if (mine !== asked) return;
    waits = Boolean(said.busy);
    dxr.element(dxr.ids.patches).setAttribute("aria-busy", String(waits));
    show(said.tree);
    if (waits || said.away) timer = setTimeout(dxr.askPatches, waits ? OFTEN_MS : SELDOM_MS);
  };

  function failed(problem, remedy) {
    const line = (children, className) => ({ type: "P", props: { children, className } });
    const children = [line(problem, "message-title"), line(remedy)];
    return { tree: JSON.stringify({ type: "Div", props: { children, className: "message error" } }) };
  }

  function follow(s) {
    dxr.element(dxr.ids.patchToggle).setAttribute("aria-pressed", String(Boolean(s.patches)));
    if (s.patches) dxr.element(dxr.ids.patchOrder).value = s.patches;
    const next = about(s);
    if (next === asked) return;
    if (waits) send(asked, "DELETE").catch(() => {}); // nobody waits for it any more
    waits = false;
    clearTimeout(timer);
    asked = next;
    show("[]");
    panel().toggleAttribute("data-patches", Boolean(next));
    if (next) dxr.askPatches();
  }

  // Show the list of any image, wherever the page is.
  dxr.showPatches = (key, patches) => {
    const s = dxr.selection();
    const patch = { page: "answer", patches };
    if (key.startsWith("r")) {
      patch.focus = Number(key.slice(1));
      patch.trail = dxr.trailTo(s, patch.focus);
    } else {
      const [, active, place] = key.split(".");
      Object.assign(patch, { active, focus: null, member: -1 - Number(place) });
      if (!s.shown.includes(active)) patch.shown = [...s.shown, active];
    }
    dxr.change(patch, { step: true });
  };

  document.addEventListener("DOMContentLoaded", () => dxr.onChange(follow));
})();
