"""What of a row can be counted: its characters, turns and format, and how far two counts are apart. Pure."""

import re
from collections.abc import Mapping
from math import log2

from training_export.curate.examples import EvalQuestion, Example
from training_export.curate.identity import answers_of

MARKS = ("list", "table", "code", "bold", "heading")
_MARKS = {
    "list": re.compile(r"^[ \t]{0,8}(?:[-*+•·] |\d{1,3}(?:[.)] |[、．）]))", re.MULTILINE),
    "code": re.compile(r"```|`[^`\n]{1,200}`"),
    "bold": re.compile(r"\*\*[^*\n]{1,400}\*\*"),
    "heading": re.compile(r"^#{1,6} ", re.MULTILINE),
}


def question_of(example: Example) -> str:
    """The user turns of a row, a line break between them."""
    return "\n".join(
        turn["content"]
        for turn in example.context
        if turn.get("role") == "user" and isinstance(turn.get("content"), str)
    )


def best_answer_of(example: Example) -> str | None:
    """The text of the best answer, or what an evaluation expects; None for a row without."""
    if isinstance(example, EvalQuestion):
        return example.reference
    return next((answer.text for answer in answers_of(example)), None)


def characters(example: Example) -> int:
    """The characters of a row, as code points: all turns of its context and all its answers, with the turns
    before them. A trainer that writes the context once for each answer of a pair reads more."""
    turns = [*example.context, *(turn for answer in answers_of(example) for turn in answer.turns)]
    said = sum(len(turn["content"]) for turn in turns if isinstance(turn.get("content"), str))
    reference = len(example.reference) if isinstance(example, EvalQuestion) else 0
    return said + sum(len(answer.text) for answer in answers_of(example)) + reference


def marks_of(text: str) -> frozenset[str]:
    """Which of MARKS stand in `text`, as Markdown writes them; lists also as Chinese numbers them (1、)."""
    found = {mark for mark, form in _MARKS.items() if form.search(text)}
    if "|" in text and any(_rules_a_table(line) for line in text.splitlines()):
        found.add("table")
    return frozenset(found)


def _rules_a_table(line: str) -> bool:
    """Whether this is the line under the head of a table: |---|:-:|."""
    return "|" in line and "-" in line and not line.strip("|:- \t")


def divergence(one: Mapping[str, float], other: Mapping[str, float]) -> float | None:
    """The Jensen–Shannon divergence of two counts, in bits: 0 of equal shares, 1 of those that have nothing
    in common (Lin, Divergence measures based on the Shannon entropy, IEEE Transactions on Information
    Theory 37, 1991). None where either is empty."""
    first, second = sum(one.values()), sum(other.values())
    if not first or not second:
        return None
    bits = 0.0
    for name in {**one, **other}:  # in an order that is the same in every process
        p, q = one.get(name, 0) / first, other.get(name, 0) / second
        middle = (p + q) / 2
        bits += sum(share * log2(share / middle) for share in (p, q) if share) / 2
    return min(1.0, max(0.0, bits))
