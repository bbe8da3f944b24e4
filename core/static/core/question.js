// A question before what cannot be undone: one dialog of the page, never the browser's own.

import { asked } from "./dialogs.js";
import { h } from "./dom.js";

/** Ask `words`; true when the person agrees. `yes` is what the agreeing button says: the verb of what was pressed. `danger`: it takes something away. */
export async function sure(words, { yes = "", danger = false } = {}) {
  const strings = document.getElementById("live").dataset;
  const dialog = h(
    "dialog",
    { id: "question-dialog", "aria-labelledby": "question-words" },
    h(
      "form",
      { method: "dialog", class: "stack" },
      h("p", { id: "question-words", dir: "auto", text: words }),
      h(
        "div",
        { class: "actions" },
        h("button", { class: `button ${danger ? "danger" : "primary"}`, value: "yes", text: yes || strings.yes }),
        h("button", { class: "button quiet", value: "cancel", text: strings.cancel, autofocus: true }),
      ),
    ),
  );
  document.body.append(dialog);
  const given = await asked(dialog);
  dialog.remove();
  return Boolean(given) && given.button === "yes";
}

/** Send `form` as `submitter` would, after the question that held it back. */
export function sendOn(form, submitter) {
  if (form.requestSubmit) form.requestSubmit(submitter || undefined);
  else if (submitter) submitter.click(); // Safari 15
  else form.submit();
}
