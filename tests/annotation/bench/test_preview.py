"""What is written and corrected is shown as it will be read."""

import pytest
from django.test import Client

from annotation.bench import preview
from annotation.document import MAX_TEXT
from tests.annotation.bench.bench_items import demonstration_project, open_bench, press, ranking_project
from tests.cast import make_member, make_project

URL = "/p/write/bench/preview/"


@pytest.fixture
def client(db):
    _project, expert = demonstration_project()
    client = Client()
    client.force_login(expert)
    return client


def test_it_is_rendered_and_sanitised_like_every_text(client):
    table = "| a | b |\n|---|---|\n| 1 | 2 |"
    text = f"**重要**\r\n\r\n{table}\n\n$x^2$ <script>alert(1)</script> [x](javascript:alert(1))"
    made = client.post(URL, {"text": text}).json()
    assert "<strong>重要</strong>" in made["html"]
    assert "<table>" in made["html"]
    assert "<math" in made["html"]
    assert "<script" not in made["html"]
    assert "href" not in made["html"]
    assert client.post(URL, {"text": "应当改用口服抗凝药。"}).json()["language"] == "zh"


def test_it_has_limits(client, monkeypatch):
    assert client.post(URL, {"text": "x" * (MAX_TEXT + 1)}).status_code == 413
    assert client.post(URL, {}).json()["html"] == ""
    monkeypatch.setattr(preview, "PER_MINUTE", 1)
    answer = client.post(URL, {"text": "x"})
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "too_many"


def test_only_who_writes_in_the_project_asks(client):
    project = make_project("other")
    reader = Client()
    reader.force_login(make_member(project, "user"))
    assert reader.post("/p/other/bench/preview/", {"text": "x"}).status_code == 403
    assert client.post("/p/other/bench/preview/", {"text": "x"}).status_code in (403, 404)
    assert Client(enforce_csrf_checks=True).post(URL, {"text": "x"}).status_code in (302, 401, 403)


@pytest.mark.browser
def test_what_is_written_and_corrected_is_seen_as_it_will_be_read(live_site, open_page):
    project, expert = demonstration_project()
    page = open_bench(open_page, expert, project)
    page.keyboard.insert_text("**不够**：\n\n| 药 | 剂量 |\n|---|---|\n| 达比加群 | 110 mg |")
    page.locator(".preview strong", has_text="不够").wait_for()
    assert page.locator(".preview td", has_text="110 mg").is_visible()
    press(page, "Alt+p")
    assert not page.locator(".preview").is_visible()
    assert page.evaluate("document.activeElement.id") == "demonstration"
    page.keyboard.insert_text("\n\n# 末尾")
    press(page, "Alt+p")
    page.locator(".preview h4", has_text="末尾").wait_for()

    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    page.click("answer-card[data-letter=A] button:text('Correct')")
    assert not page.locator(".preview").is_visible()  # a correction shows its difference, and this when asked
    page.keyboard.insert_text("**新** ")
    press(page, "Alt+p")
    page.locator("answer-card[data-letter=A] .preview strong", has_text="新").wait_for()
    assert page.get_by_role("button", name="Preview").first.get_attribute("aria-pressed") == "true"
