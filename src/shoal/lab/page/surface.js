// The decision surface with the points on it; a click, or Enter at the cross, adds a point.

import { colourOf, css, ramp, shades, theme } from "./colours.js";
import { figure, h, painted, sized } from "./dom.js";

const UNSEEN = 620; // its size while another view is shown, for the picture

/** Whether points can be added: not to a table, nor where a link has taken the data's controls away. */
export const takesPoints = ({ experiment }) => experiment.data !== "table" && !experiment.hide.includes("data");

export class Surface {
  constructor(add) {
    this.add = add;
    this.canvas = h("canvas", { class: "surface", role: "img", tabindex: 0 });
    this.image = h("canvas");
    this.layer = h("canvas");
    this.cross = null;
    this.unit = null; // the hidden unit that is shown in place of the network
    this.canvas.addEventListener("click", (event) => {
      const box = this.canvas.getBoundingClientRect();
      this.place((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    });
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("blur", () => { this.cross = null; this.redraw(); });
  }

  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (moves[event.key]) {
      const [x, y] = this.cross ?? [0.5, 0.5];
      const by = event.shiftKey ? 0.1 : 0.02;
      this.cross = [x + by * moves[event.key][0], y + by * moves[event.key][1]].map((v) => Math.min(1, Math.max(0, v)));
      this.redraw();
    } else if (event.key === "Enter" && this.cross) this.place(...this.cross);
    else return;
    event.preventDefault();
  }

  place(x, y) {
    const { x1, x2 } = this.scene;
    this.add(x1[0] + x * (x1[1] - x1[0]), x2[1] - y * (x2[1] - x2[0]));
  }

  draw(scene, frame, options) {
    Object.assign(this, { scene, frame, options });
    this.redraw();
  }

  redraw() {
    const { scene, frame, canvas } = this;
    if (!frame) return;
    const size = Math.floor(canvas.parentElement.clientWidth) || UNSEEN;
    const context = sized(canvas, size, size);
    const unit = this.unit !== null && this.unit < frame.maps ? this.unit : null;
    if (unit === null) this.paint(scene, frame);
    else this.paintUnit(scene, frame, unit);
    context.imageSmoothingEnabled = unit !== null || !this.options.decisions;
    context.drawImage(this.image, 0, 0, size, size);
    if (unit !== null && scene.experiment.data !== "table" && String(scene.inputs) === "x1,x2") drawLine(context, scene, [...frame.W1[unit], frame.b1[unit][0]], size);
    context.drawImage(this.points(size), 0, 0, size, size);
    if (this.cross) {
      const [x, y] = [this.cross[0] * size, this.cross[1] * size];
      context.strokeStyle = theme().ink;
      context.lineWidth = 1.5;
      context.beginPath();
      context.moveTo(x - 9, y); context.lineTo(x + 9, y); context.moveTo(x, y - 9); context.lineTo(x, y + 9);
      context.stroke();
    }
  }

  paint(scene, frame) {
    const side = scene.side;
    const { words: pixels, show } = painted(this.image, side);
    const plane = frame.bytes.subarray(0, side * side);
    if (frame.planes === 1) {
      const colours = ramp();
      const steps = this.options.decisions;
      for (let i = 0; i < pixels.length; i++) pixels[i] = colours[steps ? (plane[i] > 127 ? 215 : 40) : plane[i]];
    } else {
      const sure = frame.bytes.subarray(side * side, 2 * side * side);
      const tables = scene.classes.map((_, k) => shades(k));
      const steps = this.options.decisions;
      for (let i = 0; i < pixels.length; i++) pixels[i] = tables[plane[i]][steps ? 200 : sure[i]];
    }
    show();
  }

  paintUnit(scene, frame, unit) {
    const side = scene.map, from = frame.planes * scene.side ** 2 + unit * side * side;
    const { words: pixels, show } = painted(this.image, side), colours = ramp();
    for (let i = 0; i < pixels.length; i++) pixels[i] = colours[frame.bytes[from + i]];
    show();
  }

  /** The points as a picture of their own, which stays the same while a network trains. */
  points(size) {
    const { scene, options } = this;
    const about = [scene, size, options.points, options.validation, theme(), window.devicePixelRatio];
    if (this.dotted?.every((each, i) => each === about[i])) return this.layer;
    this.dotted = about;
    const context = sized(this.layer, size, size);
    context.clearRect(0, 0, size, size);
    if (options.points) this.dots(context, size, scene.points, false);
    if (options.validation) this.dots(context, size, scene.points_val, true);
    return this.layer;
  }

  dots(context, size, points, hollow) {
    const { x1, x2 } = this.scene;
    const r = Math.max(2.2, size / 130);
    const paper = css(theme().paper);
    context.lineWidth = 1;
    for (const [a, b, y] of points) {
      const x = ((a - x1[0]) / (x1[1] - x1[0])) * size;
      const z = ((x2[1] - b) / (x2[1] - x2[0])) * size;
      const colour = colourOf(this.scene, y);
      context.beginPath();
      context.arc(x, z, r, 0, 7);
      context.fillStyle = hollow ? paper : colour;
      context.strokeStyle = hollow ? colour : paper;
      context.fill();
      context.stroke();
    }
  }

  label(frame, scene) {
    this.canvas.setAttribute("aria-label",
      `What the network says over ${scene.axes[0]} and ${scene.axes[1] || "nothing else"}, after ${frame.epoch} epochs${frame.step ? ` and ${frame.step} steps` : ""}; loss ${figure(frame.loss)}.` +
      (takesPoints(scene) ? " Arrow keys move a cross, Enter adds a point." : ""));
  }
}

/** Where w · x + b = 0. */
export function drawLine(context, scene, [w1, w2, b], size) {
  const { x1, x2 } = scene;
  const X = (x) => ((x - x1[0]) / (x1[1] - x1[0])) * size;
  const Y = (y) => ((x2[1] - y) / (x2[1] - x2[0])) * size;
  const ends = Math.abs(w2 * (x2[1] - x2[0])) > Math.abs(w1 * (x1[1] - x1[0]))
    ? x1.map((x) => [X(x), Y(-(w1 * x + b) / w2)])
    : x2.map((y) => [X(-(w2 * y + b) / w1), Y(y)]);
  if (ends.flat().some((v) => !Number.isFinite(v))) return;
  context.strokeStyle = theme().ink;
  context.lineWidth = 1.5;
  context.setLineDash([5, 4]);
  context.beginPath();
  context.moveTo(...ends[0]);
  context.lineTo(...ends[1]);
  context.stroke();
  context.setLineDash([]);
}
