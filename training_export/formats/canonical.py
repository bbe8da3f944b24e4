"""The canonical row: an Example as a JSON object that holds everything, and back. Pure.

{"type": "sft", "group_id", "context": [messages], "tools": [...]|null, "sources": [...], "language",
"tags": [...], "weight", "provenance": {...},
 and by type: sft "target" · preference "chosen", "rejected", "margin", "n_for", "n_against", "agreement" ·
 binary "answer", "label" ·
 ranked "groups" [[answer, …], …] · prompt · eval "reference"}; an answer is {"text", "turns": [...],
 "origin"}."""

import json
import math
import re
from typing import Any

import orjson

from training_export.curate import examples
from training_export.curate.examples import (
    Answer,
    Binary,
    EvalQuestion,
    Preference,
    PromptOnly,
    RankedList,
    Sft,
)

TYPES = {
    "sft": Sft,
    "preference": Preference,
    "binary": Binary,
    "ranked": RankedList,
    "prompt": PromptOnly,
    "eval": EvalQuestion,
}
NAMES = {cls: name for name, cls in TYPES.items()}
SHARED = ("type", "group_id", "context", "tools", "sources", "language", "tags", "weight", "provenance")
OWN = {
    "sft": ("target",),
    "preference": ("chosen", "rejected", "margin", "n_for", "n_against", "agreement"),
    "binary": ("answer", "label"),
    "ranked": ("groups",),
    "prompt": (),
    "eval": ("reference",),
}
_LONG = re.compile(r"\d{19}")
_dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=list).encode


class Lines:
    """Rows as lines; what the rows of one prompt share is made once."""

    def __init__(self):
        self._of: tuple = (None, None, None)
        self._shared: dict = {}
        self._answers: dict[int, tuple] = {}

    def line(self, example) -> bytes:
        """The canonical row as a UTF-8 JSON line without spaces. UnicodeEncodeError for half a surrogate
        pair, ValueError for NaN."""
        of = self._of
        if example.context is not of[0] or example.tools is not of[1] or example.sources is not of[2]:
            self._of = (None, None, None)  # until all three are made
            self._shared = {
                "context": _fragment(example.context),
                "tools": _fragment(example.tools),
                "sources": _fragment(example.sources),
            }
            self._of, self._answers = (example.context, example.tools, example.sources), {}
        name = NAMES[type(example)]
        weight = example.weight
        row = {
            "type": name,
            "group_id": example.group_id,
            **self._shared,
            "language": example.language,
            "tags": example.tags,
            "weight": weight if math.isfinite(weight) else _refused(weight),
        }
        if name == "sft":
            row["target"] = self._answer(example.target)
        elif name == "preference":
            votes, margin = example.n_for + example.n_against, example.margin
            row["chosen"] = self._answer(example.chosen)
            row["rejected"] = self._answer(example.rejected)
            row["margin"] = margin if margin is None or math.isfinite(margin) else _refused(margin)
            row["n_for"] = example.n_for
            row["n_against"] = example.n_against
            row["agreement"] = example.n_for / votes if votes else None
        elif name == "binary":
            row["answer"] = self._answer(example.answer)
            row["label"] = example.label
        elif name == "ranked":
            row["groups"] = [[self._answer(a) for a in group] for group in example.groups]
        elif name == "eval":
            row["reference"] = example.reference
        row["provenance"] = example.provenance
        try:
            # a copy: what orjson gives keeps 4 kB of memory, however short it is
            return orjson.dumps(row) + b"\n"
        # in what stands in it as it is: half a surrogate pair, a number of more than 64 bits
        except orjson.JSONEncodeError:
            for key in (
                "group_id",
                "language",
                "tags",
                "provenance",
                *(["reference"] if name == "eval" else []),
            ):
                row[key] = _fragment(row[key])
            return orjson.dumps(row) + b"\n"

    def _answer(self, answer: Answer) -> orjson.Fragment:
        known = self._answers.get(id(answer))
        if known is None:
            value = {"text": answer.text, "turns": list(answer.turns), "origin": answer.origin}
            # holds the answer, so that its id is not given to another
            known = self._answers[id(answer)] = (answer, _fragment(value))
        return known[1]


def _fragment(value) -> orjson.Fragment:
    # Not by orjson: it writes NaN as null, and refuses large numbers that may stand in tools.
    return orjson.Fragment(_dumps(value).encode())


def _refused(value: float):
    raise ValueError(f"{value!r} is no JSON")


def line(example) -> bytes:
    """One row as `Lines.line` gives it."""
    return Lines().line(example)


def exact(text: str) -> Any:
    """The value of a JSON text; whole numbers beyond 64 bits as they are, of which orjson makes floats."""
    return json.loads(text) if _LONG.search(text) else orjson.loads(text)


def from_row(row: dict) -> examples.Example:
    """The Example of a canonical row."""
    shared = {
        k: row[k] for k in ("context", "group_id", "tools", "sources", "language", "weight", "provenance")
    } | {"tags": tuple(row["tags"])}
    kind = row["type"]
    if kind == "sft":
        own = {"target": _from(row["target"])}
    elif kind == "preference":
        own = {k: row[k] for k in ("margin", "n_for", "n_against")} | {
            "chosen": _from(row["chosen"]),
            "rejected": _from(row["rejected"]),
        }
    elif kind == "binary":
        own = {"answer": _from(row["answer"]), "label": row["label"]}
    elif kind == "ranked":
        own = {"groups": tuple(tuple(_from(a) for a in group) for group in row["groups"])}
    else:
        own = {"reference": row["reference"]} if kind == "eval" else {}
    return TYPES[kind](**shared, **own)


def _from(row: dict) -> Answer:
    return Answer(row["text"], tuple(row["turns"]), row["origin"])
