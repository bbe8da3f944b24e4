// The desk of a ranking: the conversation, the answers side by side, and the sentence in the dock.

import { t } from "../../core/strings.js";
import "./card.js";
import "./ranking_bar.js";
import { h } from "./dom.js";
import { Layout } from "./layout.js";
import * as rank from "./ranking.js";
import { PromptPanel } from "./prompt.js";
import { Reading } from "./reading.js";

const listed = (letters) => letters.join(t("list_comma"));

export class RankingDesk {
  /** `page` = {doc(), change(update), seen(letter), saw(letter, part), announce(text), submit()}. */
  constructor({ item, page }) {
    Object.assign(this, { item, page, letters: item.answers.map((a) => a.letter), tieNext: false });
    this.state = rank.fromDocument(page.doc());
    this.rows = item.ratings === "overall" ? [{ key: "overall", label: t("overall") }] : item.ratings === "none" ? [] : item.criteria;
    this.looked = this.letters[0];
    this.cell = this.rows.length ? { letter: this.letters[0], key: this.rows[0].key } : null;
    const desk = {
      doc: page.doc,
      change: page.change,
      seen: page.seen,
      saw: page.saw,
      rank: (letter, tie) => this.put(letter, tie || this.tieNext),
      rate: (letter, key, value) => this.rate({ letter, key }, value),
      look: (letter) => this.look(letter),
    };
    this.prompt = new PromptPanel().setup({ item, doc: page.doc, correctable: true, change: page.change });
    this.cards = item.answers.map((answer) => document.createElement("answer-card").setup({ answer, item, rows: this.rows, desk }));
    this.row = h("div", { class: "answers", "aria-label": t("answers"), role: "group" }, this.cards);
    this.row.dataset.count = String(this.cards.length);
    this.tabs = h(
      "div",
      { class: "letter-tabs", role: "group", "aria-label": t("answers") },
      this.letters.map((letter) => h("button", { type: "button", class: "letter-tab", text: letter, "aria-label": t("show_answer", { letter }), data: { tab: letter }, on: { click: () => this.show(letter) } })),
    );
    this.side = h("div", { class: "answers-side" }, this.tabs, this.row);
    this.node = h("div", { class: "desk-ranking" }, this.prompt, this.side);
    const asked = item.messages[item.messages.length - 1];
    this.layout = new Layout({ node: this.node, prompt: this.prompt, row: this.row, cards: this.cards, text: (asked && asked.text) || t("conversation"), announce: page.announce });
    new ResizeObserver(() => this.side.classList.toggle("scrolls", !this.row.querySelector(".editing") && this.row.scrollWidth > this.row.clientWidth + 4)).observe(this.row);
    this.sentence = document.createElement("rank-sentence").setup({
      letters: this.letters,
      rank: (letter) => this.put(letter, this.tieNext),
      look: (letter) => this.show(letter),
      set: (state) => this.set(state),
    });
    this.buttons = {
      line: this.button("line", "line"),
      none: this.button("none_acceptable", "none_acceptable"),
      rest: this.button("rest_worse", "rest_worse"),
      tie: h("button", { type: "button", class: "button small", "aria-pressed": "false", title: t("tie_next_help"), on: { click: () => this.toggleTie() } }, h("span", { text: "=" }), h("span", { class: "only-wide", text: ` ${t("tie_next")}` })),
      back: h("button", { type: "button", class: "button small", "aria-label": t("take_back"), title: `${t("take_back")} (⌫)`, text: "⌫", on: { click: () => this.set(rank.back(this.state)) } }),
    };
    this.dock = h("div", { class: "dock-ranking" }, this.sentence, h("div", { class: "dock-buttons" }, this.buttons.tie, this.buttons.back, this.buttons.line, this.buttons.none, this.buttons.rest));
    this.reading = new Reading({ cards: this.cards, looked: () => this.card(this.looked) });
    this.row.addEventListener("scroll", () => this.swiped(), { passive: true });
    this.update();
  }

  button(action, label) {
    return h("button", { type: "button", class: "button small", data: { action } }, h("span", { text: t(label) }), h("kbd", { class: "only-wide", data: { keyOf: action } }));
  }

  /** Extra entries of the "more" menu for this kind of work. */
  menu() {
    return ["correct", "strength", "sort", "scroll_together", "zoom", "prompt_place"];
  }

  // ── the document ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  set(state, say = true) {
    this.state = state;
    // Digits typed after the letters begin with the best answer, wherever one was reading.
    if (this.cell) this.cell = this.unrated()[0] || this.cells()[0] || this.cell;
    const part = rank.toDocument(state, this.letters);
    this.page.change((doc) => {
      const { ranking, acceptable, rest, strength, ...others } = doc;
      return { ...others, ...part };
    });
    this.update();
    if (say) this.page.announce(this.spoken());
  }

  put(letter, tie) {
    const was = rank.ranked(this.state).includes(letter);
    this.set((tie ? rank.tie : rank.add)(this.state, letter), false);
    if (tie) this.toggleTie(false);
    const now = rank.ranked(this.state).includes(letter);
    this.page.announce(`${t(now ? (was ? "moved" : "ranked") : "taken_out", { letter })}. ${this.spoken()}`);
  }

  spoken() {
    const rest = this.state.rest === "worse" && rank.ranked(this.state).length < this.letters.length ? t("the_rest") : "";
    if (!this.state.tokens.length) return t("nothing_ranked");
    if (this.state.tokens[0] === rank.LINE) return `${t("none_acceptable")}. ${rank.sentence({ ...this.state, tokens: this.state.tokens.slice(1) }, rest)}`;
    return rank.sentence(this.state, rest).replace("|", `, ${t("line_spoken")},`);
  }

  toggleTie(on = !this.tieNext) {
    this.tieNext = on;
    this.buttons.tie.setAttribute("aria-pressed", String(on));
  }

  rate(cell, value) {
    this.cell = cell;
    if (value) this.last = cell;
    this.page.change((doc) => {
      const mine = { ...(doc.ratings || {})[cell.letter], [cell.key]: value };
      if (!value) delete mine[cell.key];
      const ratings = { ...doc.ratings, [cell.letter]: mine };
      if (!Object.keys(mine).length) delete ratings[cell.letter];
      const out = { ...doc, ratings };
      if (!Object.keys(ratings).length) delete out.ratings;
      return out;
    });
    if (value) this.page.announce(`${cell.letter} · ${this.labelOf(cell.key)}: ${value}`);
    this.update();
  }

  /** Where the best and the worst are rated, a rating that follows the letters of all answers but one says which is the worst. */
  putLast() {
    const left = this.letters.filter((letter) => !rank.ranked(this.state).includes(letter));
    const typing = !Object.keys(this.page.doc().ratings || {}).length;
    if (this.item.ratings === "ends" && typing && left.length === 1 && this.letters.length > 2 && this.state.rest !== "worse") this.put(left[0], false);
  }

  /** The rating given last, for every criterion of that answer that has none yet. */
  rateRest() {
    const ratings = this.page.doc().ratings || {};
    const last = this.last && (ratings[this.last.letter] || {})[this.last.key];
    if (!last) return;
    const { letter } = this.last;
    const open = this.rateable(letter).filter((key) => !(ratings[letter] || {})[key]);
    for (const key of open) this.rate({ letter, key }, last);
    this.moveOn({ letter, key: open[open.length - 1] || this.last.key });
  }

  labelOf(key) {
    return (this.rows.find((row) => row.key === key) || { label: key }).label;
  }

  /** The keys that are asked for of an answer: with "ends", only the best and the worst group's. */
  asked(letter) {
    if (this.item.ratings === "ends" && !rank.ends(this.state, this.letters).includes(letter)) return [];
    return this.rows.map((row) => row.key);
  }

  /** The keys that can be rated: what is asked for, and what was rated while it was. */
  rateable(letter) {
    const given = (this.page.doc().ratings || {})[letter];
    return given ? this.rows.map((row) => row.key) : this.asked(letter);
  }

  /** What is asked for, the best answer's first. */
  cells() {
    return rank.byRank(this.state, this.letters).flatMap((letter) => this.asked(letter).map((key) => ({ letter, key })));
  }

  unrated() {
    const ratings = this.page.doc().ratings || {};
    return this.cells().filter(({ letter, key }) => !(ratings[letter] || {})[key]);
  }

  // ── moving about ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  look(letter) {
    if (this.looked === letter && (!this.cell || this.cell.letter === letter)) return;
    this.looked = letter;
    if (this.cell) {
      const keys = this.rateable(letter);
      if (keys.length) this.cell = { letter, key: keys.includes(this.cell.key) ? this.cell.key : keys[0] };
    }
    this.update();
  }

  show(letter) {
    this.look(letter);
    this.card(letter).scrollIntoView({ block: "nearest", inline: this.narrow() ? "start" : "nearest" });
  }

  narrow() {
    return this.row.clientWidth < 700;
  }

  card(letter) {
    return this.cards.find((card) => card.letter === letter);
  }

  shown() {
    return [...this.row.children].map((card) => card.letter);
  }

  swiped() {
    if (!this.narrow()) return;
    clearTimeout(this.swipeTimer);
    this.swipeTimer = setTimeout(() => {
      const left = this.row.getBoundingClientRect().left;
      const near = this.cards.reduce((a, b) => (Math.abs(a.getBoundingClientRect().left - left) <= Math.abs(b.getBoundingClientRect().left - left) ? a : b));
      this.look(near.letter);
      near.scrolled();
    }, 120);
  }

  /** Move the focus of ratings (and of "correct") by answers (`across`) and criteria (`down`). */
  move(across, down) {
    const order = this.shown();
    const at = order.indexOf(this.looked);
    if (across) {
      const next = order[Math.max(0, Math.min(order.length - 1, at + across))];
      this.show(next);
    }
    if (down && this.cell) {
      const { letter } = this.cell;
      const keys = this.rateable(letter);
      const k = keys.indexOf(this.cell.key);
      if (keys.length) this.cell = { letter, key: keys[Math.max(0, Math.min(keys.length - 1, k + down))] };
      this.update();
    }
  }

  // ── keys and actions ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  key(key, event) {
    if (key.length === 1 && this.letters.includes(key)) {
      this.put(key, event.shiftKey || this.tieNext);
      return true;
    }
    if (key === "Backspace") {
      this.set(rank.back(this.state));
      return true;
    }
    if (this.cell && /^[0-5]$/.test(key)) {
      this.putLast();
      const cell = this.rateable(this.cell.letter).includes(this.cell.key) ? this.cell : this.cells()[0];
      if (!cell) return true;
      this.rate(cell, Number(key));
      if (key !== "0") this.moveOn(cell);
      return true;
    }
    if (this.cell && key === "Delete") {
      this.rate(this.cell, 0);
      return true;
    }
    if (key === "ArrowLeft" || key === "ArrowRight") {
      this.move(key === "ArrowLeft" ? -1 : 1, 0);
      return true;
    }
    if ((key === "ArrowUp" || key === "ArrowDown") && this.rows.length > 1) {
      this.move(0, key === "ArrowUp" ? -1 : 1);
      return true;
    }
    return this.reading.key(key, event);
  }

  /** To the next cell that has no rating yet, from `cell` on and round. */
  moveOn(cell) {
    const all = this.cells();
    const at = all.findIndex((c) => c.letter === cell.letter && c.key === cell.key);
    const open = this.unrated();
    const next = [...all.slice(at + 1), ...all.slice(0, at)].find((c) => open.some((o) => o.letter === c.letter && o.key === c.key));
    if (!next) return;
    this.cell = next;
    this.looked = next.letter;
    this.card(next.letter).scrollIntoView({ block: "nearest", inline: "nearest" });
    this.update();
    const row = this.card(next.letter).querySelector(".rating-cell.current");
    if (row) row.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  action(id) {
    if (id === "line") this.set(rank.drawLine(this.state, this.letters));
    else if (id === "none_acceptable") this.set(rank.noneAcceptable(this.state));
    else if (id === "rest_worse") this.set(rank.toggleRest(this.state));
    else if (id === "strength") {
      this.set(rank.toggleStrength(this.state));
      if (this.state.strength) this.page.say(t(rank.groups(this.state).length > 1 ? "strength_press" : "strength_rank_first"));
    }
    else if (id === "rate_rest") this.rateRest();
    else if (id === "sort") this.sort();
    else if (id === "scroll_together") this.page.announce(this.reading.toggle());
    else if (id === "zoom") this.layout.zoom();
    else if (id === "prompt_place") this.layout.next();
    else if (id === "correct") this.card(this.looked).edit();
    else return false;
    this.update();
    return true;
  }

  pressed(id) {
    return { strength: !!this.state.strength, scroll_together: this.reading.together, zoom: this.layout.zoomed }[id];
  }

  /** Lay the columns in the order of the ranking, on demand only. */
  sort() {
    const tops = this.cards.map((card) => card.body.scrollTop);
    const order = rank.byRank(this.state, this.letters);
    this.row.append(...order.map((letter) => this.card(letter)));
    this.tabs.append(...order.map((letter) => this.tabs.querySelector(`[data-tab="${letter}"]`)));
    this.cards.forEach((card, i) => (card.body.scrollTop = tops[i]));
    this.page.announce(t("sorted", { order: order.join(" ") }));
  }

  // ── before it is sent ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What keeps this from being submitted, as a sentence, or null. */
  blocked() {
    const key = rank.incomplete(this.state, this.letters);
    return key ? t(key) : null;
  }

  /** What was not read yet, as sentences. */
  unread() {
    return this.told("hint_not_read", this.reading.unread());
  }

  /** Esc: back from one answer to all. False when all are there. */
  leave() {
    return this.layout.zoom(false);
  }

  /** Bring the ends of what is unread on screen; as sentences what is `shown` by it, and what is `left` where not all of them have room. */
  showUnread() {
    this.layout.zoom(false);
    const { shown, left } = this.reading.showUnread((letter) => this.show(letter));
    return { shown: this.told("hint_at_end", shown), left: this.told("hint_not_read", left) };
  }

  told(key, letters) {
    return letters.length ? [t(key, { letters: listed(letters) })] : [];
  }

  /** Soft hints, as sentences: nothing here keeps anybody from submitting. */
  hints() {
    const doc = this.page.doc();
    const out = [];
    const ranked = rank.ranked(this.state);
    const left = this.letters.filter((letter) => !ranked.includes(letter));
    if (ranked.length && left.length && this.state.rest !== "worse") out.push(t("hint_not_ranked", { letters: listed(left) }));
    for (const [better, worse] of rank.contradictions(this.state, this.letters, doc.ratings)) out.push(t("hint_rank_rating", { better, worse }));
    const { low, high } = rank.lineContradictions(this.state, doc.ratings);
    for (const letter of low) out.push(t("hint_good_low", { letter }));
    for (const letter of high) out.push(t("hint_bad_high", { letter }));
    const open = [...new Set(this.unrated().map((c) => c.letter))];
    if (open.length) out.push(t("hint_not_rated", { letters: listed(open) }));
    return out;
  }

  /** Last touches to the document at submit. */
  finish(doc) {
    const { not_read, ...others } = doc;
    const unread = this.reading.left();
    return unread.length ? { ...others, not_read: unread } : others;
  }

  update() {
    const doc = this.page.doc();
    const order = rank.groups(this.state);
    const line = rank.lineAt(this.state);
    const placeOf = (letter) => {
      const at = order.findIndex((group) => group.includes(letter));
      if (at < 0) return null;
      return { rank: 1 + order.slice(0, at).flat().length, tie: order[at].length > 1, good: line === null ? null : at < line };
    };
    for (const card of this.cards) card.update({ doc, place: placeOf(card.letter), cell: this.cell, looked: card.letter === this.looked, asked: this.rateable(card.letter) });
    for (const tab of this.tabs.children) {
      const place = placeOf(tab.dataset.tab);
      tab.textContent = tab.dataset.tab + (place ? ` ${place.rank}` : "");
      tab.setAttribute("aria-current", String(tab.dataset.tab === this.looked));
    }
    this.sentence.update(this.state);
    this.buttons.line.setAttribute("aria-pressed", String(line !== null));
    this.buttons.none.setAttribute("aria-pressed", String(line === 0));
    this.buttons.rest.setAttribute("aria-pressed", String(this.state.rest === "worse"));
    this.buttons.rest.hidden = rank.ranked(this.state).length === this.letters.length;
    this.buttons.back.disabled = !this.state.tokens.length;
  }
}

