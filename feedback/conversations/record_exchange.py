"""Keeping an exchange with a model as it went by: what was sent to it, and what it answered."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from core import events
from feedback.conversations import late_targets
from feedback.conversations import tree as talk
from feedback.conversations.bulk_write import Tree
from feedback.conversations.message import Turn, title_of, turn_of, without_system
from feedback.conversations.privacy import PrivacyPolicy, privacy_policy
from feedback.models import Conversation, Message

_KNOWN = ("pk", "end_user_id", "system", "keep", "dropped_at")


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
    """Keep `messages` (as sent, the system text among them) and the `answer` to them (its text, a message
    with tool_calls, or a Turn); the answer's row.

    A program sends the whole talk with every turn. Only what is new is added: under the longest beginning
    that the same person has been through already, found by its hash; a changed turn makes a branch. Of
    people without a name only a beginning with an answer in it is taken for the same talk.
    `conversation_external` says it outright. An `external_id` known already is not kept twice. DomainError
    for text that cannot be stored."""
    policy = privacy_policy(project)
    system, turns = without_system([turn_of(m) for m in messages])
    said = (
        answer
        if isinstance(answer, Turn)
        else turn_of({"role": "assistant", **(answer if isinstance(answer, dict) else {"content": answer})})
    )
    external_id, conversation_external = (
        policy.external(external_id[:200]),
        policy.external(conversation_external[:200]),
    )
    now = timezone.now()
    with transaction.atomic():
        late_targets.lock(project)
        if external_id and (
            known := Message.objects.filter(project=project, external_id=external_id)
            .exclude(external_id="")
            .first()
        ):
            return known
        known_talk, conversation_external = _named(project, end_user, conversation_external)
        hashes = hashes_of(project, policy, system, [*turns, said], known_talk)
        place, done = _place(project, end_user, turns, hashes[:-1], known_talk, conversation_external)
        conversation = place.conversation_id if place else known_talk.pk if known_talk else None
        tree = Tree(project, about=len(turns) + 1 - done)
        if conversation is None:
            conversation = tree.conversation(
                end_user=end_user.pk if end_user else None,
                source=source,
                external=conversation_external,
                system=policy.text(system),
                tools=policy.tree(tools),
                title=title_of(policy.text(next((t.text for t in turns if t.role == "user"), ""))),
                keep=policy.keeps,
                at=now,
            )
        parent = place.pk if place else None
        for turn, hashed in zip(turns[done:], hashes[done:], strict=False):
            parent = tree.message(
                conversation=conversation,
                parent=parent,
                role=turn.role,
                text=policy.text(turn.text),
                extra=policy.tree(turn.extra),
                context=hashed,
                at=now,
            )
        pk = tree.message(
            conversation=conversation,
            parent=parent,
            role="assistant",
            text=policy.text(said.text),
            extra=policy.tree(said.extra),
            context=hashes[-1],
            at=now,
            sources=policy.listed(sources),
            state=state,
            error=error[:40],
            model=model_version.pk if model_version else None,
            parameters=policy.tree(parameters),
            external=external_id,
            first_token_ms=first_token_ms,
            total_ms=total_ms,
            seen=True,
        )
        event = events.append(
            project=project,
            actor=None,
            verb="exchange",
            conversation=conversation,
            message=pk,
            messages=tree.size[1],
        )
        tree.write(event=event.pk)
        late_targets.join(
            project,
            {external_id: (pk, conversation, "assistant")} if external_id else {},
            {conversation_external: conversation} if conversation_external else {},
            {conversation: end_user.pk if end_user else None},
            event=event.pk,
        )
        return Message.objects.get(pk=pk)


def hashes_of(
    project, policy: PrivacyPolicy, system: str, turns: Sequence[Turn], known: Conversation | None = None
) -> list[str]:
    """The hash of the talk up to and with each of `turns`, said from the beginning of a conversation: of
    `known` with its own system text, else with `system`."""
    key = bytes(project.hash_key)
    return talk.rolling(
        key, root_of(key, policy, system, known), (policy.compared(turn.plain()) for turn in turns)
    )


def root_of(key: bytes, policy: PrivacyPolicy, system: str, known: Conversation | None = None) -> str:
    """The hash that the talk of a conversation begins with. `system` is what was sent; the text that is
    stored comes before it."""
    if known is not None and known.keep and known.dropped_at is None:
        return talk.root_hash(key, known.system)
    return talk.root_hash(key, policy.compared({"content": system})["content"])


def _named(project, end_user, external: str) -> tuple[Conversation | None, str]:
    """(the person's conversation of this name, the name that a new one may have)."""
    if not external:
        return None, ""
    # What the partial index leaves out is left out in so many words: else it is not used.
    known = (
        Conversation.objects.filter(project=project, external_id=external)
        .exclude(external_id="")
        .only(*_KNOWN)
        .first()
    )
    if known is None:
        return None, external
    if known.end_user_id != (end_user.pk if end_user else None):
        return None, ""  # somebody else's talk: it is not added to, whatever the program calls it
    return known, ""


def _place(
    project, end_user, turns: Sequence[Turn], hashes: Sequence[str], known: Conversation | None, new_name: str
) -> tuple[Message | None, int]:
    """(the message to go on from, how many of `turns` have been said with it); None where there is none yet.
    A conversation that gets a name of its own begins anew, and so does nobody's unless an answer tells it
    from others."""
    rows = Message.objects.filter(
        project=project, context_hash__in=list(hashes), conversation__end_user=end_user
    ).exclude(context_hash="")
    first = 0
    if known is not None:
        rows = rows.filter(conversation=known)
    elif new_name:
        return None, 0
    elif end_user is None:
        said = (i for i, t in enumerate(turns) if t.role == "assistant" and talk.says_something(t.plain()))
        first = next(said, len(turns))
    # An answer that says nothing has the hash of its question: the role tells them apart.
    depth = {
        (hashed, turn.role): i + 1
        for i, (turn, hashed) in enumerate(zip(turns, hashes, strict=True))
        if i >= first
    }
    found = [
        row
        for row in rows.only("pk", "conversation_id", "context_hash", "role")
        if (row.context_hash, row.role) in depth
    ]
    place = max(found, key=lambda row: (depth[row.context_hash, row.role], row.pk), default=None)
    return place, depth[place.context_hash, place.role] if place else 0
