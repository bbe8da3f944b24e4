"""What people say of answers in the chat and the widget: thumbs, scores, corrections, choices between drafts;
and signals, which are no judgement. Append-only: a change of mind is a new row, and the earlier one is no
longer `current`. The rows are written as those of the API are."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import events, storable
from core.db import bulk
from core.errors import DomainError
from core.models import Project
from feedback.conversations import late_targets, other_names
from feedback.conversations.privacy import PrivacyPolicy, privacy_policy
from feedback.conversations.sizes import MAX_COMMENT, MAX_CORRECTION, MAX_TAG, MAX_TAGS
from feedback.models import ChatSettings, Choice, Conversation, EndUser, Message, Reaction, Signal
from feedback.reactions.choice_writer import ChoiceWriter, Chosen
from feedback.reactions.in_force import choice_about, moment_after
from feedback.reactions.reaction_writer import KNOWN, ReactionWriter

SAME_SIGNAL_SECONDS = 10  # a double click is one signal


def react(
    *,
    project: Project,
    end_user: EndUser | None,
    kind: str,
    value: int | None = None,
    reasons: Sequence[str] = (),
    text: str = "",
    tags: Sequence[str] = (),
    message: Message | None = None,
    conversation: Conversation | None = None,
    target_external: str = "",
    source: str = "chat",
    policy: PrivacyPolicy | None = None,
) -> Reaction:
    """Keep a reaction of `end_user` to exactly one target: a thumb or correction to an answer, a score to a
    conversation, or either to what is known by an external id only. Earlier ones of the same person,
    target and kind are no longer current; saying the same again changes nothing.

    thumb: 1, -1, 0 takes it back. score: 1–5, 0 takes it back. correction: `text` is what should have been
    said, "" takes it back. That the person may see the target is the caller's business; that it is the
    project's is checked. DomainError names the field."""
    reasons, tags = list(reasons), list(tags)
    if sum(t is not None and t != "" for t in (message, conversation, target_external)) != 1:
        raise DomainError(
            "bad_target", _("A reaction has one target: an answer or a conversation."), field="message"
        )
    check(project=project, kind=kind, value=value, reasons=reasons, text=text, tags=tags)
    _check_target(project, kind, message, conversation)
    policy = policy or privacy_policy(project)
    fields: dict[str, Any] = {
        "value": value,
        "reasons": reasons,
        "text": policy.text(text),
        "tags": [policy.label(t) for t in tags],
    }
    with transaction.atomic():
        if target_external:
            target_external = policy.external(target_external[:200])
            late_targets.lock(project, shared=True)  # or it could arrive between the look and the write
            target_external = other_names.resolved(project, [target_external]).get(
                target_external, target_external
            )
            message, conversation = _by_external(project, kind, target_external)
        _lock(message, conversation, end_user)
        target = {"message": message, "conversation": conversation, "target_external": target_external}
        keys = bulk.Keys(Reaction, block=1)
        keys.reset()
        writer = ReactionWriter(project, source, timezone.now(), keys)
        writer.know(_in_force(project, end_user, kind, message, conversation, target_external))
        pk, new = writer.say(
            user=end_user.pk if end_user else None,
            message=message.pk if message else None,
            conversation=conversation.pk if conversation else None,
            external=target_external,
            kind=kind,
            at=None,
            again=end_user is not None,
            **fields,
        )
        if not new:
            writer.write(event=0)
            return Reaction.objects.get(pk=pk)
        event = events.append(
            project=project,
            actor=end_user.user if end_user and end_user.user_id else None,
            verb=f"reaction.{kind}",
            target=message or conversation,
            end_user=end_user.pk if end_user else None,
            value=value,
            changed=bool(writer.stale),
        )
        writer.write(event=event.pk)
        row = Reaction(
            pk=pk,
            project=project,
            end_user=end_user,
            kind=kind,
            source=source,
            event_id=event.pk,
            created_at=writer.at(pk),
            **target,
            **fields,
        )
        row._state.adding = False
        return row


def _in_force(project: Project, end_user: EndUser | None, kind: str, message, conversation, external: str):
    """What the person says of this target now, as the writer wants it. Known by an id of the deployment's or
    by ours, it is the same target."""
    rows = Reaction.objects.filter(project=project, end_user=end_user, kind=kind, current=True)
    if message or conversation:
        rows = rows.filter(message=message, conversation=conversation)
    else:
        rows = rows.filter(message=None, conversation=None, target_external=external)
    return rows.values_list(*KNOWN) if end_user is not None else ()


def check(
    *, project: Project, kind: str, value: int | None, reasons: Sequence, text: str, tags: Sequence = ()
) -> None:
    """DomainError naming the field if this is not a reaction. Reasons are keys of the project's list for this
    thumb."""
    if kind not in Reaction.Kind.values:
        raise DomainError("bad_kind", _("A reaction is a thumb, a score or a correction."), field="kind")
    allowed = {"thumb": (1, -1, 0), "score": range(6), "correction": (None,)}[kind]
    if isinstance(value, bool) or (value is not None and not isinstance(value, int)) or value not in allowed:
        said = {
            "thumb": _("A thumb is 1, -1, or 0 to take it back."),
            "score": _("A score is 1 to 5, or 0 to take it back."),
        }
        raise DomainError(
            "bad_value", said.get(kind, _("A correction has a text and no value.")), field="value"
        )
    if not isinstance(text, str) or len(text) > (MAX_CORRECTION if kind == "correction" else MAX_COMMENT):
        raise DomainError("long_text", _("This text is too long to be kept."), field="text")
    _check_storable(text)
    known = {r["key"] for r in _reasons_for(project, value)} if kind == "thumb" and reasons else set()
    if not all(isinstance(r, str) and r in known for r in reasons) or len(set(reasons)) != len(reasons):
        message = _("Reasons are keys of the project's own list for this thumb: %(keys)s.") % {
            "keys": ", ".join(sorted(known)) or "–"
        }
        raise DomainError("bad_reason", message, field="reasons")
    if len(tags) > MAX_TAGS or not all(isinstance(t, str) and 0 < len(t) <= MAX_TAG for t in tags):
        raise DomainError(
            "bad_tag",
            _("At most %(n)s tags of at most %(m)s characters.") % {"n": MAX_TAGS, "m": MAX_TAG},
            field="tags",
        )
    for tag in tags:
        _check_storable(tag)


def _check_storable(text: str) -> None:
    if code := storable.text_fault(text):
        raise DomainError("bad_text", str(storable.SENTENCES[code]), field="text")


def _reasons_for(project: Project, value: int | None) -> list[dict]:
    row: ChatSettings | None = getattr(project, "chat", None)
    return [] if row is None or not value else row.up_reasons if value > 0 else row.down_reasons


def _check_target(
    project: Project, kind: str, message: Message | None, conversation: Conversation | None
) -> None:
    target = message or conversation
    if target is not None and target.project_id != project.pk:
        raise DomainError("bad_target", _("There is no such answer in this project."), field="message")
    if (kind == "score" and message is not None) or (kind != "score" and conversation is not None):
        raise DomainError(
            "bad_target",
            _("A score is given to a conversation; thumbs and corrections to an answer."),
            field="message",
        )
    if message is not None and message.role != "assistant":
        raise DomainError("bad_target", _("Only answers can be judged."), field="message")


def _by_external(project: Project, kind: str, name: str) -> tuple[Message | None, Conversation | None]:
    """What is known by the deployment's own id, if it has arrived. A score given to an answer is its
    conversation's."""
    answers = Message.objects.select_related("conversation").filter(project=project, external_id=name)
    answer = answers.filter(role="assistant").first()
    if kind != Reaction.Kind.SCORE:
        return answer, None
    found = Conversation.objects.filter(project=project, external_id=name).first()
    return None, found or (answer.conversation if answer else None)


def _lock(message: Message | None, conversation: Conversation | None, end_user: EndUser | None) -> None:
    """One person's reactions to one target queue up. DomainError 404 when the target has been deleted
    meanwhile."""
    target = message or conversation or end_user
    if (
        target is not None
        and not type(target)
        .objects.select_for_update(no_key=True)
        .filter(pk=target.pk)
        .values_list("pk")
        .first()
    ):
        raise DomainError("gone", _("This conversation has been deleted."), status=404)


def choose(
    *,
    project: Project,
    end_user: EndUser | None,
    parent: Message,
    verdict: str,
    chosen: Message | None = None,
    shown: Iterable[dict] = (),
    regenerated: bool = False,
) -> Choice:
    """Which of the answers under the user's turn `parent` was better. `chosen` belongs to "better" and to
    nothing else. `shown`: what was on screen, in order, [{"message": id or Message, "seen": bool}] (other
    keys are not believed); without it, the answers of the newest draft group. Place and completeness come
    from the rows. A choice between the same answers replaces the earlier one; drafts of a turn are decided
    once at a time."""
    if verdict not in Choice.Verdict.values:
        raise DomainError(
            "bad_verdict",
            _("Say which one is better, that they are about the same, or that all are bad."),
            field="verdict",
        )
    if parent.project_id != project.pk or parent.role != "user":
        raise DomainError("bad_target", _("A choice belongs to a question."), field="user")
    if (verdict == Choice.Verdict.BETTER) != (chosen is not None):
        raise DomainError("bad_choice", _("Name the better answer, and only then."), field="chosen")
    with transaction.atomic():
        _lock(parent, None, None)
        answers = {
            m.pk: m
            for m in Message.objects.filter(parent=parent, role="assistant").only(
                "pk", "state", "text", "seen", "position", "draft_group"
            )
        }
        exposure = _exposure(answers, list(shown))
        if len(exposure) < 2 or (chosen is not None and chosen.pk not in [e["message"] for e in exposure]):
            raise DomainError(
                "bad_choice",
                _("A choice is between two or more answers to the same question."),
                field="shown",
            )
        chosen_pk, user = chosen.pk if chosen else None, end_user.pk if end_user else None
        answers_shown = [e["message"] for e in exposure]
        about = choice_about(0, end_user=user, parent=parent.pk, regenerated=regenerated, shown=answers_shown)
        rows = Choice.objects.filter(
            project=project, end_user=end_user, parent=parent, regenerated=regenerated, current=True
        )
        earlier = {c.about: c for c in map(Chosen.of, rows)}.get(about) if end_user else None
        if earlier and (earlier.verdict, earlier.chosen, earlier.shown) == (verdict, chosen_pk, exposure):
            # said again, and so said later
            Choice.objects.filter(pk=earlier.pk).update(created_at=moment_after(earlier.at, timezone.now()))
            return Choice.objects.get(pk=earlier.pk)
        writer = ChoiceWriter(project, timezone.now())
        pk = writer.add(
            user=user,
            parent=parent.pk,
            chosen=chosen_pk,
            verdict=verdict,
            regenerated=regenerated,
            shown=exposure,
            place=answers_shown.index(chosen_pk) if chosen_pk else None,
            at=None,
        )
        event = events.append(
            project=project,
            actor=end_user.user if end_user and end_user.user_id else None,
            verb="choice",
            target=parent,
            end_user=user,
            verdict=verdict,
            chosen=chosen_pk,
            shown=answers_shown,
            changed=earlier is not None,
        )
        writer.write(event=event.pk)
        return Choice.objects.get(pk=pk)


def _exposure(answers: dict[int, Message], shown: list) -> list[dict]:
    """[{"message", "position", "complete", "seen"}] in the order of `shown`. DomainError for what is no
    answer of this turn, or named twice."""
    if not shown:
        newest = max((m for m in answers.values() if m.draft_group), key=lambda m: m.pk, default=None)
        group = [m for m in answers.values() if newest is not None and m.draft_group == newest.draft_group]
        shown = [{"message": m.pk, "seen": False} for m in sorted(group, key=lambda m: m.position)]
    out: list[dict] = []
    for one in shown:
        pk = one.get("message") if isinstance(one, dict) else None
        pk = pk.pk if isinstance(pk, Message) else pk
        found = answers.get(pk) if isinstance(pk, int) and not isinstance(pk, bool) else None
        if found is None or pk in [e["message"] for e in out]:
            raise DomainError(
                "bad_choice",
                _("A choice is between two or more answers to the same question."),
                field="shown",
            )
        complete = found.state in Message.ENDED
        out.append(
            {
                "message": pk,
                "position": found.position,
                "complete": complete,
                "seen": bool(found.seen or one.get("seen") is True),
            }
        )
    return out


def signal(*, project: Project, end_user: EndUser | None, message: Message, name: str) -> Signal:
    """Keep what somebody did with an answer. The same within a few seconds is one signal. DomainError for an
    unknown name."""
    if name not in Signal.Name.values:
        raise DomainError("bad_signal", _("There is no such signal."), field="name")
    if message.project_id != project.pk:
        raise DomainError("bad_target", _("There is no such answer in this project."), field="message")
    since = timezone.now() - timedelta(seconds=SAME_SIGNAL_SECONDS)
    with transaction.atomic():
        _lock(message, None, None)
        before = (
            Signal.objects.filter(
                project=project, end_user=end_user, message=message, name=name, created_at__gt=since
            ).first()
            if end_user
            else None
        )
        return before or Signal.objects.create(project=project, end_user=end_user, message=message, name=name)
