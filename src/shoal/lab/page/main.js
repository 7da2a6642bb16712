// The page: one experiment, one session, six views of it.

import { css, onTheme, theme } from "./colours.js";
import { Controls } from "./controls.js";
import { $, figure, h, still } from "./dom.js";
import { Equations } from "./equations.js";
import { Initialise } from "./initialise.js";
import { Link } from "./link.js";
import { Stories } from "./story.js";
import { TakeAway } from "./takeaway.js";
import { scoreOf, showFigures, Train } from "./train.js";
import { Tutor } from "./tutor.js";
import { Units } from "./units.js";

const VIEWS = [["train", "Train"], ["equations", "Equations"], ["initialise", "Initialise"], ["units", "Units"], ["tutor", "Tutor"], ["take-away", "Take away"]];
const CALM = 250; // milliseconds between frames where motion is to be reduced

let scene = null, frame = null, figured = null, view = null, wanted = null, waiting = false, opening = true;
let address = location.hash.slice(1); // as it was last read or written here
const taken = []; // milliseconds that the last frames took
const SHOWN = ["view", "example", "pair", "show", "pace"]; // fields that no training depends on

const link = new Link({
  open: async () => {
    await ready;
    $("closed").textContent = "The laboratory is getting ready …";
    link.say("open", { fragment: location.hash.slice(1) }); // "" is what the command line named
  },
  close: (reason) => notice(reason || "The laboratory is closed. Start it again with: shoal lab"),
  error: ({ message }) => failed(message),
  ended: ({ message }) => lost(message),
  toys: ({ toys }) => { controls.toys = toys; },
  scene: arrived,
  frame: (next) => { if (scene && !opening && String(next.shape) === String(scene.shape)) { frame = { ...frame, ...next }; plan(); } },
  equations: (answer) => { views.equations.answer(answer); stories.reveal(); },
  units: (answer) => { views.units.answer(answer); stories.reveal(); },
  starts: (answer) => { views.initialise.answer(answer); stories.reveal(); },
  progress: (answer) => views.initialise.progress(answer),
  repaired: (answer) => views.train.repaired(answer),
  tutor: (answer) => views.tutor.answer(answer),
  take: (answer) => views["take-away"].answer(answer),
});

const say = (what, message) => {
  if (["play", "step", "rewind", "go", "set", "edit", "repair"].includes(what)) notice("");
  link.say(what, message);
};
const change = (changes) => {
  if (!Object.keys(changes).every((name) => SHOWN.includes(name))) views.train.forget();
  say("set", { changes });
};
const shared = { say, change, scene: () => scene, frame: () => frame, notice, picture, goTo, look: () => { change({ view: "units" }); showView("units"); } };
const views = {
  train: new Train(shared), equations: new Equations(shared), initialise: new Initialise(shared),
  units: new Units(shared), tutor: new Tutor(shared), "take-away": new TakeAway(shared),
};
const stories = new Stories({ ...shared, bring });
const ready = stories.load();
const controls = new Controls($("fields"), change, upload);

// --- what arrives -----------------------------------------------------------------------

function arrived(next) {
  scene = next;
  opening = false;
  $("closed")?.remove();
  controls.show(scene);
  nameSteps(scene);
  stories.show(scene);
  for (const each of Object.values(views)) each.show?.(scene);
  showView(scene.experiment.view);
  stories.reveal();
  document.title = `${scene.name || scene.toys.find(([name]) => name === scene.experiment.data)?.[1] || "shoal"} · shoal lab`;
  document.body.classList.toggle("no-controls", !$("fields").children.length);
  document.body.classList.toggle("no-tabs", scene.experiment.hide.includes("tabs"));
  if (frame && String(frame.shape) !== String(scene.shape)) frame = null;
  say("frame", { seen: -1 });
}

function failed(message) {
  notice(message);
  const missing = message.match(/table with hash ([0-9a-f]{16})/);
  const lesson = new URLSearchParams(location.hash.slice(1));
  const step = missing && opening && stories.find({ story: lesson.get("story"), at: Number(lesson.get("at")) })?.step;
  if (step?.table) {
    notice("");
    stories.go(lesson.get("story"), Number(lesson.get("at")));
  } else if (missing && opening) {
    wanted = { table: missing[1], fragment: location.hash.slice(1) };
    say("open", { fragment: "#" });
  } else if (!scene || opening) say("open", { fragment: "#" });
  else controls.show(scene);
}

/** Its process has ended: another begins with what stands in the address, but not a second time at once. */
function lost(message) {
  const again = !opening;
  frame = null;
  opening = true;
  if (again) say("open", { fragment: location.hash.slice(1) || "#" });
  notice(again ? `${message}. Another goes on from this page's address.` : `${message}, and again from the same start. Load the page, or change its address.`);
}

function plan() {
  if (waiting) return;
  waiting = true;
  const next = () => requestAnimationFrame(() => { waiting = false; draw(); });
  if (still.matches && frame.playing) setTimeout(next, CALM);
  else next();
}

function draw() {
  if (!scene || !frame) return;
  say("frame", { seen: frame.version }); // the next one is made while this one is drawn
  const began = performance.now();
  if (frame.curve !== figured) showFigures(scene, frame);
  figured = frame.curve;
  $("play").classList.toggle("playing", frame.playing);
  const title = frame.playing ? "Pause" : "Play";
  $("play").setAttribute("aria-label", title);
  $("play").title = scene.experiment.hide.includes("keys") ? title : `${title} (P)`;
  view.draw?.(scene, frame);
  stories.reveal();
  if (!frame.playing) {
    views.train.label(scene, frame);
    remember(frame.fragment);
    report();
  }
  taken.push(performance.now() - began);
  if (taken.length > 60) taken.shift();
  const root = document.documentElement.dataset;
  root.frame = [...taken].sort((a, b) => a - b)[taken.length >> 1].toFixed(2);
  root.epoch = frame.epoch;
  root.step = frame.step;
  root.playing = frame.playing;
  root.version = frame.version;
}

let reported = "";
function report() {
  const ends = {
    diverged: "The loss is no longer a number: try a smaller learning rate. The best network seen is shown. ",
    converged: "Converged: no step leads further down. ",
    failed: "The training could not go on, perhaps for want of memory: try fewer rows or units. ",
  };
  const message = `${ends[frame.ending] ?? ""}Epoch ${frame.epoch}${frame.step ? ` and ${frame.step} of ${scene.steps} steps` : ""}, loss ${figure(frame.loss)}, ${scoreOf(scene)} ${figure(frame.accuracy)}${frame.trouble ? `. ${frame.trouble}` : ""}`;
  if (message === reported) return;
  reported = message;
  $("said").textContent = message;
  if (frame.ending) notice(message);
}

function remember(fragment) {
  if (location.hash.slice(1) !== address) return; // someone has changed it: the event follows
  if (address !== fragment) history.replaceState(null, "", fragment ? `#${fragment}` : "/");
  address = location.hash.slice(1);
}

/** Open another experiment. */
function goTo(fragment) {
  opening = true;
  frame = null;
  say("open", { fragment: fragment || "#" });
}

function notice(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

// --- what is asked for ------------------------------------------------------------------

/** Bring a table of the page's own files to the laboratory; its hash. */
async function bring(name) {
  const own = await (await fetch(`/page/${name}`)).blob();
  const answer = await (await fetch(`/table?name=${name}`, { method: "POST", body: own })).json();
  if (answer.error) notice(answer.error);
  return answer.table;
}

async function upload(file) {
  notice("");
  let answer;
  try {
    const response = await fetch(`/table?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
    answer = await response.json();
  } catch {
    return notice(`${file.name} could not be brought here: it may be too large (32 MiB at most), or the laboratory is closed.`);
  }
  if (answer.error) return notice(answer.error);
  notice(answer.notice);
  if (wanted?.table === answer.table) {
    say("open", { fragment: wanted.fragment });
    wanted = null;
    return undefined;
  }
  return controls.choose(`table:${answer.table}`);
}

// Each button of the training, what it does, and the key that does the same.
const TRANSPORT = {
  play: [() => say(frame?.playing ? "pause" : "play"), "p"],
  rewind: [() => say("rewind"), "r"],
  step: [() => say("step", { steps: 1 }), "s"],
  step10: [() => say("step", { steps: 10 }), "t"],
  "to-epoch": [() => say("step", { steps: scene.steps - (frame?.step ?? 0) }), "e"],
};
for (const [id, [act, key]] of Object.entries(TRANSPORT)) {
  $(id).addEventListener("click", act);
  $(id).setAttribute("aria-keyshortcuts", key);
}
document.addEventListener("keydown", (event) => {
  const plain = !(event.ctrlKey || event.altKey || event.metaKey) && !event.target.closest?.("input:not([type=checkbox], [type=radio], [type=range]), select, textarea");
  if (!plain || !scene || scene.experiment.hide.includes("keys")) return;
  const id = Object.keys(TRANSPORT).find((name) => TRANSPORT[name][1] === event.key.toLowerCase());
  if (id && !$(id).hidden && !event.repeat) TRANSPORT[id][0]();
});

/** What the buttons of the training are about. */
function nameSteps({ steps, batch, experiment }) {
  const keyed = (id, text) => { $(id).title = experiment.hide.includes("keys") ? text : `${text} (${TRANSPORT[id][1].toUpperCase()})`; };
  const one = steps > 1 ? `a mini-batch of ${batch} rows` : "an iteration over all rows";
  $("to-epoch").hidden = steps === 1;
  keyed("rewind", "Rewind to the start");
  keyed("step", `One step: ${one}`);
  keyed("step10", "Ten steps");
  keyed("to-epoch", `To the end of the epoch, which has ${steps} steps`);
}

document.querySelector("[data-skip]").addEventListener("click", (event) => { event.preventDefault(); $("stage").focus(); });
document.addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("dropping"); });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dropping"); });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  if (event.dataTransfer.files[0]) upload(event.dataTransfer.files[0]);
});
window.addEventListener("hashchange", () => { address = location.hash.slice(1); goTo(address); });
window.addEventListener("resize", () => { view?.fit?.(); if (frame) plan(); });
onTheme(() => { if (scene) { controls.signature = ""; controls.show(scene); for (const each of Object.values(views)) each.show?.(scene); } if (frame) plan(); });

/** Network and surface side by side, as a picture. */
function picture(give) {
  views.train.draw(scene, frame);
  const { diagram, surface } = views.train;
  const [left, right] = [diagram.canvas, surface.canvas];
  const canvas = h("canvas", { width: left.width + right.width + 60, height: Math.max(left.height, right.height) + 40 });
  const context = canvas.getContext("2d");
  context.fillStyle = css(theme().paper);
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(left, 20, (canvas.height - left.height) / 2);
  context.drawImage(right, left.width + 40, (canvas.height - right.height) / 2);
  canvas.toBlob(give, "image/png");
}

// --- the views as tabs --------------------------------------------------------------------

const tabs = document.querySelector("[role=tablist]");
VIEWS.forEach(([name, title]) => tabs.append(h("button", {
  role: "tab", id: `tab-${name}`, "data-view": name, "aria-controls": "panel", type: "button",
  onclick: () => { showView(name); change({ view: name }); },
}, title)));
tabs.addEventListener("keydown", (event) => {
  const all = [...tabs.children], at = all.indexOf(document.activeElement);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (to === undefined || at < 0) return;
  event.preventDefault();
  all.at(to % all.length).focus();
  all.at(to % all.length).click();
});

function showView(name) {
  if (view === views[name]) return;
  view = views[name];
  for (const tab of tabs.children) {
    const chosen = tab.dataset.view === name;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
  }
  $("panel").setAttribute("aria-labelledby", `tab-${name}`);
  $("panel").replaceChildren(view.root);
  document.body.dataset.view = name;
  view.open?.(scene);
  if (frame) plan();
}

if (matchMedia("(max-width: 900px)").matches) $("controls-fold").open = false;
