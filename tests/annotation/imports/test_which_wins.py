"""Which answer wins is never guessed: asked for by command, API and page, told in words before anything is
stored, and stored as told."""

import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from annotation.models import AnnotationVersion, Item
from core import jobs
from core.api.auth import new_key
from core.errors import DomainError
from core.models import Job
from corpus.models import Response
from tests import cast

pytestmark = pytest.mark.django_db
GOOD, BAD = "Tea with camomile.", "Black tea."
WINNERS = [("0", GOOD, BAD), ("1", BAD, GOOD), ("2", GOOD, BAD), ("1", BAD, GOOD)]
ROWS = [
    {"prompt": f"Which tea calms? {i}", "response_a": a, "response_b": b, "label": int(label)}
    for i, (label, a, b) in enumerate(WINNERS)
]


@pytest.fixture
def project():
    return cast.make_project()


def body(rows=ROWS) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def winners(project) -> list[str]:
    """The text that each stored judgement puts first, "" for a tie, in the order of the prompts."""
    out = []
    for version in AnnotationVersion.objects.filter(annotation__item__project=project).order_by(
        "annotation__item__prompt_id"
    ):
        slots = {a.slot: a.response.text for a in version.annotation.item.answers.select_related("response")}
        best = version.document["ranking"][0]
        out.append(slots[best[0]] if len(best) == 1 else "")
    return out


RIGHT = [GOOD, GOOD, "", GOOD]


def form_of(page) -> dict:
    html = page.content.decode()
    out = {}
    for name, options in re.findall(r'<select[^>]* name="(\w+)"[^>]*>(.*?)</select>', html, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        out[name] = chosen[1] if chosen else ""
    return out


def test_by_command(project, tmp_path, capsys):
    file = tmp_path / "r012.jsonl"
    file.write_bytes(body())
    with pytest.raises(CommandError) as refused:
        call_command("import_items", project.slug, str(file))
    assert "--map winner=label:0-first (0 = response_a wins, 1 = response_b wins, 2 = tie)\n" in str(
        refused.value
    )
    assert Item.objects.count() == 0
    capsys.readouterr()
    with pytest.raises(SystemExit):
        call_command("import_items", project.slug, str(file), "--json")
    told = json.loads(capsys.readouterr().out)
    assert told["error"]["code"] == "which_wins"
    assert told["asked"] == [
        {
            "columns": {"winner": "label"},
            "scales": ["0-first", "0-tie"],
            "numbers": [0, 1, 2],
            "answers": ["response_a", "response_b"],
            "votes": {},
        }
    ]
    call_command("import_items", project.slug, str(file), "--map", "winner=label:0-first", "--dry-run")
    out = capsys.readouterr().out
    assert "Judgements in the first rows (4): response_a wins: 1, response_b wins: 2, ties: 1" in out
    assert "line 1: response_a wins" in out and "line 2: response_b wins" in out and "line 3: A tie" in out
    call_command(
        "import_items",
        project.slug,
        str(file),
        "--map",
        "winner=label:0-first",
        "--save-mapping",
        "r012",
        "--json",
    )
    report = json.loads(capsys.readouterr().out)
    assert report["annotations"] == 4 and [one["ranking"] for one in report["judged"]["shown"]] == [
        [[1], [2]],
        [[2], [1]],
        [[1, 2]],
        [[2], [1]],
    ]
    assert GOOD not in json.dumps(report)  # reports are kept, texts in them would be, too
    assert winners(project) == RIGHT
    call_command(
        "import_items", (other := cast.make_project()).slug, str(file), "--map", "winner=label:0-tie"
    )
    assert winners(other) == ["", BAD, BAD, BAD]


def client_import(project, **fields) -> dict:
    from django.test import Client

    user = cast.make_member(project, "manager")
    auth = {"HTTP_AUTHORIZATION": f"Bearer {new_key(user=user, project=project, role='manager')[1]}"}
    answer = Client().post(f"/api/v1/projects/{project.slug}/import/", fields, **auth)
    if answer.status_code != 202:
        return answer.json()
    return jobs.run_now(Job.objects.get(pk=answer.json()["job"]["id"])).result


def test_by_api(project):
    def file():
        return SimpleUploadedFile("r.jsonl", body())

    refused = client_import(project, file=file())
    assert (
        refused["error"]["code"] == "which_wins"
        and refused["asked"][0]["scales"] == ["0-first", "0-tie"]
        and not Job.objects.exists()
    )
    assert (
        client_import(project, file=file(), mapping=json.dumps({"winner": "label:2-first"}))["error"]["code"]
        == "mapping"
    )
    report = client_import(project, file=file(), mapping=json.dumps({"winner": "label:0-first"}))
    assert (
        report["judged"]["first"] == 1 and report["judged"]["second"] == 2 and report["judged"]["ties"] == 1
    )
    assert winners(project) == RIGHT


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_by_page(client, project, language):
    client.force_login(cast.make_member(project, "manager"))
    client.cookies["django_language"] = language
    url = client.post(f"/p/{project.slug}/import/", {"file": SimpleUploadedFile("r.jsonl", body())}).url
    page = client.get(url)
    html = page.content.decode()
    tie = {
        "en": "0 = response_a wins, 1 = response_b wins, 2 = tie",
        "zh-hans": "0 = response_a 胜出, 1 = response_b 胜出, 2 = 平局",
    }[language]
    assert (
        page.status_code == 200
        and 'role="alert"' in html
        and tie in html
        and 'value="0-tie"' in html
        and "--map" not in html
    )
    fields = form_of(page)
    assert fields["column_3"] == "winner" and fields["scale_3"] == ""
    # Not told, it does not start; what was chosen otherwise is kept.
    refused = client.post(url, fields | {"column_0": "", "column_1": "answer_a", "action": "start"})
    assert refused.status_code == 400 and form_of(refused)["column_0"] == "" and not Job.objects.exists()
    client.post(url, fields | {"scale_3": "0-first", "save_as": "r012", "action": "look"})
    page = client.get(url)
    html = page.content.decode()
    first, second = {
        "en": ("response_a wins", "response_b wins"),
        "zh-hans": ("response_a 胜出", "response_b 胜出"),
    }[language]
    shown = [
        re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row))
        for row in re.findall(r"<tr>(.*?)</tr>", html[html.index("import-preview") :], re.S)[1:5]
    ]
    assert (
        first in shown[0]
        and second in shown[1]
        and shown[0].index(GOOD) < shown[0].index(BAD)
        and shown[1].index(GOOD) < shown[1].index(BAD)
    )
    assert form_of(page)["scale_3"] == "0-first"
    client.post(url, form_of(page) | {"action": "trial"})
    trial = jobs.run_now(Job.objects.get())
    assert trial.params["mapping"] == {"winner": "label:0-first"} and trial.result["judged"]["ties"] == 1
    assert first in client.get(url).content.decode().split('id="trial"')[1]
    report = client.post(url, form_of(client.get(url)) | {"action": "start"}).url
    jobs.run_now(Job.objects.latest("pk"))
    assert trial.result["judged"]["says"] in client.get(report).content.decode()
    assert winners(project) == RIGHT
    # The next file of this shape is read by the saved mapping.
    saved = project.saved_mappings.get()
    assert saved.mapping == {"winner": "label:0-first"}
    url = client.post(
        f"/p/{project.slug}/import/", {"file": SimpleUploadedFile("r.jsonl", body()), "saved": str(saved.pk)}
    ).url
    assert form_of(client.get(url))["scale_3"] == "0-first"


def test_a_column_may_be_kept_as_a_note_or_be_an_annotators(client, project):
    client.force_login(cast.make_member(project, "manager"))
    url = client.post(f"/p/{project.slug}/import/", {"file": SimpleUploadedFile("r.jsonl", body())}).url
    fields = form_of(client.get(url))
    client.post(url, fields | {"column_3": "", "action": "look"})
    html = client.get(url).content.decode()
    assert (
        'role="alert"' not in html
        and "import-preview" not in html
        and form_of(client.get(url))["column_3"] == ""
    )
    client.post(url, fields | {"column_3": "annotator_label", "scale_3": "0-first", "action": "start"})
    jobs.run_now(Job.objects.latest("pk"))
    assert (
        winners(project) == RIGHT and AnnotationVersion.objects.first().annotation.annotator.name == "label"
    )


def test_scores_of_which_the_smallest_is_the_best_on_the_page(client, project):
    client.force_login(cast.make_member(project, "manager"))
    rows = [{"prompt": f"q{i}", "answer_a": GOOD, "answer_b": BAD, "loss": [1.5, 7]} for i in range(3)]
    url = client.post(f"/p/{project.slug}/import/", {"file": SimpleUploadedFile("r.jsonl", body(rows))}).url
    client.post(url, form_of(client.get(url)) | {"column_3": "scores", "action": "look"})
    page = client.get(url)
    assert ">answer_b wins<" in page.content.decode() and form_of(page)["scale_3"] == ""
    client.post(url, form_of(page) | {"scale_3": "low-best", "action": "look"})
    page = client.get(url)
    assert ">answer_a wins<" in page.content.decode() and ">answer_b wins<" not in page.content.decode()
    client.post(url, form_of(page) | {"action": "start"})
    jobs.run_now(Job.objects.latest("pk"))
    assert winners(project) == [GOOD] * 3 and Response.objects.count() == 6


def test_a_good_or_bad_answer_is_told_too(client, project):
    client.force_login(cast.make_member(project, "manager"))
    rows = [{"prompt": f"q{i}", "completion": "a", "label": i % 2} for i in range(2)]
    url = client.post(f"/p/{project.slug}/import/", {"file": SimpleUploadedFile("r.jsonl", body(rows))}).url
    html = client.get(url).content.decode()
    assert "The answer is good" in html and "The answer is bad" in html and "good: 1, bad: 1" in html


def test_what_turns_up_after_the_pages_rows_is_asked_for_by_the_job(client, project, monkeypatch):
    monkeypatch.setattr("corpus.readers.limits.JUDGED_ROWS", 5)
    rows = [ROWS[1] | {"prompt": f"q{i}", "label": 1 + i % 2} for i in range(80)] + [ROWS[0]]
    client.force_login(cast.make_member(project, "manager"))
    url = client.post(f"/p/{project.slug}/import/", {"file": SimpleUploadedFile("r.jsonl", body(rows))}).url
    client.post(url, form_of(client.get(url)) | {"action": "start"})
    with pytest.raises(DomainError, match="Which answer wins"):
        jobs.run_now(Job.objects.get())
    job = Job.objects.get()
    assert job.state == Job.State.FAILED and "winner=label:0-first" in job.error and Item.objects.count() == 0
