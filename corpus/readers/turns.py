"""Conversations in every known spelling → [{role, content, tool_calls?, name?, tool_call_id?}]. Text is never
changed."""

import json
import re

from django.utils.translation import gettext as _

from corpus.readers import limits, strict
from corpus.readers.errors import RowRefused

ROLES = {
    "user": (
        "user",
        "human",
        "prompter",
        "client",
        "customer",
        "patient",
        "用户",
        "问",
        "客户",
        "顾客",
        "患者",
        "人类",
    ),
    "assistant": (
        "assistant",
        "gpt",
        "bot",
        "model",
        "ai",
        "chatgpt",
        "chatbot",
        "agent",
        "doctor",
        "助手",
        "助理",
        "答",
        "机器人",
        "医生",
        "客服",
    ),
    "system": ("system", "developer", "系统"),
    "tool": (
        "tool",
        "observation",
        "function",
        "function_response",
        "tool_response",
        "tool_result",
        "ipython",
        "工具",
    ),
    "call": ("function_call", "tool_call", "tool_calls"),
}
ROLE_OF = {alias: role for role, aliases in ROLES.items() for alias in aliases}
_ROLE_KEYS, _TEXT_KEYS = ("role", "from", "speaker"), ("content", "value", "text")
_PAIR_KEYS = dict.fromkeys(
    ("question", "query", "prompt", "input", "instruction", "q"), "user"
) | dict.fromkeys(("answer", "response", "output", "a"), "assistant")
# parts of a message that are no part of its text; the report names them
KEPT_APART = frozenset(("reasoning", "thinking"))
_CALL_PARTS = frozenset(("tool_call", "tool_calls"))
_SPEAKERS = "|".join(sorted((a for r in ("user", "assistant") for a in ROLES[r]), key=len, reverse=True))
_SPOKEN = re.compile(
    rf"(?:^|\n)(?:(?P<name>{_SPEAKERS})[ ]?[:：]|[\[【](?P<boxed>{_SPEAKERS})[\]】][ ]?[:：]?)[ ]?",
    re.IGNORECASE,
)


def text(value, column: str) -> str:
    """`value` if it is a text within the limit, or one text part of a multi-part content. RowRefused
    otherwise."""
    if isinstance(value, list):
        value = _parts(value, column)
    if not isinstance(value, str):
        raise RowRefused(
            column, "type", _("A text is needed here, not %(type)s.") % {"type": type_name(value)}
        )
    if len(value) > limits.MAX_TEXT:
        raise RowRefused(
            column, "too_long", _("The text is longer than %(n)d characters.") % {"n": limits.MAX_TEXT}
        )
    return value


def type_name(value) -> str:
    if value is None:
        return _("nothing (null)")
    if isinstance(value, bool):
        return _("true/false")
    if isinstance(value, (int, float)):
        return _("a number")
    return (
        _("a text") if isinstance(value, str) else _("a list") if isinstance(value, list) else _("an object")
    )


def part_type(part) -> str | None:
    """What a part of a message says it is."""
    kind = part.get("type") if isinstance(part, dict) else None
    return kind if kind is None or isinstance(kind, str) else str(kind)


def _parts(parts: list, column: str) -> str:
    out = []
    for part in parts:
        kind = part_type(part)
        if kind in KEPT_APART:
            continue
        if kind != "text" and not (kind is None and isinstance(part, dict) and set(part) == {"text"}):
            raise RowRefused(
                column,
                "not_text",
                _("Only text can be imported; this message has a part of type %(type)s.")
                % {"type": str(kind)[:40]},
            )
        one = part.get("text", part.get("value", part.get("content")))
        if not isinstance(one, str):
            raise RowRefused(
                column, "type", _("A text is needed here, not %(type)s.") % {"type": type_name(one)}
            )
        out.append(one)
    return "".join(out)


def from_json(value, column: str):
    """A list or object that a table's cell or a string column holds as JSON text; anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return strict.parse(value.encode("utf-8"))
        except RowRefused as e:
            raise RowRefused(column, e.code, str(e)) from None
    return value


def talk(value):
    """The messages that a text holds as JSON, if every one has a role and a content; any other value as it
    is. (An answer may well be a text that is JSON.)"""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{"):
        return value
    try:
        made = from_json(value, "")
    except RowRefused:
        return value
    return made if is_talk(made) else value


def is_talk(value) -> bool:
    """Whether `value` is a message or a list of messages: objects with a role and a content."""
    entries = value if isinstance(value, list) else [value]
    return bool(entries) and all(
        isinstance(e, dict) and any(k in e for k in _ROLE_KEYS) and any(k in e for k in _TEXT_KEYS)
        for e in entries
    )


def conversation(value, column: str) -> list[dict]:
    """The turns of a conversation column: a list of {role, content} or {from, value}, of [question, answer]
    pairs or {user, assistant} pairs, or JSON text of these. RowRefused naming what is wrong."""
    value = from_json(value, column)
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        raise RowRefused(
            column, "type", _("A list of messages is needed here, not %(type)s.") % {"type": type_name(value)}
        )
    if len(value) > limits.MAX_TURNS:
        raise RowRefused(
            column,
            "too_many_turns",
            _("The conversation has more than %(n)d messages.") % {"n": limits.MAX_TURNS},
        )
    out: list[dict] = []
    for entry in value:
        if isinstance(entry, dict) and any(k in entry for k in _ROLE_KEYS):
            out.append(_turn(entry, column))
        else:
            out.extend(_pair(entry, column))
    return out


def last_role(value) -> str | None:
    """Whose the last message of a conversation column is; None if it has none, or cannot be read."""
    try:
        messages = conversation(value, "")
    except RowRefused:
        return None
    return messages[-1]["role"] if messages else None


def role_of(name, column: str) -> str:
    role = ROLE_OF.get(name.strip().casefold()) if isinstance(name, str) else None
    if role is None:
        raise RowRefused(column, "role", _("Unknown role: %(name)s") % {"name": str(name)[:60]})
    return role


def _turn(entry: dict, column: str) -> dict:
    role = role_of(next(entry[k] for k in _ROLE_KEYS if k in entry), column)
    content = next((entry[k] for k in _TEXT_KEYS if k in entry), None)
    if (
        isinstance(content, list)
        and role == "assistant"
        and any(part_type(part) in _CALL_PARTS for part in content)
    ):
        return _turn_with_call_parts(entry, content, column)
    if role == "call":
        return {"role": "assistant", "content": "", "tool_calls": _calls_of_text(content, column)}
    calls = entry.get("tool_calls")
    if role == "assistant" and calls:
        made = {
            "role": role,
            "content": "" if content is None else text(content, column),
            "tool_calls": _calls(calls, column),
        }
    elif role == "assistant" and isinstance(entry.get("function_call"), dict):
        made = {
            "role": role,
            "content": "" if content is None else text(content, column),
            "tool_calls": _calls([entry["function_call"]], column),
        }
    else:
        made = {"role": role, "content": text(content, column)}
    for key in ("name", "tool_call_id"):
        if isinstance(entry.get(key), str) and entry[key]:
            made[key] = entry[key]
    return made


def _turn_with_call_parts(entry: dict, content: list, column: str) -> dict:
    """A message whose tool calls stand among the parts of its content ({"type": "tool_call", "value": …})."""
    made: list[dict] = []
    rest = []
    for part in content:
        if part_type(part) in _CALL_PARTS:
            made += _calls_of_text(part.get("value", part.get("content")), column)
        else:
            rest.append(part)
    name = {"name": entry["name"]} if isinstance(entry.get("name"), str) and entry["name"] else {}
    return {"role": "assistant", "content": _parts(rest, column), "tool_calls": made, **name}


def _calls(calls, column: str) -> list[dict]:
    calls = from_json(calls, column)
    if not isinstance(calls, list):
        raise RowRefused(column, "tool_calls", _("A tool call must be an object with a name and arguments."))
    out = []
    for call in calls:
        function = call.get("function", call) if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise RowRefused(
                column, "tool_calls", _("A tool call must be an object with a name and arguments.")
            )
        arguments = function.get("arguments", function.get("parameters", {}))
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        made = {"type": "function", "function": {"name": function["name"], "arguments": arguments}}
        out.append({"id": call["id"], **made} if isinstance(call.get("id"), str) else made)
    return out


def _calls_of_text(content, column: str) -> list[dict]:
    """A ShareGPT function_call turn: {"name": …, "arguments": {…}} or a list of such, as JSON text. The
    arguments keep the text they were written in, so that an export gives the same characters back."""
    raw = text(content, column) if not isinstance(content, (dict, list)) else None
    value = from_json(raw, column) if raw is not None else content
    if not isinstance(value, (dict, list)):
        raise RowRefused(column, "tool_calls", _("A tool call must be an object with a name and arguments."))
    calls = _calls(value if isinstance(value, list) else [value], column)
    written = _written_arguments(raw) if raw is not None and isinstance(value, dict) else None
    if written is not None and not isinstance(value.get("arguments"), str):
        calls[0]["function"]["arguments"] = written
    return calls


def _written_arguments(raw: str) -> str | None:
    """The text of the value behind the key "arguments" in a JSON object, found with the JSON scanner
    itself."""
    decoder, at = json.JSONDecoder(strict=False), raw.index("{") + 1
    blank = re.compile(r"[ \t\r\n,:]*")
    try:
        while True:
            at = blank.match(raw, at).end()
            key, at = decoder.raw_decode(raw, at)
            at = blank.match(raw, at).end()
            _value, end = decoder.raw_decode(raw, at)
            if key == "arguments":
                return raw[at:end]
            at = end
    except ValueError:
        return None


def _pair(entry, column: str) -> list[dict]:
    """A [question, answer] or {user: …, assistant: …} round."""
    if isinstance(entry, (list, tuple)) and len(entry) == 2:
        question, answer = entry
    elif isinstance(entry, dict):
        found: dict[str, object] = {}
        if isinstance(entry.get("system"), str) and entry["system"]:
            return [
                {"role": "system", "content": text(entry["system"], column)},
                *_pair({k: v for k, v in entry.items() if k != "system"}, column),
            ]
        for key, value in entry.items():
            name = _PAIR_KEYS.get(key.strip().casefold()) or ROLE_OF.get(key.strip().casefold())
            if name in ("user", "assistant") and name not in found:
                found[name] = value
        if set(found) != {"user", "assistant"}:
            raise RowRefused(
                column, "turns", _("A message has neither a role nor a question with its answer.")
            )
        question, answer = found["user"], found["assistant"]
    else:
        raise RowRefused(
            column,
            "turns",
            _("A message must be an object with role and content, or a pair of question and answer."),
        )
    return [
        {"role": "user", "content": text(question, column)},
        {"role": "assistant", "content": text(answer, column)},
    ]


def history(value, column: str) -> list[dict]:
    """Earlier rounds: what `conversation` takes, "" or null (none), or one text whose lines begin with role
    names (问：… 答：…)."""
    told = spoken(value, mixed=True) if isinstance(value, str) else None
    value = from_json(value, column) if told is None else value
    if value is None or value == [] or (isinstance(value, str) and not value.strip()):
        return []
    if told is not None:
        turns = told
    elif isinstance(value, str):
        raise RowRefused(
            column,
            "history",
            _(
                "The history is a text in which no turns can be told apart (a list is needed, or "
                "lines that begin with 问： and 答：)."
            ),
        )
    else:
        turns = conversation(value, column)
    if turns[-1]["role"] == "user":
        raise RowRefused(column, "history", _("The history ends with a question that has no answer."))
    return turns


def spoken(value: str, *, mixed: bool = False) -> list[dict] | None:
    """The turns of one text written as "Human: … Assistant: …", "问：… 答：…" or "[客户] … [客服] …" at line
    starts; None if it does not begin so. The blank after the colon and the line breaks before the next
    name are not part of the texts. `mixed`: one side may change its name where turns alternate."""
    if not _SPOKEN.match(value.lstrip()):  # nearly every text ends here
        return None
    marks = [(m, (m["name"] or m["boxed"]).casefold()) for m in _SPOKEN.finditer(value)]
    roles = [ROLE_OF[name] for _mark, name in marks]
    if not mixed or any(role != ("user", "assistant")[i % 2] for i, role in enumerate(roles)):
        # The first name of each side is theirs throughout: a line that begins with "AI：" in what "医生："
        # says is part of it.
        names = {role: name for role, (_mark, name) in zip(reversed(roles), reversed(marks), strict=True)}
        marks = [(mark, name) for mark, name in marks if name in names.values()]
    turns = []
    for i, (m, name) in enumerate(marks):
        stop = marks[i + 1][0].start() if i + 1 < len(marks) else len(value)
        content = value[m.end() : stop]
        turns.append(
            {"role": ROLE_OF[name], "content": content.removesuffix("\n") if i + 1 < len(marks) else content}
        )
    return turns


def tools(value, column: str) -> list | None:
    """The tools column: a list, or JSON text of one; empty or null = none."""
    value = from_json(value, column)
    if value is None or value == [] or (isinstance(value, str) and value.strip() in ("", "null", "None")):
        return None
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        raise RowRefused(column, "tools", _("The tools must be a list of objects (or JSON text of one)."))
    return value
