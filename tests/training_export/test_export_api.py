"""Exports by button and by API: who may, what is started, what can be downloaded, and that nothing else
can."""

import io
import json
import shutil
import zipfile

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from core import jobs
from core.api import auth
from core.models import Event, Job
from tests import cast
from tests.training_export import judged
from training_export.formats import FORMATS
from training_export.models import Bundle, Snapshot
from training_export.options import ExportOptions
from training_export.publish import downloads, snapshots, workplace

pytestmark = pytest.mark.django_db


@pytest.fixture(name="project")
def _project():
    project = judged.project(slug="ward")
    x, _y, _z = judged.annotators(project)
    for n in range(3):
        judged.judge(
            judged.item(project, (f"good {n}", f"poor {n}")), x, {"ranking": [[0], [1]], "acceptable": 1}
        )
    return project


@pytest.fixture(name="manager")
def _manager(project):
    return cast.make_member(project, "manager")


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def built(project, form="trl-preference", **options) -> Bundle:
    return snapshots.build(project=project, actor=None, options=ExportOptions.of({"format": form, **options}))


def post(client, project, body, **headers):
    return client.post(
        f"/api/v1/projects/{project.slug}/exports/",
        json.dumps(body),
        content_type="application/json",
        **headers,
    )


def test_a_key_starts_an_export_follows_the_job_and_takes_the_files(project, manager):
    _row, key = auth.new_key(user=manager, project=project, role="manager")
    headers = {"HTTP_AUTHORIZATION": f"Bearer {key}"}
    client = Client()
    answer = post(
        client,
        project,
        {"format": "trl-preference", "annotators": "majority", "split": [50, 50, 0]},
        **headers,
    )
    assert answer.status_code == 202
    job = answer.json()["job"]
    assert (job["kind"], job["state"]) == ("export", "queued")
    jobs.run_now(Job.objects.get(pk=job["id"]))
    done = client.get(f"/api/v1/jobs/{job['id']}/", **headers).json()
    assert done["state"] == "done" and done["done"] == done["total"] == 3
    result = done["result"]
    assert sum(f["rows"] for f in result["files"]) == sum(f["rows"] for f in result["side_files"]) == 3
    (listed,) = client.get("/api/v1/projects/ward/exports/", **headers).json()
    assert (
        listed["content_sha256"] == result["content_sha256"] and listed["number"] == result["snapshot"] == 1
    )
    manifest = client.get("/api/v1/projects/ward/exports/1/", **headers).json()["manifest"]
    assert manifest["options"]["annotators"] == "majority" and manifest["as_of"] == listed["as_of"]
    for entry in result["files"] + result["side_files"]:
        body = client.get(f"/api/v1/projects/ward/exports/1/files/{entry['path']}", **headers)
        assert body.status_code == 200
        assert len(b"".join(body.streaming_content).splitlines()) == entry["rows"]


def test_an_event_that_has_not_happened_is_refused_at_once(project, manager):
    answer = post(client_of(manager), project, {"format": "jsonl", "as_of": Event.objects.last().pk + 1})
    assert answer.status_code == 400 and not Job.objects.exists()
    assert (answer.json()["error"]["code"], answer.json()["error"]["field"]) == ("unknown_event", "as_of")
    assert (
        post(client_of(manager), project, {"format": "jsonl", "as_of": Event.objects.last().pk}).status_code
        == 202
    )


def test_shares_may_be_given_as_the_command_writes_them(project, manager):
    answer = post(client_of(manager), project, {"format": "trl-preference", "split": "80,10,10"})
    assert answer.status_code == 202
    assert Job.objects.get(pk=answer.json()["job"]["id"]).params["options"]["split"] == [80, 10, 10]
    for wrong in ("80,10", "80,a,b", "80,-10,30"):
        assert (
            post(client_of(manager), project, {"format": "trl-preference", "split": wrong}).status_code == 400
        )


def test_the_zip_holds_every_file_and_the_manifest(project, manager):
    bundle = built(project, "llamafactory")
    client = client_of(manager)
    for url in ("/api/v1/projects/ward/exports/1/download/", "/p/ward/exports/1/download/"):
        answer = client.get(url)
        archive = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
        assert archive.testzip() is None
        root = "ward-000001-llamafactory/"
        assert set(archive.namelist()) == {root + name for name in downloads.names_of(bundle)}
        assert (
            json.loads(archive.read(root + "manifest.json"))["content_sha256"]
            == bundle.snapshot.content_sha256
        )


@pytest.mark.parametrize(
    "name",
    [
        "../../../secret_key",
        "..%2f..%2fsecret_key",
        "%2e%2e/%2e%2e/secret_key",
        "/etc/passwd",
        "train.jsonl/../train.jsonl",
        ".",
        "nothing.jsonl",
    ],
)
def test_no_other_path_can_be_asked_for(project, manager, name):
    built(project)
    client = client_of(manager)
    for base in ("/api/v1/projects/ward/exports/1/files/", "/p/ward/exports/1/files/"):
        assert client.get(base + name).status_code in (301, 404)


def test_withdrawn_and_foreign_data_sets_are_not_there(project, manager):
    bundle = built(project)
    other = cast.make_project("other")
    stranger = client_of(cast.make_member(other, "manager"))
    assert stranger.get("/p/ward/exports/1/").status_code == 404
    assert stranger.get("/api/v1/projects/ward/exports/1/files/train.jsonl").status_code == 404
    assert stranger.get("/p/other/exports/1/").status_code == 404
    Bundle.objects.filter(pk=bundle.pk).update(withdrawn_at="2026-01-01T00:00Z")
    assert client_of(manager).get("/api/v1/projects/ward/exports/1/download/").status_code == 404


def test_the_page_of_a_withdrawn_data_set_says_so_and_keeps_what_may_stay(project, manager):
    """Its number, counts and manifest, as docs/privacy.md has it; nothing of its files."""
    bundle = built(project)
    shutil.rmtree(snapshots.folder_of(bundle))
    Bundle.objects.filter(pk=bundle.pk).update(withdrawn_at="2026-01-01T00:00Z")
    client = client_of(manager)
    page = client.get("/p/ward/exports/1/")
    text = page.content.decode()
    assert page.status_code == 200 and "Its files are gone" in text and "Data set 1" in text
    assert "train.jsonl" in text and bundle.snapshot.content_sha256 in text
    assert "exports/1/download" not in text and "files/train.jsonl" not in text
    manifest = client.get("/p/ward/exports/1/files/manifest.json")
    assert manifest.json() == bundle.manifest and manifest.json()["counts"]
    for gone in ("/p/ward/exports/1/download/", "/p/ward/exports/1/files/train.jsonl"):
        assert client.get(gone).status_code == 404
    assert 'href="/p/ward/exports/1/"' in client.get("/p/ward/exports/").content.decode()


def test_the_page_of_labels_shows_the_trainers_weights(project, manager):
    bundle = built(project, "trl-kto")
    note = {"code": "kto_weights", "text": "", "desirable": 9, "undesirable": 3}
    note |= {"desirable_weight": 1.0, "undesirable_weight": 2.609}
    Bundle.objects.filter(pk=bundle.pk).update(manifest=bundle.manifest | {"notes": [note]})
    for language in ("en", "zh-hans"):
        client = client_of(manager)
        client.cookies["django_language"] = language
        text = client.get("/p/ward/exports/1/").content.decode()
        assert "desirable_weight = 1.0" in text and "undesirable_weight = 2.609" in text


@pytest.mark.parametrize("role", ["user", "annotator", "reviewer"])
def test_members_who_are_no_managers_may_not(project, role):
    built(project)
    client = client_of(cast.make_member(project, role))
    assert post(client, project, {"format": "jsonl"}).status_code == 403
    for name in ("exports", "api_exports"):
        assert client.get(reverse(name, args=["ward"])).status_code == 403
    for name in ("export", "export_zip", "api_export", "api_export_zip"):
        assert client.get(reverse(name, args=["ward", 1])).status_code == 403
    for name in ("export_file", "api_export_file"):
        assert client.get(reverse(name, args=["ward", 1, "train.jsonl"])).status_code == 403
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"format": "tfrecord"},
        {"format": "jsonl", "pairs": "some"},
        {"format": "jsonl", "split": [1, 2]},
        {"format": "jsonl", "split": [0, 0, 0]},
        {"format": "jsonl", "split": [-1, 1, 1]},
        {"format": "jsonl", "max_pairs": -1},
        {"format": "jsonl", "seed": "x"},
        {"format": "jsonl", "alpha": 0},
        {"format": "jsonl", "typo": 1},
        {"format": "jsonl", "name": "../x"},
        {"format": ["jsonl"]},
        [],
        "jsonl",
    ],
)
def test_bad_requests_are_named_and_start_nothing(project, manager, body):
    answer = post(client_of(manager), project, body)
    assert answer.status_code == 400 and answer.json()["error"]
    assert not Job.objects.exists()


def test_an_export_of_nothing_fails_and_says_what_was_left_out(project, manager):
    client = client_of(manager)
    job = post(client, project, {"format": "trl-sft"}).json()["job"]["id"]
    with pytest.raises(Exception, match="nothing to write"):
        jobs.run_now(Job.objects.get(pk=job))
    failed = client.get(f"/api/v1/jobs/{job}/").json()
    assert (
        failed["state"] == "failed"
        and failed["result"]["error"]["code"] == "no_rows"
        and failed["result"]["left_out"] == {"no_target": 3}
    )
    assert not Snapshot.objects.exists() and not list(workplace.root().glob(".building-*"))
    page = client.get("/p/ward/exports/").content.decode()
    assert "The last export produced no data set." in page


def test_the_page_offers_every_format_with_a_sample_and_starts_a_job(project, manager):
    client = client_of(manager)
    page = client.get("/p/ward/exports/")
    text = page.content.decode()
    for form in FORMATS.values():
        assert f'value="{form.name}"' in text
        assert all(str(escape(sentence)) in text for sentence in form.not_honoured)
    assert text.count('class="export-sample"') >= len(FORMATS)
    fields = {
        "format": "trl-kto",
        "annotators": "each",
        "pairs": "all",
        "split_by": "prompt",
        "margin": "none",
        "correction_beats": "original",
    }
    fields |= {"system": "keep", "sources": "omit", "include_imported": "on"}
    assert client.post("/p/ward/exports/", fields).url == "/p/ward/exports/#exports-made"
    job = Job.objects.get()
    assert job.params["options"]["format"] == "trl-kto" and job.params["options"]["include_imported"] is True
    assert f'data-job="{job.pk}"' in client.get("/p/ward/exports/").content.decode()
    jobs.run_now(job)
    assert 'href="/p/ward/exports/1/download/"' in client.get("/p/ward/exports/").content.decode()
    made = client.get("/p/ward/exports/1/").content.decode()
    assert "train.jsonl" in made and Snapshot.objects.get().content_sha256 in made


def test_a_bad_split_is_said_beside_its_field(project, manager):
    fields = {
        "format": "trl-kto",
        "annotators": "each",
        "pairs": "all",
        "split": "80;20",
        "split_by": "prompt",
        "margin": "none",
    }
    fields |= {"correction_beats": "original", "system": "keep", "sources": "omit"}
    answer = client_of(manager).post("/p/ward/exports/", fields)
    assert answer.status_code == 400 and "Give three shares" in answer.content.decode()
    assert not Job.objects.exists()


def test_left_out_reasons_are_sentences_on_the_page(project, manager):
    x = project.annotators.get(pseudonym="X")
    judged.judge(judged.item(project, ("a", "b")), x, {"ranking": [[0, 1]]})
    built(project)
    page = client_of(manager).get("/p/ward/exports/1/").content.decode()
    assert "The answers were judged equal, or the votes are even." in page


def test_the_page_asks_a_bounded_number_of_queries(project, manager, django_assert_max_num_queries):
    for _ in range(4):
        built(project)
    client = client_of(manager)
    client.get("/p/ward/exports/")
    with django_assert_max_num_queries(12):
        client.get("/p/ward/exports/")


def test_the_documentation_names_every_reason():
    from pathlib import Path

    from training_export.reasons import LEFT_OUT, sentence_of

    text = (Path(__file__).resolve().parents[2] / "docs" / "export.md").read_text()
    for code, (unit, _sentence) in LEFT_OUT.items():
        assert f"| `{code}` | {unit} | {sentence_of(code)} |" in text


def test_the_page_says_in_words_what_a_data_set_was_made_with(project, manager):
    bundle = built(
        project, seed=7, split="80,10,10", include=["thumbs"], sft_top=True, include_imported=False
    )
    made = dict(client_of(manager).get(f"/p/ward/exports/{bundle.snapshot.number}/").context["options"])
    words = {str(label): value for label, value in made.items()}
    assert words["Whose judgement"] == "Everyone's, unless somebody contradicts it"
    assert words["Shares for training, validation and test"] == "80, 10, 10" and words["Seed"] == "7"
    assert words["Words of end users, taken as they are"] == "Thumbs, as good-or-bad labels"
    assert (
        words["Learn from top-ranked answers, too"] == "yes"
        and words["With judgements that came with imported files"] == "no"
    )
    assert "Margin on pairs" not in words and "Source passages" not in words  # as usual
    assert not {"as_of", "alpha", "name", "split_by"} & set(words)


@pytest.mark.parametrize(("kind", "usual"), [("ranking", "trl-preference"), ("qa", "trl-sft")])
def test_the_page_begins_with_what_the_work_makes_and_then_with_the_last(project, manager, kind, usual):
    project.bench.kind = kind
    project.bench.save()

    def chosen():
        return client_of(manager).get("/p/ward/exports/").context["form"]["format"].value()

    assert chosen() == usual
    built(project, "trl-rm")
    assert chosen() == "trl-rm"
