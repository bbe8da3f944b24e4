"""Ready records in chunks, the next of which is made ready while the database is busy with this one."""

import contextlib
import sys
import threading
from collections.abc import Iterable, Iterator

from django.utils import translation

from annotation.imports.prepare import Ready
from corpus.records import Refusal

CHUNK_RECORDS = 2000
FIRST_RECORDS = 500  # the first chunk is a small one: the database stands idle while it is made ready
CHUNK_CHARACTERS = 4_000_000

# how long one thread may keep the interpreter from another that asks for it (Python's own: 0.005)
TURN_SECONDS = 0.0005


class _Turns:
    """While at least one import is in the context, threads take turns quickly: whoever talks to the database
    waits for it some fifty times a chunk, and after each wait for the interpreter, while the database
    stands idle."""

    def __init__(self):
        self._lock, self._inside, self._before = threading.Lock(), 0, 0.0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = sys.getswitchinterval()
                sys.setswitchinterval(min(self._before, TURN_SECONDS))
            self._inside += 1

    def __exit__(self, *exc) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                sys.setswitchinterval(self._before)


_quick_turns = _Turns()


class Chunks:
    """Iterates over `records` in lists of at most `limit` records and about CHUNK_CHARACTERS characters. At
    most two chunks are in memory: the one that was given out and the next."""

    def __init__(self, records: Iterable[Ready | Refusal], limit: int = CHUNK_RECORDS):
        self._records, self._limit = iter(records), limit
        self._now = min(limit, FIRST_RECORDS)  # limit of the chunk that is being made
        self._next: list[Ready | Refusal] = []
        self._size = 0
        self._full = self._ended = self._wanted = False
        self._error: BaseException | None = None

    def _pull(self) -> None:
        """Make one more record of the next chunk ready."""
        try:
            record = next(self._records)
        except StopIteration:
            self._full = self._ended = True
            return
        except BaseException as error:  # not this chunk's fault: raised when its turn comes
            self._error, self._full, self._ended = error, True, True
            return
        self._next.append(record)
        self._size += record.size if isinstance(record, Ready) else 200
        self._full = len(self._next) >= self._now or self._size >= CHUNK_CHARACTERS

    def _aside(self, language: str | None) -> None:
        with translation.override(language):
            while self._wanted and not self._full:
                self._pull()

    @contextlib.contextmanager
    def ahead(self) -> Iterator[None]:
        """While the block waits for the database, a thread makes the next chunk ready; it has ended when the
        block is left. (It speaks the language of the caller, and touches no database.) What goes wrong in
        it is raised by the iteration."""
        self._wanted = True
        thread = threading.Thread(
            target=self._aside, args=(translation.get_language(),), name="import-ahead", daemon=True
        )
        with _quick_turns:
            thread.start()
            try:
                yield
            finally:
                self._wanted = False
                thread.join()

    def __iter__(self) -> Iterator[list[Ready | Refusal]]:
        while self._next or not self._ended:
            while not self._full:
                self._pull()
            chunk, self._next, self._size, self._full = self._next, [], 0, self._ended
            self._now = min(self._now * 2, self._limit)
            if chunk:
                yield chunk
        if self._error is not None:
            raise self._error
