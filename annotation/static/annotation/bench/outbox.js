// Submitted work on its way: kept in the store until the server has answered, sent oldest first, each under its one client key.

export class Outbox {
  /** `on` is told what became of an entry: sent(entry, answer), refused(entry, error), missed(error), status(). */
  constructor({ http, store, slug, on }) {
    Object.assign(this, { http, store, slug, on });
  }

  put(entry) {
    this.store.putOut(entry);
  }

  entries() {
    return this.store.out();
  }

  find(clientKey) {
    return this.entries().find((entry) => entry.client_key === clientKey);
  }

  holds(assignment) {
    return this.entries().some((entry) => entry.assignment === assignment);
  }

  drop(entry) {
    this.store.dropOut(entry.client_key);
  }

  /** Send everything, once. True when the box is empty, false when the server was not reached. */
  async flush(options = {}) {
    for (const entry of this.entries()) {
      try {
        // Prefetched and never opened on the server: asking for the next item opens it.
        if (entry.confirmed === false) await this.http.post(`projects/${this.slug}/next/`, {}, options);
        const { assignment, document, client_key, active_ms } = entry;
        const answer = await this.http.post(`assignments/${assignment}/submit/`, { document, client_key, active_ms }, options);
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
