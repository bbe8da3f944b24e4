"""A format's strict checker as a process of its own, beside the one that writes: `python -m
training_export.formats.checker_process`. Pure.

It reads the files while they grow, and what it finds counts only for the bytes that are published: a file
that is published in another form than it was read in is read anew, and the answer names the sha256 of
every file as it was read. On its input, a JSON object a line:

    {"format", "folder", "options"}     first
    {"follow": path, "name": file}      `path` grows from here on and may become `file` in the folder
    {"grown": file}                     there is more of it
    {"end": true}                       the folder is complete

From "end" on it writes lines: a list with the fields of a Problem, {"at": rows} now and then, and last
{"read": {file: sha256}}. When its input ends before, the writing process is gone, and so is this one at
once."""

import contextlib
import gc
import hashlib
import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path

from training_export.formats import FORMATS, Options, Problem

_PIECE = 1 << 18
_MOST_HELD = 1000  # problems of a file that is not published yet
_EVERY = 64  # pieces between two signs of life


class Followed:
    """One file as far as it has been read, with its own checker."""

    def __init__(self, checker, name: str, path: Path):
        self.checker, self.name = checker, name
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115
        self._hash = hashlib.sha256()
        self._rest = b""
        self.problems: list[Problem] = []
        checker.begin(name)

    def read(self) -> Iterator[Problem | None]:
        """The problems of the lines that are there; None after each piece."""
        while piece := self._file.read(_PIECE):
            self._hash.update(piece)
            *lines, self._rest = (self._rest + piece if self._rest else piece).split(b"\n")
            yield from self.checker.take(lines)
            yield None

    def follow(self) -> bool:
        """Read what is there and keep what is wrong with it; False if that is too much to keep."""
        self.problems += [found for found in self.read() if found is not None]
        return len(self.problems) <= _MOST_HELD

    def finish(self) -> Iterator[Problem | None]:
        """All that is wrong with the file, now that it is complete."""
        yield from self.problems
        yield from self.read()
        if self._rest:
            yield from self.checker.take([self._rest])
        yield from self.checker.finish()

    def is_at(self, path: Path) -> bool:
        """Whether the file that is being read is the one at `path`."""
        return os.path.samestat(os.fstat(self._file.fileno()), os.stat(path))

    def sha256(self) -> str:
        return self._hash.hexdigest()

    def close(self) -> None:
        self._file.close()


class Following:
    """The checker of one export."""

    def __init__(self, plan: dict):
        self.form, self.folder = FORMATS[plan["format"]], Path(plan["folder"])
        self.options = self.form.settled(Options(**plan["options"]))
        self.followed: dict[str, Followed] = {}
        self.read: dict[str, str] = {}

    def told(self, message: dict) -> None:
        if "follow" in message:
            self._drop(message["name"])
            # published before it was looked at: then it is read as a whole
            with contextlib.suppress(FileNotFoundError):
                self.followed[message["name"]] = self._of(message["name"], Path(message["follow"]))
        elif (
            "grown" in message
            and message["grown"] in self.followed
            and not self.followed[message["grown"]].follow()
        ):
            self._drop(message["grown"])

    def _of(self, name: str, path: Path) -> Followed:
        return Followed(self.form.checker(self.folder, self.options), name, path)

    def _drop(self, name: str) -> None:
        if name in self.followed:
            self.followed.pop(name).close()

    def problems(self) -> Iterator[Problem | None]:
        """As `LineChecker.problems` of the whole folder, reading only what has not been read; None now and
        then."""
        whole = self.form.checker(self.folder, self.options)
        files = whole.files()
        if not files:
            yield from whole.problems()
            return
        for name in files:
            one = self.followed.get(name)
            if one is None or not one.is_at(self.folder / name):
                one = self._of(name, self.folder / name)
            yield from one.finish()
            whole.ledger.parts |= one.checker.ledger.parts
            self.read[name] = one.sha256()
            one.close()
        yield from whole.together()


def main() -> int:
    gc.disable()  # rows are trees
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the writing process, and that this one
    messages: queue.SimpleQueue = queue.SimpleQueue()

    def listen() -> None:
        for line in sys.stdin.buffer:
            messages.put(json.loads(line))
        os._exit(1)

    threading.Thread(target=listen, daemon=True).start()
    following = Following(messages.get())
    while "end" not in (message := messages.get()):
        following.told(message)
    pieces = 0
    for found in following.problems():
        if found is not None:
            print(json.dumps(astuple(found)))
        else:
            pieces += 1
            if pieces % _EVERY == 0:
                print(json.dumps({"at": pieces}), flush=True)
    print(json.dumps({"read": following.read}), flush=True)
    return 0


if __name__ == "__main__":
    status = 1
    try:
        status = main()
    except BaseException:
        traceback.print_exc()
    os._exit(status)  # the listening thread holds the input: an orderly end would wait for it
