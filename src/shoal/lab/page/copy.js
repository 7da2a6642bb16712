// A text to copy, with a button that says when it is done.

import { h } from "./dom.js";

export function copyable(text, title) {
  const button = h("button", { type: "button", class: "pill", onclick: async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "Selected: press Ctrl C";
    }
    setTimeout(() => { button.textContent = title; }, 2500);
  } }, title);
  const code = h("code", {}, text);
  const root = h("div", { class: "copyable" }, h("pre", { tabindex: 0 }, code), button);
  root.set = (next) => { code.textContent = next; };
  return root;
}
