"""What the bench says: its strings and choices, in the person's language, as the page's JavaScript gets
them."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from annotation.document import ANSWER_FLAGS, DROP_REASONS, ITEM_FLAGS, SKIP_REASONS
from core.scripts import Words, plural


def names() -> dict[str, str]:
    """{name of a reason or flag: its words}."""
    return {
        "wrong_answer": _("The answer is wrong"),
        "incomplete_answer": _("The answer is incomplete"),
        "unsafe_answer": _("The answer is unsafe"),
        "unsupported": _("The source does not support it"),
        "bad_question": _("The question is unclear or wrong"),
        "out_of_scope": _("The question is out of scope"),
        "duplicate": _("It repeats another pair"),
        "source_outdated": _("The source itself is outdated"),
        "not_my_field": _("Not my field"),
        "cannot_decide": _("I cannot decide"),
        "unclear": _("The task is unclear"),
        "broken": _("Something is broken or missing"),
        "other": _("Other"),
        "harmful": _("Harmful"),
        "off_topic": _("Off topic"),
        "wrong_language": _("Wrong language"),
        "names_model": _("Names its own model"),
        "truncated": _("Cut off"),
        "personal_data": _("Contains personal data"),
        "nonsense": _("Makes no sense"),
        "needs_second_opinion": _("Needs a second opinion"),
    }


def choices() -> dict:
    """The choices of dialogs and menus, by the registries of annotation.document: [(name, words), …]."""
    words = names()
    groups = {
        "answer": _("About the answer"),
        "source": _("Unsupported"),
        "question": _("About the question"),
        "duplicate": _("Duplicate"),
        "source_outdated": _("Source outdated"),
    }
    return {
        "drop_reasons": [
            {
                "label": label,
                "reasons": [(name, words[name]) for name, about in DROP_REASONS.items() if about == group],
            }
            for group, label in groups.items()
        ],
        "skip_reasons": [(name, words[name]) for name in SKIP_REASONS],
        "answer_flags": [(name, words[name]) for name in ANSWER_FLAGS],
        # Personal data has a verb of its own: it hides the item from everyone at once.
        "item_flags": [(name, words[name]) for name in ITEM_FLAGS if name != "personal_data"],
        "labels": words,
    }


def actions() -> dict[str, str]:
    """What each key does: {action: words}."""
    return {
        "action_line": _("Draw the acceptability line here; all ranked, again moves it left"),
        "action_none_acceptable": _("None acceptable"),
        "action_rest_worse": _("The rest is worse"),
        "action_strength": _("Say how much better"),
        "action_rate_rest": _("Same rating for the answer's remaining criteria"),
        "action_sort": _("Sort the columns by rank"),
        "action_scroll_together": _("Scroll all answers together"),
        "action_zoom": _("One answer at full width, and back"),
        "action_prompt_place": _("Prompt beside, above or folded"),
        "action_correct": _("Correct the answer in focus"),
        "action_keep": _("Keep and next"),
        "action_fix": _("Fix"),
        "action_drop": _("Drop"),
        "action_claims": _("Check claim by claim"),
        "action_comment": _("Comment"),
        "action_flag": _("Flag"),
        "action_skip": _("Skip"),
        "action_undo": _("Take back the last submit or skip"),
        "action_guidelines": _("Guidelines"),
    }


def strings() -> dict[str, Words]:
    """Every string of the bench's JavaScript; %(name)s places are filled there."""
    return {
        **actions(),
        # roles and the conversation
        "role_system": _("System"),
        "role_user": _("User"),
        "role_assistant": _("Assistant"),
        "role_tool": _("Tool"),
        "answer_this": _("to be answered"),
        "conversation": _("Conversation"),
        "user_said": _("What the user said"),
        "tool_call": _("Calls"),
        "tools_given": _("Tools the model had (%(n)s)"),
        "steps_before": _("Steps before the answer (%(n)s)"),
        "sources": _("Sources"),
        "source": _("Source"),
        "no_source": _("This pair came without a source."),
        "show_prompt": _("Show the whole prompt"),
        "fold_prompt": _("Fold the prompt"),
        "prompt_place": _("Where the prompt is shown"),
        "prompt_beside": _("Prompt beside the answers"),
        "prompt_above": _("Prompt above the answers"),
        "prompt_folded": _("Prompt folded to a line"),
        "zoomed_in": _("One answer at full width"),
        "zoomed_out": _("All answers side by side"),
        "correct_this_turn": _("Correct this turn"),
        # answers
        "answers": _("Answers"),
        "answer": _("Answer"),
        "question": _("Question"),
        "pair": _("Question and answer"),
        "answer_letter": _("Answer %(letter)s"),
        "cut_off": _("Cut off"),
        "text_of": _("Text of answer %(letter)s"),
        "show_answer": _("Show answer %(letter)s"),
        "rank_this": _("Rank next (Shift: tie with the one before)"),
        "read_so_far": _("Read so far"),
        "characters": plural(lambda n: ngettext("%(n)s character", "%(n)s characters", n)),
        "correct": _("Correct"),
        "flag": _("Flag"),
        "flag_answer": _("Flag answer %(letter)s"),
        "rank_number": _("Rank %(n)s"),
        "rank_tied": _("Rank %(n)s, tied"),
        "good_enough": _("good enough"),
        "not_good_enough": _("not good enough"),
        "overall": _("Overall"),
        "ratings": _("Ratings"),
        # the sentence
        "your_ranking": _("Your ranking"),
        "not_ranked_yet": _("Not ranked yet"),
        "type_letters": _("Type or tap the letters, best first"),
        "the_rest": _("the rest"),
        "line": pgettext("of acceptability", "Line"),
        "none_acceptable": _("None acceptable"),
        "rest_worse": _("Rest is worse"),
        "tie_next": _("Tie next"),
        "tie_next_help": _("The next answer is as good as the one before (Shift + letter)"),
        "take_back": _("Take back the last"),
        "line_chip": _(
            "Acceptability line: good enough on its left. Press to remove it, drag or use the arrow "
            "keys to move it"
        ),
        "line_spoken": _("acceptability line"),
        "rank_letter": _("Rank %(letter)s next"),
        "ranked_letter": _("%(letter)s: drag or use the arrow keys to move it, Delete to remove it"),
        "ranked": _("%(letter)s ranked"),
        "moved": _("%(letter)s moved"),
        "taken_out": _("%(letter)s removed"),
        "nothing_ranked": _("Nothing ranked"),
        "sorted": _("Columns in the order %(order)s"),
        "scroll_together_on": _("Answers scroll together"),
        "scroll_together_off": _("Each answer scrolls alone"),
        "strength_press": _("Press › between two answers to say how much better."),
        "strength_rank_first": _("Rank two answers; then press › between them to say how much better."),
        "strength_between": _("%(better)s than %(worse)s: %(words)s. Press to change"),
        "strength_0": _("slightly better"),
        "strength_1": _("better"),
        "strength_2": _("clearly better"),
        "strength_3": _("much better"),
        # correcting
        "corrected": pgettext("of an answer", "Corrected"),
        "corrected_wording": _("Corrected, wording only"),
        "difference": _("What changes"),
        "wording_only": _("Wording only: it was not wrong, this reads better"),
        "evidence_given": _("Evidence:"),
        "evidence": _("Evidence"),
        "evidence_help": _("Document, article or link this rests on"),
        "take_correction_back": _("Take the correction back"),
        "correct_answer": _("Correct answer %(letter)s"),
        "correct_turn": _("Correct this earlier turn"),
        "correct_question": _("Correct the question"),
        "correct_the_answer": _("Correct the answer"),
        "correction_empty": _("A correction is empty: write it, or take it back."),
        # QA
        "verdict": _("Verdict"),
        "verdict_keep": _("Keep"),
        "verdict_fix": _("Fix"),
        "verdict_drop": _("Drop"),
        "why_drop": _("Why drop it"),
        "verdict_missing": _("Keep, fix or drop this pair."),
        "reason_missing": _("Say why this pair is dropped."),
        "nothing_changed": _("Nothing was changed yet: keep the pair, or correct it."),
        "keep_but_changed": _(
            "You changed the pair: submit it as a fix, or undo the changes to keep it as it was."
        ),
        "drop_but_changed": _("You changed the pair: undo the changes to drop it."),
        "claims": _("Claims of the answer"),
        "claims_button": _("Claims"),
        "claims_help": _(
            "Press A–D to say what the source says about each claim and go on. The suggested sentence "
            "counts unless you type the number of another; 0 removes it."
        ),
        "claims_help_touch": _(
            "Tap the state of each claim. The suggested sentence counts; tap it to go to the source and "
            "tap another."
        ),
        "which_sentence": _("Which sentence?"),
        "claim_state": _("State of the claim"),
        "claim_supported": _("supported"),
        "claim_contradicted": _("contradicted"),
        "claim_not_found": _("not found"),
        "claim_source_outdated": _("source outdated"),
        "sentence_number": _("Sentence %(n)s of the source"),
        "rests_on": _("rests on sentence %(n)s"),
        "suggested_sentence": _("sentence %(n)s?"),
        "suggested_because": _("Suggested: both say %(shared)s."),
        "no_such_sentence": _("There is no sentence %(n)s."),
        # demonstration
        "write_answer": _("Your answer"),
        "write_answer_first": _("Write the answer."),
        "markdown_help": _("Markdown and LaTeX are understood. The text is kept exactly as you write it."),
        "preview": _("Preview"),
        "preview_empty": _("Nothing written yet."),
        "preview_failed": _("No preview at the moment; your text is kept."),
        "submit_from_field": _("Ctrl + Enter submits from inside the field"),
        # submit and its hints
        "submit_and_next": _("Submit and next"),
        "submit_short": _("Submit"),
        "submit_changes": _("Submit the changes"),
        "submit_now": _("Submit again to send it."),
        "submit_again": _("Submit again to send it all the same."),
        "rank_one": _("Rank at least one answer, or say that none is acceptable."),
        "rank_another": _(
            "One ranked answer says nothing yet: rank another, draw the line, or say that the rest is worse."
        ),
        "hint_at_end": _("Now scrolled to the end: %(letters)s."),
        "hint_not_read": _("Not read to the end yet: %(letters)s."),
        "hint_not_ranked": _("Not ranked: %(letters)s. Rank them, or say that the rest is worse."),
        "list_comma": pgettext("between the letters of answers", ", "),
        "hint_rank_rating": _("%(better)s stands above %(worse)s but is rated lower."),
        "hint_good_low": _("%(letter)s is good enough by the line, but rated 2 or lower."),
        "hint_bad_high": _("%(letter)s is not good enough by the line, but rated 4 or higher."),
        "hint_not_rated": _("Not rated yet: %(letters)s."),
        # the state of the work
        "saving": _("saving"),
        "not_saved_choose": _("not saved: choose a version"),
        "saved_at": _("saved %(time)s"),
        "sent_last": _("last item submitted"),
        "skipped_last": _("last item skipped"),
        "kept_here": _("kept here, will be sent"),
        "kept_here_n": _("kept here, will be sent (%(n)s)"),
        "signed_out": _("signed out: kept here"),
        "store_full": _("not kept: this browser has no room, keep the page open"),
        "sign_in": _("Sign in"),
        "try_now": _("Try now"),
        "mine_today": _("done today: %(n)s"),
        "kept_late": _(
            "Sent. Your time on the item had run out and somebody else had taken it, so your work is kept "
            "beside theirs."
        ),
        "lease_lost": _(
            "Somebody else has taken this item meanwhile. Go on: what you submit is kept beside their work."
        ),
        "refused_because": _("It was not accepted: %(message)s Your work is kept."),
        "earlier_refused": _("Work you sent earlier was not accepted: %(message)s It is kept here."),
        "needs_server": _("The server does not answer. Nothing is lost; try again."),
        "broken": _("Something went wrong on this page. Your work is kept; reload the page to go on."),
        "reported": _("Reported. The manager decides what happens to it."),
        "not_taken_back": _("It was not taken back: %(message)s"),
        "banner_withdrawn": _(
            "You took back what you submitted here. It does not count until you submit it again."
        ),
        "banner_unskipped": _("You took back your skip. The item is yours again."),
        "done_and_left": _("%(done)s done · %(left)s left"),
        "done_and_more": _("%(done)s done · over %(left)s left"),
        "summary_session": _("This session"),
        "summary_judged": plural(lambda n: ngettext("%(n)s item in %(time)s", "%(n)s items in %(time)s", n)),
        "minutes": plural(lambda n: ngettext("%(n)s minute", "%(n)s minutes", n)),
        "summary_settled": _("Settled by a reviewer so far"),
        "summary_same": _("Same as settled: %(n)s of your %(of)s judgements"),
        "summary_agreement": _("agreement %(value)s"),
        "summary_corrections": _("Your corrections so far"),
        "summary_accepted": _("accepted: %(n)s"),
        "summary_returned": _("returned: %(n)s"),
        "summary_waiting": _("not reviewed yet: %(n)s"),
        "nothing_to_undo": _("There is nothing to take back."),
        "open_it": _("Open it"),
        "dismiss": _("Dismiss"),
        "other_version_taken": _("The other version is in use now."),
        "use_mine_after_all": _("Use mine after all"),
        "nothing_here": _("nothing"),
        "item_flags": _("Flags"),
        "comment": _("Comment"),
        "guidelines_changed": _("The guidelines have changed since this page was opened."),
        "read_guidelines": _("Read what changed"),
        "banner_returned": _("A reviewer returned this work."),
        "reviewers_letters": _("In the reviewer's letters: %(pairs)s"),
        "letter_is": _("%(theirs)s is %(here)s here"),
        "banner_accepted": _("This work was accepted and can no longer be changed."),
        "opened_ranking": plural(
            lambda n: ngettext("New item: %(n)s answer to rank", "New item: %(n)s answers to rank", n)
        ),
        "opened_qa": _("New item: a question and an answer to check"),
        "opened_demonstration": _("New item: an answer to write"),
        "change_key_of": _("%(action)s: key %(key)s. Press to change"),
        "press_key": _("Press a key"),
        "only_k_to_z": _("Choose one of the letters K to Z."),
    }
