// The QA check: the source with numbered sentences on the left, question and answer on the right. Keep on one key; fix edits both with the
// difference shown; drop asks why. Claims of the answer can be tied to the sentence they rest on.

import { isControl } from "../../core/keys.js";
import { config, t } from "../../core/strings.js";
import { Claims } from "./claims.js";
import { correctionOf, withCorrection } from "./editor.js";
import { h, safeLink, textBlock } from "./dom.js";
import { PromptPanel, answerTurns, lacking } from "./prompt.js";

/** The sentences of a text, in order; together they are the text. Short pieces (a list number, an abbreviation's dot) go with what follows. */
export function sentencesOf(text) {
  const pieces = text.match(/[^。！？!?.\n；;]*(?:[。！？；]+[”’」』）)"']*|[!?.;]+["')\]]*(?=\s|$)\s*|[!?.;](?!\s|$)|\n+|$)/g) || [];
  const out = [];
  let open = "";
  for (const piece of pieces) {
    open += piece;
    const ended = /[。！？；\n]|[!?;]\s*$|[.]["')\]]*\s*$/.test(open);
    if (ended && open.trim().length > 3 && !/^\s*(?:\d+|[A-Za-z])[.)]\s*$/.test(open)) {
      out.push(open);
      open = "";
    }
  }
  if (open.trim()) out.push(open);
  else if (open && out.length) out[out.length - 1] += open;
  return out;
}

export class QaDesk {
  constructor({ item, page }) {
    Object.assign(this, { item, page });
    this.answer = item.answers[0];
    const users = item.messages.map((m, i) => [m, i]).filter(([m]) => m.role === "user");
    this.question = users.length ? users[users.length - 1][0] : item.messages[item.messages.length - 1];
    const before = item.messages.filter((m) => m !== this.question);
    this.buildSource();
    this.questionBox = this.box("question", this.question, { target: "question" }, t("question"));
    this.answerBox = this.box("answer", this.answer, { target: "response", answer: this.answer.letter }, t("answer"));
    const pieces = this.answer.claims && this.answer.claims.length ? this.answer.claims : sentencesOf(this.answer.text).map((text) => ({ text }));
    this.claims = new Claims({ answer: this.answer, language: this.answer.language || item.language, page, sentences: this.sentences, source: this.source, pieces });
    this.reasons = this.buildReasons();
    const context = before.length ? new PromptPanel().setup({ item: { ...item, messages: before, sources: [] }, doc: page.doc, correctable: false, change: page.change }) : null;
    if (context) context.classList.add("context");
    const side = h("div", { class: "qa-side", tabIndex: 0, role: "region", "aria-label": t("pair") }, context, this.questionBox.node, this.answerBox.node, this.claims.node, this.reasons);
    this.node = h("div", { class: this.item.sources.length ? "desk-qa" : "desk-qa no-source" }, this.source, side);
    const verdict = (id) => h("button", { type: "button", class: "button", data: { action: id, verdict: id }, "aria-pressed": "false" }, h("span", { text: t(`verdict_${id}`) }), h("kbd", { class: "only-wide", data: { keyOf: id } }));
    this.verdicts = ["keep", "fix", "drop"].map(verdict);
    this.dock = h("div", { class: "dock-qa", role: "group", "aria-label": t("verdict") }, this.verdicts, h("button", { type: "button", class: "button quiet", data: { action: "claims" } }, h("span", { text: t("claims_button") }), h("kbd", { class: "only-wide", data: { keyOf: "claims" } })));
    const doc = page.doc();
    if (doc.verdict === "fix" || (doc.corrections || []).length) this.edit(false);
    if ((doc.claims || []).length) this.claims.open(false);
    this.update();
  }

  menu() {
    return [];
  }

  buildSource() {
    this.sentences = [];
    let n = 0;
    const blocks = this.item.sources.map((source) => {
      const text = h("div", { class: "text source-text", lang: source.language || this.item.language || null, dir: "auto" });
      for (const sentence of source.sentences && source.sentences.length ? source.sentences : sentencesOf(source.text)) {
        if (!sentence.trim()) {
          text.append(sentence);
          continue;
        }
        const number = ++n;
        const node = h("span", { class: "source-sentence", data: { n: String(number) } }, h("button", { type: "button", class: "sentence-number", text: String(number), "aria-label": t("sentence_number", { n: number }), tabIndex: number === 1 ? 0 : -1, on: { click: () => this.rest(number) } }), sentence);
        node.addEventListener("click", (event) => !event.target.closest("button") && !String(getSelection()) && this.rest(number));
        this.sentences.push(node);
        text.append(node);
      }
      return h("article", { class: "source-block" }, h("h2", { class: "source-title", text: source.title || t("source") }), source.url ? h("p", { class: "small" }, safeLink(source.url)) : null, text);
    });
    this.source = h("div", { class: "qa-source", tabIndex: 0, role: "region", "aria-label": t("sources") }, blocks.length ? blocks : h("p", { class: "soft", text: t("no_source") }));
  }

  /** A text that reads as rendered and turns into an editor. */
  box(name, entry, target, label) {
    const shown = h("div", {}, name === "answer" ? answerTurns(entry.turns) : null, textBlock(entry, this.item.language));
    return { name, entry, target, label, shown, editor: null, node: h("section", { class: `qa-box qa-${name}`, "aria-label": label }, h("h2", { class: "label", text: label }), shown, lacking(name === "answer" ? entry.cut : entry.missing)) };
  }

  openEditor(box) {
    if (box.editor) return;
    box.editor = document.createElement("text-editor").setup({
      original: box.entry.text,
      entry: correctionOf(this.page.doc(), box.target),
      language: box.entry.language || this.item.language,
      label: t(box.name === "question" ? "correct_question" : "correct_the_answer"),
      onchange: (entry) => {
        this.page.change((doc) => {
          const out = withCorrection(doc, box.target, entry);
          if ((out.corrections || []).length || doc.verdict === "fix") out.verdict = "fix";
          delete out.reasons;
          return out;
        });
        this.update();
      },
    });
    box.shown.replaceWith(box.editor);
    box.node.firstChild.hidden = true;
  }

  closeEditor(box) {
    if (!box.editor) return;
    box.editor.replaceWith(box.shown);
    box.node.firstChild.hidden = false;
    box.editor = null;
  }

  edit(focus) {
    this.openEditor(this.questionBox);
    this.openEditor(this.answerBox);
    if (focus) this.answerBox.editor.focus();
  }

  buildReasons() {
    this.reasonOrder = [];
    const groups = config.drop_reasons.map(({ label, reasons }) =>
      h(
        "div",
        { class: "reason-group", role: "group", "aria-label": label },
        h("h3", { class: "label", text: label }),
        reasons.map(([name, words]) => {
          const number = this.reasonOrder.push(name);
          return h("label", { class: "check" }, h("input", { type: "checkbox", value: name, on: { change: () => this.toggleReason(name) } }), h("kbd", { text: String(number) }), h("span", { text: words }));
        }),
      ),
    );
    return h("section", { class: "reasons", hidden: true, "aria-label": t("why_drop") }, h("h2", { class: "label", text: t("why_drop") }), h("div", { class: "reason-groups" }, groups));
  }

  toggleReason(name) {
    this.page.change((doc) => {
      const now = doc.reasons || [];
      const reasons = now.includes(name) ? now.filter((r) => r !== name) : [...now, name];
      const out = { ...doc, reasons };
      if (!reasons.length) delete out.reasons;
      return out;
    });
    this.update();
  }

  /** The current claim rests on this sentence; without claims, the sentence is only lit. */
  rest(number) {
    if (this.claims.isOpen) return this.claims.rest(number);
    for (const node of this.sentences) node.classList.toggle("lit", Number(node.dataset.n) === number);
    return undefined;
  }

  // ── keys and actions ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  key(key) {
    if (this.claims.key(key)) return true;
    if (!this.reasons.hidden && /^[1-9]$/.test(key) && this.reasonOrder[Number(key) - 1]) {
      this.toggleReason(this.reasonOrder[Number(key) - 1]);
      return true;
    }
    if (["ArrowUp", "ArrowDown", "PageUp", "PageDown", " "].includes(key) && !isControl(document.activeElement)) {
      const page = key.startsWith("Arrow") ? 60 : this.source.clientHeight * 0.85;
      this.source.scrollBy({ top: key.endsWith("Up") ? -page : page });
      return true;
    }
    return false;
  }

  action(id) {
    const changed = (this.page.doc().corrections || []).length > 0;
    if (id === "keep") {
      if (changed) {
        this.page.warn(t("keep_but_changed"));
        return true;
      }
      this.page.change(({ reasons, ...doc }) => ({ ...doc, verdict: "keep" }));
      this.closeEditor(this.questionBox);
      this.closeEditor(this.answerBox);
      this.update();
      this.page.submit();
    } else if (id === "fix") {
      this.page.change(({ reasons, ...doc }) => ({ ...doc, verdict: "fix" }));
      this.edit(true);
    } else if (id === "drop") {
      if (changed) {
        this.page.warn(t("drop_but_changed"));
        return true;
      }
      this.page.change((doc) => ({ ...doc, verdict: "drop" }));
      this.closeEditor(this.questionBox);
      this.closeEditor(this.answerBox);
      this.update();
      this.reasons.scrollIntoView({ block: "nearest" });
      if (document.activeElement && document.activeElement !== document.body) document.activeElement.blur();
    } else if (id === "claims") {
      if (this.claims.node.hidden) this.claims.open(true);
      else this.claims.node.hidden = true;
    } else return false;
    this.update();
    return true;
  }

  pressed() {
    return undefined;
  }

  blocked() {
    const doc = this.page.doc();
    if (!doc.verdict) return t("verdict_missing");
    if (doc.verdict === "drop" && !(doc.reasons || []).length) return t("reason_missing");
    if (doc.verdict === "fix" && !(doc.corrections || []).length) return t("nothing_changed");
    return null;
  }

  hints() {
    return [];
  }

  finish(doc) {
    return doc;
  }

  update() {
    const doc = this.page.doc();
    for (const button of this.verdicts) button.setAttribute("aria-pressed", String(doc.verdict === button.dataset.verdict));
    this.reasons.hidden = doc.verdict !== "drop";
    for (const box of this.reasons.querySelectorAll("input")) box.checked = (doc.reasons || []).includes(box.value);
  }
}
