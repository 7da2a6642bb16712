// Guided stories: one sentence a step, on the live network, by Back and Next.

import { $, h } from "./dom.js";

const narrow = matchMedia("(max-width: 900px)"); // one column: what is spoken of may be far below
const MARKED = { network: ".network", plane: ".says", loss: ".losses", trouble: "#trouble", units: ".unit-cards", diagnosis: ".findings", starts: ".starts" };

export class Stories {
  constructor({ say, change, goTo, notice, bring }) {
    Object.assign(this, { say, change, goTo, notice, bring, list: [], shown: "", then: "" });
    this.back = h("button", { type: "button", class: "pill", onclick: () => this.move(-1) }, "Back");
    this.next = h("button", { type: "button", class: "pill strong", onclick: () => this.move(1) }, "Next");
    this.end = h("button", { type: "button", class: "pill", onclick: () => this.change({ story: "", at: 0 }) }, "End the lesson");
    this.place = h("span", { class: "quiet-text" });
    this.sentence = h("p", { id: "story-says", "aria-live": "polite" });
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

  move(by) { this.go(this.now.found.name, this.now.at + by); }

  show({ experiment }) {
    this.now = this.find(experiment);
    $("story").hidden = !this.now;
    document.body.dataset.look = this.now?.step.look?.join(" ") ?? "";
    if (experiment.story && !this.now) this.notice(`This laboratory has no lesson "${experiment.story}". Start it with the lesson's file: shoal lab LESSON.json`);
    if (!this.now) return;
    const { found, step, at } = this.now;
    if (step.table && experiment.data !== "table") return this.go(found.name, at); // opened by the command line
    this.place.textContent = `${found.title}, step ${at + 1} of ${found.steps.length}`;
    if (this.sentence.textContent !== step.say) this.sentence.textContent = step.say;
    this.back.disabled = at === 0;
    this.next.disabled = at === found.steps.length - 1;
    if (narrow.matches) requestAnimationFrame(() => document.querySelector(MARKED[step.look?.[0]] ?? "#stage")?.scrollIntoView({ block: "nearest" }));
    if (this.then) this.say(this.then);
    this.then = "";
    return undefined;
  }
}
