// What becomes of drafts: one is chosen, all are judged alike, or somebody goes on without a word about them.

import { h, touch } from "../../core/dom.js";
import { announce } from "../../core/frame.js";
import { t } from "../../core/strings.js";
import { Drafts } from "./drafts.js";
import { Answer } from "./views.js";

/** The answer `message` stands where the drafts were; its view. */
function stands(page, drafts, message) {
  const view = new Answer(message, page.act);
  delete drafts.question.answers;
  page.views[page.views.indexOf(drafts)] = view;
  page.talk.messages.push(view.message);
  drafts.node.replaceWith(view.node);
  return view;
}

/** Send the person's choice `body` and go on from the answer it leads to. */
export async function choose(page, drafts, body) {
  const chosen = await page.http.post("choose/", body);
  const scroller = document.getElementById("scroll");
  const top = drafts.node.getBoundingClientRect().top;
  drafts.question.choice = { verdict: body.verdict, chosen: body.chosen };
  const kept = drafts.answers.find((one) => one.message.id === chosen.id);
  if (!chosen.text && kept) Object.assign(chosen, { text: kept.text, html: chosen.html || kept.message.html || kept.body.html }); // no texts are kept
  const view = stands(page, drafts, chosen);
  const words = t(body.verdict === "better" ? "you_chose" : body.verdict === "same" ? "you_said_same" : "you_said_bad");
  view.state.after(h("p", { class: "small soft chosen", text: words }));
  page.seen.watch(view);
  page.follow.at = false;
  scroller.scrollTop += Math.min(0, view.node.getBoundingClientRect().top - top);
  if (view.node.getBoundingClientRect().top < scroller.getBoundingClientRect().top) view.node.scrollIntoView({ block: "start" });
  view.node.tabIndex = -1;
  view.node.focus({ preventScroll: true });
  announce(words);
}

/** Somebody wrote on without choosing: the draft they were looking at stands, and nothing is recorded. */
export function passOver(page) {
  const drafts = page.views.find((view) => view instanceof Drafts);
  if (!drafts) return;
  const { message, text } = drafts.answers[drafts.active];
  stands(page, drafts, { ...message, text: message.text || text });
}

/** Drafts that do not differ leave nothing to choose. */
export function goOn(page) {
  page.follow.hold();
  passOver(page);
  page.seen.watch(page.views[page.views.length - 1]);
  if (!touch.matches) page.composer.area.focus({ preventScroll: true });
}
