// What buttons do: each names its action in data-do.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const TOAST_MS = 12000;
  const MOST_TOASTS = 3;

  let confirmName = null; // what the open name dialog is for

  const actions = {
    focus: (about) => dxr.follow(dxr.keyOf(about)),
    "go-back": ({ row }) => {
      dxr.change({ focus: Number(row) }, { step: true });
      dxr.flash(`r${row}`);
    },
    unfocus: () => dxr.change({ focus: null, trail: [] }, { step: true }),
    page: ({ page }) => dxr.change({ page }, { step: true }),
    reference: ({ set, space }) => dxr.change({ reference: [set, space] }, { step: true }),
    everywhere: () => dxr.change({ everywhere: !dxr.selection().everywhere }, { step: true }),
    "ask-set": ({ set, slot }) => dxr.changeQueries((all) => dxr.withSet(all, set, Number(slot))),
    "remove-query": ({ key }) => dxr.removeQueries((one) => one.key === key),
    "clear-queries": () => dxr.removeQueries((one) => !one.pinned),
    pin: ({ key }) => dxr.pin(key),
    "move-query": ({ key, by }) => dxr.moveQuery(key, Number(by)),
    "name-query": ({ key, name }) =>
      dxr.askName({
        title: "Name of this row",
        facts: "Leave it empty for the image's or set's own name.",
        name,
        optional: true,
        then: (text) => dxr.nameQuery(key, text),
      }),
    merge: () => dxr.mergeQueries(),
    scale: ({ scale }) => dxr.change({ scale }),
    "show-on-map": () => dxr.element(dxr.ids.mapStage).scrollIntoView({ block: "nearest", behavior: "smooth" }),
    member: (about) => {
      const one = Number(about.item);
      const chosen = dxr.selection().member !== one;
      // the panel of neighbours is about an image from outside that was chosen last, not about an earlier focus
      dxr.change({ member: chosen ? one : null, ...(chosen && one < 0 ? { focus: null } : {}) });
      if (chosen) dxr.follow(dxr.keyOf(about)); // an image is followed wherever it is clicked
    },
    activate: ({ set }) => {
      const { shown } = dxr.selection();
      dxr.change({ active: set, member: null, shown: shown.includes(set) ? shown : [...shown, set] }, { step: true });
    },
    show: ({ set }) => {
      const { shown } = dxr.selection();
      dxr.change({ shown: shown.includes(set) ? shown.filter((one) => one !== set) : [...shown, set] });
    },
    pick: ({ what, code }) => {
      const { picked } = dxr.selection();
      const same = picked && picked[0] === what && picked[1] === Number(code);
      dxr.change({ picked: same ? null : [what, Number(code)], lasso: [] }, { step: true });
    },
    "clear-selection": () => dxr.change({ picked: null, lasso: [] }, { step: true }),
    tool: ({ tool }) => dxr.useTool(tool),
    "whole-map": () => dxr.showWholeMap(),
    "close-beside": () => dxr.showBeside(""),
    "colour-by": ({ colour }) => dxr.change({ colour }),
    arrangement: ({ arrangement }) => dxr.arrange({ arrangement }),
    pictures: () => dxr.change({ pictures: !dxr.selection().pictures }),
    theme: () => dxr.change({ theme: dxr.appearance() === "dark" ? "light" : "dark" }),
    help: () => dxr.element(dxr.ids.helpDialog).showModal(),
    "close-dialog": (_data, button) => button.closest("dialog").close(),
    "open-files": () => dxr.chooseFiles(),
    reload: () => location.reload(),
    save: () => dxr.save(),
    why: (about) => dxr.openWhy(about),
    patches: ({ order }) => dxr.change({ patches: dxr.selection().patches ? 0 : Number(order) }, { step: true }),
    "patches-again": () => dxr.askPatches(),
    "patches-of": ({ key, order }) => dxr.showPatches(key, Number(order)),
    heat: (_data, button) => dxr.showHeat(button.getAttribute("aria-pressed") !== "true"),
    "ask-words": () => dxr.askWords(),
    "clear-words": () => dxr.change({ words: "" }, { step: true }),
    "save-words": (_data, button) => dxr.saveWords(button.parentElement.dataset.words),
    rename: ({ set, name }) =>
      dxr.askName({ title: "Rename query set", name, then: (text) => dxr.command({ do: "rename", set, name: text }) }),
    remove: ({ set }) => dxr.command({ do: "remove", set }),
    "start-scan": () => dxr.askScan("start"),
    "stop-scan": () => dxr.askScan("stop"),
    "sort-scan": ({ order }) => dxr.change({ order: dxr.selection().order === order ? `-${order}` : order }),
    only: ({ only }) => dxr.change({ only: dxr.selection().only === only ? "" : only }),
    "open-line": (_data, line) => dxr.openLine(line),
    "confirm-name": () => confirm(),
    report: ({ name }) => dxr.openReport(name),
    "save-report": ({ form }) => dxr.saveReport(form),
  };

  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest("[data-do]");
    if (!button || button.tagName === "SELECT" || !(button.dataset.do in actions)) return;
    if (button.closest(`#${dxr.ids.found}`)) dxr.closeFound();
    actions[button.dataset.do](button.dataset, button);
  });

  // Another question is read from its beginning.
  let asked = null;
  document.addEventListener("DOMContentLoaded", () =>
    dxr.onChange(({ active }) => {
      if (active !== asked) document.querySelector(".panel.answer").scrollTop = 0;
      asked = active;
    }),
  );

  document.addEventListener("change", (event) => {
    const select = event.target;
    if (!(select instanceof HTMLSelectElement)) return;
    if (select.dataset.do === "colour") dxr.change({ colour: select.value });
    if (select.dataset.do === "beside") dxr.showBeside(select.value);
    if (select.dataset.do === "patch-order") dxr.change({ patches: Number(select.value) }, { step: true });
    if (select.dataset.do === "metric") dxr.change({ metric: select.value });
    if (select.dataset.do === "space") dxr.useSpace(select.value);
    if (select.dataset.do === "scan-by") dxr.change({ scan: select.value, only: "" });
    if (select.dataset.do === "layout") dxr.arrange({ layout: select.value });
    if (select.dataset.do === "control")
      dxr.command({ do: "control", set: select.dataset.set, control: select.value });
  });

  // Save the selected images as a query set, under the name in the field.
  dxr.save = () => {
    const s = dxr.selection();
    const field = dxr.element(dxr.ids.saveName);
    if (!s || (!s.lasso.length && !s.picked)) return dxr.say({ note: "Select some images first.", tone: "plain" });
    const name = field.value.trim();
    if (!name) return field.focus();
    dxr.command({ do: "save", name, selection: s });
    field.value = "";
    return undefined;
  };

  // Ask for a name in a dialog; `refused` are files that will be left out, with reasons.
  dxr.askName = ({ title, facts = "", refused = [], name = "", optional = false, then }) => {
    dxr.element(dxr.ids.nameTitle).textContent = title;
    dxr.element(dxr.ids.nameFacts).textContent = facts;
    dxr.element(dxr.ids.nameRefused).replaceChildren(
      ...refused.slice(0, 20).map((text) => {
        const item = document.createElement("li");
        item.dir = "auto";
        item.textContent = text;
        return item;
      }),
    );
    confirmName = { then, optional };
    const field = dxr.element(dxr.ids.nameField);
    field.value = name;
    dxr.element(dxr.ids.nameDialog).showModal();
    field.focus();
    field.select();
  };

  function confirm() {
    const field = dxr.element(dxr.ids.nameField);
    const name = field.value.trim();
    if (!name && !confirmName.optional) return field.focus();
    dxr.element(dxr.ids.nameDialog).close();
    confirmName.then(name);
    return undefined;
  }

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    const act = { [dxr.ids.nameField]: confirm, [dxr.ids.saveName]: dxr.save, [dxr.ids.wordsField]: dxr.askWords }[event.target.id];
    if (!act) return;
    event.preventDefault(); // the focus goes back to the button that opened the dialog: the key must not press it again
    act();
  });

  // Say something: errors in the status line, the rest as a toast, with Undo where there is a way back: a command to
  // the server, or a function.
  dxr.say = ({ note, undo, tone }) => {
    if (tone === "error") {
      dxr.set(dxr.ids.status, { children: note });
      return undefined;
    }
    const toast = document.createElement("div");
    toast.className = "toast";
    const text = document.createElement("span");
    text.dir = "auto";
    text.textContent = note;
    toast.append(text);
    if (undo) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button";
      button.textContent = "Undo";
      button.addEventListener("click", () => {
        toast.remove();
        if (typeof undo === "function") undo();
        else dxr.command(undo);
      });
      toast.append(button);
    }
    const toasts = dxr.element(dxr.ids.toasts);
    toasts.append(toast);
    while (toasts.childElementCount > MOST_TOASTS) toasts.firstElementChild.remove();
    setTimeout(() => toast.remove(), TOAST_MS);
    return toast;
  };
})();
