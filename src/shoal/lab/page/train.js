// The view that trains: network, surface, losses, and weights by hand.

import { colourOf, theme } from "./colours.js";
import { Diagram } from "./diagram.js";
import { $, figure, h, percent, s, whole } from "./dom.js";
import { curves, legend } from "./plots.js";
import { Surface, takesPoints } from "./surface.js";

const MOST_EDITS = 50; // of an experiment
const VERY_LARGE = 30; // a draw from which nearly all units are flat on nearly all examples

export class Train {
  constructor({ change, say, goTo, look }) {
    Object.assign(this, { change, say, goTo });
    this.trouble = h("span", {});
    this.lookAt = h("button", { type: "button", class: "pill", hidden: true, onclick: look }, "Look at the units");
    this.shown = h("select", { id: "plane-of", onchange: () => this.showUnit(null) });
    this.before = []; // the experiments to which the added points were added
    this.undo = h("button", { type: "button", class: "pill", id: "undo-point", hidden: true, onclick: () => this.goTo(this.before.pop()) }, "Undo the point");
    this.options = {};
    this.boxes = {};
    this.diagram = new Diagram((edge) => this.choose(edge), (unit) => this.showUnit(unit));
    this.surface = new Surface((x1, x2) => this.addPoint(x1, x2));
    this.curve = s("svg", { class: "curve", role: "img", "aria-label": "Losses over the epochs, on a logarithmic axis" });
    this.evidence = h("p", { class: "quiet-text", id: "evidence", hidden: true });
    this.changed = h("p", { class: "changed-line", id: "changed", role: "status" });
    this.faults = h("span", { class: "faults" }, "See a fault: ",
      h("button", { type: "button", class: "pill", id: "see-equal", onclick: () => this.equal() }, "equal units"),
      this.flat = h("button", { type: "button", class: "pill", id: "see-saturated", onclick: () => this.see({ init: VERY_LARGE }) }, "saturated units"));
    this.repair = h("button", { type: "button", class: "pill strong", id: "repair", hidden: true, onclick: () => say("repair") }, "Repair it");
    this.weight = this.weightForm();
    this.classes = h("div", { class: "classes", role: "radiogroup", "aria-label": "Class of a point that is added" });
    this.scale = h("div", { class: "scale" });
    this.axes = h("p", { class: "legend" });
    this.more = h("span", {});
    this.over = h("span", {});
    this.root = h("div", { class: "train" },
      h("section", { class: "card network", "aria-labelledby": "t-network" },
        h("h2", { id: "t-network" }, "Network"), h("div", { class: "holder" }, this.diagram.canvas, this.diagram.card),
        this.changed, h("p", { class: "trouble", id: "trouble" }, this.trouble, this.repair, this.lookAt, this.faults),
        h("p", { class: "legend edges" }, ...edgeLegend(), this.more), this.weight),
      h("section", { class: "card says", "aria-labelledby": "t-surface" },
        h("header", {}, h("h2", { id: "t-surface" }, "What it says"), h("label", { for: "plane-of", class: "unseen" }, "Shown on the plane"), this.shown), h("div", { class: "holder plane" }, this.surface.canvas),
        this.axes, this.scale, this.classes, this.undo,
        h("div", { class: "switches" }, h("span", {}, "Points:"), this.toggle("points", "training"), this.toggle("validation", "validation"), this.toggle("decisions", "decisions"))),
      h("section", { class: "card losses", "aria-labelledby": "t-curve" },
        h("header", {}, h("h2", { id: "t-curve" }, "Loss"), legend([["solid", "training"], ["dashed", "validation"]], this.over)), this.evidence, this.curve));
  }

  toggle(name, title) {
    const box = h("input", { type: "checkbox", onchange: () => this.change({ show: Object.keys(this.boxes).filter((each) => this.boxes[each].checked) }) });
    this.boxes[name] = box;
    return h("label", {}, box, title);
  }

  weightForm() {
    this.matrix = h("select", { id: "w-matrix", onchange: () => this.pick() });
    this.row = h("select", { id: "w-row", onchange: () => this.pick() });
    this.column = h("select", { id: "w-column", onchange: () => this.pick() });
    this.value = h("input", { id: "w-value", type: "number", step: "any" });
    const form = h("form", { class: "weight", "data-control": "edits", onsubmit: (event) => {
      event.preventDefault();
      const value = Number(this.value.value);
      if (this.value.value === "" || !Number.isFinite(value)) return;
      this.say("edit", { place: [this.matrix.value, Number(this.row.value), Number(this.column.value)], value });
    } },
      h("span", {}, "Change a weight"),
      h("label", {}, "matrix ", this.matrix), h("label", {}, "to ", this.row), h("label", {}, "from ", this.column),
      h("label", {}, "value ", this.value), h("button", { class: "pill" }, "Set"));
    return form;
  }

  choose({ matrix, row, column }) {
    this.matrix.value = matrix;
    this.fillPlaces();
    this.row.value = row;
    this.column.value = column;
    this.pick();
    this.value.focus();
    this.value.select();
  }

  /** Show the value of the chosen weight. */
  pick() {
    this.fillPlaces();
    const [row, column] = [Number(this.row.value), Number(this.column.value)];
    this.diagram.chosen = this.matrix.value.startsWith("W") ? { matrix: this.matrix.value, row, column } : null;
    this.value.value = this.frame?.[this.matrix.value]?.[row]?.[column] ?? "";
    if (this.frame) this.diagram.draw(this.scene, this.frame);
  }

  fillPlaces() {
    const names = this.scene.shape[1] ? ["W1", "b1", "W2", "b2"] : ["W2", "b2"];
    const [inputs, units] = [this.scene.inputs, Array.from({ length: this.scene.shape[1] }, (_, j) => `unit ${j + 1}`)];
    const outputs = this.scene.shape[2] > 1 ? this.scene.classes : [this.scene.target || "output"];
    fill(this.matrix, names);
    const name = this.matrix.value;
    fill(this.row, name.endsWith("1") ? units : outputs, true);
    fill(this.column, name.startsWith("b") ? ["bias"] : name === "W1" || !units.length ? inputs : units, true);
  }

  /** Show a unit on the plane in place of the network: the one that is pointed at, or the chosen one. */
  showUnit(unit) {
    this.surface.unit = unit ?? (this.shown.value === "" ? null : Number(this.shown.value));
    this.surface.redraw();
  }

  addPoint(x1, x2) {
    if (!takesPoints(this.scene)) return;
    const y = Number(this.classes.querySelector("input:checked, input[type=number]")?.value ?? 0);
    const short = (v) => Number(v.toPrecision(4));
    const before = [...this.before, this.frame?.fragment ?? this.scene.fragment];
    this.change({ points: [...this.scene.experiment.points, [short(x1), short(x2), y]] });
    this.before = before;
  }

  /** What was before added points cannot be had again: something else has changed since. */
  forget() {
    this.before = [];
    this.mended = false;
  }

  show(scene) {
    this.scene = scene;
    this.undo.hidden = !this.before.length;
    const hidden = new Set(scene.experiment.hide);
    this.weight.hidden = hidden.has("edits");
    this.fillPlaces();
    this.showClasses(scene);
    this.showChoice(scene);
    for (const [name, box] of Object.entries(this.boxes)) this.options[name] = box.checked = scene.experiment.show.includes(name);
    const [n_x] = scene.shape, drawn = scene.inputs.length;
    this.more.textContent = drawn < n_x ? `${drawn} of ${n_x} inputs are drawn` : "";
    const reach = ([low, high]) => `from ${figure(low, 2)} to ${figure(high, 2)}`;
    this.axes.replaceChildren(h("span", {}, `→ ${scene.axes[0]}, ${reach(scene.x1)}`),
      scene.axes[1] ? h("span", {}, `↑ ${scene.axes[1]}, ${reach(scene.x2)}`) : "");
    const numbers = scene.range;
    this.boxes.decisions.parentElement.hidden = numbers; // a number decides nothing
    this.over.textContent = `${isWhole(scene) ? "iterations" : "epochs"}, log scale`;
    const bar = numbers
      ? [`${scene.target || "y"}: ${figure(numbers[0], 2)}`, h("i", { class: scene.counts ? "bar from-zero" : "bar" }), figure(numbers[1], 2)]
      : scene.classes.length === 2 ? [`A2: 0, class ${scene.classes[0]}`, h("i", { class: "bar" }), `1, class ${scene.classes[1]}`]
        : scene.classes.map((name, k) => keyed(name, colourOf(scene, k)));
    this.scale.replaceChildren(...bar);
  }

  showChoice({ shape }) {
    if (this.shown.options.length === shape[1] + 1) return;
    this.shown.replaceChildren(h("option", { value: "" }, "the network"), ...Array.from({ length: shape[1] }, (_, j) => h("option", { value: j }, `unit ${j + 1}`)));
    this.shown.hidden = !shape[1];
    this.surface.unit = null;
  }

  showClasses(scene) {
    const signature = JSON.stringify([takesPoints(scene), scene.experiment.data, scene.classes, theme().paper]);
    if (signature === this.signature) return;
    this.signature = signature;
    if (!takesPoints(scene)) return this.classes.replaceChildren();
    const entries = scene.range
      ? [h("label", {}, "A click adds a point of value ", h("input", { type: "number", step: "any", value: 1 }))]
      : ["A click adds ", ...scene.classes.map((name, k) => {
        const box = h("input", { type: "radio", name: "added", value: k });
        box.checked = k === scene.classes.length - 1;
        return h("label", {}, box, keyed(`class ${name}`, colourOf(scene, k)));
      })];
    return this.classes.replaceChildren(...entries);
  }

  draw(scene, frame) {
    this.frame = frame;
    this.diagram.draw(scene, frame);
    this.surface.draw(scene, frame, this.options);
    if (frame.curve !== this.drawn || scene !== this.drawnOf) this.drawMore(scene, frame);
  }

  /** What comes with some of the frames only. */
  drawMore(scene, frame) {
    this.drawn = frame.curve;
    this.drawnOf = scene;
    if (this.trouble.textContent !== frame.trouble) this.trouble.textContent = frame.trouble;
    const { hide, story, activation } = scene.experiment;
    this.lookAt.hidden = !frame.trouble || !scene.shape[1] || hide.includes("tabs");
    this.repair.hidden = !frame.trouble || hide.includes("initialisation") || hide.includes("training");
    this.faults.hidden = Boolean(frame.trouble) || !scene.shape[1] || Boolean(story) || hide.includes("initialisation");
    this.flat.hidden = !["tanh", "sigmoid"].includes(activation);
    this.showEvidence(scene, frame);
    this.showChange(scene, frame);
    curves(this.curve, [
      { kind: "dashed", points: frame.curve.map(([x, , y]) => [x, y]) },
      { kind: "solid", points: frame.curve.map(([x, y]) => [x, y]) },
    ], { height: 110 });
    if (document.activeElement !== this.value && this.value.form.contains(this.value)) {
      this.value.value = frame[this.matrix.value]?.[Number(this.row.value)]?.[Number(this.column.value)] ?? "";
    }
  }

  /** The penalty by the evidence, as the data have it now. */
  showEvidence(scene, { evidence }) {
    this.evidence.hidden = scene.experiment.alpha !== "evidence";
    if (this.evidence.hidden) return;
    this.evidence.textContent = evidence
      ? `γ = ${figure(evidence.gamma, 1)} of ${whole(evidence.of)} parameters; α: ${["W1", "b1", "W2"].map((name, i) => `${name} ${figure(evidence.alpha[i], 2)}`).join(", ")}`
      : "γ, how many parameters the data determine: after a step";
    this.evidence.title = evidence ? `How many parameters the data determine, and the penalties that they choose. Log evidence ${figure(evidence.log, 1)}.` : "";
  }

  /** What a few steps have done to the weight that they changed most. */
  showChange(scene, frame) {
    if (frame.playing) return;
    const name = scene.shape[1] ? "W1" : "W2", W = frame[name];
    const now = { scene, W, version: frame.version, done: frame.epoch * scene.steps + frame.step };
    const was = this.rested;
    if (was?.version === now.version) return;
    this.rested = now;
    const steps = was?.scene === scene ? now.done - was.done : 0;
    if (steps < 1 || steps > 10) return void (this.mended || (this.changed.textContent = "")); // what was repaired stays to be read
    const all = W.flatMap((row, i) => row.map((value, j) => [Math.abs((value ?? 0) - (was.W[i]?.[j] ?? 0)), i, j]));
    const [size, i, j] = all.reduce((most, each) => (each[0] > most[0] ? each : most));
    const about = steps === 1 ? `Step ${whole(now.done)}` : `Steps ${whole(was.done + 1)} to ${whole(now.done)}`;
    this.changed.textContent = size
      ? `${about}: ${name}[${i + 1}, ${j + 1}] went from ${figure(was.W[i][j], 4)} to ${figure(W[i][j], 4)}; the others moved too.`
      : `${about}: no entry of ${name} has changed.`;
  }

  /** Another start that shows a fault. */
  see(changes) { this.change({ edits: [], ...changes }); }

  /** The same weights in and out for all units: by hand, or all zero where these would be too many. */
  equal() {
    const [n_x, n_h, n_y] = this.scene.shape;
    const entries = (matrix, rows, columns) => Array.from({ length: rows * columns }, (_, k) => [0, matrix, Math.floor(k / columns), k % columns, 0.5]);
    const edits = [...entries("W1", n_h, n_x), ...entries("W2", n_y, n_h)];
    this.see({ init: "zeros", edits: edits.length <= MOST_EDITS ? edits : [] });
    this.say("step", { steps: 100 });
  }

  /** What the diagnosis has changed. */
  repaired({ changes }) {
    this.forget();
    const described = Object.entries(changes).map(([name, value]) => (name === "edits" ? "the weights that were changed by hand are forgotten" : `${name.replaceAll("_", " ")} is ${value}`));
    this.mended = true;
    this.changed.textContent = `Repaired: ${described.join(", ")}. It trains anew.`;
  }

  /** For who cannot see it; not at every frame. */
  label(scene, frame) {
    this.surface.label(frame, scene);
    const [n_x, n_h, n_y] = scene.shape;
    this.diagram.canvas.setAttribute("aria-label", `${n_x} inputs, ${n_h} hidden units of ${scene.experiment.activation}, ${n_y} outputs. Weights can be read and changed in the form below.`);
  }
}

/** What says how good it is: of a number the share of the variance, or of the deviance, that is explained. */
export const scoreOf = ({ range, counts }) => (!range ? "accuracy" : counts ? "D²" : "R²");

/** Whether an epoch is one step over all rows. */
const isWhole = ({ experiment }) => ["gd", "lbfgs", "lm"].includes(experiment.solver);

function fill(select, names, numbered = false) {
  const signature = names.join("\n");
  if (select.dataset.names === signature) return;
  const old = select.value;
  select.dataset.names = signature;
  select.replaceChildren(...names.map((name, i) => h("option", { value: numbered ? i : name }, name)));
  if ([...select.options].some((option) => option.value === old)) select.value = old;
}

function keyed(text, colour) {
  const dot = h("i", { class: "dot" });
  dot.style.background = colour;
  return h("span", { class: "keyed" }, dot, text);
}

function edgeLegend() {
  const stroke = (kind, width) => s("svg", { viewBox: "0 0 28 12", class: `stroke ${kind}`, "aria-hidden": "true" },
    s("line", { x1: 1, x2: 27, y1: 6, y2: 6, "stroke-width": width }));
  return [h("span", {}, stroke("less", 4), "negative"), h("span", {}, stroke("more", 4), "positive"), h("span", {}, stroke("more", 1.2), "thin: small"), h("span", {}, "frame of a unit: its bias")];
}

/** The figures at the top. */
export function showFigures(scene, frame) {
  const share = scoreOf(scene), numbers = Boolean(scene.range);
  const gd = isWhole(scene);
  $("epoch").replaceChildren(whole(frame.epoch), frame.step ? h("small", {}, ` + ${frame.step}/${scene.steps}`) : "");
  $("epoch-name").textContent = gd ? "Iteration" : "Epoch";
  $("epoch").classList.toggle("in-part", scene.steps > 1);
  $("loss").textContent = figure(frame.loss);
  $("loss-val").textContent = figure(frame.validation);
  $("accuracy-name").textContent = numbers ? share : "Accuracy";
  $("accuracy-val-name").textContent = numbers ? `Validation ${share}` : "Validation accuracy";
  $("accuracy").textContent = numbers ? figure(frame.accuracy) : percent(frame.accuracy);
  $("accuracy-val").textContent = numbers ? figure(frame.accuracy_val) : percent(frame.accuracy_val);
  $("rate-name").textContent = gd ? "Iterations a second" : "Epochs a second";
  $("rate").textContent = frame.playing && frame.rate ? whole(frame.rate) : "–";
}
