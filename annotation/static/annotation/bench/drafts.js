// Keeping what is being worked on: in this browser with every change, on the server within a second, and both versions when two windows differ.
// These are methods of Session (session.js), in a file of their own.

import { HttpError } from "../../core/http.js";

const DRAFT_DELAY = 700;

export const same = (a, b) => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
const sorted = (value) =>
  Array.isArray(value) ? value.map(sorted) : value && typeof value === "object" ? Object.fromEntries(Object.keys(value).sort().map((k) => [k, sorted(value[k])])) : value;

/** An answer counts as read when so much of it was on screen. */
export const WHOLE = 0.98;

/** A draft's or a submitted document as the page edits it. What was not read is kept beside it: it is nothing the person says. */
export const spoken = (document) => {
  const { schema, not_read, ...doc } = document || {};
  return doc;
};

/** {letter: 1} for the answers that were read by `document`. A draft lists those that were not, even none; submitted work leaves none out. */
export function readIn(document, letters, submitted = false) {
  const unread = document && (document.not_read || (submitted ? [] : null));
  return unread ? Object.fromEntries(letters.filter((letter) => !unread.includes(letter)).map((letter) => [letter, 1])) : {};
}

/** What was seen of each answer by several accounts: the most. */
export const most = (...accounts) =>
  accounts.reduce((all, one) => {
    for (const [letter, part] of Object.entries(one || {})) all[letter] = Math.max(all[letter] || 0, part);
    return all;
  }, {});

export const lettersOf = (payload) => payload.item.answers.map((answer) => answer.letter);

export const keeping = {
  /** The person changed something: keep it here at once, on the server within a second. */
  change(doc) {
    const work = this.work;
    if (!work || work.readOnly) return;
    work.doc = doc;
    work.dirty = work.touched = true;
    this.keep(work);
    this.saveSoon();
    this.page.status();
  },

  keep(work) {
    this.store.keepDraft(work.id, { document: this.drafted(work), revision: work.revision, active_ms: Math.round(work.active) });
  },

  /** The document with the answers that have not been read to their end. */
  drafted(work) {
    if (work.payload.item.kind !== "ranking") return work.doc;
    return { ...work.doc, not_read: lettersOf(work.payload).filter((letter) => !(work.seen[letter] >= WHOLE)) };
  },

  /** So much of an answer was on screen. Reading makes no draft: this window remembers it, and it goes along with the next draft. */
  saw(letter, part) {
    const work = this.work;
    if (!work || work.done) return;
    work.seen[letter] = part;
    this.store.keepSeen(work.id, work.seen);
  },

  saveSoon() {
    clearTimeout(this.saveTimer);
    this.saveTimer = setTimeout(() => this.saveNow(), DRAFT_DELAY);
  },

  saveNow() {
    clearTimeout(this.saveTimer);
    if (this.saving || !this.work || !this.work.dirty || !this.work.confirmed) return this.saving || Promise.resolve();
    this.saving = this.saveDraft(this.work).finally(() => {
      this.saving = null;
      if (this.work && this.work.dirty && !this.offline && !this.signedOut) this.saveSoon();
    });
    return this.saving;
  },

  async saveDraft(work) {
    const doc = work.doc;
    try {
      const kept = await this.http.post(`assignments/${work.id}/draft/`, { document: this.drafted(work), revision: work.revision, active_ms: Math.round(work.active) }, { quiet: this.signedOut, gently: true });
      work.revision = kept.revision;
      this.reached();
      this.savedAt = new Date();
      if (work.doc === doc) {
        work.dirty = false;
        this.store.dropDraft(work.id);
      } else this.keep(work);
    } catch (error) {
      if (error.code === "stale_draft") return this.stale(work, error.data);
      this.missed(error);
      if (error.kind === "refused") work.dirty = false; // kept here; the submit will say what is wrong
    } finally {
      this.page.status();
    }
    return null;
  },

  /** The draft was changed in another window: show both, let the person choose, lose neither. */
  async stale(work, data) {
    const mine = work.doc;
    let theirs = data.document;
    if (!theirs) {
      // No draft any more: the other window has submitted it. What is sent from here is then an edit of that.
      const now = await this.http.get(`assignments/${work.id}/?html=1`).catch(() => null);
      if (!now) return this.missed(new HttpError("offline"));
      work.payload = now;
      work.reopened = now.assignment.state === "submitted";
      theirs = now.assignment.annotation && { not_read: [], ...now.assignment.annotation.document };
    }
    if (this.work !== work) return null;
    work.seen = most(work.seen, readIn(theirs, lettersOf(work.payload)));
    theirs = spoken(theirs);
    const chosen = same(mine, theirs) ? "theirs" : await this.page.conflict(mine, theirs);
    if (this.work !== work) return null;
    work.revision = data.revision;
    if (chosen === "mine") {
      work.dirty = true;
      this.keep(work);
      this.saveSoon();
    } else {
      Object.assign(work, { doc: theirs, dirty: false });
      this.store.dropDraft(work.id);
      this.page.opened(work);
      if (!same(mine, theirs)) this.page.setAside(mine);
    }
    return null;
  },
};
