"""`distribution`: what the rows are like, beside a reference set. A report: every row stays as it is. Pure.

Each picture of `figures` is {"labels": […], "rows": [how many each], "reference": [how many each],
"distance": the Jensen–Shannon divergence of the two in bits (curate.measures), None without a reference}. A
distance of small sets is too large: of two halves of the same 50 rows it is not 0 either."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.rendering import language
from training_export.curate.examples import Example
from training_export.curate.measures import MARKS, best_answer_of, divergence, marks_of, question_of
from training_export.option import Kind, option
from training_export.steps.base import Means, Report, Row, Rows, Step

FEW = 50  # rows; below it a person is told that distances say little
MOST_TAGS = 40  # that are drawn; the distance is of all


@dataclass(frozen=True)
class Parameters:
    """What the rows are held against."""

    reference: str = option(
        "", _("Reference set"), kind=Kind.TEXT, maximum=200, metavar="NAME",
        help="Name of the set that the rows are compared with; without one they are only counted.",
    )  # fmt: skip
    kinds: str = option(
        "same", _("Rows of the reference set"), kind=Kind.CHOICE,
        help="Only rows of the kinds that are compared (pairs with pairs), or all of the set.",
        choices={"same": _("Those of the same kinds"), "all": _("All")},
    )  # fmt: skip


@dataclass(slots=True)
class _Counts:
    """`lengths` and `turns` by the number of binary digits: 0, 1, 2 to 3, 4 to 7, 8 to 15 …"""

    rows: int = 0
    answered: int = 0
    questions: Counter = field(default_factory=Counter)
    answers: Counter = field(default_factory=Counter)
    turns: Counter = field(default_factory=Counter)
    marks: Counter = field(default_factory=Counter)
    languages: Counter = field(default_factory=Counter)
    tags: Counter = field(default_factory=Counter)
    kinds: Counter = field(default_factory=Counter)

    def add(self, example: Example) -> None:
        question, answer = question_of(example), best_answer_of(example)
        self.rows += 1
        self.kinds[type(example).__name__] += 1
        self.questions[len(question).bit_length()] += 1
        self.turns[sum(turn.get("role") == "user" for turn in example.context)] += 1
        self.languages[example.language or language.guess(question)] += 1
        self.tags.update(example.tags or ("",))
        if answer is not None:
            self.answered += 1
            self.answers[len(answer).bit_length()] += 1
            self.marks.update(marks_of(answer))


def _span(digits: int) -> str:
    low, high = (1 << digits) >> 1, (1 << digits) - 1
    return str(low) if low >= high else f"{low}–{high}"


def _picture(labels: dict, one: Counter, other: Counter | None) -> dict[str, Any]:
    """`labels`: {what is counted: how it is called}, in their order."""
    return {
        "labels": list(labels.values()),
        "rows": [one[name] for name in labels],
        "reference": None if other is None else [other[name] for name in labels],
        "distance": None if other is None else divergence(one, other),
    }


def _numbers(one: Counter, other: Counter | None, name=str) -> dict[str, Any]:
    found = [*one, *(other or ())]
    return _picture(
        {n: name(n) for n in range(min(found, default=0), max(found, default=-1) + 1)}, one, other
    )


def _names(one: Counter, other: Counter | None, most: int | None = None) -> dict[str, Any]:
    """The most frequent first, of equally frequent ones by name."""
    both = one + (other or Counter())
    ordered = sorted(both, key=lambda name: (-both[name], name))[:most]
    return _picture({name: name for name in ordered}, one, other) | {"more": len(both) - len(ordered)}


def _yes_or_no(mark: str, one: _Counts, other: _Counts | None) -> dict[str, Any]:
    def counted(counts: _Counts) -> Counter:
        return Counter({"yes": counts.marks[mark], "no": counts.answered - counts.marks[mark]})

    return _picture({"yes": "yes", "no": "no"}, counted(one), counted(other) if other else None)


def _figures(one: _Counts, other: _Counts | None) -> dict[str, Any]:
    def of(name: str) -> tuple[Counter, Counter | None]:
        return getattr(one, name), getattr(other, name) if other else None

    return {
        "count": {"rows": one.rows, "reference": other and other.rows},
        "question_length": _numbers(*of("questions"), _span),
        "answer_length": _numbers(*of("answers"), _span),
        "turns": _numbers(*of("turns")),
        "marks": {mark: _yes_or_no(mark, one, other) for mark in MARKS},
        "language": _names(*of("languages")),
        "kind": _names(*of("kinds")),
        "tags": _names(*of("tags"), MOST_TAGS),
    }


def _work(rows: Rows, parameters: Parameters, report: Report, means: Means) -> Iterator[Row]:
    here, reference = _Counts(), None
    for place, row in enumerate(rows):
        means.progress(place + 1, len(rows))
        here.add(row.example)
        yield row
    if parameters.reference:
        reference = _Counts()
        for row in means.sets(parameters.reference):
            if parameters.kinds == "all" or type(row.example).__name__ in here.kinds:
                reference.add(row.example)
        if min(here.rows, reference.rows) < FEW:
            report.note("few_rows", f"{here.rows} : {reference.rows}")
    report.figures.update(_figures(here, reference))


STEP = Step(
    name="distribution",
    version=1,
    label=_("Compare with a reference set"),
    about=_("Counts lengths, turns, format, languages and tags beside a reference set. Every row stays."),
    parameters=Parameters,
    work=_work,
    reasons={},
    notes={"few_rows": _("With so few rows, the distances to the reference say little.")},
)
