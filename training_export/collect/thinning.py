"""How many of the end users' thumbs are taken: a cap for each person, and a stated balance of good and
bad."""

from array import array
from itertools import groupby

from django.db.models import Count

from corpus.canonical import unified
from feedback.models import Reaction
from feedback.reactions.in_force import latest
from training_export.collect.consistent_read import Reading
from training_export.collect.rows import ThumbRow
from training_export.curate.draws import context_name, drawn_number
from training_export.curate.examples import Binary


def beyond_cap(project, reading: Reading, cap: int, seed: int) -> frozenset:
    """Ids of the thumbs that a person gave beyond `cap`. Which of theirs stay is drawn by `seed`, so that
    neither the first nor the last day speaks for them. Thumbs without a person have no cap."""
    thumbs = Reaction.objects.filter(
        project=project,
        kind=Reaction.Kind.THUMB,
        event_id__lte=reading.as_of,
        message__isnull=False,
        end_user__isnull=False,
    )
    many = (
        thumbs.order_by()
        .values("end_user_id")
        .annotate(n=Count("id"))
        .filter(n__gt=cap)
        .values("end_user_id")
    )
    rows = reading.rows_as(ThumbRow, thumbs.filter(end_user_id__in=many).order_by("end_user_id", "id"))
    beyond: set[int] = set()
    for _user, given in groupby(rows, key=lambda row: row.end_user):
        in_force = latest(given, about=lambda row: row.message, said=lambda row: (row.at, row.pk))
        drawn = [
            (drawn_number(seed, unified(row.text), unified(row.question or ""), row.value), row.pk)
            for row in in_force.values()
            if row.value
        ]
        beyond.update(pk for _number, pk in sorted(drawn)[cap:])
    return frozenset(beyond)


def label_number(seed: int, row: Binary) -> int:
    """A stable random number (64 bits) for a label, by what it is about."""
    return drawn_number(seed, context_name(row.context, row.tools, row.sources), unified(row.answer.text))


class Thinning:
    """Keeps as many labels as stand in the asked proportion, drawn by their numbers. Count all, decide, then
    ask for each.

    `balance` = (good, bad), both above 0: (1, 1) keeps as many good labels as bad ones. The rarer side is
    kept whole."""

    def __init__(self, balance: tuple[int, int]):
        self._balance = balance
        self._numbers = {True: array("Q"), False: array("Q")}
        self._least: dict[bool, int | None] = {}
        self.counts: dict[bool, int] = {}

    def count(self, number: int, label: bool) -> None:
        self._numbers[label].append(number)

    def decide(self) -> None:
        good, bad = self._balance
        n = {label: len(numbers) for label, numbers in self._numbers.items()}
        keep = {True: min(n[True], n[False] * good // bad), False: min(n[False], n[True] * bad // good)}
        for label, numbers in self._numbers.items():
            self._least[label] = (
                None if keep[label] >= n[label] else sorted(numbers)[keep[label] - 1] if keep[label] else -1
            )
        self.counts = keep
        self._numbers = {True: array("Q"), False: array("Q")}

    def keeps(self, number: int, label: bool) -> bool:
        least = self._least[label]
        return least is None or number <= least
