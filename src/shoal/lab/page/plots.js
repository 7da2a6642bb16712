// Small plots in SVG: loss curves and histograms. Nothing is said by colour alone.

import { figure, h, s, whole } from "./dom.js";

const W = 360, H = 150, LEFT = 40, BOTTOM = 20, TOP = 8, RIGHT = 8;

/** Loss curves over log(1 + epochs), so that long runs still show how they began: lines are {kind, points: [[epoch, loss], …]}. */
export function curves(svg, lines, { width = svg.clientWidth || W, height = H, most = Infinity } = {}) {
  const points = lines.flatMap((line) => line.points.filter(([, y]) => y !== null));
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren();
  if (!points.length) return;
  const last = Math.max(1, ...points.map(([x]) => x));
  const highest = Math.max(...points.map(([, y]) => y));
  const top = Math.min(most, highest) * 1.05 || 1;
  const X = (x) => LEFT + (width - LEFT - RIGHT) * (Math.log1p(x) / Math.log1p(last));
  const Y = (y) => height - BOTTOM - (height - BOTTOM - TOP) * Math.min(1, y / top);
  for (const y of [0, top / 2.1, top / 1.05]) {
    svg.append(s("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: Y(y), y2: Y(y) }));
    svg.append(s("text", { class: "tick", x: LEFT - 6, y: Y(y) + 4, "text-anchor": "end" }, figure(y, 2)));
  }
  const end = X(last) - 7 * whole(last).length; // where the last label begins
  svg.append(s("text", { class: "tick", x: LEFT, y: height - 5 }, "0"));
  svg.append(s("text", { class: "tick", x: width - RIGHT, y: height - 5, "text-anchor": "end" }, whole(last)));
  for (let x = 1, from = LEFT + 12; x < last; x *= 10) {
    svg.append(s("line", { class: "grid", x1: X(x), x2: X(x), y1: TOP, y2: height - BOTTOM }));
    const half = 3.5 * whole(x).length;
    if (X(x) - half < from || X(x) + half > end - 6) continue;
    svg.append(s("text", { class: "tick", x: X(x), y: height - 5, "text-anchor": "middle" }, whole(x)));
    from = X(x) + half + 6;
  }
  if (highest > top) svg.append(s("text", { class: "tick", x: LEFT + 6, y: TOP + 10 }, `↑ up to ${figure(highest, 2)}`));
  for (const { kind, points: own } of lines) {
    // Above the frame there is no line, rather than a flat one.
    let before = null;
    const path = own.filter(([, y]) => y !== null).map(([x, y]) => {
      const to = before !== null && before <= top && y <= top ? "L" : "M";
      before = y;
      return y <= top ? `${to}${X(x).toFixed(1)} ${Y(y).toFixed(1)}` : "";
    }).join("");
    if (path) svg.append(s("path", { class: `line ${kind}`, d: path }));
  }
}

/** A histogram of shares in equal bins from low to high. */
export function histogram(shares, { low, high, title, kind = "" }) {
  const most = Math.max(0.04, ...shares);
  const svg = s("svg", { viewBox: `0 0 ${shares.length} 1`, preserveAspectRatio: "none", role: "img", "aria-label": title });
  shares.forEach((share, i) => svg.append(s("rect", { x: i + 0.06, y: 1 - share / most, width: 0.88, height: share / most })));
  return h("div", { class: `histogram ${kind}` }, svg, h("p", {}, h("span", {}, figure(low, 1)), h("span", {}, figure(high, 1))));
}

/** What line is which. */
export const legend = (entries, more = null) =>
  h("p", { class: "legend" }, entries.map(([kind, name]) => h("span", { class: `key ${kind}` }, name)), more ? h("span", {}, more) : null);
