// The network: inputs, hidden units with their maps, outputs; weights as edges.

import { css, ramp, signColour, theme } from "./colours.js";
import { figure, h, painted, sized, still } from "./dom.js";

const LABEL = 112, OUT = 74;
const MOST_FLOWING = 200; // edges
const UNSEEN = 620; // its width while another view is shown, for the picture

export class Diagram {
  constructor(choose, look) {
    this.look = look; // called with the number of the unit that is pointed at, or null
    this.card = h("div", { class: "hover-card", "aria-hidden": "true", hidden: true });
    this.canvas = h("canvas", { class: "diagram", role: "img" });
    this.image = h("canvas");
    this.chosen = null;
    this.canvas.addEventListener("click", (event) => {
      const found = this.point(event);
      if (found?.matrix) choose(found);
    });
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerdown", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => { this.card.hidden = true; this.at(null); });
  }

  /** Say what is under the pointer: a weight, or a unit, which the plane then shows. */
  point(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const unit = this.unitAt(x, y);
    const edge = unit < 0 ? this.near(x, y) : null;
    this.at(unit < 0 ? null : unit);
    this.canvas.classList.toggle("over", Boolean(edge) || unit >= 0);
    this.card.hidden = !edge && unit < 0;
    if (edge) this.card.textContent = this.described(edge);
    else if (unit >= 0) this.card.textContent = `unit ${unit + 1}, bias ${figure(this.frame?.b1[unit][0])}`;
    this.card.style.left = `${Math.min(x + 14, this.width - 190)}px`;
    this.card.style.top = `${y + 14}px`;
    return edge;
  }

  at(unit) {
    if (unit === this.pointed) return;
    this.pointed = unit;
    this.look(unit);
  }

  unitAt(x, y) {
    return (this.units ?? []).findIndex(([u, v]) => Math.abs(x - u) <= this.tile / 2 && Math.abs(y - v) <= this.tile / 2);
  }

  described({ matrix, row, column }) {
    const { scene, frame } = this;
    const from = matrix === "W1" || !scene.shape[1] ? scene.inputs[column] : `unit ${column + 1}`;
    const to = matrix === "W1" ? `unit ${row + 1}` : scene.shape[2] > 1 ? scene.classes[row] : "output";
    return `${matrix}: ${from} → ${to}: ${figure(frame?.[matrix]?.[row]?.[column], 4)}`;
  }

  /** Where everything stands. */
  lay(scene, width) {
    const [, n_h, n_y] = scene.shape;
    const n_in = scene.inputs.length;
    const gap = n_h > 24 ? 2 : n_h > 12 ? 4 : 8;
    const tile = n_h ? Math.max(12, Math.min(width < 400 ? 56 : 96, Math.floor(520 / n_h) - gap)) : 0;
    const height = Math.max(n_h * (tile + gap), n_in * 22, n_y * 26, 220) + 24;
    const spread = (n, i) => 12 + (height - 24) * ((i + 0.5) / n);
    const packed = (n, i, size) => height / 2 + (i - (n - 1) / 2) * Math.min(size, (height - 24) / n);
    const left = Math.min(LABEL, width * 0.24), right = width - Math.min(OUT, width * 0.2);
    Object.assign(this, { scene, width, height, tile, left, right });
    this.inputs = scene.inputs.map((_, i) => [left, packed(n_in, i, 56)]);
    this.units = Array.from({ length: n_h }, (_, j) => [(left + right) / 2, spread(n_h, j)]);
    if (n_h && n_h * (tile + gap) < height - 24) this.units = this.units.map(([x], j) => [x, packed(n_h, j, tile + gap + 10)]);
    this.outputs = Array.from({ length: n_y }, (_, k) => [right, packed(n_y, k, 44)]);
    this.edges = [];
    const join = (matrix, from, to, half) => to.forEach(([x, y], r) => from.forEach(([u, v], c) => {
      const edge = { matrix, row: r, column: c, from: [u + half[0], v], to: [x - half[1], y] };
      this.edges.push({ ...edge, path: curve(edge) });
    }));
    if (n_h) {
      join("W1", this.inputs, this.units, [6, tile / 2]);
      join("W2", this.units, this.outputs, [tile / 2, 9]);
    } else join("W2", this.inputs, this.outputs, [6, 9]);
  }

  draw(scene, frame) {
    this.frame = frame;
    const width = Math.floor(this.canvas.parentElement.clientWidth) || UNSEEN;
    if (scene !== this.scene || width !== this.width) this.lay(scene, width);
    const context = sized(this.canvas, this.width, this.height);
    context.clearRect(0, 0, this.width, this.height);
    this.drawEdges(context, frame);
    this.drawUnits(context, scene, frame);
    this.drawEnds(context, scene, frame);
  }

  drawEdges(context, frame) {
    const scale = { W1: largest(frame.W1), W2: largest(frame.W2) };
    const flows = frame.playing && !still.matches && this.edges.length <= MOST_FLOWING;
    context.lineCap = "round";
    for (const edge of this.edges) {
      const value = frame[edge.matrix][edge.row][edge.column] ?? 0;
      const share = Math.abs(value) / scale[edge.matrix];
      context.strokeStyle = signColour(value, 0.16 + 0.74 * share);
      context.lineWidth = 0.5 + 5 * share;
      context.stroke(edge.path);
      if (flows && share > 0.15) this.flow(context, edge, frame);
      if (this.chosen && this.chosen.matrix === edge.matrix && this.chosen.row === edge.row && this.chosen.column === edge.column) {
        context.setLineDash([2, 5]);
        context.lineWidth = 2;
        context.strokeStyle = theme().ink;
        context.stroke(edge.path);
        context.setLineDash([]);
      }
    }
  }

  /** Marks that move along an edge while the network trains. */
  flow(context, edge, frame) {
    context.setLineDash([1, 15]);
    context.lineDashOffset = -(frame.version % 16);
    context.lineWidth *= 0.5;
    context.strokeStyle = css(theme().paper, 0.9);
    context.stroke(edge.path);
    context.setLineDash([]);
  }

  drawUnits(context, scene, frame) {
    const side = scene.map, from = frame.planes * scene.side ** 2, size = this.tile;
    const { words: pixels, show } = painted(this.image, side);
    const colours = ramp();
    this.units.forEach(([x, y], j) => {
      const plane = frame.bytes.subarray(from + j * side * side, from + (j + 1) * side * side);
      for (let i = 0; i < pixels.length; i++) pixels[i] = colours[plane[i]];
      show();
      context.save();
      context.beginPath();
      context.roundRect(x - size / 2, y - size / 2, size, size, Math.min(6, size / 5));
      context.clip();
      context.drawImage(this.image, x - size / 2, y - size / 2, size, size);
      context.restore();
      context.strokeStyle = signColour(frame.b1[j][0] ?? 0, 0.9);
      context.lineWidth = 1.5;
      context.stroke();
      if (size >= 40 && !frame.W1[j].some(Boolean)) {
        context.fillStyle = theme().quiet;
        context.font = "12px system-ui, sans-serif";
        context.textAlign = "center";
        context.textBaseline = "middle";
        context.fillText("w = 0", x, y);
      }
    });
  }

  drawEnds(context, scene, frame) {
    const { ink, paper } = theme();
    context.font = "13px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.fillStyle = ink;
    context.textAlign = "right";
    this.inputs.forEach(([x, y], i) => {
      context.fillText(clipped(context, short(scene.inputs[i]), x - 14), x - 10, y);
      context.beginPath();
      context.arc(x, y, 4, 0, 7);
      context.fill();
    });
    context.textAlign = "left";
    this.outputs.forEach(([x, y], k) => {
      context.fillStyle = css(paper);
      context.strokeStyle = signColour(frame.b2[k][0] ?? 0, 0.9);
      context.lineWidth = 2;
      context.beginPath();
      context.arc(x, y, 8, 0, 7);
      context.fill();
      context.stroke();
      context.fillStyle = ink;
      const name = scene.shape[2] > 1 ? scene.classes[k] : scene.classes[1] ?? (scene.target || "y");
      context.fillText(clipped(context, name, this.width - x - 16), x + 14, y);
    });
  }

  /** The edge under a place, as {matrix, row, column}. */
  near(x, y) {
    const context = this.canvas.getContext("2d");
    const ratio = window.devicePixelRatio || 1;
    context.lineWidth = 10;
    return (this.edges ?? []).findLast((edge) => context.isPointInStroke(edge.path, x * ratio, y * ratio));
  }
}

function curve({ from, to }) {
  const middle = (from[0] + to[0]) / 2;
  const path = new Path2D();
  path.moveTo(...from);
  path.bezierCurveTo(middle, from[1], middle, to[1], ...to);
  return path;
}

// A word's column and the word, in the room of both.
const short = (name) => name.replace(" = ", ": ");

const largest = (matrix) => Math.max(0.5, ...matrix.flat().map((v) => Math.abs(v ?? 0)));

function clipped(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  // Of its middle: names of one kind tell themselves apart by their ends.
  const kept = (n) => `${text.slice(0, Math.ceil(n / 2))}…${text.slice(text.length - Math.floor(n / 2))}`;
  let n = text.length - 1;
  while (n > 1 && context.measureText(kept(n)).width > width) n--;
  return kept(n);
}
