"""The canonical row: an Example as a JSON object that holds everything, and back. Pure.

{"type": "sft", "group_id", "context": [messages], "tools": [...]|null, "sources": [...], "language", "tags": [...], "weight", "provenance": {...},
 and by type: sft "target" · preference "chosen", "rejected", "margin", "n_for", "n_against", "agreement" · binary "answer", "label" ·
 ranked "groups" [[answer, …], …] · prompt · eval "reference"}; an answer is {"text", "turns": [...], "origin"}."""

import json

from training_export import examples
from training_export.examples import Answer, Binary, EvalQuestion, Preference, PromptOnly, RankedList, Sft

TYPES = {"sft": Sft, "preference": Preference, "binary": Binary, "ranked": RankedList, "prompt": PromptOnly, "eval": EvalQuestion}
_NAMES = {cls: name for name, cls in TYPES.items()}
SHARED = ("type", "group_id", "context", "tools", "sources", "language", "tags", "weight", "provenance")
OWN = {
    "sft": ("target",),
    "preference": ("chosen", "rejected", "margin", "n_for", "n_against", "agreement"),
    "binary": ("answer", "label"),
    "ranked": ("groups",),
    "prompt": (),
    "eval": ("reference",),
}
_dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=list).encode


def to_row(example) -> dict:
    """The canonical row of `example`."""
    name = _NAMES[type(example)]
    row = {
        "type": name,
        "group_id": example.group_id,
        "context": example.context,
        "tools": example.tools,
        "sources": example.sources,
        "language": example.language,
        "tags": list(example.tags),
        "weight": example.weight,
    }
    if name == "sft":
        row["target"] = _answer(example.target)
    elif name == "preference":
        votes = example.n_for + example.n_against
        row |= {"chosen": _answer(example.chosen), "rejected": _answer(example.rejected), "margin": example.margin}
        row |= {"n_for": example.n_for, "n_against": example.n_against, "agreement": example.n_for / votes if votes else None}
    elif name == "binary":
        row |= {"answer": _answer(example.answer), "label": example.label}
    elif name == "ranked":
        row["groups"] = [[_answer(a) for a in group] for group in example.groups]
    elif name == "eval":
        row["reference"] = example.reference
    row["provenance"] = example.provenance
    return row


def line(example) -> bytes:
    """The canonical row as a UTF-8 JSON line. UnicodeEncodeError for half a surrogate pair, ValueError for NaN."""
    return (_dumps(to_row(example)) + "\n").encode()


def from_row(row: dict) -> examples.Example:
    """The Example of a canonical row."""
    shared = {k: row[k] for k in ("context", "group_id", "tools", "sources", "language", "weight", "provenance")} | {"tags": tuple(row["tags"])}
    kind = row["type"]
    if kind == "sft":
        own = {"target": _from(row["target"])}
    elif kind == "preference":
        own = {k: row[k] for k in ("margin", "n_for", "n_against")} | {"chosen": _from(row["chosen"]), "rejected": _from(row["rejected"])}
    elif kind == "binary":
        own = {"answer": _from(row["answer"]), "label": row["label"]}
    elif kind == "ranked":
        own = {"groups": tuple(tuple(_from(a) for a in group) for group in row["groups"])}
    else:
        own = {"reference": row["reference"]} if kind == "eval" else {}
    return TYPES[kind](**shared, **own)


def _answer(answer: Answer) -> dict:
    return {"text": answer.text, "turns": list(answer.turns), "origin": answer.origin}


def _from(row: dict) -> Answer:
    return Answer(row["text"], tuple(row["turns"]), row["origin"])
