"""One message as OpenAI's protocol writes it → what a Message row holds of it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from core import storable
from core.errors import DomainError

ROLES = ("system", "user", "assistant", "tool")
_OTHER_NAMES = {"developer": "system", "function": "tool"}
EXTRA = ("tool_calls", "tool_call_id", "name", "function_call")
TITLE = 120


@dataclass(slots=True)
class Turn:
    """`text` as it was said, `extra` the rest that belongs to it: tool_calls, tool_call_id, name, and as `parts` what was no text (pictures)."""

    role: str
    text: str = ""
    extra: dict | None = None

    def plain(self) -> dict:
        """The message again: what hashes are made of, and what a model is sent."""
        return {"role": self.role, "content": self.text} | (self.extra or {})


def turn_of(message: dict) -> Turn:
    """The Turn of a message that a program sent, whatever its shape: this one has been sent to a model already. DomainError "not_storable" for
    text that no database keeps."""
    role = str(message.get("role") or "user")
    extra = {name: message[name] for name in EXTRA if message.get(name)}
    content = message.get("content")
    if isinstance(content, str):
        text = content
    else:
        text, parts = _of_parts(content if isinstance(content, list) else [] if content is None else [content])
        if parts:
            extra["parts"] = parts
    turn = Turn(_OTHER_NAMES.get(role, role)[:10], text, extra or None)
    if code := storable.fault([turn.role, turn.text, turn.extra]):
        raise DomainError("not_storable", str(storable.SENTENCES[code]))
    return turn


def _of_parts(content: Iterable) -> tuple[str, list]:
    """The text of content in parts, and what the others are. Pictures and sounds sent along (data: URLs) are not kept, only that there was one."""
    texts, parts = [], []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else "text" if isinstance(part, str) else "unknown"
        if kind in {"text", "input_text", "output_text", "refusal"}:
            said = part if isinstance(part, str) else part.get("text") or part.get("refusal")
            texts.append(said if isinstance(said, str) else "")
            continue
        parts.append({"type": str(kind)[:40]})
        at = part.get(kind) if isinstance(part, dict) and isinstance(kind, str) else None
        url = at.get("url") if isinstance(at, dict) else None
        if isinstance(url, str) and not url.startswith("data:") and len(url) <= 2000:
            parts[-1]["url"] = url
    return "".join(texts), parts


def title_of(text: str) -> str:
    """A conversation's title: the beginning of what was asked first, on one line."""
    return " ".join(text[: 4 * TITLE].split())[:TITLE]
