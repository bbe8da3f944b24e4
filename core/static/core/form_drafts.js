// What is written and chosen in a form marked data-keep is not lost to a login that has ended, nor to another form of its page: it lies in this tab's
// store while a form is on its way, comes back when the form stands there again with nothing else in it, and goes once the server has answered.
// Leaving with such a form changed and not sent asks; so does a form that the server has just refused (data-unsaved).

import { Store } from "./store.js";

const person = document.body.dataset.person || "";
const store = new Store(person, { tab: true });
const live = document.getElementById("live");
let leaving = false; // by a form that was sent, or a reload that has kept the text

const forms = () => [...document.querySelectorAll("form[data-keep]")];
const keyOf = (form) => `form:${new URL(form.getAttribute("action") || location.pathname, location).pathname}`;
const KEPT = new Set(["textarea", "text", "number", "checkbox", "radio", "select-one"]);
const fields = (form) => [...form.elements].filter((field) => field.name && KEPT.has(field.type));
const ticked = (field) => field.type === "checkbox" || field.type === "radio";
const nameOf = (field) => (ticked(field) ? `${field.name}=${field.value}` : field.name);
const valueOf = (field) => (ticked(field) ? field.checked : field.value);

function initial(field) {
  if (ticked(field)) return field.defaultChecked;
  if (field.type !== "select-one") return field.defaultValue;
  const given = [...field.options].find((option) => option.defaultSelected) || field.options[0];
  return given ? given.value : "";
}

const differs = (form) => fields(form).some((field) => valueOf(field) !== initial(field));
const changed = (form) => "unsaved" in form.dataset || differs(form);

function keep(form, lost) {
  const entry = { lost, texts: Object.fromEntries(fields(form).map((field) => [nameOf(field), valueOf(field)])) };
  if (person) store.write(keyOf(form), entry);
}

/** Keep what is written and not sent over a reload that nobody asked for. */
export function keepForms() {
  for (const form of forms()) if (changed(form)) keep(form, true);
  leaving = true;
}

function restore(form, entry) {
  if (differs(form)) return;
  const same = (field) => !(nameOf(field) in entry.texts) || entry.texts[nameOf(field)] === valueOf(field);
  const others = fields(form).filter((field) => !same(field));
  if (!others.length) return;
  for (const field of others) {
    if (ticked(field)) field.checked = entry.texts[nameOf(field)];
    else field.value = entry.texts[nameOf(field)];
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
  const form = person && forms().find((one) => keyOf(one) === name);
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
  const form = event.target;
  if (event.defaultPrevented || form.matches("[data-logout], [method=dialog]")) return;
  if (form.matches("form[data-keep]")) keep(form, false);
  else if (form.matches("[data-preferences]") && !(event.submitter && event.submitter.name === "language")) return; // in place
  else if (forms().some(changed)) keepForms();
  else return;
  leaving = true;
});
window.addEventListener("pageshow", () => {
  leaving = false;
});
window.addEventListener("pagehide", () => {
  // Browsers ask nobody who has touched nothing on this page: what was refused, and left at once, comes back with the form.
  if (!leaving) for (const form of forms()) if ("unsaved" in form.dataset) keep(form, true);
});
window.addEventListener("beforeunload", (event) => {
  if (leaving || !forms().some(changed)) return;
  event.preventDefault();
  event.returnValue = ""; // older browsers
});
