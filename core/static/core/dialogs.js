// Dialogs that are asked something: their frames are the template's, what they hold is given back.

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
    const left = () => dialog.open || done(null); // opened again at once: the event of the time before
    form.addEventListener("submit", submitted);
    dialog.addEventListener("cancel", cancelled);
    dialog.addEventListener("close", left);
    dialog.showModal();
  });
}
