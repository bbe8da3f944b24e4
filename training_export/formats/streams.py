"""Growing files of lines: written, hashed and counted in large pieces, aside of what makes the lines."""

import hashlib
import os
from array import array
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path

from training_export.formats.base import Watch

_BUFFER = 1 << 20


class Stream:
    """One growing file, written in large pieces, its rows counted and hashed. `pool`: a thread that hashes
    and writes one piece while the next is made (both let other threads run). `watch`: who is told of each
    piece, with the name that the file may get. `lengths`: keep the length of each line (8 bytes), for
    `picked`."""

    def __init__(
        self,
        path: Path,
        pool: ThreadPoolExecutor,
        watch: Watch | None = None,
        name: str = "",
        *,
        lengths: bool = False,
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.rows = path, 0
        self._lengths = array("q") if lengths else None
        self._file = open(path, "wb", buffering=0)  # noqa: SIM115
        self._held: list[bytes] = []
        self._size = 0
        self._hash = hashlib.sha256()
        self._pool = pool
        self._pending: Future | None = None
        self._watch, self._name = watch, name
        if watch is not None:
            watch.follow(path, name)

    def write(self, line: bytes) -> None:
        self._held.append(line)
        self._size += len(line)
        if self._size >= _BUFFER:
            self._flush()

    def _flush(self) -> None:
        piece = b"".join(self._held)
        self.rows += len(self._held)
        if self._lengths is not None:
            self._lengths.extend(map(len, self._held))
        self._held.clear()
        self._size = 0
        if self._pending is not None:
            self._pending.result()  # a full disk is told here, and at most one piece waits
        self._pending = self._pool.submit(self._put, piece)

    def _put(self, piece: bytes) -> None:
        self._hash.update(piece)
        rest = memoryview(piece)
        while rest:
            rest = rest[self._file.write(rest) :]
        if self._watch is not None:
            self._watch.grown(self._name)

    def close(self) -> str:
        """The sha256 of all that was written; `rows` is their number from then on."""
        self._flush()
        if self._pending is not None:
            self._pending.result()
        return self._hash.hexdigest()

    def keep(self) -> Future:
        """Done once the closed file is on disk."""
        return self._pool.submit(self._sync)

    def close_unkept(self) -> None:
        """The closed file is not needed on disk."""
        self._file.close()

    def _sync(self) -> None:
        with self._file as file:
            os.fsync(file.fileno())

    def picked(self, order: array) -> Iterator[bytes]:
        """The lines in `order`, once closed: 16 bytes a line in memory, the lines stay on disk."""
        assert self._lengths is not None
        offsets = array("q", accumulate(self._lengths, initial=0))
        with open(self.path, "rb", buffering=0) as lines:
            handle, read = lines.fileno(), os.pread
            for i in order:
                start = offsets[i]
                yield read(handle, offsets[i + 1] - start, start)
