// Four starts side by side: what the second lesson says, in ten seconds.

import { h, s, whole } from "./dom.js";
import { curves, histogram, legend } from "./plots.js";

const ABOUT = {
  Zeros: "All units are the same and stay the same: they do the work of one.",
  "Too small": "The units differ, but by so little that it takes long to show.",
  Fitting: "Drawn for this activation and width.",
};
// What a large draw does, by the activation.
const LARGE = {
  tanh: "tanh is flat far from zero: there is little slope to learn from.",
  sigmoid: "sigmoid is flat far from zero: there is little slope to learn from.",
};
const STEEP = "Its slope does not depend on the draw, but its values do: the loss begins high, and a step may overshoot.";
const about = (title, activation) => ABOUT[title] ?? LARGE[activation] ?? STEEP;

export class Initialise {
  constructor({ say, change, scene }) {
    Object.assign(this, { say, change, scene, done: "" });
    this.again = h("button", { type: "button", class: "pill strong", onclick: () => this.run() }, "Run the four");
    this.status = h("p", { class: "quiet-text", "aria-live": "polite" });
    this.bar = h("progress", { max: 1, value: 0, "aria-label": "Trainings done", hidden: true });
    this.body = h("div", { class: "starts" });
    this.root = h("div", { class: "stack" }, h("div", { class: "bar-row" }, this.again, this.bar, this.status), this.body);
  }

  open() {
    this.fit();
    this.maybe();
  }

  show(scene) {
    this.latest = scene;
    if (scene.experiment.view === "initialise") this.maybe();
  }

  /** Run when what it is about has changed. */
  maybe() {
    const scene = this.scene();
    if (!scene) return;
    const { data, rows, noise, data_seed, features, hidden, activation, solver, learning_rate, seed, points, table, target, validation } = scene.experiment;
    const about = JSON.stringify([data, rows, noise, data_seed, features, hidden, activation, solver, learning_rate, seed, points, table, target, validation]);
    if (about === this.done) return;
    this.done = about;
    this.run();
  }

  run() {
    this.again.disabled = !this.scene().shape[1];
    if (this.again.disabled) {
      this.status.textContent = "Without a hidden layer there is no symmetry to break: zeros are a fine start. Add hidden units.";
      this.body.replaceChildren();
      return;
    }
    this.bar.hidden = false;
    this.bar.value = 0;
    this.status.textContent = "Training from 100 seeds each …";
    this.say("starts");
  }

  progress({ done, of }) { this.bar.value = done / of; }

  answer(answer) {
    this.latestAnswer = answer;
    this.bar.hidden = true;
    this.status.textContent = `${whole(answer.rows)} rows, ${whole(answer.iterations)} iterations of gradient descent at learning rate ${answer.learning_rate}. Learnt is what ends below a loss of ${answer.goal.toFixed(3)} (a constant answer has ${answer.constant.toFixed(3)}).`;
    this.body.replaceChildren(...answer.kinds.map((kind) => this.card(kind)));
    this.fit();
  }

  /** Draw the curves as wide as they are now. */
  fit() {
    const answer = this.latestAnswer;
    if (!answer) return;
    const top = Math.max(answer.constant * 1.3, ...answer.kinds.filter((k) => k.title !== "Too large").flatMap((k) => k.curve.map(([, y]) => y)));
    this.body.querySelectorAll(".curve").forEach((svg, i) => curves(svg, [
      { kind: "solid", points: answer.kinds[i].curve },
    ], { height: 120, most: top }));
  }

  card(kind) {
    const n_h = this.scene().shape[1];
    const svg = s("svg", { class: "curve", role: "img", "aria-label": `Loss from the start ${kind.title}` });
    const share = kind.learnt / kind.trials;
    const chance = h("div", { class: "chance", role: "img", "aria-label": `${kind.learnt} of ${kind.trials} seeds have learnt` }, h("i"));
    chance.firstChild.style.width = `${100 * share}%`;
    return h("article", { class: "card start", "data-start": kind.title },
      h("h2", {}, kind.title), h("p", { class: "quiet-text" }, draw(kind.init)),
      h("p", { class: "figure" }, h("b", { "data-learnt": kind.learnt }, `${kind.learnt} of ${kind.trials}`), "seeds have learnt"), chance,
      h("p", { class: "figure" }, h("b", { "data-distinct": kind.distinct }, `${kind.distinct} of ${n_h}`), "units are distinct"),
      h("div", { class: "dots", "aria-hidden": "true" }, Array.from({ length: Math.min(n_h, 32) }, (_, j) => h("i", { class: j < kind.distinct ? "on" : "" }))),
      h("h3", {}, "Loss"), svg,
      h("h3", {}, "Activations"), pair(kind, "activations", ...kind.begin.range, ...kind.end.range),
      h("h3", {}, "Slopes g′"), pair(kind, "slopes", 0, 1, 0, 1),
      legend([["bar-before", "at the start"], ["bar-after", "at the end"]]),
      h("p", { class: "about" }, about(kind.title, this.scene().experiment.activation)),
      h("button", { type: "button", class: "pill", "aria-label": `Train with this: ${kind.title}`, onclick: () => this.train(kind.init) }, "Train with this"));
  }

  train(init) {
    this.change({ init, view: "train" });
    this.say("play");
  }
}

/** A histogram at the start and one at the end. */
const pair = (kind, what, low, high, low_end, high_end) => h("div", { class: "two" },
  histogram(kind.begin[what], { low, high, kind: "before", title: `${what} at the start` }),
  histogram(kind.end[what], { low: low_end, high: high_end, title: `${what} at the end` }));

const draw = (init) => (typeof init === "number" ? `${init} × a standard normal` : init === "zeros" ? "all weights 0" : "√(2 / (fan in + fan out)), or He's for relu");
