"""What was written into a form survives a login that ended, and no longer than it is needed."""

import re

import pytest

from core.models import Member
from tests.cast import make_member, make_project, make_user
from tests.processes import until

pytestmark = pytest.mark.browser
KEPT = "Object.keys(sessionStorage).filter((key) => key.startsWith('touchstone:')).length"


@pytest.fixture
def manager(live_site):
    user = make_user("lead")
    make_member(make_project("p"), "manager", user)
    return user


def sign_in_again(page, name="lead"):
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill("correct horse battery")
    page.locator("form.stack button").click()


def nothing_is_kept(page):
    until(lambda: page.evaluate(KEPT) == 0, "the kept words to be forgotten")


def test_names_pasted_before_the_login_ended_come_back_and_go_once_they_are_sent(manager, open_page):
    page = open_page(manager)
    page.goto("/p/p/members/")
    page.locator("[name=names]").fill("newcomer")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text("What you sent was not saved").wait_for()
    sign_in_again(page)
    page.wait_for_url(re.compile("/p/p/members/$"))
    page.get_by_text("it was not saved").wait_for()
    page.get_by_text("What you had written is back").wait_for()
    assert page.locator("[name=names]").input_value() == "newcomer"
    page.get_by_role("button", name="Add", exact=True).click()
    page.locator("#one-time").wait_for()
    assert Member.objects.filter(user__username="newcomer").exists()
    nothing_is_kept(page)
    assert page.locator("[name=names]").input_value() == ""


def test_another_person_on_this_computer_does_not_get_them(manager, open_page):
    make_member(make_project("q"), "manager", make_user("other"))
    page = open_page(manager)
    page.expect_errors("404 (Not Found)")  # the other person is none of this project's
    page.goto("/p/p/members/")
    page.locator("[name=names]").fill("newcomer")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text("What you sent was not saved").wait_for()
    assert page.evaluate(KEPT) == 1
    sign_in_again(page, "other")
    page.wait_for_url(re.compile("/p/p/members/$"))
    page.locator("[data-refused]").wait_for()
    nothing_is_kept(page)


def test_leaving_guidelines_that_were_changed_asks_and_sending_them_does_not(manager, open_page):
    page = open_page(manager)
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto("/p/p/guidelines/?edit=1")
    page.get_by_role("link", name="Cancel").click()
    page.wait_for_url(re.compile("/guidelines/$"))
    assert asked == []
    page.goto("/p/p/guidelines/?edit=1")
    page.locator("[name=text]").press_sequentially("Be exact.")
    page.get_by_role("link", name="Cancel").click()
    page.wait_for_url(re.compile("/guidelines/$"))
    assert asked == ["beforeunload"]
    page.goto("/p/p/guidelines/?edit=1")
    page.locator("[name=text]").press_sequentially("Be exact.")
    page.get_by_role("button", name="Save as a new version").click()
    page.get_by_text("Guideline version").wait_for()
    nothing_is_kept(page)
    assert asked == ["beforeunload"]


def test_a_preview_that_met_the_ended_login_keeps_the_text(manager, open_page):
    page = open_page(manager)
    page.expect_errors("Response Status Error Code 401")
    page.goto("/p/p/guidelines/?edit=1")
    page.context.clear_cookies(name="sessionid")
    page.locator("[name=text]").press_sequentially("Be exact.")
    page.wait_for_url(re.compile("/login/"))
    sign_in_again(page)
    page.get_by_text("What you had written is back").wait_for()
    assert page.locator("[name=text]").input_value().startswith("Be")


def test_a_long_project_name_has_the_room_there_is(live_site, open_page):
    project = make_project("long")
    project.title = "Answers to questions about medicines in the geriatric ward"
    project.save()
    user = make_member(project, "manager")
    for phone in (False, True):
        page = open_page(user, phone=phone)
        page.goto("/p/long/members/")
        name = page.locator(".bar > .menu:not(.end) > summary > span")
        whole = name.evaluate("(e) => e.scrollWidth <= e.clientWidth")
        assert whole or phone
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
