"""`mask-personal-data`: no personal data goes into a training set. Pure.

What counts as personal data, and how it is masked, is corpus.masking's: the rule by which the chat masks what
people type."""

import dataclasses
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from corpus.masking import DEFAULT_KINDS, KINDS, LABELS, mask_tree
from training_export.curate.examples import (
    Answer,
    Binary,
    EvalQuestion,
    Example,
    Preference,
    RankedList,
    Sft,
)
from training_export.option import Kind, option
from training_export.option_values import invalid
from training_export.steps.base import Means, Report, Row, Rows, Step
from training_export.steps.texts import all_texts


@dataclass(frozen=True)
class Parameters:
    """What is looked for, and what becomes of a row that holds it."""

    kinds: tuple = option(
        DEFAULT_KINDS, _("What is looked for"), kind=Kind.NAMES, choices=LABELS,
        help="Kinds of personal data. Numbers of cards are told by their checksum; numbers of passports and "
        "medical records by the words before them. What looks like an IP address may be a version.",
    )  # fmt: skip
    action: str = option(
        "mask", _("What becomes of the row"), kind=Kind.CHOICE,
        help="Put a mark such as [mobile] in the place of what was found, or drop the row.",
        choices={"mask": _("A mark is put in its place"), "drop": _("The row is dropped")},
    )  # fmt: skip

    def __post_init__(self):
        if not self.kinds:
            raise invalid("kinds", gettext("Choose at least one."))


def masked(example: Example, kinds: tuple) -> Example:
    """`example` with every text of it masked: turns, tools, passages, answers, a reference. The same object
    where nothing was found."""

    def of(answer: Answer) -> Answer:
        turns = mask_tree(list(answer.turns or ()), kinds)
        return dataclasses.replace(answer, text=mask_tree(answer.text, kinds), turns=tuple(turns))

    changed: dict = {
        name: mask_tree(getattr(example, name), kinds) for name in ("context", "tools", "sources")
    }
    if isinstance(example, Preference):
        changed |= {"chosen": of(example.chosen), "rejected": of(example.rejected)}
    elif isinstance(example, Sft):
        changed["target"] = of(example.target)
    elif isinstance(example, Binary):
        changed["answer"] = of(example.answer)
    elif isinstance(example, RankedList):
        changed["groups"] = tuple(tuple(of(answer) for answer in group) for group in example.groups)
    elif isinstance(example, EvalQuestion):
        changed["reference"] = mask_tree(example.reference, kinds)
    after = dataclasses.replace(example, **changed)
    return example if after == example else after


def _marks(example: Example) -> Counter:
    texts = list(all_texts(example))
    return Counter({kind: sum(text.count(f"[{kind}]") for text in texts) for kind in KINDS})


def _work(rows: Rows, parameters: Parameters, report: Report, means: Means) -> Iterator[Row]:
    found: Counter = Counter()
    for place, row in enumerate(rows):
        means.progress(place + 1, len(rows))
        after = masked(row.example, parameters.kinds)
        if after is row.example:
            yield row
            continue
        marks = _marks(after) - _marks(row.example)
        found += marks
        if parameters.action == "drop":
            report.drop(row, "personal_data", ", ".join(sorted(marks)))
        else:
            report.changed += 1
            yield dataclasses.replace(row, example=after)
    report.figures["found"] = dict(sorted(found.items()))


STEP = Step(
    name="mask-personal-data",
    version=1,
    label=_("Mask personal data"),
    about=_(
        "Mobile numbers, identity cards, bank cards, e-mail addresses and what else is asked for are masked "
        "in every text, or the rows that hold them are dropped."
    ),
    parameters=Parameters,
    work=_work,
    reasons={"personal_data": _("A text holds what looks like personal data.")},
)
