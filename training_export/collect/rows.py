"""The rows that an export reads, with the columns they are made of (see `Reading.rows_as`): what the database
gives, so JSON columns are text."""

from typing import NamedTuple


class PromptRow(NamedTuple):
    pk: int
    messages: object
    tools: object
    sources: object
    language: str
    content_hash: str
    metadata: object


class ItemRow(NamedTuple):
    pk: int
    prompt: int
    hidden: bool


class ResponseRow(NamedTuple):
    prompt: int
    pk: int
    text: str
    turns: object
    origin: str
    model: str | None
    text_hash: str
    is_target: bool
    given: object
    event: int
    cut: bool


class HeadRow(NamedTuple):
    """An annotation with its version in force. `source`: of its annotator."""

    annotation: int
    version: int
    event: int
    action: str
    document: object
    item: int
    practice: bool
    pseudonym: str
    source: str


class RulingRow(NamedTuple):
    """An item's settlement; all but the item None where it was withdrawn."""

    item: int
    version: int
    annotation: int
    event: int
    document: object
    pseudonym: str


class MessageRow(NamedTuple):
    pk: int
    parent: int
    role: str
    text: str
    extra: object
    sources: object
    state: str
    model: str | None
    conversation: int
    event: int


class ReactionRow(NamedTuple):
    pk: int
    message: int
    end_user: int | None
    kind: str
    value: int
    text: str
    at: object


class ChoiceRow(NamedTuple):
    pk: int
    parent: int
    end_user: int | None
    verdict: str
    chosen: int | None
    shown: object
    at: object
    regenerated: object


class ThumbRow(NamedTuple):
    """A thumb with the answer it is about and the question before that."""

    end_user: int
    message: int
    pk: int
    value: int
    at: object
    text: str
    question: str | None


COLUMNS: dict[type, tuple[str, ...]] = {
    PromptRow: ("id", "messages", "tools", "sources", "language", "content_hash", "metadata"),
    ItemRow: ("id", "prompt_id", "hidden"),
    ResponseRow: (
        "prompt_id",
        "id",
        "text",
        "turns",
        "origin",
        "model_version__name",
        "text_hash",
        "is_target",
        "given",
        "event_id",
        "cut",
    ),
    HeadRow: (
        "annotation_id",
        "id",
        "event_id",
        "action",
        "document",
        "annotation__item_id",
        "annotation__practice",
        "annotation__annotator__pseudonym",
        "annotation__annotator__source",
    ),
    RulingRow: (
        "item_id",
        "version_id",
        "version__annotation_id",
        "version__event_id",
        "version__document",
        "version__annotation__annotator__pseudonym",
    ),
    MessageRow: (
        "id",
        "parent_id",
        "role",
        "text",
        "extra",
        "sources",
        "state",
        "model_version__name",
        "conversation_id",
        "event_id",
    ),
    ReactionRow: ("id", "message_id", "end_user_id", "kind", "value", "text", "created_at"),
    ChoiceRow: (
        "id",
        "parent_id",
        "end_user_id",
        "verdict",
        "chosen_id",
        "shown",
        "created_at",
        "regenerated",
    ),
    ThumbRow: (
        "end_user_id",
        "message_id",
        "id",
        "value",
        "created_at",
        "message__text",
        "message__parent__text",
    ),
}
