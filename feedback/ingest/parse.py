"""One row of feedback as a program sends it → a checked ReactionIn, ChoiceIn or ConversationIn. Strict: a
name that means nothing here is refused, as a misspelt one would be lost without a word. Pure;
docs/feedback-api.md tells every rule."""

from collections.abc import Callable

from django.utils.translation import gettext as _

from core import storable
from core.errors import DomainError
from corpus.endings import BROKEN, said_in
from feedback.conversations.message import ROLES, Turn, state_of, turn_of, without_system
from feedback.conversations.sizes import MAX_COMMENT, MAX_CORRECTION, MAX_TAG, MAX_TAGS
from feedback.ingest import fields
from feedback.ingest.fields import MAX_EXTERNAL, MAX_MESSAGES, MAX_MODEL, MAX_TEXT
from feedback.ingest.rows import (
    ChoiceIn,
    ConversationIn,
    DraftIn,
    MessageIn,
    ReactionIn,
    Row,
    RowError,
    Rules,
)
from feedback.reactions.reasons import KEY as REASON

MAX_DRAFTS = 8
_LARGEST = storable.LARGEST


_COMMON = {"type", "id", "user", "at"}
_SAID = {"kind", "value", "reasons", "comment", "text", "tags", "at", "user"}
_REACTION = _COMMON | _SAID | {"target", "message", "conversation"}
_CHOICE = _COMMON | {
    "verdict",
    "chosen",
    "drafts",
    "messages",
    "conversation",
    "system",
    "tools",
    "regenerated",
    "model",
}
_CONVERSATION = _COMMON | {"conversation", "title", "system", "tools", "model", "messages", "reactions"}
ENDS = ("finish_reason", "stop_reason")
_MESSAGE = {
    "role",
    "content",
    "id",
    "parent",
    "model",
    "tool_calls",
    "tool_call_id",
    "name",
    "sources",
    "state",
    "at",
    "reactions",
    *ENDS,
}
_DRAFT = {"id", "text", "model", "complete", "seen", *ENDS}
_THUMBS = {"up": 1, "down": -1, "none": 0}


def parse(raw, rules: Rules) -> Row:
    """The checked row. RowError names what is wrong with it."""
    if type(raw) is not dict:
        raise RowError("", "not_an_object", _("A row is an object."))
    kind = raw.get("type")
    make = _MAKERS.get(kind) if isinstance(kind, str) else None
    if make is None:
        raise RowError("type", "bad_type", _("The type is reaction, choice or conversation."))
    return make(raw, rules)


def _reaction_row(raw: dict, rules: Rules) -> ReactionIn:
    fields.check_names(raw, _REACTION)
    row = _said(raw, rules, "")
    row.key, row.user = fields.key_of(raw), fields.user_of(raw)
    given = [name for name in ("target", "message", "conversation") if raw.get(name) is not None]
    if len(given) != 1:
        raise RowError(
            "target",
            "bad_target",
            _("Name one target: your own id of it as target, or our number as message or conversation."),
        )
    if given == ["target"]:
        row.target = fields.external_of(raw, "target")
    else:
        value = raw[given[0]]
        if type(value) is not int or not 0 < value <= _LARGEST:
            raise RowError(given[0], "bad_target", _("This is not one of our numbers."))
        if (given == ["message"]) == (row.kind == "score"):
            raise RowError(
                given[0],
                "bad_target",
                _("A score is given to a conversation; thumbs and corrections to an answer."),
            )
        setattr(row, given[0], value)
    return row


def _said(raw: dict, rules: Rules, at: str) -> ReactionIn:
    """What was said, whatever of. `at` is the field it stands in, with a dot."""
    kind, value = raw.get("kind"), raw.get("value")
    text_field = "text" if kind == "correction" else "comment"
    if kind == "thumb":
        if isinstance(value, bool):
            value = 1 if value else -1
        elif isinstance(value, str):
            value = _THUMBS.get(value)
        if type(value) is not int or value not in (1, -1, 0):
            raise RowError(
                f"{at}value", "bad_value", _("A thumb is “up”, “down” or “none”; 1, -1 or 0; true or false.")
            )
    elif kind == "score":
        if type(value) is not int or not 0 <= value <= 5:
            raise RowError(
                f"{at}value", "bad_value", _("A score is a whole number from 1 to 5, or 0 to take it back.")
            )
    elif kind == "correction":
        if value is not None:
            raise RowError(f"{at}value", "bad_value", _("A correction has a text and no value."))
    else:
        raise RowError(f"{at}kind", "bad_kind", _("A reaction is a thumb, a score or a correction."))
    text = raw.get(text_field)
    if text is None and kind != "correction":
        text = ""
    elif not isinstance(text, str):
        raise RowError(at + text_field, "bad_text", _("This must be a text."))
    elif len(text) > (MAX_CORRECTION if kind == "correction" else MAX_COMMENT):
        raise RowError(at + text_field, "long_text", _("This text is too long to be kept."))
    other = "comment" if kind == "correction" else "text"
    if raw.get(other) is not None:
        raise RowError(
            at + other, "unknown_field", _("Thumbs and scores have a comment, corrections a text.")
        )
    reasons, tags = raw.get("reasons") or [], raw.get("tags") or []
    if reasons:
        _reasons(reasons, kind, value, rules, at)
    if tags:
        _tags(tags, at)
    return ReactionIn(kind, value, text, reasons, tags, at=fields.moment_of(raw, at) if "at" in raw else None)


def _reasons(reasons, kind: str, value: int | None, rules: Rules, at: str) -> None:
    if (
        type(reasons) is not list
        or not all(isinstance(r, str) and REASON.fullmatch(r) for r in reasons)
        or len(set(reasons)) != len(reasons)
    ):
        raise RowError(
            f"{at}reasons",
            "bad_reason",
            _("Reasons are a list of keys: lower-case letters, digits and underscores, none twice."),
        )
    if kind != "thumb" or not value:
        raise RowError(f"{at}reasons", "bad_reason", _("Only a thumb up or down has reasons."))
    known = rules.up if value > 0 else rules.down
    if known is not None and not known.issuperset(reasons):
        raise RowError(
            f"{at}reasons",
            "bad_reason",
            _("The project's reasons for this thumb are: %(keys)s.") % {"keys": ", ".join(sorted(known))},
        )


def _tags(tags, at: str) -> None:
    if (
        type(tags) is not list
        or len(tags) > MAX_TAGS
        or not all(isinstance(t, str) and 0 < len(t) <= MAX_TAG for t in tags)
    ):
        raise RowError(
            f"{at}tags",
            "bad_tag",
            _("At most %(n)s tags of at most %(m)s characters.") % {"n": MAX_TAGS, "m": MAX_TAG},
        )


def _conversation_row(raw: dict, rules: Rules) -> ConversationIn:
    fields.check_names(raw, _CONVERSATION)
    row = _talk(raw, rules)
    if not row.messages:
        raise RowError("messages", "no_messages", _("A conversation has messages."))
    for i, said in enumerate(fields.list_of(raw, "reactions", MAX_MESSAGES)):
        reaction = _nested(said, rules, f"reactions.{i}.", row.user)
        if reaction.kind != "score":
            raise RowError(
                f"reactions.{i}.kind",
                "bad_kind",
                _("A score is given to a conversation; thumbs and corrections to an answer."),
            )
        row.reactions.append(reaction)
    return row


def _talk(raw: dict, rules: Rules) -> ConversationIn:
    model = fields.name_of(raw, "model", MAX_MODEL)
    row = ConversationIn(
        [],
        user=fields.user_of(raw),
        key=fields.key_of(raw),
        at=fields.moment_of(raw) if "at" in raw else None,
    )
    row.external, row.title, row.system = (
        fields.external_of(raw, "conversation"),
        fields.text_of(raw, "title"),
        fields.text_of(raw, "system"),
    )
    if raw.get("tools") is not None:
        row.tools = fields.list_of(raw, "tools", 1000)
        if not all(isinstance(t, dict) for t in row.tools):
            raise RowError("tools", "bad_tools", _("Tools are a list of objects."))
        fields.check_free(row.tools, "tools")
    seen: set[str] = set()
    lacking = None  # what the system text had beside it
    for i, message in enumerate(fields.list_of(raw, "messages", MAX_MESSAGES)):
        at = f"messages.{i}."
        one = _message(message, rules, at, row.user, model)
        if one.turn.role == "system" and i == 0:
            if row.system:
                raise RowError(
                    at + "role",
                    "two_systems",
                    _("There is a system text beside the messages and another one in them."),
                )
            if one.external or one.parent:
                raise RowError(at + "id", "bad_id", _("The system text has no id of its own."))
            row.system, lacking = one.turn.text, (one.turn.extra or {}).get("parts")
            continue
        if one.parent and one.parent not in seen and not row.external:
            raise RowError(
                at + "parent",
                "bad_parent",
                _("The parent is the id of an earlier message of this conversation."),
            )
        if one.external:
            if one.external in seen:
                raise RowError(at + "id", "bad_id", _("Two messages have this id."))
            seen.add(one.external)
        if lacking:
            one.turn, lacking = (
                without_system([Turn("system", extra={"parts": lacking}), one.turn])[1][0],
                None,
            )
        row.messages.append(one)
    return row


def _message(raw, rules: Rules, at: str, user: str, model: str) -> MessageIn:
    if type(raw) is not dict:
        raise RowError(at[:-1], "not_an_object", _("A message is an object."))
    fields.check_names(raw, _MESSAGE, at)
    role, content = raw.get("role"), raw.get("content")
    if role not in ROLES and role not in ("developer", "function"):
        raise RowError(f"{at}role", "bad_role", _("The role is system, user, assistant or tool."))
    if not isinstance(content, (str, list)) and not (content is None and raw.get("tool_calls")):
        raise RowError(f"{at}content", "bad_content", _("The content is a text, or a list of parts."))
    if isinstance(content, list) and not all(
        isinstance(p, dict) and isinstance(p.get("type"), str) for p in content
    ):
        raise RowError(f"{at}content", "bad_content", _("Each part of the content is an object with a type."))
    calls = raw.get("tool_calls")
    if calls is not None and not (isinstance(calls, list) and all(isinstance(c, dict) for c in calls)):
        raise RowError(f"{at}tool_calls", "bad_tools", _("Tool calls are a list of objects."))
    for name in ("tool_call_id", "name"):
        fields.name_of(raw, name, MAX_EXTERNAL, at)
    fields.check_free([content if isinstance(content, list) else None, calls], at[:-1])
    if calls and (code := storable.call_fault(calls)):
        raise RowError(f"{at}tool_calls", code, str(storable.SENTENCES[code]))
    try:
        turn = turn_of(raw)
    except DomainError as refused:
        raise RowError(at[:-1], refused.code, str(refused.message)) from None
    if len(turn.text) > MAX_TEXT:
        raise RowError(f"{at}content", "long_text", _("This text is too long to be kept."))
    answer = turn.role == "assistant"
    one = MessageIn(
        turn,
        fields.external_of(raw, "id", at),
        fields.external_of(raw, "parent", at),
        at=fields.moment_of(raw, at) if "at" in raw else None,
    )
    one.model = (fields.name_of(raw, "model", MAX_MODEL, at) or model) if answer else ""
    one.sources = fields.list_of(raw, "sources", 200, at)
    if not all(isinstance(s, dict) for s in one.sources):
        raise RowError(f"{at}sources", "bad_sources", _("Sources are a list of objects."))
    fields.check_free(one.sources, f"{at}sources")
    one.state = raw.get("state") or "complete"
    if one.state not in ("complete", "cut", "stopped", "failed") or (one.state != "complete" and not answer):
        raise RowError(f"{at}state", "bad_state", _("An answer is complete, cut, stopped or failed."))
    ending = _ending(raw, at)
    if ending and not answer:
        raise RowError(f"{at}finish_reason", "bad_state", _("Only an answer has a finish_reason."))
    # what the model's server says of the end is believed before what stands in the row
    if one.state in ("complete", "cut"):
        one.state, one.error = state_of(ending) if ending else (one.state, "")
    for i, said in enumerate(fields.list_of(raw, "reactions", 100, at)):
        reaction = _nested(said, rules, f"{at}reactions.{i}.", user)
        if reaction.kind == "score" or not answer:
            raise RowError(
                f"{at}reactions.{i}",
                "bad_target",
                _("A score is given to a conversation; thumbs and corrections to an answer."),
            )
        one.reactions.append(reaction)
    return one


def _nested(raw, rules: Rules, at: str, user: str) -> ReactionIn:
    if type(raw) is not dict:
        raise RowError(at[:-1], "not_an_object", _("A reaction is an object."))
    fields.check_names(raw, _SAID, at)
    row = _said(raw, rules, at)
    row.user = fields.user_of(raw, at) or user
    return row


def _choice_row(raw: dict, rules: Rules) -> ChoiceIn:
    fields.check_names(raw, _CHOICE)
    verdict = raw.get("verdict")
    if verdict not in ("better", "same", "all_bad"):
        raise RowError("verdict", "bad_verdict", _("The verdict is better, same or all_bad."))
    drafts = [
        _draft(d, f"drafts.{i}.", fields.name_of(raw, "model", MAX_MODEL))
        for i, d in enumerate(fields.list_of(raw, "drafts", MAX_DRAFTS))
    ]
    named = [d.external for d in drafts if d.external]
    if len(drafts) < 2 or len(set(named)) < len(named):
        raise RowError("drafts", "bad_drafts", _("A choice is between two or more drafts, none twice."))
    chosen = raw.get("chosen")
    if isinstance(chosen, str) and chosen in named:
        chosen = next(i for i, d in enumerate(drafts) if d.external == chosen)
    if (verdict == "better") != (chosen is not None) or not (
        chosen is None or (type(chosen) is int and 0 <= chosen < len(drafts))
    ):
        raise RowError(
            "chosen",
            "bad_chosen",
            _(
                "Name the better draft by its id, or its place counted from 0; and only with the "
                "verdict better."
            ),
        )
    talk = _talk({k: v for k, v in raw.items() if k not in ("id", "user", "at")}, rules)
    talk.user, talk.at = fields.user_of(raw), fields.moment_of(raw) if "at" in raw else None
    if talk.messages and talk.messages[-1].turn.role == "assistant":
        raise RowError(
            "messages", "bad_messages", _("The messages end with the question that the drafts answer.")
        )
    if not talk.messages and len(named) < len(drafts):
        raise RowError(
            "messages", "no_messages", _("Drafts that are given as texts need the messages before them.")
        )
    for i, draft in enumerate(drafts):
        if draft.text is None and not draft.external:
            raise RowError(f"drafts.{i}", "bad_drafts", _("A draft has an id or a text."))
    regenerated = raw.get("regenerated", False)
    if type(regenerated) is not bool:
        raise RowError("regenerated", "bad_value", _("This is true or false."))
    return ChoiceIn(
        verdict, chosen, drafts, talk, regenerated, user=talk.user, key=fields.key_of(raw), at=talk.at
    )


def _draft(raw, at: str, model: str) -> DraftIn:
    if type(raw) is not dict:
        raise RowError(at[:-1], "not_an_object", _("A draft is an object."))
    fields.check_names(raw, _DRAFT, at)
    text = raw.get("text")
    if text is not None and (not isinstance(text, str) or len(text) > MAX_TEXT):
        raise RowError(f"{at}text", "bad_text", _("This must be a text."))
    for name in ("complete", "seen"):
        if type(raw.get(name, True)) is not bool:
            raise RowError(at + name, "bad_value", _("This is true or false."))
    ending = _ending(raw, at)
    whole = raw.get("complete", True) and ending != BROKEN
    return DraftIn(
        fields.external_of(raw, "id", at),
        text,
        fields.name_of(raw, "model", MAX_MODEL, at) or model,
        whole,
        raw.get("seen", True),
        ending,
    )


def _ending(raw: dict, at: str) -> str:
    for name in ENDS:
        if not isinstance(raw.get(name), (str, int, type(None))):  # a stop word, a token's number
            raise RowError(at + name, "bad_value", _("This must be a text."))
    return said_in(raw)


_MAKERS: dict[str, Callable[[dict, Rules], Row]] = {
    "reaction": _reaction_row,
    "choice": _choice_row,
    "conversation": _conversation_row,
}
