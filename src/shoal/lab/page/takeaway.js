// What can be taken away: the model, the picture, the Python, the command, the link.

import { copyable } from "./copy.js";
import { download, h, whole } from "./dom.js";

const CONTROLS = { data: "data", features: "features", network: "network", initialisation: "initialisation", training: "training", edits: "weights by hand", keys: "keys of one letter", tabs: "the other views" };

export class TakeAway {
  constructor({ say, change, scene, frame, notice, picture }) {
    Object.assign(this, { say, change, scene, frame, notice, picture });
    this.about = h("p", { class: "quiet-text" });
    this.word = h("b", { class: "fingerprint", id: "fingerprint" });
    this.python = copyable("", "Copy the Python");
    this.command = copyable("", "Copy the command");
    this.link = copyable("", "Copy the link");
    this.boxes = Object.entries(CONTROLS).map(([name, title]) => [name, h("input", { type: "checkbox", onchange: () => this.hidden() }), title]);
    this.root = h("div", { class: "take" },
      h("section", { class: "card" }, h("h2", {}, "The model"), this.about, h("p", {}, "Fingerprint ", this.word),
        h("div", { class: "bar-row" },
          h("button", { type: "button", class: "pill strong", id: "save-model", onclick: () => this.save() }, "Save the model (.shoal)"),
          h("button", { type: "button", class: "pill", id: "save-picture", onclick: () => this.savePicture() }, "Save the picture (.png)"))),
      h("section", { class: "card" }, h("h2", {}, "The same in Python"), h("p", { class: "quiet-text" }, "It prints the fingerprint above."), this.python),
      h("section", { class: "card" }, h("h2", {}, "The same on the command line"), this.command),
      h("section", { class: "card" }, h("h2", {}, "A link to this experiment"),
        h("p", { class: "quiet-text" }, "It opens with shoal lab LINK, on any machine, or behind the # of the address of a laboratory that is open. A table is named by its hash and asked for; it is never in the link."), this.link,
        h("fieldset", { class: "hide" }, h("legend", {}, "For a class: the link hides"), this.boxes.map(([, box, title]) => h("label", {}, box, title)))));
  }

  open() { this.seen = null; this.ask(); }

  show() { this.seen = null; }

  draw(_, frame) { if (!frame.playing && frame.version !== this.seen) { this.seen = frame.version; this.ask(); } }

  ask() { if (this.scene()) this.say("take"); }

  answer(answer) {
    this.latest = answer;
    this.word.textContent = answer.fingerprint;
    this.about.textContent = `An ordinary estimator after ${whole(answer.epoch)} epochs${answer.step ? ` and ${answer.step} steps of the next` : ""}, for shoal predict and shoal.load.`;
    this.python.set(answer.python);
    this.command.set(answer.command);
    this.hidden();
  }

  hidden() {
    const hide = this.boxes.filter(([, box]) => box.checked).map(([name]) => name);
    const parts = this.latest.link.slice(1).split("&").filter((part) => part && !part.startsWith("hide="));
    if (hide.length) parts.push(`hide=${hide.join(",")}`);
    this.link.set(`#${parts.join("&")}`);
  }

  async save() {
    const response = await fetch(`/model/${this.scene().session}`);
    if (!response.ok) return this.notice(await response.text());
    return download("model.shoal", await response.blob());
  }

  savePicture() { this.picture((blob) => download("shoal-lab.png", blob)); }
}
