// What every page does in the browser: the token of htmx requests, menus, preferences without a reload, copying, questions before what cannot be undone.

import { keepForms } from "./form_drafts.js";
import { csrfToken, postForm } from "./http.js";
import { sendOn, sure } from "./question.js";
import { forgetAll, unsentHere } from "./store.js";

const live = document.getElementById("live");

/** Say something to screen readers, politely. */
export function announce(text) {
  if (live) live.textContent = text;
}

document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRFToken"] = csrfToken();
});
for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => {
    const status = event.detail.xhr ? event.detail.xhr.status : 0;
    if (status === 401) {
      keepForms();
      location.reload();
    } else if (live) show(live.dataset.offline);
  });
}

function show(text) {
  let list = document.querySelector(".messages");
  if (!list) {
    list = document.createElement("div");
    list.className = "messages";
    document.getElementById("main").before(list);
  }
  const line = document.createElement("p");
  line.className = "note error";
  line.setAttribute("role", "alert");
  line.textContent = text;
  list.replaceChildren(line);
}

// Menus are <details>: they close on a click elsewhere, on Esc, and when the focus leaves them.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing) return;
  const menu = document.querySelector("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
document.addEventListener("focusout", (event) => {
  const menu = event.target.closest && event.target.closest("details.menu[open]");
  if (menu && event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
});

// Theme and text size change in place; the language needs the page again.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("form[data-preferences]") || !event.submitter || event.submitter.name === "language") return;
  event.preventDefault();
  const data = new FormData(form);
  let value = event.submitter.value;
  if (event.submitter.name === "theme") {
    const chosen = document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    value = chosen === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = value;
  }
  data.set(event.submitter.name, value);
  try {
    const now = await postForm(form.action, data);
    if (now.theme) document.documentElement.dataset.theme = now.theme;
    if (now.text_size) document.documentElement.dataset.text = now.text_size;
    else delete document.documentElement.dataset.text;
  } catch (error) {
    // The choice still holds on this page; it is only not kept.
  }
});

/** Put `text` where one pastes from. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch (error) {
    // Over plain HTTP there is no clipboard API.
    const area = Object.assign(document.createElement("textarea"), { className: "visually-hidden", value: text, ariaHidden: "true" });
    const focused = document.activeElement;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    if (focused) focused.focus({ preventScroll: true });
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  await copyText("value" in source ? source.value : source.textContent);
  button.textContent = live.dataset.copied;
  announce(live.dataset.copied);
});

/** What a button says, without the key that stands on it. */
function wordsOn(button) {
  const words = button.cloneNode(true);
  for (const key of words.querySelectorAll("kbd")) key.remove();
  return words.textContent.trim();
}

// What cannot be undone is asked about first: `data-confirm` on the button or its form. The answer "yes" sends it once more, unasked.
let agreed = null;
document.addEventListener("submit", async (event) => {
  const { target: form, submitter } = event;
  const question = (submitter && submitter.dataset.confirm) || form.dataset.confirm;
  if (!question) return;
  if (agreed === form) {
    agreed = null;
    return;
  }
  event.preventDefault();
  event.stopImmediatePropagation();
  const yes = submitter ? submitter.dataset.verb || wordsOn(submitter) : "";
  if (!(await sure(question, { yes, danger: Boolean(submitter) && submitter.matches(".danger, .bad") }))) return;
  agreed = form;
  sendOn(form, submitter);
  agreed = null; // a form that is not valid was not sent
}, true);

// The tab one is on may stand outside a narrow screen.
const tab = document.querySelector('.tabs > [aria-current="page"]');
if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - (tab.parentElement.clientWidth - tab.offsetWidth) / 2;

// A new project has its maker's time zone, unless they say another; not a change that leaving would ask about.
for (const field of document.querySelectorAll("[data-browser-zone]")) {
  if (!field.value) field.defaultValue = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
}

for (const button of document.querySelectorAll("[data-without-js]")) button.hidden = true;
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-autosubmit]")) {
    const form = event.target.form;
    if (form.requestSubmit) form.requestSubmit();
    else form.submit(); // Safari 15
  }
});

// Signing out wipes what pages kept in this browser for the person (computers are shared); with work that has not been sent it asks first.
let leaving = null;
document.addEventListener("submit", async (event) => {
  const { target: form, submitter } = event;
  if (!form.matches("[data-logout]") || event.defaultPrevented) return;
  if (unsentHere() && leaving !== form) {
    event.preventDefault();
    if (!(await sure(form.dataset.unsent, { yes: submitter ? wordsOn(submitter) : "", danger: true }))) return;
    leaving = agreed = form;
    sendOn(form, submitter);
    leaving = agreed = null;
    return;
  }
  forgetAll();
  document.dispatchEvent(new CustomEvent("touchstone:leaving")); // pages with unsent work need not ask again
});
