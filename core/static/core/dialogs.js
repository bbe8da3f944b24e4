// Dialogs that are asked something: their frames are the template's, what they hold is given back.

import { csrfToken } from "./frame.js";

/** Open a dialog; resolves with its form's data (`all` for fields of several values, `button` the value of what was pressed) or null when it was left.
 *  `required`: Esc does not leave it. */
export function asked(dialog, { required = false } = {}) {
  const form = dialog.querySelector("form");
  return new Promise((resolve) => {
    const done = (value) => {
      form.removeEventListener("submit", submitted);
      dialog.removeEventListener("cancel", cancelled);
      dialog.removeEventListener("close", left);
      if (dialog.open) dialog.close();
      // Until the next frame the focus would stay on the hidden field, and swallow the next Enter.
      if (dialog.contains(document.activeElement)) document.activeElement.blur();
      resolve(value);
    };
    const submitted = (event) => {
      event.preventDefault();
      const button = (event.submitter && event.submitter.value) || "";
      const data = new FormData(form);
      done(button === "cancel" ? null : { ...Object.fromEntries(data), all: (name) => data.getAll(name), button });
    };
    const cancelled = (event) => {
      if (required) event.preventDefault();
    };
    const left = () => done(null);
    form.addEventListener("submit", submitted);
    dialog.addEventListener("cancel", cancelled);
    dialog.addEventListener("close", left);
    dialog.showModal();
  });
}

/** Ask for the password in place, in a dialog with a field "password" and a place for ".errors". True once `username` is signed in again at the
 *  address `url`, false when they put it off. `silent`: what is said when the server does not answer. */
export async function passwordAgain(dialog, { url, username, silent }) {
  const error = dialog.querySelector(".errors");
  const field = dialog.querySelector("[name=password]");
  error.hidden = true;
  for (;;) {
    field.value = "";
    const given = await asked(dialog);
    if (!given) return false;
    const answer = await post(url, username, given.password, silent);
    if (!answer) return true;
    error.textContent = answer;
    error.hidden = false;
  }
}

/** "" when signed in, else what to tell the person. */
async function post(url, username, password, silent) {
  try {
    if (!csrfToken()) await fetch(url, { credentials: "same-origin" });
    const token = csrfToken();
    const body = new URLSearchParams({ username, password, csrfmiddlewaretoken: token });
    const answer = await fetch(url, { method: "POST", body, credentials: "same-origin", headers: { Accept: "application/json", "X-CSRFToken": token } });
    if (answer.ok) return "";
    const data = await answer.json().catch(() => null);
    return (data && data.error && data.error.message) || silent;
  } catch (error) {
    return silent;
  }
}
