"""The sentence of every code a writer leaves a row out with, a checker reports, or a note carries."""

from django.utils.translation import gettext_lazy as _

from core.storable import SENTENCES

REASONS = {
    # left out by a writer
    "wrong_kind": _("This format does not hold rows of this kind."),
    "empty_answer": _("An answer is empty."),
    "empty_prompt": _("The prompt has no text from the user."),
    "same_answers": _("Both answers are the same."),
    "template_token": _(
        "The text holds control tokens of a chat template: they would change the conversation it is put into."
    ),
    "bad_context": _("The conversation before the answer is not one a chat template can render."),
    "tool_turns_in_answer": _("An answer with tool calls cannot be held by this format."),
    "no_margin": _("The pair has no margin, and margins are on every row or on none."),
    "duplicate": _("The same row is already in the data."),
    "contradiction": _("The opposite judgement on the same answers is in the data, too: both are left out."),
    "neighbour": _("Neighbouring rows would share a prompt, and no other place for the row was left."),
    "tools": _("This format holds no tool definitions."),
    "stray_surrogate": _("The text holds half a surrogate pair and cannot be written as UTF-8."),
    **{code: SENTENCES[code] for code in ("nul", "not_a_number", "too_deep", "duplicate_key")},
    "tools_not_formattable": _(
        "LLaMA-Factory's templates cannot format one of the tools (no name, flat, a parameter or a "
        "list of values in another form)."
    ),
    "bad_source": _("The title or the text of a passage is not a text."),
    "one_answer_a_prompt": _(
        "The prompt has a row already, with another answer to compare with: this format has one row a prompt."
    ),
    "no_reference": _("The pair's prompt has no answer to learn beside it."),
    "no_pair_beside": _("The answer's prompt has no pair beside it."),
    "reference_rejected": _("The answer to learn is the rejected answer of the pair."),
    "tool_reply_last": _(
        "The prompt ends with a tool's reply, and the trainer takes only a user's turn there."
    ),
    "tool_turns": _("This format holds no tool calls and no tools' replies."),
    "media_mark": _("The text holds a mark that the trainer replaces by a picture or another medium."),
    "outer_space": _(
        "An answer begins or ends with white space: Axolotl looks for it in a rendered text that may have "
        "lost that, and would then learn nothing of it."
    ),
    "found_elsewhere": _(
        "The answer stands word for word in what chat templates put before answers: Axolotl would cut there."
    ),
    "more_turns": _("This format holds one question and one answer, with a system message at most."),
    "unjudged_turns": _(
        "The conversation has earlier answers that nobody judged, and the trainer would learn them too."
    ),
    "writer_error": _("The export failed on this row in an unexpected way: the server's log has more."),
    "text_beside_call": _("LLaMA-Factory's turn for a tool call cannot hold a text beside it."),
    "system_beside": _(
        "The prompt has a system message, which this format cannot hold; “System message” (system) can "
        "put it inside the question."
    ),
    "cell_too_long": _(
        "A text is longer than the 32,767 characters that a spreadsheet's cell can hold: Excel would cut it."
    ),
    "call_ids": _("A tool call and its reply do not belong together by an id, as the API asks for."),
    "tools_form": _("A tool is not a named function in the form that the API asks for."),
    # found by a checker
    "call_arguments": _("The arguments of a tool call must be a string of JSON."),
    "message_keys": _("A message has a key that the service does not know."),
    "weight": _("The weight must be 1 on the last answer, 0 on earlier ones, and on nobody else's message."),
    "few_rows": _("The tuning services take no fewer than 10 rows."),
    "one_message": _("An answer must be exactly one message."),
    "ranks": _("There must be two answers, one of rank 0 and one of rank 1."),
    "validation_missing": _("The trainer does not start without a validation file."),
    "not_plain_text": _("The field must be a text."),
    "subset": _("The subset must be a text that is not empty: results are told by it."),
    "qa_meta": _(
        "The .meta.json beside the file is missing or does not say that it holds questions and answers."
    ),
    "not_parquet": _("The file cannot be read as Parquet."),
    "not_csv": _("The file cannot be read as CSV."),
    "no_byte_order_mark": _("The byte order mark is missing: Excel would not read the text as UTF-8."),
    "formula": _("A cell begins like a formula: a spreadsheet would run it."),
    "cells": _("The row has another number of cells than the file has columns."),
    "prompt_length": _("A prompt is longer than verl.yaml allows for: verl would leave it out."),
    "verl_config": _("verl.yaml does not name the reward, the length of prompts and the filter."),
    "no_answer_to_compare": _("The answer to compare with is missing or no text."),
    "place": _("The number of the row in its file, or its split, is wrong."),
    "not_utf8": _("The file is not UTF-8."),
    "not_json": _("The line is not a JSON object."),
    "blank_line": _("The line is blank."),
    "no_rows": _("There are no rows."),
    "columns": _("The columns are not those of the format, the same on every row."),
    "not_messages": _("The field must be a list of messages."),
    "null_content": _("A message has no text."),
    "unknown_role": _("A message has a role that chat templates do not know."),
    "system_only": _("The prompt has no user turn."),
    "system_not_first": _("A system message comes after other messages."),
    "two_users": _("Two user turns follow one another."),
    "two_assistants": _("Two assistant turns follow one another."),
    "assistant_last": _("The prompt ends with the assistant."),
    "no_assistant": _("The answer is not the assistant's."),
    "stray_tool": _("A tool's reply follows no tool call."),
    "tool_calls": _("Tool calls do not have the form they must have."),
    "implicit_prompt": _("The prompt must be in its own column, not inside the answers."),
    "label": _("The label must be true or false."),
    "one_class": _("All labels are the same: there is nothing to learn from."),
    "unbalanced": _("The labels are far out of balance: set the trainer's weights as the notes say."),
    "margin": _("The margin must be a finite number, on every row or on none."),
    "neighbours": _("Neighbouring rows share a prompt."),
    "tools_json": _("Tools must be a JSON list, as a string."),
    "loss_mark": _("Only the judged answer may be marked to be learnt, and it must be."),
    "not_text": _("The field must be a text."),
    "turn_count": _("The number of turns is not what LLaMA-Factory asks for."),
    "turn_order": _("Turns do not alternate as LLaMA-Factory asks for."),
    "not_turn": _("An answer must be one turn of the right side, with its text."),
    "dataset_info": _("dataset_info.json is not complete."),
    "not_ascii": _("dataset_info.json must be ASCII: it is read in the machine's own encoding."),
    "missing_file": _("A file named here is missing."),
    "bad_field": _("A field does not have the form it must have."),
    "byte_order_mark": _("The file begins with a byte order mark."),
    "provenance": _("The side file with the origin of each row is missing or has another number of lines."),
    "date_like": _(
        "Every answer looks like a date: the loader would turn them into times. Load the file with "
        "explicit features."
    ),
    # notes
    "near_identical": _(
        "Many pairs differ little (corrections): set the trainer's SFT term, see docs/formats.md."
    ),
    "sources_omitted": _(
        "The passages the answers rest on are not in the training prompts; “Source passages” (sources) says "
        "where to put them."
    ),
    "no_solution": _("Some prompts have no answer to compare with; their “solution” is empty."),
    "one_file": _("The file is larger than the 200 MB that the service takes: upload it in parts."),
    "earlier_turns_learnt": _(
        "The trainer's loss falls on the assistant's earlier turns as well, which nobody judged; in so "
        "many rows:"
    ),
    "exact_match": _(
        "OpenCompass compares answers letter for letter unless its settings name another evaluator."
    ),
    "verl_no_validation": _(
        "There is no validation file, which verl needs: verl.yaml names the training file in its place."
    ),
    "prompts_without_answer": _(
        "Prompts without an answer to compare with: reward.py needs a rule of yours for them. Rows:"
    ),
    "kto_weights": _("Weights that balance the two labels for the KTO trainer."),
}


def sentence(code: str) -> str:
    """The sentence of `code` in the active language."""
    return str(REASONS.get(code, code))
