"""What has to happen every so often, in a thread of every worker: finding jobs that lost their worker, and
what the rooms registered.

A thread and not messages: it must go on when the broker is away and when every pool thread is busy. With
several workers a function runs about once per interval among them all; it must be harmless if two of them
run it at once."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from core import jobs
from core.jobs import worker_ends
from core.jobs.control import process_is_gone, process_of
from core.models import Job

log = logging.getLogger(__name__)
SEEN_KEY, SEEN_SECONDS = "worker-seen", 60
# how many waiting jobs one sweep calls again: wake-up calls must not pile up before a busy worker
RESEND_LIMIT = 20

_thread: threading.Thread | None = None
_over = threading.Event()


def sweep(*, starting: bool = False) -> dict[str, int]:
    """Put jobs that lost their worker back in the line, and call again for jobs whose call was lost. Returns
    what it did.

    Lost: no heartbeat for JOB_LOST_SECONDS, or its process ran on this machine and is gone. `starting`: a
    worker has just started, so calls that the last one had taken and not begun are called again without
    waiting."""
    did = {"requeued": 0, "failed": 0, "cancelled": 0, "sent": 0}
    late = timezone.now() - timedelta(seconds=settings.JOB_LOST_SECONDS)
    for job in (
        Job.objects.filter(state=Job.State.RUNNING)
        .only("pk", "runner", "heartbeat_at", "attempts", "cancel_asked", "language")
        .order_by("pk")[:1000]
    ):
        silent = job.heartbeat_at is None or job.heartbeat_at < late
        if not silent and not process_is_gone(job.runner):
            continue
        held = Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, runner=job.runner)
        if silent:
            # it may have beaten since we read it
            held = held.filter(Q(heartbeat_at=None) | Q(heartbeat_at__lt=late))
        if job.cancel_asked:
            did["cancelled"] += held.update(state=Job.State.CANCELLED, runner="", finished_at=Now())
        else:
            with translation.override(job.language or settings.LANGUAGE_CODE):
                again, words = _after_a_loss(job)
            if again:
                did["requeued"] += held.update(
                    state=Job.State.QUEUED, runner="", heartbeat_at=None, error=words
                )
            else:
                did["failed"] += held.update(
                    state=Job.State.FAILED, runner="", finished_at=Now(), error=words
                )
    waiting = Job.objects.filter(state=Job.State.QUEUED)
    if not starting:
        waiting = waiting.filter(Q(heartbeat_at=None) | Q(heartbeat_at__lt=late))
    for pk, queue in waiting.order_by(F("heartbeat_at").asc(nulls_first=True), "pk").values_list(
        "pk", "queue"
    )[:RESEND_LIMIT]:
        if Job.objects.filter(pk=pk, state=Job.State.QUEUED).update(heartbeat_at=Now()):
            jobs.wake(pk, queue)
            did["sent"] += 1
    return did


def _after_a_loss(job: Job) -> tuple[bool, str]:
    """(whether a job whose worker was lost is tried again, what is said of it): which end its worker came to,
    and how often."""
    how = worker_ends.of(process_of(job.runner))
    known = {"n": job.attempts, "how": how}
    if job.attempts >= settings.JOB_MAX_ATTEMPTS:
        if how:
            return False, _(
                "The job's worker was lost %(n)d times, the last time by %(how)s; the job was not "
                "tried again."
            ) % known
        return False, _("The job's worker was lost %(n)d times; the job was not tried again.") % known
    return True, _("The job's worker ended (%(how)s); the job is tried again.") % known if how else ""


def begin() -> None:
    """Start the thread (once per process)."""
    global _thread
    if _thread is None:
        _over.clear()
        _thread = threading.Thread(target=_go_on, name="beat", daemon=True)
        _thread.start()


def end() -> None:
    _over.set()


def _go_on() -> None:
    _guarded("sweep at start", lambda: sweep(starting=True))
    due = {name: time.monotonic() + seconds for name, (seconds, _function) in jobs.periodics().items()}
    sweep_at = seen_at = 0.0
    while True:
        now = time.monotonic()
        if now >= seen_at:
            _guarded(
                "worker-seen",
                lambda: cache.set(
                    SEEN_KEY,
                    {"at": time.time(), "pid": os.getpid(), "host": socket.gethostname()},
                    SEEN_SECONDS,
                ),
            )
            seen_at = now + SEEN_SECONDS / 4
        if now >= sweep_at and sweep_at:
            _guarded("sweep", sweep)
        if now >= sweep_at:
            sweep_at = now + settings.JOB_SWEEP_SECONDS
        for name, (seconds, function) in jobs.periodics().items():
            if now >= due.get(name, 0.0):
                due[name] = now + seconds
                if _my_turn(name, seconds):
                    _guarded(name, function)
        if _over.wait(min(1.0, settings.JOB_SWEEP_SECONDS)):
            return


def _my_turn(name: str, seconds: float) -> bool:
    """Whether no other worker has run `name` within this interval. Without a cache: yes, for it is harmless
    twice."""
    try:
        return bool(cache.add(f"periodic-{name.replace(' ', '-')}", 1, timeout=max(1, int(seconds * 0.9))))
    except Exception:
        return True


def _guarded(name: str, function: Callable[[], object]) -> None:
    """Nothing that fails here may end the thread."""
    try:
        function()
    except Exception:
        log.exception("periodic work failed: %s", name)
        connection.close()
    finally:
        if connection.vendor != "sqlite" and not connection.in_atomic_block:
            connection.close()  # back to the pool between rounds
