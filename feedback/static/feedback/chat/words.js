// What the page says by itself: the line over the composer, what is read out, what was copied.

import { announce, copyText } from "../../core/frame.js";
import { t } from "../../core/strings.js";

const byId = (id) => document.getElementById(id);
const SPOKEN = 1500; // characters of an answer that are read out; the rest is on the page
let timer = 0;

/** A line over the composer ("" takes it away), with a way to try again. */
export function notice(words, again = null, quiet = false) {
  const line = byId("notice");
  line.setAttribute("role", quiet ? "status" : "alert");
  line.hidden = !words;
  byId("notice-words").textContent = words;
  const button = byId("notice-again");
  button.hidden = !again;
  button.onclick = again;
}

/** Read out a finished answer, once. */
export function spoken(answer) {
  const { state, message } = answer.message;
  const text = answer.text.slice(0, SPOKEN);
  byId("spoken").textContent = state === "failed" ? `${text} ${message || t(text ? "broken_off" : "broken_off_at_once")}` : state === "stopped" ? message || t("stopped") : [text, message].filter(Boolean).join(" ");
}

/** Put `text` where one pastes from; `then` when that was done. */
export async function copied(text, then = null) {
  await copyText(text);
  announce(t("copied"));
  const toast = byId("toast");
  toast.textContent = t("copied");
  toast.classList.add("shown");
  clearTimeout(timer);
  timer = setTimeout(() => toast.classList.remove("shown"), 1600);
  if (then) then();
}
