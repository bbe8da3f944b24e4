"""The rules by which judgements count in an export, each with all that is to be said of it as an option.
Pure."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from training_export.option import Kind, Page, option


@dataclass(frozen=True, slots=True)
class CurationRules:
    """What an export asks of the judgements."""

    annotators: str = option(
        "each", _("Whose judgement"), kind=Kind.CHOICE,
        help="Whose judgement counts, and how it is counted.",
        choices={
            "each": _("Everyone's, unless somebody contradicts it"),
            "majority": _("What more people say than not"),
            "reviewed": _("Only what a reviewer has accepted or settled"),
        },
        page=Page("main"),
    )  # fmt: skip
    pairs: str = option(
        "all", _("Pairs from a ranking"), kind=Kind.CHOICE,
        help="Which of the decided pairs of a ranking are written.",
        choices={
            "all": _("Every two answers judged differently"),
            "best-worst": _("The best against the worst only"),
            "best-rest": _("The best against each of the others"),
            "best-random": _("The best against one other, drawn by the seed"),
        },
        page=Page("main"),
    )  # fmt: skip
    margin: str = option(
        "none", _("Margin on pairs"), kind=Kind.CHOICE,
        help="What the margin of a pair is taken from.",
        choices={
            "none": _("None"),
            "strength": _("How much better, as the experts said"),
            "bt": _("From all votes on the prompt (Bradley–Terry)"),
        },
        page=Page("more", hint=_("What the experts said is used only if they said it for every pair.")),
    )  # fmt: skip
    alpha: float = option(
        0.01, _("Weight of the term that learns from the better answer"), kind=Kind.NUMBER,
        help="Regularisation of margin bt.", minimum=0, maximum=10, metavar="A",
    )  # fmt: skip
    max_pairs: int = option(
        0, _("At most this many pairs per prompt"), kind=Kind.INTEGER,
        help="At most N pairs per prompt, drawn by seed; 0: no limit.", minimum=0, metavar="N",
        page=Page("more", hint=_("Empty: no limit."), maximum=1000, blank=True),
    )  # fmt: skip
    seed: int = option(
        0, _("Seed"), kind=Kind.INTEGER,
        help="For splits and draws.", metavar="N",
        page=Page("more", hint=_("For the split and for what is drawn."), minimum=0, maximum=2**31 - 1),
    )  # fmt: skip
    correction_beats: str = option(
        "original",
        _("A correction is better than"),
        kind=Kind.CHOICE,
        help="What a correction is better than: ranked adds up to two answers that its author ranked equal "
        "to the original or lower.",
        choices={
            "original": _("the answer it corrects"),
            "ranked": _("also up to two answers ranked equal or lower"),
        },
        page=Page("more"),
    )
    sft_top: bool = option(
        False, _("Learn from top-ranked answers, too"), kind=Kind.FLAG,
        help="Top-ranked answers are answers to learn, too.",
        page=Page("more"),
    )  # fmt: skip
    all_corrections: bool = option(
        False, _("Learn from every correction of a prompt, not from one"), kind=Kind.FLAG,
        help="Learn from every correction of a prompt, not from one.",
        page=Page("more"),
    )  # fmt: skip
    binary_from_ratings: bool = option(
        False, _("Overall ratings 4 and 5 mean good, 1 and 2 bad"), kind=Kind.FLAG,
        help="Overall rating 4 or 5 is good, 1 or 2 is bad.",
        page=Page("more"),
    )  # fmt: skip
    include_imported: bool = option(
        True,
        _("With judgements that came with imported files"),
        kind=Kind.FLAG,
        help="Judgements that came with imported files count, unless they are left out.",
        flag="--without-imported",
        page=Page("more"),
    )
    cut_rejected: bool = option(
        False, _("Let answers that were cut off be the worse side"), kind=Kind.FLAG,
        help="Answers that were cut off may be the worse side of a pair, or bad ones.",
        page=Page("more"),
    )  # fmt: skip
