"""What is different between two data sets of a project, row by row, with reasons."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from training_export.models import Snapshot
from training_export.publish.parquet_rows import NUMBERS, columns_of, keys_of
from training_export.publish.snapshot_files import DROPPED, folder_of_snapshot, sides_of

MOST_SAMPLES = 200  # rows named under each head; their number is always whole


@dataclass
class Difference:
    """`into`, `out`, `changed`, `flipped`: how many rows. `by_reason`: {reason: rows}: "new" and "flipped",
    "step:reason" where a step of the later one dropped the row, "dropped_before" where one of the earlier
    had, "not_given" where the judgements no longer give it, "side" and "numbers" for what changed. `samples`:
    {head: [{key, kind, group_id, reason}]}."""

    into: int = 0
    out: int = 0
    changed: int = 0
    flipped: int = 0
    by_reason: Counter = field(default_factory=Counter)
    samples: dict[str, list[dict]] = field(default_factory=dict)

    def tell(self, head: str, reason: str, row: dict) -> None:
        """Count one row."""
        self.by_reason[reason] += 1
        setattr(self, head, getattr(self, head) + 1)
        samples = self.samples.setdefault(head, [])
        if len(samples) < MOST_SAMPLES:
            samples.append({name: row[name] for name in ("key", "kind", "group_id")} | {"reason": reason})

    def as_dict(self) -> dict:
        """The counts, as JSON."""
        return {
            "in": self.into,
            "out": self.out,
            "changed": self.changed,
            "flipped": self.flipped,
            "by_reason": dict(sorted(self.by_reason.items())),
        }


def difference(earlier: Snapshot, later: Snapshot) -> Difference:
    """What `later` has that `earlier` has not, and so on. A row is known by what it judges, so that a pair
    that was turned round is flipped, neither in nor out."""
    found = Difference()
    before: dict[bytes, dict[str, tuple]] = {}
    for row in _rows(earlier):
        before.setdefault(bytes.fromhex(row["key"]), {})[row["way"]] = _said(row)
    dropped_before = {bytes.fromhex(row["key"]) for row in _dropped(earlier)}
    there: set[bytes] = set()
    for row in _rows(later):
        key = bytes.fromhex(row["key"])
        known = before.get(key)
        if known is None:
            found.tell("into", "dropped_before" if key in dropped_before else "new", row)
            continue
        there.add(key)
        side, numbers, _group, _kind = _said(row)
        same = known.get(row["way"])
        if same is None:
            found.tell("flipped", "flipped", row)
        elif side != same[0]:
            found.tell("changed", "side", row)
        elif numbers != same[1]:
            found.tell("changed", "numbers", row)
    why = {bytes.fromhex(row["key"]): f"{row['step']}:{row['reason']}" for row in _dropped(later)}
    for key, ways in before.items():
        if key in there:
            continue
        for _side, _numbers, group, kind in ways.values():
            row = {"key": key.hex(), "group_id": group, "kind": kind}
            found.tell("out", why.get(key, "not_given"), row)
    return found


def _rows(snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    for kind, side, path in sides_of(snapshot):
        for row in keys_of(path):
            yield row | {"kind": kind, "side": side}


def _said(row: dict) -> tuple:
    return row["side"], tuple(row.get(name) for name in NUMBERS), row["group_id"], row["kind"]


def _dropped(snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    return columns_of(folder_of_snapshot(snapshot) / DROPPED, "key", "step", "reason")
