"""The managers' page of models in real Chromium."""

import re

import pytest

from inference.models import Endpoint
from tests.browser import answer_question
from tests.cast import make_member, make_project
from tests.inference import faulty

pytestmark = pytest.mark.browser


@pytest.fixture
def clinic(live_site, settings):
    """The web server is a process of its own: what it may reach is in its environment, so the rows are made
    here."""
    project = make_project("clinic")
    return project, make_member(project, "manager")


def row(project, url, name, model, **fields) -> Endpoint:
    return Endpoint.objects.create(
        project=project, name=name, base_url=url, address="127.0.0.1", model_name=model, **fields
    )


@pytest.mark.parametrize(("phone", "dark", "language"), [(False, False, "en"), (True, True, "zh")])
def test_nothing_serious_for_axe_and_nothing_hangs_over_the_edge(clinic, open_page, phone, dark, language):
    from axe_playwright_python.sync_playwright import Axe

    project, lead = clinic
    made = row(
        project,
        "http://a-rather-long-name-of-a-server.example.org:8000/v1",
        "Ward server with a long name",
        "organisation/model-with-a-long-name-70b",
    )
    row(project, "http://127.0.0.1:9/v1", "Practice", "practice-good", practice=True, active=False)
    page = open_page(lead, phone=phone, dark=dark, language=language)
    for path in ("/p/clinic/models/", f"/p/clinic/models/{made.pk}/"):
        page.goto(path)
        for fold in page.locator("details.fold summary").all():
            fold.click()
        serious = [
            v["id"] for v in Axe().run(page).response["violations"] if v["impact"] in ("serious", "critical")
        ]
        assert serious == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (
            f"{path} hangs over the edge"
        )


def test_a_model_is_tried_in_place_by_keyboard(clinic, open_page):
    project, lead = clinic
    with faulty.serve() as server:
        made = row(project, server.url, "Ward", "ok")
        page = open_page(lead)
        page.goto("/p/clinic/models/")
        button = page.get_by_role("button", name=re.compile("Try Ward"))
        button.focus()
        page.keyboard.press("Enter")
        page.locator(f"#probe-{made.pk} .note").wait_for()
        said = page.locator(f"#probe-{made.pk}").inner_text()
        assert "does not allow" in said and not server.connections  # no host is on this installation's list
        assert "ENDPOINT_HOSTS" in page.locator("#hosts").inner_text()
        page.get_by_role("button", name=re.compile("Remove Ward")).click()
        answer_question(page)
        page.get_by_text("Removed.").wait_for()
        assert not Endpoint.objects.exists()
