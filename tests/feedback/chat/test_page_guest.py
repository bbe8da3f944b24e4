"""Guests by a link: they read what is stored, begin, chat, and see nothing else; what a manager sees before
the chat is open."""

import pytest
from django.urls import reverse

from feedback.chat.settings import actions as verbs
from feedback.models import ChatLink, ChatSettings, EndUser, Message
from tests.browser import answer_question
from tests.cast import make_member
from tests.feedback.chat.chats import answered, make_chat, open_chat, say
from tests.processes import until

pytestmark = pytest.mark.browser


def make_link(project):
    manager = make_member(project, "manager")
    return verbs.create_link(project=project, actor=manager, label="", days=7)[1]


def test_a_guest_joins_chats_and_leaves(live_site, open_page, upstream):
    project, _user = make_chat(
        upstream, "instant", consent="We keep **this**.", welcome="Welcome to the clinic"
    )
    path = reverse("chat_join", args=[make_link(project)])
    page = open_page(None, phone=True)
    page.goto(path)
    text = page.inner_text("main")
    assert (
        "Welcome to the clinic" in text
        and "pseudonym" in text
        and "random number" in text
        and EndUser.objects.count() == 0
    )
    page.click("text=Agree and begin")
    page.locator("#composer textarea").wait_for()
    assert page.url.endswith("/chat/clinic/")
    bar = page.inner_text(".bar")
    assert "Clinic" in bar and page.locator(".tabs").count() == 0 and page.locator(".bar a").count() == 0
    say(page, "hello", enter=False)
    answered(page)  # consent was given at the door
    page.click(".thumb.up")
    guest = EndUser.objects.get()
    assert (guest.user, guest.consent_version, ChatLink.objects.get().people) == (
        None,
        ChatSettings.objects.get().consent_version,
        1,
    )
    page.reload()
    answered(page)
    for name in ("project", "chat_settings", "home", "account"):
        page.goto(reverse(name, args=["clinic"] if name in ("project", "chat_settings") else []))
        assert "/login/" in page.url, name
    # Another guest by the same link is somebody else.
    other = open_page(None)
    other.expect_errors("404")
    other.goto(path)
    other.click("text=Agree and begin")
    other.locator("#composer textarea").wait_for()
    other.goto(f"/chat/clinic/{Message.objects.first().conversation_id}/")
    other.locator("#notice:has-text('no such conversation')").wait_for()
    # Leaving.
    page.goto("/chat/clinic/")
    page.locator("#history-list a").wait_for(state="attached")
    page.fill("#question", "half a thought")
    page.click(".menu.end summary")
    page.click("text=Leave")
    assert "nobody can open" in answer_question(page)
    with page.expect_navigation():
        assert "did not send" in answer_question(page)
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('touchstone:'))") == []
    page.goto("/chat/clinic/")
    assert "/login/" in page.url


def test_a_link_withdrawn_while_a_guest_types_loses_nothing(live_site, open_page, upstream):
    project, _user = make_chat(upstream, "instant")
    page = open_page(None)
    page.goto(reverse("chat_join", args=[make_link(project)]))
    page.click("text=Begin")
    page.locator("#composer textarea").wait_for()
    ChatLink.objects.update(revoked=True)
    say(page, "still here")
    page.locator("#notice:visible").wait_for()
    assert page.input_value("#question") == "still here" and Message.objects.count() == 0


def test_a_link_that_is_gone(live_site, open_page, upstream):
    project, _user = make_chat(upstream, "instant")
    path = reverse("chat_join", args=[make_link(project)])
    ChatLink.objects.update(revoked=True)
    page = open_page(None)
    page.expect_errors("404")
    page.goto(path)
    assert "no longer works" in page.inner_text("main")


def test_a_manager_tries_the_chat_before_it_opens_and_nobody_else(live_site, open_page, upstream):
    project, user = make_chat(upstream, "instant")
    ChatSettings.objects.update(enabled=False)
    page = open_chat(open_page, make_member(project, "manager"), project)
    assert "managers only" in page.inner_text(".talk-head")
    say(page, "hello")
    answered(page)
    closed = open_page(user)
    closed.expect_errors("404")
    closed.goto("/chat/clinic/")
    assert "no chat" in closed.inner_text("main")


def test_who_only_chats_lands_on_the_chat(live_site, open_page, upstream):
    _project, user = make_chat(upstream, "instant")
    page = open_page(user)
    page.goto("/")
    page.click("main a:has-text('Clinic')")
    page.locator("#composer textarea").wait_for()
    page.goto("/p/clinic/")
    until(lambda: page.url.endswith("/chat/clinic/"), "the chat")
