// One turn under way: the stream of its answers, the watch over it, and how it goes on when the line breaks: the server keeps writing, so
// the page asks for the messages until they are finished.

import { HttpError } from "../../core/http.js";
import { t } from "../../core/strings.js";

const QUIET = 6000; // ms without text before the page says that it waits
const SILENT = 25000; // ms without anything (the server says "ping" every ten seconds) before the line counts as broken
const STOPPING = 4000; // ms for the stream to say that it stopped
const POLLS = [700, 1000, 1500, 2000, 3000];

export class Run {
  /** `on`: {begin(event), text(answer) …}: see Page.run. `views()` gives the answers of the turn by position once it has begun. */
  constructor(http, path, body, on) {
    Object.assign(this, { http, path, body, on });
    this.answers = new Map(); // position → Answer
    this.begun = false;
    this.over = false;
    this.stopWanted = false;
    this.heardAt = this.textAt = Date.now();
    this.control = new AbortController();
    this.polling = false;
  }

  async start() {
    this.clock = setInterval(() => this.tick(), 1000);
    let failure = null;
    try {
      await this.http.stream(this.path, this.body, { signal: this.control.signal, heard: () => (this.heardAt = Date.now()), onLine: (line) => this.line(line) });
    } catch (error) {
      failure = error;
    }
    if (this.over || this.polling) return;
    if (!this.begun) return this.end(failure || new HttpError("offline"));
    if (this.unfinished().length) this.poll();
    else this.end();
  }

  unfinished() {
    return [...this.answers.values()].filter((answer) => answer.message.state === "streaming");
  }

  line(event) {
    if (this.over || this.polling) return;
    if (event.e === "begin") {
      this.begun = true;
      this.answers = this.on.begin(event);
      if (this.stopWanted) this.stop();
      return;
    }
    const answer = this.answers.get(event.a);
    if (event.e === "done") return this.end();
    if (!answer) return;
    if (event.e === "text") {
      const first = !answer.text;
      this.textAt = Date.now();
      answer.body.push(event.d);
      if (first || answer.isWaiting) this.wait(answer, "");
    } else if (event.e === "block") answer.body.block(event.html, event.upto);
    else if (event.e === "sources") {
      answer.message.sources = event.sources;
      answer.update();
    } else if (event.e === "end") this.settle(answer, event);
  }

  settle(answer, { state, error, message, html, text }) {
    Object.assign(answer.message, { state, error, message: message || "", html: html || "" });
    answer.body.finish(html || "", text ?? null);
    answer.message.text = answer.body.text;
    answer.isWaiting = false;
    answer.update();
    this.on.settled(answer);
    if (this.begun && !this.unfinished().length) this.end(); // saved before it is told: nothing is to be waited for
  }

  wait(answer, words) {
    answer.isWaiting = Boolean(words);
    answer.waiting(words);
  }

  tick() {
    const now = Date.now();
    if (this.over || this.polling) return;
    if (!this.begun) return this.on.slow(Math.round((now - this.heardAt) / 1000));
    if (now - this.heardAt > SILENT) {
      this.control.abort();
      this.poll();
    } else if (now - this.textAt > QUIET) {
      for (const answer of this.unfinished()) this.wait(answer, t("waiting", { n: Math.round((now - this.textAt) / 1000) }));
    }
  }

  async stop() {
    this.stopWanted = true;
    const open = this.unfinished();
    if (!this.begun) return;
    for (const answer of open) this.wait(answer, t("stopping"));
    const asked = open.map((answer) => this.http.post(`messages/${answer.message.id}/stop/`));
    const told = await Promise.allSettled(asked);
    if (told.some((one) => one.status === "rejected")) {
      for (const answer of this.unfinished()) this.wait(answer, t("not_stopped"));
      this.stopWanted = false;
      return;
    }
    setTimeout(() => {
      if (this.over || !this.unfinished().length) return;
      this.control.abort();
      this.poll();
    }, STOPPING);
  }

  /** The line is gone, the turn is not: ask until every answer is finished. */
  async poll() {
    if (this.polling || this.over) return;
    this.polling = true;
    for (let n = 0; !this.over; n++) {
      let offline = false;
      for (const answer of this.unfinished()) {
        try {
          const message = await this.http.get(`messages/${answer.message.id}/`);
          if (this.over) return;
          if (message.state === "streaming") this.grow(answer, message.text || "");
          else {
            answer.message.sources = message.sources;
            this.settle(answer, { ...message, text: message.text || answer.text });
          }
        } catch (error) {
          if (error.status === 404) this.settle(answer, { state: "failed", error: "gone", message: t("gone") });
          else offline = true;
        }
        if (answer.message.state === "streaming") this.wait(answer, offline ? t("line_lost") : t("reconnected"));
      }
      if (!this.unfinished().length) return this.end();
      await new Promise((resolve) => setTimeout(resolve, POLLS[Math.min(n, POLLS.length - 1)]));
    }
  }

  /** What the server has more than the page. */
  grow(answer, text) {
    if (text.length > answer.text.length && text.startsWith(answer.text)) answer.body.push(text.slice(answer.text.length));
  }

  end(failure = null) {
    if (this.over) return;
    this.over = true;
    clearInterval(this.clock);
    this.on.end(failure);
  }

  /** The page goes elsewhere; the server finishes by itself. */
  leave() {
    this.over = true;
    clearInterval(this.clock);
    this.control.abort();
  }
}
