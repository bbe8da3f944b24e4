// What is being written, as it will be read: rendered and sanitised by the server, a moment after the last key.

import { HttpError, postForm } from "../../core/http.js";
import { onKeys } from "../../core/keys.js";
import { config, t } from "../../core/strings.js";
import { h, textBlock } from "./dom.js";

const WAIT = 350; // ms after the last key
const shown = { demonstration: true, correction: false }; // as last chosen on this page

/** `text` as it will be read: plain at once, and where the server answers in its rendered form. */
export function asRead(text, language) {
  const node = h("div", {}, h("div", { class: "text plain", lang: language, dir: "auto", text }));
  postForm(config.urls.preview, { text }).then(
    (made) => node.replaceChildren(textBlock({ ...made, text }, language)),
    (error) => {
      if (!(error instanceof HttpError)) throw error; // without an answer the plain text stands
    },
  );
  return node;
}

export class Preview {
  /** `area`: the field; `kind`: demonstration or correction; `scope`: where Alt+P acts. `button` shows and hides `node`. */
  constructor({ area, kind, scope, language }) {
    Object.assign(this, { area, kind, language, busy: false, text: null });
    this.body = h("div", { class: "preview-body" });
    this.node = h("section", { class: "preview", role: "region", "aria-label": t("preview"), hidden: true }, h("p", { class: "label", text: t("preview") }), this.body);
    this.button = h("button", { type: "button", class: "button quiet small", "aria-pressed": "false", title: "Alt+P", on: { click: () => this.toggle() } }, h("span", { text: t("preview") }), h("kbd", { class: "only-wide", text: "Alt+P" }));
    onKeys(scope, { "Alt+P": () => this.toggle() }, { fields: true });
    area.addEventListener("input", () => this.soon());
    this.show(shown[kind]);
  }

  toggle() {
    shown[this.kind] = this.node.hidden;
    this.show(this.node.hidden);
  }

  show(on) {
    this.node.hidden = !on;
    this.button.setAttribute("aria-pressed", String(on));
    if (on) this.draw();
  }

  soon() {
    clearTimeout(this.timer);
    if (!this.node.hidden) this.timer = setTimeout(() => this.draw(), WAIT);
  }

  /** One request at a time; what was typed meanwhile is asked for when it is back. */
  async draw() {
    const text = this.area.value;
    if (this.busy || text === this.text) return;
    if (!text.trim()) {
      this.text = text;
      return void this.body.replaceChildren(h("p", { class: "soft small", text: t("preview_empty") }));
    }
    this.busy = true;
    try {
      const made = await postForm(config.urls.preview, { text });
      this.text = text;
      this.body.replaceChildren(textBlock({ ...made, text }, this.language));
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      this.body.replaceChildren(h("p", { class: "soft small", text: error.kind === "refused" && error.said ? error.said : t("preview_failed") }));
      return; // asked again with the next key
    } finally {
      this.busy = false;
    }
    if (this.area.value !== text) this.soon();
  }
}
