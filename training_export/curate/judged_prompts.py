"""One prompt with all that was answered and judged: what pairs.py and verdicts.py work on. Pure.

A case gathers every item of a prompt, because a pair or a label is about the answers, not about the item
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
class CaseAnswer:
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
class Voice:
    """One annotator's judgement of one item, or one end user's word as such. `slots[n]` is the index in
    Case.answers of the item's slot n. `status`: settled · accepted · raw · imported (they may speak) ·
    returned · withdrawn · practice (they may not). `event`: the newer one is the later one."""

    annotator: str
    source: Judged | EndUserWord
    event: int
    status: str
    says: Judgement
    item: int = 0
    slots: tuple = ()
    imported: bool = False

    def groups(self) -> list[list[int]]:
        """The ranking, best first, by indexes of Case.answers, with the rest as one last group where it was
        judged worse."""
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
class Case:
    """`hidden`: the items that are. `identify(messages)` gives the group id that a prompt with these messages
    (and the case's tools and sources) has."""

    messages: list
    group_id: str
    answers: list[CaseAnswer] = field(default_factory=list)
    voices: list[Voice] = field(default_factory=list)
    tools: list | None = None
    sources: list = field(default_factory=list)
    language: str = ""
    tags: tuple = ()
    prompt: int = 0
    origins: list = field(default_factory=list)
    hidden: list = field(default_factory=list)
    identify: Callable[[list], str] = lambda messages: "g" + json.dumps(messages, sort_keys=True)


def answer_key(answer: Answer) -> tuple:
    """Equal key = equal answer (text after NFC with line ends unified, and the tool turns before it)."""
    return (json.dumps(answer.turns, sort_keys=True) if answer.turns else "", unified(answer.text))


def speaking(voices: list[Voice], rules: CurationRules) -> tuple[list[Voice], Counter]:
    """The judgements that count, and how many do not, by reason. Where an item is settled only the settled
    version speaks, in every mode."""
    if (
        len(voices) == 1
        and rules.annotators != "reviewed"
        and rules.include_imported
        and voices[0].status in STATUS_RANK
    ):
        return voices, Counter()
    settled = {v.item for v in voices if v.status == "settled"}
    heard, out = [], Counter()
    for voice in voices:
        if voice.status not in STATUS_RANK:
            out[voice.status] += 1
        elif voice.item in settled and voice.status != "settled":
            out["not_settled"] += 1
        elif voice.imported and not rules.include_imported:
            out["imported"] += 1
        elif rules.annotators == "reviewed" and voice.status not in ("settled", "accepted"):
            out["not_reviewed"] += 1
        else:
            heard.append(voice)
    heard.sort(key=lambda v: v.event)
    return heard, out


def heard(said: dict, voice: Voice, *more) -> None:
    """Put what `voice` says into `said` ({annotator: (voice, …)}, in the order of events): the later
    judgement of one person takes the place of the earlier one, but never a raw one that of a settled one."""
    before = said.get(voice.annotator)
    if before is None or before[0].status != "settled" or voice.status == "settled":
        said[voice.annotator] = (voice, *more)


def settled_first(said: dict) -> list[tuple]:
    """What counts of `said`: where a settled judgement is among them, only settled ones."""
    every = list(said.values())
    if len(every) > 1 and any(entry[0].status == "settled" for entry in every):
        return [entry for entry in every if entry[0].status == "settled"]
    return every


def best_status(voices) -> str:
    """The strongest standing among `voices`: settled · accepted · raw · imported."""
    if len(voices) == 1:
        return voices[0].status
    return max(
        (v.status for v in voices), key=lambda s: (STATUS_RANK.get(s, 0), s == "raw"), default="imported"
    )
