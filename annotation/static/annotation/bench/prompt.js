// What was asked: the turns of the conversation, the tools, and the sources the answer must rest on.

import { t } from "../../core/strings.js";
import { correctionOf, withCorrection } from "./editor.js";
import { h, safeLink, textBlock } from "./dom.js";

const json = (value) => h("pre", { class: "json", tabIndex: 0, text: typeof value === "string" ? value : JSON.stringify(value, null, 2) });

/** Tool calls of a message or of an answer's turns, folded. */
export function toolCalls(calls) {
  return (calls || []).map((call) => {
    const inner = call.function || call;
    return h("details", { class: "fold tool" }, h("summary", { text: `${t("tool_call")} ${inner.name || ""}` }), json(inner.arguments ?? inner));
  });
}

/** What a turn lacks (a picture that is not held here), or where an answer was cut off: the server's sentences. */
export function lacking(words) {
  return [words || []].flat().map((text) => h("p", { class: "note warn lacking", text }));
}

/** Turns an answer took before its last words (tool calls and what came back). */
export function answerTurns(turns) {
  if (!turns || !turns.length) return null;
  const shown = turns.map((turn) =>
    h("div", { class: "turn small" }, h("p", { class: "who", text: roleName(turn) }), turn.content ? textBlock({ text: typeof turn.content === "string" ? turn.content : JSON.stringify(turn.content) }) : null, toolCalls(turn.tool_calls)),
  );
  return h("details", { class: "fold" }, h("summary", { text: t("steps_before", { n: turns.length }) }), shown);
}

const roleName = (message) => t(`role_${message.role}`) + (message.name ? ` · ${message.name}` : "");

/** <prompt-panel>: `setup({item, doc, correctable, change})`. `change(update)` gets a function doc → doc. */
export class PromptPanel extends HTMLElement {
  setup({ item, doc, correctable, change }) {
    this.item = item;
    this.editors = new Map();
    const turns = item.messages.map((message, i) => this.turn(message, i, doc, correctable, change));
    this.replaceChildren(
      h("div", { class: "prompt-scroll", tabIndex: 0, role: "region", "aria-label": t("conversation") }, turns, this.tools(item), sources(item)),
      h("button", { type: "button", class: "prompt-fold", "aria-expanded": "false", on: { click: (event) => this.fold(event.currentTarget) } }, h("span", { text: t("show_prompt") })),
    );
    return this;
  }

  turn(message, i, doc, correctable, change) {
    const last = i === this.item.messages.length - 1;
    const body = h("div", { class: "turn-body" }, textBlock(message, this.item.language), toolCalls(message.tool_calls));
    const lacks = lacking(message.missing);
    const node = h("article", { class: `turn ${message.role}${last ? " last" : ""}` }, h("p", { class: "who" }, h("span", { text: roleName(message) }), last ? h("span", { class: "chip accent", text: t("answer_this") }) : null), body, lacks);
    if (!correctable || message.role !== "assistant" || !message.text) return node;
    const target = { target: "turn", turn: i };
    const edit = (focus) => {
      if (this.editors.has(i)) return this.editors.get(i).focus();
      const editor = document.createElement("text-editor").setup({
        original: message.text,
        entry: correctionOf(doc(), target),
        language: message.language,
        label: t("correct_turn"),
        onchange: (entry) => change((d) => withCorrection(d, target, entry)),
        onclose: () => {
          editor.replaceWith(body);
          this.editors.delete(i);
          button.hidden = false;
        },
      });
      this.editors.set(i, editor);
      body.replaceWith(editor);
      button.hidden = true;
      if (focus) editor.focus();
      return null;
    };
    const button = h("button", { type: "button", class: "button quiet small", text: t("correct_this_turn"), on: { click: () => edit(true) } });
    node.append(button);
    if (correctionOf(doc(), target)) edit(false);
    return node;
  }

  tools(item) {
    if (!item.tools || !item.tools.length) return null;
    return h("details", { class: "fold" }, h("summary", { text: t("tools_given", { n: item.tools.length }) }), json(item.tools));
  }

  fold(button) {
    const open = this.classList.toggle("unfolded");
    button.setAttribute("aria-expanded", String(open));
    button.firstChild.textContent = t(open ? "fold_prompt" : "show_prompt");
  }
}
customElements.define("prompt-panel", PromptPanel);

/** Sources as folds, the first one open when it is the only one. */
function sources(item) {
  if (!item.sources.length) return null;
  const folds = item.sources.map((source, i) =>
    h(
      "details",
      { class: "fold source", open: item.sources.length === 1 },
      h("summary", { text: `(${i + 1}) ${source.title || t("source")}` }),
      source.url ? h("p", { class: "small" }, safeLink(source.url)) : null,
      textBlock(source, item.language),
    ),
  );
  return h("section", { class: "sources", "aria-label": t("sources") }, h("h2", { class: "label", text: t("sources") }), folds);
}
