// Reading the answers side by side: one scrolls alone or all together, by wheel or by keys; and what has not been on screen is shown at its end.

import { isField } from "../../core/keys.js";
import { t } from "../../core/strings.js";

const LINE_STEP = 60; // pixels of an arrow key
const GLANCE = 700; // milliseconds in which nobody reads what has just been scrolled to

const room = (body) => body.scrollHeight - body.clientHeight;

export class Reading {
  /** `cards` in any order; `looked()` gives the card that keys scroll. */
  constructor({ cards, looked }) {
    Object.assign(this, { cards, looked, together: false });
    this.put = new WeakMap(); // body → the place it was put at by following: its scroll event says nothing of the person
    this.glanced = { at: -Infinity, letters: [] };
    for (const card of cards) card.body.addEventListener("scroll", () => this.scrolled(card.body), { passive: true });
  }

  toggle() {
    this.together = !this.together;
    return t(this.together ? "scroll_together_on" : "scroll_together_off");
  }

  scrolled(body) {
    const own = this.put.get(body);
    this.put.delete(body);
    // The event of a follower comes a frame later: it is told from the person's scrolling by where the follower stands.
    if (!this.together || (own !== undefined && Math.abs(body.scrollTop - own) < 1)) return;
    if (room(body) <= 0) return;
    const part = body.scrollTop / room(body);
    for (const { body: other } of this.cards) {
      if (other === body || room(other) <= 0) continue;
      other.scrollTop = part * room(other);
      this.put.set(other, other.scrollTop); // as the browser rounded it
    }
  }

  /** A key that scrolls: the text in focus, else the answer looked at; together, one that can scroll. False for other keys. */
  key(key, event) {
    const back = key === "PageUp" || (key === " " && event.shiftKey);
    if (!["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", " "].includes(key)) return false;
    const active = document.activeElement;
    const inside = active && !isField(active) && active.closest(".prompt-scroll, .answer-body");
    let body = inside || this.looked().body;
    if (this.together && body.matches(".answer-body") && room(body) <= 0) body = this.cards.map((card) => card.body).reduce((a, b) => (room(b) > room(a) ? b : a));
    if (key === "Home" || key === "End") body.scrollTop = key === "Home" ? 0 : body.scrollHeight;
    else if (key.startsWith("Arrow")) body.scrollBy({ top: key === "ArrowUp" ? -LINE_STEP : LINE_STEP });
    else body.scrollBy({ top: (back ? -0.85 : 0.85) * body.clientHeight });
    return true;
  }

  unread() {
    return this.cards.filter((card) => !card.whole).map((card) => card.letter);
  }

  /** Bring the ends of what is unread on screen. Where only one answer fits, `show` brings the first of them. Gives the letters {shown, left}. */
  showUnread(show) {
    const letters = this.unread();
    for (const card of this.cards) if (letters.includes(card.letter)) card.body.scrollTop = card.body.scrollHeight;
    show(letters[0]);
    for (const card of this.cards) card.scrolled();
    const left = this.unread();
    const shown = letters.filter((letter) => !left.includes(letter));
    this.glanced = { at: performance.now(), letters: shown };
    return { shown, left };
  }

  /** The answers not read when the work is sent now: those never on screen to their end, and those put there a moment ago. */
  left() {
    const glanced = performance.now() - this.glanced.at < GLANCE ? this.glanced.letters : [];
    return this.cards.filter((card) => !card.whole || glanced.includes(card.letter)).map((card) => card.letter);
  }
}
