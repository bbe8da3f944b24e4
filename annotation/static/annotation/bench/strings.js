// What the page was given by the server: its configuration and its strings, in the person's language.

export const config = JSON.parse(document.getElementById("bench-config").textContent);

/** The string `key` with its %(name)s places filled. */
export function t(key, values = {}) {
  const text = config.strings[key];
  if (text === undefined) return key;
  return text.replace(/%\((\w+)\)s/g, (all, name) => (name in values ? String(values[name]) : all));
}

const clock = new Intl.DateTimeFormat(document.documentElement.lang || undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
export const timeOf = (date) => clock.format(date);
const numbers = new Intl.NumberFormat(document.documentElement.lang || undefined);
export const count = (n) => numbers.format(n);
