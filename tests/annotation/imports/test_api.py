"""POST /api/v1/projects/{slug}/import/: starts a job whose result is the report; managers only."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotation.imports import jobs as import_jobs
from annotation.imports import uploads
from annotation.models import Annotation, Item
from core import jobs
from core.api.auth import new_key
from core.models import Job, Role
from corpus.models import Prompt, Response
from tests import cast

pytestmark = pytest.mark.django_db
ROWS = [
    {"prompt": "问题？", "chosen": " 好\r\n", "rejected": "坏"},
    {"prompt": "q", "chosen": "=1+1", "rejected": "=1+1"},
]


@pytest.fixture
def project():
    return cast.make_project()


def headers(project, role="manager"):
    user = cast.make_member(project, role)
    return {"HTTP_AUTHORIZATION": f"Bearer {new_key(user=user, project=project, role=role)[1]}"}


def jsonl(rows=ROWS, name="rows.jsonl"):
    return SimpleUploadedFile(
        name, "".join(json.dumps(r) + "\n" for r in rows).encode(), content_type="text/html"
    )


def post(client, project, auth, **fields):
    return client.post(f"/api/v1/projects/{project.slug}/import/", {"file": jsonl(), **fields}, **auth)


def test_a_file_becomes_a_job_and_its_result_the_report(client, project):
    auth = headers(project)
    answer = post(client, project, auth)
    assert answer.status_code == 202
    started = answer.json()["job"]
    assert (started["kind"], started["state"], started["project"]) == ("import", "queued", project.slug)
    jobs.run_now(Job.objects.get(pk=started["id"]))
    job = client.get(f"/api/v1/jobs/{started['id']}/", **auth).json()
    assert job["state"] == "done"
    result = job["result"]
    assert [result[n] for n in ("read", "imported", "items", "responses", "annotations", "duplicates")] == [
        2,
        1,
        1,
        2,
        1,
        0,
    ]
    assert [(e["line"], e["field"]) for e in result["errors"]] == [(2, "rejected")]
    assert (
        Prompt.objects.get().messages[0]["content"] == "问题？"
        and Response.objects.filter(text=" 好\r\n").exists()
    )
    rows = client.get(f"/api/v1/projects/{project.slug}/import/{job['id']}/refused.jsonl", **auth)
    assert [json.loads(line)["line"] for line in rows.getvalue().splitlines()] == [2]
    table = (
        client.get(f"/api/v1/projects/{project.slug}/import/{job['id']}/refused.csv", **auth)
        .getvalue()
        .decode()
    )
    assert table.startswith("\ufeffline,field,code,reason\r\n2,rejected,")


def test_options_reach_the_reader(client, project):
    auth = headers(project)
    body = "frage;gut\nq;你好\n".encode("gbk")
    fields = {
        "mapping": json.dumps({"prompt": "frage", "answer": "gut"}),
        "model": "m1",
        "encoding": "gb18030",
        "delimiter": ";",
    }
    answer = post(client, project, auth, file=SimpleUploadedFile("t.csv", body), **fields)
    assert answer.status_code == 202, answer.content
    jobs.run_now(Job.objects.get(pk=answer.json()["job"]["id"]))
    response = Response.objects.get()
    assert (response.text, response.model_version.name) == ("你好", "m1")


def test_columns_may_be_named_as_the_command_names_them(client, project):
    auth = headers(project)
    table = b"frage,gut,schlecht\nq,a,b\n"
    answer = post(
        client,
        project,
        auth,
        file=SimpleUploadedFile("t.csv", table),
        map=["prompt=frage", "chosen=gut", "rejected=schlecht"],
    )
    assert answer.status_code == 202, answer.content
    jobs.run_now(Job.objects.get(pk=answer.json()["job"]["id"]))
    assert sorted(Response.objects.values_list("text", flat=True)) == ["a", "b"]
    for wrong in ({"map": ["prompt"]}, {"modell": "m1"}):
        refused = post(client, project, auth, **wrong)
        assert refused.status_code == 400 and next(iter(wrong)) in refused.json()["error"]["fields"]


def test_a_dry_run_writes_nothing(client, project):
    answer = post(client, project, headers(project), dry_run="true")
    job = jobs.run_now(Job.objects.get(pk=answer.json()["job"]["id"]))
    assert job.result["imported"] == 1 and job.result["dry_run"] and Item.objects.count() == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"file": SimpleUploadedFile("x.bin", b"\x00\x01\x02" * 500)},
        {"file": ""},
        {"mapping": "[1]"},
        {"mapping": '{"prompt": "none"}'},
        {"delimiter": "ab"},
    ],
)
def test_what_cannot_be_read_is_refused_at_once(client, project, fields):
    answer = post(client, project, headers(project), **fields)
    assert answer.status_code == 400 and answer.json()["error"]["code"]
    assert Job.objects.count() == 0


def test_a_body_over_the_limit_is_refused_before_it_is_read(client, project, settings):
    settings.IMPORT_MAX_BYTES = 10
    big = SimpleUploadedFile("big.jsonl", b"x" * 200_000)
    answer = post(client, project, headers(project), file=big)
    assert answer.status_code == 413 and answer.json()["error"]["code"] == "too_large"


def test_only_managers_of_the_project_may(client, project):
    assert post(client, project, {}).status_code == 401
    for role in (Role.USER, Role.ANNOTATOR, Role.REVIEWER):
        assert post(client, project, headers(project, role)).status_code == 403
    other = cast.make_project()
    assert post(client, project, headers(other)).status_code == 404
    theirs = post(client, other, headers(other)).json()["job"]["id"]
    assert (
        client.get(
            f"/api/v1/projects/{project.slug}/import/{theirs}/refused.csv", **headers(project)
        ).status_code
        == 404
    )
    assert (
        client.get(
            f"/api/v1/projects/{project.slug}/import/{theirs}/refused.csv", **headers(project, "reviewer")
        ).status_code
        == 403
    )


def test_a_job_stopped_between_chunks_goes_on_where_it_was(project, monkeypatch, tmp_path):
    """A worker's death between two commits: the second run takes in the rest, and the report is that of one
    whole run."""
    monkeypatch.setattr("annotation.imports.importer.CHUNK_RECORDS", 10)
    path = tmp_path / "f.jsonl"
    rows = [{"prompt": f"q{i}", "chosen": "a", "rejected": "a" if i % 10 == 3 else "b"} for i in range(95)]
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    job = import_jobs.start(path, project=project, actor=None, name="f.jsonl", options=uploads.Options())

    class Killed(BaseException):
        pass

    class Dies(jobs.Control):
        def progress(self, done, total=None):
            super().progress(done, total)
            if done >= 40:
                raise Killed

    with pytest.raises(Killed):
        job.state, job.runner = "running", "first"
        job.save()
        import_jobs.run(job, Dies(job, inline=True))
    job.refresh_from_db()
    assert job.checkpoint["records"] == 40 and Item.objects.count() == 36
    # What a kill in the middle of a write may leave behind: rows of a chunk that was never committed.
    with open(jobs.folder(job) / "errors.jsonl", "a") as errors:
        errors.write('{"line": 43, "field": "rej')
    job.state = "queued"
    job.save()
    done = jobs.run_now(job)
    assert [
        done.result[n]
        for n in ("read", "imported", "items", "responses", "annotations", "duplicates", "refused")
    ] == [95, 85, 85, 170, 85, 0, 10]
    assert [e["line"] for e in done.result["errors"]] == [i + 1 for i in range(95) if i % 10 == 3]
    assert Item.objects.count() == 85 == Annotation.objects.count() and project.import_batches.count() == 1


def test_leftovers_of_ended_jobs_are_dropped(project, tmp_path):
    path = tmp_path / "f.jsonl"
    path.write_text(json.dumps({"prompt": "q"}) + "\n" + json.dumps({"prompt": "r"}) + "\n")
    ended, waiting = (
        import_jobs.start(path, project=project, actor=None, name="f", options=uploads.Options())
        for _ in range(2)
    )
    jobs.run_now(ended)
    assert import_jobs.drop_leftovers() >= 1
    assert not (jobs.folder(ended) / uploads.FILE).exists() and (jobs.folder(waiting) / uploads.FILE).exists()
