// The dialogs of the chat: consent, sign in again, what is stored, score of the talk. Their frames are the template's.

import { asked } from "../../core/dialogs.js";
import { signInAgain } from "../../core/sign_in.js";
import { config } from "../../core/strings.js";

const byId = (id) => document.getElementById(id);

export function watchDialogs() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    if (opener) byId(opener.dataset.dialog).showModal();
    const closer = event.target.closest("[data-close]");
    if (closer) closer.closest("dialog").close();
    if (event.target instanceof HTMLDialogElement && event.target.matches("[data-light]")) event.target.close(); // a click beside it
  });
}

/** True once the person may go on; false when they put it off. A guest has no password: their link is the way back. */
export async function signIn() {
  if (config.user.guest) {
    byId("guest-dialog").showModal();
    return false;
  }
  return signInAgain();
}

/** Whether the person agrees. */
export async function consent() {
  const given = await asked(byId("consent-dialog"));
  return Boolean(given) && given.button === "agree";
}

/** {value 0–5, text} or null. */
export async function score(now) {
  const dialog = byId("score-dialog");
  const form = dialog.querySelector("form");
  form.reset();
  if (now && now.value) form.elements.value.value = String(now.value);
  form.elements.text.value = (now && now.text) || "";
  form.querySelector("[value=back]").hidden = !(now && now.value);
  const given = await asked(dialog);
  if (!given) return null;
  if (given.button === "back") return { value: 0, text: "" };
  return given.value ? { value: Number(given.value), text: given.text } : null;
}
