// What a person says of one answer: thumb, reasons and comment, which unfold in place and go with Esc; what it should have said. Everything is
// sent as it is given, one after the other, so that nothing waits for a last button.

import { h } from "../../core/dom.js";
import { announce } from "../../core/frame.js";
import { onKeys } from "../../core/keys.js";
import { config, t } from "../../core/strings.js";
import { icon } from "./icons.js";

const SETTLE = 700; // ms after the last chip

const byKey = (event) => event.detail === 0;

export class Judgement {
  constructor(answer, act) {
    this.answer = answer;
    this.act = act;
    this.node = h("div", { class: "judgement" });
    this.panel = null;
    this.buttons = [];
    this.chain = Promise.resolve();
    this.failed = false; // whether the last that was sent did not arrive
    this.timer = 0;
    this.drafted = null; // a correction that was begun and left
  }

  get said() {
    return this.answer.message.thumb || { value: 0, reasons: [], text: "" };
  }

  thumbs() {
    const make = (value) =>
      h(
        "button",
        {
          type: "button", class: `tool thumb ${value > 0 ? "up" : "down"}`, "aria-label": t(value > 0 ? "good" : "bad"), title: t(value > 0 ? "good" : "bad"),
          "aria-pressed": String(this.said.value === value), on: { click: (event) => this.press(value, byKey(event)) },
        },
        icon("thumb"),
      );
    this.buttons = [make(1), make(-1)];
    for (const button of this.buttons) onKeys(button, { Escape: { when: () => Boolean(this.panel), run: () => this.leave() } }); // it folds what it unfolded
    this.why = h("button", { type: "button", class: "button quiet small why", text: t("say_why"), hidden: true, on: { click: (event) => this.open(this.said.value, byKey(event), true) } });
    return [...this.buttons, this.why];
  }

  update() {
    this.buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(this.said.value === (i ? -1 : 1))));
    if (this.why) this.why.hidden = !this.said.value || Boolean(this.panel);
    const { correction } = this.answer.message;
    const shown = this.node.querySelector(".own-correction");
    if (shown) shown.remove();
    if (correction)
      this.node.append(
        h(
          "details",
          { class: "fold own-correction" },
          h("summary", { text: t("your_correction") }),
          h("div", { class: "text plain", dir: "auto", text: correction }),
          h("div", { class: "actions" }, h("button", { type: "button", class: "button quiet small", text: t("change"), on: { click: () => this.correct() } })),
        ),
      );
  }

  press(value, keys) {
    const again = this.said.value === value;
    this.say({ value: again ? 0 : value, reasons: [], text: "" });
    this.close(false);
    if (!again) this.open(value, keys);
    this.thank(again ? t("taken_back") : t("kept"));
  }

  /** Say that it is kept, once it is; what was not is told by its own line. */
  thank(words) {
    this.chain.then(() => {
      if (!this.failed) announce(words);
    });
  }

  /** The thumb as it is now, here and on the server. */
  say(thumb) {
    const { message } = this.answer;
    const before = message.thumb;
    message.thumb = thumb.value ? thumb : null;
    this.update();
    this.send({ kind: "thumb", ...thumb }, () => {
      message.thumb = before;
      this.update();
    });
  }

  send(body, undo) {
    const path = `messages/${this.answer.message.id}/react/`;
    this.status("");
    this.chain = this.chain.then(async () => {
      try {
        await this.act.http.post(path, body);
        this.failed = false;
      } catch (error) {
        this.failed = true;
        undo();
        this.status(error.said || t("not_sent"), () => this.retry(body));
      }
    });
    return this.chain;
  }

  retry(body) {
    const { message } = this.answer;
    if (body.kind === "thumb") this.say({ value: body.value, reasons: body.reasons, text: body.text });
    else {
      message.correction = body.text || null;
      this.update();
      this.send(body, () => (message.correction = null));
    }
  }

  /** A line under the answer, with a way to try again. */
  status(words, again = null) {
    const old = this.node.querySelector(".judgement-status");
    if (old) old.remove();
    if (!words) return;
    const button = again ? h("button", { type: "button", class: "button small", text: t("try_again"), on: { click: again } }) : null;
    this.node.prepend(h("p", { class: `small judgement-status ${again ? "bad" : "soft"}`, role: again ? "alert" : null }, h("span", { text: words }), " ", button));
  }

  /** `keys`: no pointer lies on what would move. */
  open(value, keys, focus = false) {
    const said = this.said;
    const list = value > 0 ? config.reasons.up : config.reasons.down;
    const chips = list.map(([key, words]) =>
      h("button", { type: "button", class: "chip-button", "aria-pressed": String(said.reasons.includes(key)), text: words, data: { key }, on: { click: (event) => this.toggle(event.currentTarget) } }),
    );
    const comment = h("textarea", { rows: 1, dir: "auto", value: said.text, maxLength: 20000, placeholder: t("own_words"), "aria-label": t("own_words") });
    comment.addEventListener("input", () => {
      comment.style.height = "auto";
      comment.style.height = `${Math.min(comment.scrollHeight + 2, 200)}px`;
    });
    const panel = h(
      "div",
      { class: "reasons", role: "group", "aria-label": t(value > 0 ? "what_was_good" : "what_was_wrong") },
      h("p", { class: "small" }, h("span", { class: "label", text: t(value > 0 ? "what_was_good" : "what_was_wrong") }), " ", h("span", { class: "soft", text: t("optional") })),
      chips.length ? h("div", { class: "chips" }, chips) : null,
      comment,
      h(
        "div",
        { class: "actions" },
        h("button", { type: "button", class: "button small", text: t("done"), data: { done: "1" }, on: { click: () => this.done() } }),
        h("button", { type: "button", class: "button quiet small", text: t("should_have_said"), on: { click: () => this.correct() } }),
      ),
    );
    onKeys(panel, { Escape: () => this.leave(), "Mod+Enter": () => this.done() });
    panel.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !panel.contains(event.relatedTarget)) this.flush();
    });
    this.panel = panel;
    this.comment = comment;
    this.node.append(panel);
    this.update();
    if (keys) this.act.reveal(panel);
    else this.act.hold();
    if (focus) (chips[0] || comment).focus({ preventScroll: !keys });
  }

  toggle(chip) {
    chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), SETTLE);
  }

  /** Send what the panel says, if it says anything new. */
  flush() {
    clearTimeout(this.timer);
    if (!this.panel || !this.said.value) return;
    const reasons = [...this.panel.querySelectorAll("[aria-pressed=true]")].map((chip) => chip.dataset.key);
    const text = this.comment.value;
    if (JSON.stringify([reasons, text]) === JSON.stringify([this.said.reasons, this.said.text])) return;
    this.say({ value: this.said.value, reasons, text });
  }

  done() {
    this.flush();
    this.close();
    this.thank(t("kept"));
  }

  /** Esc: what was chosen is kept, the panel goes. */
  leave() {
    this.flush();
    this.close();
  }

  close(refocus = true) {
    clearTimeout(this.timer);
    if (!this.panel) return;
    const within = this.panel.contains(document.activeElement);
    this.panel.remove();
    this.panel = null;
    this.update();
    if (refocus && within) this.focus();
  }

  focus() {
    const pressed = this.buttons.find((button) => button.getAttribute("aria-pressed") === "true");
    if (pressed) pressed.focus();
  }

  /** "What should it have said": a text of one's own, or the answer put right. */
  correct() {
    if (this.panel) this.flush();
    this.close(false);
    const { message } = this.answer;
    const old = this.node.querySelector(".own-correction");
    if (old) old.hidden = true;
    const area = h("textarea", { rows: 4, dir: "auto", value: this.drafted ?? message.correction ?? "", "aria-label": t("should_have_said") });
    area.addEventListener("input", () => (this.drafted = area.value)); // Esc folds it away; opened again, it is still there
    const leave = () => {
      form.remove();
      if (old) old.hidden = false;
      this.focus();
    };
    const save = () => {
      const text = area.value;
      this.drafted = null;
      if (text === (message.correction || "")) return leave();
      const before = message.correction;
      form.remove();
      message.correction = text || null;
      this.update();
      this.focus();
      this.send({ kind: "correction", value: null, reasons: [], text }, () => {
        message.correction = before;
        this.update();
      });
      this.thank(t("kept"));
    };
    const form = h(
      "div",
      { class: "reasons correction", role: "group", "aria-label": t("should_have_said") },
      h("p", { class: "label", text: t("should_have_said") }),
      area,
      h(
        "div",
        { class: "actions" },
        h("button", { type: "button", class: "button small", text: t("save"), on: { click: save } }),
        h("button", { type: "button", class: "button quiet small", text: t("begin_with_answer"), hidden: !this.answer.text, on: { click: (event) => {
          area.value = this.drafted = this.answer.text;
          event.currentTarget.hidden = true;
          area.style.height = `${Math.min(area.scrollHeight + 4, 400)}px`;
          area.focus();
        } } }),
        h("button", { type: "button", class: "button quiet small", text: t("cancel"), on: { click: () => ((this.drafted = null), leave()) } }),
      ),
    );
    onKeys(form, { Escape: leave, "Mod+Enter": save });
    this.node.append(form);
    this.act.reveal(form);
    area.focus();
  }
}
