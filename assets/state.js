// The state of the page: one record, changed here, mirrored in the address, handed to the panels in parts.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});

  dxr.ids = {
    selection: "selection",
    command: "command",
    reply: "reply",
    status: "status",
    findText: "find-text",
    found: "found",
    foundView: "found-view",
    toasts: "toasts",
    answer: "answer",
    evidence: "evidence",
    proofs: "proofs",
    members: "members",
    map: "map",
    sets: "sets",
    mapStage: "map-stage",
    mapTiles: "map-tiles",
    mapMarks: "map-marks",
    mapOverlay: "map-overlay",
    mapFar: "map-far",
    colourBy: "colour-by",
    beside: "beside",
    besideStage: "beside-stage",
    besideTiles: "beside-tiles",
    besideMarks: "beside-marks",
    besideOverlay: "beside-overlay",
    besideSpace: "beside-space",
    pairPanel: "pair-panel",
    neighbours: "neighbours",
    patches: "patches",
    patchToggle: "patch-toggle",
    patchOrder: "patch-order",
    selectedPanel: "selected-panel",
    selected: "selected",
    saveName: "save-name",
    space: "space",
    ranks: "ranks",
    ranksStage: "ranks-stage",
    ranksOverlay: "ranks-overlay",
    rows: "rows",
    brushFirst: "brush-first",
    brushWidth: "brush-width",
    metric: "metric",
    trail: "trail",
    scanBy: "scan-by",
    scanStart: "scan-start",
    scanStop: "scan-stop",
    scanProgress: "scan-progress",
    scanTotals: "scan-totals",
    scanHead: "scan-head",
    scanLines: "scan-lines",
    scanNote: "scan-note",
    stripSource: "strip-source",
    stripLens: "strip-lens",
    stripFacts: "strip-facts",
    stripStage: "strip-stage",
    stripNote: "strip-note",
    distances: "distances",
    distancesStage: "distances-stage",
    distancesOverlay: "distances-overlay",
    compared: "compared",
    comparedDistances: "compared-distances",
    comparedStage: "compared-stage",
    comparedOverlay: "compared-overlay",
    comparedRanks: "compared-ranks",
    comparedRanksStage: "compared-ranks-stage",
    everywhere: "everywhere",
    card: "card",
    dropVeil: "drop-veil",
    helpDialog: "help-dialog",
    nameDialog: "name-dialog",
    nameTitle: "name-title",
    nameFacts: "name-facts",
    nameRefused: "name-refused",
    nameField: "name-field",
    reportDialog: "report-dialog",
    reportOf: "report-of",
    reportWork: "report-work",
    whyDialog: "why-dialog",
    whyPair: "why-pair",
    whyScale: "why-scale",
    whySaid: "why-said",
    wordsField: "words-field",
  };

  let current = null; // the selection; null until the server has read the address
  let usual = null; // the one that an address without "?" shows
  let webgl = null; // whether maps are drawn with it
  let sent = {}; // for each view, what it was last asked to show, as text

  const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
  const listeners = [];

  dxr.element = (id) => document.getElementById(id);
  dxr.selection = () => current;
  dxr.usualColour = () => usual.colour;
  dxr.facts = () => document.querySelector(".page").dataset;
  dxr.onChange = (listener) => listeners.push(listener);
  dxr.set = (id, props) => window.dash_clientside.set_props(id, props);

  dxr.appearance = () =>
    current && current.theme !== "auto" ? current.theme : systemDark.matches ? "dark" : "light";

  // Change the selection. `step` makes the change one that the Back button takes back.
  dxr.change = (patch, { step = false } = {}) => {
    if (!current) return;
    dxr.set(dxr.ids.status, { children: null });
    const next = { ...current, ...patch };
    if (!("patches" in patch)) next.patches = patchesAfter(next);
    if (step) history.pushState(null, "", address(next));
    current = next;
    dxr.hideStale();
    dxr.set(dxr.ids.selection, { data: next });
  };

  // Patches are compared for the image that they were asked for, and never for another one by themselves.
  const patchesAfter = (next) =>
    ["space", "active", "focus", "member"].every((one) => next[one] === current[one]) ? current.patches : 0;

  // What is about another query set, or another space, is not shown under the new one's name while that is computed.
  dxr.hideStale = () => {
    if (!current) return;
    const about = current.active ? `${current.space} ${current.active}` : "";
    for (const id of [dxr.ids.answer, dxr.ids.evidence, dxr.ids.proofs, dxr.ids.members]) {
      const box = dxr.element(id);
      if (box) box.classList.toggle("stale", (box.dataset.of ?? "") !== "" && box.dataset.of !== about);
    }
  };

  // Ask for every panel again: what was asked while the server was away has no answer.
  dxr.askAgain = () => {
    sent = {};
    dxr.change({ edition: current.edition + 1 });
  };

  // Show all of the map again, whatever was zoomed or asked for by the address.
  dxr.showWholeMap = () => {
    if (!current) return;
    dxr.change({ view: null, beside_view: null, opened: current.opened + 1 });
  };

  // Ask the server to do something; `merge` takes the reply.
  dxr.command = (command) => {
    dxr.set(dxr.ids.status, { children: null });
    const fingerprint = current ? current.fingerprint : null;
    dxr.set(dxr.ids.command, { data: { fingerprint, ...command, at: performance.now() } });
  };

  // A reply is merged into the selection as it is by now: it may have changed while the server worked.
  dxr.merge = (reply) => {
    if (!reply) return window.dash_clientside.no_update;
    if (reply.usual) usual = reply.usual;
    if (reply.state) {
      const opened = (current ? current.opened : 0) + 1;
      webgl ??= hasWebGL();
      current = { ...reply.state, opened, webgl };
      sent = {};
    }
    let { shown, active, member, edition, queries, strip } = current;
    if (reply.page && reply.page !== current.page) history.pushState(null, "", address(current)); // Back leads there
    if (reply.hide) {
      shown = shown.filter((one) => one !== reply.hide);
      queries = queries.filter(({ key }) => key !== `s.${reply.hide}` && !key.startsWith(`o.${reply.hide}.`));
      if (!queries.some(({ key }) => key === strip) && strip !== "selection") strip = "map";
      if (active === reply.hide) [active, member] = [reply.then, null];
      if (reply.then && !shown.includes(reply.then)) shown = [...shown, reply.then];
    }
    if (reply.show) {
      shown = reply.alone ? [reply.show] : [...shown.filter((one) => one !== reply.show), reply.show];
      [active, member] = [reply.show, null];
      const merged = queries.filter(({ key }) => (reply.merged || []).includes(key));
      const before = queries;
      if (!reply.alone) queries = dxr.withSet(before.filter((one) => !merged.includes(one)), reply.show, reply.slot);
      if (merged.length) {
        history.pushState(null, "", address(current)); // Back leads to the rows as they were
        const asked = current.active;
        reply.undo = () => {
          const s = dxr.selection(); // nothing on the page may ask for the set once it has gone
          const queries = s.queries.filter(({ key }) => key !== `s.${reply.show}`);
          dxr.change({ queries, shown: s.shown.filter((one) => one !== reply.show), active: asked, member: null });
          dxr.bringBack(merged, before);
          dxr.command({ do: "remove", set: reply.show });
        };
      }
    }
    if (reply.changed) edition += 1;
    const freed = reply.release ? { lasso: [], picked: null } : {};
    const page = reply.page || current.page;
    const patches = patchesAfter({ ...current, active, member });
    current = { ...current, ...freed, page, shown, active, member, edition, queries, strip, patches };
    dxr.hideStale();
    if (reply.note) dxr.say(reply);
    return current;
  };

  // Hand each panel its part of the selection, if that part has changed.
  dxr.views = (selection) => {
    const none = window.dash_clientside.no_update;
    const order = [
      ...["map", "answer", "sets", "neighbours", "selected", "distances", "members", "ranks"],
      ...["control", "compare", "beside", "pair", "words"],
    ];
    if (!selection) {
      document.documentElement.classList.add("dxr");
      queueMicrotask(() => dxr.command({ do: "open", search: location.search }));
      return order.map(() => none);
    }
    current = selection;
    mirror();
    for (const listener of listeners) listener(current);
    const parts = viewParts();
    const most = current.webgl ? Number(dxr.facts().pointsLimit) : 0;
    const dense = Number(dxr.facts().images) > most;
    return order.map((name) => {
      if (parts[name] === null) return none; // its page is not the one that is open
      // The browser zooms by itself where all points are drawn: the map then need not be asked for again.
      const { view, beside_view, ...rest } = parts[name];
      const many = dense && (name === "beside" || current.arrangement === "points");
      const text = JSON.stringify(many ? parts[name] : rest);
      if (text === sent[name]) return none;
      sent[name] = text;
      return parts[name];
    });
  };

  function viewParts() {
    const s = current;
    const base = { fingerprint: s.fingerprint, space: s.space, edition: s.edition, active: s.active };
    const { opened, lasso, picked, shown, colour } = s;
    const look = { theme: dxr.appearance(), opened, shown };
    const { layout, arrangement, drawn_on, queries, metric, scale } = s;
    const where = { layout, arrangement, drawn_on };
    const chosen = { lasso, picked, drawn_on };
    const { beside, webgl } = s;
    const pair = colour === "disagreement" ? { beside } : {};
    const seen = { view: s.view, aspect: aspect(dxr.ids.mapStage) };
    const seenBeside = { beside_view: s.beside_view, aspect: aspect(dxr.ids.besideStage) };
    const parts = {
      map: { ...base, ...look, ...where, ...chosen, ...pair, colour, webgl, ...seen },
      answer: { ...base, theme: look.theme },
      sets: { ...base, shown },
      neighbours: s.focus === null ? { ...base, member: s.member } : { ...base, active: null, focus: s.focus },
      selected: { ...base, active: null, edition: 0, ...chosen },
      distances: { ...base, ...look, active: s.member === null ? null : s.active, member: s.member },
      members: { ...base, member: s.member },
      ranks: s.page === "explore" ? { ...base, theme: look.theme, opened, queries, metric, scale } : null,
      control: { ...base, theme: look.theme },
      words: { ...base, active: null, edition: 0, words: s.words },
      compare: null,
      beside: beside ? { ...base, ...look, layout, ...chosen, colour, webgl, beside, ...seenBeside } : null,
      pair: beside ? { ...base, active: null, edition: 0, colour, beside, focus: s.focus } : null,
    };
    if (s.page !== "compare") return parts;
    // What is out of sight there is not asked for: it would keep the comparison waiting.
    for (const name of Object.keys(parts)) if (!["sets", "words"].includes(name)) parts[name] = null;
    parts.compare = { ...base, ...look, reference: s.reference, everywhere: s.everywhere, scale };
    return parts;
  }

  function aspect(id) {
    const stage = dxr.element(id);
    return stage && stage.clientHeight ? Number((stage.clientWidth / stage.clientHeight).toPrecision(3)) : 1;
  }

  // Draw again what has become another shape; nothing else is asked for.
  dxr.reshape = () => current && dxr.set(dxr.ids.selection, { data: { ...current } });

  const round = (x) => Number(x.toPrecision(5));

  function address(s) {
    const said = new URLSearchParams();
    const differs = (key) => JSON.stringify(s[key]) !== JSON.stringify(usual[key]);
    if (differs("space")) said.set("space", s.space);
    if (differs("shown")) said.set("sets", s.shown.join(","));
    if (differs("active")) said.set("active", s.active || "");
    if (s.focus !== null) said.set("focus", s.focus);
    if (s.member !== null) said.set("member", s.member);
    if (differs("colour")) said.set("colour", s.colour);
    if (s.lasso.length) {
      said.set("lasso", s.lasso.flat().map(round).join(","));
      if (differs("drawn_on")) said.set("on", s.drawn_on);
    }
    if (s.picked) said.set("pick", s.picked.join("="));
    if (s.view) said.set("view", s.view.map(round).join(","));
    if (s.beside) said.set("beside", s.beside);
    if (s.beside && s.beside_view) said.set("beside-view", s.beside_view.map(round).join(","));
    if (s.theme !== "auto") said.set("theme", s.theme);
    for (const key of ["page", "layout", "arrangement", "first", "width", "scale", "metric", "strip", "lens"])
      if (differs(key)) said.set(key, s[key]);
    if (s.reference) said.set("reference", s.reference.join("@"));
    if (s.everywhere) said.set("spaces", "all");
    for (const key of ["scan", "order", "only"]) if (differs(key)) said.set(key, s[key]);
    if (differs("queries")) said.set("queries", s.queries.map(queryText).join(","));
    if (s.trail.length) said.set("trail", s.trail.join(","));
    if (s.words) said.set("words", s.words);
    if (s.patches) said.set("patches", s.patches);
    if (!s.pictures) said.set("pictures", "no");
    const text = said.toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%40", "@");
    return location.pathname + (text ? `?${text}` : "");
  }

  // Key, then "*" and the slot, "!" where pinned, "~" and the name; names are quoted once more, for their commas.
  const queryText = ({ key, slot, pinned, name }) =>
    `${key}*${slot}${pinned ? "!" : ""}${name ? `~${encodeURIComponent(name)}` : ""}`;

  function mirror() {
    const wanted = address(current);
    if (wanted !== location.pathname + location.search) history.replaceState(null, "", wanted);
    const look = dxr.appearance();
    if (document.documentElement.dataset.theme !== look) document.documentElement.dataset.theme = look;
    for (const [id, value] of [["colourBy", current.colour], ["metric", current.metric], ["space", current.space], ["scanBy", current.scan], ["besideSpace", current.beside || ""]]) {
      const select = dxr.element(dxr.ids[id]);
      if (select && select.value !== value) select.value = value;
    }
    document.querySelector(".page").dataset.page = current.page;
    for (const key of ["page", "scale"])
      for (const one of document.querySelectorAll(`[data-do=${key}]`))
        one.setAttribute("aria-pressed", String(one.dataset[key] === current[key]));
    const everywhere = dxr.element(dxr.ids.everywhere);
    if (everywhere) everywhere.setAttribute("aria-pressed", String(current.everywhere));
    const panel = dxr.element(dxr.ids.selectedPanel);
    if (panel) panel.hidden = !current.lasso.length && !current.picked;
  }

  // Asked once: a browser gives WebGL to few canvases, and takes it from the oldest, the map's, when there are more.
  function hasWebGL() {
    try {
      const canvas = document.createElement("canvas");
      const context = canvas.getContext("webgl2") || canvas.getContext("webgl");
      context?.getExtension("WEBGL_lose_context")?.loseContext();
      return Boolean(context);
    } catch {
      return false;
    }
  }

  // The browser has taken WebGL from a map that is on the page: draw without, until the page is loaded again.
  dxr.loseWebGL = () => {
    webgl = false;
    dxr.change({ webgl });
  };

  window.addEventListener("popstate", () => dxr.command({ do: "open", search: location.search }));
  systemDark.addEventListener("change", () => current && dxr.change({}));

  // Only a theme that the address names must be known before the first frame.
  const named = new URLSearchParams(location.search).get("theme");
  document.documentElement.dataset.theme = ["light", "dark"].includes(named) ? named : dxr.appearance();

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.dxr = { views: (s) => dxr.views(s), merge: (r) => dxr.merge(r) };
})();
