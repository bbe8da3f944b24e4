"""A specialist's reply to the person who got an answer: written by a reviewer or manager, or made of what
experts settled. It stands under the answer in that person's own chat, if the project allows it."""

from collections.abc import Iterable, Mapping

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import events, storable
from core.errors import DomainError
from core.models import Project
from feedback.conversations.privacy import privacy_policy
from feedback.conversations.sizes import MAX_COMMENT, MAX_CORRECTION
from feedback.models import ChatSettings, Conversation, Message, Reply

Replies = ChatSettings.Replies
WHY_NOT = {
    "off": gettext_lazy("This project sends no replies to end users (chat settings)."),
    "elsewhere": gettext_lazy(
        "This conversation is not held on the chat page; a reply could not reach the person."
    ),
    "not_kept": gettext_lazy(
        "The texts of this conversation are not kept, so a reply could not be kept either."
    ),
    "nobody": gettext_lazy("It is not known whose conversation this is."),
}


def setting(project) -> str:
    """What the project allows. One query."""
    found = ChatSettings.objects.filter(project=project).values_list("replies", flat=True).first()
    return found or str(Replies.OFF)


def why_not(message: Message, allowed: str) -> str:
    """A code of WHY_NOT if no reply can reach the person of this answer; "" if one can."""
    talk = message.conversation
    if allowed == Replies.OFF:
        return "off"
    if talk.source != Conversation.Source.CHAT:
        return "elsewhere"
    if not talk.keep or talk.dropped_at is not None:
        return "not_kept"
    return "" if talk.end_user_id else "nobody"


def _check(text: str, corrected: str) -> None:
    if not text.strip() and not corrected.strip():
        raise DomainError("empty", _("Write something first."), field="text")
    for name, value, most in (("text", text, MAX_COMMENT), ("corrected", corrected, MAX_CORRECTION)):
        if len(value) > most:
            raise DomainError("long_text", _("This text is too long to be kept."), field=name)
        if code := storable.text_fault(value):
            raise DomainError("bad_text", str(storable.SENTENCES[code]), field=name)


@transaction.atomic
def write(*, message: Message, author, text: str, corrected: str = "") -> Reply:
    """Reply under `message` in place of what stood there. DomainError if the project allows none, or if it
    could not reach the person; 404 for somebody who is no reviewer of the project."""
    project = message.project
    if not Project.objects.visible_to(author, "reviewer").filter(pk=project.pk).exists():
        raise DomainError("not_found", _("There is no such answer in this project."), status=404)
    _check(text, corrected)
    if code := why_not(message, setting(project)):
        raise DomainError(code, str(WHY_NOT[code]), status=409)
    policy = privacy_policy(project)
    event = events.append(
        project=project, actor=author, verb="feedback.reply", target=message, corrected=bool(corrected)
    )
    _locked([message.pk])
    return _put(
        message.pk,
        project,
        author=author,
        text=policy.text(text.strip()),
        corrected=policy.text(corrected.strip()),
        event_id=event.pk,
    )


@transaction.atomic
def take_back(*, message: Message, actor) -> bool:
    """The reply is shown no more; whether there was one."""
    gone = Reply.objects.filter(message=message, current=True).update(current=False)
    if gone:
        events.append(project=message.project, actor=actor, verb="feedback.reply_back", target=message)
    return bool(gone)


@transaction.atomic
def from_settled(*, project, said: Mapping[int, tuple[str, str]], actor=None) -> int:
    """Reply under the answers of `said` ({answer: (verdict "good", "bad" or "", corrected text)}) what
    experts settled, if the project allows it; how many. What a person wrote stays, and what says nothing is
    left out."""
    wanted = {pk: both for pk, both in said.items() if any(both)}
    if not wanted or setting(project) != Replies.SETTLED:
        return 0
    written = Reply.objects.filter(message__in=wanted, current=True, origin=Reply.Origin.WRITTEN)
    left = set(wanted) - set(written.values_list("message_id", flat=True))
    rows = Message.objects.filter(project=project, pk__in=left).select_related("conversation").order_by("pk")
    reached = [m for m in rows if not why_not(m, Replies.SETTLED)]
    if not reached:
        return 0
    event = events.append(
        project=project, actor=actor, verb="feedback.reply", target=None, answers=len(reached), settled=True
    )
    policy = privacy_policy(project)
    _locked([m.pk for m in reached])
    for message in reached:
        verdict, corrected = wanted[message.pk]
        _put(
            message.pk,
            project,
            origin=Reply.Origin.SETTLED,
            verdict=verdict,
            corrected=policy.text(corrected),
            event_id=event.pk,
        )
    return len(reached)


@transaction.atomic
def unsettled(*, project, messages: Iterable[int]) -> int:
    """What was made of a settlement that is withdrawn is shown no more; how many."""
    rows = Reply.objects.filter(
        project=project, message__in=list(messages), current=True, origin=Reply.Origin.SETTLED
    )
    return rows.update(current=False)


def _locked(messages: list[int]) -> None:
    """Replies to one answer queue up, so that one of them is current."""
    rows = Message.objects.filter(pk__in=messages).order_by("pk").select_for_update(no_key=True)
    list(rows.values_list("pk"))


def _put(message: int, project, **fields) -> Reply:
    Reply.objects.filter(message=message, current=True).update(current=False)
    return Reply.objects.create(project=project, message_id=message, **fields)


def words(reply: Reply) -> str:
    """What stands above a reply in the reader's language, for what no person put into words."""
    if reply.origin == Reply.Origin.WRITTEN:
        return ""
    if reply.corrected:
        return _("An expert checked this answer and corrected it.")
    if reply.verdict == Reply.Verdict.GOOD:
        return _("An expert checked this answer and found it good.")
    return _("An expert checked this answer: do not rely on it.")


def in_force(messages: Iterable[int]) -> dict[int, Reply]:
    """{answer: its reply}. One query."""
    rows = Reply.objects.filter(message__in=list(messages), current=True)
    return {row.message_id: row for row in rows.select_related("author")}
