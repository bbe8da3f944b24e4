// What was typed and has not arrived, kept in this browser until it has. Computers are shared: everything is keyed by person, what belongs
// to another person is wiped at sight, all of it at sign-out (core/frame.js).

const PREFIX = "touchstone:";

export class Store {
  constructor(person, project) {
    this.own = `${PREFIX}${person}:`;
    this.prefix = `${this.own}chat:${project}:`;
    this.memory = new Map(); // where the browser keeps nothing for us
    this.each((key) => {
      if (!key.startsWith(this.own)) localStorage.removeItem(key);
    });
  }

  each(run) {
    try {
      for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX)) run(key);
    } catch (error) {
      // Storage is switched off.
    }
  }

  /** {text, key?, parent?, since?} typed for the talk `id` (null: a new one): `key` is there when it was sent and nothing has come back, `since`
   *  when more was typed after that. */
  read(id) {
    const key = this.prefix + (id || "new");
    try {
      return JSON.parse(localStorage.getItem(key)) || this.memory.get(key) || null;
    } catch (error) {
      return this.memory.get(key) || null;
    }
  }

  write(id, entry) {
    const key = this.prefix + (id || "new");
    if (!entry || !entry.text) {
      this.memory.delete(key);
      try {
        localStorage.removeItem(key);
      } catch (error) {
        // Nothing is kept there anyway.
      }
      return;
    }
    try {
      localStorage.setItem(key, JSON.stringify(entry));
    } catch (error) {
      this.memory.set(key, entry);
    }
  }
}
