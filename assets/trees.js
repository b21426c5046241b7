// Panels: the server describes what a panel holds; React, which Dash brings along, puts it on the page.
//
// Dash itself would wrap every element in a component that looks at every change of the page's state: a thousand
// thumbnails, captions and buttons then cost half a second at each click. Here a panel is one component.
(() => {
  "use strict";
  const dxr = (window.dxr = window.dxr || {});
  const roots = new WeakMap(); // element -> React root

  // What Dash makes of a component: {type, props: {children, ...}}; text and numbers stand for themselves.
  function element(tree) {
    if (Array.isArray(tree)) return tree.map(element);
    if (tree === null || typeof tree !== "object") return tree;
    const { children, ...props } = tree.props;
    const inner = children === undefined || children === null ? [] : [children].flat().map(element);
    return window.React.createElement(tree.type.toLowerCase(), props, ...inner);
  }

  function show(box) {
    if (!roots.has(box)) roots.set(box, window.ReactDOM.createRoot(box));
    const tree = [JSON.parse(box.dataset.tree)].flat();
    box.dataset.of = tree[0]?.props?.["data-of"] ?? ""; // which query set it is about, if it is about one
    roots.get(box).render(window.React.createElement(window.React.Fragment, null, ...tree.map(element)));
  }

  new MutationObserver((changes) => {
    for (const box of new Set(changes.map(({ target }) => target))) if (box.dataset.tree !== undefined) show(box);
    dxr.hideStale();
  }).observe(document.documentElement, { attributes: true, attributeFilter: ["data-tree"], subtree: true });
})();
