"""Cut answers, and turns that had a picture, as experts and reviewers see them: in both languages, without a
word on who answered."""

import pytest
from playwright.sync_api import expect

from annotation.models import Item
from corpus.models import Response
from tests.annotation.bench.bench_items import open_bench
from tests.cast import make_item, make_member, make_project, make_prompt

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PICTURE = {"en": "A picture belongs to this turn", "zh": "这一轮附有一张图片"}
CUT = {
    "en": "This answer was cut off here: it had reached its maximum length.",
    "zh": "这个回答达到最大长度，在此截断。",
}
MESSAGES = [
    {"role": "user", "content": "Is this rash dangerous?", "missing": [{"kind": "image", "digest": "abc"}]},
    {"role": "assistant", "content": "These look like harmless heat spots."},
    {
        "role": "user",
        "content": "And this one, a day later?",
        "missing": [{"kind": "image", "digest": "abd"}, {"kind": "image", "digest": "abe"}],
    },
]
ANSWERS = [
    "It has spread along one side. That pattern is typical of shingles, and treatment within 72 hours",
    "Nothing to worry about.",
]


def lacking(kind):
    """(project, its expert, the item)."""
    project = make_project(f"skin-{kind}", kind=kind)
    item = make_item(
        project,
        ANSWERS[: 2 if kind == "ranking" else 1],
        prompt=make_prompt(project, messages=MESSAGES, language="en"),
    )
    Response.objects.filter(text=ANSWERS[0]).update(cut="length")
    return project, make_member(project, "annotator"), item


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", ["ranking", "qa"])
def test_the_bench_says_what_is_missing_where_it_stood(open_page, kind, language):
    project, expert, _item = lacking(kind)
    page = open_bench(open_page, expert, project, language=language)
    expect(page.locator(".lacking", has_text=PICTURE[language])).to_have_count(2)
    expect(page.locator(".lacking", has_text=CUT[language])).to_have_count(1)
    first = page.locator(".turn.user").first
    expect(first).to_contain_text("Is this rash dangerous?")
    expect(first.locator(".lacking")).to_be_visible()
    if kind == "ranking":
        cut = page.locator("answer-card", has_text="72 hours")
        expect(cut.locator(".answer-read .chip")).to_be_visible()
        expect(page.locator("answer-card .answer-read .chip")).to_have_count(1)
    assert "cast-model" not in page.content()


def test_a_folded_question_on_a_phone_says_it_too(open_page):
    project, expert, _item = lacking("ranking")
    page = open_bench(open_page, expert, project, phone=True)
    expect(page.locator(".turn.last .lacking")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_reviewers_and_managers_see_it(open_page, language):
    project, _expert, item = lacking("ranking")
    manager = make_member(project, "manager")
    page = open_page(manager, language=language)
    for path in (f"/p/{project.slug}/items/{item.pk}/", f"/p/{project.slug}/review/{item.pk}/"):
        page.goto(path)
        expect(page.locator(".lacking", has_text=PICTURE[language])).to_have_count(2)
        expect(page.locator("article.answer", has_text="72 hours").locator(".lacking")).to_have_text(
            CUT[language]
        )
    assert Item.objects.count() == 1
