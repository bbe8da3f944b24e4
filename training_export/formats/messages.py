"""From an Example's context and answers to the messages a chat template renders, and what is wrong with
messages. Pure."""

import json
import re

from core import storable
from corpus.canonical import unified

ROLES = ("system", "user", "assistant", "tool")
# What the common chat templates use as control tokens. Text holding one is read by the tokenizer as the token
# itself: it would end the turn, open another speaker's, or call a tool. Generic forms first; then the names
# that follow no form.
TEMPLATE_TOKEN = re.compile(
    r"<[|｜][^\s<>|｜]{1,40}[|｜]>"
    r"|\[/?(?:INST|SYSTEM_PROMPT|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|AVAILABLE_TOOLS|ARGS|CALL_ID|PREFIX|MIDDLE|SUFFIX|THINK)\]"
    r"|<</?SYS>>|<(?:start|end)_of_turn>|</?(?:s|bos|eos|pad|unk)>|\[(?:g|s)?MASK\]|<[se]op>|</?tool_(?:call|response)s?>|<\[/?(?:PAD|BOS|EOS|UNK|SEP)\]>"
    r"|<\|[a-z_]{1,30}>|<[a-z_]{1,30}\|>|<(?:start|end)_of_(?:image|utterance)>|</?arg_(?:key|value)>|<seed:[a-z_]{1,30}>"
    r"|<(?:reserved_10[67]|_system|_user|_bot|_end|_observation)>|\[(?:UNUSED_TOKEN_14[56])\]"
)


class LeftOut(Exception):
    """The format cannot hold this row; `code` is one of REASONS."""

    def __init__(self, code: str):
        super().__init__(code)
        self.code = code


def code_of(fault: str) -> str:
    """The code that a row is left out with for a fault of `core.storable`."""
    return {"surrogate": "stray_surrogate", "not_json": "tool_calls", "not_an_object": "tool_calls"}.get(
        fault, fault
    )


def blank(text: str) -> bool:
    """Nothing to learn from: empty, or only white space."""
    return not text or text.isspace()


def has_template_token(text: str) -> bool:
    # Two memchr's spare nearly every text the regular expression.
    return ("<" in text or "[" in text) and TEMPLATE_TOKEN.search(text) is not None


def source_block(sources: list) -> str:
    """The passages as they enter a training prompt: "[1] title", the text, an empty line after each. LeftOut
    for passages that are no texts."""
    out = []
    for i, source in enumerate(sources, 1):
        title, text = source.get("title") or "", source.get("text") or ""
        if not isinstance(title, str) or not isinstance(text, str):
            raise LeftOut("bad_source")
        out.append(f"[{i}]{' ' + title if title else ''}\n{text}\n\n")
    return "".join(out)


def prompt_messages(example, options) -> list[dict]:
    """The context of `example` as messages, with sources and system placed as `options` say. LeftOut where no
    user turn can take them."""
    messages = [plain(m) for m in example.context]
    if options.sources != "omit" and example.sources:
        _place_sources(messages, source_block(example.sources), options.sources)
    if options.system == "merge" and messages and messages[0]["role"] == "system":
        system = messages.pop(0)["content"]
        if not messages or messages[0]["role"] != "user":
            raise LeftOut("bad_context")
        messages[0] = messages[0] | {"content": f"{system}\n\n{messages[0]['content']}"}
    return messages


def _place_sources(messages: list[dict], block: str, where: str) -> None:
    if where == "system":
        if messages and messages[0]["role"] == "system":
            messages[0] = messages[0] | {"content": block + messages[0]["content"]}
        else:
            messages.insert(0, {"role": "system", "content": block.removesuffix("\n\n")})
        return
    for i in range(len(messages) - 1, -1, -1):
        if messages[i]["role"] == "user":
            messages[i] = messages[i] | {"content": block + messages[i]["content"]}
            return
    raise LeftOut("bad_context")


def plain(message: dict) -> dict:
    """Only what a chat template reads. The arguments of tool calls become objects (templates render them
    themselves)."""
    if len(message) == 2 and isinstance(message.get("content"), str):
        return message
    content = message.get("content")
    out = {
        "role": message.get("role"),
        "content": "" if content is None and message.get("tool_calls") else content,
    }
    if message.get("tool_calls"):
        if not isinstance(message["tool_calls"], list):
            raise LeftOut("tool_calls")
        out["tool_calls"] = [_call(call) for call in message["tool_calls"]]
    for key in ("name", "tool_call_id"):
        if message.get(key):
            if not isinstance(message[key], str):
                raise LeftOut("tool_calls")
            out[key] = message[key]
    return out


def _call(call: dict) -> dict:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
        raise LeftOut("tool_calls")
    try:
        arguments = storable.arguments(function.get("arguments", {}))
    except storable.NotStorable as no:
        raise LeftOut(code_of(no.code)) from None
    out = {"type": "function", "function": {"name": function["name"], "arguments": arguments}}
    if call.get("id"):
        if not isinstance(call["id"], str):
            raise LeftOut("tool_calls")
        out["id"] = call["id"]
    return out


def answer_messages(answer) -> tuple[list[dict], dict]:
    """(turns before, final message). An answer that ends in a tool call has no text after it: the call is
    then the final message."""
    turns = [plain(t) for t in answer.turns or ()]
    if answer.text == "" and turns and turns[-1].get("tool_calls"):
        return turns[:-1], turns[-1]
    return turns, {"role": "assistant", "content": answer.text}


def context_problem(messages, *, strict: bool = True) -> tuple[str, str]:
    """("", "") if `messages` can stand before an answer, else (code, detail). `strict`: turns must alternate,
    as chat templates expect but do not check; without it only what no reader could make sense of is
    refused."""
    if not isinstance(messages, list) or not messages:
        return "not_messages", ""
    previous = ""
    seen_user = text_from_user = False
    for i, message in enumerate(messages):
        if not isinstance(message, dict):
            return "not_messages", f"{i + 1}"
        role, content = message.get("role"), message.get("content")
        if role not in ROLES:
            return "unknown_role", str(role)[:40]
        if not isinstance(content, str):
            return "null_content", f"{i + 1}"
        if role == "system":
            if i and strict:
                return "system_not_first", f"{i + 1}"
            continue
        calls = message.get("tool_calls")
        if calls is not None and (role != "assistant" or not _calls_well_formed(calls)):
            return "tool_calls", f"{i + 1}"
        if role == "user":
            seen_user = True
            text_from_user = text_from_user or not blank(content)
        if strict and role == previous and role != "tool":
            return ("two_users" if role == "user" else "two_assistants"), f"{i + 1}"
        if strict and role == "tool" and previous not in ("assistant", "tool"):
            return "stray_tool", f"{i + 1}"
        previous = role
    if not seen_user:
        return "system_only", ""
    if not text_from_user:
        return "empty_prompt", ""
    if messages[-1]["role"] not in ("user", "tool"):
        return "assistant_last", ""
    return "", ""


def _calls_well_formed(calls) -> bool:
    return (
        isinstance(calls, list)
        and len(calls) > 0
        and all(
            isinstance(c, dict)
            and isinstance(c.get("function"), dict)
            and isinstance(c["function"].get("name"), str)
            and isinstance(c["function"].get("arguments"), (dict, str))
            for c in calls
        )
    )


def answer_problem(messages) -> tuple[str, str]:
    """("", "") if `messages` can stand as an answer: assistant and tool turns, the last the assistant's with
    text or a call."""
    if not isinstance(messages, list) or not messages:
        return ("empty_answer", "") if messages == [] else ("not_messages", "")
    for i, message in enumerate(messages):
        if not isinstance(message, dict):
            return "not_messages", f"{i + 1}"
        role, content = message.get("role"), message.get("content")
        if role not in ROLES:
            return "unknown_role", str(role)[:40]
        if role in ("system", "user"):
            return ("implicit_prompt", "") if len(messages) > 1 else ("no_assistant", "")
        if not isinstance(content, str):
            return "null_content", f"{i + 1}"
        calls = message.get("tool_calls")
        if calls is not None and not _calls_well_formed(calls):
            return "tool_calls", f"{i + 1}"
    last = messages[-1]
    if last["role"] != "assistant":
        return "no_assistant", ""
    if blank(last["content"]) and not last.get("tool_calls"):
        return "empty_answer", ""
    return "", ""


def any_template_token(messages: list[dict]) -> bool:
    for message in messages:
        if has_template_token(message["content"]):
            return True
        if "tool_calls" in message and has_template_token(
            json.dumps(message["tool_calls"], ensure_ascii=False)
        ):
            return True
    return False


def identity(messages: list[dict]) -> int:
    """64 bits standing for checked messages, their texts up to `unified`: equal messages, equal numbers. Only
    good within this process."""
    if len(messages) == 1 and len(messages[0]) == 2:
        return hash((messages[0]["role"], unified(messages[0]["content"])))
    parts = []
    for m in messages:
        parts.append(m["role"])
        parts.append(unified(m["content"]))
        if len(m) > 2:
            parts.append(
                json.dumps({k: v for k, v in m.items() if k not in ("role", "content")}, sort_keys=True)
            )
    return hash(tuple(parts))
