"""Every number that leads to items leads to exactly those it counts: on overview, agreement, work statement
and the report of an import."""

import re
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from annotation.imports import jobs as import_jobs
from annotation.imports import uploads
from annotation.models import Item, ItemTag
from annotation.work import queue, submit
from core import jobs
from tests.cast import make_item, make_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def worked(cast):
    """Items judged by bob and carol, who agree on some and contradict each other on others; one skipped, one
    reported, one waiting, one taken back and sent again."""
    cast.project.bench.overlap = 2
    cast.project.bench.save()
    for n in range(8):
        item = make_item(cast.project, overlap=2)
        ItemTag.objects.create(item=item, name="heart" if n % 2 else "kidney")
    make_item(cast.project, ["one"], overlap=2)
    for who, flip in ((cast.bob, False), (cast.carol, True)):
        for n in range(8):
            held = queue.claim(project=cast.project, user=who)
            if who == cast.bob and n == 7:
                queue.skip(user=who, pk=held.pk, reason="unclear")
                continue
            slots = [0, 1, 2] if not (flip and n < 3) else [2, 1, 0]
            letters = ["ABC"[held.order.index(slot)] for slot in slots]
            given: dict = {"ranking": [[letter] for letter in letters]}
            if n % 3 == 0:
                given["corrections"] = [{"target": "response", "answer": letters[0], "text": "better"}]
            submit.submit(user=who, pk=held.pk, given=given, client_key=f"{who}-{n}")
            if n == 4:
                submit.undo(user=who, pk=held.pk)
                submit.submit(user=who, pk=held.pk, given=given, client_key=f"{who}-{n}-again")
    queue.report(user=cast.bob, item=Item.objects.filter(kind="ranking").first())
    return cast


def get(cast, path: str):
    client = Client()
    client.force_login(cast.alice)
    response = client.get(path)
    assert response.status_code == 200, path
    return response


def listed(cast, href: str) -> tuple[int, int | None]:
    """(items, judgements or comparisons if these are counted) of a list, over all of its pages."""
    response = get(cast, unescape(href))
    rows = response.context["rows"]
    assert response.context["next"] is None
    assert response.context["count"] == len(rows)
    counted = response.context["counted"]
    assert counted is None or counted == sum(row.counted for row in rows)
    return len(rows), counted


def anchors(html: str) -> list[tuple[str, str]]:
    """[(address, text without tags)] of all that leads to lists of items."""
    main = html.split("<main", 1)[1] if "<main" in html else html
    found = re.findall(r'<a href="([^"]*/items/\?[^"]*)"[^>]*>(.*?)</a>', main, re.S)
    return [(href, re.sub(r"<[^>]*>", " ", inner).strip()) for href, inner in found]


def numbers(text: str) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", text)]


def test_the_overview(worked):
    html = get(worked, "/p/ward/").content.decode()
    found = anchors(html)
    charts = re.findall(r'<a href="([^"]*did=submitted[^"]*)" aria-label="[^"]*: (\d+)"', html)
    assert len(charts) >= 3  # all together, bob, carol
    for href, n in charts:
        assert listed(worked, href)[1] == int(n), href
    plain = [(href, text) for href, text in found if "did=" not in href]
    assert len(plain) >= 5
    for href, text in plain:
        assert listed(worked, href)[0] == numbers(text)[0], (href, text)


def test_agreement(worked):
    found = anchors(get(worked, "/p/ward/agreement/").content.decode())
    assert len(found) >= 2
    context = get(worked, "/p/ward/agreement/").context
    for (name, _mean, n, url), _one in zip(context["tags"], found, strict=False):
        assert listed(worked, url)[0] == n, name
    assert listed(worked, context["to_items"])[0] == context["agreement"]["items"]


def test_the_work_statement(worked):
    response = get(worked, "/p/ward/work/")
    rows = response.context["rows"]
    assert {row["username"] for row in rows} == {"bob", "carol"}
    for row in rows:
        assert listed(worked, row["to"]["submitted"]) == (row["submitted"], row["submitted"])
        assert listed(worked, row["to"]["skipped"])[0] == row["skipped"]
        assert listed(worked, row["to"]["corrections"])[0] == row["corrections"]  # one each, as made above
    html = response.content.decode()
    sums = {name: sum(row[name] for row in rows) for name in rows[0]["to"]}
    assert len(anchors(html)) == sum(bool(one[name]) for one in (*rows, sums) for name in sums)
    assert listed(worked, response.context["to"]["submitted"])[1] == sums["submitted"]


def test_a_day_without_work_lists_nothing(worked):
    assert listed(worked, "/p/ward/items/?did=submitted&start=2001-01-01&end=2001-01-02")[0] == 0


def test_the_report_of_an_import(worked):
    make_item(worked.project)  # there before, and not of this import
    lines = b"".join(b'{"prompt": "question %d", "responses": ["a", "b"]}\n' % n for n in range(3))
    upload = uploads.stage(SimpleUploadedFile("a.jsonl", lines), project=worked.project, user=worked.alice)
    job = import_jobs.start(
        upload.path, project=worked.project, actor=worked.alice, name="a.jsonl", options=uploads.Options()
    )
    jobs.run_now(job)
    html = get(worked, f"/p/ward/import/jobs/{job.pk}/").content.decode()
    href, text = next(one for one in anchors(html) if "batch=" in one[0])
    assert listed(worked, href)[0] == int(text) == 3


def test_an_annotator_is_given_no_list_that_is_closed_to_them(worked):
    client = Client()
    client.force_login(worked.bob)
    assert "/items/" not in client.get("/p/ward/work/").content.decode().split("<main")[1]


def test_another_projects_import_lists_nothing(worked):
    make_project("elsewhere")
    assert listed(worked, "/p/ward/items/?batch=999999")[0] == 0
