// How the room is shared: the prompt beside the answers, above them or folded to a line, as this person likes it in this browser; and one answer
// over the whole width, and back.

import { Store } from "../../core/store.js";
import { config, t } from "../../core/strings.js";
import { h } from "./dom.js";

const PLACES = ["beside", "above", "folded"];
const KEPT = "view:prompt";

export class Layout {
  /** `node` holds `prompt` and the row of answer `cards`; `text` is what was asked last, in one line when the prompt is folded. */
  constructor({ node, prompt, row, cards, text, announce }) {
    Object.assign(this, { node, row, cards, announce, store: new Store(config.user.id), zoomed: false });
    const button = (place) => h("button", { type: "button", class: "prompt-place", "aria-label": t(`prompt_${place}`), title: t(`prompt_${place}`), data: { place }, on: { click: () => this.choose(place) } });
    this.buttons = PLACES.map(button);
    const line = h("button", { type: "button", class: "prompt-line", dir: "auto", title: t("show_prompt"), text, on: { click: () => this.choose(this.open) } });
    prompt.prepend(h("div", { class: "prompt-tools" }, line, h("div", { class: "prompt-places", role: "group", "aria-label": t("prompt_place") }, this.buttons)));
    const kept = this.store.read(KEPT) || {};
    this.open = kept.open === "above" ? "above" : "beside"; // where it goes when it is unfolded
    this.put(PLACES.includes(kept.place) ? kept.place : "beside");
  }

  put(place) {
    if (place !== "folded") this.open = place;
    this.node.dataset.prompt = this.place = place;
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(button.dataset.place === place));
  }

  choose(place) {
    this.keepingPlace(() => this.put(place));
    this.store.write(KEPT, { place: this.place, open: this.open });
    this.announce(t(`prompt_${this.place}`));
  }

  next() {
    this.choose(PLACES[(PLACES.indexOf(this.place) + 1) % PLACES.length]);
  }

  zoom(on = !this.zoomed) {
    if (on === this.zoomed) return false;
    this.keepingPlace(() => {
      this.zoomed = on;
      this.node.classList.toggle("zoomed", on);
    });
    this.announce(t(on ? "zoomed_in" : "zoomed_out"));
    return true;
  }

  /** Change the columns' width without losing what was being read: the same part of each answer stands at the top. */
  keepingPlace(change) {
    const room = (body) => body.scrollHeight - body.clientHeight;
    const parts = this.parts || new Map();
    for (const { body } of this.cards) if (body.clientHeight) parts.set(body, room(body) > 0 ? body.scrollTop / room(body) : 0);
    change();
    for (const { body } of this.cards) if (body.clientHeight && parts.has(body)) body.scrollTop = parts.get(body) * room(body);
    this.parts = parts;
  }
}
