"""Real workers, killed in mid-job: on SQLite with the filesystem broker, and (TEST_DATABASE=postgres) on
PostgreSQL with Redis."""

import os
import signal

import pytest
from django.test import Client

from core import jobs
from core.jobs import worker_ends
from core.models import Event, Job
from tests import processes
from tests.cast import make_member, make_project
from tests.core.jobs import job_kinds  # noqa: F401 - registers the kinds here too

pytestmark = pytest.mark.django_db(transaction=True)
INCLUDE = "tests.core.jobs.job_kinds"


@pytest.fixture
def lead():
    return make_member(make_project("p"), "manager")


@pytest.fixture
def log(tmp_path):
    return tmp_path / "worker.log"


def start(lead, kind="test.steps", **params) -> Job:
    return jobs.start(kind, project=lead.memberships.get().project, actor=lead, params=params)


def row(job) -> Job:
    job.refresh_from_db()
    return job


def finished_once(job, steps) -> None:
    done = row(job)
    assert (done.state, done.result, done.done) == ("done", {"steps": steps}, steps)
    assert sorted(Event.objects.filter(verb="test.step").values_list("data__n", flat=True)) == list(
        range(steps)
    )
    assert Event.objects.filter(verb="test.finished").count() == 1


def test_a_worker_runs_what_was_started_before_and_after_it(lead, log):
    before = start(lead, to=2)
    with processes.worker(include=INCLUDE, log=log):
        processes.until(lambda: row(before).state == "done", f"the first job; {log}")
        after = start(lead, to=2)
        processes.until(lambda: row(after).state == "done", "the second job", seconds=5)


@pytest.mark.parametrize("kind", ["test.steps", "test.heavy-steps"])
def test_kill_9_in_mid_job_and_the_next_worker_finishes_it_exactly_once(lead, log, kind):
    job = start(lead, kind, to=40, seconds=0.05)
    with processes.worker(include=INCLUDE, log=log) as first:
        processes.until(lambda: row(job).checkpoint.get("n", 0) >= 5, "some steps")
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    killed_at = row(job)
    assert killed_at.state == "running" and killed_at.checkpoint["n"] < 40
    with processes.worker(include=INCLUDE, log=log):
        processes.until(lambda: row(job).state not in {"queued", "running"}, "the job's end", seconds=15)
    finished_once(job, 40)
    assert row(job).attempts == 2


@pytest.mark.parametrize(("params", "how"), [({}, "signal SIGKILL"), ({"status": 3}, "exit status 3")])
def test_a_job_that_kills_its_worker_is_failed_with_its_reason_and_leaves_the_next_one_alone(
    lead, log, params, how
):
    """Workers follow each other as `serve` starts them: each is told how the one before ended."""
    job = start(lead, "test.kills-its-worker", **params)
    ended: dict[str, str] = {}
    for _attempt in range(5):
        with processes.worker(include=INCLUDE, log=log, **ended) as worker:
            processes.until(lambda w=worker: w.poll() is not None, f"the worker's end; {log}", seconds=40)
            ended = worker_ends.environment(worker.pid, worker.returncode)
    with processes.worker(include=INCLUDE, log=log, **ended):
        processes.until(lambda: row(job).state == "failed", f"the job's end; {log}", seconds=30)
        after = start(lead, to=1)
        processes.until(lambda: row(after).state == "done", "the next job", seconds=30)
    assert (
        job.error
        == f"The job's worker was lost 5 times, the last time by {how}; the job was not tried again."
    )


def test_a_frozen_worker_is_superseded_and_keeps_nothing_when_it_wakes(lead, log, tmp_path):
    job = start(lead, to=60, seconds=0.05)
    short = {"JOB_LOST_SECONDS": "3", "JOB_SWEEP_SECONDS": "1"}
    with processes.worker(include=INCLUDE, log=log, **short) as first:
        processes.until(lambda: row(job).checkpoint.get("n", 0) >= 5, "some steps")
        os.killpg(first.pid, signal.SIGSTOP)  # its process exists: only its silence tells
        with processes.worker(include=INCLUDE, log=tmp_path / "second.log", **short):
            processes.until(lambda: row(job).attempts == 2, "the sweep to notice", seconds=15)
            os.killpg(first.pid, signal.SIGCONT)
            processes.until(lambda: row(job).state not in {"queued", "running"}, "the job's end", seconds=20)
    finished_once(job, 60)


def test_term_hands_the_job_back_within_seconds_and_it_goes_on(lead, log):
    job = start(lead, to=60, seconds=0.05)
    with processes.worker(include=INCLUDE, log=log) as first:
        processes.until(lambda: row(job).checkpoint.get("n", 0) >= 5, "some steps")
        first.terminate()
        first.wait(6)
        assert (row(job).state, job.attempts) == ("queued", 0)
    with processes.worker(include=INCLUDE, log=log):
        processes.until(lambda: row(job).state == "done", "the job's end")
    finished_once(job, 60)
    assert job.attempts == 1


def test_cancel_reaches_a_running_job_in_another_process(lead, log):
    job = start(lead, to=400, seconds=0.05)
    with processes.worker(include=INCLUDE, log=log):
        processes.until(lambda: row(job).checkpoint.get("n", 0) >= 3, "some steps")
        client = Client()
        client.force_login(lead)
        assert client.post(f"/api/v1/jobs/{job.pk}/cancel/").status_code == 200
        processes.until(lambda: row(job).state == "cancelled", "the cancel", seconds=5)
        shown = client.get(f"/api/v1/jobs/{job.pk}/").json()
    assert (shown["state"], shown["total"]) == ("cancelled", 400) and 3 <= shown["done"] < 400


def test_a_short_job_does_not_wait_for_heavy_ones(lead, log):
    heavy = [start(lead, "test.heavy-steps", to=100, seconds=0.05) for _ in range(3)]
    with processes.worker(include=INCLUDE, log=log):
        processes.until(lambda: any(row(h).state == "running" for h in heavy), "a heavy one")
        short = start(lead, to=1)
        processes.until(lambda: row(short).state == "done", "the short one")
        states = [row(h).state for h in heavy]
        # 15 seconds of heavy work, one after the other
        assert states.count("running") == 1 and "queued" in states
