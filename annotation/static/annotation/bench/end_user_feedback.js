// What the end user said of the answers, shown with work that was judged already.

import { t } from "../../core/strings.js";
import { h } from "./dom.js";

/** Fill `node` with `lines` ([{who, letter, kind, words, reasons, text}]); hidden when there are none. */
export function showSaid(node, lines) {
  node.hidden = !lines || !lines.length;
  node.replaceChildren();
  if (node.hidden) return;
  const row = (line) =>
    h(
      "li",
      { class: "said-line" },
      h(
        "p",
        { class: "row" },
        line.letter ? h("strong", { text: line.letter }) : null,
        h("span", { class: `said-${line.kind}`, text: line.words }),
        line.reasons.map((reason) => h("span", { class: "chip", text: reason })),
        h("span", { class: "soft small", text: line.who }),
      ),
      line.text ? h("p", { class: "text plain said-text", dir: "auto", text: line.text }) : null,
    );
  node.append(h("details", { class: "fold", open: true }, h("summary", { text: t("user_said") }), h("ul", { class: "plain" }, lines.map(row))));
}
