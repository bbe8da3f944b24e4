"""What a training row says, as short keys: for caches, for finding the same row in two data sets, and for an
order that no database decides. Pure."""

import hashlib

from corpus.canonical import canonical_json
from training_export.curate.examples import Answer, Binary, EvalQuestion, Preference, RankedList, Sft

SIZE = 16  # bytes; 2^64 rows before two of them may be expected to share a key


def asked_key(example) -> bytes:
    """The key of what was asked: context, tools and sources."""
    return _digest(canonical_json([example.context, example.tools, example.sources]))


def answer_key(answer: Answer) -> bytes:
    """The key of an answer: its text and the turns before it, whoever gave it."""
    return _digest(f"{canonical_json(list(answer.turns)) if answer.turns else ''}\n{answer.text}")


def answers_of(example) -> tuple[Answer, ...]:
    """All answers of a row, best first, chosen before rejected."""
    if isinstance(example, Preference):
        return (example.chosen, example.rejected)
    if isinstance(example, Sft):
        return (example.target,)
    if isinstance(example, Binary):
        return (example.answer,)
    if isinstance(example, RankedList):
        return tuple(answer for group in example.groups for answer in group)
    return ()


def judged_of(example) -> tuple[bytes, str]:
    """(the key of what the row judges, which way it judges it). The two rows "A over B" and "B over A" have
    one key and opposite ways; so have a good and a bad label of one answer, and two orders of the same
    answers. Weight, votes, margin and provenance stand in neither."""
    answers = [answer_key(answer) for answer in answers_of(example)]
    way = ""
    if isinstance(example, Preference):
        way = "<" if answers[0] <= answers[1] else ">"
    elif isinstance(example, Binary):
        way = "good" if example.label else "bad"
    elif isinstance(example, RankedList):
        way = "/".join(
            ",".join(sorted(answer_key(answer).hex() for answer in group)) for group in example.groups
        )
    elif isinstance(example, EvalQuestion):
        way = _digest(example.reference).hex()
    name = type(example).__name__.encode()
    return _hash(name + b"\n" + asked_key(example) + b"".join(sorted(answers))), way


def content_key(example) -> bytes:
    """The key of all that a row says to a trainer but its numbers: what it judges and which way."""
    judged, way = judged_of(example)
    return _hash(judged + way.encode())


def _digest(text: str) -> bytes:
    return _hash(text.encode("utf-8", "surrogatepass"))


def _hash(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=SIZE).digest()
