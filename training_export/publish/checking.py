"""The strict check of what an export has written: after it, or for large exports in a second process while it
is written."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from django.conf import settings

from training_export.formats import Format, Options, Problem
from training_export.formats.base import FileInfo, Watch

MANY = 5_000  # prompts from which a second process is worth its start


class CheckLost(Exception):
    """The checking process gave no valid answer; what was written must not be published."""


class Afterwards(Watch):
    """The check in this process, once all is written."""

    def __init__(self, form: Format, folder: Path, options: Options):
        self._form, self._folder, self._options = form, folder, options

    def problems(self, files: list[FileInfo]) -> Iterator[Problem | None]:
        """What is wrong in `files`, which are all in the folder; None now and then, so that the caller can
        look after other things."""
        yield from self._form.check(self._folder, self._options)


class Beside(Watch):
    """The check in a process of its own (formats/checker_process.py), which ends when this one is gone or
    closes its input."""

    def __init__(self, form: Format, folder: Path, options: Options):
        # Started anew, never forked: this process has threads and open connections.
        command = [sys.executable, "-m", "training_export.formats.checker_process"]
        self._process = subprocess.Popen(  # noqa: S603
            command,
            cwd=settings.BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._tell({"format": form.name, "folder": str(folder.absolute()), "options": asdict(options)})

    def _tell(self, message: dict) -> None:
        assert self._process.stdin is not None
        try:
            # short enough to be written whole, from any thread
            os.write(self._process.stdin.fileno(), json.dumps(message).encode() + b"\n")
        except BrokenPipeError:
            raise CheckLost(f"the checking process ended early: {self._process.wait()}") from None

    def follow(self, path: Path, name: str) -> None:
        self._tell({"follow": str(path.absolute()), "name": name})

    def grown(self, name: str) -> None:
        self._tell({"grown": name})

    def problems(self, files: list[FileInfo]) -> Iterator[Problem | None]:
        """As `Afterwards.problems`. CheckLost if the process fails, or has read other bytes than were
        written."""
        self._tell({"end": True})
        assert self._process.stdout is not None
        read = None
        for line in self._process.stdout:
            said = json.loads(line)
            if isinstance(said, list):
                yield Problem(*said)
            elif "read" in said:
                read = said["read"]
            else:
                yield None
        status = self._process.wait()
        if status or read != {f.path: f.sha256 for f in files if f.role == "data"}:
            raise CheckLost(f"the checking process ended with {status} and read {read}")

    def end(self) -> None:
        """The process is gone when this returns."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@contextmanager
def checking(form: Format, folder: Path, options: Options, *, prompts: int):
    """The check for an export of so many prompts: beside the writing if they are many and there is a second
    processor."""
    if prompts < MANY or _processors() < 2:
        yield Afterwards(form, folder, options)
        return
    beside = Beside(form, folder, options)
    try:
        yield beside
    finally:
        beside.end()


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
