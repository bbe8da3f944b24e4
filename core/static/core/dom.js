// Making elements. Text from data only ever becomes textContent.

/** An element: `props` are properties (class, text, hidden …), attributes with a dash or in `attrs`, listeners in `on`. */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "text") node.textContent = value;
    else if (name === "on") for (const [event, run] of Object.entries(value)) node.addEventListener(event, run);
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name.includes("-") || ["role", "lang", "dir", "for", "title", "name", "list"].includes(name)) node.setAttribute(name, value === true ? "" : value);
    else node[name] = value;
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** A link from data: only http and https become links, everything else stays text. */
export function safeLink(url, label) {
  return /^https?:\/\//i.test(url || "") ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer", text: label || url }) : document.createTextNode(label || url || "");
}

/** `touch.matches`: the finger is the pointer, and a focused field raises a keyboard. */
export const touch = matchMedia("(pointer: coarse)");
