// Several answers to one question: columns on a wide screen, tabs on a phone; one tap says which is better. What was on screen, and long
// enough to be read at all, is what the choice is recorded against.

import { h } from "../../core/dom.js";
import { onKeys } from "../../core/keys.js";
import { t } from "../../core/strings.js";
import { Answer } from "./views.js";

const GLANCE = 800; // ms on screen before a draft counts as seen
const AGAIN = 200;

export class Drafts {
  /** `question`: the user's message; `messages`: its answers in their order on screen. */
  constructor(question, messages, act) {
    this.question = question;
    this.act = act;
    this.active = 0;
    this.seen = new Set(messages.filter((m) => m.seen).map((m) => m.id));
    this.answers = [...messages].sort((a, b) => a.position - b.position).map((message) => new Answer(message, act, { draft: true }));
    this.tabs = this.answers.map((answer, i) =>
      h("button", { type: "button", role: "tab", id: `draft-tab-${i}`, class: "draft-tab", on: { click: () => this.show(i) } }, t("draft", { n: i + 1 })),
    );
    const step = (by) => ({ held: true, run: () => this.show((this.active + by + this.answers.length) % this.answers.length) });
    for (const tab of this.tabs) onKeys(tab, { ArrowRight: step(1), ArrowLeft: step(-1) });
    this.columns = this.answers.map((answer, i) => {
      answer.better = h("button", { type: "button", class: "button small better", text: t("this_one"), on: { click: () => this.choose("better", answer) } });
      return h("section", { class: "draft", "aria-label": t("draft", { n: i + 1 }), id: `draft-panel-${i}` }, h("p", { class: "draft-name soft small", "aria-hidden": "true", text: t("draft", { n: i + 1 }) }), answer.node, h("div", { class: "actions" }, answer.better));
    });
    this.note = h("p", { class: "small soft draft-note", text: t("drafts_coming") });
    this.same = h("button", { type: "button", class: "button quiet small", text: t("about_the_same"), on: { click: () => this.choose("same") } });
    this.bad = h("button", { type: "button", class: "button quiet small", text: t("all_bad"), on: { click: () => this.choose("all_bad") } });
    this.on = h("button", { type: "button", class: "button small", text: t("go_on"), hidden: true, on: { click: () => this.act.goOn() } });
    this.error = h("p", { class: "small bad", role: "alert", hidden: true });
    this.node = h(
      "li",
      { class: `turn drafts of-${this.answers.length}` },
      h("h2", { class: "visually-hidden", text: t("drafts_title", { n: this.answers.length }) }),
      h("div", { class: "draft-tabs", role: "tablist", "aria-label": t("drafts_title", { n: this.answers.length }) }, this.tabs),
      h("div", { class: "draft-columns" }, this.columns),
      h("div", { class: "draft-verdict" }, this.note, h("div", { class: "actions", role: "group", "aria-label": t("which_is_better") }, this.same, this.bad, this.on)),
      this.error,
    );
    this.show(0, false);
    this.watch();
    this.update();
  }

  /** All there, and word for word one text. */
  get equal() {
    const [first, ...rest] = this.answers.map(({ message, text }) => (message.state === "complete" ? text.trim() : ""));
    return Boolean(first) && rest.every((text) => text === first);
  }

  get ids() {
    return this.answers.map((answer) => answer.message.id);
  }

  /** Choosing is possible once all are there. */
  update() {
    const open = this.answers.every((answer) => answer.message.state !== "streaming");
    const good = this.answers.filter((answer) => answer.message.state !== "failed" || answer.text);
    for (const answer of this.answers) answer.better.disabled = !open || !good.includes(answer);
    this.same.disabled = this.bad.disabled = !open;
    const { equal } = this;
    for (const button of [...this.answers.map((answer) => answer.better), this.same, this.bad]) button.hidden = equal;
    this.on.hidden = !equal;
    this.note.textContent = t(equal ? "drafts_equal" : open ? "which_is_better" : "drafts_coming");
  }

  show(n, focus = true) {
    this.active = n;
    this.tabs.forEach((tab, i) => {
      tab.setAttribute("aria-selected", String(i === n));
      tab.setAttribute("aria-controls", `draft-panel-${i}`);
      tab.tabIndex = i === n ? 0 : -1;
    });
    this.columns.forEach((column, i) => column.classList.toggle("active", i === n));
    if (focus) this.tabs[n].focus({ preventScroll: true });
  }

  /** Notice what is on screen for a moment, with its text there. */
  watch() {
    const timers = new Map();
    this.observer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const answer = this.answers.find((one) => one.node === entry.target);
        clearTimeout(timers.get(answer));
        if (entry.isIntersecting) timers.set(answer, setTimeout(() => this.glanced(answer), GLANCE));
      }
    });
    for (const answer of this.answers) this.observer.observe(answer.node);
  }

  glanced(answer) {
    if (!this.node.isConnected || document.hidden) return;
    if (!answer.text || answer.message.state === "streaming" || !answer.message.id) {
      setTimeout(() => this.onScreen(answer) && this.glanced(answer), AGAIN);
      return;
    }
    if (this.seen.has(answer.message.id)) return;
    this.seen.add(answer.message.id);
    this.act.seen(answer.message.id);
  }

  onScreen(answer) {
    const box = answer.node.getBoundingClientRect();
    return box.width > 0 && box.bottom > 0 && box.top < window.innerHeight;
  }

  async choose(verdict, answer = null) {
    const buttons = [...this.node.querySelectorAll("button")].filter((b) => !b.disabled && b.getAttribute("role") !== "tab");
    for (const button of buttons) button.disabled = true;
    this.error.hidden = true;
    const shown = this.answers.map((one) => ({ message: one.message.id, seen: this.seen.has(one.message.id) || one === answer }));
    try {
      await this.act.choose(this, { user: this.question.id, verdict, chosen: answer ? answer.message.id : null, shown });
      this.observer.disconnect();
    } catch (error) {
      for (const button of buttons) button.disabled = false;
      this.error.textContent = error.said || t("not_sent");
      this.error.hidden = false;
    }
  }
}
