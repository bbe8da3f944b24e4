// The expert's page: wires session, desk, dock, keys and dialogs together.

import { announce } from "../../core/frame.js";
import { Http, postForm } from "../../core/http.js";
import { dialogOpen, isControl, isField, onKeys } from "../../core/keys.js";
import { signInAgain } from "../../core/sign_in.js";
import { config, count, t, timeOf } from "../../core/strings.js";
import { keepRoom } from "./bar.js";
import { DemonstrationDesk } from "./demonstration.js";
import { askFlags, askSkip, chooseDraft, showKeys } from "./dialogs.js";
import { h } from "./dom.js";
import * as guidelines from "./guidelines.js";
import { Keymap } from "./keymap.js";
import { QaDesk } from "./qa.js";
import { RankingDesk } from "./ranking_view.js";
import { showSaid } from "./end_user_feedback.js";
import { Session } from "./session.js";
import { WorkStore } from "./work_store.js";

const DESKS = { ranking: RankingDesk, qa: QaDesk, demonstration: DemonstrationDesk };
const LEFT_AT_MOST = 1000; // the server counts no further
const byId = (id) => document.getElementById(id);
const deskNode = byId("desk");
const dock = byId("dock");
const keymap = new Keymap(config.user.keys);
let desk = null;
let armed = false; // soft hints were shown: the next submit goes through
let openedAt = 0; // on a clock that nobody sets back
let waitingNotice = null; // said before there was an item to say it over
let askLater = false; // signed out while somebody types: the password is asked for when they leave the field
let choosing = false; // between two versions of this work

const store = new WorkStore(config.user.id);
const http = new Http(config.urls.api, async (gently) => {
  session.signedOut = true;
  page.status();
  askLater = gently && isField(document.activeElement);
  if (askLater) return false;
  const done = await signInAgain();
  if (done) {
    session.signedOut = false;
    page.status();
    setTimeout(() => session.retryNow());
  }
  return done;
});

// ── what the session tells the page ──────────────────────────────────────────────────────────────────────────────────────────────

const page = {
  opened(work) {
    const { item, assignment } = work.payload;
    state(null);
    armed = false;
    desk = new DESKS[item.kind]({ item, page: forDesk(work) });
    deskNode.replaceChildren(desk.node);
    deskNode.dataset.kind = item.kind;
    byId("dock-work").replaceChildren(desk.dock);
    for (const node of dock.querySelectorAll("[data-more]")) node.hidden = !desk.menu().includes(node.dataset.more);
    notice("");
    const comment = byId("comment");
    comment.value = work.doc.comment || "";
    comment.closest(".dock-comment").hidden = !comment.value;
    byId("submit").disabled = work.readOnly;
    for (const node of dock.querySelectorAll("[data-action=skip]")) node.hidden = work.reopened;
    byId("submit-label").textContent = t(work.reopened ? "submit_changes" : "submit_and_next");
    byId("submit-label-short").textContent = t(work.reopened ? "submit_changes" : "submit_short");
    keyHints();
    marks();
    const said = assignment.annotation;
    if (said && said.state === "returned") banner("returned", said.comment, said.comment_letters);
    else if (work.readOnly) banner("accepted", "");
    else if (work.undone || (said && said.state === "withdrawn")) banner(work.undone === "skip" ? "unskipped" : "withdrawn", "");
    else banner("", "");
    showSaid(byId("said"), work.payload.feedback);
    if (config.guideline !== null && item.guideline_version !== null && item.guideline_version !== config.guideline) notice(t("guidelines_changed"), { button: { label: t("read_guidelines"), run: readNewGuidelines } });
    if (item.kind !== "demonstration") deskNode.focus({ preventScroll: true });
    announce(work.undone ? t(work.undone === "skip" ? "banner_unskipped" : "banner_withdrawn") : t(`opened_${item.kind}`, { n: item.answers.length }));
    openedAt = performance.now();
    if (waitingNotice) notice(...waitingNotice);
    waitingNotice = null;
  },
  empty(kind) {
    desk = null;
    showSaid(byId("said"), null);
    state(kind);
    marks();
    if (kind === "done") showSummary();
  },
  waiting() {
    desk = null;
    showSaid(byId("said"), null);
    deskNode.replaceChildren();
    state("loading");
  },
  closed() {
    byId("submit").disabled = true;
  },
  /** To the list: with `sent` to that row, which says that its changes are in. */
  reopenedSent(sent) {
    session.leaving = true;
    location.assign(config.urls.mine + (sent ? `#work-${sent}` : ""));
  },
  /** Own done and left. Between two counts by the server, `left` falls with what is sent. */
  progress(figures) {
    if (!figures) return;
    if (figures.left === undefined) figures = { ...figures, left: Math.max(0, page.figures.left - Math.max(0, figures.mine - page.figures.mine)) };
    page.figures = figures;
    const { mine, left } = figures;
    byId("progress-bar").max = Math.max(1, mine + left);
    byId("progress-bar").value = mine;
    byId("progress-text").textContent = t(left >= LEFT_AT_MOST ? "done_and_more" : "done_and_left", { done: mine, left });
    byId("progress-mine").textContent = t("mine_today", { n: figures.mine_today });
  },
  figures: { mine: 0, left: 0 },
  status() {
    const node = byId("saved");
    const waiting = session.outbox.entries().length;
    const work = session.work;
    let text = "";
    let kind = "";
    if (choosing) [text, kind] = [t("not_saved_choose"), "warn"];
    else if (session.signedOut) [text, kind] = [t("signed_out"), "warn"];
    else if (store.full && session.unsent()) [text, kind] = [t("store_full"), "bad"];
    else if (session.offline) [text, kind] = [waiting ? t("kept_here_n", { n: waiting }) : t("kept_here"), "warn"];
    else if (work && !work.done && work.dirty) text = t("saving");
    else if (session.savedAt) text = t("saved_at", { time: timeOf(session.savedAt) });
    else if (session.told) text = t(session.told);
    if (node.textContent !== text) node.textContent = text;
    node.className = `saved ${kind}`;
    byId("retry").hidden = !(session.signedOut || session.offline);
    byId("retry").textContent = t(session.signedOut ? "sign_in" : "try_now");
    // A warning is said, and so is that it is over: what a screen reader finds in the live region must not be what was true before.
    if (page.lastStatus !== text && (kind || page.warned)) announce(text);
    page.warned = Boolean(kind);
    page.lastStatus = text;
  },
  refused(error, entry = null) {
    if (desk || entry) {
      const reopen = entry ? { label: t("open_it"), run: () => location.assign(`${location.pathname}?assignment=${entry.assignment}`) } : null;
      const said = [t(entry ? "earlier_refused" : "refused_because", { message: error.message }), { kind: "bad", button: reopen }];
      if (!desk) waitingNotice = said;
      notice(...said);
    } else {
      byId("refused-words").textContent = error.message;
      state("refused");
    }
  },
  async conflict(mine, theirs) {
    choosing = true;
    page.status();
    const chosen = await chooseDraft(mine, theirs);
    choosing = false;
    page.status();
    return chosen;
  },
  setAside(doc) {
    notice(t("other_version_taken"), {
      button: {
        label: t("use_mine_after_all"),
        run: () => {
          session.change(doc);
          page.opened(session.work);
        },
      },
    });
  },
  notice: (key, values) => notice(t(key, values), { kind: ["broken", "refused_because", "not_taken_back"].includes(key) ? "bad" : "" }),
};
const session = new Session({ config, http, store, page });

/** Change the document of `work`, if it is still the one on screen and not to be read only. */
function change(work, update) {
  if (!work || session.work !== work || work.readOnly) return;
  const after = update(work.doc);
  armed = false;
  if (!byId("notice").hidden && byId("notice").dataset.hint) notice("");
  session.change(after);
  marks();
}

/** What the desk of `work` may do. What it does later than its item is on screen (a swipe that comes to rest) reaches no other item. */
const forDesk = (work) => ({
  doc: () => work.doc,
  change: (update) => change(work, update),
  seen: (letter) => work.seen[letter] || 0,
  saw: (letter, part) => session.work === work && session.saw(letter, part),
  announce,
  submit: () => submit(),
  warn: (text) => notice(text, { kind: "warn" }),
  say: (text) => notice(text, { hint: true }), // until the next change
});

// ── the dock ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function state(kind) {
  for (const node of document.querySelectorAll("[data-state]")) node.hidden = node.dataset.state !== kind;
  byId("states").hidden = !kind;
  deskNode.hidden = !!kind;
  dock.classList.toggle("idle", !!kind);
  byId("submit").hidden = byId("dock-work").hidden = !!kind;
  if (kind && byId("notice").dataset.hint) notice(""); // it was about work that has left the screen
  if (kind) banner("", "");
  if (kind && kind !== "loading") {
    const heading = document.querySelector(`[data-state="${kind}"] h1`);
    if (heading) announce(heading.textContent);
  }
}

/** The done page: what was done since the last longer pause, and what became of it so far. */
async function showSummary() {
  const node = byId("summary");
  node.hidden = true;
  const { summary } = (await session.recount(true)) || {};
  if (!summary || !summary.session.judged) return;
  const { session: last, settled, corrections } = summary;
  const rows = [
    [t("summary_session"), t("summary_judged", { n: last.judged, time: t("minutes", { n: Math.max(1, Math.round(last.active_ms / 60_000)) }) })],
    settled.items ? [t("summary_settled"), [t("summary_same", { n: settled.same, of: settled.items }), settled.agreement === null ? "" : t("summary_agreement", { value: settled.agreement.toFixed(2) })].filter(Boolean).join(" · ")] : null,
    corrections.accepted + corrections.returned + corrections.waiting ? [t("summary_corrections"), ["accepted", "returned", "waiting"].filter((name) => corrections[name]).map((name) => t(`summary_${name}`, { n: corrections[name] })).join(" · ")] : null,
  ].filter(Boolean);
  node.replaceChildren(...rows.flatMap(([name, said]) => [h("dt", { text: name }), h("dd", { text: said })]));
  node.hidden = false;
}

function notice(text, { kind = "", button = null, hint = false, lines = null } = {}) {
  const node = byId("notice");
  node.hidden = !text;
  node.className = `dock-notice ${kind}`;
  if (hint) node.dataset.hint = "1";
  else delete node.dataset.hint;
  node.replaceChildren();
  if (!text) return;
  const close = h("button", { type: "button", class: "button quiet small", "aria-label": t("dismiss"), text: "×", on: { click: () => notice("") } });
  const words = lines ? h("div", {}, h("ul", { class: "plain" }, lines.map((line) => h("li", { text: line }))), h("p", { text })) : h("p", { text });
  node.append(words, button ? h("button", { type: "button", class: "button small", text: button.label, on: { click: () => (notice(""), button.run()) } }) : "", close);
}

function banner(kind, comment, letters = []) {
  const node = byId("banner");
  node.hidden = !kind;
  if (!kind) return;
  node.className = `note ${kind === "accepted" ? "good" : "warn"}`;
  const pairs = letters.map(([theirs, here]) => t("letter_is", { theirs, here })).join(t("list_comma"));
  node.replaceChildren(
    h("p", {}, h("strong", { text: t(`banner_${kind}`) })),
    comment ? h("p", { class: "text plain", dir: "auto", text: comment }) : "",
    pairs ? h("p", { class: "small soft", text: t("reviewers_letters", { pairs }) }) : "",
  );
}

/** Buttons that show a state of the document: comment and flags set, toggles of the menu. */
function marks() {
  const doc = session.work ? session.work.doc : {};
  for (const node of document.querySelectorAll("[data-action=comment]")) node.classList.toggle("set", !!doc.comment);
  for (const node of document.querySelectorAll("[data-action=flag]")) node.classList.toggle("set", !!(doc.flags || []).length);
  for (const node of document.querySelectorAll("[data-more]")) {
    const pressed = desk ? desk.pressed(node.dataset.action) : undefined;
    if (pressed === undefined) node.removeAttribute("aria-pressed");
    else node.setAttribute("aria-pressed", String(pressed));
  }
  for (const node of document.querySelectorAll("[data-action=undo]")) node.disabled = !session.undoable.length;
}

function keyHints() {
  for (const node of document.querySelectorAll("[data-key-of]")) {
    node.textContent = keymap.keyFor(node.dataset.keyOf);
    node.hidden = keymap.off;
  }
  document.body.classList.toggle("keys-off", keymap.off);
}

function submit() {
  if (!desk || !session.work || session.work.done || session.work.readOnly) return;
  const doc = session.work.doc;
  const blocked = (doc.corrections || []).some((c) => !c.text.trim()) ? t("correction_empty") : desk.blocked();
  if (blocked) {
    notice(blocked, { kind: "warn", hint: true });
    announce(blocked);
    return;
  }
  if (!armed) {
    const unread = desk.unread ? desk.unread() : []; // the first press goes to what is unread, the second sends
    const hints = desk.hints();
    if (unread.length || hints.length) {
      armed = true;
      const say = (lines, warn) => {
        const words = t(warn ? "submit_again" : "submit_now");
        notice(words, { kind: warn ? "warn" : "", hint: true, lines });
        return `${lines.join(" ")} ${words}`;
      };
      let said = say([...unread, ...hints], hints.length > 0);
      if (unread.length) {
        const { shown, left } = desk.showUnread(); // the notice has taken its room by now
        said = say([...shown, ...left, ...hints], left.length + hints.length > 0);
      }
      announce(said);
      return;
    }
  }
  notice("");
  session.submit(desk.finish(doc));
  marks();
}

async function act(id) {
  if (id === "undo") return session.undo();
  if (id === "guidelines") return guidelines.toggle();
  if (id === "keys") return showKeys(keymap, session.work ? session.work.payload.item.kind : config.project.kind, saveKeys);
  if (!desk || session.work.done) return null;
  if (id === "comment") return comment();
  if (id === "skip") {
    if (session.work.reopened) return null;
    const given = await askSkip();
    return given && session.skip(given.reason, given.comment);
  }
  if (id === "flag") {
    const given = await askFlags(session.work.doc.flags || []);
    if (!given) return null;
    if (given.report) return session.report(given.comment);
    return change(session.work, (doc) => {
      const out = { ...doc, flags: given.flags };
      if (!given.flags.length) delete out.flags;
      return out;
    });
  }
  if (id === "keep" && performance.now() - openedAt < 300) return null; // a key struck twice must not keep a pair nobody saw
  if (session.work.readOnly && !["sort", "scroll_together", "zoom", "prompt_place", "claims"].includes(id)) return null;
  desk.action(id);
  marks();
  return null;
}

function comment() {
  const field = byId("comment");
  const box = field.closest(".dock-comment");
  box.hidden = !box.hidden && !field.value ? true : false;
  if (!box.hidden) field.focus();
}

/** Back to the work once the guidelines that opened by themselves are put away. */
function backToWork() {
  if (desk) (byId("demonstration") || deskNode).focus({ preventScroll: true });
}

async function readNewGuidelines() {
  try {
    config.guideline = await guidelines.fetchNew(backToWork);
  } catch (error) {
    notice(t("needs_server"));
  }
}

async function saveKeys() {
  keyHints();
  try {
    await postForm(config.urls.keys, { keys: JSON.stringify(keymap.saved()) });
  } catch (error) {
    // They hold on this page; they are only not kept with the person.
  }
}

// ── what the person does ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const HELD = ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Home", "End"];

function leave(event) {
  if (isField(event.target)) event.target.blur();
  else if (guidelines.leavePanel()) return;
  else if (!byId("notice").hidden) notice("");
  else if (!(desk && desk.leave && desk.leave()) && document.activeElement) document.activeElement.blur();
}

/** A key of the desk, or one that calls an action. False when it is neither. */
function pressed(event, key) {
  if (!key || (key === " " && isControl(document.activeElement))) return false;
  if (keymap.off && (key.length === 1 || key === "Backspace")) return false;
  const work = session.work;
  if (desk && work && !work.done) {
    if (work.readOnly && /^([A-J0-9]|Backspace|Delete)$/.test(key)) return false;
    if (desk.key(key, event)) return true;
  }
  const action = key.length === 1 ? keymap.actionFor(key, work ? work.payload.item.kind : "") : "";
  if (!action) return false;
  act(action);
  return true;
}

onKeys(document, {
  "Mod+Enter": submit,
  Enter: { when: () => !isControl(document.activeElement), run: submit },
  Escape: leave,
  "?": { when: () => !keymap.off, run: () => void act("keys") },
  "*": { held: HELD, run: pressed },
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-action]");
  if (button && !button.disabled) {
    const menu = button.closest("details.menu");
    if (menu) menu.open = false;
    act(button.dataset.action);
  }
  // A button pressed with the mouse gives the keyboard back: Enter then submits.
  const pressed = event.target.closest("#bench button");
  if (pressed && event.detail > 0 && document.activeElement === pressed) pressed.blur();
});

byId("submit").addEventListener("click", submit);
byId("retry").addEventListener("click", async () => {
  if (session.signedOut && !(await http.login())) return;
  session.signedOut = false;
  session.retryNow();
});
document.addEventListener("focusout", () =>
  setTimeout(() => {
    if (askLater && session.signedOut && !isField(document.activeElement) && !dialogOpen()) http.login();
  }),
);
byId("comment").addEventListener("input", (event) => {
  const text = event.target.value;
  change(session.work, (doc) => {
    const out = { ...doc, comment: text };
    if (!text) delete out.comment;
    return out;
  });
});
byId("bench").querySelector("[data-reload]").addEventListener("click", () => session.retryNow());
for (const button of document.querySelectorAll("[data-close]")) button.addEventListener("click", () => button.closest("dialog").close());

// The frame has asked about unsent work, and wiped it.
document.addEventListener("touchstone:leaving", () => {
  session.leaving = true;
});

keyHints();
keepRoom(document.querySelector(".bench-bar"));
if (config.progress) page.progress(config.progress);
guidelines.showUnseen(backToWork);
session.start();
