"""Why something that was judged is not in the data: one stable code each, with its sentence and what it
counts. Writers have codes of their own (formats.reasons); `sentence_of` knows both."""

from django.utils.translation import gettext_lazy as _

from training_export.formats.reasons import sentence as format_sentence

# code: (what is counted, sentence)
LEFT_OUT = {
    # whole prompts and items
    "hidden": ("items", _("The item is hidden (a report waits for the manager, or was upheld).")),
    "beside_hidden": (
        "judgements",
        _("Another item of the prompt is hidden: what was reported may be in the texts that they share."),
    ),
    "no_judgement": ("prompts", _("Nobody has judged this prompt yet.")),
    "no_pair": ("prompts", _("The judgements of this prompt give no pair.")),
    "no_target": ("prompts", _("The judgements of this prompt give no answer to learn.")),
    "no_label": ("prompts", _("The judgements of this prompt give no good-or-bad label.")),
    "no_row": ("prompts", _("The judgements of this prompt give no row.")),
    "unreadable": (
        "prompts",
        _("What is stored of this prompt or its answers is not in the form of a conversation."),
    ),
    "not_text": (
        "prompts",
        _(
            "The question or an earlier turn had a picture, a sound or a file, which is not held "
            "here: its text alone asks something else."
        ),
    ),
    # judgements
    "returned": ("judgements", _("The judgement was returned to its author.")),
    "withdrawn": ("judgements", _("The author took the judgement back.")),
    "practice": ("judgements", _("Practice work does not leave the project.")),
    "not_reviewed": ("judgements", _("The judgement has not been accepted by a reviewer.")),
    "not_settled": ("judgements", _("The item was settled on another judgement.")),
    "imported": ("judgements", _("Judgements that came with the data were not asked for.")),
    "no_line": (
        "judgements",
        _("The judgement draws no acceptability line: rank alone does not say good or bad."),
    ),
    "fix_is_no_label": (
        "judgements",
        _("A fixed pair says neither that the answer was good nor that it was bad."),
    ),
    "drop_question": ("judgements", _("The pair was dropped because of its question.")),
    "drop_duplicate": ("judgements", _("The pair was dropped as a duplicate.")),
    "source_outdated": ("judgements", _("The pair was dropped because its source is outdated.")),
    "source_missing": (
        "judgements",
        _("The answer was called unsupported, but the prompt does not carry the source."),
    ),
    "superseded_ranking": ("judgements", _("Its author has ranked these answers in another order since.")),
    # pairs of answers
    "tie": ("pairs", _("The answers were judged equal, or the votes are even.")),
    "unjudged": ("pairs", _("Nobody compared these two answers.")),
    "superseded_judgement": (
        "pairs",
        _("The comparison contradicts what its author judged later."),
    ),
    "opposite_votes": ("pairs", _("Annotators judged the two answers in opposite ways.")),
    "cycle": ("pairs", _("The majorities run in a circle (A over B, B over C, C over A).")),
    "context_differs": ("pairs", _("The two answers were given different material beyond the prompt.")),
    "not_selected": ("pairs", _("The chosen way of pairing does not write this pair.")),
    "max_pairs": ("pairs", _("The prompt has more pairs than the limit allows.")),
    "cut_pair": (
        "pairs",
        _(
            "One of the answers was cut off (at its maximum length, or by a filter): it is not what its "
            "model meant."
        ),
    ),
    # corrections
    "equal_text": ("corrections", _("The corrected text is the same as the original.")),
    "wording_only": (
        "corrections",
        _("The expert called the edit wording only: it is learnt from, but makes no pair."),
    ),
    "question_changed": (
        "corrections",
        _("The question was changed with the answer: old and new answer have no common context."),
    ),
    "superseded_correction": (
        "corrections",
        _("Another correction of this prompt is the one to learn from."),
    ),
    "correction_no_target": ("corrections", _("The corrected question has no answer.")),
    "tool_turn": ("corrections", _("The corrected turn calls tools or has no turn before it to answer.")),
    # answers
    "unlabelled": ("answers", _("Nobody said whether this answer is good or bad.")),
    "conflicting_labels": ("answers", _("Annotators disagree on whether the answer is good.")),
    "conflicting_verdicts": ("answers", _("Annotators disagree on whether the pair should be kept.")),
    "judged_bad": ("answers", _("The answer was offered for learning, but was judged bad.")),
    "cut_answer": (
        "answers",
        _("The answer was cut off (at its maximum length, or by a filter): it is not what its model meant."),
    ),
    "superseded_target": ("answers", _("The answer was offered for learning, but has been corrected.")),
    "target_not_reviewed": (
        "answers",
        _("The answer was offered for learning, but no reviewer has accepted a judgement of it."),
    ),
    # what end users said
    "expert_judged": ("words of end users", _("An expert has judged this answer: the expert's word counts.")),
    "hidden_words": ("words of end users", _("The prompt is on a hidden item.")),
    "answer_unusable": (
        "words of end users",
        _("The answer is not complete, has no text any more, or calls tools."),
    ),
    "unreadable_words": (
        "words of end users",
        _("What is stored of the conversation is not in the form of one."),
    ),
    "draft_not_seen": ("words of end users", _("Fewer than two of the drafts were complete and seen.")),
    "taken_back": ("words of end users", _("The person took the thumb or the correction back.")),
    "changed_mind": (
        "words of end users",
        _("The person said something else about it later: the later word counts."),
    ),
    "target_unknown": ("words of end users", _("The answer, or one of the drafts, has not arrived yet.")),
    "no_question": ("words of end users", _("There is no question that the answer answers.")),
    "context_unusable": ("words of end users", _("A question before the answer has no text (any more).")),
    "other_format": ("words of end users", _("This format has no place for words of this kind.")),
    "word_unused": (
        "words of end users",
        _(
            "It is in no row: others said the opposite, the person said something else about an equal "
            "answer later, or this format does not write it."
        ),
    ),
    "person_cap": ("words of end users", _("The person gave more thumbs than the limit for one person.")),
    "thinned": ("rows", _("Left out so that good and bad are in the proportion asked for.")),
    # what a recipe does not ask for
    "not_since": ("prompts", _("Nobody has judged this prompt since the log entry that was named.")),
    "other_tags": ("rows", _("Its item has none of the tags asked for, or one of those not wanted.")),
    "other_language": ("rows", _("Its prompt is in another language.")),
    "other_origin": ("rows", _("One of its answers is of another origin.")),
    "other_standing": ("rows", _("Its judgement does not stand as asked for.")),
    "low_agreement": ("rows", _("Fewer of those who compared the two agree than asked for.")),
    "not_new": ("rows", _("It stands in the earlier data set already, and was not drawn again.")),
    # rows
    "split_bridge": ("rows", _("The row would be on two sides of the split.")),
}

# What a manifest notes without anything being left out.
NOTES = {
    "no_strength": _(
        "Some pairs have no strength: margins are on every row or on none, so none were written."
    ),
}

UNITS = {
    "items": _("items"),
    "prompts": _("prompts"),
    "judgements": _("judgements"),
    "pairs": _("pairs of answers"),
    "corrections": _("corrections"),
    "answers": _("answers"),
    "words of end users": _("words of end users"),
    "rows": _("rows"),
}


def sentence_of(code: str) -> str:
    """The sentence of a code (left out, noted, or a writer's) in the active language."""
    known = LEFT_OUT.get(code)
    return str(known[1]) if known else str(NOTES[code]) if code in NOTES else format_sentence(code)


def unit_of(code: str) -> str:
    """What the code counts: "pairs", "judgements" …; a writer's codes count rows."""
    known = LEFT_OUT.get(code)
    return known[0] if known else "rows"
