// The reviewer's desk: a long correction opens at its first change; keys decide; the next item comes without a page load.

import { announce } from "../core/frame.js";
import { isField, onKeys } from "../core/keys.js";

const CHOSEN = "current";

const desk = () => document.getElementById("desk");
const works = () => [...desk().querySelectorAll(".work")];

/** The judgement that keys act on: the one that was chosen, else the first that is to be decided. */
function current() {
  return desk().querySelector(`.work.${CHOSEN}`) || desk().querySelector(".work[data-open]") || works()[0];
}

function choose(work, { focus = true } = {}) {
  for (const one of works()) one.classList.toggle(CHOSEN, one === work);
  if (work && focus) work.focus({ preventScroll: false });
}

function begin() {
  for (const box of desk().querySelectorAll(".diff.scroll")) {
    const change = box.querySelector("ins, del");
    if (!change || box.scrollHeight <= box.clientHeight) continue;
    box.scrollTop += change.getBoundingClientRect().top - box.getBoundingClientRect().top - box.clientHeight / 3;
  }
  choose(current(), { focus: false });
}

/** The button, link or fold that `key` stands for: of the chosen judgement, else of the whole desk. */
function target(key) {
  const found = (place) => place && place.querySelector(`[data-key="${CSS.escape(key)}"]`);
  return found(current()) || [...desk().querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find((one) => !one.closest(".work"));
}

/** Open a fold and go to its first field. */
function unfold(summary) {
  const fold = summary.parentElement;
  fold.open = true;
  fold.querySelector("textarea, input:not([type=hidden]), select").focus();
}

/** Act on `key` (a letter, "⇧" before it with Shift); false where nothing stands for it. */
function act(key) {
  const found = target(key);
  if (!found) return false;
  if (found.matches("summary")) unfold(found);
  else found.click();
}

const showKeys = () => document.getElementById("desk-keys").showModal();

document.addEventListener("click", (event) => event.target.closest('#desk [data-key="?"]') && showKeys());

onKeys(document, {
  "Mod+Enter": (event) => {
    const form = event.target.closest("#desk form");
    const button = form && form.querySelector("button[name=next]");
    if (!button) return false;
    button.click(); // by its name and value the server goes on to the next item
  },
  Escape: (event) => {
    const fold = isField(event.target) && event.target.closest("#desk details");
    if (!fold) return false;
    fold.open = false;
    choose(current());
  },
  "?": () => showKeys(),
  "*": (event, key) => {
    if (/^[1-9]$/.test(key)) {
      const work = works()[Number(key) - 1];
      return work ? choose(work) : false;
    }
    return /^[A-Z]$/.test(key) ? act(event.shiftKey ? `⇧${key}` : key) : false;
  },
});

document.addEventListener("focusin", (event) => {
  const work = event.target.closest && event.target.closest("#desk .work");
  if (work) choose(work, { focus: false });
});

// after settling, which gives elements of one id their old classes for a moment
document.addEventListener("htmx:afterSettle", (event) => {
  if (!desk() || !(event.target.id === "desk" || (event.detail.elt && event.detail.elt.id === "desk"))) return;
  begin();
  window.scrollTo(0, 0);
  const said = [...desk().querySelectorAll(".desk-said p, [role=alert]")].map((one) => one.textContent).join(" ");
  announce([said, desk().dataset.title].filter(Boolean).join(" "));
  (current() || desk().querySelector("h1 a")).focus({ preventScroll: true });
});

begin();
