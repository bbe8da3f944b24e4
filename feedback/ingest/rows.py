"""What a checked row of feedback is. Pure."""

from dataclasses import dataclass, field
from datetime import datetime

from feedback.conversations.message import Turn


class RowError(Exception):
    """A row that is not taken: `field` at fault ("messages.2.content"), `code` stable for scripts, str() for
    people."""

    def __init__(self, field: str, code: str, message: str):
        super().__init__(message)
        self.field, self.code = field, code


@dataclass(slots=True)
class Rules:
    """What a project takes: the keys of its reasons under a thumb up and down; None where it has no list."""

    up: frozenset[str] | None = None
    down: frozenset[str] | None = None


@dataclass(slots=True)
class ReactionIn:
    kind: str
    value: int | None
    text: str = ""
    reasons: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    target: str = ""  # the deployment's own id, or one of ours:
    message: int = 0
    conversation: int = 0
    user: str = ""
    key: str = ""
    at: datetime | None = None


@dataclass(slots=True)
class MessageIn:
    turn: Turn
    external: str = ""
    parent: str = ""
    model: str = ""
    sources: list = field(default_factory=list)
    state: str = "complete"
    error: str = ""
    at: datetime | None = None
    reactions: list[ReactionIn] = field(default_factory=list)


@dataclass(slots=True)
class ConversationIn:
    messages: list[MessageIn]
    external: str = ""
    title: str = ""
    system: str = ""
    tools: list | None = None
    reactions: list[ReactionIn] = field(default_factory=list)
    user: str = ""
    key: str = ""
    at: datetime | None = None


@dataclass(slots=True)
class DraftIn:
    external: str = ""
    text: str | None = None
    model: str = ""
    complete: bool = True
    seen: bool = True
    ending: str = ""  # corpus.endings: where it was cut off


@dataclass(slots=True)
class ChoiceIn:
    """`talk`: the turns before the drafts; its messages are empty when the drafts are known by id."""

    verdict: str
    chosen: int | None
    drafts: list[DraftIn]
    talk: ConversationIn
    regenerated: bool = False
    user: str = ""
    key: str = ""
    at: datetime | None = None


Row = ReactionIn | ChoiceIn | ConversationIn
