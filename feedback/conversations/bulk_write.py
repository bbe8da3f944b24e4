"""Rows of conversations written in bulk: collected as tuples, then one statement per table. Everything in the
caller's transaction."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db import connection
from django.utils import timezone

from core.db import bulk
from feedback.models import Conversation, Message

_CONVERSATION = (
    "id",
    "end_user",
    "source",
    "external_id",
    "title",
    "system",
    "tools",
    "head",
    "keep",
    "created_at",
    "updated_at",
)
_MESSAGE = (
    "id",
    "conversation",
    "parent",
    "role",
    "text",
    "extra",
    "sources",
    "draft_group",
    "position",
    "state",
    "error",
    "seen",
    "model_version",
    "parameters",
    "external_id",
    "context_hash",
    "first_token_ms",
    "total_ms",
    "created_at",
)


class Tree:
    """Conversations and messages to come. Their ids are known before they are written; `conversation` and
    `message` return them. Texts must have been through the project's privacy policy."""

    def __init__(self, project, *, about: int = 2000):
        """`about` how many messages there will be."""
        self.project = project
        self._conversation_keys = bulk.Keys(Conversation, block=min(max(about, 1), 2000))
        self._message_keys = bulk.Keys(Message, block=min(max(about, 1), 2000))
        self._conversations: dict[int, list] = {}
        self._messages: list[tuple] = []
        self._heads: dict[int, int] = {}  # of conversations that are there already
        self._named: dict[int, str] = {}
        self._begun = False
        # a moment as it came and as it is stored: most rows of a batch share one
        self._last: tuple = (None, None)

    def conversation(
        self,
        *,
        end_user: int | None,
        source: str,
        external: str,
        title: str,
        system: str,
        tools,
        keep: bool,
        at: datetime,
    ) -> int:
        pk = next(self._keys()[0])
        moment = self._moment(at)
        self._conversations[pk] = [
            pk,
            end_user,
            source,
            external,
            title,
            system,
            bulk.json_text(tools),
            None,
            keep,
            moment,
            moment,
        ]
        return pk

    def message(
        self,
        *,
        conversation: int,
        parent: int | None,
        role: str,
        at: datetime,
        text: str = "",
        extra: dict | None = None,
        sources: Sequence = (),
        group: uuid.UUID | None = None,
        position: int = 0,
        state: str = "complete",
        error: str = "",
        seen: bool = False,
        model: int | None = None,
        parameters: dict | None = None,
        external: str = "",
        context: str = "",
        first_token_ms: int | None = None,
        total_ms: int | None = None,
        head: bool = True,
    ) -> int:
        """`head`: the branch looked at last ends here, unless a later one does."""
        pk = next(self._keys()[1])
        drafts = None if group is None else group if connection.features.has_native_uuid_field else group.hex
        self._messages.append(
            (
                pk,
                conversation,
                parent,
                role,
                text,
                bulk.json_text(extra),
                bulk.json_text(sources) if sources else "[]",
                drafts,
                position,
                state,
                error,
                seen,
                model,
                bulk.json_text(parameters),
                external,
                context,
                first_token_ms,
                total_ms,
                self._moment(at),
            )
        )
        if head:
            self.look_at(conversation, pk, at)
        return pk

    def name(self, message: int, external: str) -> None:
        """Call `message`, which is there or to come, by this id of the deployment's own."""
        self._named[message] = external

    def look_at(self, conversation: int, message: int, at: datetime) -> None:
        """Make `message` the head of its conversation."""
        new = self._conversations.get(conversation)
        if new is None:
            self._heads[conversation] = message
        else:
            new[7], new[10] = message, max(new[10], self._moment(at))

    @property
    def size(self) -> tuple[int, int]:
        """(conversations, messages) to be written."""
        return len(self._conversations), len(self._messages)

    @property
    def named(self) -> int:
        """How many messages `name` was called for."""
        return len(self._named)

    def write(self, *, event: int) -> None:
        """Insert what was collected, and move the heads of conversations that were there."""
        few = len(self._messages) <= bulk.FEW
        if self._conversations:
            bulk.insert(
                Conversation,
                _CONVERSATION,
                (tuple(row) for row in self._conversations.values()),
                constants={"project": self.project.pk},
                few=few,
            )
        if self._messages:
            bulk.insert(
                Message,
                _MESSAGE,
                self._messages,
                constants={"project": self.project.pk, "event_id": event},
                few=few,
            )
        if self._named:
            bulk.update(Message, ("external_id",), list(self._named.items()))
        if self._heads:
            now = bulk.moment(timezone.now())
            bulk.update(
                Conversation, ("head", "updated_at"), [(pk, head, now) for pk, head in self._heads.items()]
            )

    def _moment(self, at: datetime):
        if at is not self._last[0]:
            self._last = at, bulk.moment(at)
        return self._last[1]

    def _keys(self):
        if not self._begun:
            self._conversation_keys.reset()
            self._message_keys.reset()
            self._begun = True
        return self._conversation_keys, self._message_keys
