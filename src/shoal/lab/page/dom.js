// Small helpers: elements, numbers as people read them, downloads.

const SVG = "http://www.w3.org/2000/svg";

/** An element with properties and children; "on…" are listeners, the rest attributes. */
export function h(tag, properties = {}, ...children) {
  return filled(document.createElement(tag), properties, children);
}

/** The same for SVG. */
export function s(tag, properties = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), properties, children);
}

function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const $ = (id) => document.getElementById(id);

/** A number in four figures, or a dash. */
export function figure(value, digits = 3) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.0005 || size >= 1e7)) return value.toExponential(1);
  if (size >= 1e4) return whole(value);
  return value.toFixed(size >= 100 ? 1 : digits);
}

export const percent = (value) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(1)} %`);

export const whole = (value) => Math.round(value).toLocaleString("en");

/** Give someone a file. */
export function download(name, blob) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** A canvas of this size in CSS pixels, sharp on any screen; returns its context. */
export function sized(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const [w, t] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== t) {
    canvas.width = w;
    canvas.height = t;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

/** A square picture that is painted pixel by pixel, as RGBA words; made once for each canvas. */
export function painted(canvas, side) {
  if (canvas.width !== side || canvas.height !== side || !canvas.words) {
    canvas.width = canvas.height = side;
    const data = canvas.getContext("2d").createImageData(side, side);
    Object.assign(canvas, { data, words: new Uint32Array(data.data.buffer) });
  }
  return { words: canvas.words, show: () => canvas.getContext("2d").putImageData(canvas.data, 0, 0) };
}

/** Rebuild what is within an element; whoever had the focus there has it again, by its place. */
export function rebuilt(root, ...children) {
  const all = () => [...root.querySelectorAll("button, input, select, a, [tabindex]")];
  const at = all().indexOf(document.activeElement);
  root.replaceChildren(...children);
  if (at >= 0) all()[Math.min(at, all().length - 1)]?.focus({ preventScroll: true });
}

export const still = window.matchMedia("(prefers-reduced-motion: reduce)");
