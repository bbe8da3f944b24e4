"""A turn of the chat: the question and the answers to come are rows before the model is asked; then streaming
reads what it says."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from core import events
from core.errors import Conflict, DomainError
from core.web import limits
from feedback.chat import arms, saving, streaming
from feedback.chat.access import Visitor
from feedback.chat.turn_rows import (
    State,
    answers_to_come,
    check_text,
    context_before,
    conversation_for,
    gone,
    locked,
    look_at,
    parent_of,
    still_writing,
)
from feedback.conversations import tree as talk
from feedback.conversations.privacy import PrivacyPolicy, privacy_policy
from feedback.models import ChatSettings, Conversation, Message, Signal
from feedback.reactions import actions as reactions

ADDRESS_TURNS = 600  # a minute, from one address: a clinic behind one is many people
_KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")


@dataclass
class Asked:
    """A turn under way, or one that is over and asked for again: `turn` are its answers that this process
    reads."""

    conversation: Conversation
    user: Message
    answers: list[Message]
    turn: streaming.LiveTurn | None
    drafts: bool
    regenerated: bool
    practice: bool

    def begin(self) -> dict:
        """What the browser is told first. Nothing in it tells one model from another."""
        return {
            "e": "begin",
            "conversation": self.conversation.pk,
            "title": self.conversation.title,
            "user": self.user.pk,
            "answers": [{"id": m.pk, "position": m.position} for m in self.answers],
            "drafts": self.drafts,
            "regenerated": self.regenerated,
            "practice": self.practice,
        }


def ask(
    *,
    visitor: Visitor,
    conversation_pk: int | None,
    parent_pk: int | None,
    text: str,
    client_key: str,
    history: list | None = None,
    address: str = "",
    begin: Callable[[streaming.LiveTurn], None] = streaming.begin,
) -> Asked:
    """Say `text` after the answer `parent_pk` (None: at the start; another question there already makes this
    a branch, an edit) and have it answered. The same `client_key` again is the same turn. `history`: the
    turns before, where the project keeps no texts. `begin` has the answers read, whose rows are committed and
    whose places are reserved."""
    key = _external(visitor, client_key)
    check_text(text)
    policy = privacy_policy(visitor.project)
    known = (
        Message.objects.filter(project=visitor.project, external_id=key)
        .select_related("conversation")
        .first()
    )
    if known is not None:
        return _again(visitor, known, policy.text(text))
    _admit(visitor, address)

    def write() -> Asked:
        conversation = conversation_for(visitor, conversation_pk, text, policy)
        tree = talk.structure(conversation.pk) if conversation_pk else {}
        parent = parent_of(conversation, parent_pk, visitor, tree)
        stored = (
            policy if conversation.keep else PrivacyPolicy(keeps=False, stored=policy.stored, key=policy.key)
        )
        context = context_before(visitor, conversation, parent, tree, stored, history)
        user = Message(
            project=visitor.project,
            conversation=conversation,
            parent=parent,
            role="user",
            text=stored.text(text),
            external_id=key,
            seen=True,
        )
        if stored.keeps:
            user.context_hash = talk.context_hash(visitor.project, [*context, talk.as_turn(user)])
        event = events.append(
            project=visitor.project,
            actor=visitor.user,
            verb="chat.turn",
            target=conversation,
            end_user=visitor.end_user().pk,
            parent=user.parent_id,
        )
        user.event_id = event.pk
        user.save(force_insert=True)
        able = arms.able(visitor.project)
        drafts = arms.wants_drafts(visitor.chat, user.pk)
        chosen = (
            arms.for_drafts(visitor.chat, visitor.end_user(), able)
            if drafts
            else [arms.one(visitor.chat, visitor.end_user(), able)]
        )
        answers, lives = answers_to_come(
            visitor, user, chosen, [*context, {"role": "user", "content": text}], stored, event.pk, ""
        )
        look_at(conversation, answers[0] if len(answers) == 1 else user)
        return Asked(
            conversation,
            user,
            answers,
            streaming.LiveTurn(lives, leaves=not stored.keeps),
            drafts,
            False,
            any(a.endpoint.practice for a in chosen),
        )

    return _begin(write, visitor, key, policy.text(text), begin)


def ask_again(
    *, visitor: Visitor, message_pk: int, client_key: str, history: list | None = None, address: str = ""
) -> Asked:
    """Another answer beside `message_pk`. `regenerated` in the answer: the reader is to be asked which of the
    two is better."""
    key = _external(visitor, client_key)
    known = (
        Message.objects.filter(project=visitor.project, external_id=key)
        .select_related("conversation")
        .first()
    )
    if known is not None:
        return _again(visitor, known)
    _admit(visitor, address)
    policy = privacy_policy(visitor.project)

    def write() -> Asked:
        old = (
            Message.objects.visible_to(visitor.known)
            .select_related("conversation", "parent")
            .filter(pk=message_pk, role="assistant")
            .first()
        )
        if old is None or old.parent is None:
            raise gone()
        conversation, user = locked(visitor, old.conversation_id), old.parent
        if old.state == State.STREAMING:
            raise still_writing()
        stored = (
            policy if conversation.keep else PrivacyPolicy(keeps=False, stored=policy.stored, key=policy.key)
        )
        tree = talk.structure(conversation.pk)
        context = context_before(visitor, conversation, user, tree, stored, history)
        if not context or context[-1]["role"] != "user":
            raise DomainError(
                "bad_history", _("The conversation so far does not end with a question."), field="history"
            )
        event = events.append(
            project=visitor.project,
            actor=visitor.user,
            verb="chat.regenerate",
            target=conversation,
            end_user=visitor.end_user().pk,
            message=old.pk,
        )
        chosen = [arms.one(visitor.chat, visitor.end_user(), arms.able(visitor.project))]
        reactions.signal(
            project=visitor.project, end_user=visitor.end_user(), message=old, name=Signal.Name.REGENERATE
        )
        answers, lives = answers_to_come(visitor, user, chosen, context, stored, event.pk, key)
        look_at(conversation, answers[0])
        compare = visitor.chat.drafts == ChatSettings.Drafts.REGENERATE and old.state in Message.ENDED
        return Asked(
            conversation,
            user,
            answers,
            streaming.LiveTurn(lives, leaves=not stored.keeps),
            False,
            compare,
            chosen[0].endpoint.practice,
        )

    return _begin(write, visitor, key)


def stop(*, visitor: Visitor, message: Message) -> Message:
    """Break off an answer; what has come is kept. Waits a moment for it to be saved. An answer that is
    finished stays as it is."""
    if message.state == State.STREAMING:
        live = streaming.find(message.pk)
        if live is not None:
            live.stop()
            saving.close_connection()
            live.wait_saved(3.0)
        else:  # another process reads it, and sees this at its next save
            Message.objects.filter(pk=message.pk, state=State.STREAMING).update(state=State.STOPPED)
        message.refresh_from_db()
        if message.state in (State.STOPPED, State.STREAMING):
            reactions.signal(
                project=visitor.project, end_user=visitor.end_user(), message=message, name=Signal.Name.STOP
            )
    return message


# How a turn begins.


def _begin(
    write: Callable[[], Asked],
    visitor: Visitor,
    key: str,
    text: str | None = None,
    begin: Callable[[streaming.LiveTurn], None] = streaming.begin,
) -> Asked:
    """Write the rows in one transaction, then let the answers be read. Of two equal keys at once, one finds
    the other's turn."""
    visitor.end_user()
    places = 0
    try:
        with transaction.atomic():
            asked = write()
            streaming.reserve(len(asked.answers))
            places = len(asked.answers)
    except BaseException as exc:
        streaming.release(places)
        if not isinstance(exc, IntegrityError):
            raise
        known = (
            Message.objects.filter(project=visitor.project, external_id=key)
            .select_related("conversation")
            .first()
        )
        if known is None:
            raise
        return _again(visitor, known, text)
    assert asked.turn is not None
    begin(asked.turn)
    return asked


def _again(visitor: Visitor, known: Message, text: str | None = None) -> Asked:
    """The turn of a key that has been seen: joined while it is written, else told from its rows."""
    if known.conversation.end_user_id != (visitor.known.pk if visitor.known else None):
        raise gone()
    if known.role == "user":
        if (
            text is not None
            and known.conversation.keep
            and not known.conversation.dropped_at
            and known.text != text
        ):
            raise Conflict("key_used", _("Another question was sent under this key."), field="client_key")
        user, rows = known, Message.objects.filter(parent=known, role="assistant", external_id="")
    else:
        user, rows = known.parent, Message.objects.filter(pk=known.pk)
    assert user is not None
    answers = list(rows.select_related("arm__endpoint").order_by("position", "pk"))
    live = next((found for m in answers if (found := streaming.find(m.pk))), None)
    practice = any(m.arm is not None and m.arm.endpoint.practice for m in answers)
    compare = known.role != "user" and visitor.chat.drafts == ChatSettings.Drafts.REGENERATE
    return Asked(
        known.conversation, user, answers, live.turn if live else None, len(answers) > 1, compare, practice
    )


def _external(visitor: Visitor, client_key: str) -> str:
    if not isinstance(client_key, str) or not _KEY.fullmatch(client_key):
        raise DomainError(
            "bad_key", _("A turn needs a key of 8 to 64 letters and digits."), field="client_key"
        )
    return f"turn:{visitor.end_user().pk}:{client_key}"


def _admit(visitor: Visitor, address: str) -> None:
    if visitor.consent_due:
        data = {"consent": visitor.chat.consent, "version": visitor.chat.consent_version}
        raise Conflict(
            "consent", _("Before you go on, read what is kept of what you write, and agree to it."), data=data
        )
    limits.take("chat-turns", str(visitor.end_user().pk), limit=visitor.chat.turns_per_minute, seconds=60)
    if address:
        limits.take("chat-address", address, limit=ADDRESS_TURNS, seconds=60)
