"""Parquet, decoded by a process of its own that gets limits.PARQUET_MEMORY and no more.

A few bytes of a Parquet file may say a text once and mean it in millions of places, in nested lists, too, and
what a file says of its own size is whatever its writer liked to say. A reader that runs out of its memory, or
that a damaged file kills, costs the rows from there on, and the program around it nothing.

The process writes lines of JSON: first {"unread": …} or {"refused": …}, then [row number, row] or
[row number, null, field, code, reason]; {"memory": true} where the memory did not suffice; last {}."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

from django.utils import translation
from django.utils.translation import gettext as _

from corpus.readers import limits
from corpus.readers.containers.parquet_decoding import broken
from corpus.readers.errors import RowRefused
from corpus.records import FileRefused

_END = b"{}\n"
_ROOT = Path(__file__).resolve().parents[3]


def _lines(path: Path, **how: int) -> Generator:
    """What a process says that decodes the file at `path`; its end by force is want of memory, too. It ends
    with the generator."""
    given = {
        "path": str(path),
        "language": translation.get_language() or "en",
        "how": how,
        "limits": {n: v for n, v in vars(limits).items() if n.isupper()},
    }
    command = [sys.executable, "-m", "corpus.readers.containers.parquet_process"]
    process = subprocess.Popen(  # noqa: S603
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        with contextlib.suppress(BrokenPipeError), process.stdin as orders:  # type: ignore[union-attr]
            orders.write(json.dumps(given).encode())
        for line in process.stdout:  # type: ignore[union-attr]  # it is a pipe
            if line == _END:
                return
            yield json.loads(line)
        yield {"memory": True}
    finally:
        process.kill()
        process.stdout.close()  # type: ignore[union-attr]
        process.wait()


def _begun(lines: Iterator) -> list[str]:
    """The columns that no row has, from the first thing that the process says. FileRefused where it can read
    nothing."""
    first = next(lines)
    if "refused" in first:
        raise FileRefused(*first["refused"])
    if "unread" not in first:
        reason = _("The Parquet file cannot be read: %(error)s") % {"error": _too_much()}
        raise FileRefused("too_large", reason)
    return first["unread"]


def _too_much() -> str:
    return _("to unpack it takes more than %(n)d MB of memory.") % {"n": limits.PARQUET_MEMORY // limits.MIB}


def unread(path: Path) -> list[str]:
    """The columns whose values no row has: bytes, maps and durations. FileRefused where nothing can be
    read."""
    with contextlib.closing(_lines(path)) as lines:
        return _begun(lines)


def rows(path: Path) -> Iterator[tuple[int, dict | RowRefused]]:
    """(row number, the row | why it is refused); see `parquet_decoding.rows`. Where the rows of a batch do
    not fit into the memory together, they are read one by one, and the first that does not fit alone ends the
    reading, with its reason. FileRefused where nothing can be read."""
    last = 0
    for batch in (limits.PARQUET_BATCH, 1):
        with contextlib.closing(_lines(path, batch=batch, skip=last)) as lines:
            _begun(lines)
            for said in lines:
                if isinstance(said, dict):
                    break
                last, row, *refused = said
                yield last, RowRefused(*refused) if refused else row
            else:
                return
    yield last + 1, broken(_too_much())
