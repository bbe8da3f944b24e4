// What this browser keeps of the work on the bench until the server has it: drafts (one per assignment and window), what was read of each answer
// (no text, for as long as the tab is open), and the outbox of submitted work.

import { Store } from "../../core/store.js";

export class WorkStore {
  constructor(person) {
    this.kept = new Store(person);
    this.tab = new Store(person, { tab: true });
    this.window = Math.random().toString(36).slice(2, 10);
  }

  /** No room, or switched off: the page says that leaving now would lose work. */
  get full() {
    return this.kept.full;
  }

  keepDraft(assignment, entry) {
    return this.kept.write(`draft:${assignment}:${this.window}`, { ...entry, at: Date.now() });
  }

  /** Drafts of this assignment that the server has not got, newest first, from all windows. */
  drafts(assignment) {
    return this.kept.all(`draft:${assignment}:`).sort((a, b) => b.at - a.at);
  }

  /** The server has it: forget this window's draft, or with `all` every window's. */
  dropDraft(assignment, all = false) {
    this.kept.dropAll(`draft:${assignment}:${all ? "" : this.window}`);
  }

  /** How much of each answer was on screen, {letter: part}. */
  keepSeen(assignment, seen) {
    this.tab.write(`seen:${assignment}`, seen);
  }

  seen(assignment) {
    return this.tab.read(`seen:${assignment}`) || {};
  }

  dropSeen(assignment) {
    this.tab.drop(`seen:${assignment}`);
  }

  putOut(entry) {
    return this.kept.write(`out:${entry.client_key}`, entry);
  }

  /** Submitted work that has not arrived, oldest first. */
  out() {
    return this.kept.all("out:").sort((a, b) => a.at - b.at);
  }

  dropOut(clientKey) {
    this.kept.drop(`out:${clientKey}`);
  }
}
