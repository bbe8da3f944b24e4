"""One prompt with all that was answered and judged: what pairs.py and targets.py work on. Pure.

It gathers every item of the prompt, because a pair or a label is about the answers, not about the item
on which they were shown."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from annotation.document import Judgement
from corpus.canonical import unified
from training_export.curate.examples import Answer
from training_export.curate.rules import CurationRules

STATUS_RANK = {"settled": 3, "accepted": 2, "raw": 1, "imported": 1}


@dataclass(slots=True)
class JudgedAnswer:
    """One distinct answer (equal texts share it). `targets`: response ids that the file offered as the answer
    to learn. `givens`: {canonical JSON: value} of what its responses had beyond the prompt; {} when none
    had anything. `cut`: some response with this text was cut off where it ends."""

    answer: Answer
    key: str
    responses: list = field(default_factory=list)
    models: list = field(default_factory=list)
    targets: list = field(default_factory=list)
    givens: dict = field(default_factory=dict)
    cut: bool = False


class Judged(NamedTuple):
    """Where an annotator's judgement stands: the version of an annotation."""

    version: int


@dataclass(frozen=True, slots=True)
class EndUserWord:
    """Where an end user's word stands. `at`: when it was said, as the database gives it; `row`: of the table
    that its `kind` (thumb, correction, choice) has; `places`: {answer's text hash: place on screen}, of a
    choice."""

    at: object
    kind: str
    row: int
    conversation: int
    turn: int
    end_user: int | None
    places: dict = field(default_factory=dict)


@dataclass(slots=True)
class AttributedJudgement:
    """One annotator's judgement of one item, or one end user's word as such. `slots[n]` is the index in
    JudgedPrompt.answers of the item's slot n. `status`: settled · accepted · raw · imported (these count) ·
    returned · withdrawn · practice (these do not). `event`: the newer one is the later one."""

    annotator: str
    source: Judged | EndUserWord
    event: int
    status: str
    says: Judgement
    item: int = 0
    slots: tuple = ()
    imported: bool = False

    def groups(self) -> list[list[int]]:
        """The ranking, best first, by indexes of JudgedPrompt.answers, with the rest as one last group where
        it was judged worse."""
        groups = [[self.slots[s] for s in group] for group in self.says.groups()]
        if groups and self.says.rest_is_worse():
            rest = self.rest()
            if rest:
                groups.append(rest)
        return groups

    def rest(self) -> list[int]:
        """The answers that are not in the ranking."""
        return [self.slots[s] for s in self.says.rest(range(len(self.slots)))]


@dataclass(slots=True)
class JudgedPrompt:
    """`hidden`: the items that are. `identify(messages)` gives the group id that a prompt with these messages
    (and its tools and sources) has."""

    messages: list
    group_id: str
    answers: list[JudgedAnswer] = field(default_factory=list)
    judgements: list[AttributedJudgement] = field(default_factory=list)
    tools: list | None = None
    sources: list = field(default_factory=list)
    language: str = ""
    tags: tuple = ()
    pk: int = 0
    origins: list = field(default_factory=list)
    hidden: list = field(default_factory=list)
    identify: Callable[[list], str] = lambda messages: "g" + json.dumps(messages, sort_keys=True)


def answer_key(answer: Answer) -> tuple:
    """Equal key = equal answer (text after NFC with line ends unified, and the tool turns before it)."""
    return (json.dumps(answer.turns, sort_keys=True) if answer.turns else "", unified(answer.text))


def eligible(
    judgements: list[AttributedJudgement], rules: CurationRules
) -> tuple[list[AttributedJudgement], Counter]:
    """The judgements that count, and how many do not, by reason. Where an item is settled only the settled
    version counts, in every mode."""
    if (
        len(judgements) == 1
        and rules.annotators != "reviewed"
        and rules.include_imported
        and judgements[0].status in STATUS_RANK
    ):
        return judgements, Counter()
    settled = {v.item for v in judgements if v.status == "settled"}
    counted, out = [], Counter()
    for judgement in judgements:
        if judgement.status not in STATUS_RANK:
            out[judgement.status] += 1
        elif judgement.item in settled and judgement.status != "settled":
            out["not_settled"] += 1
        elif judgement.imported and not rules.include_imported:
            out["imported"] += 1
        elif rules.annotators == "reviewed" and judgement.status not in ("settled", "accepted"):
            out["not_reviewed"] += 1
        else:
            counted.append(judgement)
    counted.sort(key=lambda v: v.event)
    return counted, out


def keep_latest(said: dict, judgement: AttributedJudgement, *more) -> None:
    """Put what `judgement` says into `said` ({annotator: (judgement, …)}, in the order of events): the later
    judgement of one person takes the place of the earlier one, but never a raw one that of a settled one."""
    before = said.get(judgement.annotator)
    if before is None or before[0].status != "settled" or judgement.status == "settled":
        said[judgement.annotator] = (judgement, *more)


def settled_first(said: dict) -> list[tuple]:
    """What counts of `said`: where a settled judgement is among them, only settled ones."""
    every = list(said.values())
    if len(every) > 1 and any(entry[0].status == "settled" for entry in every):
        return [entry for entry in every if entry[0].status == "settled"]
    return every


def best_status(judgements) -> str:
    """The strongest standing among `judgements`: settled · accepted · raw · imported."""
    if len(judgements) == 1:
        return judgements[0].status
    return max(
        (v.status for v in judgements), key=lambda s: (STATUS_RANK.get(s, 0), s == "raw"), default="imported"
    )
