"""Work is never lost: offline, signed out, two windows, a closed browser, a lost lease; and it arrives
once."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from annotation.bench.payload import review_order
from annotation.models import Annotation, Assignment, ItemFlag, Review
from annotation.work import queue
from tests.annotation.bench.bench_items import (
    ANSWERS,
    demonstration_project,
    drafted,
    letter_of,
    open_bench,
    press,
    qa_project,
    ranking_project,
    read_all,
    saved,
    slots,
    submitted,
    until,
    until_prefetched,
    versions,
)
from tests.browser import answer_question, sign_in
from tests.cast import make_member

pytestmark = pytest.mark.browser
STORED = "Object.keys(localStorage).filter((key) => key.startsWith('touchstone:'))"
# Submitted work finds no room in the browser, `room.most` times.
NO_ROOM = """
const write = Storage.prototype.setItem;
Storage.prototype.setItem = function (key, value) {
  if (key.includes(":out:") && room.refused < room.most) {
    room.refused += 1;
    throw new DOMException("full", "QuotaExceededError");
  }
  return write.call(this, key, value);
};
"""


def own(user):
    return Assignment.objects.get(annotator__user=user, state="open")


def test_a_draft_is_on_the_server_within_a_second_and_no_longer_in_the_browser(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    press(page, "b a")
    assert page.evaluate(STORED) != []  # here at once
    until(page, lambda: drafted(expert) == {"ranking": [["B"], ["A"]]}, "the draft")
    saved(page)
    assert page.evaluate(STORED) == []
    page.reload()
    page.wait_for_selector("#desk > *")
    assert page.inner_text(".chips").split() == ["B", "›", "A"]


def test_what_was_read_is_known_after_a_reload(live_site, open_page):
    project, expert = ranking_project(items=1)
    page = open_bench(open_page, expert, project)
    whole = (
        "[...document.querySelectorAll('answer-card.read-whole')].map((card) => card.dataset.letter).join('')"
    )
    read_all(page)
    page.reload()
    page.wait_for_selector("#desk > *")
    assert page.evaluate(whole) == "ABCD"
    assert own(expert).draft is None  # to read makes no draft
    page.set_viewport_size({"width": 1000, "height": 500})  # longer than the window now
    page.reload()
    page.wait_for_selector("#desk > *")
    press(page, "a b c d Enter")
    assert submitted(page, expert, 1)[0].document.get("not_read") is None
    until(
        page,
        lambda: (
            page.evaluate("Object.keys(sessionStorage).filter((key) => key.includes(':seen:')).length") == 0
        ),
        "forgetting it",
    )


def test_what_was_read_is_known_after_a_walk_to_other_pages_and_a_new_login(live_site, open_page):
    project, expert = ranking_project(items=1)
    page = open_bench(open_page, expert, project)
    read_all(page)
    page.locator("answer-card.read-whole").nth(3).wait_for()
    page.goto(f"/p/{project.slug}/mine/")
    page.get_by_role("link", name="Next item").click()
    page.locator("answer-card.read-whole").nth(3).wait_for()
    page.context.clear_cookies(name="sessionid")
    page.goto(f"/p/{project.slug}/mine/")
    page.locator("[name=username]").fill(expert.username)
    page.locator("[name=password]").fill("correct horse battery")
    assert "lost" not in page.evaluate(
        "JSON.parse(Object.entries(sessionStorage).find(([key]) => key.includes(':seen:'))[1])"
    )
    page.locator("form.stack button").click()
    page.get_by_role("link", name="Next item").click()
    page.locator("answer-card.read-whole").nth(3).wait_for()


def test_a_draft_says_in_another_browser_what_was_read(live_site, open_page):
    project, expert = ranking_project(items=1)
    page = open_bench(open_page, expert, project)
    long, short = letter_of(expert, 0), letter_of(expert, 1)
    press(page, "b a")
    until(page, lambda: (own(expert).draft or {}).get("not_read") == [long], "the draft")
    read_all(page)
    press(page, "c d")
    until(page, lambda: own(expert).draft["not_read"] == [], "the draft")
    saved(page)
    # all columns in view
    elsewhere = open_bench(open_page, expert, project, viewport={"width": 1440, "height": 500})
    elsewhere.locator("answer-card.read-whole").nth(3).wait_for()
    Assignment.objects.filter(annotator__user=expert).update(draft=own(expert).draft | {"not_read": [short]})
    elsewhere.reload()
    elsewhere.locator("answer-card.read-whole").nth(3).wait_for()  # short enough to be read at a glance
    press(elsewhere, "l Enter")
    assert submitted(elsewhere, expert, 1)[0].document.get("not_read") is None


def test_offline_work_goes_out_once_when_the_line_is_back(live_site, open_page):
    project, expert = ranking_project(items=3)
    page = open_bench(open_page, expert, project)
    letter = slots(expert)
    read_all(page)
    until_prefetched(page, expert)
    page.context.set_offline(True)
    press(page, "b a c d Enter")
    page.get_by_text("Residential Tenancies").filter(
        visible=True
    ).first.wait_for()  # the prefetched one, offline
    read_all(page)
    press(page, "c a b Enter")
    page.get_by_role("heading", name="The server does not answer").wait_for()
    assert "kept here, will be sent" in page.inner_text("#saved")
    assert versions(expert) == []
    page.context.set_offline(False)
    first, second = submitted(page, expert, 2)
    assert first.document == {"schema": 1, "ranking": [[letter[x]] for x in "BACD"]}
    assert [len(group) for group in second.document["ranking"]] == [1, 1, 1]
    page.locator("text=/[(（]2[)）]/ >> visible=true").first.wait_for()  # and the next item
    page.wait_for_timeout(500)
    assert len(versions(expert)) == 2
    assert Annotation.objects.filter(annotator__user=expert).count() == 2
    assert page.evaluate(STORED) == []


@pytest.mark.parametrize("refused", ["every time", "once"])
def test_work_that_the_browser_has_no_room_for_goes_out_all_the_same(live_site, open_page, refused):
    project, expert = ranking_project(items=3)
    page = open_page(expert)
    page.context.add_init_script(
        f"window.room = {{ refused: 0, most: {1 if refused == 'once' else 99} }};" + NO_ROOM
    )
    page.goto(f"/p/{project.slug}/bench/")
    page.wait_for_selector("#desk > *")
    letter = slots(expert)
    read_all(page)
    until_prefetched(page, expert)
    page.context.set_offline(True)
    press(page, "b a c d Enter")
    page.get_by_text("Residential Tenancies").filter(visible=True).first.wait_for()
    read_all(page)
    press(page, "c a b Enter")
    page.get_by_role("heading", name="The server does not answer").wait_for()
    assert page.evaluate("window.room.refused") == (1 if refused == "once" else 2)
    page.context.set_offline(False)
    first, second = submitted(page, expert, 2)
    assert first.document["ranking"] == [[letter[x]] for x in "BACD"]
    assert [len(group) for group in second.document["ranking"]] == [1, 1, 1]
    until(page, lambda: page.evaluate(STORED) == [], "the browser's copies to be wiped")


def test_a_submit_whose_answer_was_lost_is_recorded_once(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    read_all(page)
    lost = []

    def swallow(route):
        if lost:
            return route.continue_()
        lost.append(route.fetch())  # it arrives, but the browser never hears of it
        return route.abort()

    page.route("**/submit/", swallow)
    press(page, "a b c d Enter")
    page.locator("#saved", has_text="kept here").wait_for()
    assert len(versions(expert)) == 1
    page.locator("#retry").click()
    until(page, lambda: page.evaluate(STORED) == [], "sending again")
    page.wait_for_timeout(300)
    assert len(versions(expert)) == 1


def test_a_server_that_is_down_loses_nothing(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    read_all(page)
    page.expect_errors("503")
    page.route("**/api/v1/**", lambda route: route.fulfill(status=503, body="starting"))
    press(page, "a b c d Enter")
    page.locator("#saved", has_text="kept here").wait_for()
    assert "kept here" in page.inner_text("#live")
    page.unroute("**/api/v1/**")
    submitted(page, expert, 1)  # by itself
    # a screen reader does not go on finding what is over
    until(page, lambda: "kept here" not in page.inner_text("#live"), "the live region to say that it is over")


def test_box_and_words_of_an_answers_flags_stand_on_one_line_apart(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    page.locator("answer-card .flag-summary").first.click()
    places = page.locator("answer-card details[open] label.check").evaluate_all(
        "(rows) => rows.map((row) => [row.firstChild, row.lastChild].map((n) => {"
        " const b = n.getBoundingClientRect(); return [b.left, b.right, (b.top + b.bottom) / 2]; }))"
    )
    assert places and all(words[0] - box[1] >= 8 for box, words in places)
    assert all(abs(words[2] - box[2]) < 2 for box, words in places)


def test_an_expired_session_asks_for_the_password_in_place_and_sends_once(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    read_all(page)
    press(page, "b a")
    saved(page)
    Session.objects.all().delete()
    page.click(f"answer-card[data-letter={letter_of(expert, 2)}] button:text('Correct')")
    page.locator("text-editor textarea").fill("改过")
    dialog = page.locator("#login-dialog")
    page.locator("#saved", has_text="signed out: kept here").wait_for()
    page.keyboard.insert_text("的")  # who types goes on typing
    page.wait_for_timeout(1000)
    assert not dialog.is_visible()
    assert page.locator("#retry", has_text="Sign in").is_visible()
    assert page.locator("text-editor textarea").input_value() == "改过的"
    page.keyboard.press("Escape")  # out of the field
    dialog.wait_for()
    assert "signed out" in page.inner_text("#saved")  # nothing is being saved meanwhile
    dialog.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    dialog.locator(".errors", has_text="do not match").wait_for()
    dialog.get_by_label("Password").fill("correct horse battery")
    page.keyboard.press("Enter")
    dialog.wait_for(state="hidden")
    until(page, lambda: (own(expert).draft or {}).get("corrections"), "the draft after signing in")
    assert own(expert).draft["corrections"][0]["text"] == "改过的"
    assert "改过的" in page.locator(f"answer-card[data-letter={letter_of(expert, 2)}]").inner_text()
    Session.objects.all().delete()
    press(page, "Control+Enter Control+Enter")  # the first names what is not ranked
    dialog.wait_for()
    dialog.get_by_label("Password").fill("correct horse battery")
    page.keyboard.press("Enter")
    (version,) = submitted(page, expert, 1)
    assert version.document["corrections"] == [
        {"target": "response", "answer": 2, "text": "改过的", "wording_only": False}
    ]
    page.get_by_text("Residential Tenancies").filter(visible=True).first.wait_for()
    assert len(versions(expert)) == 1


def test_signing_in_can_wait(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    Session.objects.all().delete()
    press(page, "b")
    page.locator("#login-dialog").get_by_text("Later").click()
    press(page, "a")
    page.locator("#saved", has_text="signed out: kept here").wait_for()
    page.wait_for_timeout(1200)
    assert not page.locator("#login-dialog").is_visible()  # asked once, not at every key
    page.click("#retry")
    page.locator("#login-dialog").get_by_label("Password").fill("correct horse battery")
    page.keyboard.press("Enter")
    until(page, lambda: drafted(expert) == {"ranking": [["B"], ["A"]]}, "the draft")


@pytest.mark.parametrize("choice", ["mine", "theirs"])
def test_two_windows_on_one_item_show_both_versions(live_site, open_page, choice):
    project, expert = ranking_project()
    first = open_bench(open_page, expert, project)
    second = first.context.new_page()
    second.goto(f"/p/{project.slug}/bench/")
    second.wait_for_selector("#desk > *")
    press(first, "b a")
    first.locator("#saved", has_text="saved").wait_for()
    press(second, "c d")
    dialog = second.locator("#conflict-dialog")
    dialog.wait_for()
    second.locator("#saved", has_text="not saved: choose a version").wait_for()
    assert "C › D" in dialog.locator("[data-side=mine]").inner_text()
    assert "B › A" in dialog.locator("[data-side=theirs]").inner_text()
    second.keyboard.press("Escape")
    assert dialog.is_visible()  # nothing is thrown away unseen
    dialog.locator(f"button[value={choice}]").click()
    if choice == "mine":
        until(second, lambda: drafted(expert) == {"ranking": [["C"], ["D"]]}, "keeping mine")
        saved(second)
    else:
        assert second.inner_text(".chips").split() == ["B", "›", "A"]
        second.get_by_text("Use mine after all").click()
        assert second.inner_text(".chips").split() == ["C", "›", "D"]
        until(second, lambda: drafted(expert) == {"ranking": [["C"], ["D"]]}, "mine after all")


def test_a_browser_closed_in_mid_edit_opens_again_with_the_text(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    page.click(f"answer-card[data-letter={letter_of(expert, 0)}] button:text('Correct')")
    page.context.set_offline(True)  # so that only the browser has it
    page.locator("text-editor textarea").fill("写到一半的更正")
    kept = page.evaluate(STORED)
    assert len(kept) == 1
    page.close(run_before_unload=False)
    page.context.set_offline(False)
    again = page.context.new_page()
    again.goto(f"/p/{project.slug}/bench/")
    again.wait_for_selector("#desk > *")
    corrected = again.locator(f"answer-card[data-letter={letter_of(expert, 0)}]")
    assert "写到一半的更正" in corrected.inner_text()  # folded, until it is written on
    corrected.get_by_role("button", name="Correct").click()
    assert again.locator("text-editor textarea").input_value() == "写到一半的更正"
    until(
        again,
        lambda: (own(expert).draft or {}).get("corrections", [{}])[0].get("text") == "写到一半的更正",
        "the draft",
    )
    until(
        again,
        lambda: again.evaluate(STORED) == [],
        "the browser's copy to be wiped once the server's answer is in",
    )


def test_leaving_with_unsent_work_asks(live_site, open_page):
    project, expert = demonstration_project()
    page = open_bench(open_page, expert, project)
    page.click("#demonstration")
    page.context.set_offline(True)
    page.keyboard.type("unsent")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.evaluate("setTimeout(() => location.reload())")
    until(page, lambda: asked == ["beforeunload"], "the question")
    assert page.input_value("#demonstration") == "unsent"
    page.context.set_offline(False)
    saved(page)


def test_what_one_person_left_is_never_shown_to_another(live_site, open_page):
    project, expert = ranking_project(items=4)
    other = make_member(project, "annotator")
    page = open_bench(open_page, expert, project)
    page.context.set_offline(True)
    press(page, "b a")
    page.close(run_before_unload=False)
    page.context.set_offline(False)
    sign_in(page.context, other, live_site.url)
    theirs = page.context.new_page()
    theirs.goto(f"/p/{project.slug}/bench/")
    theirs.wait_for_selector("#desk > *")
    assert theirs.inner_text(".chips").startswith("Type or tap")
    assert theirs.evaluate(STORED) == []


def test_a_lost_lease_lets_the_person_finish(live_site, open_page):
    project, expert = ranking_project(items=1)
    page = open_bench(open_page, expert, project)
    read_all(page)
    press(page, "b a")
    saved(page)
    Assignment.objects.filter(annotator__user=expert).update(
        lease_until=timezone.now() - timedelta(minutes=1)
    )
    other = make_member(project, "annotator")
    assert queue.claim(project=project, user=other) is not None  # it has gone to somebody else
    press(page, "c d Enter")
    (version,) = submitted(page, expert, 1)
    assert version.late
    assert len(version.document["ranking"]) == 4


def test_the_last_submit_is_undone_and_sent_again(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    letter = slots(expert)
    read_all(page)
    press(page, "b a c d Enter")
    submitted(page, expert, 1)
    page.get_by_text("Residential Tenancies").filter(visible=True).first.wait_for()
    until(
        page, lambda: Assignment.objects.filter(annotator__user=expert, state="open").exists(), "the next one"
    )
    press(page, "c")  # begun
    saved(page)
    press(page, "u")
    page.get_by_text("心房颤动").filter(visible=True).first.wait_for()
    assert page.inner_text(".chips").split() == ["B", "›", "A", "›", "C", "›", "D"]
    read_all(page)
    press(page, "Backspace Backspace d c Enter")
    until(
        page,
        lambda: versions(expert)[-1].action == "submit" and len(versions(expert)) == 3,
        "submitting again",
    )
    assert [v.action for v in versions(expert)] == ["submit", "undo", "submit"]
    assert versions(expert)[-1].document["ranking"] == [[letter[x]] for x in "BADC"]
    page.get_by_text("Residential Tenancies").filter(visible=True).first.wait_for()
    assert page.inner_text(".chips").split() == ["C"]  # what was begun is still there


def test_undo_of_work_that_has_not_left_yet(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    read_all(page)
    page.context.set_offline(True)
    press(page, "b a c d Enter")
    page.locator("#saved", has_text="kept here").wait_for()
    page.locator("#dock details.menu summary").click()
    page.locator(".menu-body [data-action=undo]").click()
    page.get_by_text("心房颤动").filter(visible=True).first.wait_for()
    assert page.inner_text(".chips").split() == ["B", "›", "A", "›", "C", "›", "D"]
    page.context.set_offline(False)
    until(page, lambda: own(expert).draft, "the draft")
    assert versions(expert) == []


def test_returned_work_is_opened_from_my_work_and_sent_again(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    order = review_order(own(expert).item)
    Assignment.objects.filter(annotator__user=expert, state="open").update(
        order=[order[i] for i in (1, 2, 0, 3)]
    )
    page.reload()
    page.wait_for_selector("#desk > *")
    read_all(page)
    press(page, "b a c d Enter")
    (version,) = submitted(page, expert, 1)
    reviewer = make_member(project, "reviewer")
    Review.objects.create(
        version=version, reviewer=reviewer, decision="return", comment="A 的剂量有误，请重排。", event_id=0
    )
    Annotation.objects.filter(pk=version.annotation_id).update(state="returned")
    page.goto(f"/p/{project.slug}/bench/")
    page.wait_for_selector("#desk > *")
    page.get_by_role("link", name="returned: 1").click()
    assert "A 的剂量有误，请重排。" in page.inner_text("main")
    page.get_by_role("link", name="Reopen").click()
    page.wait_for_selector("#desk > *")
    assert "A 的剂量有误，请重排。" in page.inner_text("#banner")
    # the reviewer's A is the answer that has another letter here
    seen = review_order(version.annotation.item)
    pairs = [
        f"{'ABCD'[i]} is {'ABCD'[version.order.index(slot)]} here"
        for i, slot in enumerate(seen)
        if version.order[i] != slot
    ]
    assert len(pairs) > 1
    assert f"In the reviewer's letters: {', '.join(pairs)}" in page.inner_text("#banner")
    assert page.inner_text(".chips").split() == ["B", "›", "A", "›", "C", "›", "D"]
    read_all(page)
    press(page, "l Enter")
    edited = submitted(page, expert, 2)[1]
    assert (edited.action, edited.document["acceptable"]) == ("edit", 4)
    page.wait_for_url("**/mine/#work-*")
    assert "Submitted" in page.inner_text(".mine")
    row = page.locator(".mine li:target")
    assert "Changes submitted" in row.inner_text()
    assert page.locator(".mine-sent:visible").count() == 1


def test_accepted_work_can_be_looked_at_only(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    read_all(page)
    press(page, "b a c d Enter")
    (version,) = submitted(page, expert, 1)
    Annotation.objects.filter(pk=version.annotation_id).update(state="accepted")
    held = Assignment.objects.get(annotator__user=expert, item=version.annotation.item_id)
    page.goto(f"/p/{project.slug}/bench/?assignment={held.pk}")
    page.wait_for_selector("#desk > *")
    press(page, "c Backspace Enter")
    assert page.inner_text(".chips").split() == ["B", "›", "A", "›", "C", "›", "D"]
    assert page.locator("#submit").is_disabled()
    page.wait_for_timeout(300)
    assert len(versions(expert)) == 1


def test_another_persons_assignment_is_not_opened(live_site, open_page):
    project, expert = ranking_project()
    other = make_member(project, "annotator")
    theirs = queue.claim(project=project, user=other)
    page = open_page(expert)
    page.expect_errors("404")
    page.goto(f"/p/{project.slug}/bench/?assignment={theirs.pk}")
    page.get_by_role("heading", name="This work cannot be opened").wait_for()


def test_an_item_is_skipped_with_a_reason(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    press(page, "s 2 Enter")
    until(
        page, lambda: Assignment.objects.filter(annotator__user=expert, state="skipped").exists(), "skipping"
    )
    assert Assignment.objects.get(annotator__user=expert, state="skipped").skip_reason == "cannot_decide"
    page.get_by_text("Residential Tenancies").filter(visible=True).first.wait_for()


def test_personal_data_hides_the_item_at_once(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    item = own(expert).item
    press(page, "p")
    page.get_by_label("What and where").fill("第一轮有手机号")
    page.locator("#flag-dialog").get_by_role("button", name="Contains personal data").click()
    page.get_by_text("Reported. The manager decides").wait_for()  # said beside the next item
    until(page, lambda: ItemFlag.objects.exists(), "the report")
    item.refresh_from_db()
    assert item.hidden
    assert ItemFlag.objects.get().comment == "第一轮有手机号"
    page.get_by_text("Residential Tenancies").filter(visible=True).first.wait_for()


def test_the_prefetched_item_is_let_go_on_leaving(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    until_prefetched(page, expert)
    page.goto(f"/p/{project.slug}/mine/")
    until(
        page,
        lambda: Assignment.objects.filter(annotator__user=expert, state="released").exists(),
        "its release",
    )


@pytest.mark.parametrize("prefetched", ["before", "after", "never"])
def test_what_the_server_refuses_comes_back_on_screen(live_site, open_page, prefetched):
    """Whether the next item has come by then, comes while the refused one is on screen again, or does not
    come at all."""
    project, expert = qa_project(items=2)
    page = open_page(expert)
    held = []

    def fetching(route):
        if "reserve" not in (route.request.post_data or "") or prefetched == "before":
            route.continue_()
        elif prefetched == "after":
            held.append(route)
        else:
            route.abort()

    page.route("**/next/", fetching)
    page.route(
        "**/submit/",
        lambda route: route.fulfill(
            status=400, json={"error": {"code": "invalid_document", "message": "Not so.", "field": "verdict"}}
        ),
    )
    page.goto(f"/p/{project.slug}/bench/")
    page.wait_for_selector("#desk > *")
    if prefetched == "before":
        until_prefetched(page, expert)
    page.wait_for_timeout(400)  # a pair cannot be kept sooner
    press(page, "k")
    page.locator("#notice", has_text="Not so.").wait_for()
    page.locator("[data-verdict=keep][aria-pressed=true]").wait_for()
    for route in held:
        route.continue_()
        until_prefetched(page, expert)
        assert page.is_visible("[data-verdict=keep][aria-pressed=true]") and "Not so." in page.inner_text(
            "#notice"
        )
    page.unroute("**/submit/")
    page.click("#submit")
    submitted(page, expert, 1)


def test_texts_of_the_answers_are_not_changed_by_looking_at_them(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    shown = page.evaluate(
        f"fetch('/api/v1/assignments/{own(expert).pk}/').then((r) => r.json()).then((d) => "
        f"d.item.answers.map((a) => a.text))"
    )
    order = own(expert).order
    assert shown == [ANSWERS[slot] for slot in order]


def test_signing_out_asks_about_unsent_work_and_wipes_it(live_site, open_page):
    project, expert = ranking_project()
    page = open_bench(open_page, expert, project)
    page.context.set_offline(True)
    press(page, "b a")
    page.route("**/draft/", lambda route: route.abort())
    page.context.set_offline(False)
    for yes in (False, True):
        if not page.locator("form[data-logout] button").is_visible():
            page.click(".bar details.menu.end summary")
        page.locator("form[data-logout] button").click()
        assert "has not reached the server" in answer_question(page, yes=yes)
    page.wait_for_url("**/login/**")
    assert page.evaluate(STORED) == []


def test_the_heartbeat_counts_active_time_only(live_site, open_page):
    project, expert = ranking_project()
    page = open_page(expert)
    page.clock.install()
    beats = []
    page.on(
        "request",
        lambda request: (
            beats.append(request.post_data_json["active_ms"]) if "/heartbeat/" in request.url else None
        ),
    )
    page.goto(f"/p/{project.slug}/bench/")
    page.wait_for_selector("#desk > *")
    lease = own(expert).lease_until
    page.clock.run_for(40_000)
    page.mouse.move(500, 500)
    page.clock.run_for(40_000)
    assert len(beats) == 1
    assert 55_000 <= beats[0] <= 65_000
    until(page, lambda: own(expert).lease_until > lease, "renewing the lease")
    # gone for a coffee: a minute after the last touch the clock stands, and nothing is sent
    page.clock.run_for(600_000)
    assert len(beats) == 1
    page.mouse.move(600, 500)
    until(page, lambda: len(beats) == 2, "a beat on coming back")
    assert 90_000 <= beats[1] <= 110_000


def test_work_submitted_in_another_window_is_edited_not_doubled(live_site, open_page):
    project, expert = ranking_project(items=1)
    first = open_bench(open_page, expert, project)
    second = first.context.new_page()
    second.goto(f"/p/{project.slug}/bench/")
    second.wait_for_selector("#desk > *")
    read_all(first)
    read_all(second)
    press(first, "b a c d Enter")
    submitted(first, expert, 1)
    press(second, "c d")
    dialog = second.locator("#conflict-dialog")
    dialog.wait_for()
    assert "B › A › C › D" in dialog.locator("[data-side=theirs]").inner_text()
    dialog.locator("button[value=mine]").click()
    press(second, "a b Enter")
    second.wait_for_url("**/mine/#work-*")
    assert [v.action for v in versions(expert)] == ["submit", "edit"]
    assert len(versions(expert)[1].document["ranking"]) == 4


def test_two_submits_in_quick_succession_show_each_item_once(live_site, open_page):
    project, expert = qa_project(items=4)
    page = open_bench(open_page, expert, project)
    until_prefetched(page, expert)
    page.evaluate(
        "window.shown = []; const asked = () => document.querySelector('.qa-question .text, "
        ".qa-question .markdown');"
        "new MutationObserver(() => window.shown.push(asked()?.textContent ?? ''))"
        ".observe(document.getElementById('desk'), { childList: true })"
    )
    page.route("**/submit/", lambda route: (page.wait_for_timeout(900), route.continue_()))
    press(page, "k")
    page.get_by_text("（1）").filter(visible=True).first.wait_for()
    page.wait_for_timeout(320)
    press(page, "r 1 Enter")  # before the first has arrived
    first, second = submitted(page, expert, 2)
    assert [first.document["verdict"], second.document["verdict"]] == ["keep", "drop"]
    page.get_by_text("（2）").filter(visible=True).first.wait_for()
    page.wait_for_timeout(1000)
    assert not page.locator("dialog[open]").count()
    shown = [text for text in page.evaluate("window.shown") if text]
    assert len(shown) == len(set(shown)) == 2  # none came back
    assert len(versions(expert)) == 2
