"""The hand a running job is held by: progress, heartbeat, cancel, checkpoints, and knowing that the run has
been superseded."""

import contextlib
import hashlib
import logging
import mmap
import os
import secrets
import socket
import threading
import time
from pathlib import Path

from django.db import DatabaseError, connection
from django.db.models.functions import Now

from core.models import Job

log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0  # how often the side thread looks for a cancel and writes progress that has changed
BEAT_SECONDS = 5.0  # how often it writes though nothing has changed

# One byte that forked pool processes share with the worker that forked them: set when the worker is told to
# stop.
_stop = mmap.mmap(-1, 1)


class Interrupted(BaseException):
    """The run has to end now. Not an Exception: a job that forgives bad rows must not swallow it."""


class Cancelled(Interrupted):
    """Somebody asked for the job to be stopped."""


class Superseded(Interrupted):
    """The row belongs to another run (this one was taken for dead), or is gone. Write nothing more."""


class Stopped(Interrupted):
    """This worker is shutting down; the next one will go on from the checkpoint."""


def stop_runs() -> None:
    """Make every run in this process and its forks end at its next check."""
    _stop[0] = 1


def stopping() -> bool:
    return _stop[0] == 1


def _machine() -> str:
    """Which process numbers mean the same as ours: machine, boot and container in 12 hex digits."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts += [Path("/proc/sys/kernel/random/boot_id").read_text(), os.readlink("/proc/self/ns/pid")]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def new_token() -> str:
    """Names one run: machine, process and a random part, so that a sweep beside it can tell that its process
    is gone."""
    return f"{_machine()}:{os.getpid()}:{secrets.token_hex(6)}"


def process_of(token: str) -> str:
    """The number of the run's process; "" if it did not run on this machine."""
    machine, _, rest = token.partition(":")
    pid = rest.partition(":")[0]
    return pid if machine == _machine() and pid.isdigit() else ""


def process_is_gone(token: str) -> bool:
    """Whether the run's process surely no longer exists (it ran here, and no process has its number)."""
    pid = process_of(token)
    if not pid:
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


class NoControl:
    """Stands where a job's Control would, for work that is no job."""

    def progress(self, done: int, total: int | None = None) -> None: ...

    def check(self) -> None: ...

    def checkpoint(self, data: dict) -> None: ...


class Control:
    """Given to a job's function. `done` and `total` are in the job's own unit (rows, mostly).

    A side thread with a connection of its own writes progress and heartbeat, so that a slow batch is not
    taken for a dead one. `inline` does without it, for a run inside somebody's transaction (its row is
    invisible to other connections)."""

    def __init__(self, job: Job, *, inline: bool = False):
        self.job = job
        self.done: int = job.done
        self.total: int | None = job.total
        self._mine = Job.objects.filter(pk=job.pk, runner=job.runner, state=Job.State.RUNNING)
        self._inline = inline
        self._interrupt: type[Interrupted] | None = None
        self._written = (self.done, self.total)
        self._beaten = self._looked = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat_aside, name=f"job-{job.pk}-heartbeat", daemon=True)

    def __enter__(self) -> "Control":
        if not self._inline:
            self._thread.start()
        return self

    def __exit__(self, *exc) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def progress(self, done: int, total: int | None = None) -> None:
        """How far the job is. Cheap enough for every row; also does what `check` does."""
        self.done = done
        if total is not None:
            self.total = total
        self.check()

    def check(self) -> None:
        """Raise Cancelled, Superseded or Stopped if the run has to end. Call it between batches."""
        if self._inline and time.monotonic() - self._looked >= LOOK_SECONDS:
            self._look()
        if self._interrupt is not None:
            raise self._interrupt
        if stopping():
            raise Stopped

    def checkpoint(self, data: dict) -> None:
        """Keep `data` as what the next run goes on from, in the caller's transaction: work and checkpoint are
        kept together or not at all. Raises Superseded when the row has gone to another run, which rolls
        the caller's work back."""
        if not self._mine.update(checkpoint=data, done=self.done, total=self.total, heartbeat_at=Now()):
            self._interrupt = Superseded
            raise Superseded
        self.job.checkpoint = data
        self._written, self._beaten = (self.done, self.total), time.monotonic()

    def _look(self) -> None:
        """One write (or, with nothing new, one read) on the row; notes what has to end the run."""
        self._looked = now = time.monotonic()
        shown = (self.done, self.total)
        if shown != self._written or now - self._beaten >= BEAT_SECONDS:
            held = self._mine.update(done=shown[0], total=shown[1], heartbeat_at=Now())
            self._written, self._beaten = shown, now
            if not held:
                self._interrupt = Superseded
                return
        asked = self._mine.values_list("cancel_asked", flat=True).first()
        if asked is None:
            self._interrupt = Superseded
        elif asked:
            self._interrupt = Cancelled

    def _beat_aside(self) -> None:
        try:
            while not self._ended.wait(LOOK_SECONDS) and self._interrupt is None:
                try:
                    self._look()
                except DatabaseError:
                    # Busy or away; the sweep's patience is longer than one missed beat.
                    log.warning("job %s: a heartbeat could not be written", self.job.pk, exc_info=True)
                    connection.close()
        finally:
            connection.close()
