// Submitted work on its way: kept in the store until the server has answered, sent oldest first, each under its one client key.

export class Outbox {
  /** `on` is told what became of an entry: sent(entry, answer), refused(entry, error), missed(error), status(). */
  constructor({ api, store, slug, on }) {
    Object.assign(this, { api, store, slug, on });
    this.memory = new Map(); // client_key → entry: what the store has no room for
  }

  put(entry) {
    // No room in the store: this window's memory must do, and the page says so.
    if (!this.store.putOut(entry)) this.memory.set(entry.client_key, entry);
  }

  entries() {
    return [...this.store.out(), ...this.memory.values()].sort((a, b) => a.at - b.at);
  }

  find(clientKey) {
    return this.entries().find((entry) => entry.client_key === clientKey);
  }

  holds(assignment) {
    return this.entries().some((entry) => entry.assignment === assignment);
  }

  drop(entry) {
    this.store.dropOut(entry.client_key);
    this.memory.delete(entry.client_key);
  }

  /** Send everything, once. True when the box is empty, false when the server was not reached. */
  async flush(options = {}) {
    for (const entry of this.entries()) {
      try {
        // Prefetched and never opened on the server: asking for the next item opens it.
        if (entry.confirmed === false) await this.api.post(`projects/${this.slug}/next/`, {}, options);
        const { assignment, document, client_key, active_ms } = entry;
        const answer = await this.api.post(`assignments/${assignment}/submit/`, { document, client_key, active_ms }, options);
        this.drop(entry);
        this.on.sent(entry, answer);
      } catch (error) {
        this.on.missed(error);
        if (error.kind !== "refused") return false;
        this.drop(entry);
        this.on.refused(entry, error);
      } finally {
        this.on.status();
      }
    }
    return true;
  }
}
