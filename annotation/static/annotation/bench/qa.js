// The QA check: the source with numbered sentences on the left, question and answer on the right. Keep on one key; fix edits both with the
// difference shown; drop asks why. Claims of the answer can be tied to the sentence they rest on.

import { isControl } from "../../core/keys.js";
import { config, t } from "../../core/strings.js";
import { correctionOf, withCorrection } from "./editor.js";
import { h, safeLink, textBlock } from "./dom.js";
import { PromptPanel, answerTurns, lacking } from "./prompt.js";

const touch = window.matchMedia("(pointer: coarse)");
const STATES = ["supported", "contradicted", "not_found", "source_outdated"];

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
    this.claimNodes = [];
    this.current = 0;
    this.buildSource();
    this.questionBox = this.box("question", this.question, { target: "question" }, t("question"));
    this.answerBox = this.box("answer", this.answer, { target: "response", answer: this.answer.letter }, t("answer"));
    this.claims = h("section", { class: "claims", hidden: true, "aria-label": t("claims") });
    this.reasons = this.buildReasons();
    const context = before.length ? new PromptPanel().setup({ item: { ...item, messages: before, sources: [] }, doc: page.doc, correctable: false, change: page.change }) : null;
    if (context) context.classList.add("context");
    const side = h("div", { class: "qa-side", tabIndex: 0, role: "region", "aria-label": t("pair") }, context, this.questionBox.node, this.answerBox.node, this.claims, this.reasons);
    this.node = h("div", { class: this.item.sources.length ? "desk-qa" : "desk-qa no-source" }, this.source, side);
    const verdict = (id) => h("button", { type: "button", class: "button", data: { action: id, verdict: id }, "aria-pressed": "false" }, h("span", { text: t(`verdict_${id}`) }), h("kbd", { class: "only-wide", data: { keyOf: id } }));
    this.verdicts = ["keep", "fix", "drop"].map(verdict);
    this.dock = h("div", { class: "dock-qa", role: "group", "aria-label": t("verdict") }, this.verdicts, h("button", { type: "button", class: "button quiet", data: { action: "claims" } }, h("span", { text: t("claims_button") }), h("kbd", { class: "only-wide", data: { keyOf: "claims" } })));
    const doc = page.doc();
    if (doc.verdict === "fix" || (doc.corrections || []).length) this.edit(false);
    if ((doc.claims || []).length) this.openClaims(false);
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
        const node = h("span", { class: "source-sentence", data: { n: String(number) } }, h("button", { type: "button", class: "sentence-number", text: String(number), "aria-label": t("sentence_number", { n: number }), on: { click: () => this.rest(number) } }), sentence);
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

  // ── claims ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  openClaims(focus) {
    if (!this.claimNodes.length) {
      const kept = new Map((this.page.doc().claims || []).map((c) => [c.text, c]));
      this.claimList = sentencesOf(this.answer.text).map((text) => kept.get(text) || { text, state: null, sentence: null });
      this.claimNodes = this.claimList.map((claim, i) => this.claimNode(claim, i));
      this.claims.replaceChildren(h("h2", { class: "label", text: t("claims") }), h("p", { class: "small soft", text: touch.matches ? t("claims_help_touch") : t("claims_help") }), h("ol", { class: "claim-list" }, this.claimNodes));
    }
    this.claims.hidden = false;
    if (focus) this.focusClaim(this.claimList.findIndex((c) => !c.state) < 0 ? 0 : this.claimList.findIndex((c) => !c.state));
  }

  claimNode(claim, i) {
    const states = STATES.map((state, k) =>
      h("button", { type: "button", class: "claim-state", role: "radio", "aria-checked": String(claim.state === state), data: { state }, on: { click: () => this.judge(i, state) } }, h("kbd", { text: String(k + 1) }), h("span", { text: t(`claim_${state}`) })),
    );
    const where = touch.matches && this.sentences.length ? h("button", { type: "button", class: "claim-where small", on: { click: () => this.choose(i) } }) : h("span", { class: "claim-where small" });
    return h(
      "li",
      { class: "claim", tabIndex: 0, data: { claim: String(i) }, on: { focusin: () => this.lightUp(i) } },
      h("p", { class: "text", lang: this.answer.language || this.item.language || null, dir: "auto", text: claim.text.trim() }),
      h("div", { class: "claim-states", role: "radiogroup", "aria-label": t("claim_state") }, states, where),
    );
  }

  focusClaim(i) {
    const at = Math.max(0, Math.min(this.claimNodes.length - 1, i));
    this.claimNodes[at].focus();
    this.claimNodes[at].scrollIntoView({ block: "nearest" });
  }

  lightUp(i) {
    this.current = i;
    const claim = this.claimList[i];
    this.claimNodes.forEach((node, k) => node.classList.toggle("current", k === i));
    for (const node of this.sentences) node.classList.toggle("lit", claim.sentence === Number(node.dataset.n));
    const lit = this.sentences.find((node) => Number(node.dataset.n) === claim.sentence);
    // Where source and claims are one column, to look at a claim must not lead away from it.
    if (lit && this.source.scrollHeight > this.source.clientHeight) lit.scrollIntoView({ block: "nearest" });
    this.claimNodes[i].querySelector(".claim-where").textContent = claim.sentence ? t("rests_on", { n: claim.sentence }) : t(touch.matches && this.sentences.length ? "which_sentence" : "click_sentence");
  }

  /** By touch source and claims stand below each other: to the source, and back to the claim once a sentence is tapped. */
  choose(i) {
    this.lightUp(i);
    this.choosing = this.claimNodes[i];
    const sentence = this.sentences.find((node) => node.classList.contains("lit"));
    (sentence || this.source).scrollIntoView({ block: sentence ? "center" : "start" });
  }

  /** The current claim rests on this sentence; without claims, the sentence is only lit. */
  rest(number) {
    if (this.claims.hidden || !this.claimNodes.length) {
      for (const node of this.sentences) node.classList.toggle("lit", Number(node.dataset.n) === number);
      return;
    }
    const claim = this.claimList[this.current];
    claim.sentence = claim.sentence === number ? null : number;
    if (claim.sentence && !claim.state) claim.state = "supported";
    const back = this.choosing;
    this.choosing = null;
    this.keepClaims();
    if (back) back.scrollIntoView({ block: "center" });
  }

  judge(i, state) {
    const claim = this.claimList[i];
    claim.state = claim.state === state ? null : state;
    this.current = i;
    this.keepClaims();
  }

  keepClaims() {
    const claims = this.claimList.filter((c) => c.state).map(({ text, state, sentence }) => ({ text, state, sentence }));
    this.page.change((doc) => {
      const out = { ...doc, claims };
      if (!claims.length) delete out.claims;
      return out;
    });
    this.claimNodes.forEach((node, i) => {
      for (const button of node.querySelectorAll(".claim-state")) button.setAttribute("aria-checked", String(button.dataset.state === this.claimList[i].state));
    });
    this.lightUp(this.current);
  }

  // ── keys and actions ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  key(key) {
    const inClaims = document.activeElement && document.activeElement.closest(".claim");
    if (inClaims && (key === "ArrowDown" || key === "ArrowUp")) {
      this.focusClaim(this.current + (key === "ArrowDown" ? 1 : -1));
      return true;
    }
    if (inClaims && /^[1-4]$/.test(key)) {
      this.judge(this.current, STATES[Number(key) - 1]);
      if (this.current + 1 < this.claimNodes.length) this.focusClaim(this.current + 1);
      return true;
    }
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
      if (this.claims.hidden) this.openClaims(true);
      else this.claims.hidden = true;
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
