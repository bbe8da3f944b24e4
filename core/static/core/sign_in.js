// Signing in again in place, when a session has ended: one dialog (templates/core/_sign_in_again.html) for all pages that keep unsent work.

import { asked } from "./dialogs.js";
import { freshToken, postForm } from "./http.js";
import { config, t } from "./strings.js";

/** Ask for the password of the page's person. True once they are signed in again, false when they put it off. */
export async function signInAgain() {
  const dialog = document.getElementById("login-dialog");
  const error = dialog.querySelector(".errors");
  const field = dialog.querySelector("[name=password]");
  error.hidden = true;
  for (;;) {
    field.value = "";
    const given = await asked(dialog);
    if (!given) return false;
    try {
      await freshToken(config.urls.login);
      await postForm(config.urls.login, { username: config.user.username, password: given.password });
      return true;
    } catch (failure) {
      error.textContent = failure.said || t("sign_in_silent");
      error.hidden = false;
    }
  }
}
