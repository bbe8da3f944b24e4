"""The page /api/docs/ under the policy of our pages."""

import pytest

from tests.cast import make_member, make_project

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_addresses_of_the_api_are_listed(live_site, open_page):
    page = open_page(make_member(make_project("p"), "manager"))
    page.goto("/api/docs/")
    row = page.locator(".opblock-summary-path", has_text="/feedback/").first
    row.wait_for()
    row.click()
    page.get_by_role("button", name="Try it out").wait_for()
