"""Jobs: made, run, cancelled, resumed, swept. Those in test_jobs_killed.py kill real workers."""

import time
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy

from core import jobs
from core.errors import Conflict, DomainError
from core.jobs import beat, control
from core.models import Event, Job
from tests.cast import make_member, make_project

calls: list = []


@jobs.job_kind("test.count")
def _count(job, ctl):
    for n in range(job.checkpoint.get("n", 0), job.params["to"]):
        ctl.progress(n, job.params["to"])
        calls.append(n)
        with transaction.atomic():
            ctl.checkpoint({"n": n + 1})
        if n == job.params.get("fail_at"):
            raise {
                "domain": DomainError("bad_file", gettext_lazy("English"), field="file"),
                "bug": RuntimeError("secret"),
                "db": OperationalError("locked"),
            }[job.params["how"]]
    return {"counted": job.params["to"]}


@jobs.job_kind("test.wait", queue="heavy")
def _wait(job, ctl):
    calls.append(("begin", job.pk))
    end = time.monotonic() + 20
    while time.monotonic() < end:
        time.sleep(0.02)
        ctl.check()
    return {}


@pytest.fixture(autouse=True)
def sent(settings, monkeypatch):
    """Wake-up calls are kept in a list instead of going to a broker."""
    calls.clear()
    kept: list = []
    monkeypatch.setattr("core.jobs.wake", lambda pk, queue: kept.append((pk, queue)))
    return kept


@pytest.fixture
def lead(db):
    return make_member(make_project("p"), "manager")


def start(lead, kind="test.count", **params):
    return jobs.start(kind, project=lead.memberships.get().project, actor=lead, params=params)


def test_start_makes_the_row_and_calls_a_worker_only_after_commit(
    lead, sent, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        job = start(lead, to=3)
        assert sent == []
    assert sent == [(job.pk, "default")]
    assert (job.state, job.created_by, job.params) == ("queued", lead, {"to": 3})
    event = Event.objects.get(verb="job.start")
    assert (event.target_id, event.actor) == (job.pk, lead)


def test_run_now_returns_the_result(lead):
    job = jobs.run_now(start(lead, to=3))
    assert (job.state, job.result, job.done, job.total, job.attempts, job.runner) == (
        "done",
        {"counted": 3},
        3,
        3,
        1,
        "",
    )
    assert calls == [0, 1, 2] and job.finished_at


def test_a_second_call_for_the_same_row_does_nothing(lead):
    job = start(lead, to=2)
    jobs.run_queued(job.pk)
    jobs.run_queued(job.pk)
    assert calls == [0, 1]


def test_run_now_raises_the_jobs_own_error_in_the_persons_language(lead):
    lead.language = "zh-hans"
    lead.save()
    job = start(lead, to=3, fail_at=1, how="domain")
    with pytest.raises(DomainError) as caught:
        jobs.run_now(job)
    assert (caught.value.code, caught.value.field) == ("bad_file", "file")
    job.refresh_from_db()
    with translation.override("zh-hans"):
        said = translation.gettext("English")
    assert said != "English" and (job.state, job.error, job.result["error"]["code"]) == (
        "failed",
        said,
        "bad_file",
    )


def test_an_unexpected_error_fails_plainly_without_its_text(lead):
    job = start(lead, to=3, fail_at=0, how="bug")
    jobs.run_queued(job.pk)
    job.refresh_from_db()
    assert job.state == "failed" and "secret" not in job.error and str(job.pk) in job.error


def test_a_database_failure_puts_the_job_back_and_it_goes_on_from_its_checkpoint(lead):
    job = start(lead, to=3, fail_at=1, how="db")
    jobs.run_queued(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.checkpoint) == ("queued", 1, {"n": 2})
    jobs.run_queued(job.pk)
    job.refresh_from_db()
    assert job.state == "done" and calls == [0, 1, 2]


def test_cancel_of_a_waiting_job_is_immediate_and_of_an_ended_one_refused(lead):
    job = jobs.cancel(start(lead, to=3), lead)
    assert job.state == "cancelled"
    jobs.run_queued(job.pk)
    assert calls == []
    with pytest.raises(Conflict):
        jobs.cancel(job, lead)
    assert Event.objects.filter(verb="job.cancel").count() == 1


def test_a_superseded_run_keeps_nothing(lead):
    job = start(lead, to=3)
    held = jobs._claim(job.pk)
    with control.Control(held, inline=True) as ctl:
        Job.objects.filter(pk=job.pk).update(runner="another")
        with pytest.raises(jobs.Superseded), transaction.atomic():
            make_project("half-done")
            ctl.checkpoint({"n": 1})
        with pytest.raises(jobs.Superseded):
            ctl.check()
    from core.models import Project

    assert not Project.objects.filter(slug="half-done").exists()
    assert not jobs._finish(held, ctl, state="done", result={})
    job.refresh_from_db()
    assert (job.runner, job.state, job.checkpoint) == ("another", "running", {})


def test_interruptions_are_not_swallowed_by_a_forgiving_job():
    assert not issubclass(jobs.Cancelled, Exception)


def lost(job, **fields):
    Job.objects.filter(pk=job.pk).update(
        state="running", runner="elsewhere:1:x", heartbeat_at=timezone.now() - timedelta(seconds=31), **fields
    )


def test_sweep_requeues_silent_jobs_and_calls_again(lead, sent):
    job = start(lead, to=1)
    lost(job, attempts=1)
    assert beat.sweep() == {"requeued": 1, "failed": 0, "cancelled": 0, "sent": 1}
    assert sent == [(job.pk, "default")]
    assert beat.sweep() == {"requeued": 0, "failed": 0, "cancelled": 0, "sent": 0}
    jobs.run_queued(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("done", 2)


def test_sweep_leaves_a_beating_job_alone_unless_its_process_is_gone(lead, sent):
    job = start(lead, to=1)
    jobs._claim(job.pk)
    assert beat.sweep()["requeued"] == 0
    Job.objects.filter(pk=job.pk).update(runner=f"{control._machine()}:{_dead_pid()}:x")
    assert beat.sweep()["requeued"] == 1


def _dead_pid() -> int:
    import subprocess
    import sys

    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_a_job_that_always_loses_its_worker_fails_in_the_end(lead, sent, settings):
    job = start(lead, to=1)
    lost(job, attempts=settings.JOB_MAX_ATTEMPTS)
    assert beat.sweep()["failed"] == 1
    job.refresh_from_db()
    assert job.state == "failed" and "5" in job.error


def test_a_lost_job_that_was_to_be_cancelled_is(lead, sent):
    job = start(lead, to=1)
    lost(job, cancel_asked=True)
    assert beat.sweep()["cancelled"] == 1


def test_sweep_calls_again_for_calls_that_were_lost(lead, sent):
    job = start(lead, to=1)
    sent.clear()
    assert beat.sweep()["sent"] == 0
    Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - timedelta(seconds=60))
    assert beat.sweep()["sent"] == 1
    assert beat.sweep(starting=True)["sent"] == 1
    assert sent == [(job.pk, "default")] * 2


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_away_does_not_stop_a_start(monkeypatch, settings):
    monkeypatch.undo()
    settings.JOB_SENDER = "tests.core.jobs.test_jobs.away"
    job = start(make_member(make_project(), "manager"), to=1)
    job.refresh_from_db()
    assert (job.state, job.heartbeat_at) == ("queued", None)  # the next sweep sends it


def away(pk, queue):
    raise ConnectionError


def in_thread(function, *args):
    import threading

    def run():
        try:
            function(*args)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.mark.django_db(transaction=True)
def test_a_running_job_beats_from_the_side_and_stops_when_cancelled():
    lead = make_member(make_project(), "manager")
    job = start(lead, "test.wait")
    first = job.heartbeat_at
    thread = in_thread(jobs.run_queued, job.pk)
    until(lambda: calls)
    asked = time.monotonic()
    assert jobs.cancel(job, lead).state == "running"
    thread.join(5)
    job.refresh_from_db()
    assert job.state == "cancelled" and time.monotonic() - asked < 3 and job.heartbeat_at != first


@pytest.mark.django_db(transaction=True)
def test_one_heavy_job_at_a_time_and_the_next_follows_on_the_same_thread(monkeypatch):
    lead = make_member(make_project(), "manager")
    first, second = start(lead, "test.wait"), start(lead, "test.wait")
    thread = in_thread(jobs.run_queued, first.pk)
    until(lambda: calls)
    jobs.run_queued(second.pk)  # the slot is taken: returns at once, the thread is free for short work
    second.refresh_from_db()
    assert second.state == "queued"
    jobs.cancel(first, lead)
    until(lambda: ("begin", second.pk) in calls)
    jobs.cancel(second, lead)
    thread.join(5)
    assert [j.state for j in Job.objects.order_by("pk")] == ["cancelled", "cancelled"]


@pytest.mark.django_db(transaction=True)
def test_a_stopping_worker_gives_the_job_back_uncounted(monkeypatch):
    lead = make_member(make_project(), "manager")
    job = start(lead, "test.wait")
    thread = in_thread(jobs.run_queued, job.pk)
    until(lambda: calls)
    try:
        control.stop_runs()
        thread.join(5)
    finally:
        control._stop[0] = 0
    job.refresh_from_db()
    assert (job.state, job.attempts, job.heartbeat_at) == ("queued", 0, None)
