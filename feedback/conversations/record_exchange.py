"""Keeping an exchange with a model as it went by: what was sent to it, and what it answered."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from core import events
from feedback.conversations import late_targets
from feedback.conversations import tree as talk
from feedback.conversations.bulk_write import Tree
from feedback.conversations.message import Turn, title_of, turn_of, without_system
from feedback.conversations.privacy import keeper
from feedback.models import Conversation, Message


def record_exchange(
    *,
    project,
    end_user,
    messages: Sequence[dict],
    answer: str | dict | Turn,
    tools: list | None = None,
    model_version=None,
    external_id: str = "",
    state: str = "complete",
    error: str = "",
    parameters: dict | None = None,
    sources: Sequence = (),
    source: str = "proxy",
    conversation_external: str = "",
    first_token_ms: int | None = None,
    total_ms: int | None = None,
) -> Message:
    """Keep `messages` (as sent, the system text among them) and the `answer` to them (its text, a message with tool_calls, or a Turn); the answer's row.

    A program sends the whole talk with every turn. Only what is new is added: under the longest beginning that the same person has been through
    already, found by its hash; a changed turn makes a branch. Of people without a name only a beginning with an answer in it is taken for the
    same talk. `conversation_external` says it outright. An `external_id` known already is not kept twice. DomainError for text that cannot be
    stored."""
    keep = keeper(project)
    system, turns = without_system([turn_of(m) for m in messages])
    said = answer if isinstance(answer, Turn) else turn_of({"role": "assistant", **(answer if isinstance(answer, dict) else {"content": answer})})
    hashes = hashes_of(project, system, [*turns, said])
    external_id, conversation_external = keep.external(external_id[:200]), keep.external(conversation_external[:200])
    now = timezone.now()
    with transaction.atomic():
        late_targets.lock(project)
        if external_id and (known := Message.objects.filter(project=project, external_id=external_id).exclude(external_id="").first()):
            return known
        place, conversation, conversation_external = _place(project, end_user, turns, hashes[:-1], conversation_external)
        done = hashes.index(place.context_hash) + 1 if place else 0
        tree = Tree(project, about=len(turns) + 1 - done)
        if conversation is None:
            conversation = tree.conversation(
                end_user=end_user.pk if end_user else None, source=source, external=conversation_external, system=keep.text(system), tools=keep.tree(tools),
                title=title_of(keep.text(next((t.text for t in turns if t.role == "user"), ""))), keep=keep.keeps, at=now,
            )  # fmt: skip
        parent = place.pk if place else None
        for turn, hashed in zip(turns[done:], hashes[done:], strict=False):
            parent = tree.message(
                conversation=conversation, parent=parent, role=turn.role, text=keep.text(turn.text), extra=keep.tree(turn.extra), context=hashed, at=now
            )  # fmt: skip
        pk = tree.message(
            conversation=conversation, parent=parent, role="assistant", text=keep.text(said.text), extra=keep.tree(said.extra), context=hashes[-1], at=now,
            sources=keep.listed(sources), state=state, error=error[:40], model=model_version.pk if model_version else None, parameters=keep.tree(parameters),
            external=external_id, first_token_ms=first_token_ms, total_ms=total_ms, seen=True,
        )  # fmt: skip
        event = events.append(project=project, actor=None, verb="exchange", conversation=conversation, message=pk, messages=tree.size[1])
        tree.write(event=event.pk)
        late_targets.join(
            project,
            {external_id: (pk, conversation, "assistant")} if external_id else {},
            {conversation_external: conversation} if conversation_external else {},
            {conversation: end_user.pk if end_user else None},
            event=event.pk,
        )
        return Message.objects.get(pk=pk)


def hashes_of(project, system: str, turns: Sequence[Turn]) -> list[str]:
    """The hash of the talk up to and with each of `turns`."""
    plain = [turn.plain() for turn in turns]
    return talk.rolling(project, [{"role": "system", "content": system}, *plain])[1:] if system else talk.rolling(project, plain)


def _place(project, end_user, turns: Sequence[Turn], hashes: Sequence[str], external: str) -> tuple[Message | None, int | None, str]:
    """(the message to go on from, its conversation, the external id for a new one); None for what there is not yet."""
    # What the partial indexes leave out is left out in so many words: else they are not used.
    rows = Message.objects.filter(project=project, context_hash__in=list(hashes), conversation__end_user=end_user).exclude(context_hash="")
    if external:
        known = Conversation.objects.filter(project=project, external_id=external).exclude(external_id="").only("pk", "end_user_id").first()
        if known is None:
            return None, None, external
        if known.end_user_id != (end_user.pk if end_user else None):
            return None, None, ""  # somebody else's talk: it is not added to, whatever the program calls it
        found = _deepest(rows.filter(conversation=known), hashes)
        return found, known.pk, ""
    first_answer = 0 if end_user else next((i for i, t in enumerate(turns) if t.role == "assistant"), len(turns))
    found = _deepest(rows, hashes[first_answer:])
    return found, found.conversation_id if found else None, ""


def _deepest(rows, hashes: Sequence[str]) -> Message | None:
    """Of `rows` the newest one with the last of `hashes` that any has."""
    depth = {hashed: i for i, hashed in enumerate(hashes)}
    found = [row for row in rows.only("pk", "conversation_id", "context_hash").order_by("pk") if row.context_hash in depth]
    return max(found, key=lambda row: (depth[row.context_hash], row.pk), default=None)
