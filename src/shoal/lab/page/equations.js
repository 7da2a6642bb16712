// The ten equations with this network's own numbers: shapes, values, what changed, lamps.

import { signColour } from "./colours.js";
import { figure, h, rebuilt, whole } from "./dom.js";
import { copyable } from "./copy.js";

const GIVEN = ["X", "Y"], LEARNT = ["W1", "b1", "W2", "b2"];
const MEANING = {
  X: "the examples", Y: "their targets", W1: "weights into the hidden layer", b1: "its biases",
  W2: "weights into the output layer", b2: "its biases", Z1: "before g", A1: "what the hidden units say",
  Z2: "before σ", A2: "what the network says", dZ2: "slope of each example's loss", dW2: "slope of the cost",
  db2: "slope of the cost", dZ1: "slope of each example's loss", dW1: "slope of the cost", db1: "slope of the cost",
};
const HOW = "Point at an entry, or go there with Tab and the arrow keys: here stands how it is computed.";
const MOST_TERMS = 6; // of a sum that are written out
const EVERY = 400; // milliseconds between two looks while training

export class Equations {
  constructor({ say, change, scene, frame }) {
    Object.assign(this, { say, change, scene, frame, asked: 0, busy: false, late: false });
    this.example = h("input", { type: "number", id: "q-example", min: 1, step: 1, value: 1, oninput: () => { if (Number(this.example.value) >= 1) this.choose(); } });
    this.step = h("input", { type: "number", id: "q-step", min: 0, step: 1, value: 0, onchange: () => this.say("go", { step: Math.max(0, Math.round(Number(this.step.value))) }) });
    this.next = h("button", { type: "button", class: "pill", onclick: () => this.say("step", { steps: 1 }) }, "Next step");
    this.head = h("p", { class: "quiet-text" });
    this.body = h("div", { class: "equations" });
    this.sum = h("p", { class: "sum", id: "sum", role: "status" }, HOW);
    for (const event of ["pointerover", "focusin", "keydown"]) this.body.addEventListener(event, (it) => this.explain(it));
    this.root = h("div", { class: "stack" },
      h("div", { class: "bar-row" },
        h("label", { for: "q-example" }, "Example ", this.example), h("label", { for: "q-step" }, "Step ", this.step), this.next),
      this.head, this.sum, this.body);
  }

  /** Write out how an entry is computed, and light its row and column in what it is computed from. */
  explain(event) {
    const box = event.target.closest?.(".matrix[data-of]");
    if (!box || !this.latest) return;
    let cell = event.target.closest("td");
    if (!cell) {
      const cells = [...box.querySelectorAll("td")], columns = box.querySelector("tr").children.length;
      const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
      if (event.type === "keydown" && !by) return;
      const at = cells.indexOf(box.querySelector("td.now")) + (by ?? 0);
      cell = cells[Math.min(cells.length - 1, Math.max(0, at))];
      if (by) event.preventDefault();
    }
    const [i, j] = [cell.parentElement.rowIndex, cell.cellIndex];
    this.body.querySelectorAll("td.lit, td.now").forEach((td) => td.classList.remove("lit", "now"));
    cell.classList.add("now");
    const { text, lit } = written(this.latest, box.dataset.of, i, j);
    this.sum.textContent = text;
    for (const [name, row, column] of lit) {
      for (const other of this.body.querySelectorAll(`.matrix[data-of="${name}"]`)) {
        for (const td of other.querySelectorAll("td")) {
          if ((row === null || td.parentElement.rowIndex === row) && (column === null || td.cellIndex === column)) td.classList.add("lit");
        }
      }
    }
  }

  choose() {
    const example = Math.max(1, Math.round(Number(this.example.value) || 1)) - 1;
    this.change({ example });
  }

  open() { this.seen = null; this.ask(); }

  show(scene) { this.example.max = Math.min(scene.batch, scene.rows[0]); this.seen = null; }

  draw(scene, frame) {
    if (frame.version === this.seen) return;
    this.late = this.busy; // an answer to an earlier question is under way: ask once more when it is here
    if (this.busy) return;
    const wait = frame.playing ? EVERY - (performance.now() - this.asked) : 0;
    if (wait <= 0) this.ask();
  }

  ask() {
    if (!this.scene()) return;
    this.busy = true;
    this.asked = performance.now();
    this.wanted = this.scene().experiment.example;
    this.say("equations", { example: this.wanted });
  }

  answer(answer) {
    this.busy = false;
    const other = this.wanted !== this.scene().experiment.example; // was chosen while the question was under way
    if (other || (this.late && !this.frame()?.playing)) this.ask();
    this.late = false;
    this.seen = answer.version;
    this.latest = answer;
    this.sum.textContent = HOW;
    if (document.activeElement !== this.example) this.example.value = answer.example + 1;
    if (document.activeElement !== this.step) this.step.value = answer.done;
    const changed = answer.before === answer.done ? "" : ` Marked is what changed since step ${whole(answer.before)}.`;
    const about = answer.steps === 1 ? `Each step takes all rows, m = ${whole(answer.m)}.`
      : `The next step takes batch ${answer.step + 1} of ${answer.steps} of epoch ${whole(answer.epoch + 1)}, m = ${whole(answer.m)} of the ${whole(answer.rows)} rows; its example ${whole(answer.example + 1)} is row ${whole(answer.row + 1)}.`;
    this.head.textContent = `${about} One column is one example.${changed}`;
    const symbol = (name) => this.symbol(answer, name);
    const have = (names) => names.filter((name) => answer.symbols[name]);
    const equations = answer.equations.map((each) => [each, this.equation(answer, each)]);
    const forward = equations.filter(([{ name }]) => !name.startsWith("d")).map(([, card]) => card);
    const backward = equations.filter(([{ name }]) => name.startsWith("d")).map(([, card]) => card);
    rebuilt(this.body,
      section("Forward", [...forward, this.cost(answer), ...have([LEARNT.find((name) => answer.symbols[name])]).map(symbol)], "ten"), section("Backward", backward, "ten"),
      section("Update", this.updates(answer, have(LEARNT))),
      section("Given and learnt so far", [...GIVEN, ...have(LEARNT).slice(1)].map(symbol)),
      section("The same in Python", [h("div", { class: "card wide-card" }, copyable(answer.python, "Copy the Python"))]));
  }

  equation(answer, { name, mark, formula, uses }) {
    const shape = (n) => `(${answer.symbols[n].shape.join(" × ")})`;
    return h("article", { class: "card equation", "data-equation": name, "aria-label": `Equation ${mark} ${formula}` },
      h("header", {}, h("span", { class: "mark" }, mark), h("span", { class: "formula" }, formula), lamp(answer.lamps[name])),
      h("p", { class: "shapes" }, uses.filter((n) => answer.symbols[n]).map((n) => h("span", {}, `${n} ${shape(n)}`))),
      this.values(answer, name));
  }

  symbol(answer, name) {
    return h("article", { class: "card equation", "data-symbol": name }, h("header", {}, h("span", { class: "formula" }, name), h("small", {}, MEANING[name])), this.values(answer, name));
  }

  values(answer, name) {
    const { shape, values, before, column } = answer.symbols[name];
    const note = `${name} (${shape.join(" × ")})${column ? `, column ${answer.example + 1}` : ""}`;
    return h("figure", {}, h("figcaption", {}, note), matrix(name, values, before, column ? shape[0] > values.length : shape[0] > values.length || shape[1] > (values[0]?.length ?? 0)));
  }

  cost(answer) {
    return h("article", { class: "card equation", "data-equation": "J" },
      h("header", {}, h("span", { class: "formula" }, "J = Σ L(A2, Y) / m"), lamp(answer.lamps.J)),
      h("p", { class: "cost" }, figure(answer.cost, 4)));
  }

  updates(answer, names) {
    const RULES = {
      adam: "; m̂ and v̂ are adam's running means of the slopes and of their squares.",
      sgd: ", with momentum 0.9: the step goes on in part as it went before.",
      lbfgs: "; H is what the last steps tell of the curvature, and a line search chooses how far to go.",
      lm: "; G is the Gauss–Newton matrix JᵀΛJ, and the damping μ chooses how far to go.",
      gd: "; repeat until nothing moves any more.",
    };
    const rule = answer.solver === "lm" ? (name) => `${name} := ${name} − [(G + μ I)⁻¹ m dθ] of ${name}` : answer.solver === "lbfgs" ? (name) => `${name} := ${name} − α H d${name}` : answer.solver !== "adam" ? (name) => `${name} := ${name} − α d${name}` : (name) => `${name} := ${name} − α m̂ / (√v̂ + ε)`;
    return [h("div", { class: "card wide-card updates" },
      h("p", { class: "formulas" }, names.map((name) => h("span", { class: "formula" }, rule(name)))),
      answer.solver === "gd" && !answer.penalty ? h("p", { class: "formulas numbers" }, names.map((name) => h("span", {}, written(answer, name, 0, 0).text))) : null,
      h("p", { class: "quiet-text" }, `α = ${answer.learning_rate}${RULES[answer.solver]}${answer.penalty ? ` The penalty adds ${answer.penalty} W / m to each dW.` : ""}${answer.evidence ? " W1, b1 and W2 have each a penalty of their own, which the data choose." : ""}`))];
  }
}

const value = (answer, name, i, j) => answer.symbols[name]?.values[i]?.[j] ?? null;
const signed = (v) => (v < 0 ? `(${figure(v)})` : figure(v));

/** A sum of products, as it is written; `terms` are pairs. */
function summed(terms, rest = []) {
  const parts = terms.slice(0, MOST_TERMS).map(([a, b]) => `${signed(a)} · ${signed(b)}`);
  if (terms.length > MOST_TERMS) parts.push("…");
  return [...parts, ...rest.map(signed)].join(" + ");
}

/** How entry (i, j) of an array is computed, and the entries that it is computed from. */
function written(answer, name, i, j) {
  const at = (of, r, c) => value(answer, of, r, c);
  const count = (of) => answer.symbols[of]?.shape ?? [0, 0];
  const shown = (n) => Array.from({ length: Math.min(n, 16) }, (_, k) => k);
  const layer = name.at(-1);
  const input = layer === "2" && answer.symbols.W1 ? "A1" : "X"; // of the layer
  const result = figure(at(name, i, j));
  const label = (of, r, c) => `${of}[${[r + 1, ...(c === undefined ? [] : [c + 1])].join(", ")}]`;
  if (name === "Z1" || name === "Z2") {
    const [W, b] = [`W${layer}`, `b${layer}`];
    const terms = shown(count(W)[1]).map((k) => [at(W, i, k), at(input, k, 0)]);
    return { text: `${label(name, i)} = ${summed(terms, [at(b, i, 0)])} = ${result}`, lit: [[W, i, null], [input, null, null], [b, i, null]] };
  }
  if (name === "A1" && answer.symbols.Z1) return { text: `${label(name, i)} = g(${figure(at("Z1", i, 0))}) = ${result}`, lit: [["Z1", i, 0]] };
  if (name === "A2") return { text: `${label(name, i)} = σ(${figure(at("Z2", i, 0))}) = ${result}`, lit: [["Z2", i, 0]] };
  if (name === "dZ2") return { text: `${label(name, i)} = ${figure(at("A2", i, 0))} − ${signed(at("Y", i, 0))} = ${result}`, lit: [["A2", i, 0], ["Y", i, 0]] };
  if (name === "dZ1") {
    const terms = shown(count("W2")[0]).map((k) => [at("W2", k, i), at("dZ2", k, 0)]);
    return { text: `${label(name, i)} = (${summed(terms)}) · g′(${figure(at("Z1", i, 0))}) = ${result}`, lit: [["W2", null, i], ["dZ2", null, null], ["Z1", i, 0]] };
  }
  if (name.startsWith("dW")) {
    const dZ = `dZ${layer}`;
    return { text: `${label(name, i, j)} = mean over the ${whole(answer.m)} examples of ${label(dZ, i)} · ${label(input, j)}; this example gives ${signed(at(dZ, i, 0))} · ${signed(at(input, j, 0))}; the mean is ${result}`, lit: [[dZ, i, null], [input, j, null]] };
  }
  if (name.startsWith("db")) {
    const dZ = `dZ${layer}`;
    return { text: `${label(name, i)} = mean over the ${whole(answer.m)} examples of ${label(dZ, i)}; this example gives ${figure(at(dZ, i, 0))}; the mean is ${result}`, lit: [[dZ, i, null]] };
  }
  const slope = at(`d${name}`, i, j);
  if (slope === null || answer.solver !== "gd" || answer.penalty) return { text: `${label(name, i, j)} = ${result}`, lit: [] };
  return { text: `${label(name, i, j)} := ${figure(at(name, i, j))} − ${answer.learning_rate} · ${signed(slope)} = ${figure(at(name, i, j) - answer.learning_rate * slope)} in the next step`, lit: [[`d${name}`, i, j]] };
}

function section(title, cards, kind = "") {
  return h("section", { class: kind }, h("h2", {}, title), h("div", { class: "cards" }, cards));
}

function lamp(line) {
  if (!line) return null;
  const text = line.error === 0 ? "exact" : `error ${line.error === null ? "not a number" : line.error.toExponential(1)}`;
  return h("span", { class: `lamp ${line.passed ? "good" : "bad"}`, title: `against finite differences; allowed is ${line.tolerance}` },
    h("i", { "aria-hidden": "true" }, line.passed ? "✓" : "✗"), h("span", {}, line.passed ? "" : "fails: ", text));
}

/** A matrix as a table; entries that changed are marked. */
function matrix(name, values, before, more) {
  const largest = Math.max(1e-12, ...values.flat().map((v) => Math.abs(v ?? 0)));
  const body = h("tbody", {}, values.map((row, i) => h("tr", {}, row.map((value, j) => {
    const changed = before && before[i]?.[j] !== value;
    const cell = h("td", { class: changed ? "changed" : null, title: changed ? `was ${before[i]?.[j]}` : null }, figure(value));
    cell.style.background = signColour(value ?? 0, 0.05 + 0.27 * (Math.abs(value ?? 0) / largest));
    return cell;
  }))));
  return h("div", { class: "matrix", "data-of": name, tabindex: 0, role: "group", "aria-label": `${name}: arrow keys write its entries out` }, h("table", {}, body), more ? h("small", {}, "and more") : null);
}
