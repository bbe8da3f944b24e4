"""The browser fixtures themselves, on the sign-in page."""

import pytest

from tests.cast import make_user

pytestmark = pytest.mark.browser


def test_the_sign_in_page_is_served_by_the_real_server_with_its_csp(live_site, open_page):
    page = open_page(language="zh", phone=True)
    answer = page.goto("/login/")
    assert answer.status == 200
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe-inline" not in answer.headers["content-security-policy"]
    assert page.evaluate("document.documentElement.lang").startswith("zh")
    # the style sheet has come
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgba(0, 0, 0, 0)"


def test_a_page_opened_for_a_person_is_signed_in(live_site, open_page):
    user = make_user("ada")
    page = open_page(user)
    page.goto("/")
    assert "/login/" not in page.url


def test_complaints_are_noticed(chromium, live_site, open_page, request):
    page = open_page()
    page.expect_errors("Content Security Policy")
    page.goto("/login/")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color:red\">x</p>')")
