// The experiment's fields. They are built when the choices change, and else only set.

import { colourOf } from "./colours.js";
import { h, sized, whole } from "./dom.js";

const RATES = ["auto", 0.001, 0.003, 0.005, 0.01, 0.03, 0.05, 0.1, 0.3, 0.5, 1, 1.2, 3, 10];
const BATCHES = ["auto", 1, 4, 10, 16, 32, 64, 128, 256];
const ALPHAS = [0, 1e-4, 0.001, 0.01, 0.1, 0.3, 1, 3, 10, "evidence"];
const LOSSES = [["squared_error", "squared error"], ["poisson", "Poisson, counts"]];
const SCALES = [0.0001, 0.001, 0.01, 0.1, 0.3, 1, 3, 10];
const THUMB = 28; // pixels
const MOST_HELD = 40; // columns of more are held at their usual values
const PACES = [[10, "10 a second"], [30, "30 a second"], [100, "100 a second"], [1000, "1,000 a second"], [0, "full speed"]];
const TITLES = { gd: "descent", sgd: "sgd, momentum", adam: "adam", lbfgs: "L-BFGS", lm: "Levenberg–Marquardt" };
const INITS = { auto: "auto", lecture: "lecture, 0.01", glorot: "Glorot", he: "He", zeros: "zeros" };

/** The penalty by the evidence belongs to the solver lm: whoever chooses the one has the other. */
function combined(changes, { experiment }) {
  if (changes.alpha === "evidence") return { ...changes, solver: "lm" };
  if (changes.solver && changes.solver !== "lm" && experiment.alpha === "evidence") return { ...changes, alpha: 0 };
  return changes;
}

const wholeBatch = ({ experiment }) => ["gd", "lbfgs", "lm"].includes(experiment.solver);

export class Controls {
  constructor(root, change, upload) {
    Object.assign(this, { root, change, upload });
    this.signature = "";
    this.slid = new Map(); // columns that were slid since the last change was sent: name, value
    this.sliding = false; // whether such a change is under way
    root.closest("form").addEventListener("submit", (event) => event.preventDefault());
  }

  show(scene) {
    const { experiment } = scene;
    const signature = JSON.stringify([
      experiment.data, experiment.hide, Boolean(scene.range), scene.tables, scene.columns, scene.choices,
      scene.held.map(({ name, low, high, words }) => [name, low, high, words]), experiment.points.length > 0, experiment.edits.length > 0,
    ]);
    this.scene = scene;
    if (signature !== this.signature) {
      this.signature = signature;
      this.build(scene);
    }
    for (const set of this.setters) set(scene);
    this.sliding = false;
    if (this.slid.size) this.send();
  }

  /** Hold a column at a value: of a drag that is quicker than the answers only the last one is sent. */
  slide(name, value) {
    this.slid.set(name, value);
    if (!this.sliding) this.send();
  }

  send() {
    const held = [...this.scene.experiment.held.filter(([name]) => !this.slid.has(name)), ...this.slid];
    this.slid.clear();
    this.sliding = true;
    this.change({ held });
  }

  build(scene) {
    const focused = document.activeElement?.id;
    this.setters = [];
    const hidden = new Set(scene.experiment.hide);
    const own = scene.experiment.data === "table";
    const groups = [];
    const group = (control, title, ...rows) => {
      if (!hidden.has(control)) groups.push(h("fieldset", { "data-control": control }, h("legend", {}, title), ...rows.filter(Boolean)));
    };
    const points = [own ? null : this.range("noise", "Noise", 0, 50, 1, (v) => `${v} %`),
      this.range("rows", own ? "Rows at most" : "Points", 10, own ? 20000 : 2000, own ? 10 : 10, whole),
      this.range("validation", own ? "Held out" : "Validation", 0, 80, 5, (v) => (own ? `${v} %` : `${v} % more`)),
      this.counts(),
      this.seed("data_seed", own ? "Seed of the split" : "Seed of the data"),
      scene.experiment.points.length ? this.forget("points", "Forget the added points") : null, this.drop()];
    group("data", "Data", this.thumbnails(scene), this.data(scene), own ? this.target(scene) : null, scene.range ? this.loss() : null);
    const columns = () => {
      group("data", own ? "Rows" : "Points", ...points);
      if (own) group("features", "What is shown", this.axis(0, "Across", scene), this.axis(1, "Up", scene),
      scene.held.length ? h("p", { class: "between" }, "The other columns are held at") : null, scene.held.length ? h("div", { class: "held" }, scene.held.slice(0, MOST_HELD).map((held) => this.held(held))) : null);
      group("features", own ? "Columns" : "Features", this.features(scene));
    };
    if (own) columns();
    group("network", "Network", this.range("hidden", "Hidden units", 0, 64, 1), this.select("activation", "Activation", scene.activations.map((a) => [a, a])));
    group("initialisation", "Initialisation", this.init(scene), this.seed("seed", "Seed of the weights"));
    group("training", "Training",
      this.select("solver", "Solver", scene.solvers.map((name) => [name, TITLES[name]])),
      this.combo("learning_rate", "Learning rate", RATES, (s) => `auto (${s.learning_rate})`, ({ experiment }) => ["lbfgs", "lm"].includes(experiment.solver)),
      this.combo("batch_size", "Batch", BATCHES, (s) => (wholeBatch(s) ? "all rows" : `auto (${s.batch})`), wholeBatch),
      this.combo("alpha", "Penalty (L2)", ALPHAS),
      this.select("pace", "Pace", PACES));
    if (!own) columns();
    if (scene.experiment.edits.length) group("edits", "By hand", this.forget("edits", "Forget the changed weights"));
    this.root.replaceChildren(...groups);
    if (focused) document.getElementById(focused)?.focus();
  }

  row(id, title, control, output) {
    return h("div", { class: "row" }, h("label", { for: id }, title, output ?? null), control);
  }

  range(name, title, low, high, by, shown = (v) => String(v)) {
    const id = `f-${name}`;
    const output = h("output", { for: id });
    const input = h("input", { type: "range", id, min: low, max: high, step: by,
      oninput: () => { output.textContent = shown(Number(input.value)); },
      onchange: () => this.change({ [name]: Number(input.value) }) });
    this.setters.push(({ experiment }) => {
      if (document.activeElement !== input || !input.matches(":active")) input.value = experiment[name];
      output.textContent = shown(experiment[name]);
    });
    return this.row(id, title, input, output);
  }

  seed(name, title) {
    const id = `f-${name}`;
    const input = h("input", { type: "number", id, min: 0, max: 2147483647, step: 1, onchange: () => this.change({ [name]: Number(input.value) }) });
    const next = h("button", { type: "button", class: "quiet", "aria-label": `${title}: another`, title: "Another", onclick: () => this.change({ [name]: this.scene.experiment[name] + 1 }) }, "↻");
    this.setters.push(({ experiment }) => { input.value = experiment[name]; });
    return this.row(id, title, h("span", { class: "pair" }, input, next));
  }

  select(name, title, options) {
    const id = `f-${name}`;
    const control = h("select", { id, onchange: () => {
      const found = options.find(([value]) => String(value) === control.value);
      this.change(combined({ [name]: found[0] }, this.scene));
    } }, options.map(([value, text]) => h("option", { value }, text)));
    this.setters.push(({ experiment }) => { control.value = String(experiment[name]); });
    return this.row(id, title, control);
  }

  /** A choice of usual values, and any other one that an experiment brings. */
  combo(name, title, values, auto, disabled) {
    const id = `f-${name}`;
    const control = h("select", { id, onchange: () => this.change(combined({ [name]: Number.isNaN(Number(control.value)) ? control.value : Number(control.value) }, this.scene)) });
    this.setters.push((scene) => {
      const now = scene.experiment[name];
      const all = values.includes(now) ? values : [...values, now];
      control.replaceChildren(...all.map((value) => h("option", { value }, value === "auto" ? auto(scene) : value === "evidence" ? "by evidence (with lm)" : String(value))));
      control.value = String(now);
      control.disabled = Boolean(disabled?.(scene));
    });
    return this.row(id, title, control);
  }

  data(scene) {
    const id = "f-data";
    const control = h("select", { id, onchange: () => this.choose(control.value) },
      h("optgroup", { label: "Toys" }, scene.toys.map(([name, title]) => h("option", { value: name }, title))),
      scene.tables.length ? h("optgroup", { label: "Tables" }, scene.tables.map((t) => h("option", { value: `table:${t.table}` }, t.name))) : null);
    this.setters.push(({ experiment }) => { control.value = experiment.data === "table" ? `table:${experiment.table}` : experiment.data; });
    return this.row(id, "Which", control);
  }

  /** Of a number: what a miss costs. */
  loss() {
    const row = this.select("loss", "Loss", LOSSES);
    this.setters.pop(); // what "auto" is stands in the scene
    this.setters.push(({ counts }) => { row.querySelector("select").value = counts ? "poisson" : "squared_error"; });
    return row;
  }

  /** The toys as small pictures. */
  thumbnails(scene) {
    if (!this.toys) return null;
    const buttons = scene.toys.map(([name, title, classes]) => {
      const canvas = h("canvas", { "aria-hidden": "true" });
      const button = h("button", { type: "button", class: "thumb", title, "aria-label": title, onclick: () => this.choose(name) }, canvas);
      const kind = { range: classes ? null : [-1, 1], classes: Array.from({ length: classes }) };
      const context = sized(canvas, THUMB, THUMB);
      for (const [x1, x2, y] of this.toys[name]) {
        context.fillStyle = colourOf(kind, y);
        context.fillRect((x1 / 10 + 0.5) * THUMB - 1, (0.5 - x2 / 10) * THUMB - 1, 2, 2);
      }
      return button;
    });
    this.setters.push(({ experiment }) => buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(experiment.data === scene.toys[i][0]))));
    return h("div", { class: "thumbs", role: "group", "aria-label": "Toys" }, buttons);
  }

  choose(value) {
    const bare = { points: [], edits: [], axes: [], held: [], target: "", loss: "auto" };
    if (value.startsWith("table:")) this.change({ ...bare, ...this.scene.of_tables, table: value.slice(6), features: [] });
    else {
      const was = this.scene.experiment.data === "table";
      this.change({ ...bare, data: value, table: "", ...(was ? { features: [], rows: 300, solver: "gd", hidden: 4 } : {}) });
    }
  }

  target(scene) {
    const id = "f-target";
    const columns = scene.tables.find((t) => t.table === scene.experiment.table)?.columns ?? [];
    const control = h("select", { id, onchange: () => this.change({ target: control.value, loss: "auto", features: [], axes: [], held: [] }) },
      columns.map((name) => h("option", { value: name }, name)));
    this.setters.push(({ experiment }) => { control.value = experiment.target || this.target_(); });
    return this.row(id, "To predict", control);
  }

  target_() {
    const table = this.scene.tables.find((t) => t.table === this.scene.experiment.table);
    return table?.target || table?.columns.at(-1) || "";
  }

  drop() {
    const input = h("input", { type: "file", id: "f-file", class: "unseen", accept: ".csv,.tsv,.txt,.json,.jsonl,.parquet,.arrow,.feather,.orc,.xlsx,.xls,.ods,.sqlite,.db,.duckdb", onchange: () => { if (input.files[0]) this.upload(input.files[0]); input.value = ""; } });
    return h("div", { class: "row drop" }, input, h("label", { for: "f-file", class: "button" }, "Your own table …"), h("small", {}, "or drop a CSV or Parquet file on the page; it stays on this machine"));
  }

  counts() {
    const text = h("small", { class: "counts" });
    this.setters.push(({ rows, total, left_out, experiment }) => {
      const missing = left_out ? `; ${whole(left_out)} without a target are left out` : "";
      const of = experiment.data === "table" ? `, of ${whole(total)} rows with a target${missing}` : "";
      text.textContent = `${whole(rows[0])} for training, ${whole(rows[1])} for validation${of}`;
    });
    return text;
  }

  axis(i, title, scene) {
    const id = `f-axis-${i}`;
    const control = h("select", { id, onchange: () => {
      const axes = [...this.scene.axes];
      if (axes[1 - i] === control.value) axes[1 - i] = axes[i];
      axes[i] = control.value;
      this.change({ axes: axes.filter(Boolean) });
    } }, scene.choices.map((name) => h("option", { value: name }, name)));
    this.setters.push(({ axes }) => { control.value = axes[i]; });
    return this.row(id, title, control);
  }

  held({ name, low, high, words }) {
    const id = `f-held-${name}`;
    const now = (scene) => scene.held.find((other) => other.name === name)?.value ?? "";
    if (words.length) {
      const control = h("select", { id, onchange: () => this.slide(name, control.value) }, words.map((word) => h("option", { value: word }, word)));
      this.setters.push((scene) => { control.value = now(scene); });
      return this.row(id, name, control);
    }
    const output = h("output", { for: id });
    const input = h("input", { type: "range", id, min: low, max: high, step: (high - low) / 200 || 1, oninput: () => { output.textContent = Number(input.value).toPrecision(4); this.slide(name, input.value); } });
    this.setters.push((scene) => {
      if (this.slid.has(name)) return; // it stands further on already
      if (!input.matches(":active")) input.value = now(scene);
      output.textContent = Number(now(scene)).toPrecision(4);
    });
    return this.row(id, name, input, output);
  }

  features(scene) {
    const own = scene.experiment.data === "table";
    const names = own ? scene.columns : scene.toy_features;
    const boxes = names.map((name) => h("input", { type: "checkbox", name: "feature", value: name, id: `f-feature-${name}`, onchange: () => {
      const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
      if (!chosen.length) return this.show(this.scene);
      return this.change({ features: chosen });
    } }));
    boxes.forEach((box, i) => { box.value = names[i]; });
    this.setters.push(({ used }) => boxes.forEach((box) => { box.checked = used.includes(box.value); }));
    return h("div", { class: "chips" }, names.map((name, i) => h("label", { class: "chip" }, boxes[i], h("span", {}, name))));
  }

  init(scene) {
    const id = "f-init";
    const control = h("select", { id, onchange: () => this.change({ init: Number.isNaN(Number(control.value)) ? control.value : Number(control.value) }) });
    this.setters.push(({ experiment }) => {
      const own = typeof experiment.init === "number" && !SCALES.includes(experiment.init) ? [experiment.init] : [];
      control.replaceChildren(
        h("optgroup", { label: "Schemes" }, scene.inits.map((name) => h("option", { value: name }, INITS[name]))),
        h("optgroup", { label: "Standard deviation" }, [...SCALES, ...own].map((value) => h("option", { value }, String(value)))));
      control.value = String(experiment.init);
    });
    const scale = h("input", { type: "number", id: "f-scale", min: 0, max: 1000, step: "any", onchange: () => { if (scale.value !== "") this.change({ init: Number(scale.value) }); } });
    this.setters.push(({ experiment }) => { scale.value = typeof experiment.init === "number" ? experiment.init : ""; });
    return h("div", {}, this.row(id, "Draw of W", control), this.row("f-scale", "or a scale", scale));
  }

  forget(name, title) {
    return h("button", { type: "button", class: "pill", onclick: () => this.change({ [name]: [] }) }, title);
  }
}
