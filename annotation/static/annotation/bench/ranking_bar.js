// The ranking as a sentence of chips, "B › A = D | C", with the answers not yet named beside it. Chips are dragged with mouse or finger, or moved
// with the arrow keys; a click on a step between two of them says how much better.

import { onKeys } from "../../core/keys.js";
import { t } from "../../core/strings.js";
import { h } from "./dom.js";
import { LINE, cycleStrength, place, ranked, shift, strengthOf, takeOut } from "./ranking.js";

const STEPS = ["≳", "›", "≫", "⋙"];
const THRESHOLD = 6; // pixels before a press becomes a drag

/** <rank-sentence>: `setup({letters, rank, look, set})`; `update(state)` draws. `set(state)` is called with what a drag or key made. */
export class RankSentence extends HTMLElement {
  setup({ letters, rank, look, set }) {
    Object.assign(this, { letters, rank, look, set });
    this.chips = h("div", { class: "chips", role: "group", "aria-label": t("your_ranking") });
    this.tray = h("div", { class: "tray", role: "group", "aria-label": t("not_ranked_yet") });
    this.replaceChildren(this.chips, this.tray);
    return this;
  }

  update(state) {
    this.state = state;
    const active = document.activeElement;
    const focused = active && this.contains(active) && active.matches(":focus-visible") ? active.dataset.what : null;
    const nodes = [];
    let before = null;
    state.tokens.forEach((token, i) => {
      if (token === LINE) nodes.push(this.chip(LINE, i));
      else {
        if (before) nodes.push(this.step(before, token, state.tokens[i - 1] === LINE));
        nodes.push(h("span", { class: `group${token.length > 1 ? " tied" : ""}`, data: { index: i } }, token.flatMap((letter, k) => [k ? h("span", { class: "tie-sign", text: "=" }) : null, this.chip(letter, i)])));
        before = token;
      }
    });
    const rest = this.letters.filter((letter) => !ranked(state).includes(letter));
    if (state.rest === "worse" && rest.length) nodes.push(h("span", { class: "step", text: "›" }), h("span", { class: "rest", text: t("the_rest") }));
    if (!nodes.length) nodes.push(h("span", { class: "hint", text: t("type_letters") }));
    this.chips.replaceChildren(...nodes.filter(Boolean));
    this.tray.replaceChildren(...rest.map((letter) => this.chip(letter, -1)));
    this.tray.hidden = !rest.length;
    if (focused) {
      const again = this.querySelector(`[data-what="${focused}"]`);
      if (again) again.focus();
    }
  }

  step(before, after, lined) {
    if (!this.state.strength) return lined ? null : h("span", { class: "step", "aria-hidden": "true", text: "›" });
    const value = strengthOf(this.state, before, after);
    const label = t("strength_between", { better: before.join("="), worse: after.join("="), words: t(`strength_${value}`) });
    return h("button", { type: "button", class: "step strength", text: STEPS[value], title: label, "aria-label": label, on: { click: () => this.set(cycleStrength(this.state, before, after)) } });
  }

  chip(what, index) {
    const inTray = index < 0;
    const label = what === LINE ? t("line_chip") : inTray ? t("rank_letter", { letter: what }) : t("ranked_letter", { letter: what });
    const chip = h("button", { type: "button", class: what === LINE ? "rank-line" : "rank-chip", "aria-label": label, title: label, data: { what, index: String(index) } }, h("span", { text: what === LINE ? "" : what }));
    chip.addEventListener("pointerdown", (event) => this.press(event, chip, what, inTray));
    chip.addEventListener("click", () => {
      if (this.dragged) return;
      if (inTray) this.rank(what);
      else if (what === LINE) this.set(takeOut(this.state, LINE));
      else this.look(what);
    });
    const step = (by) => ({ held: true, run: () => this.set(shift(this.state, what, by)) });
    if (!inTray) onKeys(chip, { ArrowLeft: step(-1), ArrowRight: step(1), Delete: { held: true, run: () => this.set(takeOut(this.state, what)) } });
    return chip;
  }

  press(event, chip, what, inTray) {
    if (event.button > 0 || !event.isPrimary) return;
    const start = { x: event.clientX, y: event.clientY };
    this.dragged = false;
    const move = (e) => {
      if (!this.dragged && Math.hypot(e.clientX - start.x, e.clientY - start.y) < THRESHOLD) return;
      if (!this.dragged) {
        this.dragged = true;
        this.pieces = [...this.chips.querySelectorAll("[data-index]")].filter((n) => n.classList.contains("group") || n.classList.contains("rank-line"));
        this.boxes = this.pieces.map((node) => ({ node, box: node.getBoundingClientRect() }));
        chip.classList.add("dragging");
        this.marker = h("span", { class: "drop-marker", "aria-hidden": "true" });
      }
      e.preventDefault();
      chip.style.transform = `translate(${e.clientX - start.x}px, ${e.clientY - start.y}px)`;
      this.aim(e, what);
    };
    const end = (e) => {
      for (const [name, run] of listeners) document.removeEventListener(name, run);
      if (!this.dragged) return;
      chip.style.transform = "";
      chip.classList.remove("dragging");
      this.marker.remove();
      for (const node of this.pieces) node.classList.remove("into");
      const goal = this.goal;
      this.goal = null;
      setTimeout(() => (this.dragged = false)); // the click that follows the drag is none
      chip.blur();
      if (e.type === "pointercancel" || !goal) return;
      if (goal.out) {
        if (!inTray) this.set(takeOut(this.state, what));
      } else this.set(this.dropped(what, goal));
    };
    const listeners = [["pointermove", move], ["pointerup", end], ["pointercancel", end]];
    for (const [name, run] of listeners) document.addEventListener(name, run, { passive: false });
  }

  /** Where the pointer points: between two pieces of the sentence, into a group (a tie), or out of it. */
  aim(event, what) {
    const area = this.getBoundingClientRect();
    for (const { node } of this.boxes) node.classList.remove("into");
    this.marker.remove();
    const tray = this.tray.hidden ? null : this.tray.getBoundingClientRect();
    const overTray = tray && event.clientX > tray.left && event.clientX < tray.right && event.clientY > tray.top && event.clientY < tray.bottom;
    if (overTray || event.clientY < area.top - 60 || event.clientY > area.bottom + 60) {
      this.goal = { out: true };
      return;
    }
    const rows = this.boxes.filter(({ box }) => event.clientY > box.top - 14 && event.clientY < box.bottom + 14);
    const near = rows.length ? rows : this.boxes;
    let before = near.length ? this.pieces.length : 0;
    for (const { node, box } of near) {
      const at = (event.clientX - box.left) / box.width;
      const i = this.pieces.indexOf(node);
      const group = node.classList.contains("group");
      const alone = group && node.textContent === what;
      if (group && !alone && what !== LINE && at > 0.25 && at < 0.75) {
        node.classList.add("into");
        this.goal = { index: i, into: true };
        return;
      }
      if (at <= 0.5) {
        before = i;
        break;
      }
      before = i + 1;
    }
    this.goal = { index: before, into: false };
    const next = this.pieces[before];
    if (next) next.before(this.marker);
    else this.chips.append(this.marker);
  }

  /** The aim is by the pieces on screen; `place` counts without what was picked up. */
  dropped(what, { index, into }) {
    const state = this.state;
    const from = state.tokens.findIndex((token) => (token === LINE ? what === LINE : token.length === 1 && token[0] === what));
    return place(state, what, from >= 0 && from < index ? index - 1 : index, into);
  }
}
customElements.define("rank-sentence", RankSentence);

