"""The talks of a batch: turns that are there already are found, new ones are made."""

import re
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from feedback.conversations import tree as talk
from feedback.conversations.bulk_write import Tree
from feedback.conversations.message import Turn, state_of, title_of
from feedback.conversations.privacy import PrivacyPolicy
from feedback.ingest.existing import Place, Places
from feedback.ingest.rows import ChoiceIn, ConversationIn, DraftIn, RowError

# an id that feedback.ingest.log_rows made for a message without one
MADE_UP = re.compile(r"row:[0-9a-f]{40}")


@dataclass(slots=True)
class Counts:
    conversations: int = 0
    messages: int = 0
    reactions: int = 0
    choices: int = 0


class Talks:
    """Conversations and messages to come, in the talks that are known."""

    def __init__(
        self,
        project,
        policy: PrivacyPolicy,
        source: str,
        places: Places,
        models: dict[str, int],
        now: datetime,
        counts: Counts,
        *,
        about: int,
    ):
        """`models`: {name: ModelVersion}. `about` how many messages there will be; 0 where no row brings or
        touches any."""
        self._project, self._policy, self._source, self._places, self._models, self._now, self._counts = (
            project,
            policy,
            source,
            places,
            models,
            now,
            counts,
        )
        self._tree = Tree(project, about=max(about, 1))
        self.any = about > 0

    @property
    def size(self) -> int:
        """Messages to be written, and those that get an id."""
        return self._tree.size[1] + self.named

    @property
    def named(self) -> int:
        """Messages that were there without an id of the deployment's own and get one."""
        return self._tree.named

    def add(self, row: ConversationIn, user: int | None) -> tuple[int, list[int]]:
        """(the conversation, the message of each of the row's): those that are known by id, or follow a known
        one with the same words, and new ones. Everything is checked before anything is made."""
        policy, places = self._policy, self._places
        externals = [policy.external(m.external) for m in row.messages]
        there = [places.message(e) for e in externals]
        name = policy.external(row.external)
        conversation = places.conversation(name) if name else next((m.conversation for m in there if m), None)
        for i, place in enumerate(there):
            if place and (place.conversation != conversation or place.role != row.messages[i].turn.role):
                raise RowError(f"messages.{i}.id", "id_taken", _("Another message has this id."))
        if conversation and user and places.person(conversation) not in (None, user):
            raise RowError(
                "user", "other_person", _("This conversation is known already, with another person.")
            )
        named: set[str] = set()
        for i, (message, external) in enumerate(zip(row.messages, externals, strict=True)):
            parent = policy.external(message.parent)
            place = places.message(parent) if parent else None
            if parent and parent not in named and (place is None or place.conversation != conversation):
                raise RowError(
                    f"messages.{i}.parent",
                    "bad_parent",
                    _("The parent is the id of an earlier message of this conversation."),
                )
            named.add(external)
        at = row.at or next((m.at for m in row.messages if m.at), None) or self._now
        if conversation is None:
            system = policy.text(row.system)
            title = row.title or next((m.turn.text for m in row.messages if m.turn.role == "user"), "")
            conversation = self._tree.conversation(
                end_user=user,
                source=self._source,
                external=name,
                title=title_of(policy.text(title)),
                system=system,
                tools=policy.tree(row.tools),
                keep=policy.keeps,
                at=at,
            )
            places.new_conversation(
                conversation, name, user, policy.compared({"content": row.system})["content"]
            )
            self._counts.conversations += 1
        return conversation, self._messages(row, conversation, externals, at)

    def _messages(
        self, row: ConversationIn, conversation: int, externals: list[str], at: datetime
    ) -> list[int]:
        policy, places, tree = self._policy, self._places, self._tree
        out: list[int] = []
        parent: Place | None = None
        for message, external in zip(row.messages, externals, strict=True):
            if message.parent:
                parent = places.message(policy.external(message.parent))
            found = places.message(external) if external else None
            context = "" if found else self._context(parent, message.turn, conversation, row.system)
            found = found or self._same(
                external, places.same_words(conversation, context, parent.pk if parent else None)
            )
            if found is None:
                pk = tree.message(
                    conversation=conversation,
                    parent=parent.pk if parent else None,
                    role=message.turn.role,
                    text=policy.text(message.turn.text),
                    extra=policy.tree(message.turn.extra),
                    sources=policy.listed(message.sources),
                    model=self._models.get(policy.label(message.model)),
                    external=external,
                    context=context,
                    state=message.state,
                    error=message.error,
                    seen=message.turn.role == "assistant",
                    at=message.at or at,
                )
                found = Place(
                    pk,
                    conversation,
                    parent.pk if parent else None,
                    message.turn.role,
                    message.state,
                    external,
                    context,
                )
                places.new_message(found)
                self._counts.messages += 1
            parent = found
            out.append(found.pk)
        return out

    def _context(self, parent: Place | None, turn: Turn, conversation: int, system: str) -> str:
        """The hash of the talk up to and with `turn` under `parent`, along its own path; "" where the path is
        not known."""
        key = bytes(self._project.hash_key)
        if parent is None:
            stored = self._places.system(conversation)
            before = talk.root_hash(
                key, self._policy.compared({"content": system})["content"] if stored is None else stored
            )
        elif not parent.context:
            return ""
        else:
            before = parent.context
        return talk.hash_after(key, before, self._policy.compared(turn.plain()))

    def _same(self, external: str, found: Place | None) -> Place | None:
        """`found`, which says the same after the same talk, if a message called `external` is the same one:
        unless it is known under another id. One without an id, or with one that an import made up for it,
        is called so from now on."""
        if found is None or not external:
            return found
        if found.external and (not MADE_UP.fullmatch(found.external) or MADE_UP.fullmatch(external)):
            return None
        self._tree.name(found.pk, external)
        self._places.name(found, external)
        return found

    def draft(
        self,
        draft: DraftIn,
        position: int,
        row: ChoiceIn,
        conversation: int,
        parent: int,
        group,
        at: datetime,
    ) -> int:
        """A new answer under the turn `parent`, beside others of `group`; its id."""
        policy = self._policy
        turn = Turn("assistant", draft.text or "")
        context = self._context(self._places.message_by_id(parent), turn, conversation, row.talk.system)
        external = policy.external(draft.external)
        state, error = state_of(draft.ending) if draft.ending or draft.complete else ("stopped", "")
        pk = self._tree.message(
            conversation=conversation,
            parent=parent,
            role="assistant",
            text=policy.text(turn.text),
            model=self._models.get(policy.label(draft.model)),
            external=external,
            context=context,
            group=group,
            position=position,
            seen=draft.seen,
            state=state,
            error=error,
            at=at,
        )
        self._places.new_message(Place(pk, conversation, parent, "assistant", state, external, context))
        self._counts.messages += 1
        return pk

    def look_at(self, conversation: int, message: int, at: datetime) -> None:
        """Go on from `message` when the talk is opened next."""
        self._tree.look_at(conversation, message, at)

    def write(self, *, event: int) -> None:
        if self.any:
            self._tree.write(event=event)
