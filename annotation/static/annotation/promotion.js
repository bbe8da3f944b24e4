// Of a promotion rule's form: only the fields that its kind asks for.

const kind = document.getElementById("id_kind");

function show() {
  for (const node of document.querySelectorAll("[data-kind]")) node.hidden = node.dataset.kind !== kind.value && !node.querySelector(".errors");
}

kind.addEventListener("change", show);
show();
