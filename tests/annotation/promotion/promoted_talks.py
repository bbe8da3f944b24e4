"""Conversations of end users for tests of promotion: small, keyword-only, everything has a default."""

from itertools import count

from corpus.models import ModelVersion
from feedback.conversations import end_users
from feedback.models import ChatSettings, Conversation, Message
from feedback.reactions import actions as reactions
from feedback.reactions.reasons import default_reasons

_n = count(1)


def make_chat(project, **fields) -> ChatSettings:
    up, down = default_reasons()
    return ChatSettings.objects.create(
        project=project, enabled=True, up_reasons=up, down_reasons=down, **fields
    )


def make_end_user(project, key: str | None = None):
    return end_users.of_key(project, key or f"visitor-{next(_n)}")


def make_talk(project, *turns: tuple[str, str], who=None, system: str = "", **fields) -> list[Message]:
    """A conversation of (question, answer) turns; its answers, in order."""
    talk = Conversation.objects.create(
        project=project, end_user=who or make_end_user(project), system=system, **fields
    )
    parent, answers = None, []
    for question, answer in turns or ((f"Question {next(_n)}?", f"Answer {next(_n)}."),):
        parent = Message.objects.create(
            project=project, conversation=talk, parent=parent, role="user", text=question
        )
        parent = make_answer(parent, answer)
        answers.append(parent)
    talk.head = parent
    talk.save(update_fields=["head"])
    return answers


def make_answer(asked: Message, text: str, *, model: str = "talk-model", **fields) -> Message:
    """One more answer to a question: a regeneration, or a draft."""
    version = ModelVersion.objects.get_or_create(project_id=asked.project_id, name=model)[0]
    return Message.objects.create(
        project_id=asked.project_id,
        conversation_id=asked.conversation_id,
        parent=asked,
        role="assistant",
        text=text,
        model_version=version,
        seen=True,
        **fields,
    )


def thumb(message: Message, value: int = -1, text: str = "", who=None, **fields):
    return reactions.react(
        project=message.project,
        end_user=who or message.conversation.end_user,
        kind="thumb",
        value=value,
        text=text,
        message=message,
        **fields,
    )


def score(message: Message, value: int, text: str = ""):
    talk = message.conversation
    return reactions.react(
        project=message.project,
        end_user=talk.end_user,
        kind="score",
        value=value,
        text=text,
        conversation=talk,
    )
