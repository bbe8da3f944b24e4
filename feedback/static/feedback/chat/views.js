// The turns of a talk as elements: what was asked, what was answered, and the small tools under both. What they do is the page's (`act`).

import { h, safeLink } from "../../core/dom.js";
import { onKeys } from "../../core/keys.js";
import { languageOf, t } from "../../core/strings.js";
import { Body } from "./body.js";
import { sending } from "./composer.js";
import { icon } from "./icons.js";
import { Judgement } from "./judgement.js";

/** A small button with a sign; its words are for the ear and the pointer. */
export function tool(name, words, run, props = {}) {
  return h("button", { type: "button", class: "tool", "aria-label": words, title: words, on: { click: run }, ...props }, icon(name));
}

/** ‹ 2/3 › between versions of the same turn. */
function siblings(message, act) {
  const all = message.siblings || [];
  if (all.length < 2) return null;
  const at = all.indexOf(message.id);
  const step = (by) => () => act.branch(all[at + by], by);
  return h(
    "span",
    { class: "siblings", role: "group", "aria-label": t("versions") },
    tool("left", t("earlier_version"), step(-1), { disabled: at <= 0, data: { step: "-1" } }),
    h("span", { class: "count", text: `${at + 1}/${all.length}` }),
    tool("right", t("later_version"), step(1), { disabled: at >= all.length - 1, data: { step: "1" } }),
  );
}

/** What a person asked. */
export class Question {
  constructor(message, act) {
    this.message = message;
    this.act = act;
    this.bubble = h("div", { class: "bubble text plain", dir: "auto", lang: languageOf(message.text || ""), text: message.text });
    if (!message.text && message.kept === false) this.bubble.replaceChildren(h("i", { class: "soft", text: t("not_kept") }));
    this.tools = h("div", { class: "tools" });
    this.node = h("li", { class: "turn question" }, h("h2", { class: "visually-hidden", text: t("you_asked") }), this.bubble, this.tools);
    this.update();
  }

  update() {
    const { message, act } = this;
    if (message.id) this.node.dataset.id = message.id;
    this.node.classList.toggle("pending", !message.id);
    this.tools.replaceChildren(
      ...(message.id ? [siblings(message, act), tool("edit", t("edit"), () => this.edit(), { data: { tool: "edit" } }), tool("copy", t("copy"), () => act.copy(message, message.text))].filter(Boolean) : []),
    );
  }

  /** Write the question anew, in place. */
  edit(text = this.message.text, error = "") {
    const area = h("textarea", { dir: "auto", rows: 3, value: text, "aria-label": t("edit") });
    const words = h("p", { class: "small bad", role: "alert", text: error, hidden: !error });
    const close = () => {
      form.replaceWith(this.bubble);
      this.tools.hidden = false;
      const button = this.tools.querySelector("[data-tool=edit]");
      if (button) button.focus();
    };
    const send = () => {
      if (!area.value.trim()) return;
      this.act.resend(this, area.value);
    };
    const form = h(
      "form",
      { class: "editor", on: { submit: (event) => (event.preventDefault(), send()) } },
      area,
      h("p", { class: "small soft", text: t("edit_hint") }),
      words,
      h("div", { class: "actions" }, h("button", { class: "button primary small", text: t("send") }), h("button", { type: "button", class: "button quiet small", text: t("cancel"), on: { click: close } })),
    );
    onKeys(area, { ...sending(send), Escape: close }, { fields: true });
    (this.node.querySelector(".editor") || this.bubble).replaceWith(form);
    this.tools.hidden = true;
    area.style.height = `${Math.min(area.scrollHeight + 4, 360)}px`;
    area.focus();
  }
}

/** One answer: its text as it comes, its state, its sources, the tools and the judgement under it. */
export class Answer {
  constructor(message, act, { draft = false } = {}) {
    this.message = message;
    this.act = act;
    this.draft = draft;
    this.body = new Body({ changed: act.changed });
    this.state = h("div", { class: "answer-state" });
    this.sources = h("div", { class: "answer-sources" });
    this.tools = h("div", { class: "tools" });
    this.judgement = draft ? null : new Judgement(this, act);
    this.reply = h("div", { class: "specialist", hidden: true });
    this.node = h(
      draft ? "div" : "li",
      { class: draft ? "answer" : "turn answer" },
      h(draft ? "h3" : "h2", { class: "visually-hidden", text: t("answer") }),
      this.body.node,
      this.state,
      this.sources,
      this.tools,
      this.judgement ? this.judgement.node : null,
      this.reply,
    );
    if (message.state !== "streaming" || message.text) this.body.finish(message.html, message.text || "");
    this.update();
  }

  get text() {
    return this.body.text || this.message.text || "";
  }

  /** What the message says of itself now; the text is the body's. */
  update() {
    const { message, act } = this;
    if (message.id) this.node.dataset.id = message.id;
    this.node.dataset.state = message.state;
    this.node.setAttribute("aria-busy", message.state === "streaming" ? "true" : "false");
    this.state.replaceChildren(...this.stateParts());
    this.sources.replaceChildren(...sourcesOf(message));
    this.replied();
    this.tools.replaceChildren();
    if (message.state === "streaming" || !message.id) return;
    const parts = [];
    if (this.judgement) parts.push(...this.judgement.thumbs());
    if (this.text && !this.draft) parts.push(tool("copy", t("copy"), () => act.copy(message, this.text)));
    if (!this.draft) parts.push(tool("again", t("regenerate"), () => act.regenerate(this), { data: { tool: "again" } }), siblings(message, act));
    if (message.practice) parts.push(h("span", { class: "chip", title: t("practice_words"), text: t("practice") }));
    this.tools.append(...parts.filter(Boolean));
    if (this.judgement) this.judgement.update();
  }

  /** A specialist's reply under the answer, as it is now; whether it is another than before. */
  replied() {
    const { reply } = this.message;
    const id = reply ? String(reply.id) : "";
    if ((this.reply.dataset.id || "") === id) return false;
    this.reply.dataset.id = id;
    this.reply.hidden = !reply;
    this.reply.replaceChildren(...(reply ? replyParts(reply, this.draft) : []));
    return true;
  }

  stateParts() {
    const { message } = this;
    if (message.state === "streaming") return this.text ? [] : [dots()];
    const again = this.draft || !message.id ? null : h("button", { type: "button", class: "button small", text: t("ask_again"), on: { click: () => this.act.regenerate(this) } });
    if (message.state === "failed") return [h("p", { class: "note warn" }, h("span", { text: message.message || t(this.text ? "broken_off" : "broken_off_at_once") }), " ", again)];
    if (message.state === "stopped" || message.state === "cut") return [h("p", { class: "small soft" }, h("span", { text: message.message || t("stopped") }), " ", again)];
    if (message.message) return [h("p", { class: "small soft", text: message.message })];
    if (!this.text && message.kept === false) return [h("p", { class: "soft" }, h("i", { text: t("not_kept") }))];
    return [];
  }

  /** Nothing has come for a while: say so (`words`), or that all is well again (""). */
  waiting(words) {
    const line = this.state.querySelector(".waiting");
    if (!words) {
      if (line) line.remove();
      if (this.text) this.state.replaceChildren();
    } else if (line) line.textContent = words;
    else this.state.append(h("p", { class: "small soft waiting", text: words }));
  }
}

function dots() {
  return h("span", { class: "dots", role: "img", "aria-label": t("writing") }, h("i"), h("i"), h("i"));
}

/** What a specialist says of an answer: a line of ours, their words, what it should have been. */
function replyParts(reply, draft) {
  const corrected = h("div", { class: "markdown", dir: "auto", lang: languageOf(reply.corrected_text) });
  corrected.innerHTML = reply.corrected; // made and sanitised by the server (core/rendering)
  return [
    h(draft ? "h4" : "h3", { class: "label", text: t("specialist") }),
    reply.words ? h("p", { text: reply.words }) : null,
    reply.text ? h("div", { class: "text plain", dir: "auto", lang: languageOf(reply.text), text: reply.text }) : null,
    reply.corrected ? h("p", { class: "label", text: t("specialist_correction") }) : null,
    reply.corrected ? corrected : null,
  ].filter(Boolean);
}

/** What the endpoint says the answer rests on, unfolding under it. */
function sourcesOf(message) {
  const all = message.sources || [];
  if (!all.length) return [];
  const entry = (source) =>
    h(
      "li",
      {},
      h("p", { class: "label", dir: "auto" }, source.url ? safeLink(source.url, source.title || source.url) : source.title || t("source")),
      source.text ? h("p", { class: "text plain small", dir: "auto", lang: languageOf(source.text), text: source.text }) : null,
    );
  return [h("details", { class: "fold" }, h("summary", { text: t("sources", { n: all.length }) }), h("ol", { class: "sources" }, all.map(entry)))];
}
