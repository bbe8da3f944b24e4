"""kill -9 in the middle of an import: of the command, and of a real worker. Nothing is lost, nothing is
double."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from django.db import connection

from annotation.imports import jobs as import_jobs
from annotation.imports import uploads
from annotation.models import Annotation, AnnotationVersion, Item, ItemAnswer
from core.models import Job
from corpus.models import Prompt, PromptOrigin, Response
from tests import cast, processes

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = 16_000


def write_file(path):
    with open(path, "w") as file:
        for i in range(ROWS):
            row = {
                "prompt": f"Question {i} " + "x" * 200,
                "chosen": f"good {i} " + "y" * 300,
                "rejected": f"bad {i} " + "z" * 300,
            }
            if i % 1000 == 999:
                row["rejected"] = row["chosen"]
            file.write(json.dumps(row) + "\n")
    return path


def assert_whole():
    """Every good row is in, once, with its judgement pointing at its own two answers."""
    good = ROWS - ROWS // 1000
    assert [m.objects.count() for m in (Prompt, PromptOrigin, Item, Annotation, AnnotationVersion)] == [
        good
    ] * 5
    assert Response.objects.count() == ItemAnswer.objects.count() == 2 * good
    with connection.cursor() as cursor:
        # whoever plans this join without statistics may loop over every row for every row
        cursor.execute("ANALYZE")
        cursor.execute(
            "SELECT count(*) FROM annotation_itemanswer a JOIN corpus_response r ON r.id = "
            "a.response_id JOIN annotation_item i ON i.id = a.item_id"
            " JOIN annotation_annotation n ON n.item_id = i.id JOIN annotation_annotationversion v ON "
            "v.id = n.head_id AND v.annotation_id = n.id"
            " WHERE r.prompt_id = i.prompt_id AND ((a.slot = 0 AND r.text LIKE 'good%') OR (a.slot = "
            "1 AND r.text LIKE 'bad%'))"
        )
        assert cursor.fetchone()[0] == 2 * good
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA integrity_check")
            assert cursor.fetchone()[0] == "ok"
            cursor.execute("PRAGMA foreign_key_check")
            assert cursor.fetchall() == []
    positions = list(Item.objects.order_by("position").values_list("position", flat=True))
    assert positions == list(range(good))


def test_the_command_killed_and_run_again(tmp_path):
    project = cast.make_project("killed")
    command = [
        sys.executable,
        "manage.py",
        "import_items",
        project.slug,
        str(write_file(tmp_path / "rows.jsonl")),
        "--json",
    ]
    log = tmp_path / "log"
    first = processes.start(command, log, signal.SIGKILL)
    processes.until(
        lambda: Prompt.objects.exists() or first.poll() is not None,
        "the first chunk to be committed",
        seconds=60,
        every=0.005,
    )
    os.killpg(first.pid, signal.SIGKILL)
    assert first.wait(10) == -signal.SIGKILL, log.read_text()
    taken = Prompt.objects.count()
    assert 0 < taken < ROWS and Item.objects.count() == taken == Annotation.objects.count()
    second = subprocess.run(
        command, cwd=processes.ROOT, env=processes.environment(), capture_output=True, text=True, timeout=120
    )
    report = json.loads(second.stdout)
    assert (report["read"], report["refused"], len(report["errors"])) == (ROWS, ROWS // 1000, ROWS // 1000)
    assert report["duplicates"] == taken and report["imported"] == ROWS - ROWS // 1000 - taken
    assert_whole()


def test_a_worker_killed_and_the_next_one_going_on(tmp_path):
    project = cast.make_project("worker")
    path = write_file(tmp_path / "rows.jsonl")
    with processes.worker(log=tmp_path / "first.log") as first:
        job = import_jobs.start(
            path, project=project, actor=None, name="rows.jsonl", options=uploads.Options()
        )
        processes.until(
            lambda: Prompt.objects.exists(), "the first chunk to be committed", seconds=60, every=0.005
        )
        os.killpg(first.pid, signal.SIGKILL)
        first.wait(10)
    taken = Prompt.objects.count()
    assert 0 < taken < ROWS
    job.refresh_from_db()
    assert job.checkpoint["records"] >= taken and job.state == Job.State.RUNNING
    began = time.monotonic()
    with processes.worker(log=tmp_path / "second.log"):
        processes.until(
            lambda: Job.objects.get(pk=job.pk).state not in {"running", "queued"},
            "the second worker to finish",
            seconds=120,
            every=0.2,
        )
    assert time.monotonic() - began < 120
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error
    report = job.result
    good = ROWS - ROWS // 1000
    assert [
        report[n] for n in ("read", "imported", "items", "responses", "annotations", "duplicates", "refused")
    ] == [
        ROWS,
        good,
        good,
        2 * good,
        good,
        0,
        ROWS // 1000,
    ]
    assert [e["line"] for e in report["errors"]] == list(
        range(1000, ROWS + 1, 1000)
    ) and project.import_batches.count() == 1
    assert_whole()
