"""`decontaminate`: rows that hold what a model will be examined with. Pure.

The evaluation side is indexed in memory; the rows flow past it one by one, however many they are."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from training_export.curate.examples import EvalQuestion, Example
from training_export.curate.identity import answers_of, asked_key
from training_export.curate.overlap import NearTexts, Runs, frequencies, shingles
from training_export.option import Kind, option
from training_export.steps.base import Means, Report, Row, Rows, Step

RESERVED = "reserved"  # the set of the project's own items that are kept for evaluation


@dataclass(frozen=True)
class Parameters:
    """Against what, and how much in common is too much."""

    sets: tuple = option(
        (), _("Evaluation sets"), kind=Kind.TEXTS, metavar="NAME,…",
        help="Names of the sets that are kept for evaluation.",
    )  # fmt: skip
    reserved: bool = option(
        True, _("Also the project's own items kept for evaluation"), kind=Kind.FLAG,
        help="Also compare with the project's items that are reserved for evaluation.",
    )  # fmt: skip
    words: int = option(
        13, _("Words in a row"), kind=Kind.INTEGER, minimum=5, maximum=100,
        help="As many words in a row in common, in texts with blanks between words, are too many.",
    )  # fmt: skip
    characters: int = option(
        13, _("Characters in a row"), kind=Kind.INTEGER, minimum=5, maximum=200,
        help="As many characters in a row in common, in texts without blanks (Chinese), are too many.",
    )  # fmt: skip
    look_at: str = option(
        "all", _("What of a row is looked at"), kind=Kind.CHOICE,
        help="Whether runs are looked for in the answers of a row too.",
        choices={"all": _("Question and answers"), "question": _("The question")},
    )  # fmt: skip
    common: int = option(
        20, _("A run of this many items of one set is its template"), kind=Kind.INTEGER, minimum=0,
        help="What more than N items of one evaluation set have in common is no evidence; 0: all is.",
    )  # fmt: skip
    near: bool = option(
        True, _("Also nearly equal questions"), kind=Kind.FLAG,
        help="Also drop rows whose question is nearly one of the evaluation.",
    )  # fmt: skip
    similarity: float = option(
        0.7, _("From this similarity on"), kind=Kind.NUMBER, minimum=0, maximum=1,
        help="Jaccard similarity of the shingles of two questions from which on they are nearly equal.",
    )  # fmt: skip


def _turns(example: Example, *roles: str) -> list[str]:
    return [
        turn["content"]
        for turn in example.context
        if turn.get("role") in roles and isinstance(turn.get("content"), str) and turn["content"]
    ]


def _answers(example: Example) -> list[str]:
    """Also the turns before an answer, and what an evaluation expects."""
    found = [answer.text for answer in answers_of(example)]
    found += [str(turn.get("content") or "") for answer in answers_of(example) for turn in answer.turns]
    if isinstance(example, EvalQuestion):
        found.append(example.reference)
    return found


class _Evaluation:
    """What the rows are compared with. A system message is no part of a question: one stands over many."""

    def __init__(self, parameters: Parameters, report: Report, means: Means):
        self.runs: Runs[str, int] = Runs(parameters.words, parameters.characters)
        self.near: NearTexts[tuple[str, int]] | None = None
        self.look_at = parameters.look_at
        self.items: Counter[str] = Counter()
        names = dict.fromkeys([*parameters.sets, *([RESERVED] if parameters.reserved else [])])
        if parameters.near:
            asked = ("\n".join(_turns(row.example, "user")) for name in names for row in means.sets(name))
            self.near = NearTexts(parameters.similarity, frequencies(asked))
        for name in names:
            numbers: dict[bytes, int] = {}  # the rows of one question are one item
            for row in means.sets(name):
                number = numbers.setdefault(asked_key(row.example), len(numbers) + 1)
                self._add(name, number, row.example)
            self.items[name] = len(numbers)
            if not self.items[name]:
                report.note("empty_set", name)
        if taken_out := self.runs.close(parameters.common):
            report.note("template", str(taken_out))

    def _add(self, name: str, number: int, example: Example) -> None:
        asked = _turns(example, "user")
        for text in [*asked, *_turns(example, "assistant", "tool")]:
            self.runs.add(name, number, text, whole=text in asked)
        for text in _answers(example):
            self.runs.add(name, number, text)
        if self.near is not None and asked:
            self.near.add((name, number), shingles("\n".join(asked)))

    def find(self, example: Example) -> tuple[str, str, int, str] | None:
        """(reason, set, item, how much they have in common) of the first item found in a row."""
        asked = _turns(example, "user")
        if self.near is not None and asked:
            # a talk may begin or end with the question that is an examination's only one
            for text in dict.fromkeys(["\n".join(asked), asked[0], asked[-1]]):
                if found := self.near.nearest(shingles(text)):
                    (name, number), similarity = found
                    return "evaluation_question", name, number, f"{similarity:.2f}"
        texts = asked + _turns(example, "assistant", "tool")
        for text in texts + (_answers(example) if self.look_at == "all" else []):
            if found := self.runs.find(text):
                name, number, length = found
                return "evaluation_text", name, number, str(length)
        return None


def _work(rows: Rows, parameters: Parameters, report: Report, means: Means) -> Iterator[Row]:
    evaluation = _Evaluation(parameters, report, means)
    hit: Counter = Counter()
    touched: dict[str, set[int]] = {name: set() for name in evaluation.items}
    for place, row in enumerate(rows):
        means.progress(place + 1, len(rows))
        if found := evaluation.find(row.example):
            reason, name, number, common = found
            hit[name] += 1
            touched[name].add(number)
            report.drop(row, reason, f"{name} {number}: {common}")
        else:
            yield row
    report.figures["sets"] = {
        name: {"items": count, "rows": hit[name], "items_found": len(touched[name])}
        for name, count in evaluation.items.items()
    }


STEP = Step(
    name="decontaminate",
    version=1,
    label=_("Keep evaluation out of training"),
    about=_(
        "Drops rows that have a long run of words or characters in common with an evaluation set, or whose "
        "question is nearly one of it."
    ),
    parameters=Parameters,
    work=_work,
    reasons={
        "evaluation_text": _("It has a long run of words or characters in common with an evaluation set."),
        "evaluation_question": _("Its question is nearly one of an evaluation set."),
    },
    notes={
        "empty_set": _("An evaluation set is empty: nothing was compared with it."),
        "template": _("Runs that many items of an evaluation set share are its template, and no evidence."),
    },
)
