// What the page was given by the server: its configuration and its strings, in the person's language; and numbers and times as that language
// writes them.

const given = document.getElementById("page-config");
const language = document.documentElement.lang || undefined;
const plurals = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(language);
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const calendar = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });

export const config = given ? JSON.parse(given.textContent) : {};

/** The string `key` with its %(name)s places filled; numbers are written as the language does. A string of several forms (core.scripts)
 *  takes the one that the number `n` wants. */
export function t(key, values = {}) {
  const entry = (config.strings || {})[key];
  if (entry === undefined) return key;
  const text = typeof entry === "string" ? entry : entry[plurals.select(values.n)] ?? entry.other;
  return text.replace(/%\((\w+)\)s/g, (all, name) => (name in values ? shown(values[name]) : all));
}

const shown = (value) => (typeof value === "number" ? count(value) : String(value));
export const count = (n) => numbers.format(n);
export const timeOf = (date) => clock.format(date);

/** The time of today, the day of another day. */
export function when(text) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return "";
  return date.toDateString() === new Date().toDateString() ? timeOf(date) : calendar.format(date);
}

/** The `lang` of a text, as far as its characters tell. */
export function languageOf(text) {
  const start = text.slice(0, 400);
  if (/[\u3040-\u30ff]/.test(start)) return "ja";
  return /[\u4e00-\u9fff]/.test(start) ? "zh-Hans" : null;
}
