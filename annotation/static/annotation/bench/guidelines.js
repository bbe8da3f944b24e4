// The guidelines: a panel beside the work, called by its key; and, until this person has seen the version in force, a dialog before it.

import { Http, postForm } from "../../core/http.js";
import { onKeys } from "../../core/keys.js";
import { config } from "../../core/strings.js";

const dialog = document.getElementById("guidelines");
const body = () => dialog.querySelector(".guidelines-body");

/** Open the panel, or close it. */
export function toggle() {
  if (dialog.open) dialog.close();
  else dialog.show();
}

/** Esc closes the panel if it is open; whether it was. */
export function leavePanel() {
  if (!dialog.open) return false;
  dialog.close();
  return true;
}

/** Show what was not seen yet before anything else: nothing is judged meanwhile, Enter or Esc puts it away for good. Then calls `after`. */
export function showUnseen(after = () => {}) {
  if (!("unseen" in body().dataset) || dialog.open) return;
  dialog.className = "guidelines-first";
  dialog.showModal();
  body().focus({ preventScroll: true });
  // Not a link or a fold in the text: there Enter is the browser's.
  const keysOff = onKeys(dialog, { Enter: { when: (event) => event.target === body(), run: () => dialog.close() } });
  dialog.addEventListener(
    "close",
    () => {
      keysOff();
      dialog.className = "panel";
      delete body().dataset.unseen;
      // Without an answer it opens once more at the next visit.
      postForm(config.urls.guidelines_seen, { number: body().dataset.number }).catch(() => {});
      after();
    },
    { once: true },
  );
}

/** Fetch the version in force and show it; its number. */
export async function fetchNew(after) {
  const response = await new Http("", async () => false).get(config.urls.guidelines);
  dialog.close();
  dialog.innerHTML = response.html; // the server's own fragment
  showUnseen(after);
  return response.number;
}

dialog.addEventListener("click", (event) => event.target.closest("[data-close]") && dialog.close());
