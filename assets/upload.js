// Image files from outside: dropped anywhere on the page or chosen in a dialog; checked, named, sent, embedded.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});

  const megabytes = (bytes) => Math.floor(bytes / 2 ** 20);
  const carriesFiles = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  let depth = 0; // dragenter and dragleave fire for every element on the way

  document.addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth += 1;
    dxr.element(dxr.ids.dropVeil).hidden = false;
  });
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  document.addEventListener("dragleave", (event) => {
    if (!carriesFiles(event)) return;
    depth = Math.max(0, depth - 1);
    if (depth === 0) dxr.element(dxr.ids.dropVeil).hidden = true;
  });
  document.addEventListener("drop", async (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    dxr.element(dxr.ids.dropVeil).hidden = true;
    offer(await filesOf(event.dataTransfer));
  });

  // Folders may be dropped too: their files are taken, with the path as name.
  async function filesOf(transfer) {
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry());
    if (!entries.some((entry) => entry && entry.isDirectory)) return { files: [...transfer.files], folder: "" };
    const files = [];
    for (const entry of entries) if (entry) await collect(entry, "", files);
    return { files, folder: entries.find((entry) => entry && entry.isDirectory).name };
  }

  async function collect(entry, path, files) {
    if (entry.isFile) {
      const file = await new Promise((done, fail) => entry.file(done, fail));
      file.shownName = path + file.name;
      files.push(file);
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((done, fail) => reader.readEntries(done, fail)); // at most 100 at a time
      if (!some.length) return;
      for (const one of some) await collect(one, `${path}${entry.name}/`, files);
    }
  }

  dxr.chooseFiles = () => {
    const input = document.createElement("input");
    input.type = "file";
    input.multiple = true;
    input.accept = dxr.facts().suffixes;
    input.addEventListener("change", () => offer({ files: [...input.files], folder: "" }));
    input.click();
  };

  // Check what can be checked here, and ask for a name. The server checks again.
  function offer({ files, folder }) {
    dxr.set(dxr.ids.status, { children: null });
    const facts = dxr.facts();
    const most = { images: Number(facts.mostImages), each: Number(facts.mostImageBytes), all: Number(facts.mostBytes) };
    const suffixes = facts.suffixes.split(",");
    const refused = [];
    const good = [];
    for (const file of files) {
      const name = file.shownName || file.name;
      const known = suffixes.some((suffix) => name.toLowerCase().endsWith(suffix));
      if (!known) refused.push(`${name}: not an image file`);
      else if (file.size === 0) refused.push(`${name}: the file is empty`);
      else if (file.size > most.each) refused.push(`${name}: larger than ${megabytes(most.each)} MB`);
      else good.push(file);
    }
    const total = good.reduce((sum, file) => sum + file.size, 0);
    const problem = !good.length
      ? `No image file among these. ${refused.slice(0, 3).join("; ")}`
      : good.length > most.images
        ? `${good.length} images are too many. Add at most ${most.images} at once.`
        : total > most.all
          ? `The images are larger than ${megabytes(most.all)} MB together. Add fewer, or smaller ones.`
          : "";
    if (problem) {
      dxr.say({ note: problem, tone: "error" });
      return;
    }
    const left = refused.length ? `, ${refused.length} left out:` : "";
    dxr.askName({
      title: "New query set",
      facts: `${good.length} image${good.length === 1 ? "" : "s"}${left}`,
      refused,
      name: folder || (good.length === 1 ? good[0].name.replace(/\.[^.]*$/, "") : ""),
      then: (name) => send(name, good),
    });
  }

  async function send(name, files) {
    const form = new FormData();
    form.append("name", name);
    for (const file of files) form.append("images", file, file.shownName || file.name);
    const progress = showProgress(name);
    try {
      const answer = await fetch("query-sets", {
        method: "POST",
        body: form,
        headers: { "X-Dxr": dxr.selection().fingerprint },
      });
      if (!answer.ok || !answer.body) throw new Error(String(answer.status));
      let reply = null;
      await dxr.readLines(answer.body, (said) => (said.reply ? (reply = said.reply) : progress.show(said)));
      if (!reply) throw new Error("ended early");
      dxr.set(dxr.ids.reply, { data: reply });
    } catch {
      dxr.say({ note: "The images could not be sent. Is dxr still running?", tone: "error" });
    } finally {
      progress.end();
    }
  }

  // An answer that comes line by line while the server works; the last line holds what came of it.
  dxr.readLines = async (body, take) => {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      text += value;
      const lines = text.split("\n");
      text = lines.pop();
      for (const line of lines) take(JSON.parse(line));
    }
  };

  dxr.stepText = ({ step, done, total }) => {
    const said = step.charAt(0).toUpperCase() + step.slice(1);
    return total ? `${said}: ${done} of ${total}` : `${said}…`;
  };

  function showProgress(name) {
    const box = document.createElement("div");
    box.className = "toast progress";
    const text = document.createElement("span");
    text.dir = "auto";
    const bar = document.createElement("progress");
    bar.setAttribute("aria-label", "Making the query set");
    text.textContent = `Sending images for “${name}”…`;
    box.append(text, bar);
    dxr.element(dxr.ids.toasts).append(box);
    return {
      show: ({ step, done, total }) => {
        text.textContent = dxr.stepText({ step, done, total });
        if (total) [bar.max, bar.value] = [total, done];
        else bar.removeAttribute("value");
      },
      end: () => box.remove(),
    };
  }
})();
