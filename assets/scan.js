// The page Scan: what has been found so far is asked for while a scan is at work; the server runs it.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const OFTEN_MS = 600; // while its page is open
  const SELDOM_MS = 2500;
  const VERDICTS = ["yes", "partly", "no", "cannot tell"];

  const scans = new Map(); // space and what is scanned by -> what the server said last, with all lines
  const watched = new Set(); // scans that were at work: their end is told on any page
  let timer = 0;
  let drawn = null;
  let opened = null; // the line that was opened last: Back leads to it

  const keyOf = ({ space, scan }) => `${space}\n${scan}`;
  const nameOf = (by) => (by === "cluster" ? "cluster" : by.replace("column:", ""));

  // Ask for the lines that are not here yet; or start or stop the scan.
  dxr.askScan = async (what = "") => {
    const s = dxr.selection();
    const key = keyOf(s);
    const from = scans.has(key) ? scans.get(key).lines.length : 0;
    const said = new URLSearchParams({ by: s.scan, from, ...(what ? { do: what } : {}) });
    const post = what ? { method: "POST", headers: { "X-Dxr": s.fingerprint } } : {};
    const answer = await fetch(`scan/${dxr.facts().version}/${encodeURIComponent(s.space)}?${said}`, post);
    if (!answer.ok) {
      dxr.say({ note: "The collection has changed since this page was opened. Reload the page.", tone: "error" });
      return;
    }
    const status = await answer.json();
    const before = scans.has(key) ? scans.get(key).lines : [];
    const { lines: more = [], n_lines: nLines = before.length } = status;
    const lines = nLines < before.length ? [] : [...before, ...more.slice(before.length - from)];
    scans.set(key, { n_values: 0, other: "", ...status, lines });
    if (status.state === "running") watched.add(key);
    else if (watched.delete(key) && s.page !== "scan") tellEnd(s, status, lines);
    draw();
    later();
  };

  function tellEnd({ scan }, { state }, lines) {
    const yes = lines.filter(({ verdict }) => verdict === "yes").length;
    const how = state === "done" ? `has ended: ${yes} of ${lines.length} values are retrieved` : "has stopped";
    dxr.say({ note: `The scan by \u2068${nameOf(scan)}\u2069 ${how}.`, tone: "plain" });
  }

  // Ask again as long as something is at work.
  function later() {
    clearTimeout(timer);
    const s = dxr.selection();
    const now = scans.get(keyOf(s));
    if (!now || !(now.state === "running" || now.other)) return;
    const pause = s.page === "scan" && now.state === "running" ? OFTEN_MS : SELDOM_MS;
    timer = setTimeout(() => dxr.askScan().catch(later), pause); // the server may come back
  }

  dxr.openLine = (line) => {
    const { scan, space } = dxr.selection();
    opened = Number(line.dataset.code);
    line.classList.add("opening");
    dxr.command({ do: "open-line", by: scan, space, code: opened });
  };

  function make(tag, className, text = "") {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.textContent = text;
    return element;
  }

  const isolated = (text) => make("bdi", "", text);

  function many(by, n) {
    const what = by === "cluster" ? "cluster" : "value";
    return `${dxr.count(n)} ${what}${n === 1 ? "" : "s"}`;
  }

  function draw() {
    const s = dxr.selection();
    const now = scans.get(keyOf(s)) || { state: "unknown", lines: [], n_values: 0, other: "" };
    const { state, lines, n_values: nValues } = now;
    const start = dxr.element(dxr.ids.scanStart);
    if (!start) return;
    start.hidden = !["none", "stopped", "failed"].includes(state) || Boolean(now.other) || !nValues;
    start.textContent = lines.length ? "Go on" : `Scan ${many(s.scan, nValues)}`;
    dxr.element(dxr.ids.scanStop).hidden = !(state === "running" && now.can_stop);
    drawProgress(now);
    drawNote(s, now);
    drawTotals(s, now);
    const table = dxr.element(dxr.ids.scanLines).parentElement;
    table.hidden = !lines.length;
    if (lines.length) dxr.drawLines(lines, s, keyOf(s));
  }

  function drawProgress({ state, lines, n_values: nValues, seconds_left: left }) {
    const box = dxr.element(dxr.ids.scanProgress);
    box.hidden = state !== "running";
    if (box.hidden) return box.replaceChildren();
    if (!box.firstElementChild) box.replaceChildren(make("progress"), make("span", "hint"));
    const [bar, words] = box.children;
    bar.max = nValues;
    bar.value = lines.length;
    const parts = [`${dxr.count(lines.length)} of ${dxr.count(nValues)}`];
    if (!lines.length) parts.push("starting …");
    else if (left !== null && left !== undefined) parts.push(`${inWords(left)} left`);
    words.textContent = parts.join(" · ");
    return undefined;
  }

  const inWords = (seconds) =>
    seconds < 100 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`;

  function drawNote(s, now) {
    const { state, lines, n_values: nValues, other } = now;
    const parts = [];
    if (state === "none" && !other) parts.push(invitation(s, nValues));
    if (state === "stopped" && !other)
      parts.push(make("p", "hint", `Stopped after ${dxr.count(lines.length)} of ${many(s.scan, nValues)}. Lines are kept.`));
    if (state === "failed") {
      const box = make("div", "message error");
      const [problem, remedy] = [make("p", "message-title", now.problem), make("p", "", now.remedy)];
      problem.dir = remedy.dir = "auto";
      box.append(problem, remedy);
      parts.push(box);
    }
    if (state === "running" && !now.can_stop) parts.push(make("p", "hint", "Another process runs this scan."));
    if (other) {
      const words = make("p", "hint");
      const rest = " is at work. There is one at a time: wait until it has ended, or choose it and stop it.";
      words.append("The scan by ", isolated(other), rest);
      parts.push(words);
    }
    if (lines.length && s.scan === "cluster") parts.push(make("p", "hint", ABOUT_CLUSTERS));
    const n = state === "stopped" ? lines.length : Math.min(lines.length, 1);
    const said = JSON.stringify([state, other, nValues, s.scan, s.space, now.problem, now.can_stop, n]);
    const box = dxr.element(dxr.ids.scanNote);
    if (box.said === said) return; // a screen reader need not hear it again
    box.said = said;
    box.replaceChildren(...parts);
  }

  const ABOUT_SCANS =
    "Do these features retrieve the images of each among all others? One line for every answer, to be sorted; " +
    "a click opens it. Lines are kept: nothing is computed twice.";
  const ABOUT_CLUSTERS =
    "Clusters are made of near neighbours, so most of them are retrieved. Look for those that are not.";

  function invitation({ scan }, nValues) {
    const box = make("div", "message inviting");
    const title = make("p", "message-title");
    if (scan === "cluster") title.append(`${many(scan, nValues)}, each asked as X`);
    else title.append(`${many(scan, nValues)} of `, isolated(nameOf(scan)), ", each asked as X");
    box.append(title, make("p", "", ABOUT_SCANS));
    if (scan === "cluster") box.append(make("p", "", ABOUT_CLUSTERS));
    const choices = dxr.element(dxr.ids.scanBy).options;
    if (choices.length === 1)
      box.append(make("p", "", "There are no labels or other values to scan by: dxr build --labels adds them."));
    return box;
  }

  function drawTotals({ only, scan }, { lines, n_values: nValues, state }) {
    const box = dxr.element(dxr.ids.scanTotals);
    box.hidden = !lines.length;
    const counts = new Map(VERDICTS.map((verdict) => [verdict, 0]));
    for (const { verdict } of lines) counts.set(verdict, counts.get(verdict) + 1);
    if (!box.firstElementChild) {
      const chips = VERDICTS.map((verdict) => {
        const chip = make("button", `chip ${dxr.verdictClass(verdict)}`);
        chip.type = "button";
        chip.dataset.do = "only";
        chip.dataset.only = verdict;
        chip.title = `Show only these lines, or all again`;
        chip.append(make("strong"), ` ${verdict}`);
        return chip;
      });
      box.replaceChildren(make("p", "scan-sum"), ...chips);
    }
    const [sum, ...chips] = box.children;
    const so = state === "done" ? "" : ", so far";
    const all = many(scan, state === "done" ? nValues : lines.length);
    sum.textContent = `${dxr.count(counts.get("yes"))} of ${all}: yes${so}`;
    for (const chip of chips) {
      const verdict = chip.dataset.only;
      chip.firstElementChild.textContent = dxr.count(counts.get(verdict));
      chip.setAttribute("aria-pressed", String(only === verdict));
      chip.hidden = !counts.get(verdict) && only !== verdict;
    }
  }

  dxr.verdictClass = (verdict) => (verdict === "cannot tell" ? "unclear" : verdict);

  function follow(s) {
    const now = keyOf(s);
    const shown = JSON.stringify([s.page === "scan", now, s.order, s.only, s.edition]);
    if (s.page !== "scan" || shown === drawn) {
      drawn = s.page === "scan" ? shown : null;
      return;
    }
    const entered = drawn === null;
    const changed = entered || JSON.parse(drawn)[1] !== now;
    drawn = shown;
    draw();
    if (changed) dxr.askScan().catch(later);
    if (entered && opened !== null) dxr.showLine(opened);
  }

  document.addEventListener("DOMContentLoaded", () => dxr.onChange(follow));
})();
