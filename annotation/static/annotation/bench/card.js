// One answer: its letter, how much of it was read, its text or its correction, its flags, its ratings.

import { config, t } from "../../core/strings.js";
import { correctionOf, withCorrection } from "./editor.js";
import { draw, shared, unified } from "./diff.js";
import { h, lengthOf, textBlock } from "./dom.js";
import { WHOLE } from "./drafts.js";
import { asRead } from "./preview.js";
import { answerTurns, lacking } from "./prompt.js";

let held = false; // a button of the mouse, or a finger
for (const name of ["pointerdown", "pointerup", "pointercancel"]) document.addEventListener(name, () => (held = name === "pointerdown"), true);

/** Run once nothing is pressed: what moves under a finger is not what it meant to press. */
function whenReleased(run) {
  if (!held) return void setTimeout(run);
  const once = () => {
    for (const name of ["pointerup", "pointercancel"]) document.removeEventListener(name, once);
    setTimeout(run);
  };
  for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, once);
}

/** A correction as it is read in a column of the usual width: its difference; of a text written anew the new one, the difference folded. */
function folded(answer, entry, language) {
  const before = unified(answer.text);
  const after = unified(entry.text);
  const lang = answer.language || language || null;
  const changes = h("div", { class: "diff", lang, dir: "auto" });
  draw(changes, before, after);
  const anew = shared(before, after) < 0.5;
  return h(
    "div",
    { class: "correction-folded" },
    h("p", { class: "label", text: t(entry.wording_only ? "corrected_wording" : "corrected") }),
    anew ? asRead(after, lang) : changes,
    anew ? h("details", { class: "fold" }, h("summary", { text: t("difference") }), changes) : null,
    entry.evidence ? h("p", { class: "small soft", text: `${t("evidence_given")} ${entry.evidence}` }) : null,
  );
}

const SPARE_LINES = 2.2; // nobody scrolls for a line or two

/** <answer-card>: `setup({answer, item, rows, desk})`. `rows` = [{key, label}] to rate; `desk` = {doc(), change(update), rank(letter, tie),
 *  cell(letter, key), rate(letter, key, value), look(letter), seen(letter), saw(letter, part)}. */
export class AnswerCard extends HTMLElement {
  setup({ answer, item, rows, desk }) {
    Object.assign(this, { answer, item, rows, desk, letter: answer.letter, seen: desk.seen(answer.letter) });
    this.dataset.letter = answer.letter;
    this.setAttribute("role", "region");
    this.setAttribute("aria-label", t("answer_letter", { letter: answer.letter }));
    this.letterButton = h("button", {
      type: "button",
      class: "letter",
      text: answer.letter,
      title: t("rank_this"),
      on: { click: (event) => desk.rank(this.letter, event.shiftKey) },
    });
    this.place = h("span", { class: "place" });
    this.read = h("progress", { class: "read", max: 100, value: 0, "aria-label": t("read_so_far") });
    this.length = h("span", { class: "length", text: t("characters", { n: lengthOf(answer.text) }) });
    this.correctButton = h("button", { type: "button", class: "button quiet small", text: t("correct"), on: { click: () => this.edit() } });
    this.flags = this.flagMenu();
    this.rendered = h("div", {}, answerTurns(answer.turns), textBlock(answer, item.language), lacking(answer.cut));
    this.body = h("div", { class: "answer-body", tabIndex: 0, role: "group", "aria-label": t("text_of", { letter: answer.letter }), on: { scroll: () => this.scrolled() } }, this.rendered);
    this.replaceChildren(
      h("header", { class: "answer-head" }, this.letterButton, this.place, h("span", { class: "answer-tools" }, this.correctButton, this.flags)),
      h("div", { class: "answer-read" }, this.length, answer.cut ? h("span", { class: "chip warn", text: t("cut_off") }) : null, this.read),
      this.body,
      rows.length ? this.ratings() : "",
    );
    this.addEventListener("pointerdown", () => desk.look(this.letter));
    this.addEventListener("focusin", () => desk.look(this.letter));
    this.addEventListener("focusout", (event) => this.left(event));
    if (correctionOf(desk.doc(), this.target)) this.fold();
    this.showSeen();
    new ResizeObserver(() => this.scrolled()).observe(this.body);
    return this;
  }

  get target() {
    return { target: "response", answer: this.letter };
  }

  scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = this.body;
    if (!clientHeight) return;
    const left = this.body.getBoundingClientRect();
    const onScreen = left.right > 0 && left.left < window.innerWidth;
    if (!onScreen) return;
    const under = scrollHeight - clientHeight - scrollTop;
    const part = under <= this.spare() ? 1 : (scrollTop + clientHeight) / scrollHeight;
    if (part <= this.seen) return; // what was read stays read, whatever becomes of the layout
    this.seen = part;
    this.showSeen();
    this.desk.saw(this.letter, part);
  }

  /** How much may lie under the edge of an answer that was read: its lower margin and a line or two. */
  spare() {
    const { lineHeight, paddingBottom } = getComputedStyle(this.body);
    return Math.min((parseFloat(paddingBottom) || 0) + SPARE_LINES * (parseFloat(lineHeight) || 24), this.body.clientHeight / 2);
  }

  get whole() {
    return this.seen >= WHOLE;
  }

  showSeen() {
    this.read.value = Math.round(this.seen * 100);
    this.classList.toggle("read-whole", this.whole);
  }

  flagMenu() {
    const boxes = config.answer_flags.map(([name, label]) =>
      h("label", { class: "check menu-item" }, h("input", { type: "checkbox", value: name, on: { change: () => this.flagged() } }), h("span", { text: label })),
    );
    return h("details", { class: "menu end" }, h("summary", { class: "flag-summary", "aria-label": t("flag_answer", { letter: this.letter }) }, h("span", { text: t("flag") })), h("div", { class: "menu-body" }, boxes));
  }

  flagged() {
    const names = [...this.flags.querySelectorAll("input:checked")].map((box) => box.value);
    this.desk.change((doc) => {
      const all = { ...doc.answer_flags, [this.letter]: names };
      if (!names.length) delete all[this.letter];
      const out = { ...doc, answer_flags: all };
      if (!Object.keys(all).length) delete out.answer_flags;
      return out;
    });
  }

  /** Open the correction in place of the text; it folds when the card is left. */
  edit() {
    if (!this.editor) {
      this.editor = document.createElement("text-editor").setup({
        original: this.answer.text,
        entry: correctionOf(this.desk.doc(), this.target),
        language: this.answer.language || this.item.language,
        label: t("correct_answer", { letter: this.letter }),
        onchange: (entry) => this.desk.change((doc) => withCorrection(doc, this.target, entry)),
        onclose: () => {
          this.fold();
          this.correctButton.focus();
        },
      });
      this.show(this.editor);
      this.classList.add("editing");
      this.correctButton.hidden = true;
    }
    this.editor.focus();
    this.scrollIntoView({ block: "nearest", inline: "nearest" }); // the column, which is wider now, and not the field alone
  }

  /** The text as it stands now: what the correction changes, or the answer itself. The column has its usual width again. */
  fold() {
    const entry = correctionOf(this.desk.doc(), this.target);
    this.editor = null;
    this.show(entry ? folded(this.answer, entry, this.item.language) : this.rendered);
    this.classList.remove("editing");
    this.correctButton.hidden = false;
  }

  show(node) {
    this.body.replaceChildren(node);
  }

  left(event) {
    if (this.editor && !this.contains(event.relatedTarget)) whenReleased(() => this.editor && document.hasFocus() && !this.contains(document.activeElement) && this.fold());
  }

  ratings() {
    const rows = this.rows.map(({ key, label }) => {
      const cell = h("div", { class: "rating-cell", role: "radiogroup", "aria-label": `${this.letter} · ${label}`, data: { key } });
      for (let value = 1; value <= 5; value++) {
        cell.append(
          h("button", { type: "button", class: "rating", role: "radio", "aria-checked": "false", "aria-label": String(value), tabIndex: value === 1 ? 0 : -1, text: String(value), on: { click: () => this.desk.rate(this.letter, key, value) } }),
        );
      }
      return h("div", { class: "rating-row", data: { row: key } }, h("span", { class: "rating-label", text: label }), cell);
    });
    return h("footer", { class: "ratings" }, rows);
  }

  /** Draw what the document and the desk say now. `place` = {rank, tie, good} or null; `cell` = the focused {letter, key}; `asked` = keys to rate. */
  update({ doc, place, cell, looked, asked }) {
    this.classList.toggle("ranked", !!place);
    this.classList.toggle("looked", looked);
    this.letterButton.setAttribute("aria-pressed", String(!!place));
    this.place.className = `place${place && place.good !== null ? (place.good ? " good" : " bad") : ""}`;
    const words = place ? [t(place.tie ? "rank_tied" : "rank_number", { n: place.rank })] : [];
    if (place && place.good !== null) words.push(t(place.good ? "good_enough" : "not_good_enough"));
    // Short, so that the head never grows and the text never moves while one ranks; the words are in the label.
    this.place.textContent = place ? `${place.rank}${place.tie ? " =" : ""}${place.good === null ? "" : place.good ? " ✓" : " ✗"}` : "";
    this.place.title = words.join(" · ");
    this.letterButton.setAttribute("aria-label", [this.letter, ...words].join(" · "));
    const flags = (doc.answer_flags || {})[this.letter] || [];
    for (const box of this.flags.querySelectorAll("input")) box.checked = flags.includes(box.value);
    this.flags.firstChild.firstChild.textContent = flags.length ? `⚑ ${flags.length}` : t("flag");
    this.flags.classList.toggle("set", flags.length > 0);
    const ratings = (doc.ratings || {})[this.letter] || {};
    for (const node of this.querySelectorAll(".rating-cell")) {
      const key = node.dataset.key;
      node.classList.toggle("current", !!cell && cell.letter === this.letter && cell.key === key);
      node.parentNode.hidden = !asked.includes(key);
      [...node.children].forEach((button, i) => {
        const on = ratings[key] === i + 1;
        button.setAttribute("aria-checked", String(on));
        button.tabIndex = on || (!ratings[key] && i === 0) ? 0 : -1;
      });
    }
  }
}
customElements.define("answer-card", AnswerCard);
