"""Results in real Chromium: in both languages and colours, on desk and phone and on paper, accessible."""

import os
from pathlib import Path

import axe_playwright_python
import pytest

from corpus.models import ModelVersion
from tests.annotation.results.judged import random_project
from tests.cast import make_cast

pytestmark = pytest.mark.browser
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
LOOKS = [("en", False, False), ("zh", True, True)]
PAGES = ["results/", "items/?by=person&compared={model}&outcome=won", "items/?has=comment"]


@pytest.mark.parametrize(("language", "phone", "dark"), LOOKS)
def test_results_and_its_lists(transactional_db, live_site, open_page, language, phone, dark):
    cast = make_cast()
    random_project(cast.project, 4, items=24)
    model = ModelVersion.objects.earliest("pk").pk
    page = open_page(cast.alice, language=language, phone=phone, dark=dark)
    for i, path in enumerate(PAGES):
        page.goto(f"{live_site.url}/p/ward/{path.format(model=model)}")
        width, wide = page.evaluate(
            "[document.documentElement.clientWidth, document.documentElement.scrollWidth]"
        )
        assert wide <= width, path
        page.evaluate(AXE)
        found = page.evaluate("axe.run(document)")
        assert [
            f"{v['id']}: {v['nodes'][0]['html'][:160]}"
            for v in found["violations"]
            if v["impact"] in ("moderate", "serious", "critical")
        ] == [], path
        if os.environ.get("PICTURES"):
            page.screenshot(path=f"{os.environ['PICTURES']}/results-{language}-{i}.png", full_page=True)
    page.goto(f"{live_site.url}/p/ward/results/")
    # by keyboard alone: a figure of the picture leads to its rows
    page.locator("svg.chart a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/items/?*")
    page.go_back()
    page.emulate_media(media="print")
    assert page.locator("form.filters").is_hidden() and page.locator("svg.chart").first.is_visible()
