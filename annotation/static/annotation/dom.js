// Making elements. Text from data only ever becomes textContent; `trusted` takes HTML that the server has sanitised.

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

/** A block of text under judgement, in its own language: the server's rendered HTML if there is any, else the text as it is. */
export function textBlock(entry, language, extra = "") {
  const lang = entry.language || language || null;
  if (entry.html) {
    const node = h("div", { class: `markdown ${extra}`, dir: "auto", lang });
    node.innerHTML = entry.html;
    for (const table of node.querySelectorAll("table, pre")) table.tabIndex = 0;
    return node;
  }
  return h("div", { class: `text plain ${extra}`, dir: "auto", lang, text: entry.text || "" });
}

/** A link from data: only http and https become links, everything else stays text. */
export function safeLink(url, label) {
  return /^https?:\/\//i.test(url || "") ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer", text: label || url }) : document.createTextNode(label || url || "");
}

export const isField = (node) =>
  !!node && (node.isContentEditable || node.tagName === "TEXTAREA" || node.tagName === "SELECT" || (node.tagName === "INPUT" && !["checkbox", "radio", "button", "submit"].includes(node.type)));

/** Whether Enter and Space belong to the focused element. */
export const isControl = (node) =>
  isField(node) || (!!node && node !== document.body && !!node.closest("button, a[href], summary, select, input, [role=radio], [role=button], [role=tab]"));

/** Code points, as a person counts characters. */
export const lengthOf = (text) => {
  let n = 0;
  for (const character of text) n += character ? 1 : 0;
  return n;
};
