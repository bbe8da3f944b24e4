"""What an import leaves aside is named in its report, with the number of records: on the page, in the API's
report, by the command."""

import io
import json

import pytest
from django.core.management import call_command

from annotation.imports import importer
from annotation.imports import jobs as import_jobs
from annotation.imports.uploads import Options
from core import jobs
from corpus.models import Prompt
from tests import cast
from tests.corpus.files import jsonl, written

pytestmark = pytest.mark.django_db


def report_of(tmp_path, *rows, project=None, **options):
    return importer.import_file(
        project=project or cast.make_project(),
        actor=None,
        path=written(tmp_path / "rows", jsonl(*rows)),
        **options,
    )


def named(columns) -> dict:
    return {one["column"]: one["records"] for one in columns}


def test_notes_and_what_is_too_long_for_one(tmp_path):
    report = report_of(
        tmp_path,
        {"question": "a", "answer": "x", "topic": "law", "log": "y" * 5000},
        {"question": "b", "answer": "x", "topic": "law", "empty": ""},
    )
    assert named(report["notes"]) == {"topic": 2} and named(report["dropped"]) == {"log": 1}


def test_keys_of_messages_and_answers(tmp_path):
    said = {"role": "assistant", "content": "Hm.", "reasoning_content": "because", "weight": 0, "loss": None}
    report = report_of(tmp_path, {"messages": [{"role": "user", "content": "a"}, said]})
    assert named(report["dropped"]) == {"messages[].reasoning_content": 1, "messages[].weight": 1}
    answers = [{"text": "x", "rank": 1, "critique": "short"}, {"text": "y", "rank": 2}]
    report = report_of(tmp_path, {"prompt": "a", "completions": answers})
    assert named(report["dropped"]) == {"completions[].critique": 1} and report["annotations"] == 1


def test_notes_of_a_prompt_that_is_known_are_not_kept(tmp_path):
    project = cast.make_project()
    rows = [
        {"question": "a", "answer": "x", "rating": 5},
        {"question": "a", "answer": "x", "rating": 1},
        {"question": "a", "answer": "x", "rating": 5},
    ]
    report = report_of(tmp_path, *rows, project=project)
    assert (report["imported"], report["duplicates"]) == (1, 2)
    assert named(report["notes"]) == {"rating": 2} and named(report["dropped"]) == {"rating": 1}
    again = report_of(tmp_path, *rows, project=project)
    assert (
        again["duplicates"] == 3
        and named(again["dropped"]) == {"rating": 1}
        and Prompt.objects.get().metadata == {"rating": 5}
    )
    trial = report_of(tmp_path, *rows, project=cast.make_project(), dry_run=True)
    assert named(trial["notes"]) == {"rating": 2} and named(trial["dropped"]) == {"rating": 1}


def test_there_is_an_end_to_the_names(tmp_path):
    report = report_of(
        tmp_path,
        *(
            {"question": f"q{i}", "answer": "x", f"note {i}": i + 1}
            for i in range(importer.LISTED_COLUMNS + 50)
        ),
    )
    assert len(report["notes"]) == importer.LISTED_COLUMNS + 1 and report["notes"][0] == {
        "column": "…",
        "records": 50,
    }


def test_the_command_and_the_page_say_it(tmp_path, client):
    project = cast.make_project("named")
    path = written(
        tmp_path / "rows", jsonl({"question": "a", "answer": "x", "items": "law", "log": "y" * 5000})
    )
    out = io.StringIO()
    call_command("import_items", "named", str(path), stdout=out)
    assert "Kept as notes only: items (1)" in out.getvalue() and "Left out: log (1)" in out.getvalue()
    out = io.StringIO()
    call_command("import_items", "named", str(path), json=True, stdout=out)
    assert json.loads(out.getvalue())["dropped"] == [{"column": "log", "records": 1}]
    manager = cast.make_member(project, "manager")
    job = import_jobs.start(path, project=project, actor=manager, name="rows.jsonl", options=Options())
    jobs.run_now(job)
    client.force_login(manager)
    page = client.get(f"/p/named/import/jobs/{job.pk}/").content.decode()
    assert (
        "Kept as notes only" in page
        and '<code dir="auto">items</code> 1' in page
        and '<code dir="auto">log</code> 1' in page
    )
