"""What is new in a data set since an earlier one, for incremental training. Pure."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from training_export.curate.identity import judged_of
from training_export.steps.base import Report, Row, Rows


@dataclass
class Earlier:
    """The rows of an earlier data set: {key of what is judged: which ways}; `number`: its own, or 0."""

    ways: Mapping[bytes, set[str]]
    number: int = 0


def new_rows(rows: Rows, earlier: Earlier, *, replay: float, seed: int, report: Report) -> Iterator[Row]:
    """The rows that the earlier data set has not, or has the other way round, and the share `replay` of the
    others, drawn by seed and by what they say. `report.figures` counts new, flipped and replayed rows, and
    those of the earlier data set that are gone."""
    report.taken = len(rows)
    figures = {"new": 0, "flipped": 0, "replayed": 0}
    there = set()
    for row in rows:
        judged, way = judged_of(row.example)
        known = earlier.ways.get(judged)
        if known is None:
            figures["new"] += 1
        else:
            there.add(judged)
            if way not in known:
                figures["flipped"] += 1
            elif _point(seed, judged) < replay:
                figures["replayed"] += 1
            else:
                report.drop(row, "not_new")
                continue
        report.kept += 1
        yield row
    report.figures = figures | {"gone": len(earlier.ways) - len(there), "since": earlier.number}


def _point(seed: int, key: bytes) -> float:
    digest = hashlib.blake2b(f"{seed}\n".encode() + key, digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
