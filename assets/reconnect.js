// A server that has gone: Dash keeps silent, this says so, waits for it, and goes on where the page was.
//
// Nothing is asked while all is well. After a request that got no answer, one small file is asked for again and again.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const FIRST_MS = 500;
  const LONGEST_MS = 8000;
  const GONE = "dxr does not answer. Start it again if it was ended; this page waits for it and goes on by itself.";
  const OTHER = "dxr answers again, with another collection or a later state of this one. Reload the page.";
  const CLOSED = "dxr answers again, but asks for its token. Open the address that dxr serve printed.";

  const ask = window.fetch.bind(window);
  let waiting = false;

  window.fetch = async (...request) => {
    try {
      return await ask(...request);
    } catch (error) {
      if (error.name !== "AbortError" && dxr.selection()) lost();
      throw error;
    }
  };

  async function lost() {
    dxr.say({ note: GONE, tone: "error" });
    if (waiting) return;
    waiting = true;
    let status = 0;
    for (let pause = FIRST_MS; !status; pause = Math.min(2 * pause, LONGEST_MS)) {
      await new Promise((done) => setTimeout(done, pause));
      // The first image is named with the collection's version: another collection has no such file.
      const first = `thumbnails/${dxr.facts().version}/0.jpg`;
      status = await ask(first, { method: "HEAD", cache: "no-store" }).then((answer) => answer.status, () => 0);
      if (status >= 500) status = 0; // a proxy says that nobody is behind it
    }
    waiting = false;
    if (status === 401) dxr.say({ note: CLOSED, tone: "error" });
    else if (status !== 200) dxr.say({ note: OTHER, tone: "error" });
    else {
      dxr.askAgain(); // clears the status line
      dxr.say({ note: "dxr answers again." });
    }
  }
})();
