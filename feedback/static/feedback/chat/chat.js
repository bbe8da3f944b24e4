// The chat page: which talk is on screen, what is sent, and what becomes of it.

import { touch } from "../../core/dom.js";
import { announce } from "../../core/frame.js";
import { Http, newKey } from "../../core/http.js";
import { onKeys } from "../../core/keys.js";
import { config, t } from "../../core/strings.js";
import { Composer, fitKeyboard } from "./composer.js";
import { choose, goOn, passOver } from "./choice.js";
import { compare } from "./compare.js";
import * as dialogs from "./dialogs.js";
import { Drafts } from "./drafts.js";
import { History } from "./history.js";
import { Run } from "./run.js";
import { Follow } from "./scroll.js";
import { Seen } from "./seen.js";
import { Answer, Question } from "./views.js";
import { copied, notice, spoken } from "./words.js";

const REPLIES = 60_000; // ms between looks for a specialist's reply

const byId = (id) => document.getElementById(id);

class Page {
  constructor() {
    this.http = new Http(config.urls.api, dialogs.signIn);
    this.list = byId("turns");
    this.follow = new Follow(byId("scroll"), byId("to-end"));
    this.talk = emptyTalk();
    this.views = [];
    this.run = null;
    this.loads = 0;
    this.seen = new Seen(this.http);
    this.act = {
      http: this.http,
      changed: () => this.follow.keep(),
      reveal: (node) => this.follow.reveal(node),
      hold: () => this.follow.hold(),
      branch: (id, by) => this.branch(id, by),
      copy: (message, text) => copied(text, message.role !== "user" && message.id ? () => this.http.parting(`messages/${message.id}/signal/`, { name: "copy" }) : null),
      regenerate: (answer) => this.regenerate(answer),
      resend: (question, text) => this.resend(question, text),
      seen: (id) => this.seen.add(id),
      choose: (drafts, body) => choose(this, drafts, body),
      goOn: () => goOn(this),
    };
    this.composer = new Composer({ send: (sent) => this.send(sent), stop: () => this.stop() });
    this.history = new History(this.http, { open: (id) => this.open(id), gone: (id) => id === this.talk.id && this.open(null) });
    for (const link of document.querySelectorAll(".new-talk")) link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.history.drawer(false);
      this.open(null);
    });
    byId("rate").addEventListener("click", () => this.score());
    byId("notice-close").addEventListener("click", () => notice(""));
    window.addEventListener("popstate", () => this.show(talkInAddress()));
    window.addEventListener("beforeunload", (event) => {
      const editing = [...document.querySelectorAll(".editor textarea, .correction textarea")].some((area) => area.value.trim() && area.value !== area.defaultValue);
      if (editing) event.preventDefault();
    });
    document.addEventListener("touchstone:leaving", () => this.run && this.run.leave());
    onKeys(document, { Escape: { when: (event) => Boolean(this.run) && event.target === this.composer.area, run: () => void this.stop() } });
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.replies());
    setInterval(() => document.visibilityState === "visible" && this.replies(), REPLIES);
    fitKeyboard();
  }

  start() {
    dialogs.watchDialogs();
    this.history.load();
    this.show(config.conversation, this.composer.area.value); // people type before the scripts have come
  }

  /** Whether a specialist has replied meanwhile. Nothing else of the page is touched. */
  async replies() {
    const { id } = this.talk;
    if (!config.replies || !id || this.run) return;
    const talk = await this.http.get(`conversations/${id}/`).catch(() => null);
    if (!talk || id !== this.talk.id) return;
    const found = new Map(talk.messages.map((message) => [message.id, message.reply]));
    for (const view of this.views) {
      if (!(view instanceof Answer) || !found.has(view.message.id)) continue;
      view.message.reply = found.get(view.message.id);
      if (view.replied() && view.message.reply) announce(t("specialist"));
    }
  }

  // Which talk

  open(id) {
    if (id === this.talk.id && id) return;
    history.pushState({}, "", config.urls.page + (id ? `${id}/` : ""));
    this.show(id);
  }

  async show(id, typed = "") {
    const load = ++this.loads;
    if (this.run) this.run.leave();
    this.run = null;
    this.composer.working(false);
    notice("");
    this.composer.open(id, typed);
    this.history.mark(id);
    if (!id) {
      this.draw(emptyTalk());
      if (!touch.matches) this.composer.area.focus();
      return;
    }
    byId("talk").setAttribute("aria-busy", "true");
    try {
      const talk = await this.http.get(`conversations/${id}/`);
      if (load === this.loads) this.draw(talk);
    } catch (error) {
      if (load !== this.loads) return;
      this.draw({ ...emptyTalk(), id });
      byId("empty").hidden = true;
      notice(error.status === 404 ? t("no_such_talk") : error.said || t("server_silent"), error.status === 404 ? null : () => this.show(id));
    } finally {
      if (load === this.loads) byId("talk").removeAttribute("aria-busy");
    }
  }

  draw(talk, { keepPlace = false } = {}) {
    this.talk = talk;
    this.views = [];
    this.list.replaceChildren();
    for (const message of talk.messages) this.add(message);
    this.head();
    const last = talk.messages[talk.messages.length - 1];
    if (last && last.answers && last.answers.length) this.addDrafts(last, last.answers);
    if (!keepPlace) this.follow.toEnd();
    const open = this.openAnswers();
    if (open.length) this.attach(open);
  }

  head() {
    const { talk } = this;
    byId("title").textContent = talk.title || t("new_talk");
    document.title = document.title.replace(/^.*? · /, `${talk.title || config.project.title} · `);
    byId("empty").hidden = talk.messages.length > 0 || this.views.length > 0;
    byId("rate").hidden = !talk.id;
    byId("rate-words").textContent = talk.score && talk.score.value ? t("rated", { n: talk.score.value }) : t("rate");
  }

  add(message) {
    const view = message.role === "user" ? new Question(message, this.act) : new Answer(message, this.act);
    this.views.push(view);
    this.list.append(view.node);
    if (view instanceof Answer && message.state !== "streaming") this.seen.watch(view);
    return view;
  }

  addDrafts(question, answers) {
    const view = new Drafts(question, answers, this.act);
    this.views.push(view);
    this.list.append(view.node);
    this.follow.upTo(view.node);
    return view;
  }

  openAnswers() {
    return this.views.flatMap((view) => (view instanceof Drafts ? view.answers : view instanceof Answer ? [view] : [])).filter((answer) => answer.message.state === "streaming");
  }

  /** Answers that were under way when the page was opened: follow them. */
  attach(answers) {
    const run = this.newRun("", null, null);
    run.begun = true;
    run.answers = new Map(answers.map((answer, i) => [i, answer]));
    this.working(run);
    run.poll();
  }

  // Sending

  async agreed() {
    if (!config.consent.needed) return true;
    if (!(await dialogs.consent())) return false;
    try {
      await this.http.post("consent/", { version: config.consent.version });
    } catch (error) {
      this.failed(error);
      return false;
    }
    config.consent.needed = false;
    return true;
  }

  /** Where the next question goes: after the answer on screen; of drafts that wait for a choice, after the one that is looked at. */
  parent() {
    const last = this.views[this.views.length - 1];
    if (!last) return null;
    return last instanceof Drafts ? last.answers[last.active].message.id : last.message.id;
  }

  async send({ text, key, parent }) {
    if (this.run || !(await this.agreed())) return;
    if (this.run) return;
    const after = parent === undefined ? this.parent() : parent;
    const sent = { text, key, parent: after };
    this.composer.away(sent);
    const body = { conversation: this.talk.id, parent: after, text, client_key: key };
    this.turn("turn/", body, { failed: () => this.composer.back(sent), begun: (id) => this.composer.arrived(id) });
  }

  async resend(question, text) {
    if (this.run) return notice(t("still_writing"));
    if (!(await this.agreed())) return;
    const { message } = question;
    const at = this.talk.messages.indexOf(message);
    const answer = this.talk.messages[at + 1];
    const before = this.snapshot();
    this.cut(at);
    const body = { conversation: this.talk.id, parent: message.parent ?? null, text, client_key: newKey() };
    this.turn("turn/", body, {
      siblings: message.siblings || [message.id],
      begun: () => answer && this.http.parting(`messages/${answer.id}/signal/`, { name: "edit" }),
      failed: (words) => {
        this.restore(before);
        const view = this.views.find((one) => one.message === message);
        if (view) view.edit(text, words);
      },
    });
  }

  async regenerate(answer) {
    if (this.run) return notice(t("still_writing"));
    const { message } = answer;
    const at = this.talk.messages.indexOf(message);
    const before = this.snapshot();
    this.cut(at);
    this.turn("regenerate/", { message: message.id, client_key: newKey() }, { before: message, failed: () => this.restore(before) });
  }

  snapshot() {
    return { ...this.talk, messages: [...this.talk.messages] };
  }

  restore(talk) {
    this.draw(talk);
  }

  /** Take what follows the first `n` turns off the screen. */
  cut(n) {
    this.talk.messages = this.talk.messages.slice(0, n);
    for (const view of this.views.splice(n)) view.node.remove();
  }

  newRun(path, body, on) {
    const page = this;
    const run = new Run(this.http, path, body, {
      begin: (event) => on.begin(event),
      slow: (seconds) => seconds > 5 && notice(t("sending", { n: seconds }), null, true),
      settled: (answer) => {
        if (page.run !== run) return;
        const drafts = page.views.find((view) => view instanceof Drafts);
        if (drafts) drafts.update();
        spoken(answer);
        page.follow.keep();
      },
      end: (failure) => {
        if (page.run !== run) return;
        page.working(null);
        if (failure) on.failed(failure);
        else page.ended(on);
      },
    });
    return run;
  }

  working(run) {
    this.run = run;
    this.composer.working(Boolean(run));
  }

  /** Run a turn. `options`: begun(id), failed(words), siblings (of the question that is asked anew), before (the answer asked for again). */
  turn(path, body, options) {
    const { talk } = this;
    // A project that keeps no texts hears them from the page.
    if (!talk.keep) body.history = talk.messages.filter((m) => m.text).map((m) => ({ role: m.role, content: m.text }));
    notice("");
    for (const old of this.list.querySelectorAll(".compare")) old.remove(); // who goes on has no answer to it
    let question = null;
    if (path === "turn/") question = this.add({ role: "user", text: body.text, parent: body.parent, siblings: [] });
    const placeholder = this.add({ role: "assistant", text: "", html: "", state: "streaming", sources: [], siblings: [] });
    byId("empty").hidden = true;
    this.follow.toEnd();
    const on = {
      options,
      begin: (event) => {
        notice("");
        const answers = this.begun(event, { question, placeholder, body, options });
        if (options.begun) options.begun(talk.id);
        return answers;
      },
      failed: (error) => {
        for (const view of [placeholder, question]) {
          if (!view) continue;
          view.node.remove();
          this.views = this.views.filter((one) => one !== view);
        }
        this.head();
        const words = this.failed(error);
        options.failed(words);
      },
    };
    const run = this.newRun(path, body, on);
    this.working(run);
    run.start();
  }

  /** The server has the turn: give the views their ids. Returns {position: Answer}. */
  begun(event, { question, placeholder, body, options }) {
    const { talk } = this;
    if (!talk.id) {
      talk.id = event.conversation;
      talk.title = event.title || body.text.slice(0, 80);
      history.replaceState({}, "", config.urls.page + `${talk.id}/`);
      this.history.mark(talk.id);
      this.history.load();
    }
    if (question) {
      passOver(this);
      Object.assign(question.message, { id: event.user, siblings: [...(options.siblings || []), event.user] });
      talk.messages.push(question.message);
      question.update();
    }
    const asked = talk.messages[talk.messages.length - 1];
    const before = options.before ? options.before.siblings || [options.before.id] : [];
    options.compared = event.regenerated;
    const messages = event.answers.map(({ id, position }) => ({
      id, position, role: "assistant", parent: event.user, text: "", html: "", state: "streaming", sources: [], practice: event.practice,
      siblings: [...before, ...event.answers.map((one) => one.id)].filter((one, i, all) => all.indexOf(one) === i),
    }));
    this.head();
    if (event.drafts && messages.length > 1) {
      placeholder.node.remove();
      this.views = this.views.filter((view) => view !== placeholder);
      const drafts = this.addDrafts(asked, messages);
      this.follow.keep();
      return new Map(drafts.answers.map((answer) => [answer.message.position, answer]));
    }
    Object.assign(placeholder.message, messages[0]);
    talk.messages.push(placeholder.message);
    placeholder.update();
    return new Map([[messages[0].position, placeholder]]);
  }

  /** All answers of the turn are finished. */
  ended({ options } = { options: {} }) {
    const last = this.views[this.views.length - 1];
    if (last instanceof Drafts) last.update();
    else if (last instanceof Answer) {
      this.seen.watch(last);
      const { before, compared } = options || {};
      if (before && compared && ["complete", "cut"].includes(last.message.state)) compare(before, last, this);
    }
    this.follow.keep();
    this.history.load();
  }

  failed(error) {
    if (error.code === "consent" || error.code.startsWith("consent_")) {
      config.consent.needed = true;
      notice(t("consent_changed"), () => location.reload());
      return t("consent_changed");
    }
    const words = error.kind === "login" ? t("signed_out") : error.said || t("not_arrived");
    notice(words);
    return words;
  }

  async stop() {
    if (this.run) await this.run.stop();
  }

  // Judging

  async branch(id, by) {
    if (this.run) return notice(t("still_writing"));
    try {
      const talk = await this.http.post(`conversations/${this.talk.id}/branch/`, { message: id });
      const known = new Map(this.talk.messages.map((message) => [message.id, message]));
      if (!talk.keep) for (const message of talk.messages) if (!message.text && known.has(message.id)) Object.assign(message, { text: known.get(message.id).text, html: known.get(message.id).html });
      const top = byId("scroll").scrollTop;
      this.follow.at = false;
      this.draw(talk, { keepPlace: true });
      byId("scroll").scrollTop = top;
      const node = this.list.querySelector(`[data-id="${id}"]`);
      if (!node) return;
      node.scrollIntoView({ block: "nearest" });
      const step = node.querySelector(`[data-step="${by}"]:not([disabled])`) || node.querySelector("[data-step]:not([disabled])");
      if (step) step.focus({ preventScroll: true });
    } catch (error) {
      notice(error.said || t("server_silent"));
    }
  }

  async score() {
    const given = await dialogs.score(this.talk.score);
    if (!given) return;
    const before = this.talk.score;
    this.talk.score = given.value ? given : null;
    this.head();
    try {
      await this.http.post(`conversations/${this.talk.id}/score/`, given);
      announce(t("kept"));
      this.history.load();
    } catch (error) {
      this.talk.score = before;
      this.head();
      notice(error.said || t("not_sent"));
    }
  }
}

function emptyTalk() {
  return { id: null, title: "", score: null, keep: config.keep, messages: [] };
}

function talkInAddress() {
  const found = location.pathname.match(/\/(\d+)\/$/);
  return found ? Number(found[1]) : null;
}

new Page().start();
