"""The one writer of choices between drafts, for the chat, the API, imports, and drafts that came late."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from core.db import bulk
from feedback.models import Choice, Message, WaitingDraft
from feedback.reactions.in_force import choice_about, latest, moment_after

_NAMES = (
    "id",
    "end_user",
    "parent",
    "chosen",
    "verdict",
    "regenerated",
    "shown",
    "current",
    "created_at",
    "place",
)


@dataclass(slots=True)
class Chosen:
    """A choice to be written. `parent` None: it waits for its drafts. `at` None: now. `shown` as Choice.shown
    has it."""

    pk: int
    user: int | None
    parent: int | None
    chosen: int | None
    verdict: str
    regenerated: bool
    shown: list[dict]
    place: int | None
    at: datetime | None
    current: bool = True

    @classmethod
    def of(cls, row: Choice) -> "Chosen":
        """A choice that is there, with its drafts."""
        return cls(
            row.pk,
            row.end_user_id,
            row.parent_id,
            row.chosen_id,
            row.verdict,
            row.regenerated,
            row.shown,
            row.place,
            row.created_at,
            row.current,
        )

    @property
    def about(self) -> tuple:
        answers = [draft["message"] for draft in self.shown] if self.parent is not None else []
        return choice_about(
            self.pk, end_user=self.user, parent=self.parent, regenerated=self.regenerated, shown=answers
        )


class ChoiceWriter:
    """Writes choices, one or a thousand, and says which of each person and question is in force."""

    def __init__(self, project, now: datetime):
        self._project, self._now = project, now
        self._new: list[Chosen] = []
        self._waiting: list[tuple[int, str]] = []
        self._drawn: bulk.Keys | None = None

    @property
    def any(self) -> bool:
        return bool(self._new)

    def add(
        self,
        *,
        user,
        parent,
        chosen,
        verdict: str,
        regenerated: bool,
        shown: list[dict],
        place: int | None,
        at: datetime | None,
    ) -> int:
        """The id of the choice to be written. One without `parent` waits for the drafts that `shown` names as
        "external"."""
        if self._drawn is None:
            self._drawn = bulk.Keys(Choice, block=100)
            self._drawn.reset()
        pk = next(self._drawn)
        self._new.append(
            Chosen(
                pk, user, parent, chosen, verdict, regenerated, shown, place, at, current=parent is not None
            )
        )
        if parent is None:
            self._waiting += [(pk, draft["external"]) for draft in shown]
        return pk

    def write(self, *, event: int) -> None:
        if not self._new:
            return
        settle(self._project, self._new, self._now)
        rows = (
            (
                c.pk,
                c.user,
                c.parent,
                c.chosen,
                c.verdict,
                c.regenerated,
                bulk.json_text(c.shown),
                c.current,
                bulk.moment(c.at or self._now),
                c.place,
            )
            for c in self._new
        )
        bulk.insert(Choice, _NAMES, rows, constants={"project": self._project.pk, "event_id": event})
        if self._waiting:
            bulk.insert(
                WaitingDraft, ("choice", "external"), self._waiting, constants={"project": self._project.pk}
            )


def settle(project, new: list[Chosen], now: datetime) -> None:
    """Set `current` of the choices `new`, which are about to be written or have just found their drafts, and
    take it from those in the database that they take the place of. Choices under the same questions queue
    up until the end of the transaction."""
    parents = sorted({c.parent for c in new if c.parent is not None and c.user is not None})
    if not parents:
        return
    if connection.features.has_select_for_update:
        list(
            Message.objects.filter(pk__in=parents)
            .order_by("pk")
            .select_for_update(no_key=True)
            .values_list("pk")
        )
    there = [
        Chosen.of(row)
        for row in Choice.objects.filter(
            project=project, parent__in=parents, current=True, end_user__isnull=False
        )
    ]
    found = {c.about: c for c in there}
    for choice in new:
        if choice.parent is None or choice.user is None:
            continue
        before = found.get(choice.about)
        if choice.at is None:
            choice.at = moment_after(before.at if before else None, now)
        found |= latest(
            [*([before] if before else []), choice], about=lambda c: c.about, said=lambda c: (c.at, c.pk)
        )
    for choice in new:
        choice.current = choice.parent is not None and found.get(choice.about, choice) is choice
    Choice.objects.filter(pk__in=[c.pk for c in there if found[c.about] is not c]).update(current=False)
