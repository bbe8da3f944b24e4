// Elements of the bench. Text from data only ever becomes textContent; `trusted` takes HTML that the server has sanitised.

import { h, safeLink } from "../../core/dom.js";

export { h, safeLink };

const sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => edges(target)));

/** A table wider than its column fades where more of it is hidden, and only then the Tab key stops at it. */
function edges(table) {
  const hidden = table.scrollWidth - table.clientWidth;
  if (hidden > 1) table.tabIndex = 0;
  else table.removeAttribute("tabindex");
  table.classList.toggle("more-after", hidden - table.scrollLeft > 1);
  table.classList.toggle("more-before", hidden > 1 && table.scrollLeft > 1);
}

/** A block of text under judgement, in its own language: the server's rendered HTML if there is any, else the text as it is. */
export function textBlock(entry, language, extra = "") {
  const lang = entry.language || language || null;
  if (entry.html) {
    const node = h("div", { class: `markdown ${extra}`, dir: "auto", lang });
    node.innerHTML = entry.html;
    for (const table of node.querySelectorAll(".table-scroll")) {
      table.addEventListener("scroll", () => edges(table), { passive: true });
      sizes.observe(table);
    }
    return node;
  }
  return h("div", { class: `text plain ${extra}`, dir: "auto", lang, text: entry.text || "" });
}

/** Code points, as a person counts characters. */
export const lengthOf = (text) => {
  let n = 0;
  for (const character of text) n += character ? 1 : 0;
  return n;
};
