"""Rows on disk between two steps: any number of them in flat memory, gone through as often as needed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from training_export.curate.identity import SIZE, asked_key, judged_of
from training_export.formats.canonical import Lines, exact, from_row
from training_export.steps.base import Row

_KEY = 2 * SIZE + 16  # what a row stands by in the order of a data set: 48 bytes


class Spool:
    """Rows in the order in which they were added, or, after `order`, in that of what they say. A row is one
    JSON line: its keys, its side, its canonical form. UnicodeEncodeError or ValueError for a row that no
    JSON can hold, which is then not added."""

    def __init__(self, path: Path):
        self._path = path
        self._out = open(path, "wb")  # noqa: SIM115 (closed by `close`)
        self._lines = Lines()
        self._starts: Any = []  # of each line in the file; a list, then an array
        self._keys = bytearray()

    def add(self, row: Row) -> None:
        """Put `row` at the end."""
        line = self._lines.line(row.example)
        head = orjson.dumps([{name: list(keys) for name, keys in row.keys.items()}, row.split])
        self._starts.append(self._out.tell())
        self._out.write(head + b"\t" + line)

    def add_keyed(self, row: Row) -> None:
        """As `add`, for a spool that is to be put in order."""
        judged, way = judged_of(row.example)
        self.add(row)
        self._keys += asked_key(row.example) + judged + way.encode()[:16].ljust(16, b"\0")

    def order(self) -> "Spool":
        """The same rows in the order of their keys: those of one prompt together, nothing by who stored
        them when. Rows that say the same stand by their canonical lines."""
        self._out.flush()
        if len(self._keys) != _KEY * len(self._starts):
            raise ValueError("rows were added without their keys")
        import numpy as np

        keys = np.frombuffer(bytes(self._keys), dtype=f"S{_KEY}")
        # numpy's bytes end at the last byte that is not 0, which changes no order of equally long keys
        ranked = np.argsort(keys, kind="stable")
        starts = np.asarray(self._starts, dtype=np.int64)
        place = 0
        while place < len(ranked):  # runs of equal keys: twins
            end = place + 1
            while end < len(ranked) and keys[ranked[end]] == keys[ranked[place]]:
                end += 1
            if end - place > 1:
                with open(self._path, "rb") as lines:
                    twins = sorted(
                        ranked[place:end], key=lambda i: _without_ids(_line_at(lines, int(starts[i])))
                    )
                ranked[place:end] = twins
            place = end
        self._starts = starts[ranked]
        self._keys = bytearray()
        return self

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[Row]:
        self._out.flush()
        last: tuple | None = None
        with open(self._path, "rb") as lines:
            for start in self._starts:
                head, _tab, line = _line_at(lines, int(start)).partition(b"\t")
                keys, side = orjson.loads(head)
                example = from_row(exact(line.decode()))
                # neighbours of one prompt share its context, which writers and steps look at by identity
                same = (example.context, example.tools, example.sources)
                if same == last:
                    example.context, example.tools, example.sources = last
                else:
                    last = same
                yield Row(example, keys, side)

    def close(self) -> None:
        """The rows are gone."""
        self._out.close()
        self._path.unlink(missing_ok=True)


def _line_at(lines, start: int) -> bytes:
    lines.seek(start)
    return lines.readline()


def _without_ids(line: bytes) -> bytes:
    """What tells twins apart beyond what they say, but for the numbers a database gave them."""
    row = exact(line.partition(b"\t")[2].decode())
    provenance = row["provenance"]
    told = [provenance.get(name) for name in ("status", "reason", "models")]
    told += [row["language"], row.get("n_against")]
    told += [row[name]["origin"] for name in ("target", "chosen", "rejected", "answer") if name in row]
    told += [len(provenance.get(name) or ()) for name in ("annotators", "versions")]
    return orjson.dumps([row["weight"], row.get("margin"), row.get("n_for"), row.get("tags"), told])
