// The button "Report…": choose a form, wait while the server writes it, save it.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const TICK_MS = 1000;

  let stop = null; // ends the report that is being written

  const dialog = () => dxr.element(dxr.ids.reportDialog);
  const say = (text) => (dxr.element(dxr.ids.reportWork).textContent = text);

  dxr.openReport = (name) => {
    dxr.element(dxr.ids.reportOf).textContent = name;
    say("");
    dialog().onclose = () => stop?.abort();
    dialog().showModal();
  };

  dxr.saveReport = async (form) => {
    const { space, active } = dxr.selection();
    if (!active || stop) return;
    const asked = (stop = new AbortController());
    const began = performance.now();
    const tell = () => say(`Writing… ${Math.round((performance.now() - began) / 1000)} s`);
    tell();
    work(true);
    const clock = setInterval(tell, TICK_MS);
    try {
      const folder = `report/${dxr.facts().version}/${encodeURIComponent(space)}`;
      const answer = await fetch(`${folder}/${active}.${form}`, { signal: asked.signal });
      if (!answer.ok) {
        say(answer.status === 422 ? await answer.text() : "The collection has changed since this page was opened. Reload the page.");
        return;
      }
      const file = await answer.blob();
      const name = answer.headers.get("Content-Disposition").match(/filename="([^"]+)"/)[1];
      save(file, name);
      dialog().close();
      dxr.say({ note: `Saved ${name}, ${size(file.size)}.`, tone: "plain" });
    } catch (error) {
      if (error.name !== "AbortError") say("dxr does not answer. Start it again, then try once more.");
    } finally {
      clearInterval(clock);
      stop = null;
      work(false);
    }
  };

  function work(busy) {
    dialog().setAttribute("aria-busy", String(busy));
    for (const button of dialog().querySelectorAll("[data-do=save-report]")) button.disabled = busy;
  }

  function save(file, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000); // the browser may still be reading
  }

  const size = (bytes) => (bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
})();
