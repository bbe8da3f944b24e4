// The claims of an answer, one by one: a letter says what the source says of it, a number which sentence it rests on. A sentence is suggested by
// the words both share (annotation/bench/support.py); it counts until another number is given.

import { t } from "../../core/strings.js";
import { h } from "./dom.js";

const touch = window.matchMedia("(pointer: coarse)");
const STATES = ["supported", "contradicted", "not_found", "source_outdated"];
const LETTERS = "ABCD";

/** The claims to judge: those offered, with what `kept` (of the document) says of them. One that was made of other pieces keeps its place. */
export function merged(offered, kept, whole) {
  const known = new Map(kept.map((claim) => [claim.text, claim]));
  const out = offered.map((claim) => withState(claim, known.get(claim.text)));
  for (const claim of kept.filter((one) => !offered.some(({ text }) => text === one.text))) {
    const covered = (one) => !one.state && (claim.text.includes(one.text.trim()) || one.text.includes(claim.text.trim()));
    const at = out.findIndex(covered);
    const rest = out.filter((one) => !covered(one));
    const before = at < 0 ? rest.length : out.slice(0, at).filter((one) => !covered(one)).length;
    rest.splice(before, 0, withState({ text: claim.text }, claim));
    out.splice(0, out.length, ...rest);
  }
  return out.length ? out : [{ text: whole, state: null }];
}

function withState(claim, kept) {
  if (!kept) return { ...claim, state: null };
  // No sentence beside "not found" was no choice.
  const chosen = kept.sentence || (kept.state === "not_found" ? undefined : null);
  return { ...claim, state: kept.state, chosen };
}

/** The number of the sentence a claim rests on, or null: the chosen one, else the suggested one unless nothing was found. */
export function sentenceOf(claim) {
  if (claim.chosen !== undefined) return claim.chosen;
  return claim.state && claim.state !== "not_found" ? claim.suggested || null : null;
}

export class Claims {
  /** `sentences`: the nodes of the source's sentences, numbered by data-n; `source`: what they scroll in; `pieces`: the claims offered. */
  constructor({ answer, language, page, sentences, source, pieces }) {
    Object.assign(this, { answer, language, page, sentences, source, pieces, current: 0, nodes: [], list: [], typed: null, choosing: null });
    this.node = h("section", { class: "claims", hidden: true, "aria-label": t("claims") });
  }

  get isOpen() {
    return !this.node.hidden && this.nodes.length > 0;
  }

  open(focus) {
    if (!this.nodes.length) {
      this.list = merged(this.pieces, this.page.doc().claims || [], this.answer.text);
      this.nodes = this.list.map((claim, i) => this.row(claim, i));
      this.node.replaceChildren(h("h2", { class: "label", text: t("claims") }), h("p", { class: "small soft", text: t(touch.matches ? "claims_help_touch" : "claims_help") }), h("ol", { class: "claim-list" }, this.nodes));
      this.draw();
    }
    this.node.hidden = false;
    if (focus) this.focus(Math.max(0, this.list.findIndex((claim) => !claim.state)));
  }

  row(claim, i) {
    const states = STATES.map((state, k) =>
      h("button", { type: "button", class: "claim-state", role: "radio", data: { state }, on: { click: () => this.judge(i, state) } }, h("kbd", { text: LETTERS[k] }), h("span", { text: t(`claim_${state}`) })),
    );
    const where = this.sentences.length ? h("button", { type: "button", class: "claim-where small", on: { click: () => this.choose(i) } }) : null;
    return h(
      "li",
      { class: "claim", tabIndex: 0, data: { claim: String(i) }, on: { focusin: () => this.lightUp(i) } },
      h("p", { class: "text", lang: this.language || null, dir: "auto", text: claim.text.trim() }),
      h("div", { class: "claim-states" }, h("div", { class: "claim-radios", role: "radiogroup", "aria-label": t("claim_state") }, states), where),
    );
  }

  focus(i) {
    const at = Math.max(0, Math.min(this.nodes.length - 1, i));
    this.nodes[at].focus({ preventScroll: true });
    this.nodes[at].scrollIntoView({ block: "nearest" });
  }

  lightUp(i) {
    if (i !== this.current) this.typed = null;
    this.current = i;
    const claim = this.list[i];
    const rests = sentenceOf(claim);
    const shown = rests || (claim.chosen === undefined && claim.suggested) || 0;
    this.nodes.forEach((node, k) => node.classList.toggle("current", k === i));
    for (const node of this.sentences) {
      const here = Number(node.dataset.n) === shown;
      node.classList.toggle("lit", here && !!rests);
      node.classList.toggle("maybe", here && !rests);
    }
    this.stop(shown);
    // Where source and claims are one column, to look at a claim must not lead away from it.
    const lit = this.at(shown);
    if (lit && this.source.scrollHeight > this.source.clientHeight) lit.scrollIntoView({ block: "nearest" });
  }

  at(number) {
    return this.sentences.find((node) => Number(node.dataset.n) === number);
  }

  /** Of all the sentences' buttons the Tab key stops at one. */
  stop(number) {
    const here = this.at(number) || this.sentences[0];
    for (const node of this.sentences) node.firstChild.tabIndex = node === here ? 0 : -1;
    return here;
  }

  /** To the source, where the arrow keys move and Enter (or a tap) takes a sentence, and back. */
  choose(i) {
    this.lightUp(i);
    this.choosing = this.nodes[i];
    const claim = this.list[i];
    const here = this.stop(sentenceOf(claim) || claim.suggested);
    here.firstChild.focus({ preventScroll: true });
    here.scrollIntoView({ block: "center" });
  }

  /** The current claim rests on this sentence (null: on none). */
  rest(number) {
    const claim = this.list[this.current];
    claim.chosen = number !== null && sentenceOf(claim) === number && claim.chosen !== undefined ? null : number;
    if (claim.chosen && !claim.state) Object.assign(claim, { state: "supported", presumed: true });
    const back = this.choosing;
    this.choosing = null;
    this.keep();
    if (!back) return;
    back.focus({ preventScroll: true });
    back.scrollIntoView({ block: "center" });
  }

  judge(i, state) {
    const claim = this.list[i];
    claim.state = claim.state === state && !claim.presumed ? null : state;
    claim.presumed = false;
    this.current = i;
    this.keep();
  }

  keep() {
    const claims = this.list.filter((claim) => claim.state).map((claim) => ({ text: claim.text, state: claim.state, sentence: sentenceOf(claim) }));
    this.page.change((doc) => {
      const out = { ...doc, claims };
      if (!claims.length) delete out.claims;
      return out;
    });
    this.draw();
    this.lightUp(this.current);
  }

  draw() {
    this.nodes.forEach((node, i) => {
      const claim = this.list[i];
      [...node.querySelectorAll(".claim-state")].forEach((button, k) => {
        const on = button.dataset.state === claim.state;
        button.setAttribute("aria-checked", String(on));
        button.tabIndex = on || (!claim.state && k === 0) ? 0 : -1;
      });
      const where = node.querySelector(".claim-where");
      if (!where) return;
      const rests = sentenceOf(claim);
      const suggested = claim.chosen === undefined && claim.suggested;
      where.classList.toggle("set", !!rests);
      if (rests) where.textContent = t("rests_on", { n: rests });
      else if (suggested && claim.state !== "not_found") where.textContent = t("suggested_sentence", { n: suggested });
      else where.textContent = t("which_sentence");
      where.title = suggested && (claim.shared || []).length ? t("suggested_because", { shared: claim.shared.map((run) => `“${run}”`).join(t("list_comma")) }) : "";
    });
  }

  /** A key pressed in a claim or on a sentence of the source; false when it means nothing there. */
  key(key) {
    const node = document.activeElement;
    if (!this.isOpen || !node) return false;
    if (node.closest(".source-sentence")) return this.inSource(key, node.closest(".source-sentence"));
    if (!node.closest(".claim")) return false;
    const digit = /^[0-9]$/.test(key);
    if (!digit) this.typed = null;
    if (digit) return this.type(Number(key));
    if (key === "Backspace") return this.rest(null), true;
    if (key === "ArrowDown" || key === "ArrowUp") return this.focus(this.current + (key === "ArrowDown" ? 1 : -1)), true;
    if ((key === "ArrowLeft" || key === "ArrowRight") && node.classList.contains("claim-state")) {
      const other = key === "ArrowRight" ? node.nextElementSibling : node.previousElementSibling;
      if (other) other.focus();
      return true;
    }
    if (key.length !== 1 || !LETTERS.includes(key)) return false;
    this.judge(this.current, STATES[LETTERS.indexOf(key)]);
    if (this.current + 1 < this.nodes.length) this.focus(this.current + 1);
    return true;
  }

  /** Digits in a row make one number as long as there is such a sentence. */
  type(digit) {
    const longer = this.typed ? this.typed * 10 + digit : digit;
    const number = this.at(longer) ? longer : digit;
    if (number && !this.at(number)) {
      this.page.announce(t("no_such_sentence", { n: number }));
      return true;
    }
    this.typed = number;
    this.list[this.current].chosen = undefined; // typed, so never taken out by being the same
    this.rest(number || null);
    this.page.announce(t(number ? "rests_on" : "which_sentence", { n: number }));
    return true;
  }

  inSource(key, sentence) {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[key];
    if (!step) return false;
    const next = this.sentences[this.sentences.indexOf(sentence) + step];
    if (!next) return true;
    this.stop(Number(next.dataset.n));
    next.firstChild.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
    return true;
  }
}
