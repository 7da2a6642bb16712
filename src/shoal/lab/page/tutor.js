// The tutor: a learner's own back-propagation, each equation judged and each mistake named.

import { h } from "./dom.js";
import { copyable } from "./copy.js";

const MARKS = { right: "✓", wrong: "✗", "not checked": "–" };
const KEPT = "shoal-tutor"; // the learner's text, for this window

export class Tutor {
  constructor({ say }) {
    Object.assign(this, { say, mistakes: [], planted: -1 });
    this.code = h("textarea", { id: "tutor-code", spellcheck: "false", autocapitalize: "off", autocomplete: "off", rows: 24, wrap: "off",
      onkeydown: (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.check(); } });
    this.verdicts = h("div", { class: "verdicts", "aria-live": "polite" }, h("p", { class: "quiet-text" }, "Check judges each equation, and names the mistake in a wrong one."));
    this.json = copyable("", "Copy the JSON");
    this.plain = h("details", { hidden: true }, h("summary", {}, "The same as JSON, for graders"), this.json);
    this.root = h("div", { class: "tutor" },
      h("section", { class: "card", "aria-labelledby": "tutor-yours" }, h("h2", { id: "tutor-yours" }, h("label", { for: "tutor-code" }, "Your back-propagation")),
        h("p", { class: "quiet-text" }, "Write or paste your own functions. Their formulas are computed, and no Python is run. Leave the field with Tab; check with Ctrl Enter."),
        this.code,
        h("div", { class: "bar-row" },
          h("button", { type: "button", class: "pill strong", id: "tutor-check", onclick: () => this.check() }, "Check"),
          h("button", { type: "button", class: "pill", id: "tutor-plant", onclick: () => this.plant() }, "Plant a mistake for me to find"),
          h("button", { type: "button", class: "pill", id: "tutor-right", onclick: () => this.put(this.right) }, "The right one"))),
      h("section", { class: "card", "aria-labelledby": "tutor-says" }, h("h2", { id: "tutor-says" }, "What is right and wrong"), this.verdicts, this.plain));
  }

  open() { if (this.right === undefined) this.say("tutor"); }

  put(text) {
    this.code.value = text;
    this.said(h("p", { class: "quiet-text" }, "This is right: change it, and Check says what became wrong."));
  }

  said(...children) {
    this.plain.hidden = true;
    this.verdicts.replaceChildren(...children);
  }

  /** Another mistake each time, none twice before all were there. */
  plant() {
    if (!this.order?.length) this.order = this.mistakes.map((_, i) => i).sort(() => Math.random() - 0.5);
    const [old, other] = this.mistakes[this.order.pop()];
    this.code.value = this.right.replace(old, () => other);
    this.said(h("p", {}, "One formula is wrong now. Find it, repair it, then Check."));
  }

  check() {
    sessionStorage.setItem(KEPT, this.code.value);
    this.say("tutor", { text: this.code.value });
  }

  answer(answer) {
    if (answer.text !== undefined) {
      this.right = answer.text;
      this.mistakes = answer.mistakes;
      this.code.value = sessionStorage.getItem(KEPT) ?? answer.text;
      return;
    }
    if (answer.error) {
      this.said(h("p", { class: "verdict wrong" }, h("b", {}, "Not understood: "), answer.error));
      return;
    }
    const { is, summary, ...plain } = answer;
    this.said(
      h("p", { class: `summary ${plain.passed ? "right" : "wrong"}` }, h("b", {}, `${summary[0].toUpperCase()}${summary.slice(1)}.`)),
      ...plain.faults.map((fault) => h("p", { class: "verdict wrong" }, h("b", {}, `${fault.function}: `), fault.says)),
      h("ul", {}, [...plain.equations, ...plain.update].map(verdict)),
      ...plain.remarks.map((remark) => h("p", { class: "quiet-text" }, remark)));
    this.json.set(JSON.stringify(plain, null, 2));
    this.plain.hidden = false;
  }
}

function verdict({ name, mark, formula, state, says }) {
  return h("li", { class: `verdict ${state.replace(" ", "-")}`, "data-verdict": name },
    h("i", { "aria-hidden": "true" }, MARKS[state]), h("span", { class: "mark" }, mark), h("span", { class: "formula" }, formula),
    h("span", { class: "unseen" }, `: ${state}`), says ? h("p", {}, says) : null);
}
