// Where a person types: Enter sends (on a phone it begins a line), what was typed is kept in this browser until it has arrived.

import { touch } from "../../core/dom.js";
import { newKey } from "../../core/http.js";
import { onKeys } from "../../core/keys.js";
import { Store } from "../../core/store.js";
import { config } from "../../core/strings.js";

const TALL = 0.4; // of the window

/** What lies in the store for the talk `id` (null: a new one): {text, key?, parent?, since?}. `key` is there when it was sent and nothing has come
 *  back, `since` when more was typed after that. */
const nameOf = (id) => `chat:${config.project.slug}:${id || "new"}`;

/** The keys that send what is typed into a field: Enter, on a phone and with Shift only together with Ctrl. */
export const sending = (run) => ({ "Mod+Enter": run, Enter: { when: (event) => !event.shiftKey && !touch.matches, run } });

/** Two texts as one, each once, a blank line between. */
function joined(before, since) {
  return before && since && before !== since ? `${before}\n\n${since}` : before || since;
}

export class Composer {
  /** `send({text, key, parent})`, `stop()`. */
  constructor({ send, stop }) {
    this.store = new Store(config.user.id);
    this.form = document.getElementById("composer");
    this.area = this.form.querySelector("textarea");
    this.sendButton = document.getElementById("send");
    this.stopButton = document.getElementById("stop");
    this.talk = null;
    this.sent = null; // {text, key, parent} that has not come back
    this.onItsWay = false; // `sent` is not in the field
    this.busy = false;
    this.area.addEventListener("input", () => {
      this.keep();
      this.fit();
    });
    onKeys(this.area, sending(() => this.submit()), { fields: true });
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.stopButton.addEventListener("click", stop);
    this.send = send;
    window.addEventListener("resize", () => this.fit());
    this.sendButton.disabled = false; // before this script there was nobody to send it: the browser would have left the page, and the text
  }

  /** What was kept for the talk `id`, before what is being `typed`. */
  open(id, typed = "") {
    this.talk = id;
    const { since = "", ...kept } = this.store.read(nameOf(id)) || { text: "" };
    this.sent = kept.key ? kept : null;
    this.onItsWay = false;
    this.write(joined(kept.text, joined(since, typed)));
    if (since || typed) this.keep();
  }

  write(text) {
    if (this.area.value !== text) this.area.value = text; // an unfinished word of an input method stays so
    this.fit();
  }

  keep() {
    const text = this.area.value;
    if (this.onItsWay) this.store.write(nameOf(this.talk), { ...this.sent, since: text }); // it may never arrive
    else if (text) this.store.write(nameOf(this.talk), { text, ...(this.sent && this.sent.text === text ? this.sent : {}) });
    else this.store.drop(nameOf(this.talk));
  }

  submit() {
    const text = this.area.value;
    if (this.busy || !text.trim()) return;
    // The same text sent again is the same turn, whatever became of it the first time.
    const same = this.sent && this.sent.text === text ? this.sent : null;
    this.send({ text, key: same ? same.key : newKey(), ...(same ? { parent: same.parent } : {}) });
  }

  /** It is on its way: the field is free, the text kept. */
  away(sent) {
    this.sent = sent;
    this.onItsWay = true;
    this.store.write(nameOf(this.talk), sent);
    this.write("");
    if (touch.matches) this.area.blur(); // the keyboard goes, the answer has the screen
  }

  /** It has arrived (in the talk `id`, which may be new). */
  arrived(id) {
    this.sent = null;
    this.onItsWay = false;
    this.store.drop(nameOf(this.talk));
    this.talk = id;
    if (this.area.value) this.keep();
  }

  /** It has not arrived: here it is again, before what was typed since. */
  back(sent) {
    this.onItsWay = false;
    this.write(joined(sent.text, this.area.value));
    this.keep();
    this.area.focus();
  }

  working(busy) {
    const hadFocus = document.activeElement === this.stopButton || document.activeElement === this.sendButton;
    this.busy = busy;
    this.stopButton.hidden = !busy;
    this.sendButton.hidden = busy;
    if (hadFocus && !touch.matches) this.area.focus({ preventScroll: true });
  }

  /** As tall as the text, up to a part of the window. */
  fit() {
    const { area } = this;
    area.style.height = "auto";
    const most = Math.round(window.innerHeight * TALL);
    area.style.height = `${Math.min(area.scrollHeight + 2, most)}px`;
    area.style.overflowY = area.scrollHeight > most ? "auto" : "hidden";
  }
}

/** The keyboard of a phone covers the page where it does not make it smaller: then the page is as tall as what is left. */
export function fitKeyboard() {
  const view = window.visualViewport;
  if (!view) return;
  view.addEventListener("resize", () => {
    const covered = view.scale === 1 && window.innerHeight - view.height > 80;
    document.body.style.height = covered ? `${view.height}px` : "";
    if (covered) window.scrollTo(0, 0);
  });
}
