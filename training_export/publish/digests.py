"""The identity of a data set: SHA-256 over its sorted canonical rows, in flat memory. Pure."""

import hashlib
import heapq
import json
from pathlib import Path

from corpus.canonical import canonical_json
from training_export.curate.examples import Binary, Preference, RankedList, Sft

RUN = 65_536  # digests held in memory (2 MB) before they are sorted and put on disk
_SIZE = 32
_quoted = json.encoder.encode_basestring  # one string as JSON, Unicode kept


class RowDigests:
    """Add every Example; `hexdigest()` is the same for the same rows in any order.

    A canonical row is the JSON array [kind, side of the split, digest of context, tools and sources,
    [digests of its answers], weight, and for pairs margin, votes for and against, for labels the label].
    Texts stand in it as their SHA-256, so that rows that share them cost little."""

    def __init__(self, spool: Path):
        self._spool = spool
        self._runs: list[tuple[int, int]] = []
        self._held: list[bytes] = []
        self._asked: tuple = ()
        self._context_digest = ""
        self._answers: dict = {}
        self.rows = 0

    def add(self, example, split: str) -> None:
        # Answers with passages of their own share the context, not the sources.
        if not self._asked or example.context is not self._asked[0] or example.sources is not self._asked[1]:
            self._asked = ()  # until it is made
            self._context_digest = _digest(_asked(example))
            self._asked, self._answers = (example.context, example.sources), {}
        kind = type(example)
        more = ""
        if kind is Preference:
            answers = f'"{self._answer(example.chosen)}","{self._answer(example.rejected)}"'
            more = f",{_number(example.margin)},{example.n_for},{example.n_against}"
        elif kind is Sft:
            answers = f'"{self._answer(example.target)}"'
        elif kind is Binary:
            answers, more = f'"{self._answer(example.answer)}"', ",true" if example.label else ",false"
        elif kind is RankedList:
            answers = ",".join(
                "[" + ",".join(f'"{self._answer(a)}"' for a in group) + "]" for group in example.groups
            )
        else:
            answers = ""
        row = f'["{kind.__name__}","{split}","{self._context_digest}",[{answers}],{_number(example.weight)}{more}]'  # noqa: E501
        self._held.append(hashlib.sha256(row.encode()).digest())
        self.rows += 1
        if len(self._held) >= RUN:
            self._put_down()

    def _answer(self, answer) -> str:
        known = self._answers.get(id(answer))
        if known is None:
            known = _digest(
                f"{answer.origin}\n{canonical_json(answer.turns) if answer.turns else ''}\n{answer.text}"
            )
            # holds the answer, so that its id is not given to another
            self._answers[id(answer)] = (answer, known)
            return known
        return known[1]

    def _put_down(self) -> None:
        self._held.sort()
        with open(self._spool, "ab") as spool:
            start = spool.tell()
            spool.write(b"".join(self._held))
        self._runs.append((start, len(self._held)))
        self._held.clear()

    def hexdigest(self) -> str:
        self._held.sort()
        total = hashlib.sha256()
        for digest in heapq.merge(self._held, *(self._run(start, count) for start, count in self._runs)):
            total.update(digest)
        self._spool.unlink(missing_ok=True)
        return total.hexdigest()

    def _run(self, start: int, count: int):
        with open(self._spool, "rb") as spool:
            spool.seek(start)
            for _ in range(count):
                yield spool.read(_SIZE)


def _asked(example) -> str:
    """canonical_json([context, tools, sources]), for the usual prompt by a shorter way."""
    messages = example.context
    if example.tools is None and type(example.sources) is list and not example.sources:
        plain = [
            (m["role"], m["content"])
            for m in messages
            if len(m) == 2 and type(m.get("role")) is str and type(m.get("content")) is str
        ]
        if len(plain) == len(messages):
            return (
                "[["
                + ",".join(
                    [f'{{"content":{_quoted(content)},"role":{_quoted(role)}}}' for role, content in plain]
                )
                + "],null,[]]"
            )
    return canonical_json([messages, example.tools, example.sources])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _number(value: float | None) -> str:
    return "null" if value is None else repr(value)
