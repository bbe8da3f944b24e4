"""Background work. The Job row is the truth; the broker carries only its key, and only as a wake-up call.

A kind of job is a function registered under a name in its room's `tasks.py` (found on first use):

    @job_kind("import")
    def run(job: Job, ctl: Control) -> dict: ...

and what has to happen every so often: `@periodic("expire-leases", seconds=30)`. A kind's function must be
idempotent and resumable: whoever holds the row may be killed, and then the function is called again with
the same row. Keep what a second run needs with `ctl.checkpoint({...})` in the transaction of the work
itself; read it from `job.checkpoint` at the start."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import translation
from django.utils.module_loading import autodiscover_modules, import_string
from django.utils.translation import gettext as _

from core import events
from core.errors import Conflict, DomainError
from core.jobs.control import Cancelled, Control, Stopped, Superseded, new_token, stopping
from core.models import Job

__all__ = [
    "Cancelled",
    "Control",
    "Job",
    "Stopped",
    "Superseded",
    "cancel",
    "folder",
    "job_kind",
    "periodic",
    "run_now",
    "run_queued",
    "start",
]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kind:
    """A registered kind: its function, the queue its jobs go to unless told otherwise, its name for people,
    and where its page links to once it is done (`result_url(job)`, "" = nowhere)."""

    name: str
    run: Callable[[Job, Control], dict]
    queue: str
    label: object
    result_url: Callable[[Job], str] | None = None


_kinds: dict[str, Kind] = {}
_periodic: dict[str, tuple[float, Callable[[], object]]] = {}
_discovered = False
# at most one heavy job in a worker process: its other threads stay free for short ones
_heavy_slot = threading.Lock()


def job_kind(
    name: str, *, queue: str = "default", label: object = "", result_url: Callable[[Job], str] | None = None
):
    """Register `run(job, ctl) -> result dict` as the work of jobs of kind `name`. Queue "heavy" is for what
    may take minutes."""

    def register(run):
        _kinds[name] = Kind(name, run, queue, label or name, result_url)
        return run

    return register


def periodic(name: str, seconds: float):
    """Register a function without arguments, to be run about every `seconds` by one of the workers
    (core.jobs.beat). It must be harmless if two workers run it at once."""

    def register(function):
        _periodic[name] = (seconds, function)
        return function

    return register


def _discover() -> None:
    """Import every room's `tasks.py`, once. Not at start-up: the web process has no need of them until
    somebody starts a job."""
    global _discovered
    if not _discovered:
        autodiscover_modules("tasks")
        _discovered = True


def kind_of(name: str) -> Kind:
    """The kind `name`. KeyError for an unknown one."""
    _discover()
    return _kinds[name]


def periodics() -> dict[str, tuple[float, Callable[[], object]]]:
    """{name: (seconds, function)} of all rooms."""
    _discover()
    return dict(_periodic)


def start(
    kind: str, *, project, actor, params: dict | None = None, queue: str | None = None, send: bool = True
) -> Job:
    """Make the row and, once the surrounding transaction commits, wake a worker. `params` is JSON (ids and
    options, never content). `send=False` is for commands, which call `run_now` themselves."""
    found = kind_of(kind)
    person = actor if getattr(actor, "pk", None) else None
    job = Job.objects.create(
        project=project,
        kind=kind,
        queue=queue or found.queue,
        params=params or {},
        created_by=person,
        language=translation.get_language() or "",
    )
    # of a queued row: when a worker was last called for it
    Job.objects.filter(pk=job.pk).update(heartbeat_at=Now())
    events.append(project=project, actor=actor, verb="job.start", target=job, kind=kind)
    if send:
        transaction.on_commit(lambda: wake(job.pk, job.queue))
    return job


def wake(pk: int, queue: str) -> None:
    """Tell a worker that the row waits. A broker that cannot be reached loses nothing: the sweep calls again.
    Never raises: the row is committed, and whoever asked for the job must not be told otherwise."""
    try:
        import_string(settings.JOB_SENDER)(pk, queue)
    except Exception:
        log.warning("job %s: the broker could not be reached; the sweep will send it", pk, exc_info=True)
        with contextlib.suppress(DatabaseError):  # a full disk; then the sweep calls a little later
            Job.objects.filter(pk=pk, state=Job.State.QUEUED).update(heartbeat_at=None)


def cancel(job: Job, actor) -> Job:
    """Stop the job: at once if it waits, at its next check if it runs. Conflict "finished" when there is
    nothing left to stop."""
    with transaction.atomic():
        waiting = Job.objects.filter(pk=job.pk, state=Job.State.QUEUED)
        running = Job.objects.filter(pk=job.pk, state=Job.State.RUNNING)
        if not waiting.update(
            state=Job.State.CANCELLED, cancel_asked=True, finished_at=Now()
        ) and not running.update(cancel_asked=True):
            raise Conflict("finished", _("This job has already ended."))
        events.append(project=job.project, actor=actor, verb="job.cancel", target=job)
    job.refresh_from_db()
    return job


def folder(job: Job) -> Path:
    """The job's own folder for files, made on first use."""
    path = Path(settings.FILES_DIR) / "jobs" / str(job.pk)
    path.mkdir(parents=True, exist_ok=True)
    return path


def run_now(job: Job) -> Job:
    """Run the job to its end in this process and return it with its result; a worker that was faster is
    waited for. Raises the DomainError that the job failed with, or DomainError "job_failed" / "cancelled"."""
    claimed = _claim(job.pk)
    if claimed is not None:
        with contextlib.suppress(Cancelled, Superseded):
            _run(claimed, raising=True)
    job.refresh_from_db()
    while job.state in {Job.State.QUEUED, Job.State.RUNNING}:
        time.sleep(0.2)
        job.refresh_from_db()
    if job.state == Job.State.CANCELLED:
        raise DomainError("cancelled", _("The job was cancelled."))
    if job.state == Job.State.FAILED:
        kept = job.result.get("error", {}) if isinstance(job.result, dict) else {}
        raise DomainError(kept.get("code", "job_failed"), job.error, field=kept.get("field", ""))
    return job


def run_queued(pk: int) -> None:
    """What a worker does with a wake-up call: claim the row and run it. No row, or another's row: nothing.

    A heavy job that finds this process's heavy slot taken stays queued; whoever holds the slot takes it
    next."""
    queue = Job.objects.filter(pk=pk, state=Job.State.QUEUED).values_list("queue", flat=True).first()
    if queue is None:
        return
    if queue != "heavy":
        _run_quietly(pk)
        return
    waiting: int | None = pk
    while waiting is not None and not stopping() and _heavy_slot.acquire(blocking=False):
        try:
            while waiting is not None and not stopping():
                _run_quietly(waiting)
                waiting = _next_heavy()
        finally:
            _heavy_slot.release()
        # one may have come between the last look and the release, and found the slot taken
        waiting = _next_heavy()


def _next_heavy() -> int | None:
    return (
        Job.objects.filter(state=Job.State.QUEUED, queue="heavy")
        .order_by("pk")
        .values_list("pk", flat=True)
        .first()
    )


def _claim(pk: int) -> Job | None:
    """Take the queued row for one run; None if somebody else has it."""
    token = new_token()
    taken = Job.objects.filter(pk=pk, state=Job.State.QUEUED).update(
        state=Job.State.RUNNING,
        runner=token,
        attempts=F("attempts") + 1,
        started_at=Now(),
        heartbeat_at=Now(),
        finished_at=None,
        error="",
    )
    return Job.objects.select_related("project", "created_by").get(pk=pk) if taken else None


def _run_quietly(pk: int) -> None:
    job = _claim(pk)
    if job is None:
        return
    try:
        _run(job, raising=False)
    except (Cancelled, Superseded, Stopped) as exc:
        log.info("job %s: %s", pk, type(exc).__name__)


def _run(job: Job, *, raising: bool) -> None:
    """Call the kind's function on a claimed row and write how it ended. Interruptions are raised again after
    the row is settled."""
    language = getattr(job.created_by, "language", "") or job.language or settings.LANGUAGE_CODE
    try:
        kind = kind_of(job.kind)
    except KeyError:
        _finish(
            job,
            state=Job.State.FAILED,
            error=_("This kind of job is not known here: %(kind)s") % {"kind": job.kind},
        )
        return
    with translation.override(language), Control(job, inline=connection.in_atomic_block) as ctl:
        try:
            ctl.check()
            result = kind.run(job, ctl)
        except Cancelled:
            _finish(job, ctl, state=Job.State.CANCELLED)
            raise
        except Superseded:
            raise
        except KeyboardInterrupt:  # a command's person pressed Ctrl-C
            _finish(job, ctl, state=Job.State.CANCELLED)
            raise
        except (Stopped, SystemExit):
            _give_back(job)
            raise
        except DomainError as exc:
            _finish(job, ctl, state=Job.State.FAILED, error=str(exc.message), result=exc.as_dict())
            if raising:
                raise
        except OperationalError:
            # The database was away or busy: no fault of the job. Back in the line; `attempts` bounds how
            # often.
            log.exception("job %s (%s): the database failed; it will be tried again", job.pk, job.kind)
            if raising or job.attempts >= settings.JOB_MAX_ATTEMPTS:
                _finish(job, ctl, state=Job.State.FAILED, error=_("The database could not be reached."))
                if raising:
                    raise
            else:
                _settle(job, state=Job.State.QUEUED, runner="", heartbeat_at=Now())
        except Exception:
            log.exception("job %s (%s) failed", job.pk, job.kind)
            _finish(
                job,
                ctl,
                state=Job.State.FAILED,
                error=_("The job stopped on an unexpected error. The log names it under job %(id)s.")
                % {"id": job.pk},
            )
            if raising:
                raise
        else:
            if not _finish(job, ctl, state=Job.State.DONE, result=result or {}):
                raise Superseded


def _finish(
    job: Job, ctl: Control | None = None, *, state: str, result: dict | None = None, error: str = ""
) -> bool:
    """Write the end of a run, unless the row belongs to another run by now."""
    counted = {"done": ctl.done, "total": ctl.total} if ctl is not None else {}
    if state == Job.State.DONE and ctl is not None and ctl.total is not None:
        counted["done"] = ctl.total
    return _settle(
        job,
        state=state,
        result=result or {},
        error=error,
        finished_at=Now(),
        heartbeat_at=Now(),
        runner="",
        **counted,
    )


def _give_back(job: Job) -> None:
    """The process is being stopped: back in the line, as if never begun, for the next worker."""
    _settle(job, state=Job.State.QUEUED, runner="", attempts=F("attempts") - 1, heartbeat_at=None)


def _settle(job: Job, **fields) -> bool:
    mine = Job.objects.filter(Q(pk=job.pk) & Q(runner=job.runner))
    for pause in (0.5, 2, 5):
        try:
            return bool(mine.update(**fields))
        except OperationalError:
            if connection.in_atomic_block:
                raise
            log.warning("job %s: its end could not be written yet", job.pk, exc_info=True)
            connection.close()
            time.sleep(pause)
    return bool(mine.update(**fields))
