"""Every page in real Chromium: usable on a phone, in both themes and languages, accessible, small, quick, and
quiet (no error, no CSP report)."""

import shutil
from pathlib import Path

import axe_playwright_python
import pytest
from django.conf import settings
from django.urls import reverse

from annotation.work import queue, review, submit
from config import preparing
from tests import processes
from tests.cast import make_item, make_prompt
from tests.core.pages.test_role_matrix import MATRIX, house, patterns, url_of  # noqa: F401 - house is a fixture

pytestmark = pytest.mark.browser
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
# Not pages: downloads, fragments that htmx puts into a page, and the API (its documentation page is Swagger
# UI's own).
NO_PAGE = {
    "bench_guidelines",
    "import_template",
    "import_report_csv",
    "import_report_jsonl",
    "project_agreement",
    "export_zip",
    "export_file",
    "chat_data",
    "widget",
}
NOT_OURS = {"api_docs"}  # Swagger UI's own markup
LOOKS = [("en", False, False), ("zh", True, True), ("zh", False, True), ("en", True, False)]


def pages():
    no_page = ("api_", "chat_api_", "proxy_")
    return [
        n
        for n, _params in patterns()
        if MATRIX[n][0] == "GET" and not n.startswith(no_page) and n not in NO_PAGE | {"schema", "password"}
    ]


@pytest.fixture
def full_house(house):  # noqa: F811
    """The role matrix' project, with a conversation, Chinese, tables, code and formulas on its items, and
    something in every list."""
    project, people, _ids, _given = house
    messages = [
        {"role": "system", "content": "You are careful."},
        {"role": "user", "content": "eGFR 怎么算？"},
        {"role": "assistant", "content": "| 指标 | 值 |\n|---|---|\n| eGFR | 28 |"},
        {
            "role": "user",
            "content": "Is $e^{i\\pi}$ real?\n\n```python\nprint('a' * 300)\n```\n" + "长" * 300,
        },
    ]
    sources = [{"title": "指南", "text": "二甲双胍禁用于 eGFR < 30。其他情况应减量。", "url": ""}]
    answers = ["**对**。" + "这是一个很长的回答，" * 60, "No: `x`", "https://example.org/" + "a" * 200]
    make_item(
        project, answers=answers, prompt=make_prompt(project, messages=messages, sources=sources), position=0
    )
    second = make_item(project, position=1)
    queue.report(user=people["annotator"], item=second)
    for who in ("annotator", "reviewer"):
        a = queue.claim(project=project, user=people[who])
        done = submit.submit(
            user=people[who],
            pk=a.pk,
            given={
                "ranking": [["A"], ["B"]],
                "acceptable": 1,
                "comment": "见附注",
                "corrections": [{"target": "response", "answer": "B", "text": "改正 5 mg"}],
            },
            client_key="k",
        )
        if who == "annotator":
            review.return_(annotation=done.annotation, reviewer=people["manager"], comment="再看看 B")
    long = ["这是一个很长的回答，" * 60, "**No**: `x`", "https://example.org/" + "a" * 200]
    make_item(
        project,
        answers=long,
        prompt=make_prompt(project, messages=[*messages[:-1], {"role": "user", "content": "Again?"}]),
        position=2,
    )
    queue.claim(project=project, user=people["annotator"])
    return house


def person_for(name, people):
    who = MATRIX[name][1].split()
    if name in ("bench", "mine", "chat", "chat_conversation"):
        return people["annotator"]
    return (
        None
        if name in ("login", "invite", "chat_join")
        else people["manager"]
        if who[-1] == "Y"
        else people["annotator"]
    )


def settled(page, name):
    """Wait until the page shows what it will show."""
    if name == "bench":
        page.get_by_text("这是一个很长的回答").first.wait_for(state="attached", timeout=30_000)
    page.evaluate("document.fonts.ready.then(() => new Promise(requestAnimationFrame)).then(() => true)")


@pytest.mark.parametrize(("language", "phone", "dark"), LOOKS)
def test_every_page(full_house, live_site, open_page, language, phone, dark):
    wrong = []
    people = full_house[1]
    opened = {}
    for name in pages():
        person = person_for(name, people)
        if person not in opened:
            opened[person] = open_page(person, language=language, phone=phone, dark=dark)
        page = opened[person]
        page.goto(url_of(name, dict(patterns())[name], full_house))
        settled(page, name)
        width, wide = page.evaluate(
            "[document.documentElement.clientWidth, document.documentElement.scrollWidth]"
        )
        if wide > width:
            wrong.append(f"{name}: scrolls sideways, {wide} px on {width}")
        if not page.evaluate("document.documentElement.lang").startswith(language):
            wrong.append(f"{name}: lang is {page.evaluate('document.documentElement.lang')}")
        page.evaluate(AXE)
        for v in page.evaluate("axe.run(document)")["violations"]:
            if name not in NOT_OURS:
                wrong.append(
                    f"{name}: {v['id']} ({v['impact']}): {v['nodes'][0]['html'][:160]} "
                    f"{v['nodes'][0].get('failureSummary', '')[:200]}"
                )
    assert wrong == [], "\n".join(wrong)


# Milliseconds; told a moment after the load event, so it is waited for.
FIRST_PAINT = """new Promise((done) => new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (entry.name === "first-contentful-paint") done(entry.startTime);
}).observe({ type: "paint", buffered: true }))"""


@pytest.fixture
def served(live_site, tmp_path):
    """The site as `serve` starts it: static files compressed, under an address that changes with their
    content."""
    preparing.collect_static(lambda *_words: None)
    with processes.web(log=tmp_path / "web.log") as (_process, url):
        yield url
    shutil.rmtree(settings.STATIC_ROOT)


def test_every_page_is_small_and_paints_soon(full_house, served, open_page):
    wrong = []
    for name in pages():
        page = open_page(person_for(name, full_house[1]))
        cdp = page.context.new_cdp_session(page)
        cdp.send("Network.enable")
        sizes = []
        cdp.on("Network.loadingFinished", lambda event, sizes=sizes: sizes.append(event["encodedDataLength"]))
        url = served + url_of(name, dict(patterns())[name], full_house)
        page.goto(url)
        settled(page, name)
        if name not in ("api_docs",) and sum(sizes) > 150_000:
            wrong.append(f"{name}: {sum(sizes) // 1000} kB")
        page.goto(url)  # warm
        paint = page.evaluate(FIRST_PAINT)
        # the promise is one second on an idle machine; this only guards against losing it by a wide margin
        if paint > 3000:
            wrong.append(f"{name}: first paint after {paint:.0f} ms")
        page.close()
    assert wrong == [], "\n".join(wrong)


def test_focus_is_visible_on_every_control(full_house, live_site, open_page):
    """Tab through the busiest pages: every stop shows an outline or a ring."""
    wrong = []
    for name, person in (
        ("login", None),
        ("home", "manager"),
        ("bench", "annotator"),
        ("project", "manager"),
        ("review_item", "reviewer"),
    ):
        page = open_page(person and full_house[1][person])
        page.goto(url_of(name, dict(patterns())[name], full_house))
        settled(page, name)
        for _stop in range(25):
            page.keyboard.press("Tab")
            seen = page.evaluate(
                """() => { const e = document.activeElement; if (!e || e === document.body) return null; const s = getComputedStyle(e);
                return [e.outerHTML.slice(0, 120), s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1 || s.boxShadow !== 'none']; }"""  # noqa: E501
            )
            if seen and not seen[1]:
                wrong.append(f"{name}: {seen[0]}")
    assert wrong == [], "\n".join(wrong)


def test_what_is_not_there_is_said_plainly(live_site, open_page):
    page = open_page()
    page.expect_errors("404")
    assert page.goto("/no/such/page/").status == 404
    assert page.locator("h1").count() == 1 and page.locator("a[href='/']").count() >= 1
    assert reverse("home") == "/"
