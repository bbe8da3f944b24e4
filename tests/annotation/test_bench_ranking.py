"""Ranking in the browser: by keyboard alone, by drag, by touch; what arrives is checked value by value."""

import pytest

from annotation.models import AnnotationVersion
from tests.annotation.bench_items import ANSWERS, ranking_project

pytestmark = pytest.mark.browser


def slots(user):
    """{letter: slot} as shown to `user` on their open or newest assignment, and back."""
    from annotation.models import Assignment

    order = Assignment.objects.filter(annotator__user=user).order_by("-pk").exclude(state="reserved").first().order
    return {"ABCDEFGHIJ"[i]: slot for i, slot in enumerate(order)}


def versions(user):
    return list(AnnotationVersion.objects.filter(annotation__annotator__user=user).order_by("pk"))


def open_bench(open_page, user, project, query="", **options):
    page = open_page(user, **options)
    page.goto(f"/p/{project.slug}/bench/{query}")
    page.wait_for_selector("#desk > *")
    return page


def submitted(page, user, n):
    """Wait until `n` versions of `user` are in the database."""
    import time

    for _ in range(100):
        if len(versions(user)) >= n:
            return versions(user)
        page.wait_for_timeout(50)
        time.sleep(0.02)
    raise AssertionError(f"{len(versions(user))} of {n} versions arrived; the page says {page.inner_text('#dock')!r}")


def read_all(page):
    """Scroll every answer to its end, as a reader would."""
    page.evaluate("for (const body of document.querySelectorAll('.answer-body')) body.scrollTop = body.scrollHeight")
    page.wait_for_timeout(100)


def test_an_item_is_ranked_with_the_keyboard_alone(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    letter = slots(expert)
    read_all(page)
    page.keyboard.press("b")
    page.keyboard.press("a")
    page.keyboard.press("Shift+D")
    page.keyboard.press("l")
    page.keyboard.press("c")
    assert page.inner_text(".chips").split() == ["B", "›", "A", "=", "D", "C"]
    page.keyboard.press("Enter")
    (version,) = submitted(page, expert, 1)
    b, a, d, c = (letter[x] for x in "BADC")
    assert version.document == {"schema": 1, "ranking": [[b], [a, d], [c]], "acceptable": 2}
    page.wait_for_selector("text=Residential Tenancies")  # the next item is there
    assert page.inner_text(".chips").startswith("Type or tap")
