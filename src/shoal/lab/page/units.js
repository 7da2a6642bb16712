// Each hidden unit, what the diagnosis says, and the data as two of them see it.

import { colourOf, css, ramp, theme } from "./colours.js";
import { h, painted, percent, rebuilt, sized } from "./dom.js";
import { histogram } from "./plots.js";
import { drawLine } from "./surface.js";

const EVERY = 500; // milliseconds between two looks while training
const STATES = { healthy: "healthy", dead: "dead: says 0 to every example", saturated: "saturated: flat on nearly all examples", constant: "constant: says the same to every example", twin: "duplicate of unit " };

export class Units {
  constructor({ say, change, scene }) {
    Object.assign(this, { say, change, scene, asked: 0, busy: false, late: false });
    this.findings = h("div", { class: "findings", "aria-live": "polite" });
    this.cards = h("div", { class: "unit-cards" });
    this.canvas = h("canvas", { role: "img", "aria-label": "The data as two hidden units see them" });
    this.pickers = [0, 1].map((i) => h("select", { id: `u-pair-${i}`, onchange: () => this.change({ pair: this.pickers.map((p) => Number(p.value)) }) }));
    this.root = h("div", { class: "units" },
      h("section", { class: "card", "aria-labelledby": "u-found" }, h("h2", { id: "u-found" }, "Diagnosis"), this.findings),
      h("div", { class: "units-body" },
        h("section", {}, this.cards),
        this.seenAs = h("section", { class: "card hidden-plane", "aria-labelledby": "u-plane" }, h("h2", { id: "u-plane" }, "The data as the hidden layer sees them"),
          h("div", { class: "holder plane" }, this.canvas),
          h("div", { class: "bar-row" }, h("label", { for: "u-pair-0" }, "across ", this.pickers[0]), h("label", { for: "u-pair-1" }, "up ", this.pickers[1])))));
  }

  open() { this.seen = null; this.ask(); }

  show(scene) {
    this.seen = null;
    this.seenAs.hidden = !scene.shape[1];
    const names = Array.from({ length: scene.shape[1] }, (_, j) => h("option", { value: j }, `unit ${j + 1}`));
    this.pickers.forEach((picker, i) => {
      if (picker.options.length !== names.length) picker.replaceChildren(...names.map((name) => name.cloneNode(true)));
      picker.value = String(Math.min(scene.experiment.pair[i], names.length - 1));
    });
  }

  draw(scene, frame) {
    this.frame = frame;
    if (this.latest) this.maps(scene, frame);
    if (frame.version === this.seen) return;
    this.late = this.busy; // an answer to an earlier question is under way: ask once more when it is here
    if (this.busy) return;
    if (!frame.playing || performance.now() - this.asked > EVERY) this.ask();
  }

  ask() {
    if (!this.scene()) return;
    this.busy = true;
    this.asked = performance.now();
    this.say("units");
  }

  answer(answer) {
    this.busy = false;
    if (this.late && !this.frame?.playing) this.ask();
    this.late = false;
    this.seen = answer.version;
    const scene = this.scene();
    this.latest = answer;
    rebuilt(this.findings, ...this.found(answer));
    this.cards.replaceChildren(...answer.units.map((unit, j) => this.card(answer, unit, j)));
    if (this.frame) this.maps(scene, this.frame);
    this.plane(scene, answer);
  }

  found(answer) {
    const wrong = answer.findings.filter((f) => f.severity !== "remark");
    const healthy = wrong.length ? [] : [h("p", { class: "finding healthy" }, h("b", {}, "Healthy. "), answer.units.length ? `${answer.units.length} hidden units, nothing to repair.` : "A linear network: there are no hidden units.")];
    return [...healthy, ...answer.findings.map((f) => h("div", { class: `finding ${f.severity}`, "data-finding": f.name },
      h("p", {}, h("b", {}, f.name.replaceAll("-", " ")), " ", f.what, " ", f.advice),
      Object.keys(f.cure).length ? h("button", { type: "button", class: "pill strong", onclick: () => this.cure(f.cure) }, `Apply the cure: ${Object.entries(f.cure).map(([k, v]) => `${k.replaceAll("_", " ")} ${v}`).join(", ")}`) : null))];
  }

  cure(cure) {
    this.change(cure);
    this.say("play");
  }

  card(answer, unit, j) {
    const canvas = h("canvas", { class: "unit-map", "data-unit": j, role: "img", "aria-label": `Map of unit ${j + 1}` });
    const works = unit.flat > 0.8 ? "at work on few examples" : STATES.healthy;
    const state = unit.state === "healthy" ? works : unit.state === "twin" ? STATES.twin + unit.twins.map((k) => k + 1).join(", ") : STATES[unit.state];
    return h("article", { class: `card unit ${unit.state}`, "data-state": unit.state },
      h("header", {}, h("h3", {}, `Unit ${j + 1}`), h("span", { class: `state ${unit.state}` }, state)),
      canvas, histogram(unit.histogram, { low: answer.range[0], high: answer.range[1], title: `Activations of unit ${j + 1}` }),
      unit.flat > 0.005 ? h("small", {}, `flat on ${percent(unit.flat)} of the examples`) : null);
  }

  /** The maps of the units, each with its line. */
  maps(scene, frame) {
    const side = scene.map, from = frame.planes * scene.side ** 2;
    const image = document.createElement("canvas");
    const { words: pixels, show } = painted(image, side);
    const colours = ramp();
    for (const canvas of this.cards.querySelectorAll("canvas")) {
      const j = Number(canvas.dataset.unit);
      if (j >= frame.maps) continue;
      const plane = frame.bytes.subarray(from + j * side * side, from + (j + 1) * side * side);
      for (let i = 0; i < pixels.length; i++) pixels[i] = colours[plane[i]];
      show();
      const to = sized(canvas, 150, 150);
      to.drawImage(image, 0, 0, 150, 150);
      const line = frame.version === this.latest.version ? this.latest.units[j]?.line : null;
      if (line) drawLine(to, scene, line, 150);
    }
  }

  /** Draw the plane as wide as its card is now. */
  fit() { if (this.latest) this.plane(this.scene(), this.latest); }

  plane(scene, answer) {
    const size = Math.floor(this.canvas.parentElement.clientWidth);
    if (size < 10) return;
    const context = sized(this.canvas, size, size);
    const { faint } = theme();
    context.clearRect(0, 0, size, size);
    const [low, high] = answer.range;
    const pad = 14;
    const at = (v) => pad + (size - 2 * pad) * ((v - low) / (high - low));
    context.strokeStyle = faint;
    context.lineWidth = 1;
    context.strokeRect(pad - 6, pad - 6, size - 2 * pad + 12, size - 2 * pad + 12);
    for (const [a, b, y] of answer.hidden) {
      context.beginPath();
      context.arc(at(a), size - at(b), 3, 0, 7);
      context.fillStyle = colourOf(scene, y);
      context.strokeStyle = css(theme().paper);
      context.fill();
      context.stroke();
    }
  }
}
