"""The line of the side file that says where the row of the same number came from: ASCII, so that any tool on
any machine reads it. Pure."""

import json
import re

import orjson

from training_export.curate.examples import Preference

_NOT_ASCII = re.compile("[^\x00-\x7f]+")
_escaped = json.encoder.encode_basestring_ascii  # type: ignore[attr-defined]
_dumps = json.JSONEncoder(separators=(",", ":"), default=str).encode


def provenance_line(example) -> bytes:
    """One JSON object with its line end: group, weight, whose answers, votes, and `example.provenance`
    (numbers, texts and lists of them)."""
    if type(example) is Preference:
        n_for, n_against = example.n_for, example.n_against
        row = {
            "group_id": example.group_id,
            "weight": example.weight,
            "origin": {"chosen": example.chosen.origin, "rejected": example.rejected.origin},
            "n_for": n_for,
            "n_against": n_against,
            "agreement": n_for / (n_for + n_against) if n_for or n_against else None,
        }
    else:
        row = {"group_id": example.group_id, "weight": example.weight}
        answer = getattr(example, "target", None) or getattr(example, "answer", None)
        if answer is not None:
            row["origin"] = answer.origin
    row |= example.provenance
    if example.language:
        row["language"] = example.language
    if example.tags:
        row["tags"] = list(example.tags)
    try:
        # a copy: what orjson gives keeps 4 kB of memory, however short it is
        line = orjson.dumps(row) + b"\n"
    except TypeError:  # half a surrogate pair, a number of more than 64 bits
        return (_dumps(row) + "\n").encode()
    return (
        line
        if line.isascii()
        else _NOT_ASCII.sub(lambda found: _escaped(found[0])[1:-1], line.decode()).encode()
    )
