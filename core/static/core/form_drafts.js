// Text written into a form marked data-keep is not lost to a login that has ended: it lies in this tab's store while the form is on its way, comes
// back when the form stands there again with nothing else in it, and goes once the server has answered. Leaving with such a text changed and not
// sent asks.

import { Store } from "./store.js";

const person = document.body.dataset.person || "";
const store = new Store(person, { tab: true });
const live = document.getElementById("live");
let leaving = false; // by a form that was sent, or a reload that has kept the text

const forms = () => [...document.querySelectorAll("form[data-keep]")];
const nameOf = (form) => `form:${new URL(form.getAttribute("action") || location.pathname, location).pathname}`;
const texts = (form) => [...form.elements].filter((field) => field.name && (field.localName === "textarea" || field.type === "text"));
const changed = (form) => texts(form).some((field) => field.value !== field.defaultValue);

function keep(form, lost) {
  const entry = { lost, texts: Object.fromEntries(texts(form).map((field) => [field.name, field.value])) };
  if (person) store.write(nameOf(form), entry);
}

/** Keep what is written and not sent over a reload that nobody asked for. */
export function keepForms() {
  for (const form of forms()) if (changed(form)) keep(form, true);
  leaving = true;
}

function restore(form, entry) {
  if (changed(form)) return;
  const fields = texts(form).filter((field) => typeof entry.texts[field.name] === "string" && entry.texts[field.name] !== field.value);
  if (!fields.length) return;
  for (const field of fields) {
    field.value = entry.texts[field.name];
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  const line = document.createElement("p");
  line.className = "note warn";
  line.setAttribute("role", "status");
  line.textContent = live.dataset.restored;
  form.prepend(line);
  const fold = form.closest("details");
  if (fold) fold.open = true;
}

const how = (performance.getEntriesByType("navigation")[0] || {}).type; // back, or again after the network failed: the server has not had it
const unanswered = !person || document.querySelector("[data-refused]"); // the sign-in page, or an error, came instead of an answer
const unsaved = document.querySelector(".messages .unsaved"); // so says the server, even if the sign-in page was gone before this script had come
for (const name of store.names()) {
  if (!/^([\w-]+:)?form:/.test(name)) continue; // what the bench remembers of this tab is no form's text
  const entry = store.read(name);
  const form = person && forms().find((one) => nameOf(one) === name);
  if (entry && (unanswered || (unsaved && !form))) {
    store.write(name, { ...entry, lost: true });
  } else if (entry && (entry.lost || unsaved || how === "back_forward" || how === "reload")) {
    if (!form) continue;
    restore(form, entry);
    store.drop(name);
  } else {
    store.drop(name);
  }
}

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || !event.target.matches("form[data-keep]")) return;
  keep(event.target, false);
  leaving = true;
});
window.addEventListener("pageshow", () => {
  leaving = false;
});
window.addEventListener("beforeunload", (event) => {
  if (leaving || !forms().some(changed)) return;
  event.preventDefault();
  event.returnValue = ""; // older browsers
});
