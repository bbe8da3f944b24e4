"""The frame and the lead's pages in real Chromium: accessible, fit for a phone, in both colours and
languages, without a mouse."""

import pytest

from annotation.projects import actions as projects
from annotation.work import queue, submit
from core.accounts import invitations
from tests.browser import answer_question
from tests.cast import make_item, make_member, make_project, make_user

pytestmark = pytest.mark.browser
RULES = "# Rules\n\n| a | b |\n|---|---|\n| 1 | $x^2$ |"
PAGES = [
    "/",
    "/account/",
    "/account/password/",
    "/projects/new/",
    "/p/heart/",
    "/p/heart/clone/",
    "/p/heart/settings/",
    "/p/heart/guidelines/",
    "/p/heart/guidelines/?edit",
    "/p/heart/items/",
    "/p/heart/work/",
    "/p/heart/review/",
    "/p/heart/review/?state=accepted",
    "/p/heart/members/",
    "/p/heart/keys/",
    "/p/nothing/",
]


@pytest.fixture
def heart(transactional_db):
    """A project with work in it, and its manager."""
    manager = make_user("lead", is_superuser=False, first_name="主任")
    project = projects.create(
        actor=None,
        slug="heart",
        title="心内科 heart",
        kind="ranking",
        overlap=2,
        guidelines="# Rules\n\n| a | b |\n|---|---|\n| 1 | $x^2$ |",
    )
    make_member(project, "manager", manager)
    long = (
        "A very long answer. " * 80
        + "\n\n```python\n"
        + "x = 1  # "
        + "y" * 200
        + "\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    )
    items = [make_item(project, [long, "短答案 " + "字" * 300, "third"]) for _i in range(3)]
    for user in (make_member(project, "annotator"), make_member(project, "annotator")):
        a = queue.claim(project=project, user=user)
        given = {
            "ranking": [["A"], ["B", "C"]],
            "acceptable": 1,
            "comment": "check the dose",
            "ratings": {"A": {"overall": 4}},
            "corrections": [
                {
                    "target": "response",
                    "answer": "B",
                    "text": "z" * 300,
                    "evidence": "https://example.org/" + "a" * 120,
                }
            ],
        }
        submit.submit(user=user, pk=a.pk, given=given, client_key="k", active_ms=60_000)
    invitations.create_invite(project=project, role="annotator", days=3, uses=2, actor=manager)
    queue.report(user=manager, item=items[2])
    return project, manager, items


@pytest.mark.parametrize("phone", [False, True])
def test_a_long_correction_shows_its_only_change(live_site, open_page, phone):
    project = projects.create(actor=None, slug="long", title="Long", kind="ranking")
    text = "\n\n".join(f"Line {n} of a long answer." for n in range(80))
    item = make_item(project, [text, "short"])
    a = queue.claim(project=project, user=make_member(project, "annotator"))
    letter = "AB"[a.order.index(0)]
    fixed = {"target": "response", "answer": letter, "text": text.replace("Line 60", "Paragraph 60")}
    submit.submit(
        user=a.annotator.user,
        pk=a.pk,
        given={"ranking": [["A"], ["B"]], "corrections": [fixed]},
        client_key="k",
    )
    page = open_page(make_member(project, "reviewer"), phone=phone)
    page.goto(f"/p/long/review/{item.pk}/")
    page.wait_for_load_state("networkidle")
    box, change = (
        page.locator(".diff.scroll").bounding_box(),
        page.locator(".diff.scroll ins").first.bounding_box(),
    )
    assert box["y"] <= change["y"] and change["y"] + change["height"] <= box["y"] + box["height"]
    assert phone or box["height"] < 400


@pytest.mark.parametrize(("phone", "dark", "language"), [(False, False, "en"), (True, True, "zh")])
def test_nothing_serious_for_axe_and_nothing_hangs_over_the_edge(
    heart, open_page, live_site, phone, dark, language
):
    from axe_playwright_python.sync_playwright import Axe

    _project, manager, items = heart
    page = open_page(manager, phone=phone, dark=dark, language=language)
    page.expect_errors("/p/nothing/")
    page.expect_errors("status of 404")
    found = []
    for path in [
        *PAGES,
        f"/p/heart/items/{items[0].pk}/",
        f"/p/heart/items/{items[2].pk}/",
        f"/p/heart/review/{items[0].pk}/",
    ]:
        page.goto(live_site.url + path)
        page.wait_for_load_state("networkidle")
        page.evaluate("document.querySelectorAll('details.fold').forEach(d => d.open = true)")
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            found.append(f"{path}: {over} px over the edge")
        for violation in (
            Axe()
            .run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
            .response["violations"]
        ):
            if violation["impact"] in ("serious", "critical"):
                found += [
                    f"{path}: {violation['id']} {node['html'][:160]} {node['failureSummary'][:300]}"
                    for node in violation["nodes"][:3]
                ]
    assert not found, "\n".join(found)


def test_signing_in_by_keyboard_leads_to_the_projects(open_page, live_site, transactional_db):
    make_member(make_project("p"), "annotator", make_user("王医生"))
    page = open_page()
    page.goto(live_site.url + "/")
    page.keyboard.type("王医生")
    page.keyboard.press("Tab")
    page.keyboard.type("correct horse battery")
    page.keyboard.press("Enter")
    page.wait_for_url(live_site.url + "/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_colours_and_text_size_change_in_place_and_stay(heart, open_page, live_site):
    _project, manager, _items = heart
    page = open_page(manager)
    page.goto(live_site.url + "/p/heart/guidelines/?edit")
    page.fill("textarea[name=text]", "typed, not yet saved")
    with page.expect_response("**/preferences/"):
        page.click(".bar-tools.only-wide button[name=theme]")
    with page.expect_response("**/preferences/"):
        page.click(".bar-tools.only-wide button[name=step][value='1']")
    assert page.input_value("textarea[name=text]") == "typed, not yet saved"
    assert page.get_attribute("html", "data-theme") == "dark"
    page.goto(live_site.url + "/p/heart/")
    assert page.get_attribute("html", "data-theme") == "dark"
    assert page.get_attribute("html", "data-text") == "1"
    manager.refresh_from_db()
    assert (manager.theme, manager.text_size) == ("dark", 1)


def test_guidelines_are_previewed_while_typing(heart, open_page, live_site):
    _project, manager, _items = heart
    page = open_page(manager)
    page.goto(live_site.url + "/p/heart/guidelines/?edit")
    page.wait_for_selector("#preview math")
    page.fill("textarea[name=text]", "**stark** <img src=x onerror=alert(1)>")
    page.wait_for_selector("#preview strong")
    assert page.text_content("#preview strong") == "stark"
    assert page.query_selector("#preview img") is None


def test_menus_close_on_escape_and_outside(heart, open_page, live_site):
    _project, manager, _items = heart
    page = open_page(manager)
    page.goto(live_site.url + "/p/heart/")
    page.click("details.menu.end summary")
    assert page.get_attribute("details.menu.end", "open") is not None
    page.keyboard.press("Escape")
    assert page.get_attribute("details.menu.end", "open") is None
    page.click("details.menu:not(.end) summary")
    page.mouse.click(1300, 800)
    assert page.get_attribute("details.menu:not(.end)", "open") is None


def test_a_phone_signs_out_from_the_menu(heart, open_page, live_site):
    _project, manager, _items = heart
    page = open_page(manager, phone=True)
    page.goto(live_site.url + "/")
    page.tap("details.menu.end summary")
    page.tap("form[data-logout] button")
    page.wait_for_url("**/login/")
    page.go_back()
    page.wait_for_load_state()
    assert (
        "/login/" in page.url
        or page.query_selector("form[action='/login/']")
        or "心内科" not in page.content()
    )


def test_review_by_keyboard(heart, open_page, live_site):
    project, manager, items = heart
    page = open_page(manager)
    page.goto(live_site.url + f"/p/heart/review/{items[0].pk}/")
    page.locator(".work [data-key=A]").first.focus()
    page.keyboard.press("Enter")
    page.locator(".desk-said").get_by_text("Accepted.").wait_for()
    assert project.annotations.filter(state="accepted").count() == 1
    page.click("summary:has-text('Return with a comment')")
    page.fill("textarea[name=comment]:visible", "look again")
    page.click("details[open] button:has-text('Return')")
    page.locator(".desk-said, .messages").get_by_text("Returned to its author with your comment.").wait_for()
    assert project.annotations.filter(state="returned").count() == 1


def test_a_new_role_is_set_by_choosing_it(heart, open_page, live_site):
    project, manager, _items = heart
    member = project.members.filter(role="annotator").first()
    page = open_page(manager)
    page.goto(live_site.url + "/p/heart/members/")
    with page.expect_navigation():
        page.select_option(f"form[action$='/members/{member.pk}/role/'] select", "reviewer")
    member.refresh_from_db()
    assert member.role == "reviewer"


def test_removing_asks_first(heart, open_page, live_site):
    project, manager, _items = heart
    member = project.members.filter(role="annotator").first()
    page = open_page(manager)
    page.goto(live_site.url + "/p/heart/members/")
    button = f"form[action$='/members/{member.pk}/remove/'] button"
    page.click(button)
    assert "Their work stays" in answer_question(page, yes=False)
    assert page.evaluate("document.activeElement.textContent") == "Remove"
    assert project.members.filter(pk=member.pk).exists()
    page.click(button)
    assert page.locator("#question-dialog button[value=yes]").inner_text() == "Remove"
    with page.expect_navigation():
        answer_question(page)
    assert not project.members.filter(pk=member.pk).exists()
