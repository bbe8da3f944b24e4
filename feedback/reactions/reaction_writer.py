"""The one writer of reactions, for the chat, the widget, the API and imports."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from core.db import bulk
from feedback.models import Reaction
from feedback.reactions.in_force import latest, moment_after

# What `know` wants of a reaction, in this order.
KNOWN = (
    "id",
    "end_user_id",
    "message_id",
    "conversation_id",
    "target_external",
    "kind",
    "value",
    "reasons",
    "text",
    "tags",
    "created_at",
)
_NAMES = (
    "id",
    "end_user",
    "message",
    "conversation",
    "target_external",
    "kind",
    "value",
    "reasons",
    "text",
    "tags",
    "current",
    "created_at",
)
_ID, _CURRENT, _AT = 0, 10, 11


class ReactionWriter:
    """Of one person, target and kind the latest is in force; the same said again adds nothing; nobody in
    particular has no earlier mind to change."""

    def __init__(self, project, source: str, now: datetime, keys: bulk.Keys):
        self.project, self.source, self.now = project, source, now
        self.new: list[list] = []
        self.stale: list[int] = []
        self._moved: dict[int, datetime] = {}
        self._keys = keys
        self._latest: dict[tuple, list] = {}

    @property
    def any(self) -> bool:
        """Whether there is anything to be written."""
        return bool(self.new or self._moved)

    @property
    def size(self) -> int:
        return len(self.new)

    def at(self, pk: int) -> datetime:
        """When the new reaction `pk` was said."""
        return next(row[_AT] for row in self.new if row[_ID] == pk)

    def know(self, found: Iterable[tuple]) -> None:
        """The rows in force (`KNOWN` of each) of what will be spoken of."""
        for pk, user, message, conversation, external, kind, value, reasons, text, tags, at in sorted(found):
            said = [
                pk,
                user,
                message,
                conversation,
                external,
                kind,
                value,
                _json(reasons),
                text,
                _json(tags),
                True,
                _aware(at),
            ]
            self._latest[user, message, conversation, "" if message or conversation else external, kind] = (
                said
            )

    def say(
        self,
        *,
        user: int | None,
        message: int | None,
        conversation: int | None,
        external: str,
        kind: str,
        value: int | None,
        reasons: list,
        text: str,
        tags: list,
        at: datetime | None,
        again: bool,
    ) -> tuple[int, bool]:
        """Keep what `user` says of a target; texts as they are stored. (Its id, whether it is new.) `again`:
        what is in force may be the same. Said again it adds no row, but is known to have been said later:
        what came in between, and arrives last, must not stand above it. `at` None: now."""
        about = (user, message, conversation, "" if message or conversation else external, kind)
        said: list = [
            0,
            user,
            message,
            conversation,
            external,
            kind,
            value,
            reasons,
            text,
            tags,
            True,
            at or self.now,
        ]
        before = self._latest.get(about) if again else None
        if before is not None and user is not None and at is None:
            said[_AT] = moment_after(before[_AT], self.now)
        if before is not None and before[6:10] == said[6:10]:
            # a log without times does not say that it was now
            if said[_AT] > before[_AT] and not (at is None and self.source == "import"):
                before[_AT] = self._moved[before[_ID]] = said[_AT]
            return before[_ID], False
        said[_ID] = next(self._keys)
        if before is None or user is None:
            self._latest[about] = said
        else:
            self._latest[about] = latest(
                (before, said), about=lambda _row: about, said=lambda row: (row[_AT], row[_ID])
            )[about]
            stale = before if self._latest[about] is said else said
            stale[_CURRENT] = False
            self.stale.append(stale[_ID])
        self.new.append(said)
        return said[_ID], True

    def _outdated(self) -> tuple[list[int], list[tuple]]:
        """(rows that are there and in force no longer, [(row that is there, when it was said last)])."""
        new = {row[_ID] for row in self.new}
        return [pk for pk in self.stale if pk not in new], [
            (pk, bulk.moment(at)) for pk, at in self._moved.items() if pk not in new
        ]

    def _rows(self) -> Iterator[tuple]:
        now = bulk.moment(self.now)
        return (
            (*r[:7], _dump(r[7]), r[8], _dump(r[9]), r[10], now if r[11] is self.now else bulk.moment(r[11]))
            for r in self.new
        )

    def statements(self, event: str) -> list[tuple[str, list]]:
        """What `write` does, as statements for a few rows; `event` is SQL for the event's id."""
        (stale, moved), rows = (
            self._outdated(),
            [[*row, self.project.pk, self.source] for row in self._rows()],
        )
        out: list[tuple[str, list]] = [
            ("UPDATE feedback_reaction SET created_at = %s WHERE id = %s", [at, pk]) for pk, at in moved
        ]
        if stale:
            out.append(
                (
                    f"UPDATE feedback_reaction SET current = %s WHERE id IN "  # noqa: S608
                    f"({', '.join(['%s'] * len(stale))})",
                    [False, *stale],
                )
            )
        if rows:
            one = f"({', '.join(['%s'] * len(rows[0]))}, {event})"
            out.append((_FEW + ", ".join([one] * len(rows)), [value for row in rows for value in row]))
        return out

    def write(self, *, event: int) -> None:
        if not self.any:
            return
        stale, moved = self._outdated()
        bulk.update(Reaction, ("current",), [(pk, False) for pk in stale])
        bulk.update(Reaction, ("created_at",), moved)
        rows = self._rows()
        bulk.insert(
            Reaction,
            _NAMES,
            rows,
            constants={"project": self.project.pk, "source": self.source, "event_id": event},
            few=len(self.new) <= bulk.FEW,
        )


_FEW = (
    "INSERT INTO feedback_reaction (id, end_user_id, message_id, conversation_id, target_external, "
    "kind, value, reasons, text, tags, current, created_at,"
    " project_id, source, event_id) VALUES "
)


def _dump(value: list) -> str | None:
    return bulk.json_text(value) if value else "[]"


def _json(value) -> list:
    return json.loads(value) if isinstance(value, str) else value


def _aware(value) -> datetime:
    value = datetime.fromisoformat(value) if isinstance(value, str) else value
    return value if value.tzinfo else value.replace(tzinfo=UTC)  # SQLite keeps them without a zone
