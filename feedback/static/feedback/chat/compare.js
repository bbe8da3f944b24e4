// Asked again: is it better, worse or the same as before? One tap, or none.

import { h } from "../../core/dom.js";
import { t } from "../../core/strings.js";
import { notice } from "./words.js";

/** Put the question under `answer`; `before` is the message it is compared with. The talk goes on from the better one. */
export function compare(before, answer, page) {
  const ask = (words, verdict, chosen) => h("button", { type: "button", class: "button quiet small", text: words, on: { click: () => say(verdict, chosen) } });
  const question = h(
    "div",
    { class: "compare", role: "group", "aria-label": t("compared") },
    h("span", { class: "small soft", text: t("compared") }),
    ask(t("better"), "better", answer.message.id),
    ask(t("worse"), "better", before.id),
    ask(t("same"), "same", null),
  );
  const say = async (verdict, chosen) => {
    const shown = [before, answer.message].map((one) => ({ message: one.id, seen: true }));
    try {
      await page.http.post("choose/", { user: answer.message.parent, verdict, chosen, shown });
      question.replaceWith(h("p", { class: "small soft", role: "status", text: t("kept") }));
      if (chosen === before.id) page.branch(before.id, 0);
    } catch (error) {
      notice(error.said || t("not_sent"));
    }
  };
  answer.judgement.node.before(question);
}
