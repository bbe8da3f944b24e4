// The inbox: opening an answer notes who looked at it; one box chooses all rows of the page.

import { postForm } from "../core/http.js";

const form = document.getElementById("chosen");
const opened = new Set();

/** Note that the answer was looked at. That it could not be noted disturbs nobody. */
function looked(message) {
  if (!form || opened.has(message)) return;
  opened.add(message);
  postForm(form.action, { message, quiet: "1" }).catch(() => opened.delete(message));
}

for (const answer of document.querySelectorAll("[data-look]"))
  answer.addEventListener("toggle", () => answer.open && looked(answer.dataset.look));
for (const page of document.querySelectorAll("[data-opened]")) looked(page.dataset.opened);

const all = document.querySelector("[data-choose-all]");
const boxes = [...document.querySelectorAll("input[name=message][type=checkbox]")];
const count = document.querySelector("[data-count]");

function counted() {
  const n = boxes.filter((box) => box.checked).length;
  if (count) count.textContent = n ? `${count.dataset.words} ${n}` : "";
  if (all) {
    all.checked = n > 0 && n === boxes.length;
    all.indeterminate = n > 0 && n < boxes.length;
  }
}

for (const box of boxes) box.addEventListener("change", counted);
if (all)
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    counted();
  });
window.addEventListener("pageshow", counted); // what the browser had kept chosen
