"""Who may chat: members of every role, guests by a living link, nobody else; and nobody ever opens another's
talk."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.models import Event
from feedback.chat import access, guest_links
from feedback.chat.settings import actions as verbs
from feedback.conversations import end_users
from feedback.models import ChatLink, ChatSettings, Conversation, EndUser, Message
from tests.cast import make_member, make_project, make_user
from tests.feedback.talks import Browser, make_chat, make_link, make_message, make_talk, new_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make_chat("clinic")


def guest_of(project, path: str) -> Browser:
    browser = Browser(project)
    assert browser.join(path).status_code == 302
    return browser


def own_talk(browser: Browser, *turns: str) -> list[Message]:
    """A talk of whoever sits at the browser."""
    browser.post("messages/seen/", ids=[])
    browser.post("consent/", version=1)
    return make_talk(browser.project, *turns, end_user=EndUser.objects.latest("pk"))


@pytest.mark.parametrize("role", ["user", "annotator", "reviewer", "manager"])
def test_members_of_any_role_chat(project, role):
    browser = Browser(project, make_member(project, role))
    assert browser.client.get(browser.base).status_code == 200
    assert browser.get("conversations/").json() == {"conversations": [], "more": False}
    assert not EndUser.objects.exists()  # looking makes nobody known


def test_a_superuser_chats(project):
    browser = Browser(project, make_user(is_superuser=True))
    assert browser.get("conversations/").status_code == 200


def test_nobody_is_asked_to_sign_in_and_strangers_learn_nothing(project):
    nobody, stranger = Browser(project), Browser(project, make_user())
    assert (
        nobody.get("conversations/").status_code == 401
        and nobody.get("conversations/").json()["error"]["code"] == "signed_out"
    )
    assert nobody.client.get(nobody.base)["Location"] == "/login/?next=/chat/clinic/"
    assert (
        stranger.get("conversations/").status_code == 404
        and stranger.client.get(stranger.base).status_code == 404
    )
    absent = Browser(make_project("absent"), make_user())
    absent.base = "/chat/nowhere/"
    assert absent.get("conversations/").content == stranger.get("conversations/").content
    assert (
        stranger.post("turn/", conversation=None, parent=None, text="x", client_key=new_key()).status_code
        == 404
    )


def test_a_chat_that_is_off_is_open_to_managers_only(project):
    ChatSettings.objects.update(enabled=False)
    assert (
        Browser(project, make_member(project, "reviewer")).get("conversations/").json()["error"]["code"]
        == "chat_off"
    )
    assert Browser(project, make_member(project, "manager")).get("conversations/").status_code == 200
    _link, path = make_link(project)
    assert Client().get(path).status_code == Client().post(path).status_code == 404
    bare = make_project("bare")
    assert Browser(bare, make_member(bare, "manager")).get("conversations/").status_code == 404


# Guests.


def test_a_guest_comes_in_by_one_button(project):
    link, path = make_link(project)
    browser = Browser(project)
    page = browser.client.get(path)
    assert page.status_code == 200 and b"<form" in page.content
    link.refresh_from_db()
    # looking burns nothing
    assert link.people == 0 and not EndUser.objects.exists() and access.SESSION not in browser.client.session
    before = browser.client.session.session_key
    assert browser.join(path)["Location"] == "/chat/clinic/"
    assert browser.client.session.session_key != before
    link.refresh_from_db()
    assert link.people == 1 and EndUser.objects.get().user is None
    assert (
        browser.client.get(browser.base).status_code == 200
        and browser.get("conversations/").status_code == 200
    )
    assert browser.client.get(path)["Location"] == "/chat/clinic/"  # a second click
    browser.join(path)
    link.refresh_from_db()
    assert link.people == 1 and EndUser.objects.count() == 1


def test_a_guests_session_opens_nothing_else(project):
    browser = guest_of(project, make_link(project)[1])
    other = make_chat("other")
    assert Browser(other).get("conversations/").status_code == 401
    client = browser.client
    assert client.get("/chat/other/api/conversations/").status_code == 401
    for url in ("/", "/p/clinic/", "/p/clinic/chat/settings/", "/p/clinic/bench/", "/account/"):
        answer = client.get(url, HTTP_ACCEPT="text/html")
        assert answer.status_code == 302 and answer["Location"].startswith("/login/"), url
    assert client.get("/api/v1/formats/").status_code == 401


@pytest.mark.parametrize("change", [{"revoked": True}, {"expires_at": timezone.now() - timedelta(seconds=1)}])
def test_a_dead_link_lets_nobody_in_and_ends_who_came_by_it(project, change):
    _link, path = make_link(project)
    browser = guest_of(project, path)
    talk = own_talk(browser)
    assert browser.talk(talk[0].conversation_id)["messages"]
    ChatLink.objects.update(**change)
    assert (
        browser.get("conversations/").status_code == 403
        and browser.get("conversations/").json()["error"]["code"] == "link_gone"
    )
    assert browser.client.get(browser.base).status_code == 403
    assert (
        browser.post("turn/", conversation=None, parent=None, text="x", client_key=new_key()).status_code
        == 403
    )
    assert Client().get(path).status_code == 404 and Client().post(path).status_code == 404
    # a new link brings the same person back to their talks
    _link, path = make_link(project)
    browser.join(path)
    assert browser.talk(talk[0].conversation_id)["messages"] and EndUser.objects.count() == 1


def test_tokens_are_signed_and_kept_as_hashes_only(project, django_assert_num_queries):
    link, token = verbs.create_link(project=project, actor=make_user(), label="", days=1)
    assert token not in str(ChatLink.objects.values()) and guest_links.find(token) == link
    with django_assert_num_queries(0):
        assert guest_links.find(token[:-1] + ("A" if token[-1] != "A" else "B")) is None


def test_joining_is_limited_by_address(project):
    _link, path = make_link(project)
    answers = [Client(REMOTE_ADDR="10.1.1.1").get(path).status_code for _ in range(62)]
    assert answers[:60] == [200] * 60 and 429 in answers
    assert Client(REMOTE_ADDR="10.1.1.2").get(path).status_code == 200


def test_two_guests_are_two_people_and_a_member_is_the_member(project):
    _link, path = make_link(project)
    first, second = guest_of(project, path), guest_of(project, path)
    talk = own_talk(first)
    assert EndUser.objects.count() == 2 and second.get(
        f"conversations/{talk[0].conversation_id}/"
    ).status_code in (200, 404)
    member = make_member(project, "user")
    first.client.force_login(member)  # signs in on the guest's browser
    assert first.get(f"conversations/{talk[0].conversation_id}/").status_code == 404
    first.post("consent/", version=1)
    assert EndUser.objects.get(user=member)
    browser = Browser(project, make_member(project, "user"))
    browser.join(path)  # a member who follows the link stays the member
    assert access.SESSION not in browser.client.session


def test_whoever_signs_in_on_a_guests_browser_is_somebody_else(project):
    browser = guest_of(project, make_link(project)[1])
    browser.client.force_login(make_user())
    assert browser.get("conversations/").status_code == 404


def test_a_guest_who_leaves_cannot_be_taken_up_again(project):
    browser = guest_of(project, make_link(project)[1])
    assert browser.client.post(browser.base + "leave/").status_code == 302
    assert browser.get("conversations/").status_code == 401


# Consent.


def test_consent_comes_before_the_first_turn(project):
    ChatSettings.objects.update(consent="We keep your words.", consent_version=3)
    browser = Browser(project, make_member(project, "user"))
    refused = browser.post("turn/", conversation=None, parent=None, text="x", client_key=new_key())
    assert (
        refused.status_code == 409
        and refused.json()["error"]["code"] == "consent"
        and refused.json()["version"] == 3
    )
    assert not Conversation.objects.exists()
    assert browser.post("consent/", version=2).status_code == 409
    assert browser.post("consent/", version=3).json() == {"version": 3}
    end_user = EndUser.objects.get()
    assert (
        end_user.consent_version == 3
        and end_user.consented_at
        and Event.objects.filter(verb="chat.consent_given", target_id=end_user.pk).exists()
    )
    ChatSettings.objects.update(consent_version=4)
    assert (
        browser.post("turn/", conversation=None, parent=None, text="x", client_key=new_key()).status_code
        == 409
    )


def test_a_guest_agrees_at_the_door(project):
    ChatSettings.objects.update(consent="We keep your words.", consent_version=2)
    _link, path = make_link(project)
    browser = Browser(project)
    # not agreed, or to another text
    assert browser.join(path).status_code == 200 and browser.join(path, consent="1").status_code == 200
    assert not EndUser.objects.exists()
    assert browser.join(path, consent="2").status_code == 302
    assert EndUser.objects.get().consent_version == 2


# Another's talk.


def test_one_persons_ids_are_nothing_in_anothers_session(project):
    """Every address of the chat with somebody else's conversation and messages: as if they were not there,
    and nothing changes."""
    mine, hers = (
        Browser(project, make_member(project, "user")),
        Browser(project, make_member(project, "manager")),
    )
    question, answer = own_talk(hers, "Her secret?", "Her answer.")
    other = make_message(question.conversation, "Her other answer.", parent=question)
    talk = question.conversation_id
    me = own_talk(mine)
    rows = [Message.objects.count(), Conversation.objects.values_list("head", flat=True).get(pk=talk)]
    attempts = [
        mine.get(f"conversations/{talk}/"),
        mine.get(f"messages/{answer.pk}/"),
        mine.post(f"conversations/{talk}/branch/", message=answer.pk),
        mine.post(f"conversations/{me[0].conversation_id}/branch/", message=answer.pk),
        mine.post(f"conversations/{talk}/delete/"),
        mine.post(f"conversations/{talk}/score/", value=1, text=""),
        mine.post(f"messages/{answer.pk}/react/", kind="thumb", value=1, reasons=[], text=""),
        mine.post(f"messages/{answer.pk}/stop/"),
        mine.post(f"messages/{answer.pk}/signal/", name="copy"),
        mine.post("choose/", user=question.pk, verdict="same", chosen=None, shown=[]),
        mine.post(
            "choose/",
            user=me[0].pk,
            verdict="better",
            chosen=answer.pk,
            shown=[{"message": me[1].pk}, {"message": answer.pk}],
        ),
        mine.post("turn/", conversation=talk, parent=None, text="x", client_key=new_key()),
        mine.post(
            "turn/", conversation=me[0].conversation_id, parent=answer.pk, text="x", client_key=new_key()
        ),
        mine.post("turn/", conversation=talk, parent=answer.pk, text="x", client_key=new_key()),
        mine.post("regenerate/", message=answer.pk, client_key=new_key()),
    ]
    assert [a.status_code for a in attempts] == [404] * len(attempts)
    assert not any(b"secret" in a.content or b"Her" in a.content for a in attempts)
    assert mine.post("messages/seen/", ids=[answer.pk, other.pk]).json() == {"seen": 0}
    assert "Her" not in mine.get("conversations/", q="Her").content.decode()
    assert [Message.objects.count(), Conversation.objects.values_list("head", flat=True).get(pk=talk)] == rows
    assert not project.reactions.exists() and not project.choices.exists() and not project.signals.exists()


def test_a_talk_of_one_project_is_none_of_anothers(project):
    """The same person in two projects is two, and the address of one does not open the other's rows."""
    user = make_member(project, "user")
    other = make_chat("other")
    make_member(other, "user", user)
    here, there = Browser(project, user), Browser(other, user)
    talk = own_talk(here)
    assert here.get(f"conversations/{talk[0].conversation_id}/").status_code == 200
    assert (
        there.get(f"conversations/{talk[0].conversation_id}/").status_code == 404
        and there.get(f"messages/{talk[1].pk}/").status_code == 404
    )
    assert end_users.member_hash(project, user) != end_users.member_hash(other, user)


def test_a_member_who_was_removed_is_a_stranger(project):
    user = make_member(project, "user")
    browser = Browser(project, user)
    talk = own_talk(browser)
    user.memberships.all().delete()
    assert browser.get(f"conversations/{talk[0].conversation_id}/").status_code == 404


def test_no_deployment_can_name_a_member(project):
    """An id that comes by the API never stands for a member or a guest."""
    user = make_member(project, "user")
    made = end_users.of_member(project, user)
    for key in (f"member\0{user.pk}", f"member{user.pk}", str(user.pk)):
        try:
            assert end_users.of_key(project, key) != made
        except Exception as exc:
            assert exc.code == "bad_end_user"
    assert (
        end_users.label(made) == end_users.label(made)
        and end_users.label(made).startswith("U-")
        and made.key_hash[:6] not in end_users.label(made)
    )


def test_sessions_need_the_token_of_their_page(project):
    browser = Browser(project, make_member(project, "user"), enforce_csrf_checks=True)
    refused = browser.post("turn/", conversation=None, parent=None, text="x", client_key=new_key())
    assert refused.status_code == 403 and not Message.objects.exists()
    browser.client.get(browser.base)
    token = browser.client.cookies["csrftoken"].value
    allowed = browser.client.post(
        browser.base + "api/messages/seen/", "{}", content_type="application/json", HTTP_X_CSRFTOKEN=token
    )
    assert allowed.status_code == 200


def test_wrong_method(project):
    browser = Browser(project, make_member(project, "user"))
    assert browser.get("turn/").status_code == 405 and browser.post("conversations/").status_code == 405


def test_reading_a_talk_asks_few_questions_of_the_database(project):
    browser = Browser(project, make_member(project, "user"))
    talk = own_talk(browser, *[f"turn {i}" for i in range(20)])
    with CaptureQueriesContext(connection) as queries:
        assert len(browser.talk(talk[0].conversation_id)["messages"]) == 20
    assert len(queries) <= 12
    with CaptureQueriesContext(connection) as queries:
        browser.get("conversations/", q="turn")
    assert len(queries) <= 6
