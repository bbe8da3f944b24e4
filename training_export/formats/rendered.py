"""A prompt and its answers as the rows of a line format hold them: rendered once, used by every row."""

import json
from dataclasses import dataclass, field

import orjson

from core import storable
from training_export.formats.messages import (
    LeftOut,
    code_of,
)

json_text = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def encoded(value) -> bytes:
    """UTF-8 JSON of `value`, with ", " and ": "; LeftOut for what is no JSON (half a surrogate pair, NaN,
    levels without end)."""
    try:
        # Of one text orjson gives the same bytes, ten times as fast.
        return orjson.dumps(value) if type(value) is str else json_text(value).encode()
    except (UnicodeEncodeError, orjson.JSONEncodeError):
        raise LeftOut("stray_surrogate") from None
    except (ValueError, RecursionError):
        fault = storable.fault(value)
        if not fault:
            raise
        raise LeftOut(code_of(fault)) from None


def encoded_messages(messages: list[dict]) -> bytes:
    """`encoded` of messages that `context_problem` found nothing in, the usual ones by a shorter way."""
    if all(len(m) == 2 and next(iter(m)) == "role" for m in messages):
        return b"[%b]" % b", ".join(
            [b'{"role": "%b", "content": %b}' % (m["role"].encode(), encoded(m["content"])) for m in messages]
        )
    return encoded(messages)


@dataclass(slots=True)
class Rendered:
    """One answer: its final message, as JSON bytes too, the tool turns before it, its identity; `code` if it
    cannot be written."""

    code: str = ""
    before: list = field(default_factory=list)
    final: dict = field(default_factory=dict)
    line: bytes = b""
    id: int = 0
    structured: bool = False


@dataclass(slots=True)
class Shown:
    """What the rows of one prompt share, made once: the prompt's messages, bytes and identity, its tools
    (`tail`: what ends a row), and each answer. `tool_text`: the tools as one text. `head`: for
    LLaMA-Factory's alpaca rows. `structured`: there is more in it than plain turns."""

    context: list
    group_id: str
    tools: list | None
    sources: list
    code: str = ""
    messages: list = field(default_factory=list)
    prompt: bytes = b""
    prompt_id: int = 0
    tool_text: str = ""
    tail: bytes = b""
    head: bytes = b""
    structured: bool = False
    answers: dict[str, Rendered] = field(default_factory=dict)

    def is_of(self, example) -> bool:
        if (
            self.context is example.context
            and self.sources is example.sources
            and self.tools is example.tools
        ):
            return self.group_id == example.group_id
        mine = (self.group_id, self.context, self.sources, self.tools)
        return mine == (example.group_id, example.context, example.sources, example.tools)
