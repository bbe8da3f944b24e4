// The reviewer's page: a long correction opens at its first change.

for (const box of document.querySelectorAll(".diff.scroll")) {
  const change = box.querySelector("ins, del");
  if (!change || box.scrollHeight <= box.clientHeight) continue;
  box.scrollTop += change.getBoundingClientRect().top - box.getBoundingClientRect().top - box.clientHeight / 3;
}
