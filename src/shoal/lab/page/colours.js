// Colours that people with any common kind of colour vision tell apart (Okabe and Ito, 2008).

const dark = window.matchMedia("(prefers-color-scheme: dark)");

const LIGHT = { paper: [250, 250, 248], low: [213, 94, 0], high: [0, 114, 178], ink: "#1d2125", faint: "#d8d8d4", quiet: "#5b6168" };
const DARK = { paper: [30, 33, 37], low: [240, 140, 60], high: [86, 180, 233], ink: "#eceae6", faint: "#3a3f45", quiet: "#a3a9b0" };
const HUES = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a6d3b", "#7b5ea7", "#b2182b", "#4d8c99", "#999933", "#666666"];

/** The colour of class k as RGB: twelve hues, then the same darker, then lighter. */
function hue(k) {
  const colour = [1, 3, 5].map((i) => parseInt(HUES[k % HUES.length].slice(i, i + 2), 16));
  const round = Math.floor(k / HUES.length);
  return round ? mixed(colour, round === 1 ? [0, 0, 0] : [255, 255, 255], 0.45) : colour;
}

export const theme = () => (dark.matches ? DARK : LIGHT);

export const css = ([r, g, b], alpha = 1) => `rgba(${r},${g},${b},${alpha})`;

/** Called when light turns to dark or back. */
export const onTheme = (then) => dark.addEventListener("change", () => { tables.clear(); then(); });

const tables = new Map();

/** 256 colours from low over paper to high, as RGBA words. */
export function ramp() {
  if (!tables.has("ramp")) {
    const { paper, low, high } = theme();
    tables.set("ramp", Uint32Array.from({ length: 256 }, (_, i) => {
      const t = (i - 127.5) / 127.5;
      return word(mixed(paper, t < 0 ? low : high, 0.62 * Math.abs(t) ** 0.8));
    }));
  }
  return tables.get("ramp");
}

/** 256 colours of one class, from paper (a third: unsure) to nearly itself. */
export function shades(k) {
  if (!tables.has(k)) {
    const colour = hue(k);
    tables.set(k, Uint32Array.from({ length: 256 }, (_, i) =>
      word(mixed(theme().paper, colour, 0.08 + 0.5 * Math.max(0, (i / 255 - 0.3) / 0.7)))));
  }
  return tables.get(k);
}

/** The colour of a class, or of a number as a share of its range, from -1 to 1. */
export function colourOf(scene, y) {
  if (scene.range) {
    const { paper, low, high } = theme();
    return css(mixed(paper, y < 0 ? low : high, Math.min(1, 0.25 + Math.abs(y))));
  }
  if (scene.classes.length === 2) return css(y > 0.5 ? theme().high : theme().low);
  return css(hue(y));
}

/** The colour of a weight. */
export const signColour = (value, alpha = 1) => css(value < 0 ? theme().low : theme().high, alpha);

const mixed = (a, b, t) => a.map((v, i) => Math.round(v + (b[i] - v) * t));
const word = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
