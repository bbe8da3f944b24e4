"""Kinds of jobs for tests that start and kill real workers; loaded by `manage.py worker --include
tests.core.jobs.job_kinds`."""

import os
import signal
import time
from pathlib import Path

from django.db import transaction

from core import events, jobs


@jobs.job_kind("test.steps")
def steps(job, ctl):
    """`to` steps of `seconds` each; every step is one Event, kept in one transaction with the checkpoint."""
    if job.params.get("begun"):
        Path(job.params["begun"]).write_text(str(os.getpid()))
    for n in range(job.checkpoint.get("n", 0), job.params["to"]):
        ctl.progress(n, job.params["to"])
        with transaction.atomic():
            events.append(project=job.project, actor=None, verb="test.step", n=n)
            ctl.checkpoint({"n": n + 1})
        time.sleep(job.params.get("seconds", 0))
    with transaction.atomic():
        events.append(project=job.project, actor=None, verb="test.finished")
        ctl.checkpoint({"n": job.params["to"]})
    return {"steps": job.params["to"]}


@jobs.job_kind("test.heavy-steps", queue="heavy")
def heavy_steps(job, ctl):
    return steps(job, ctl)


@jobs.job_kind("test.kills-its-worker")
def kills_its_worker(job, ctl):
    """Ends its process as the kernel does with one that takes too much memory, or as the interpreter does
    when it falls over."""
    if job.params.get("status") is not None:
        os._exit(job.params["status"])
    os.kill(os.getpid(), signal.SIGKILL)
