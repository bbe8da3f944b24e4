// What this browser keeps until the server has it. Computers are shared: everything is keyed by person, what belongs to another person is wiped
// at sight, all of it at sign-out. What the browser has no room for, or may not keep, is remembered as long as the page is open.

const PREFIX = "touchstone:";
const VIEW = ":view:"; // names that begin with "view:" say how somebody likes a page laid out; they are nothing unsent

/** "localStorage" or "sessionStorage", or null where it is switched off. */
function area(name) {
  try {
    return window[name];
  } catch (error) {
    return null;
  }
}

const keysOf = (kept) => (kept ? Object.keys(kept).filter((key) => key.startsWith(PREFIX)) : []);

export class Store {
  /** `person` "": nobody is signed in; then names begin with the person they belong to. `tab`: for as long as this tab is open. */
  constructor(person, { tab = false } = {}) {
    this.area = area(tab ? "sessionStorage" : "localStorage");
    this.own = PREFIX + (person ? `${person}:` : "");
    this.memory = new Map(); // name → JSON of what found no room
    for (const key of keysOf(this.area)) if (!key.startsWith(this.own)) this.area.removeItem(key);
  }

  /** Something would be lost with the page. */
  get full() {
    return this.memory.size > 0;
  }

  /** The names in use that begin with `start`, sorted. */
  names(start = "") {
    const kept = keysOf(this.area).map((key) => key.slice(this.own.length));
    return [...new Set([...kept, ...this.memory.keys()])].filter((name) => name.startsWith(start)).sort();
  }

  /** What was written last under `name`, or null. */
  read(name) {
    try {
      return JSON.parse(this.memory.get(name) ?? this.area.getItem(this.own + name));
    } catch (error) {
      return null;
    }
  }

  /** Every value under names that begin with `start`. */
  all(start) {
    return this.names(start)
      .map((name) => this.read(name))
      .filter(Boolean);
  }

  /** True when it outlives the page. */
  write(name, value) {
    const text = JSON.stringify(value);
    try {
      this.area.setItem(this.own + name, text);
      this.memory.delete(name);
      return true;
    } catch (error) {
      this.memory.set(name, text);
      return false;
    }
  }

  drop(name) {
    this.memory.delete(name);
    if (this.area) this.area.removeItem(this.own + name);
  }

  /** Drop all names that begin with `start`. */
  dropAll(start) {
    for (const name of this.names(start)) this.drop(name);
  }
}

/** Whether anything lies here that the server has not got. */
export const unsentHere = () => keysOf(area("localStorage")).some((key) => !key.includes(VIEW));

/** Forget everything, of everybody, in the browser and in this tab. */
export function forgetAll() {
  for (const kept of [area("localStorage"), area("sessionStorage")]) for (const key of keysOf(kept)) kept.removeItem(key);
}
