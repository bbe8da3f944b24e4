"""The import pages: upload, look and correct, trial, start, report. For managers."""

import csv
import io
import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from annotation.imports import forms as imports_forms
from annotation.imports import jobs as import_jobs
from annotation.imports import uploads
from annotation.models import Annotation, BenchSettings, Item, Outcome, SavedMapping
from annotation.results import digest
from core import jobs
from core.models import Job, Role, User
from corpus.models import Response
from corpus.readers.shapes import SHAPES
from tests import cast

pytestmark = pytest.mark.django_db
NASTY = "</script><img src=x onerror=alert(1)>"


def upload(client, project, body: bytes, name="rows.jsonl", **fields):
    return client.post(f"/p/{project.slug}/import/", {"file": SimpleUploadedFile(name, body), **fields})


def jsonl(*rows) -> bytes:
    return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows).encode()


PAIRS = jsonl(
    {"frage": "q" + NASTY, "chosen": "a", "rejected": "b"}, {"frage": "q2", "chosen": "a", "rejected": "a"}
)


def form_of(page) -> dict:
    """What the browser would send back: the selected option of every select, the value of every input."""
    html = page.content.decode()
    form = html[html.index('<form class="stack"') : html.index('value="discard"')]
    out = dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', form))
    for name, options in re.findall(r'<select[^>]* name="(\w+)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        out[name] = chosen[1] if chosen else ""
    return out


def test_from_upload_to_report(client, project, manager):
    page = client.get(f"/p/{project.slug}/import/")
    assert page.status_code == 200 and b"Nothing has been imported yet" in page.content
    sent = upload(client, project, PAIRS)
    assert sent.status_code == 302
    page = client.get(sent.url)
    html = page.content.decode()
    assert "preference" in html and "utf-8" in html and NASTY not in html and "&lt;/script&gt;" in html
    fields = form_of(page)
    assert fields["column_1"] == "chosen" and fields["column_2"] == "rejected" and fields["column_0"] == ""
    # The question's column is not known by its name: say so, and have it counted.
    answer = client.post(
        sent.url, fields | {"column_0": "prompt", "save_as": "german", "action": "trial"}, follow=True
    )
    assert SavedMapping.objects.get().mapping == {"prompt": "frage"}
    trial = Job.objects.get()
    assert trial.params["dry_run"] and answer.redirect_chain
    jobs.run_now(trial)
    page = client.get(sent.url)
    assert form_of(page)["column_0"] == "prompt" and Item.objects.count() == 0
    assert re.search(r"Refused</dt><dd class=\"value\">1<", page.content.decode())
    assert "Would be imported" in page.content.decode() and "Records imported" not in page.content.decode()
    assert f'formaction="{sent.url}#trial"' in page.content.decode()
    started = client.post(sent.url, form_of(page) | {"action": "start"})
    job = Job.objects.latest("pk")
    assert started.url == f"/p/{project.slug}/import/jobs/{job.pk}/"
    assert f'data-job="{job.pk}"' in client.get(started.url).content.decode()
    jobs.run_now(job)
    report = client.get(started.url).content.decode()
    assert (
        "Records imported" in report
        and "same text" in report
        and "refused.csv" in report
        and Item.objects.count() == 1
    )
    assert job.params["mapping"] == {"prompt": "frage"}
    overview = client.get(f"/p/{project.slug}/import/").content.decode()
    assert "rows.jsonl" in overview and "german" in overview
    assert client.get(sent.url).url == f"/p/{project.slug}/import/"  # the staged upload went with the start


def test_a_saved_mapping_is_applied_to_the_next_file(client, project, manager):
    saved = SavedMapping.objects.create(project=project, name="german", mapping={"prompt": "frage"})
    sent = upload(client, project, PAIRS, saved=str(saved.pk))
    assert form_of(client.get(sent.url))["column_0"] == "prompt"
    # On a file without that column the page says so and shows the file as it is.
    sent = upload(
        client,
        project,
        jsonl(
            {"prompt": "q", "chosen": "a", "rejected": "b"}, {"prompt": "r", "chosen": "a", "rejected": "b"}
        ),
        saved=str(saved.pk),
    )
    page = client.get(sent.url)
    assert (
        page.status_code == 200
        and b'role="alert"' in page.content
        and b"frage" in page.content
        and form_of(page)["column_0"] == "prompt"
    )


def test_a_column_can_be_switched_off_and_two_cannot_be_the_same(client, project, manager):
    sent = upload(
        client, project, jsonl(*[{"prompt": f"q{i}", "output": "a", "system": "ignore me"} for i in range(2)])
    )
    fields = form_of(client.get(sent.url))
    assert [fields[f"column_{i}"] for i in range(3)] == ["prompt", "answer", "system"]
    twice = client.post(sent.url, fields | {"column_2": "answer", "action": "start"})
    assert twice.status_code == 400 and Job.objects.count() == 0
    client.post(sent.url, fields | {"column_2": "", "model": "m1", "action": "start"})
    jobs.run_now(Job.objects.get())
    response = Response.objects.first()
    assert response.prompt.messages == [{"role": "user", "content": "q0"}] and response.prompt.metadata == {
        "system": "ignore me"
    }
    assert response.model_version.name == "m1"


def test_columns_that_nobody_knows_can_be_named(client, project, manager):
    sent = upload(client, project, jsonl({"frage": "q", "gut": "a"}, {"frage": "r", "gut": "b"}))
    page = client.get(sent.url)
    assert (
        page.status_code == 200
        and b'role="alert"' in page.content
        and b"frage" in page.content
        and b"over each column" in page.content
    )
    fields = form_of(page)
    assert client.post(sent.url, fields | {"action": "start"}).status_code == 400 and Job.objects.count() == 0
    client.post(sent.url, fields | {"column_0": "prompt", "column_1": "answer", "action": "start"})
    assert jobs.run_now(Job.objects.get()).result["imported"] == 2


def test_what_is_refused_is_said_in_the_language_of_who_asked(client, project, manager):
    """Also where the language is the browser's, not one the person has chosen."""
    client.cookies["django_language"] = "zh-hans"
    sent = upload(
        client,
        project,
        jsonl({"prompt": "q", "output": "a"})
        + b'{"prompt": "q2", "output": }\n{"prompt": "", "output": "b"}\n',
    )
    client.post(sent.url, form_of(client.get(sent.url)) | {"action": "start"})
    reasons = [error["reason"] for error in jobs.run_now(Job.objects.get()).result["errors"]]
    assert (
        len(reasons) == 2
        and "缺少值" in reasons[0]
        and not any("prompt is empty" in reason or "Expecting" in reason for reason in reasons)
    )


def test_every_shape_has_a_name():
    assert imports_forms.shapes().keys() == SHAPES.keys()


def test_every_meaning_on_offer_is_one_the_readers_know():
    from annotation.imports.columns import groups
    from corpus.readers.fields import check_given

    for recognised in ({}, {"answer_a": "first", "answer_b": "second"}):
        offered = [ours for _group, fields in groups(recognised) for ours in fields]
        assert len(offered) == len(set(offered))
        check_given(dict.fromkeys(offered, "column"), ["column"])


def test_models_scores_and_ranks_of_ten_answers_can_be_chosen(client, project, manager):
    header = ["frage", *(f"{stem}{n}" for n in range(1, 11) for stem in ("antwort", "von", "note"))]
    rows = [
        [f"q{row}", *(str(cell) for n in range(1, 11) for cell in (f"a{row}.{n}", f"m{n}", 11 - n))]
        for row in range(2)
    ]
    body = "\n".join(",".join(line) for line in [header, *rows]).encode()
    sent = upload(client, project, body, name="wide.csv")
    fields = form_of(client.get(sent.url)) | {"column_0": "prompt"}
    for n in range(10):
        chosen = zip((1, 2, 3), ("answer", "model", "score"), strict=True)
        fields |= {f"column_{3 * n + place}": f"{ours}_{n + 1}" for place, ours in chosen}
    assert client.post(sent.url, fields | {"action": "look"}).status_code == 302
    page = client.get(sent.url)
    assert form_of(page).items() >= {k: v for k, v in fields.items() if k.startswith("column_")}.items()
    client.post(sent.url, form_of(page) | {"action": "start"})
    report = jobs.run_now(Job.objects.exclude(params__dry_run=True).get()).result
    assert (report["imported"], report["annotations"]) == (2, 2)
    assert Response.objects.filter(model_version__name="m10", text="a1.10").exists()
    head = Annotation.objects.first().head.document
    assert head["ranking"][0] == [0] and head["ranking"][-1] == [9]


def test_recognised_columns_are_called_in_words(client, project, manager):
    body = jsonl(
        {"prompt": "q", "answer_a": "x", "answer_b": "y", "model_a": "m", "finish_reason_b": "length"}
    )
    html = client.get(upload(client, project, body).url).content.decode()
    chosen = re.findall(r"<option value=\"(\w+)\" selected>([^<]*)<", html)
    assert (
        dict(chosen).items()
        >= {
            "answer_a": "Answer A",
            "model_a": "Model of answer A",
            "finish_reason_b": "How answer B ended",
        }.items()
    )


def test_choices_stay_when_one_of_them_is_refused(client, project, manager):
    body = b"eins,zwei,drei,vier,fuenf\nq,a,m,n,b\n"
    sent = upload(client, project, body, name="own.csv")
    fields = form_of(client.get(sent.url)) | {"model": "mine", "save_as": "own"}
    fields |= dict(
        zip(
            [f"column_{i}" for i in range(5)],
            ["prompt", "answer_1", "model", "model", "answer_2"],
            strict=True,
        )
    )
    page = client.post(sent.url, fields | {"action": "look"})
    assert page.status_code == 400 and "Two columns are given as “Model”" in page.content.decode()
    assert form_of(page).items() >= {k: v for k, v in fields.items() if k != "csrfmiddlewaretoken"}.items()


@pytest.mark.parametrize("kind", ["ranking", "qa", "demonstration"])
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_template_comes_in_whole(client, manager, project, kind, language, settings):
    BenchSettings.objects.filter(project=project).update(kind=kind)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    User.objects.filter(pk=manager.pk).update(language=language)
    page = client.get(f"/p/{project.slug}/import/template.csv")
    body = b"".join(page.streaming_content)
    sent = upload(client, project, body, name="template.csv")
    client.post(sent.url, form_of(client.get(sent.url)) | {"action": "start"})
    report = jobs.run_now(Job.objects.get()).result
    assert report["imported"] == 2 and not report["refused"] and not report.get("notes"), report
    item = Item.objects.order_by("pk").first()
    assert item.kind == kind and item.slot_count == {"ranking": 3, "qa": 1, "demonstration": 0}[kind]


def test_another_encoding_and_delimiter_can_be_given(client, project, manager):
    body = "prompt;output\n你好;再见\n早;安\n".encode("gbk")
    sent = upload(client, project, body, name="t.csv")
    fields = form_of(client.get(sent.url))
    client.post(sent.url, fields | {"encoding": "gb18030", "delimiter": ";", "action": "look"})
    page = client.get(sent.url)
    assert "你好" in page.content.decode() and form_of(page)["encoding"] == "gb18030"
    bad = client.post(sent.url, fields | {"encoding": "no-such", "action": "start"})
    assert bad.status_code == 400 and Job.objects.count() == 0


@pytest.mark.parametrize(
    "body",
    [b"", b"\x00\x01\x02" * 1000, b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 3\n"],
)
def test_a_file_that_is_none_is_refused_on_the_first_page(client, project, manager, body):
    before = set(uploads.root().glob("*/upload"))
    answer = upload(client, project, body)
    assert answer.status_code == 400 and b"The file was not accepted" in answer.content
    assert set(uploads.root().glob("*/upload")) == before


def test_a_body_over_the_limit_is_refused(client, project, manager, settings):
    settings.IMPORT_MAX_BYTES = 10
    answer = upload(client, project, b"x" * 200_000)
    assert answer.status_code == 413 and b"larger than" in answer.content


def test_the_report_as_csv_runs_no_formula(client, project, manager, tmp_path):
    path = tmp_path / "f.jsonl"
    path.write_bytes(
        jsonl({"prompt": "q", "output": "x", "=cmd|' /C calc'!A0": "\x00"}, {"prompt": "q", "output": "y"})
    )
    job = import_jobs.start(path, project=project, actor=manager, name="f", options=uploads.Options())
    jobs.run_now(job)
    answer = client.get(f"/p/{project.slug}/import/jobs/{job.pk}/refused.csv")
    body = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(body)))
    assert rows[0] == ["line", "field", "code", "reason"] and rows[1][:3] == [
        "1",
        "'=cmd|' /C calc'!A0",
        "nul",
    ]
    raw = b"".join(client.get(f"/p/{project.slug}/import/jobs/{job.pk}/refused.jsonl").streaming_content)
    assert json.loads(raw)["field"] == "=cmd|' /C calc'!A0"


def test_who_may_open_the_pages(client, project, manager, tmp_path):
    sent = upload(client, project, PAIRS)
    path = tmp_path / "f.jsonl"
    path.write_bytes(PAIRS)
    job = import_jobs.start(path, project=project, actor=manager, name="f", options=uploads.Options())
    names = [
        "import",
        ("import_report", job.pk),
        ("import_report_csv", job.pk),
        ("import_report_jsonl", job.pk),
    ]
    urls = [
        sent.url,
        *(
            reverse(n, args=[project.slug])
            if isinstance(n, str)
            else reverse(n[0], args=[project.slug, n[1]])
            for n in names
        ),
    ]
    other = cast.make_project()
    for role, status in [(Role.USER, 403), (Role.ANNOTATOR, 403), (Role.REVIEWER, 403)]:
        client.force_login(cast.make_member(project, role))
        assert {client.get(url).status_code for url in urls} == {status}
        assert upload(client, project, PAIRS).status_code == status
    client.force_login(cast.make_member(other, "manager"))
    assert {client.get(url).status_code for url in urls} == {404}
    assert client.get(f"/p/{other.slug}/import/jobs/{job.pk}/").status_code == 404
    # Another manager's staged upload is not theirs to see.
    client.force_login(cast.make_member(project, "manager"))
    assert client.get(sent.url).url == f"/p/{project.slug}/import/"
    client.logout()
    assert {client.get(url).status_code for url in urls} == {302}
    assert upload(client, project, PAIRS).url.startswith("/login/")


def test_the_upload_needs_its_csrf_token(project, manager):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(manager)
    assert upload(strict, project, PAIRS).status_code == 403
    strict.get(f"/p/{project.slug}/import/")
    token = strict.cookies["csrftoken"].value
    assert upload(strict, project, PAIRS, csrfmiddlewaretoken=token).status_code == 302


@pytest.mark.parametrize("token", ["../../../etc", "x" * 32, "%00" * 8])
def test_a_token_that_is_none_leads_back(client, project, manager, token):
    answer = client.get(f"/p/{project.slug}/import/{token}/")
    assert answer.status_code in (302, 404)


def test_items_that_wait_for_a_second_answer_are_told_with_what_to_do(client, project, manager):
    rows = [{"prompt": f"q{n}", "response": f"a{n}"} for n in range(3)] + [
        {"prompt": "q0", "response": "another"}
    ]
    sent = upload(client, project, jsonl(*rows))
    client.post(sent.url, form_of(client.get(sent.url)) | {"action": "trial"})
    jobs.run_now(Job.objects.get())
    trial = client.get(sent.url).content.decode()
    assert (
        "2 items would wait for a second answer" in trial
        and "QA check" in trial
        and "?state=waiting" not in trial
    )
    report = client.post(sent.url, form_of(client.get(sent.url)) | {"action": "start"}).url
    jobs.run_now(Job.objects.order_by("pk").last())
    html = client.get(report).content.decode()
    assert (
        "2 items wait for a second answer" in html
        and f'href="/p/{project.slug}/items/?state=waiting"' in html
    )
    assert Item.objects.filter(state="waiting").count() == 2
    second = upload(
        client, project, jsonl({"prompt": "q1", "response": "b"}, {"prompt": "q2", "response": "b"})
    )
    report = client.post(second.url, form_of(client.get(second.url)) | {"action": "start"}).url
    jobs.run_now(Job.objects.order_by("pk").last())
    assert (
        "second answer" not in client.get(report).content.decode()
        and not Item.objects.filter(state="waiting").exists()
    )


def test_the_models_of_columns_of_answers_are_named_on_the_page(client, project):
    """Headers like 模型A回答 do not say who A is; without a name the results compare nothing."""
    client.force_login(cast.make_member(project, "manager"))
    rows = "问题,模型A回答,模型B回答,谁更好\n发烧怎么办,多喝水,看医生,B更好\n咳嗽怎么办,吃药,休息,A\n"
    url = upload(client, project, rows.encode("gb18030"), "批次.csv").url
    page = client.get(url)
    assert [one["place"] for one in page.context["models"]] == ["model_of_a", "model_of_b"]
    assert 'name="model"' not in page.content.decode()
    form = {one["place"]: one["taken"] for one in page.context["columns"]}
    assert form["column_3"] == "winner"
    form |= {"model_of_a": " qwen-7b ", "model_of_b": "qwen-72b"}
    client.post(url, form | {"action": "look"})
    assert [one["value"] for one in client.get(url).context["models"]] == ["qwen-7b", "qwen-72b"]
    assert client.post(url, form | {"model_of_a": "a\0b", "action": "start"}).status_code == 400
    started = client.post(url, form | {"action": "start"})
    jobs.run_now(Job.objects.get(pk=started.url.rstrip("/").rsplit("/", 1)[1]))
    named = Response.objects.filter(prompt__project=project).values_list("text", "model_version__name")
    assert dict(named) == {"多喝水": "qwen-7b", "吃药": "qwen-7b", "看医生": "qwen-72b", "休息": "qwen-72b"}
    digest.catch_up(project)
    assert Outcome.objects.filter(project=project).count() == 2


def test_no_model_is_asked_for_where_a_column_names_it(client, project):
    client.force_login(cast.make_member(project, "manager"))
    rows = jsonl({"prompt": "q", "answer_a": "x", "answer_b": "y", "model_a": "m", "model_b": "n"})
    assert client.get(upload(client, project, rows).url).context["models"] == []
    rows = jsonl({"prompt": "q", "answer": "x"})
    page = client.get(upload(client, project, rows).url)
    assert page.context["models"] == [] and 'name="model"' in page.content.decode()
