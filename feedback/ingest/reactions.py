"""The reactions of a batch: what they are about, and what is in force of it already."""

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from core.db import bulk
from feedback.conversations.privacy import PrivacyPolicy
from feedback.conversations.sql import Ahead
from feedback.ingest.existing import EARLIER, People, Places, earlier_of
from feedback.ingest.rows import ChoiceIn, ReactionIn, Row, RowError
from feedback.reactions.reaction_writer import ReactionWriter


class Reactions(ReactionWriter):
    """Reactions as rows bring them."""

    def __init__(
        self,
        project,
        policy: PrivacyPolicy,
        source: str,
        people: People,
        places: Places,
        now: datetime,
        keys: bulk.Keys,
    ):
        super().__init__(project, source, now, keys)
        self.policy, self.people, self.places = policy, people, places

    def read(self, rows: Sequence[Row], ahead: Ahead) -> None:
        """The current ones of what these rows are about. Where a person is new there are none."""
        if (earlier := ahead.take("earlier")) is not None:
            self.know(earlier)
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
                known = [
                    p for m in talk.messages if (p := self.places.message(self.policy.external(m.external)))
                ]
                for at in (
                    *(p.conversation for p in known),
                    self.places.conversation(self.policy.external(talk.external)),
                ):
                    if at is not None:
                        conversations.add(at)
                        messages.update(self.places.answers(at))
        found = earlier_of(self.project, judged, waiting)
        found += ahead.select(f"{EARLIER}message_id ANY?", self.project.pk, messages) if messages else []
        found += (
            ahead.select(f"{EARLIER}conversation_id ANY?", self.project.pk, conversations)
            if conversations
            else []
        )
        self.know(found)

    def add(self, row: ReactionIn) -> tuple[int, bool, bool]:
        """(its id, whether it is new, whether its target is not known yet)."""
        message, conversation, external, whose = self._target(row)
        user = self.people.of(row.user) or whose
        pk, new = self._keep(row, user, message, conversation, external, row.at, again=user is not None)
        return pk, new, not (message or conversation)

    def said_of(
        self,
        row: ReactionIn,
        *,
        message: int | None = None,
        conversation: int | None = None,
        default: datetime | None,
    ) -> None:
        """A reaction that came with its conversation. Sent again with it, it is the same one, whoever said
        it."""
        at = conversation or self.places.message_by_id(message).conversation  # type: ignore[union-attr,arg-type]
        user = self.people.of(row.user) or self.places.person(at)
        self._keep(row, user, message, conversation, "", row.at or default, again=True)

    def _target(
        self, row: ReactionIn, *, quiet: bool = False
    ) -> tuple[int | None, int | None, str, int | None]:
        """(message, conversation, external id, whose talk it is)."""
        places = self.places
        external = self.policy.external(row.target)
        if row.message and (place := places.message_by_id(row.message)) is None and not quiet:
            raise RowError("message", "unknown_target", _("There is no such answer in this project."))
        if row.conversation and not places.has_conversation(row.conversation) and not quiet:
            raise RowError(
                "conversation", "unknown_target", _("There is no such conversation in this project.")
            )
        place = places.message_by_id(row.message) if row.message else places.message(external)
        if row.kind == "score":
            at = row.conversation or places.conversation(external) or (place.conversation if place else None)
            return None, at, external, places.person(at) if at else None
        if place is None:
            return None, None, external, None
        if place.role != "assistant" and not quiet:
            raise RowError(
                "target" if row.target else "message", "not_an_answer", _("Only answers can be judged.")
            )
        return place.pk, None, external, places.person(place.conversation)

    def _keep(
        self, row: ReactionIn, user, message, conversation, external: str, at: datetime | None, *, again: bool
    ) -> tuple[int, bool]:
        policy = self.policy
        text = policy.text(row.text) if row.text else ""
        tags = [policy.label(t) for t in row.tags] if row.tags else []
        return self.say(
            user=user,
            message=message,
            conversation=conversation,
            external=external,
            kind=row.kind,
            value=row.value,
            reasons=row.reasons,
            text=text,
            tags=tags,
            at=at,
            again=again,
        )
