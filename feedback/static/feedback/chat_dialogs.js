// The dialogs of the chat: consent, sign in again, what is stored, score of the talk. Their frames are the template's.

import { csrfToken } from "../core/frame.js";
import { config, t } from "./chat_config.js";

const byId = (id) => document.getElementById(id);

/** Open a dialog; resolves with its form's data (and `button`, the value of what was pressed) or null when it was left. */
function asked(dialog) {
  const form = dialog.querySelector("form");
  return new Promise((resolve) => {
    const done = (value) => {
      form.removeEventListener("submit", submitted);
      dialog.removeEventListener("close", left);
      if (dialog.open) dialog.close();
      resolve(value);
    };
    const submitted = (event) => {
      event.preventDefault();
      const button = (event.submitter && event.submitter.value) || "";
      done(button === "cancel" ? null : { ...Object.fromEntries(new FormData(form)), button });
    };
    const left = () => done(null);
    form.addEventListener("submit", submitted);
    dialog.addEventListener("close", left);
    dialog.showModal();
  });
}

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
  const dialog = byId("login-dialog");
  const error = dialog.querySelector(".errors");
  const field = dialog.querySelector("[name=password]");
  error.hidden = true;
  for (;;) {
    field.value = "";
    const given = await asked(dialog);
    if (!given) return false;
    const answer = await post(given.password);
    if (!answer) return true;
    error.textContent = answer;
    error.hidden = false;
  }
}

/** "" when signed in, else what to tell the person. */
async function post(password) {
  try {
    if (!csrfToken()) await fetch(config.urls.login, { credentials: "same-origin" });
    const token = csrfToken();
    const body = new URLSearchParams({ username: config.user.username, password, csrfmiddlewaretoken: token });
    const answer = await fetch(config.urls.login, { method: "POST", body, credentials: "same-origin", headers: { Accept: "application/json", "X-CSRFToken": token } });
    if (answer.ok) return "";
    const data = await answer.json().catch(() => null);
    return (data && data.error && data.error.message) || t("server_silent");
  } catch (error) {
    return t("server_silent");
  }
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
