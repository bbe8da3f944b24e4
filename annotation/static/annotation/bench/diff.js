// A difference between two texts while one is being typed: by words where words have spaces, by single characters in Chinese, Japanese and
// Korean, numbers whole (so that "5 mg" → "50 mg" shows 5 → 50). Myers' O(ND) after common ends are cut off. A Chinese phrase that was written
// anew is one deletion and one insertion: the characters that both wordings happen to share tell a reader nothing.

const TOKEN = /[0-9]+(?:[.,][0-9]+)*|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]|[\p{L}\p{M}\p{N}_]+|\s+|[^]/gu;
const PHRASE = /[^\n。！？；.!?;]+[\n。！？；.!?;]*|[\n。！？；.!?;]+/gu;
const MAX_EDITS = 600;
const MARK = /[，、；：。！？…\n]+/gu; // ends a phrase
const SENTENCE_END = /[。！？…\n]/u;
const HAN = /\p{Script=Han}/u;
const SHARED = 0.5; // of the longer wording; a phrase that keeps less of itself counts as written anew

export const tokens = (text) => text.match(TOKEN) || [];

/** [["=" | "-" | "+", text], …] that turns `before` into `after`; adjacent pieces of one sign are joined. */
export function diff(before, after) {
  const a = tokens(before);
  const b = tokens(after);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const [from, to] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  const middle = edits(from, to) || byPhrases(from.join(""), to.join(""));
  const out = [];
  const push = (sign, text) => {
    if (!text) return;
    const last = out[out.length - 1];
    if (last && last[0] === sign) last[1] += text;
    else out.push([sign, text]);
  };
  push("=", a.slice(0, start).join(""));
  for (const [sign, text] of middle) push(sign, text);
  push("=", a.slice(a.length - end).join(""));
  return rewrittenWhole(out);
}

/** `ops` cut into phrases at the marks that stand in both texts, [{changes, mark}, …]. */
function phrases(ops) {
  const out = [];
  let changes = [];
  for (const [sign, text] of ops) {
    let at = 0;
    for (const mark of sign === "=" ? text.matchAll(MARK) : []) {
      if (mark.index > at) changes.push(["=", text.slice(at, mark.index)]);
      out.push({ changes, mark: mark[0] });
      changes = [];
      at = mark.index + mark[0].length;
    }
    if (at < text.length) changes.push([sign, text.slice(at)]);
  }
  return [...out, { changes, mark: "" }];
}

/** Whether a phrase was changed in several places and kept less than half of itself. */
function rewritten(changes) {
  const places = changes.filter(([sign], i) => sign !== "=" && (i === 0 || changes[i - 1][0] === "=")).length;
  if (places < 2 || !changes.some(([sign, text]) => sign !== "=" && HAN.test(text))) return false;
  const length = (wanted) => changes.reduce((n, [sign, text]) => n + (sign === wanted ? text.length : 0), 0);
  return length("=") < SHARED * (length("=") + Math.max(length("-"), length("+")));
}

/** Rewritten phrases in a row become one change, with the commas between them. */
function rewrittenWhole(ops) {
  const out = [];
  let [gone, come, between] = ["", "", ""];
  const put = (sign, text) => {
    if (!text) return;
    const last = out[out.length - 1];
    if (last && last[0] === sign) last[1] += text;
    else out.push([sign, text]);
  };
  const flush = () => {
    put("-", gone);
    put("+", come);
    put("=", between);
    gone = come = between = "";
  };
  for (const { changes, mark } of phrases(ops)) {
    const whole = rewritten(changes);
    if (whole) {
      gone += between + changes.map(([sign, text]) => (sign === "+" ? "" : text)).join("");
      come += between + changes.map(([sign, text]) => (sign === "-" ? "" : text)).join("");
      between = mark;
      if (!SENTENCE_END.test(mark)) continue;
    }
    flush();
    if (whole) continue;
    for (const [sign, text] of changes) put(sign, text);
    put("=", mark);
  }
  flush();
  return out;
}

// A text written anew is compared phrase by phrase: coarser, but quick at every key.
function byPhrases(before, after) {
  return edits(before.match(PHRASE) || [], after.match(PHRASE) || []) || [["-", before], ["+", after]];
}

/** The edits between two lists of pieces, or null when there are more than MAX_EDITS. */
function edits(a, b) {
  if (!a.length || !b.length) return [...a.map((x) => ["-", x]), ...b.map((x) => ["+", x])];
  const max = Math.min(a.length + b.length, MAX_EDITS);
  let frontier = new Map([[1, 0]]);
  const trace = [];
  for (let d = 0; d <= max; d++) {
    trace.push(new Map(frontier));
    for (let k = -d; k <= d; k += 2) {
      let x = k === -d || (k !== d && (frontier.get(k - 1) ?? -1) < (frontier.get(k + 1) ?? -1)) ? frontier.get(k + 1) : (frontier.get(k - 1) ?? -1) + 1;
      let y = x - k;
      while (x < a.length && y < b.length && a[x] === b[y]) x++, y++;
      frontier.set(k, x);
      if (x >= a.length && y >= b.length) return grouped(walk(trace, a, b, d));
    }
  }
  return null;
}

function walk(trace, a, b, d) {
  const out = [];
  let x = a.length;
  let y = b.length;
  for (; d >= 0; d--) {
    const frontier = trace[d];
    const k = x - y;
    const down = k === -d || (k !== d && (frontier.get(k - 1) ?? -1) < (frontier.get(k + 1) ?? -1));
    const fromK = down ? k + 1 : k - 1;
    const fromX = d === 0 ? 0 : frontier.get(fromK);
    const fromY = d === 0 ? 0 : fromX - fromK;
    while (x > fromX && y > fromY) out.push(["=", a[--x]]), y--;
    if (d > 0) {
      if (down) out.push(["+", b[--y]]);
      else out.push(["-", a[--x]]);
    }
  }
  return out.reverse();
}

// Within a run of changes, first what went, then what came: "高" "血" → reads as one replacement.
function grouped(ops) {
  const out = [];
  let gone = [];
  let come = [];
  const flush = () => {
    out.push(...gone, ...come);
    gone = [];
    come = [];
  };
  for (const op of ops) {
    if (op[0] === "-") gone.push(op);
    else if (op[0] === "+") come.push(op);
    else {
      flush();
      out.push(op);
    }
  }
  flush();
  return out;
}

/** How much of the longer text stands in both, 0–1. */
export function shared(before, after) {
  const same = diff(before, after).reduce((n, [sign, text]) => n + (sign === "=" ? text.length : 0), 0);
  return same / Math.max(1, before.length, after.length);
}

/** Draw the difference into `node`. */
export function draw(node, before, after) {
  node.replaceChildren(
    ...diff(before, after).map(([sign, text]) => {
      if (sign === "=") return document.createTextNode(text);
      const piece = document.createElement(sign === "+" ? "ins" : "del");
      piece.textContent = text;
      return piece;
    }),
  );
}

/** A textarea gives LF only: put the line ends of `original` back into what was typed. */
export function withLineEnds(typed, original) {
  if (!original.includes("\r")) return typed;
  const end = original.includes("\r\n") ? "\r\n" : "\r";
  const parts = original.split(/\r\n|\r|\n/);
  if (parts.join("\n") === typed) return original;
  return typed.replace(/\n/g, end);
}

export const unified = (text) => text.replace(/\r\n?/g, "\n").normalize("NFC");
