"""The reactions of a batch: the same rules as feedback.reactions has for one, for many at once."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from django.utils.translation import gettext as _

from core.db import bulk
from feedback.conversations.privacy import Keeper
from feedback.conversations.sql import Ahead
from feedback.ingest.existing import EARLIER, People, Places, earlier_of
from feedback.ingest.parse import ChoiceIn, ReactionIn, Row, RowError
from feedback.models import Reaction

_NAMES = ("id", "end_user", "message", "conversation", "target_external", "kind", "value", "reasons", "text", "tags", "current", "created_at")
_ID, _CURRENT = 0, 10


class Reactions:
    """Of one person, target and kind the latest counts; the same said again adds nothing; nobody in particular has no earlier mind to change."""

    def __init__(self, project, keep: Keeper, source: str, people: People, places: Places, now: datetime, keys: bulk.Keys):
        self.project, self.keep, self.source, self.people, self.places, self.now = project, keep, source, people, places, now
        self.new: list[list] = []
        self.stale: list[int] = []
        self._keys = keys
        self._latest: dict[tuple, list] = {}

    @property
    def size(self) -> int:
        return len(self.new)

    def read(self, rows: Sequence[Row], ahead: Ahead) -> None:
        """The current ones of what these rows are about. Where a person is new there are none."""
        if (earlier := ahead.take("earlier")) is not None:
            self._take(earlier)
            return
        judged: set[tuple[int, int]] = set()
        waiting: set[tuple[str, int]] = set()
        messages: set[int] = set()
        conversations: set[int] = set()
        for row in rows:
            if isinstance(row, ReactionIn):
                if row.user and self.people.of(row.user) in self.people.new:
                    continue
                message, conversation, external, whose = self._target(row, quiet=True)
                user = self.people.of(row.user) or whose
                if message and user:
                    judged.add((message, user))
                elif conversation:
                    conversations.add(conversation)
                elif user and external:
                    waiting.add((external, user))
            else:
                talk = row.talk if isinstance(row, ChoiceIn) else row
                known = [p for m in talk.messages if (p := self.places.message(self.keep.external(m.external)))]
                for at in (*(p.conversation for p in known), self.places.conversation(self.keep.external(talk.external))):
                    if at is not None:
                        conversations.add(at)
                        messages.update(self.places.answers(at))
        found = earlier_of(self.project, judged, waiting)
        found += ahead.select(f"{EARLIER}message_id ANY?", self.project.pk, messages) if messages else []
        found += ahead.select(f"{EARLIER}conversation_id ANY?", self.project.pk, conversations) if conversations else []
        self._take(found)

    def _take(self, found: list[tuple]) -> None:
        for pk, user, message, conversation, external, kind, value, reasons, text, tags, at in sorted(found):
            said = [pk, user, message, conversation, external, kind, value, _json(reasons), text, _json(tags), True, _aware(at)]
            self._latest[user, message, conversation, "" if message or conversation else external, kind] = said

    def add(self, row: ReactionIn) -> tuple[int, bool, bool]:
        """(its id, whether it is new, whether its target is not known yet)."""
        message, conversation, external, whose = self._target(row)
        user = self.people.of(row.user) or whose
        pk, new = self._keep(row, user, message, conversation, external, row.at, again=user is not None)
        return pk, new, not (message or conversation)

    def said_of(self, row: ReactionIn, *, message: int | None = None, conversation: int | None = None, default: datetime | None) -> None:
        """A reaction that came with its conversation. Sent again with it, it is the same one, whoever said it."""
        at = conversation or self.places.message_by_id(message).conversation  # type: ignore[union-attr,arg-type]
        user = self.people.of(row.user) or self.places.person(at)
        self._keep(row, user, message, conversation, "", row.at or default, again=True)

    def _target(self, row: ReactionIn, *, quiet: bool = False) -> tuple[int | None, int | None, str, int | None]:
        """(message, conversation, external id, whose talk it is)."""
        places = self.places
        external = self.keep.external(row.target)
        if row.message and (place := places.message_by_id(row.message)) is None and not quiet:
            raise RowError("message", "unknown_target", _("There is no such answer in this project."))
        if row.conversation and not places.has_conversation(row.conversation) and not quiet:
            raise RowError("conversation", "unknown_target", _("There is no such conversation in this project."))
        place = places.message_by_id(row.message) if row.message else places.message(external)
        if row.kind == "score":
            at = row.conversation or places.conversation(external) or (place.conversation if place else None)
            return None, at, external, places.person(at) if at else None
        if place is None:
            return None, None, external, None
        if place.role != "assistant" and not quiet:
            raise RowError("target" if row.target else "message", "not_an_answer", _("Only answers can be judged."))
        return place.pk, None, external, places.person(place.conversation)

    def _keep(self, row: ReactionIn, user, message, conversation, external: str, at: datetime | None, *, again: bool) -> tuple[int, bool]:
        keep = self.keep
        text = keep.text(row.text) if row.text else ""
        tags = [keep.label(t) for t in row.tags] if row.tags else []
        moment = at or self.now
        about = (user, message, conversation, "" if message or conversation else external, row.kind)
        said = [0, user, message, conversation, external, row.kind, row.value, row.reasons, text, tags, True, moment]
        before = self._latest.get(about) if again else None
        if before is not None:
            if before[6:10] == said[6:10]:
                return before[_ID], False
            if user is not None:
                if at is not None and before[11] > at:
                    said[_CURRENT] = False  # an old one that came late
                else:
                    before[_CURRENT] = False
                    self.stale.append(before[_ID])
        said[_ID] = next(self._keys)
        if said[_CURRENT]:
            self._latest[about] = said
        self.new.append(said)
        return said[_ID], True

    def _outdated(self) -> list[int]:
        new = {row[_ID] for row in self.new}
        return [pk for pk in self.stale if pk not in new]

    def _rows(self) -> Iterator[tuple]:
        now = bulk.moment(self.now)
        return ((*r[:7], _dump(r[7]), r[8], _dump(r[9]), r[10], now if r[11] is self.now else bulk.moment(r[11])) for r in self.new)

    def statements(self, event: str) -> list[tuple[str, list]]:
        """What `write` does, as statements for a few rows; `event` is SQL for the event's id."""
        stale, rows = self._outdated(), [[*row, self.project.pk, self.source] for row in self._rows()]
        out: list[tuple[str, list]] = []
        if stale:
            out.append((f"UPDATE feedback_reaction SET current = %s WHERE id IN ({', '.join(['%s'] * len(stale))})", [False, *stale]))  # noqa: S608
        if rows:
            one = f"({', '.join(['%s'] * len(rows[0]))}, {event})"
            out.append((_FEW + ", ".join([one] * len(rows)), [value for row in rows for value in row]))
        return out

    def write(self, *, event: int) -> None:
        if not self.new:
            return
        if stale := self._outdated():
            bulk.update(Reaction, ("current",), [(pk, False) for pk in stale])
        rows = self._rows()
        bulk.insert(Reaction, _NAMES, rows, constants={"project": self.project.pk, "source": self.source, "event_id": event}, few=len(self.new) <= bulk.FEW)


_FEW = (
    "INSERT INTO feedback_reaction (id, end_user_id, message_id, conversation_id, target_external, kind, value, reasons, text, tags, current, created_at,"
    " project_id, source, event_id) VALUES "
)


def _dump(value: list) -> str | None:
    return bulk.json_text(value) if value else "[]"


def _json(value) -> list:
    return json.loads(value) if isinstance(value, str) else value


def _aware(value) -> datetime:
    value = datetime.fromisoformat(value) if isinstance(value, str) else value
    return value if value.tzinfo else value.replace(tzinfo=UTC)  # SQLite keeps them without a zone
