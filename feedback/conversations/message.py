"""One message as OpenAI's protocol writes it → what a Message row holds of it. Pure."""

from dataclasses import dataclass, replace

from core import storable
from core.errors import DomainError
from corpus import endings
from corpus.parts import split
from corpus.tool_calls import calls_of

ROLES = ("system", "user", "assistant", "tool")
_OTHER_NAMES = {"developer": "system", "function": "tool"}
EXTRA = ("tool_call_id", "name")
TITLE = 120


@dataclass(slots=True)
class Turn:
    """`text` as it was said, `extra` the rest that belongs to it: tool_calls, tool_call_id, name, and as
    `parts` marks of what was no text (corpus.parts)."""

    role: str
    text: str = ""
    extra: dict | None = None

    def plain(self) -> dict:
        """The message again: what hashes are made of, and what a model is sent."""
        return {"role": self.role, "content": self.text} | (self.extra or {})


def turn_of(message: dict) -> Turn:
    """The Turn of a message that a program sent, whatever its shape: this one has been sent to a model
    already. DomainError "not_storable" for text that no database keeps."""
    role = str(message.get("role") or "user")
    extra = {name: message[name] for name in EXTRA if message.get(name)}
    if calls := calls_of(message):
        extra["tool_calls"] = calls
    text, marks = split(message)
    if marks:
        extra["parts"] = marks
    turn = Turn(_OTHER_NAMES.get(role, role)[:10], text, extra or None)
    if code := storable.fault([turn.role, turn.text, turn.extra]):
        raise DomainError("not_storable", str(storable.SENTENCES[code]))
    return turn


def without_system(turns: list[Turn]) -> tuple[str, list[Turn]]:
    """(the system text that begins a talk, the other turns). What that lacked is noted at the turn behind
    it."""
    if not turns or turns[0].role != "system":
        return "", turns
    system, rest = turns[0], turns[1:]
    lacked = (system.extra or {}).get("parts")
    if lacked and rest:
        extra = rest[0].extra or {}
        rest = [replace(rest[0], extra=extra | {"parts": [*lacked, *extra.get("parts", ())]}), *rest[1:]]
    return system.text, rest


def state_of(finish: str) -> tuple[str, str]:
    """(state, error code) of an answer that ended with `finish`, the finish_reason of its server."""
    ending = endings.ending_of(finish)
    if ending == endings.BROKEN:
        return "failed", "cut"
    return ("cut", ending) if ending else ("complete", "")


def title_of(text: str) -> str:
    """A conversation's title: the beginning of what was asked first, on one line."""
    return " ".join(text[: 4 * TITLE].split())[:TITLE]
