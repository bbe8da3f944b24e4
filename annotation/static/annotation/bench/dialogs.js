// The dialogs of the bench: choose between two drafts, skip, flag, keys. Their frames are the template's.

import { asked } from "../../core/dialogs.js";
import { onKeys } from "../../core/keys.js";
import { config, t } from "../../core/strings.js";
import { diff } from "./diff.js";
import { h } from "./dom.js";
import { fromDocument, sentence } from "./ranking.js";

const byId = (id) => document.getElementById(id);

/** Show two drafts side by side; "mine" or "theirs". There is no third way out: nothing is thrown away unseen. */
export async function chooseDraft(mine, theirs) {
  const dialog = byId("conflict-dialog");
  const sides = [described(mine), described(theirs)];
  const names = [...new Set(sides.flatMap((side) => Object.keys(side)))].filter((name) => sides[0][name] !== sides[1][name]);
  const draw = (side, other) => names.map((name) => h("div", { class: "conflict-part" }, h("p", { class: "label", text: name }), marked(other[name] || "", side[name] || "")));
  dialog.querySelector("[data-side=mine]").replaceChildren(...draw(sides[0], sides[1]));
  dialog.querySelector("[data-side=theirs]").replaceChildren(...draw(sides[1], sides[0]));
  for (;;) {
    const given = await asked(dialog, { required: true });
    if (given && given.button) return given.button;
  }
}

/** `text` with what `other` does not have marked. */
function marked(other, text) {
  if (!text) return h("p", { class: "soft", text: t("nothing_here") });
  const pieces = diff(other, text).filter(([sign]) => sign !== "-");
  return h("div", { class: "text plain", dir: "auto" }, pieces.map(([sign, piece]) => (sign === "+" ? h("mark", { text: piece }) : piece)));
}

function described(doc) {
  const out = {};
  const ranking = sentence(fromDocument(doc), doc.rest === "worse" ? t("the_rest") : "");
  if (ranking) out[t("your_ranking")] = ranking;
  if (doc.verdict) out[t("verdict")] = t(`verdict_${doc.verdict}`);
  if (doc.reasons) out[t("why_drop")] = doc.reasons.map((name) => config.labels[name] || name).join(", ");
  for (const [letter, ratings] of Object.entries(doc.ratings || {})) out[`${t("ratings")} ${letter}`] = Object.entries(ratings).map(([k, v]) => `${k} ${v}`).join(", ");
  for (const [letter, flags] of Object.entries(doc.answer_flags || {})) out[`${t("flag")} ${letter}`] = flags.map((name) => config.labels[name] || name).join(", ");
  for (const c of doc.corrections || []) {
    const name = c.target === "response" ? t("correct_answer", { letter: c.answer }) : c.target === "turn" ? `${t("correct_turn")} ${c.turn + 1}` : t("correct_question");
    out[name] = [c.text, c.wording_only ? `[${t("wording_only")}]` : "", c.evidence ? `[${c.evidence}]` : ""].filter(Boolean).join("\n");
  }
  if (doc.demonstration) out[t("write_answer")] = doc.demonstration;
  if (doc.claims) out[t("claims")] = doc.claims.map((c) => `${c.text.trim()} — ${t(`claim_${c.state}`)}`).join("\n");
  if (doc.flags) out[t("item_flags")] = doc.flags.map((name) => config.labels[name] || name).join(", ");
  if (doc.comment) out[t("comment")] = doc.comment;
  return out;
}

/** Reason and comment of a skip, or null. */
export async function askSkip() {
  const dialog = byId("skip-dialog");
  dialog.querySelector("form").reset();
  const keysOff = onKeys(dialog, {
    "*": (event, key) => {
      const radio = dialog.querySelectorAll("[name=reason]")[Number(key) - 1];
      if (!radio) return false;
      radio.checked = true;
      radio.focus();
      return true;
    },
  });
  try {
    for (;;) {
      const given = await asked(dialog);
      if (!given) return null;
      const missing = !given.reason || (given.reason === "other" && !given.comment.trim());
      dialog.querySelector(".errors").hidden = !missing;
      if (!missing) return { reason: given.reason, comment: given.comment };
    }
  } finally {
    keysOff();
    dialog.querySelector(".errors").hidden = true;
  }
}

/** Flags of the item: {flags: [...]} or {report: true, comment}, or null. */
export async function askFlags(current) {
  const dialog = byId("flag-dialog");
  for (const box of dialog.querySelectorAll("[name=flags]")) box.checked = current.includes(box.value);
  dialog.querySelector("[name=comment]").value = "";
  const given = await asked(dialog);
  if (!given) return null;
  if (given.button === "report") return { report: true, comment: given.comment };
  return { flags: given.all("flags") };
}

/** The keys of this page, to read, change and switch off. `save(keymap)` keeps them with the person. */
export function showKeys(keymap, kind, save) {
  const dialog = byId("keys-dialog");
  const table = dialog.querySelector("[data-keys]");
  const off = dialog.querySelector("[name=off]");
  const said = dialog.querySelector("[data-said]");
  let waiting = null;
  const draw = () => {
    off.checked = !keymap.off;
    table.replaceChildren(
      ...keymap.of(kind).map((action) => {
        const button = h("button", {
          type: "button",
          class: `button small key-button${waiting === action.id ? " waiting" : ""}`,
          "aria-label": t("change_key_of", { action: t(`action_${action.id}`), key: keymap.keyFor(action.id) }),
          data: { remap: action.id },
          text: waiting === action.id ? t("press_key") : keymap.keyFor(action.id),
          on: { click: () => ((waiting = waiting === action.id ? null : action.id), draw(), table.querySelector(`[data-remap=${action.id}]`).focus()) },
        });
        return h("tr", {}, h("th", { text: t(`action_${action.id}`) }), h("td", {}, button));
      }),
    );
  };
  const chosen = (event, key) => {
    if (!waiting || ["Tab", "Shift", "Enter", " "].includes(event.key)) return false;
    const id = waiting;
    waiting = null;
    if (/^[K-Z]$/.test(key)) {
      keymap.assign(id, key);
      save(keymap);
      said.textContent = "";
    } else said.textContent = key === "Escape" ? "" : t("only_k_to_z");
    draw();
    table.querySelector(`[data-remap=${id}]`).focus();
    return true;
  };
  off.onchange = () => {
    keymap.off = !off.checked;
    save(keymap);
  };
  dialog.querySelector("[data-reset]").onclick = () => {
    keymap.reset();
    save(keymap);
    draw();
  };
  dialog.addEventListener("close", onKeys(dialog, { "*": chosen }, { capture: true }), { once: true });
  for (const part of dialog.querySelectorAll("[data-only]")) part.hidden = !part.dataset.only.split(" ").includes(kind) || (part.dataset.with === "ratings" && !config.project.ratings);
  said.textContent = "";
  draw();
  dialog.showModal();
}
