// Guided stories: one sentence a step, on the live network, by Back and Next.

import { $, h } from "./dom.js";

const narrow = matchMedia("(max-width: 900px)"); // one column: what is spoken of may be far below
const SETTLED = 1500; // milliseconds after which a page stays as it is
const ENOUGH = 160; // pixels of what is spoken of, on a wide page
const EQUATION = { "[1]": "Z1", "[2]": "A1", "[3]": "Z2", "[4]": "A2", "[5]": "dZ2", "[6]": "dW2", "[7]": "db2", "[8]": "dZ1", "[9]": "dW1", "[10]": "db1", J: "J" };
const MARKED = { network: ".network", plane: ".says", loss: ".losses", trouble: "#trouble", units: ".unit-cards", diagnosis: ".findings", starts: ".starts", update: ".updates", figures: ".figures", data: '[data-control="data"]', features: '[data-control="features"]', step: "#step", play: "#play", hidden: "#f-hidden", initialisation: "#f-init", "learning-rate": "#f-learning_rate" };
for (const [mark, name] of Object.entries(EQUATION)) MARKED[mark] = `[data-equation="${name}"]`;

export class Stories {
  constructor({ say, change, goTo, notice, bring }) {
    Object.assign(this, { say, change, goTo, notice, bring, list: [], then: "" });
    this.back = h("button", { type: "button", class: "pill", onclick: () => this.move(-1) }, "Back");
    this.next = h("button", { type: "button", class: "pill strong", onclick: () => this.move(1) }, "Next");
    this.end = h("button", { type: "button", class: "pill", onclick: () => this.change({ story: "", at: 0 }) }, "End the lesson");
    this.place = h("span", { class: "quiet-text" });
    this.sentence = h("p", { id: "story-says", "aria-live": "polite" });
    for (const event of ["wheel", "touchstart"]) addEventListener(event, () => { this.unseen = false; }, { passive: true }); // someone scrolls
    $("story").append(h("div", { class: "story-head" }, this.place, this.back, this.next, this.end), this.sentence);
  }

  async load() {
    const response = await fetch("/stories").catch(() => null);
    this.list = response?.ok ? await response.json() : [];
    $("lessons").replaceChildren("Lessons: ", ...this.list.map(({ name, title }) =>
      h("button", { type: "button", class: "pill", "data-story": name, onclick: () => this.go(name, 0) }, title)));
  }

  find({ story, at }) {
    const found = this.list.find(({ name }) => name === story);
    const step = found?.steps[Math.min(at, found.steps.length - 1)];
    return step ? { found, step, at: Math.min(at, found.steps.length - 1) } : null;
  }

  async go(story, at) {
    const known = this.find({ story, at });
    if (!known) return;
    const parts = known.step.link ? [known.step.link] : [];
    if (known.step.table) {
      const table = await this.bring(known.step.table);
      if (!table) return;
      parts.push(`table=${table}`);
    }
    this.then = known.step.do ?? "";
    this.goTo([...parts, `story=${story}`, `at=${known.at}`].join("&"));
  }

  /** Bring what a new step speaks of into sight, once it is there; for a while, as what is above it may still grow. */
  reveal() {
    if (!this.unseen || !this.now) return;
    const marked = document.querySelector(MARKED[this.now.step.look?.[0]] ?? "#stage");
    const fold = marked?.closest("details");
    if (fold) fold.open = true;
    if (!marked?.offsetHeight) return;
    this.until ??= performance.now() + SETTLED;
    if (performance.now() > this.until) this.unseen = false;
    const { top, bottom } = marked.getBoundingClientRect();
    const above = $("story").getBoundingClientRect().bottom;
    const enough = Math.min(bottom - top, narrow.matches ? innerHeight - above : ENOUGH) - 2;
    if (Math.min(bottom, innerHeight) - Math.max(top, above) < enough) marked.scrollIntoView({ block: "nearest" });
  }

  move(by) { this.go(this.now.found.name, this.now.at + by); }

  show({ experiment }) {
    this.now = this.find(experiment);
    $("story").hidden = !this.now;
    document.body.dataset.look = this.now?.step.look?.join(" ") ?? "";
    if (experiment.story && !this.now) this.notice(`This laboratory has no lesson "${experiment.story}". Start it with the lesson's file: shoal lab LESSON.json`);
    if (!this.now) return;
    const { found, step, at } = this.now;
    this.place.textContent = `${found.title}, step ${at + 1} of ${found.steps.length}`;
    if (this.sentence.textContent !== step.say) this.sentence.textContent = step.say;
    const [first, last] = [at === 0, at === found.steps.length - 1];
    if (last && document.activeElement === this.next) this.end.focus(); // a disabled button has no focus
    if (first && document.activeElement === this.back) this.next.focus();
    this.back.disabled = first;
    this.next.disabled = last;
    if (step.table && experiment.data !== "table") return this.go(found.name, at); // its table is not here yet
    const here = `${found.name} ${at}`;
    if (here !== this.shown) Object.assign(this, { shown: here, unseen: true, until: undefined });
    if (this.then) this.say(this.then);
    this.then = "";
    return undefined;
  }
}
