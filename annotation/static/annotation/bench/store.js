// What this browser keeps until the server has it: drafts (one per assignment and window) and the outbox of submitted work.
// Ward computers are shared: everything is keyed by person, what belongs to another person is wiped at sight, all of it at sign-out.

const PREFIX = "touchstone:";

export class Store {
  constructor(userId, storage = window.localStorage, tab = window.sessionStorage) {
    this.storage = storage;
    this.tab = tab;
    this.own = `${PREFIX}${userId}:`;
    this.window = Math.random().toString(36).slice(2, 10);
    this.full = false;
    for (const key of this.keys(PREFIX)) if (!key.startsWith(this.own)) storage.removeItem(key);
    for (const key of this.keys(PREFIX, tab)) if (!key.startsWith(this.own)) tab.removeItem(key);
  }

  keys(prefix, storage = this.storage) {
    const out = [];
    for (let i = 0; i < storage.length; i++) {
      const key = storage.key(i);
      if (key.startsWith(prefix)) out.push(key);
    }
    return out.sort();
  }

  read(key) {
    try {
      return JSON.parse(this.storage.getItem(key));
    } catch (error) {
      return null;
    }
  }

  write(key, value) {
    try {
      this.storage.setItem(key, JSON.stringify(value));
      this.full = false;
    } catch (error) {
      this.full = true; // no room, or switched off: the page says that leaving now would lose work
    }
    return !this.full;
  }

  keepDraft(assignment, entry) {
    return this.write(`${this.own}draft:${assignment}:${this.window}`, { ...entry, at: Date.now() });
  }

  /** Drafts of this assignment that the server has not got, newest first, from all windows. */
  drafts(assignment) {
    return this.keys(`${this.own}draft:${assignment}:`)
      .map((key) => this.read(key))
      .filter(Boolean)
      .sort((a, b) => b.at - a.at);
  }

  /** The server has it: forget this window's draft, or with `all` every window's. */
  dropDraft(assignment, all = false) {
    const prefix = all ? `${this.own}draft:${assignment}:` : `${this.own}draft:${assignment}:${this.window}`;
    for (const key of this.keys(prefix)) this.storage.removeItem(key);
  }

  /** How much of each answer was on screen, {letter: part}: no text, for as long as the tab is open. */
  keepSeen(assignment, seen) {
    try {
      this.tab.setItem(`${this.own}seen:${assignment}`, JSON.stringify(seen));
    } catch (error) {
      // No room: it then goes along with the next draft only.
    }
  }

  seen(assignment) {
    try {
      return JSON.parse(this.tab.getItem(`${this.own}seen:${assignment}`)) || {};
    } catch (error) {
      return {};
    }
  }

  /** Forget what was read, of one assignment or of all. */
  dropSeen(assignment = "") {
    const prefix = `${this.own}seen:`;
    for (const key of this.keys(prefix, this.tab)) if (!assignment || key === prefix + assignment) this.tab.removeItem(key);
  }

  putOut(entry) {
    return this.write(`${this.own}out:${entry.client_key}`, entry);
  }

  /** Submitted work that has not arrived, oldest first. */
  out() {
    return this.keys(`${this.own}out:`)
      .map((key) => this.read(key))
      .filter(Boolean)
      .sort((a, b) => a.at - b.at);
  }

  dropOut(clientKey) {
    this.storage.removeItem(`${this.own}out:${clientKey}`);
  }
}
