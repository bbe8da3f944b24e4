// The life of a piece of work: opened, kept with every change, sent, followed by the next. The page only shows what happens here.
//
// Work = {payload, id, doc, seen, revision, active, dirty, confirmed, late, reopened, undone, readOnly}. `seen`: how much of each answer was on
// screen, {letter: 0–1}. `confirmed`: the server has opened it for us
// (a prefetched item is shown before that). All sending runs one after the other through `chain`, so that a submit is on the server
// before the next item is asked for.

import { HttpError, newKey, pause } from "../../core/http.js";
import { watchActivity } from "./activity.js";
import { keeping, lettersOf, most, readIn, same, spoken } from "./drafts.js";
import { Outbox } from "./outbox.js";

const UNDOABLE = 20;
const RESERVE_EVERY = 80_000; // the reserve lasts two minutes

export class Session {
  /** `page` is told what happens: opened(work), empty(kind), status(), progress(figures), refused(entry, error), conflict(mine, theirs) →
   *  Promise of "mine" | "theirs", notice(key, values), closed(). */
  constructor({ config, http, store, page }) {
    Object.assign(this, { config, http, store, page });
    this.work = null;
    this.next = null; // prefetched payload
    this.undoable = [...(config.undoable || [])]; // {id, kind: "submit" | "skip", work, key}: what undo takes back, the newest last
    this.sent = new Map(); // client_key → work, to go back to when it is refused
    this.chain = Promise.resolve();
    this.offline = false;
    this.signedOut = false;
    this.savedAt = null;
    this.told = ""; // what became of the item before: "sent_last" or "skipped_last"
    this.failures = 0; // in a row
    this.leaving = false;
    this.outbox = new Outbox({
      http,
      store,
      slug: config.project.slug,
      on: {
        sent: (entry, answer) => this.arrived(entry, answer),
        refused: (entry, error) => this.refuse(entry, error),
        missed: (error) => this.missed(error),
        status: () => page.status(),
      },
    });
  }

  start() {
    this.listen();
    return this.queue(() => this.begin());
  }

  listen() {
    watchActivity({ second: () => this.tick(), back: () => this.beat() });
    window.addEventListener("online", () => this.retryNow());
    window.addEventListener("offline", () => this.setOffline(true));
    window.addEventListener("beforeunload", (event) => {
      if (!this.unsent() || this.leaving) return;
      event.preventDefault();
      event.returnValue = "";
    });
    window.addEventListener("pagehide", () => this.part());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") this.saveNow();
    });
  }

  queue(step) {
    const run = this.chain.then(step);
    this.chain = run.catch((error) => this.failed(error));
    return this.chain;
  }

  // ── opening ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  async begin() {
    if (!(await this.flush())) return this.work || this.page.empty("offline");
    if (this.config.assignment) return this.reopen(this.config.assignment);
    return this.openNext();
  }

  async reopen(id) {
    const payload = await this.reach(() => this.http.get(`assignments/${id}/?html=1`));
    if (payload) await this.open(payload, { reopened: payload.assignment.state === "submitted" });
  }

  /** Open what the server says comes next, or say that there is nothing. A prefetched item on screen is confirmed in place. */
  async openNext() {
    const payload = await this.reach(() => this.http.post(`projects/${this.config.project.slug}/next/`, { html: true }));
    if (payload === undefined) return this.work && !this.work.done ? null : this.page.empty("offline");
    // Already submitted here, on its way: the step that sends it asks again.
    if (payload && this.outbox.holds(payload.assignment.id)) return null;
    const shown = this.work && !this.work.done && !this.work.confirmed ? this.work : null;
    if (payload && shown && payload.assignment.id === shown.id) {
      shown.confirmed = true;
      shown.payload.assignment = payload.assignment;
      if (shown.dirty) this.saveSoon();
      this.lastBeat = Date.now();
    } else if (shown && shown.touched) {
      shown.confirmed = true; // its reserve ran out while it was worked on: what is submitted is kept beside the others' work
      shown.late = true;
    } else if (payload) {
      await this.open(payload);
    } else {
      this.work = null;
      this.page.empty("done");
    }
    if (payload) this.reserve();
    return null;
  }

  /** Show `payload` as the current work, with the newest of the server's draft and what this browser still holds. */
  async open(payload, { confirmed = true, reopened = false, doc = null, seen = null, undone = "" } = {}) {
    const { assignment } = payload;
    const letters = lettersOf(payload);
    const made = assignment.annotation && assignment.annotation.document;
    const read = assignment.draft && assignment.draft.not_read ? readIn(assignment.draft, letters) : readIn(made, letters, true);
    if (this.next && this.next.assignment.id === assignment.id) this.next = null;
    const work = {
      payload,
      id: assignment.id,
      doc: doc || spoken(assignment.draft || made),
      seen: most(read, seen, this.store.seen(assignment.id)),
      revision: assignment.draft_revision,
      active: assignment.active_ms || 0,
      dirty: false,
      touched: false,
      confirmed,
      reopened,
      undone,
      late: false,
      done: false,
      readOnly: reopened && !!assignment.annotation && assignment.annotation.state === "accepted",
    };
    this.savedAt = null;
    const kept = this.store.drafts(work.id);
    if (!doc) {
      for (const local of kept) {
        const said = spoken(local.document);
        work.seen = most(work.seen, readIn(local.document, letters));
        if (same(said, work.doc)) continue;
        if (local.revision === work.revision && !work.dirty) Object.assign(work, { doc: said, dirty: true });
        else if ((await this.page.conflict(said, work.doc)) === "mine") Object.assign(work, { doc: said, dirty: true });
        work.active = Math.max(work.active, local.active_ms || 0);
      }
    } else work.dirty = true;
    if (kept.length) this.store.dropDraft(work.id, true);
    this.work = work;
    this.lastBeat = Date.now();
    if (work.dirty) {
      work.touched = true;
      this.keep(work);
      this.saveSoon();
    }
    this.page.opened(work);
    this.page.status();
  }

  /** Hold the item after this one, so that submitting shows it at once. */
  async reserve() {
    if (!this.work || this.work.reopened || !this.work.confirmed || this.reserving) return;
    this.reserving = true;
    try {
      const payload = await this.http.post(`projects/${this.config.project.slug}/next/`, { html: true, reserve: true }, { quiet: true });
      this.next = payload && payload.assignment.state === "reserved" && this.work && payload.assignment.id !== this.work.id ? payload : null;
    } catch (error) {
      // Fetching ahead is a convenience: the next item is asked for again when it is needed.
    } finally {
      this.reserving = false;
      this.reservedAt = Date.now();
    }
  }

  // ── sending ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Send the current work as `document` and go on. Nothing is waited for: it is in the outbox before the next item is shown. */
  submit(document) {
    const work = this.work;
    if (!work || work.done || work.readOnly) return;
    clearTimeout(this.saveTimer);
    const entry = {
      assignment: work.id,
      document,
      client_key: newKey(),
      active_ms: Math.round(work.active),
      confirmed: work.confirmed,
      at: Date.now(),
    };
    this.outbox.put(entry);
    work.done = true;
    work.dirty = false;
    this.sent.set(entry.client_key, work);
    this.done(work, "submit", entry.client_key);
    if (work.reopened) {
      this.page.closed(work);
    } else if (this.next) {
      const payload = this.next;
      this.next = null;
      this.open(payload, { confirmed: false });
    } else this.page.waiting();
    this.queue(async () => {
      await this.saving;
      if (!(await this.flush())) return this.work.done && this.page.empty("offline");
      if (this.sent.has(entry.client_key)) return null; // it was refused, and is on screen again
      if (work.reopened) return this.page.reopenedSent(work.id);
      return this.openNext();
    });
  }

  /** What was just done is what undo takes back next. */
  done(work, kind, key = "") {
    this.undoable = this.undoable.filter((one) => one.id !== work.id);
    if (!work.reopened) this.undoable.push({ id: work.id, kind, work, key });
    if (this.undoable.length > UNDOABLE) this.undoable.shift();
  }

  flush(options) {
    return this.outbox.flush(options);
  }

  arrived(entry, answer) {
    this.store.dropDraft(entry.assignment, true);
    this.store.dropSeen(entry.assignment);
    this.sent.delete(entry.client_key);
    this.reached();
    if (!this.undoable.some((one) => one.id === entry.assignment)) this.undoable.push({ id: entry.assignment, kind: "submit" }); // of an earlier page
    this.told = "sent_last";
    this.page.status();
    this.page.progress(answer.progress);
    if (answer.late) this.page.notice("kept_late");
  }

  /** The server will not have it as it is: back on screen with its words, the draft kept. */
  refuse(entry, error) {
    const work = this.sent.get(entry.client_key);
    if (work) this.keep(work);
    else this.store.keepDraft(entry.assignment, { document: { not_read: [], ...entry.document }, revision: 0, active_ms: entry.active_ms });
    this.undoable = this.undoable.filter((one) => one.id !== entry.assignment);
    if (work && !["reviewed", "item_hidden", "not_found", "permission_denied"].includes(error.code)) {
      const waiting = this.work;
      if (waiting && waiting !== work && !waiting.done) this.next = waiting.payload;
      Object.assign(work, { done: false, dirty: true });
      this.work = work;
      this.page.opened(work);
      this.page.refused(error);
    } else {
      this.sent.delete(entry.client_key);
      this.page.refused(error, entry);
    }
  }

  // ── other verbs ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  skip(reason, comment) {
    return this.giveUp(async (id) => {
      const { work } = this;
      await this.http.post(`assignments/${id}/skip/`, { reason, comment });
      this.done(work, "skip");
      this.told = "skipped_last";
    });
  }

  report(comment) {
    return this.giveUp((id) => this.http.post(`assignments/${id}/report/`, { reason: "personal_data", comment }), "reported");
  }

  /** Hand the work back by `verb` and go on; `said`: the notice shown beside the next item. */
  giveUp(verb, said = "") {
    const work = this.work;
    if (!work) return null;
    return this.queue(async () => {
      await this.saving;
      if (!work.confirmed) await this.openNext();
      if (work.dirty) await this.saveNow(); // a skip that is taken back has its words again
      try {
        await verb(work.id);
      } catch (error) {
        this.missed(error);
        return this.page.notice(error.kind === "refused" ? "refused_because" : "needs_server", { message: error.message });
      }
      clearTimeout(this.saveTimer);
      work.done = true;
      work.dirty = false;
      this.store.dropDraft(work.id, true);
      this.next = null;
      if (work.reopened) return this.page.reopenedSent();
      await this.openNext();
      this.recount();
      return said ? this.page.notice(said) : null;
    });
  }

  /** Take back what was done last, a submit or a skip, and again what was done before it. A submit that has not left yet is simply taken out of
   *  the outbox. */
  undo() {
    return this.queue(async () => {
      const last = this.undoable.pop();
      this.told = "";
      if (!last) return this.page.notice("nothing_to_undo");
      const waiting = last.key && this.outbox.find(last.key);
      await this.saveNow();
      if (waiting) {
        this.outbox.drop(waiting);
        const shown = this.work;
        if (shown && !shown.done && shown !== last.work && !shown.dirty) this.next = shown.payload;
        return this.open(last.work.payload, { doc: last.work.doc, seen: last.work.seen, confirmed: last.work.confirmed, undone: "submit" });
      }
      try {
        const payload = await this.http.post(`assignments/${last.id}/undo/?html=1`);
        this.next = null;
        this.reached();
        await this.open(payload, { undone: last.kind });
        this.recount();
        return this.reserve();
      } catch (error) {
        this.missed(error);
        if (error.kind !== "refused") this.undoable.push(last);
        this.page.status();
        return this.page.notice(error.kind === "refused" ? "not_taken_back" : "needs_server", { message: error.message });
      }
    });
  }

  /** Ask for the figures as they are now; with `summary` also for what became of one's own work. */
  async recount(summary = false) {
    const query = summary ? "?summary=1" : "";
    const figures = await this.http.get(`projects/${this.config.project.slug}/progress/${query}`, { quiet: true }).catch(() => null);
    if (figures) this.page.progress(figures);
    return figures;
  }

  // ── time ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  tick() {
    if (!this.work || this.work.done) return;
    const now = Date.now();
    this.work.active += 1000;
    if (now - (this.lastBeat || 0) > (this.work.payload.assignment.heartbeat_seconds || 60) * 1000) this.beat();
    if (now - (this.reservedAt || 0) > RESERVE_EVERY) this.reserve();
  }

  async beat() {
    const work = this.work;
    if (!work || work.done || !work.confirmed || work.reopened || work.late || this.offline) return;
    this.lastBeat = Date.now();
    try {
      await this.http.post(`assignments/${work.id}/heartbeat/`, { active_ms: Math.round(work.active) }, { quiet: this.signedOut, gently: true });
      this.reached();
    } catch (error) {
      this.missed(error);
      if (error.kind === "refused" && this.work === work) {
        work.late = true;
        this.page.notice(error.code === "lease_lost" ? "lease_lost" : "refused_because", { message: error.message });
      }
    }
    this.page.status();
  }

  // ── the line to the server ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Run a call that the page cannot go on without; undefined when the server was not reached. */
  async reach(call) {
    try {
      const answer = await call();
      this.reached();
      return answer;
    } catch (error) {
      this.missed(error);
      if (error.kind === "refused") {
        this.page.refused(error);
        throw error;
      }
      return undefined;
    }
  }

  reached() {
    this.failures = 0;
    this.signedOut = false;
    this.setOffline(false);
  }

  missed(error) {
    if (!(error instanceof HttpError)) throw error;
    if (error.kind === "login") this.signedOut = true;
    if (error.kind === "offline") {
      this.setOffline(true);
      clearTimeout(this.retryTimer);
      this.retryTimer = setTimeout(() => this.retryNow(), pause(this.failures++));
    }
    this.page.status();
  }

  failed(error) {
    if (error instanceof HttpError) return;
    console.error(error);
    this.page.notice("broken");
  }

  setOffline(offline) {
    if (this.offline === offline) return;
    this.offline = offline;
    this.page.status();
  }

  /** Back on the line (or signed in again): send what waits, then go on. */
  retryNow() {
    clearTimeout(this.retryTimer);
    return this.queue(async () => {
      const waited = this.outbox.entries().length;
      if (!(await this.flush({ gently: true }))) return;
      if (waited || !this.work || this.work.done || !this.work.confirmed) await (this.config.assignment && !this.work ? this.reopen(this.config.assignment) : this.openNext());
      else if (this.work.dirty) await this.saveNow();
      else await this.beat();
      this.setOffline(this.offline && !!this.work && this.work.dirty);
    });
  }

  unsent() {
    return !!(this.work && !this.work.done && this.work.dirty) || this.outbox.entries().length > 0;
  }

  /** The page goes away: the draft and the time spent go along if they can, the prefetched item is let go for others. */
  part() {
    const work = this.work;
    if (work && !work.done && work.confirmed && work.dirty) {
      this.http.parting(`assignments/${work.id}/draft/`, { document: this.drafted(work), revision: work.revision, active_ms: Math.round(work.active) });
    }
    if (this.next) {
      this.http.parting(`assignments/${this.next.assignment.id}/release/`);
      this.next = null;
    } else if (work && !work.done && !work.confirmed && !work.touched) this.http.parting(`assignments/${work.id}/release/`);
  }
}

Object.assign(Session.prototype, keeping);
