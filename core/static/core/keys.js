// Keys: what a key press means, whatever the keyboard layout or input method, and the one way to say which keys act where.

const NAMED = ["Enter", "Backspace", "Escape", "Delete", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", " "];

/** "A"…"Z", "0"…"9", "?", or the name of a special key; "" for what is none of these. Uses event.key when it is one ASCII letter or digit, else
 *  the place of the key (Chinese input, Cyrillic). */
export function keyOf(event) {
  if (/^[a-z0-9]$/i.test(event.key)) return event.key.toUpperCase();
  if (event.key === "?" || event.key === "？") return "?";
  if (NAMED.includes(event.key)) return event.key;
  const code = /^(?:Key([A-Z])|(?:Digit|Numpad)([0-9]))$/.exec(event.code || "");
  if (!code) return "";
  // A French keyboard has & on the key of 1; a letter's key that types ASCII punctuation (Dvorak) is that punctuation, no letter.
  if (code[2]) return event.shiftKey ? "" : code[2];
  return event.key && event.key.length === 1 && event.key.charCodeAt(0) < 128 ? "" : code[1];
}

export const isField = (node) =>
  !!node && (node.isContentEditable || node.tagName === "TEXTAREA" || node.tagName === "SELECT" || (node.tagName === "INPUT" && !["checkbox", "radio", "button", "submit"].includes(node.type)));

/** Whether Enter and Space belong to the focused element. */
export const isControl = (node) =>
  isField(node) || (!!node && node !== document.body && !!node.closest("button, a[href], summary, select, input, [role=radio], [role=button], [role=tab]"));

/** A dialog that takes the keys from the page is open (a panel beside the page takes none). */
export const dialogOpen = () => document.querySelector("dialog[open]:not(.panel)");

/** Let keys pressed in `node` act. `bindings`: {name: run(event, key)}, or {name: {run, when(event), held}}; a name is keyOf's, with "Mod+" before
 *  it for Ctrl or ⌘ and "Alt+" for Alt; "*" is every other key without those two. A key that acted goes no further; `run` or `when` returning
 *  false leaves it to others and the browser.
 *
 *  Never acts: what an input method is composing; what somebody acted upon already; a key of the page under an open dialog. In a field only Esc
 *  and keys with Ctrl act, unless `fields` says that the bindings are meant for fields. A key held down acts once, unless its binding is `held`
 *  (true, or a list of keys for "*"). Returns a function that takes the keys off again. */
export function onKeys(node, bindings, { fields = false, capture = false } = {}) {
  const pressed = (event) => {
    if (event.defaultPrevented || event.isComposing || event.keyCode === 229 || event.key === "Process") return;
    const dialog = dialogOpen();
    if (dialog && (node === document || !dialog.contains(node))) return;
    const key = keyOf(event);
    const mod = event.ctrlKey || event.metaKey;
    const name = (mod ? "Mod+" : event.altKey ? "Alt+" : "") + key;
    const bound = bindings[name] || (mod || event.altKey ? null : bindings["*"]);
    if (!bound) return;
    const field = isField(event.target);
    if (field && !fields && !mod && key !== "Escape") return;
    const { run, when, held = false } = typeof bound === "function" ? { run: bound } : bound;
    if (when && when(event) === false) return;
    if (event.repeat && !(Array.isArray(held) ? held.includes(key) : held)) {
      if (field && bindings[name]) event.preventDefault(); // Enter held down sends once, and writes no lines either
      return;
    }
    if (run(event, key) === false) return;
    event.preventDefault();
    event.stopPropagation();
  };
  node.addEventListener("keydown", pressed, capture);
  return () => node.removeEventListener("keydown", pressed, capture);
}
