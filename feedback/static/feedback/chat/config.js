// What the chat page was given by the server: its configuration and its strings, in the person's language.

export const config = JSON.parse(document.getElementById("chat-config").textContent);

/** `touch.matches`: the finger is the pointer, and a focused field raises a keyboard. */
export const touch = matchMedia("(pointer: coarse)");

/** The string `key` with its %(name)s places filled. */
export function t(key, values = {}) {
  const text = config.strings[key];
  if (text === undefined) return key;
  return text.replace(/%\((\w+)\)s/g, (all, name) => (name in values ? String(values[name]) : all));
}

const language = document.documentElement.lang || undefined;
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const calendar = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });

/** The time of today, the day of another day. */
export function when(text) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return "";
  return date.toDateString() === new Date().toDateString() ? clock.format(date) : calendar.format(date);
}

/** A key that makes a repeated send harmless. (crypto.randomUUID does not exist over plain HTTP.) */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The `lang` of a text, as far as its characters tell. */
export function languageOf(text) {
  const start = text.slice(0, 400);
  if (/[\u3040-\u30ff]/.test(start)) return "ja";
  return /[\u4e00-\u9fff]/.test(start) ? "zh-Hans" : null;
}
