"""What people say on the chat's page: thumbs, reasons, corrections, drafts, scores, consent; by keyboard, on
a desk and on a phone."""

import pytest

from feedback.chat.settings import actions as verbs
from feedback.models import Choice, EndUser, Message, Reaction
from tests.feedback.chat.chats import answered, at_rest, looked_at, make_chat, open_chat, say
from tests.processes import until

pytestmark = pytest.mark.browser


def current(kind="thumb"):
    return Reaction.objects.filter(kind=kind, current=True).first()


def said(kind, **fields):
    def same():
        row = current(kind)
        return row is not None and all(getattr(row, name) == value for name, value in fields.items())

    until(same, f"{kind}: {fields}")


def focused(page):
    return page.evaluate(
        "document.activeElement.getAttribute('aria-label') || document.activeElement.textContent"
    )


def test_a_thumb_with_reasons_by_keyboard_alone(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant")
    page = open_chat(open_page, user, project)
    say(page, "hello")
    answered(page)
    page.focus(".thumb.down")
    page.keyboard.press("Enter")
    said("thumb", value=-1, reasons=[], text="")
    # copy, another answer, then the first two chips (the way round the versions is not there)
    for _ in range(4):
        page.keyboard.press("Tab")
    assert focused(page) == "Did not answer my question"
    page.keyboard.press("Space")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    said("thumb", value=-1, reasons=["wrong", "not_answered"])
    while focused(page) != "In your own words":
        page.keyboard.press("Tab")
    page.keyboard.type("the dose 剂量")
    page.keyboard.press("Escape")
    assert page.locator(".reasons").count() == 0 and focused(page) == "Bad answer"
    said("thumb", value=-1, reasons=["wrong", "not_answered"], text="the dose 剂量")
    page.keyboard.press("Enter")  # a change of mind
    said("thumb", value=0, reasons=[], text="")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    said("thumb", value=1)
    assert (
        page.locator(".thumb.up[aria-pressed=true]").count() == 1
        and page.locator(".thumb.down[aria-pressed=true]").count() == 0
    )
    assert Reaction.objects.filter(current=True).count() == 1 and Reaction.objects.count() >= 4
    page.reload()
    page.locator(".thumb.up[aria-pressed=true]").wait_for()
    page.click(".why")
    page.locator(".chip-button:text-is('Correct')").wait_for()


@pytest.mark.parametrize("phone", [False, True])
def test_a_thumb_stays_where_it_was_pressed(live_site, open_page, upstream, phone):
    project, user = make_chat(upstream, "instant")
    page = open_chat(open_page, user, project, phone=phone)
    say(page, "A long question that the model says again.\n" * 60, enter=False)
    answered(page)
    before = at_rest(page, ".thumb.down")
    x, y = before["x"] + before["width"] / 2, before["y"] + before["height"] / 2
    page.mouse.click(x, y)
    page.locator(".reasons").wait_for()
    assert abs(at_rest(page, ".thumb.down")["y"] - before["y"]) <= 2
    chip, foot = (
        page.locator(".chip-button >> nth=0").bounding_box(),
        page.locator(".foot-of-talk").bounding_box(),
    )
    assert chip["y"] + chip["height"] <= foot["y"]  # one sees that there is something to say
    said("thumb", value=-1, reasons=[])
    page.mouse.click(x, y)
    page.locator(".reasons").wait_for(state="detached")
    said("thumb", value=0)
    assert not any(reasons for reasons in Reaction.objects.values_list("reasons", flat=True))


def test_a_comment_is_sent_when_one_types_elsewhere(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant")
    page = open_chat(open_page, user, project, language="zh")
    say(page, "你好")
    answered(page)
    page.click(".thumb.up")
    page.click(".chip-button:text-is('表达清楚')")
    page.fill(".reasons textarea", "很好")
    page.click("#question")
    said("thumb", value=1, reasons=["clear"], text="很好")


def test_what_it_should_have_said(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant")
    page = open_chat(open_page, user, project)
    say(page, "hello")
    answered(page)
    page.click(".thumb.down")
    page.click("text=What should it have said?")
    page.click("text=Start from the answer")
    assert page.input_value(".correction textarea") == Message.objects.get(role="assistant").text
    page.fill(".correction textarea", "  It should have said <b>this</b>.\n")
    page.keyboard.press("Escape")  # folded away, not lost
    page.click(".why")
    page.click("text=What should it have said?")
    page.click(".correction >> text=Save")
    said("correction", value=None, text="  It should have said <b>this</b>.\n")
    page.reload()
    page.click(".own-correction summary")
    assert page.locator(".own-correction .text").text_content() == "  It should have said <b>this</b>.\n"
    page.click("text=Change")
    page.fill(".correction textarea", "")
    page.click(".correction >> text=Save")
    said("correction", text="")
    page.locator(".own-correction").wait_for(state="detached")


def test_drafts_side_by_side_on_a_desk(live_site, open_page, upstream):
    project, user = make_chat(upstream, "ok", "instant", drafts="always", draft_count=2, draft_from_arms=True)
    page = open_chat(open_page, user, project)
    say(page, "hello")
    page.locator(".draft >> nth=1").wait_for()
    boxes = [page.locator(".draft").nth(i).bounding_box() for i in (0, 1)]
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["width"] > 400
    page.locator(".better:not([disabled]) >> nth=1").wait_for()
    looked_at(2)
    ids = [int(page.locator(".draft .answer").nth(i).get_attribute("data-id")) for i in (0, 1)]
    page.locator(".better").nth(1).click()
    page.locator(".turn.answer").wait_for()
    choice = Choice.objects.get()
    assert (choice.verdict, choice.chosen_id) == ("better", ids[1])
    assert choice.shown == [
        {"message": pk, "position": i, "complete": True, "seen": True} for i, pk in enumerate(ids)
    ]
    assert page.locator(".drafts").count() == 0 and page.locator(".turn.answer").get_attribute(
        "data-id"
    ) == str(ids[1])
    say(page, "go on")
    page.locator(".drafts").wait_for()
    assert Message.objects.filter(role="user").order_by("-pk")[0].parent_id == ids[1]


@pytest.mark.parametrize(("words", "verdict"), [("About the same", "same"), ("All bad", "all_bad")])
def test_drafts_as_tabs_on_a_phone(live_site, open_page, upstream, words, verdict):
    project, user = make_chat(
        upstream, "instant", "ok", "ok:0.001", drafts="always", draft_count=3, draft_from_arms=True
    )
    page = open_chat(open_page, user, project, phone=True)
    say(page, "hello", enter=False)
    page.locator(".draft-tab >> nth=2").wait_for()
    assert page.locator(".draft:visible").count() == 1
    page.locator(".draft-verdict button:not([disabled]) >> nth=0").wait_for()
    looked_at(1)
    page.locator(".draft-tab").nth(2).click()
    assert page.locator(".draft:visible").count() == 1
    looked_at(2)
    page.reload()  # drafts that wait for a choice still wait
    page.locator(".draft-tab >> nth=2").wait_for()
    page.click(f".draft-verdict >> text={words}")
    page.locator(".turn.answer").wait_for()
    choice = Choice.objects.get()
    assert (choice.verdict, choice.chosen_id) == (verdict, None)
    assert [(row["position"], row["seen"]) for row in choice.shown] == [(0, True), (1, False), (2, True)]
    width, wide = page.evaluate(
        "[document.documentElement.clientWidth, document.documentElement.scrollWidth]"
    )
    assert wide <= width


def test_one_may_write_on_without_choosing(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant", "ok", drafts="always", draft_from_arms=True)
    page = open_chat(open_page, user, project)
    say(page, "hello")
    page.locator(".better:not([disabled]) >> nth=1").wait_for()
    say(page, "go on")
    until(lambda: Message.objects.filter(role="user").count() == 2, "the second question")
    page.locator(".better:not([disabled]) >> nth=1").wait_for()
    assert Choice.objects.count() == 0 and page.locator(".drafts").count() == 1
    assert page.locator(".bubble").all_inner_texts() == ["hello", "go on"]


def test_drafts_that_do_not_differ_are_no_choice(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant", drafts="always")
    page = open_chat(open_page, user, project)
    say(page, "hello")
    page.locator(".draft-note:text-is('The answers are the same.')").wait_for()
    assert page.locator(".draft-verdict button:visible, .better:visible").all_inner_texts() == ["Go on"]
    first = page.locator(".draft .answer").first.get_attribute("data-id")
    page.click("text=Go on")
    assert (
        page.locator(".turn.answer").get_attribute("data-id") == first
        and page.locator(".drafts").count() == 0
    )
    page.keyboard.type("and now")
    page.keyboard.press("Enter")
    page.locator(".draft-note:text-is('The answers are the same.')").wait_for()
    assert (
        Choice.objects.count() == 0
        and str(Message.objects.filter(role="user").order_by("-pk")[0].parent_id) == first
    )


@pytest.mark.parametrize(
    ("words", "verdict", "chosen"),
    [("better", "better", 1), ("worse", "better", 0), ("about the same", "same", None)],
)
def test_asked_again_it_is_compared_with_the_answer_before(
    live_site, open_page, upstream, words, verdict, chosen
):
    project, user = make_chat(upstream, "instant", drafts="regenerate")
    page = open_chat(open_page, user, project)
    say(page, "hello")
    answered(page)
    page.click("[data-tool=again]")
    page.click(f".compare button:text-is('{words}')")
    choice = until(lambda: Choice.objects.first(), "the choice")
    ids = list(Message.objects.filter(role="assistant").order_by("pk").values_list("pk", flat=True))
    assert (choice.verdict, choice.chosen_id, choice.regenerated) == (
        verdict,
        None if chosen is None else ids[chosen],
        True,
    )
    assert [(row["message"], row["complete"], row["seen"]) for row in choice.shown] == [
        (pk, True, True) for pk in ids
    ]
    page.locator(f".answer .count:text('{2 if chosen != 0 else 1}/2')").wait_for()


def test_a_score_for_the_whole_talk(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant")
    page = open_chat(open_page, user, project)
    assert not page.locator("#rate").is_visible()
    say(page, "hello")
    answered(page)
    page.click("#rate")
    page.click("#score-dialog >> text=Save")
    assert page.locator("#score-dialog").is_visible()  # not without a number
    page.keyboard.press("Tab")
    page.focus("[name=value][value='4']")
    page.keyboard.press("Space")
    page.fill("#score-text", "quite good")
    page.click("#score-dialog >> text=Save")
    said("score", value=4, text="quite good")
    page.locator("#rate-words:text-is('Rated 4 of 5')").wait_for()
    page.locator("#history-list >> text=4/5").wait_for()
    page.reload()
    page.locator("#rate:has-text('Rated 4')").wait_for()
    page.click("#rate")
    assert page.input_value("#score-text") == "quite good" and page.is_checked("[name=value][value='4']")
    page.click("#score-dialog >> text=Take it back")
    said("score", value=0)
    page.locator("#rate-words:text-is('Rate this conversation')").wait_for()


def test_consent_is_asked_once_for_each_text_and_shown_at_any_time(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant", consent="We keep **your** talks.", consent_version=3)
    page = open_chat(open_page, user, project)
    page.click("text=What is stored, and why")
    assert page.locator("#stored-dialog strong").inner_text() == "your"
    page.keyboard.press("Escape")
    say(page, "hello")
    page.locator("#consent-dialog[open]").wait_for()
    page.click("text=Not now")
    assert Message.objects.count() == 0 and page.input_value("#question") == "hello"
    page.press("#question", "Enter")
    page.click("text=I agree")
    answered(page)
    assert EndUser.objects.get().consent_version == 3
    say(page, "again")
    answered(page, 2)
    verbs.save_consent(project=project, actor=user, text="Other words.")
    say(page, "and now")
    page.locator("#notice:has-text('has changed')").wait_for()
    assert page.input_value("#question") == "and now"
    with page.expect_navigation():
        page.click("#notice-again")
    until(lambda: page.input_value("#question") == "and now", "what was typed")
    page.press("#question", "Enter")
    page.locator("#consent-dialog >> text=Other words.").wait_for()
    page.click("text=I agree")
    answered(page, 3)
    assert EndUser.objects.get().consent_version == 4


@pytest.mark.parametrize("phone", [False, True])
def test_axe_finds_nothing_at_any_step(live_site, open_page, upstream, phone):
    from axe_playwright_python.sync_playwright import Axe

    project, user = make_chat(
        upstream, "instant", "sources", drafts="always", draft_from_arms=True, consent="We keep **this**."
    )
    page = open_chat(open_page, user, project, phone=phone, dark=phone)
    found = []

    def look(where):
        found.extend(
            (where, v["id"], v["nodes"][0]["html"][:200]) for v in Axe().run(page).response["violations"]
        )

    look("empty")
    say(page, "hello", enter=False)
    page.locator("#consent-dialog[open]").wait_for()
    look("consent")
    page.click("text=I agree")
    page.locator(".draft-verdict button:not([disabled]) >> nth=0").wait_for()
    look("drafts")
    page.locator(".better:visible").first.click()
    page.click(".thumb.down")
    page.click(".chip-button >> nth=1")
    look("reasons")
    page.click("text=What should it have said?")
    look("correction")
    page.click("#rate")
    look("score")
    page.keyboard.press("Escape")
    if phone:
        page.tap("#history-open")
        page.locator("#history-list a").wait_for()
        look("drawer")
    assert found == []
