// Correcting a text: the text itself to type in, the difference below at once, "wording only", and what the correction rests on.

import { t } from "../../core/strings.js";
import { draw, unified, withLineEnds } from "./diff.js";
import { h } from "./dom.js";
import { Preview } from "./preview.js";

const sameTarget = (a, b) => a.target === b.target && a.answer === b.answer && a.turn === b.turn;

/** The correction of `target` ({target, answer | turn}) in `doc`, or undefined. */
export const correctionOf = (doc, target) => (doc.corrections || []).find((c) => sameTarget(c, target));

/** `doc` with the correction of `target` replaced, or taken out when `entry` is null. */
export function withCorrection(doc, target, entry) {
  const others = (doc.corrections || []).filter((c) => !sameTarget(c, target));
  const out = { ...doc, corrections: entry ? [...others, { ...target, ...entry }] : others };
  if (!out.corrections.length) delete out.corrections;
  return out;
}

let made = 0;

/** <text-editor>: `setup({original, entry, language, label, onchange, onclose})`; onchange gets {text, wording_only, evidence} or null when nothing
 *  differs from the original. Taking the correction back calls onclose; without one the editor stays open. */
export class TextEditor extends HTMLElement {
  setup({ original, entry, language, label, onchange, onclose }) {
    const id = `editor-${++made}`;
    this.original = original;
    this.report = onchange; // not `onchange`: that is the element's own handler of bubbling change events
    this.area = h("textarea", { id, class: "editor-area", lang: language || null, dir: "auto", value: entry ? entry.text : original, spellcheck: false, on: { input: () => this.changed() } });
    this.wording = h("input", { type: "checkbox", checked: !!(entry && entry.wording_only), on: { change: () => this.changed() } });
    this.evidence = h("input", { type: "text", id: `${id}-evidence`, value: (entry && entry.evidence) || "", placeholder: t("evidence_help"), on: { input: () => this.changed() } });
    this.diff = h("div", { class: "diff", lang: language || null, dir: "auto" });
    this.after = h(
      "div",
      { class: "editor-after", hidden: true },
      h("label", { class: "check" }, this.wording, h("span", { text: t("wording_only") })),
      h("div", { class: "field" }, h("label", { for: `${id}-evidence`, text: t("evidence") }), this.evidence),
      h("p", { class: "label", text: t("difference") }),
      this.diff,
    );
    this.takeBack = h("button", { type: "button", class: "button quiet small", text: t("take_correction_back"), on: { click: () => this.close(onclose) } });
    this.preview = new Preview({ area: this.area, kind: "correction", scope: this, language });
    this.closes = !!onclose;
    this.replaceChildren(h("div", { class: "editor-head" }, h("label", { class: "label", for: id, text: label }), h("span", { class: "row" }, this.preview.button, this.takeBack)), this.area, this.after, this.preview.node);
    this.show();
    return this;
  }

  entry() {
    const text = withLineEnds(this.area.value, this.original);
    if (unified(text) === unified(this.original)) return null;
    const out = { text, wording_only: this.wording.checked };
    if (this.evidence.value) out.evidence = this.evidence.value;
    return out;
  }

  changed() {
    this.show();
    this.report(this.entry());
  }

  show() {
    this.grow();
    this.after.hidden = this.entry() === null;
    this.takeBack.hidden = !this.closes && this.after.hidden;
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => draw(this.diff, this.original.replace(/\r\n?/g, "\n"), this.area.value));
  }

  /** As tall as its text: no scrolling inside a scrolling column. */
  grow() {
    if (!this.isConnected) return void requestAnimationFrame(() => this.isConnected && this.grow());
    this.area.style.height = "auto";
    this.area.style.height = `${this.area.scrollHeight + 2}px`;
  }

  close(onclose) {
    this.area.value = this.original;
    this.wording.checked = false;
    this.evidence.value = "";
    this.changed();
    if (onclose) onclose();
  }

  /** Into the text, at its beginning and without a jump. */
  focus() {
    if (document.activeElement === this.area) return;
    this.area.setSelectionRange(0, 0);
    this.area.focus({ preventScroll: true });
    this.scrollIntoView({ block: "nearest" });
  }
}
customElements.define("text-editor", TextEditor);
