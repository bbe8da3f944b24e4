"""The inbox in the browser: found, looked at, sent, answered, and read by the person who had asked; and its
pages in both languages, sizes and colours."""

import os

import pytest

from annotation.models import Item
from annotation.promotion import by_hand
from feedback.conversations import end_users
from feedback.inbox import replies
from feedback.models import Look, Message
from tests.annotation.promotion.promoted_talks import make_chat, make_end_user, make_talk, score, thumb
from tests.cast import make_cast
from tests.feedback.inbox.test_rows import correct, make_choice

pytestmark = pytest.mark.browser
LONG = 60_000  # ms, for a machine with much else to do
ZH = "孩子三岁，发烧 39 度，布洛芬一次吃多少？"


@pytest.fixture
def cast(transactional_db, settings):
    settings.JOB_SENDER = "tests.core.pages.test_role_matrix.nobody_listens"
    cast = make_cast("clinic", kind="qa", overlap=2)
    make_chat(cast.project, replies="written")
    return cast


@pytest.fixture
def answer(cast):
    """What ute said of an answer in the chat."""
    who = end_users.of_member(cast.project, cast.ute)
    answer = make_talk(cast.project, ("How much ibuprofen?", "Take **50 mg** an hour."), who=who)[0]
    thumb(answer, -1, "far too much", reasons=["wrong"])
    correct(answer, "Take **5 mg** a day.")
    return answer


def test_from_the_inbox_to_the_experts_and_back_to_the_person(cast, answer, open_page, live_site):
    thumb(make_talk(cast.project, ("Thank you?", "Welcome."))[0], 1)
    page = open_page(cast.alice)
    page.set_default_navigation_timeout(LONG)
    page.goto("/p/clinic/inbox/")
    page.get_by_label("Thumb", exact=True).select_option("down")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url("**thumb=down**")
    page.get_by_role("link", name="How much ibuprofen?").wait_for()
    assert page.get_by_text("Thank you?").count() == 0
    assert page.get_by_text("far too much").is_visible() and page.locator("ins").count() > 0
    with page.expect_response("**/inbox/look/") as noted:
        page.locator("summary", has_text="The answer").click()
    assert noted.value.status == 204 and Look.objects.filter(user=cast.alice, message=answer).exists()
    page.get_by_label("Choose all on this page").check()
    page.get_by_text("Chosen: 1").wait_for()
    page.get_by_role("button", name="Send to experts").click()
    page.get_by_text("1 new item. 2 people judge each. That is 2 judgements.").wait_for()
    assert not Item.objects.exists()
    page.get_by_role("button", name="Send to experts").click()
    page.wait_for_url("**/inbox/?**thumb=down**")
    page.get_by_text("1 new item is with the experts.").wait_for()
    assert Item.objects.count() == 1
    page.get_by_role("link", name="How much ibuprofen?").click()
    page.get_by_label("Your reply").fill("Five milligrams, please.")
    page.get_by_role("button", name="Send the reply").click()
    page.get_by_text("The reply is now under the answer in this person's chat.").wait_for()

    chat = open_page(cast.ute)
    chat.set_default_navigation_timeout(LONG)
    chat.goto(f"/chat/clinic/{answer.conversation_id}/")
    chat.get_by_role("heading", name="An expert answered").wait_for()
    assert chat.get_by_text("Five milligrams, please.").is_visible()
    message = Message.objects.select_related("project", "conversation").get(pk=answer.pk)
    replies.write(message=message, author=cast.dan, text="", corrected="Take **5 mg**.")
    chat.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    chat.locator(".specialist strong", has_text="5 mg").wait_for()


def filled(cast, answer):
    project = cast.project
    who = make_end_user(project, "mother")
    long = (
        "## 剂量\n\n"
        + "按体重 **每公斤 5–10 毫克**，每 6–8 小时一次。\n\n| 体重 | 一次 |\n|---|---|\n| 14 kg | 100 mg |\n"
        * 8
    )
    zh = make_talk(project, (ZH, long), who=who)[0]
    thumb(zh, -1, "表格看不懂，而且没有说明最大剂量。", reasons=["unclear", "incomplete"])
    score(zh, 2, "还是去了医院")
    correct(
        make_talk(project, ("Is it safe with asthma?", "Yes, always."))[0], "Not always: ask a doctor first."
    )
    for i in range(6):
        thumb(make_talk(project, (f"Question number {i} about the ward", "It is on the second floor."))[0], 1)
    make_choice(project, question="Which of these explains it better?")
    make_choice(project, "all_bad", question="哪一个更好？")
    by_hand.send(project=project, actor=cast.alice, messages=[zh.pk])
    message = Message.objects.select_related("project", "conversation").get(pk=answer.pk)
    replies.write(
        message=message,
        author=cast.dan,
        text="Please do not take that much.",
        corrected="Take **5 mg** a day.",
    )
    return zh


@pytest.mark.parametrize(("phone", "dark", "language"), [(False, False, "en"), (True, True, "zh")])
def test_axe_finds_nothing_and_nothing_hangs_over_the_edge(
    cast, answer, open_page, live_site, phone, dark, language
):
    from axe_playwright_python.sync_playwright import Axe

    zh = filled(cast, answer)
    page = open_page(cast.alice, phone=phone, dark=dark, language=language)
    page.set_default_navigation_timeout(LONG)
    found = []
    paths = [
        "/p/clinic/inbox/",
        f"/p/clinic/inbox/?person={zh.conversation.end_user_id}&reason=unclear",
        f"/p/clinic/inbox/{zh.pk}/",
        f"/p/clinic/inbox/{answer.pk}/",
        "/p/clinic/feedback/",
        "/p/clinic/promotion/",
    ]
    for n, path in enumerate(paths):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        page.evaluate("document.querySelectorAll('details.fold').forEach(d => d.open = true)")
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            found.append(f"{path}: {over} px over the edge")
        if folder := os.environ.get("SHOTS"):  # to look at
            page.screenshot(
                path=f"{folder}/{n}-{'phone' if phone else 'desk'}-{language}.png", full_page=True
            )
        assert len(page.content().encode()) < 150_000, path
        for violation in Axe().run(page).response["violations"]:
            found += [
                f"{path}: {violation['id']} {node['html'][:160]} {node['failureSummary'][:300]}"
                for node in violation["nodes"][:3]
                # headings of a model's own text stand where it put them
                if violation["id"] != "heading-order" or not node["html"].startswith(("<h4", "<h5", "<h6"))
            ]
    assert not found, "\n".join(found)
