"""A turn of a conversation as a record of the bench: the question with its whole context, and every complete
answer that was given to it."""

from dataclasses import dataclass, field

from django.utils.translation import gettext_lazy as _

from annotation.imports.prepare import MAX_ANSWERS, QA, RANKING, Ready, prepare
from core.text import whole_number
from corpus import canonical, parts, personal_data
from corpus.endings import BROKEN, FILTERED, LENGTH
from corpus.records import AnswerIn, Entry, Record, Refusal
from feedback.conversations import tree as talk
from feedback.conversations.privacy import PrivacyPolicy
from feedback.models import Message

# Why a turn cannot be judged. Codes of refused records (annotation.imports.prepare) stand beside these.
REFUSALS = {
    "gone": _("The conversation was deleted."),
    "failed": _("The answer broke off."),
    "stopped": _("The user stopped the answer."),
    "not_kept": _("Its text is not kept."),
    "dropped": _("Its text was dropped after the set number of days."),
    "no_text": _("The answer has no text of its own."),
    "no_question": _("The question it answers is not known."),
    "nul": _("It contains a character that cannot be stored."),
    "surrogate": _("It contains a character that cannot be stored."),
    "not_a_number": _("A tool call in it holds a number that is not finite."),
    "too_deep": _("A tool call in it nests too deeply."),
    "tools": _("What it calls tools is not a list of objects."),
    "too_many_answers": _("There are more different answers to it than the bench can show."),
    "not_json": _("It contains a value that cannot be stored."),
    "too_long": _("A name in it is too long."),
}


def external_id(message: int) -> str:
    """What the Response of an answer, and the origin of its Prompt, is called."""
    return f"message:{message}"


def message_of(external: str) -> int | None:
    """The answer's id in such a name."""
    number = external.removeprefix("message:")
    return whole_number(number) if number != external else None


@dataclass
class Turn:
    """What a promotion puts before experts. `refused`: a code of REFUSALS (or of a refused record) if it
    cannot; `unready`: it is still being written."""

    message: int
    end_user: int | None = None
    refused: str = ""
    unready: bool = False
    kind: str = QA
    ready: Ready | None = None
    messages: list[dict] = field(default_factory=list)  # as experts see them
    answers: list[AnswerIn] = field(default_factory=list)
    sources: dict[str, list] = field(default_factory=dict)  # of answers, by their external id


def read(project, message: int, policy: PrivacyPolicy) -> Turn:
    """The turn that the answer `message` belongs to, masked as set. Four queries."""
    found = (
        Message.objects.select_related("conversation__end_user", "model_version", "parent")
        .filter(project=project, role="assistant", pk=message)
        .first()
    )
    turn = Turn(message, refused="gone")
    if found is None:
        return turn
    talked = found.conversation
    turn.end_user = talked.end_user_id
    turn.unready = found.state == Message.State.STREAMING
    turn.refused = _why_not(found)
    if turn.refused or turn.unready:
        return turn
    path = talk.path_of(found.parent) if found.parent else []
    if found.parent:
        found.parent.conversation = talked
    asked = talk.context_of(found.parent, path) if found.parent else []
    if not asked or asked[-1]["role"] not in ("user", "tool"):
        turn.refused = "no_question"
    elif any(
        m.role == "user" and not m.text and not parts.missing((m.extra or {}).get("parts")) for m in path
    ):
        turn.refused = "not_kept"
    if turn.refused:
        return turn
    turn.messages = policy.shown_tree(asked)
    answers = _answers(found)
    turn.answers = [_answer(m, policy) for m in answers]
    turn.sources = {external_id(m.pk): policy.shown_tree(m.sources) for m in answers if m.sources}
    turn.kind = RANKING if len({canonical.unified(a.text) for a in turn.answers}) > 1 else QA
    entry = Entry(
        kind="ranking" if turn.kind == RANKING else "qa",
        messages=turn.messages,
        answers=turn.answers,
        tools=policy.shown_tree(talked.tools),
        external_id=external_id(message),
    )
    ready = prepare(Record(message, [entry]), key=bytes(project.hash_key), kind=turn.kind)
    if isinstance(ready, Refusal):
        turn.refused = ready.code
    else:
        turn.ready = ready
    return turn


def marks(turn: Turn) -> list[str]:
    """Kinds of likely personal data that are left in what experts would see."""
    texts = [m["content"] for m in turn.messages if isinstance(m.get("content"), str)] + [
        a.text for a in turn.answers
    ]
    texts += [
        s["text"]
        for found in turn.sources.values()
        for s in found
        if isinstance(s, dict) and isinstance(s.get("text"), str)
    ]
    return personal_data.scan("\n\n".join(texts))


def _why_not(message: Message) -> str:
    if message.conversation.dropped_at is not None:
        return "dropped"
    if not message.conversation.keep:
        return "not_kept"
    if message.state in (Message.State.FAILED, Message.State.STOPPED):
        return str(message.state)
    if message.state in Message.ENDED and (
        not message.text or parts.missing((message.extra or {}).get("parts"))
    ):
        return "no_text"
    return ""


def _answers(message: Message) -> list[Message]:
    """`message` first, then the other answers that came to an end, to the same question: drafts of its group,
    then the newest. At most as many different texts as the bench can show."""
    others = Message.objects.select_related("model_version").filter(
        project=message.project_id, parent=message.parent_id, role="assistant", state__in=Message.ENDED
    )
    rest = list(others.exclude(text="").exclude(pk=message.pk).order_by("-pk")[:50])
    rest.sort(
        key=lambda m: (
            m.draft_group is None or m.draft_group != message.draft_group,
            m.position if m.draft_group == message.draft_group else 0,
        )
    )
    out, texts = [], set()
    for one in [message, *rest]:
        text = canonical.unified(one.text)
        if text in texts or len(texts) < MAX_ANSWERS:
            texts.add(text)
            out.append(one)
    return out


def _answer(message: Message, policy: PrivacyPolicy) -> AnswerIn:
    model = message.model_version.name if message.model_version else None
    cut = (
        (message.error if message.error in (LENGTH, FILTERED) else BROKEN)
        if message.state == Message.State.CUT
        else ""
    )
    return AnswerIn(
        policy.shown(message.text),
        model=model,
        origin="model",
        external_id=external_id(message.pk),
        parameters=message.parameters,
        cut=cut,
    )
