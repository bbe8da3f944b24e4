// The text of one answer on the page. While it streams, what is not yet rendered stands as plain text in the tail; whole blocks come as the
// server's HTML and take its place. Whatever its length, a frame touches the end of the tail only, and a slow machine gets fewer frames.

import { h } from "../../core/dom.js";
import { languageOf } from "../../core/strings.js";

const PIECE = 4000; // characters in one paragraph of the tail before the next line end begins another: laying out stays short

const waiting = new Set();
let frame = 0;
let rest = 0; // not before this time: drawing takes at most a fifth of the page's time

function schedule(body) {
  waiting.add(body);
  if (!frame) frame = requestAnimationFrame(draw);
}

function draw() {
  const start = performance.now();
  frame = 0;
  if (start < rest) {
    frame = requestAnimationFrame(draw);
    return;
  }
  const bodies = [...waiting];
  waiting.clear();
  for (const body of bodies) body.flush();
  for (const body of bodies) body.changed();
  rest = performance.now() + 4 * (performance.now() - start);
}

function htmlNodes(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html; // made and sanitised by the server (core/rendering)
  return holder.content;
}

export class Body {
  /** `changed()` is called after each drawing (to follow the end of the page). */
  constructor({ changed = () => {} } = {}) {
    this.changed = changed;
    this.text = "";
    this.html = ""; // of the blocks that stand
    this.taken = 0; // code points that the blocks hold
    this.left = ""; // text after them
    this.fresh = ""; // the end of `left` that is not drawn
    this.blocks = h("div", { class: "markdown", dir: "auto" });
    this.tail = h("div", { class: "text plain tail", dir: "auto" });
    this.node = h("div", { class: "answer-text" }, this.blocks, this.tail);
    this.piece = null;
    this.size = 0;
  }

  /** More text. */
  push(text) {
    if (!this.text) this.node.lang = languageOf(text) || "";
    this.text += text;
    this.left += text;
    this.fresh += text;
    schedule(this);
  }

  /** HTML of blocks that are finished; they hold the text's first `upto` code points. */
  block(html, upto) {
    this.html += html;
    this.left = afterPoints(this.left, upto - this.taken);
    this.taken = upto;
    this.blocks.append(htmlNodes(html));
    this.clearTail();
    this.fresh = this.left;
    schedule(this);
  }

  /** The whole answer is known: `html`, or what has come so far if there is none. */
  finish(html, text = null) {
    if (text !== null) this.text = text;
    if (text !== null && !this.node.lang) this.node.lang = languageOf(text) || "";
    if (!html) {
      if (text !== null) {
        this.blocks.replaceChildren();
        this.html = "";
        this.clearTail();
        this.left = this.fresh = text;
      }
      this.flush();
    } else {
      if (html.startsWith(this.html)) this.blocks.append(htmlNodes(html.slice(this.html.length)));
      else this.blocks.replaceChildren(htmlNodes(html));
      this.html = html;
      this.left = this.fresh = "";
      this.clearTail();
    }
    this.changed();
  }

  clearTail() {
    this.tail.replaceChildren();
    this.piece = null;
    this.fresh = "";
  }

  /** Draw what is fresh. */
  flush() {
    let text = this.fresh;
    this.fresh = "";
    while (text) {
      // A full paragraph ends at the next line end, which the new paragraph stands for.
      const end = this.size + text.length > PIECE ? text.indexOf("\n", Math.max(0, PIECE - this.size)) : -1;
      this.append(end < 0 ? text : text.slice(0, end));
      if (end >= 0) this.piece = null;
      text = end < 0 ? "" : text.slice(end + 1);
    }
  }

  append(text) {
    if (!this.piece) {
      this.piece = document.createTextNode("");
      this.size = 0;
      this.tail.append(h("div", {}, this.piece));
    }
    this.piece.appendData(text);
    this.size += text.length;
  }
}

/** `text` without its first `n` code points. */
function afterPoints(text, n) {
  let at = 0;
  for (; n > 0 && at < text.length; n--) at += text.codePointAt(at) > 0xffff ? 2 : 1;
  return text.slice(at);
}
