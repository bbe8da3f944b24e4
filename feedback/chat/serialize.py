"""What a browser is told of a talk. Of an answer nothing that names its model: no arm, no version, no
endpoint, no parameters."""

from collections.abc import Sequence

from core.rendering import markdown
from feedback.chat import branches
from feedback.chat.access import Visitor
from feedback.chat.error_texts import sentence
from feedback.conversations import tree as talk
from feedback.inbox import replies
from feedback.models import ChatSettings, Choice, Conversation, Message, Reaction, Reply


def talk_json(visitor: Visitor, conversation: Conversation, through: int | None = None) -> dict:
    """{id, title, score, keep, messages}: the branch through `through`, else the one last looked at."""
    found = branches.branch(conversation, visitor.known, through)
    answers = [m.pk for m in (*found.messages, *found.waiting) if m.role == "assistant"]
    said, replied = _said(visitor, answers, conversation), _replies(visitor, answers)
    messages = [
        message_json(m, found.tree, said, found.choices.get(m.pk), replied.get(m.pk)) for m in found.messages
    ]
    if found.waiting:
        messages[-1]["answers"] = [
            message_json(m, found.tree, said, None, replied.get(m.pk)) for m in found.waiting
        ]
    score = said.get((None, "score"))
    return {
        "id": conversation.pk,
        "title": conversation.title,
        "score": {"value": score.value, "text": score.text} if score and score.value else None,
        "keep": conversation.keep,
        "dropped": conversation.dropped_at is not None,
        "messages": messages,
    }


def one_json(visitor: Visitor, message: Message) -> dict:
    """One message as it is now."""
    said = _said(visitor, [message.pk]) if message.role == "assistant" else {}
    reply = _replies(visitor, [message.pk]).get(message.pk) if message.role == "assistant" else None
    choice = None
    if message.role == "user":
        rows = Choice.objects.filter(parent=message, end_user=visitor.known, current=True)
        choice = rows.order_by("regenerated", "-created_at", "-pk").first()
    return message_json(message, talk.structure(message.conversation_id), said, choice, reply)


def message_json(
    message: Message, tree: dict, said: dict, choice: Choice | None, reply: Reply | None = None
) -> dict:
    thumb, correction = said.get((message.pk, "thumb")), said.get((message.pk, "correction"))
    answer = message.role == "assistant"
    return {
        "id": message.pk,
        "role": message.role,
        "text": message.text,
        "html": _html(message),
        "state": message.state,
        "error": message.error,
        "message": sentence(message.state, message.error) if answer else "",
        "parent": message.parent_id,
        "siblings": talk.siblings(message.pk, tree),
        "sources": message.sources,
        "practice": bool(answer and message.arm is not None and message.arm.endpoint.practice),
        "kept": message.conversation.keep and message.conversation.dropped_at is None,
        "seen": message.seen,
        "thumb": {"value": thumb.value, "reasons": thumb.reasons, "text": thumb.text}
        if thumb and thumb.value
        else None,
        "correction": correction.text if correction and correction.text else None,
        "draft_group": str(message.draft_group) if message.draft_group else None,
        "position": message.position,
        "choice": {"verdict": choice.verdict, "chosen": choice.chosen_id} if choice else None,
        "reply": _reply_json(reply) if reply else None,
    }


def _reply_json(reply: Reply) -> dict:
    """A specialist's reply: not who wrote it."""
    return {
        "id": reply.pk,
        "words": replies.words(reply),
        "text": reply.text,
        "corrected": markdown.render(reply.corrected) if reply.corrected else "",
        "corrected_text": reply.corrected,
    }


def _replies(visitor: Visitor, messages: Sequence[int]) -> dict[int, Reply]:
    """{answer: the reply under it}, where the project lets people read them."""
    if not messages or visitor.chat.replies == ChatSettings.Replies.OFF:
        return {}
    found = replies.in_force(messages)
    # of one whose text was dropped nothing is left to read
    return {pk: r for pk, r in found.items() if r.text or r.corrected or r.origin == Reply.Origin.SETTLED}


def _html(message: Message) -> str:
    if not message.text:
        return ""
    return markdown.render(message.text) if message.role == "assistant" else markdown.plain(message.text)


def _said(
    visitor: Visitor, messages: Sequence[int], conversation: Conversation | None = None
) -> dict[tuple[int | None, str], Reaction]:
    """The person's present reactions: {(message, or None for the conversation; kind): Reaction}."""
    if visitor.known is None:
        return {}
    rows = Reaction.objects.filter(project=visitor.project, end_user=visitor.known, current=True)
    found = list(rows.filter(message__in=messages)) if messages else []
    if conversation is not None:
        found += rows.filter(conversation=conversation, kind=Reaction.Kind.SCORE)
    return {(row.message_id, row.kind): row for row in found}
