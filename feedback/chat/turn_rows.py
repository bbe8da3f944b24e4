"""What a turn of the chat is made of: its conversation, the answer it follows, what the model is given before
it, and the rows of the answers to come."""

import uuid
from collections import Counter
from collections.abc import Sequence

from django.utils import timezone
from django.utils.translation import gettext as _

from core import storable
from core.errors import Conflict, DomainError
from feedback.chat import arms, branches, streaming
from feedback.chat.access import Visitor
from feedback.conversations import tree as talk
from feedback.conversations.message import title_of
from feedback.conversations.privacy import PrivacyPolicy
from feedback.models import Arm, Choice, Conversation, Message
from inference.client import UpstreamError, upstream_of

MAX_TEXT = 100_000
MAX_HISTORY, MAX_HISTORY_TEXT = 400, 600_000
State = Message.State


def check_text(text: object, *, field: str = "text", most: int = MAX_TEXT) -> None:
    """DomainError unless `text` is one that can be asked and stored: not blank, not endless, no NUL, no half
    a character."""
    if not isinstance(text, str) or not text.strip():
        raise DomainError("empty", _("Write something first."), field=field)
    if len(text) > most:
        raise DomainError(
            "long_text",
            _("At most %(n)s characters; this has %(m)s.") % {"n": most, "m": len(text)},
            field=field,
        )
    if code := storable.text_fault(text):
        raise DomainError("bad_text", str(storable.SENTENCES[code]), field=field)


def gone() -> DomainError:
    """The error for a conversation that is not there, or another person's."""
    return DomainError("not_found", _("This conversation has been deleted."), status=404)


def still_writing() -> Conflict:
    """The error for what has to wait until an answer is finished."""
    return Conflict("still_writing", _("Wait until the answer is finished, or stop it."))


def locked(visitor: Visitor, pk: int) -> Conversation:
    """The person's conversation; turns in it queue up."""
    found = (
        Conversation.objects.visible_to(visitor.known)
        .select_for_update(no_key=True)
        .filter(pk=pk, project=visitor.project)
        .first()
    )
    if found is None:
        raise gone()
    if found.dropped_at:
        raise Conflict(
            "dropped",
            _(
                "The texts of this conversation have been dropped, as this project does after some "
                "days. Begin a new one."
            ),
        )
    return found


def conversation_for(visitor: Visitor, pk: int | None, text: str, policy: PrivacyPolicy) -> Conversation:
    """The conversation of the turn, locked, or a new one."""
    if pk is not None:
        return locked(visitor, pk)
    return Conversation.objects.create(
        project=visitor.project,
        end_user=visitor.end_user(),
        title=title_of(policy.text(text)),
        system=policy.text(visitor.chat.system),
        keep=policy.keeps,
    )


def parent_of(conversation: Conversation, pk: int | None, visitor: Visitor, tree: dict) -> Message | None:
    """The answer that the question follows. Under a question with drafts nobody has decided on (the person
    just writes on), the first complete one; that says nothing about the others, so nothing is recorded."""
    if pk is None:
        return None
    if pk not in tree:
        raise DomainError("not_found", _("This conversation has been deleted."), status=404, field="parent")
    if tree[pk][1] != "assistant":
        children = [child for child, at in tree.items() if at == (pk, "assistant")]
        answers = list(Message.objects.filter(pk__in=children))
        chosen = (
            Choice.objects.filter(parent=pk, end_user=visitor.known, current=True)
            .exclude(chosen=None)
            .order_by("-created_at", "-pk")
            .first()
        )
        found = next(
            (m for m in answers if chosen and m.pk == chosen.chosen_id), None
        ) or branches.to_go_on_from(answers)
        if found is None:
            raise Conflict(
                "choose_first", _("Choose one of the answers first, or wait until one is finished.")
            )
        return found
    found = Message.objects.get(pk=pk)
    if found.state == State.STREAMING:
        raise still_writing()
    return found


def context_before(
    visitor: Visitor,
    conversation: Conversation,
    last: Message | None,
    tree: dict,
    stored: PrivacyPolicy,
    history: list | None,
) -> list[dict]:
    """What the model is given before the new question: from the rows, or from the browser where no texts are
    kept."""
    if stored.keeps:
        if last is None:
            return [{"role": "system", "content": conversation.system}] if conversation.system else []
        rows = Message.objects.in_bulk(talk.way_to(last.pk, tree))
        last.conversation = conversation
        return talk.context_of(last, [rows[pk] for pk in talk.way_to(last.pk, tree) if pk in rows])
    system = [{"role": "system", "content": visitor.chat.system}] if visitor.chat.system else []
    return [*system, *check_history(history or [])]


def check_history(history: object) -> list[dict]:
    """Turns that a browser sent, as a model is given them. DomainError for anything else."""
    bad = DomainError("bad_history", _("The conversation so far cannot be read."), field="history")
    if not isinstance(history, list) or len(history) > MAX_HISTORY:
        raise bad
    out = []
    for turn in history:
        if (
            not isinstance(turn, dict)
            or turn.get("role") not in ("user", "assistant")
            or not isinstance(turn.get("content"), str)
        ):
            raise bad
        if turn["content"]:
            check_text(turn["content"] + ".", field="history", most=MAX_HISTORY_TEXT)
            out.append({"role": turn["role"], "content": turn["content"]})
    if sum(len(turn["content"]) for turn in out) > MAX_HISTORY_TEXT:
        raise bad
    return out


def answers_to_come(
    visitor: Visitor,
    user: Message,
    chosen: Sequence[Arm],
    context: list[dict],
    policy: PrivacyPolicy,
    event: int,
    key: str,
) -> tuple[list[Message], list[streaming.Live]]:
    """The rows of the answers to come, in the order of their places, and their readers."""
    # a mark of ours, nothing for a model
    context = [{k: v for k, v in turn.items() if k != "missing"} for turn in context]
    group, of_same, nth = (
        uuid.uuid4() if len(chosen) > 1 else None,
        Counter(a.pk for a in chosen),
        Counter[int](),
    )
    rows, ups, given = [], [], []
    for position, arm in enumerate(chosen):
        given.append(arms.overrides(arm, nth[arm.pk], of_same[arm.pk]))
        nth[arm.pk] += 1
        try:
            ups.append(upstream_of(arm.endpoint))
        except UpstreamError:
            raise DomainError(
                "no_model", _("No model answers here at the moment. Your question was not sent."), status=503
            ) from None
        parameters = {**(arm.endpoint.parameters or {}), **given[-1]}
        rows.append(
            Message(
                project=visitor.project,
                conversation_id=user.conversation_id,
                parent=user,
                role="assistant",
                state=State.STREAMING,
                draft_group=group,
                position=position,
                arm=arm,
                model_version=arm.endpoint.model_version,
                parameters=parameters,
                external_id=key,
                event_id=event,
            )
        )
    rows = Message.objects.bulk_create(rows)
    lives = [
        streaming.Live(
            pk=m.pk,
            position=m.position,
            up=up,
            messages=context,
            parameters=over,
            policy=policy,
            project=visitor.project,
            actor=visitor.user,
        )
        for m, up, over in zip(rows, ups, given, strict=True)
    ]
    return rows, lives


def look_at(conversation: Conversation, head: Message) -> None:
    """The conversation is opened at `head` from now on, and stands first in its person's list."""
    Conversation.objects.filter(pk=conversation.pk).update(head=head, updated_at=timezone.now())
