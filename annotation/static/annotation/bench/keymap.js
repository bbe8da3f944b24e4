// The bench's own keys: which letter calls which action, as the person likes it. Letters A–J belong to answers.

/** Actions with their default keys, by kind of work ("" = all). Enter, Esc, arrows, Backspace, digits and Ctrl+Enter are fixed. */
export const ACTIONS = [
  { id: "line", key: "L", kinds: ["ranking"] },
  { id: "none_acceptable", key: "O", kinds: ["ranking"] },
  { id: "rest_worse", key: "R", kinds: ["ranking"] },
  { id: "strength", key: "V", kinds: ["ranking"] },
  { id: "rate_rest", key: "Q", kinds: ["ranking"] },
  { id: "sort", key: "T", kinds: ["ranking"] },
  { id: "scroll_together", key: "W", kinds: ["ranking"] },
  { id: "zoom", key: "Z", kinds: ["ranking"] },
  { id: "prompt_place", key: "Y", kinds: ["ranking"] },
  { id: "correct", key: "K", kinds: ["ranking"] },
  { id: "keep", key: "K", kinds: ["qa"] },
  { id: "fix", key: "X", kinds: ["qa"] },
  { id: "drop", key: "R", kinds: ["qa"] },
  { id: "claims", key: "L", kinds: ["qa"] },
  { id: "comment", key: "M", kinds: [] },
  { id: "flag", key: "P", kinds: [] },
  { id: "skip", key: "S", kinds: [] },
  { id: "undo", key: "U", kinds: [] },
  { id: "guidelines", key: "N", kinds: [] },
];

export class Keymap {
  /** `saved` = {"off": bool, "keys": {action: "L"}} as kept with the person. */
  constructor(saved = {}) {
    this.off = !!saved.off;
    this.own = { ...(saved.keys || {}) };
  }

  keyFor(id) {
    const action = ACTIONS.find((a) => a.id === id);
    return this.own[id] || (action ? action.key : "");
  }

  of(kind) {
    return ACTIONS.filter((action) => !action.kinds.length || action.kinds.includes(kind));
  }

  actionFor(key, kind) {
    const found = this.of(kind).find((action) => this.keyFor(action.id) === key);
    return found ? found.id : "";
  }

  /** Give `id` the key; whatever had it among the actions of one page gets the old one. */
  assign(id, key) {
    const mine = ACTIONS.find((a) => a.id === id);
    const old = this.keyFor(id);
    const together = (a) => !a.kinds.length || !mine.kinds.length || a.kinds.some((k) => mine.kinds.includes(k));
    for (const other of ACTIONS) if (other.id !== id && together(other) && this.keyFor(other.id) === key) this.own[other.id] = old;
    this.own[id] = key;
  }

  reset() {
    this.own = {};
    this.off = false;
  }

  saved() {
    return { off: this.off, keys: this.own };
  }
}
