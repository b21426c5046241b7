// Ask in words, where the feature space holds texts beside images.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});

  dxr.askWords = () => {
    const words = dxr.element(dxr.ids.wordsField).value.trim();
    if (!words) return dxr.element(dxr.ids.wordsField).focus();
    return dxr.change({ words }, { step: true });
  };

  dxr.saveWords = (words) => {
    const { space } = dxr.selection();
    const then = (name) => dxr.command({ do: "save-words", words, space, name });
    dxr.askName({ title: "New query set", facts: "The images nearest to the words.", name: words, then });
  };

  // The field says what the page shows, also after Back.
  document.addEventListener("DOMContentLoaded", () =>
    dxr.onChange(({ words }) => {
      const field = dxr.element(dxr.ids.wordsField);
      if (field && document.activeElement !== field) field.value = words;
    }),
  );
})();
