// Demonstration: a prompt without answers; the expert writes one.

import { t } from "../../core/strings.js";
import { h, lengthOf } from "./dom.js";
import { Preview } from "./preview.js";
import { PromptPanel } from "./prompt.js";

export class DemonstrationDesk {
  constructor({ item, page }) {
    this.page = page;
    const prompt = new PromptPanel().setup({ item, doc: page.doc, correctable: true, change: page.change });
    this.length = h("span", { class: "small soft" });
    this.area = h("textarea", { id: "demonstration", class: "editor-area", dir: "auto", lang: item.language || null, value: page.doc().demonstration || "", on: { input: () => this.typed() } });
    const side = h("div", { class: "demonstration-side" });
    const preview = new Preview({ area: this.area, kind: "demonstration", scope: side, language: item.language });
    side.append(
      h("div", { class: "editor-head" }, h("label", { class: "label", for: "demonstration", text: t("write_answer") }), h("span", { class: "row" }, this.length, preview.button)),
      h("div", { class: "demonstration-pair" }, this.area, preview.node),
      h("p", { class: "small soft", text: t("markdown_help") }),
    );
    this.node = h("div", { class: "desk-demonstration" }, prompt, side);
    this.dock = h("div", { class: "dock-qa" }, h("span", { class: "soft small only-wide", text: t("submit_from_field") }));
    this.update();
    requestAnimationFrame(() => this.area.focus());
  }

  typed() {
    this.page.change((doc) => {
      const out = { ...doc, demonstration: this.area.value };
      if (!this.area.value) delete out.demonstration;
      return out;
    });
    this.update();
  }

  menu() {
    return [];
  }

  key() {
    return false;
  }

  action() {
    return false;
  }

  pressed() {
    return undefined;
  }

  blocked() {
    return (this.page.doc().demonstration || "").trim() ? null : t("write_answer_first");
  }

  hints() {
    return [];
  }

  finish(doc) {
    return doc;
  }

  update() {
    this.length.textContent = t("characters", { n: lengthOf(this.area.value) });
  }
}
