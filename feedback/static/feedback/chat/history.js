// The person's own talks: a list beside the talk, a drawer on a phone, and a search in what was said.

import { h, touch } from "../../core/dom.js";
import { onKeys } from "../../core/keys.js";
import { sure } from "../../core/question.js";
import { config, t, when } from "../../core/strings.js";
import { icon } from "./icons.js";

const TYPING = 250; // ms after the last letter

export class History {
  /** `open(id)` shows a talk, `gone(id)` is told of one that was deleted. */
  constructor(http, { open, gone }) {
    Object.assign(this, { http, gone });
    this.aside = document.getElementById("history");
    this.list = document.getElementById("history-list");
    this.words = document.getElementById("history-words");
    this.search = document.getElementById("history-search");
    this.button = document.getElementById("history-open");
    this.main = document.getElementById("talk");
    this.current = null;
    this.rows = [];
    this.asked = 0;
    let timer = 0;
    this.search.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.load(), TYPING);
    });
    this.list.addEventListener("click", (event) => {
      const link = event.target.closest("a");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      this.drawer(false);
      open(Number(link.dataset.id));
    });
    this.button.addEventListener("click", () => this.drawer(true));
    document.getElementById("history-close").addEventListener("click", () => this.drawer(false));
    document.getElementById("history-shade").addEventListener("click", () => this.drawer(false));
    onKeys(this.aside, { Escape: { when: () => document.body.classList.contains("drawer"), run: () => this.drawer(false) } });
  }

  /** On a phone the list lies over the talk; on a wide screen this changes nothing that is seen. */
  drawer(open) {
    const was = document.body.classList.contains("drawer");
    document.body.classList.toggle("drawer", open);
    this.button.setAttribute("aria-expanded", String(open));
    this.main.inert = open;
    if (open) this.rest();
    else if (was) this.button.focus();
  }

  /** Focus in the list; in the search field a phone's keyboard would cover it. */
  rest() {
    const over = document.body.classList.contains("drawer") && touch.matches;
    (over ? document.getElementById("history-close") : this.search).focus();
  }

  async load() {
    const q = this.search.value.trim();
    const turn = ++this.asked;
    let rows;
    try {
      rows = (await this.http.get(`conversations/?q=${encodeURIComponent(q)}`, { quiet: true })).conversations;
    } catch (error) {
      if (turn === this.asked) this.say(t("server_silent"));
      return;
    }
    if (turn !== this.asked) return; // a later search is on its way
    this.rows = rows;
    this.draw();
    this.say(rows.length ? "" : q ? t("nothing_found") : t("no_talks"));
  }

  say(words) {
    this.words.textContent = words;
    this.words.hidden = !words;
  }

  draw() {
    this.list.replaceChildren(...this.rows.map((row) => this.entry(row)));
  }

  entry(row) {
    const title = row.title || t("untitled");
    const told = [when(row.updated_at), row.score ? `${row.score}/5` : "", row.replied ? t("specialist") : ""].filter(Boolean).join(" · ");
    const link = h("a", { href: config.urls.page + `${row.id}/`, data: { id: row.id } }, h("span", { class: "title", dir: "auto", text: title }), h("span", { class: "when soft small", text: told }));
    if (row.id === this.current) link.setAttribute("aria-current", "page");
    const words = t("delete_talk", { title });
    const bin = h("button", { type: "button", class: "tool", "aria-label": words, title: t("delete"), on: { click: () => this.remove(row, title) } }, icon("bin"));
    return h("li", {}, link, bin);
  }

  async remove(row, title) {
    if (!(await sure(t("delete_question", { title }), { yes: t("delete"), danger: true }))) return;
    try {
      await this.http.post(`conversations/${row.id}/delete/`);
    } catch (error) {
      this.say(error.said || t("not_sent"));
      return;
    }
    this.rows = this.rows.filter((one) => one.id !== row.id);
    this.draw();
    this.rest();
    this.gone(row.id);
  }

  /** Which talk is on screen. */
  mark(id) {
    this.current = id;
    for (const link of this.list.querySelectorAll("a")) {
      if (Number(link.dataset.id) === id) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }
}
