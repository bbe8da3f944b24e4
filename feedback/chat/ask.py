"""A turn of the chat: the question and the answers to come are rows before the model is asked; then streaming
reads what it says."""

import re
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import events, storable
from core.errors import Conflict, DomainError
from core.web import limits
from feedback.chat import arms, branches, saving, streaming
from feedback.chat.access import Visitor
from feedback.conversations import tree as talk
from feedback.conversations.message import title_of
from feedback.conversations.privacy import PrivacyPolicy, privacy_policy
from feedback.models import Arm, ChatSettings, Choice, Conversation, Message, Signal
from feedback.reactions import actions as reactions
from inference.client import UpstreamError, upstream_of

MAX_TEXT = 100_000
MAX_HISTORY, MAX_HISTORY_TEXT = 400, 600_000
ADDRESS_TURNS = 600  # a minute, from one address: a clinic behind one is many people
_KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")
State = Message.State


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
) -> Asked:
    """Say `text` after the answer `parent_pk` (None: at the start; another question there already makes this
    a branch, an edit) and have it answered. The same `client_key` again is the same turn. `history`: the
    turns before, where the project keeps no texts."""
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
        conversation = _conversation(visitor, conversation_pk, text, policy)
        tree = talk.structure(conversation.pk) if conversation_pk else {}
        parent = _parent(conversation, parent_pk, visitor, tree)
        stored = (
            policy if conversation.keep else PrivacyPolicy(keeps=False, stored=policy.stored, key=policy.key)
        )
        context = _context(visitor, conversation, parent, tree, stored, history)
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
        answers, lives = _answers(
            visitor, user, chosen, [*context, {"role": "user", "content": text}], stored, event.pk, ""
        )
        _look_at(conversation, answers[0] if len(answers) == 1 else user)
        return Asked(
            conversation,
            user,
            answers,
            streaming.LiveTurn(lives, leaves=not stored.keeps),
            drafts,
            False,
            any(a.endpoint.practice for a in chosen),
        )

    return _begin(write, visitor, key, policy.text(text))


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
            raise _gone()
        conversation, user = _locked(visitor, old.conversation_id), old.parent
        if old.state == State.STREAMING:
            raise _writing()
        stored = (
            policy if conversation.keep else PrivacyPolicy(keeps=False, stored=policy.stored, key=policy.key)
        )
        tree = talk.structure(conversation.pk)
        context = _context(visitor, conversation, user, tree, stored, history)
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
        answers, lives = _answers(visitor, user, chosen, context, stored, event.pk, key)
        _look_at(conversation, answers[0])
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


# What a turn is made of.


def _begin(write: Callable[[], Asked], visitor: Visitor, key: str, text: str | None = None) -> Asked:
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
    streaming.begin(asked.turn)
    return asked


def _again(visitor: Visitor, known: Message, text: str | None = None) -> Asked:
    """The turn of a key that has been seen: joined while it is written, else told from its rows."""
    if known.conversation.end_user_id != (visitor.known.pk if visitor.known else None):
        raise _gone()
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


def _admit(visitor: Visitor, address: str) -> None:
    if visitor.consent_due:
        data = {"consent": visitor.chat.consent, "version": visitor.chat.consent_version}
        raise Conflict(
            "consent", _("Read what is kept of your words, and agree to it, before you go on."), data=data
        )
    limits.take("chat-turns", str(visitor.end_user().pk), limit=visitor.chat.turns_per_minute, seconds=60)
    if address:
        limits.take("chat-address", address, limit=ADDRESS_TURNS, seconds=60)


def _gone() -> DomainError:
    return DomainError("not_found", _("This conversation has been deleted."), status=404)


def _writing() -> Conflict:
    return Conflict("still_writing", _("Wait until the answer is finished, or stop it."))


def _locked(visitor: Visitor, pk: int) -> Conversation:
    """The person's conversation; turns in it queue up."""
    found = (
        Conversation.objects.visible_to(visitor.known)
        .select_for_update(no_key=True)
        .filter(pk=pk, project=visitor.project)
        .first()
    )
    if found is None:
        raise _gone()
    if found.dropped_at:
        raise Conflict(
            "dropped",
            _(
                "The texts of this conversation have been dropped, as this project does after some "
                "days. Begin a new one."
            ),
        )
    return found


def _conversation(visitor: Visitor, pk: int | None, text: str, policy: PrivacyPolicy) -> Conversation:
    if pk is not None:
        return _locked(visitor, pk)
    return Conversation.objects.create(
        project=visitor.project,
        end_user=visitor.end_user(),
        title=title_of(policy.text(text)),
        system=policy.text(visitor.chat.system),
        keep=policy.keeps,
    )


def _parent(conversation: Conversation, pk: int | None, visitor: Visitor, tree: dict) -> Message | None:
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
        raise _writing()
    return found


def _context(
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


def _answers(
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


def _look_at(conversation: Conversation, head: Message) -> None:
    Conversation.objects.filter(pk=conversation.pk).update(head=head, updated_at=timezone.now())
