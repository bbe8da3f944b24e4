"""What a row says, as the texts that steps look at. Pure."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from corpus.canonical import canonical_json
from training_export.curate.examples import Answer, Binary, EvalQuestion, Example, Preference, RankedList, Sft
from training_export.curate.identity import answers_of, asked_key
from training_export.option import Kind, option

OVER = {"row": _("Prompt and answers"), "prompt": _("The prompt"), "answer": _("The best answer")}


def over_option(help: str) -> Any:
    """The parameter `over` of a step that compares rows: which part of them."""
    return option("row", _("What is compared"), kind=Kind.CHOICE, help=help, choices=OVER)


def turn_text(message: Mapping) -> str:
    """The words of one message: its content (of a list of parts the texts), or its tool calls as JSON."""
    content = message.get("content")
    if isinstance(content, list):
        content = "\n".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    if not content and message.get("tool_calls"):
        return canonical_json(message["tool_calls"])
    return str(content or "")


def question_of(example: Example) -> str:
    """The last turn of the user: what the answers answer. "" where there is none."""
    return next((turn_text(m) for m in reversed(example.context) if m.get("role") == "user"), "")


def asked_text(example: Example) -> str:
    """All turns before the answer, a line between them."""
    return "\n".join(turn_text(m) for m in example.context)


def said_texts(answer: Answer) -> Iterator[str]:
    """All an answer says: the words of its own turns, then its text."""
    yield from (turn_text(turn) for turn in answer.turns or ())
    yield answer.text


def answer_text(answer: Answer) -> str:
    """All an answer says, a line between its turns."""
    return "\n".join(said_texts(answer)) if answer.turns else answer.text


def learned_answers(example: Example) -> tuple[Answer, ...]:
    """The answers a model learns to give: the target, the chosen one, the one labelled good, the best of a
    list. A rejected answer is there to be bad."""
    if isinstance(example, Preference):
        return (example.chosen,)
    if isinstance(example, Binary):
        return (example.answer,) if example.label else ()
    if isinstance(example, RankedList):
        return tuple(example.groups[0]) if example.groups else ()
    return (example.target,) if isinstance(example, Sft) else ()


def all_texts(example: Example) -> Iterator[str]:
    """Every text of a row that a trainer may read: turns, answers, passages, a reference."""
    yield from (turn_text(m) for m in example.context)
    for answer in answers_of(example):
        yield from said_texts(answer)
    for source in example.sources:
        if isinstance(source, dict):
            yield from (str(source.get(name) or "") for name in ("title", "text"))
    if isinstance(example, EvalQuestion):
        yield example.reference


def frame_and_parts(example: Example, over: str) -> tuple[bytes, list[str]]:
    """(what must be the same for two rows to be compared at all, the texts that are compared one by one).
    Rows of one kind, label, number of turns and answers have one frame, if they have the same tools and
    passages too; so the pair "A over B" is never a twin of "B over A", and one question about two documents
    is two questions. Over "prompt" or "answer" alone nothing else of the row matters."""
    answers = answers_of(example)
    if over == "answer":
        # without an answer it is nobody's twin
        return (b"", [answer_text(answers[0])]) if answers else (asked_key(example), [""])
    parts = [turn_text(m) for m in example.context]
    frame: list = [[m.get("role") for m in example.context]]
    if example.tools or example.sources:
        given = canonical_json([example.tools, example.sources]).encode("utf-8", "surrogatepass")
        frame.append(hashlib.blake2b(given, digest_size=16).digest())
    if over == "row":
        parts += [answer_text(answer) for answer in answers]
        frame += [type(example).__name__, getattr(example, "label", None), len(answers)]
        if isinstance(example, RankedList):
            frame.append([len(group) for group in example.groups])
        elif isinstance(example, EvalQuestion):
            frame.append(example.reference)
    return repr(frame).encode("utf-8", "surrogatepass"), parts


def text_of(example: Example, over: str) -> str:
    """The row, its prompt or its best answer as one text, for a vector of it."""
    best = [answer_text(answer) for answer in answers_of(example)[:1]]
    if over == "answer":
        return "\n".join(best)
    return asked_text(example) if over == "prompt" else "\n".join([asked_text(example), *best])
