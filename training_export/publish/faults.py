"""What is wrong with something stored that no row can be made of. Pure.

All but `shape_fault` is asked only once something has gone wrong: if nothing is at fault here, the program
is."""

from core import storable
from training_export.formats.messages import code_of


class Unreadable(Exception):
    """What is stored is not in the form that it must have; `code` is what is left out under."""

    def __init__(self, code: str):
        super().__init__(code)
        self.code = code


def shape_fault(messages, tools=None, sources=(), turns=()) -> str:
    """ "unreadable" unless messages, tools, sources and an answer's turns are what they must be: lists of
    objects."""
    for value in (messages, tools or (), sources or (), turns or ()):
        if not isinstance(value, (list, tuple)) or not all(isinstance(part, dict) for part in value):
            return "unreadable"
    return ""


def stored_fault(messages, tools=None, sources=(), turns=()) -> str:
    """The code of what is wrong with a prompt, or with an answer to it; "" if nothing is."""
    if code := shape_fault(messages, tools, sources, turns):
        return code
    code = storable.fault([messages, tools, sources, turns])
    return code_of(code) if code else ""


def column_fault(*columns) -> str:
    """The code of what is wrong with JSON columns, as the database gives them or decoded already; "" if
    nothing is."""
    for value in columns:
        if isinstance(value, str):
            try:
                storable.loads(value)
            except storable.NotStorable as no:
                return "unreadable" if no.code in ("not_json", "duplicate_key") else code_of(no.code)
        elif code := storable.fault(value):
            return code_of(code)
    return ""


def example_fault(example) -> str:
    """As `stored_fault`, of an Example with its answers."""
    if code := stored_fault(example.context, example.tools, example.sources):
        return code
    answers = [
        getattr(example, name)
        for name in ("target", "answer", "chosen", "rejected")
        if hasattr(example, name)
    ]
    answers += [answer for group in getattr(example, "groups", ()) for answer in group]
    for answer in answers:
        if not isinstance(answer.text, str):
            return "unreadable"
        if code := stored_fault([{"content": answer.text}], turns=answer.turns):
            return code
    return ""
