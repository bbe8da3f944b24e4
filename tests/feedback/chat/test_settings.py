"""The manager's page of the chat: one save for all of it, refused whole, and of one project only."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from core.errors import DomainError
from core.models import Event
from corpus.models import ModelVersion
from feedback.chat import guest_links
from feedback.chat.settings import actions as verbs
from feedback.models import Arm, ChatLink, ChatSettings
from feedback.reactions.reasons import default_reasons, labels
from inference.models import Endpoint
from tests.cast import make_member, make_project

pytestmark = pytest.mark.django_db
MAIN = {
    "welcome": "Hello",
    "system": "Be brief.\r\n  Two lines ",
    "assign": "turn",
    "turns_per_minute": "7",
    "drafts": "share",
    "draft_share": "30",
    "draft_count": "3",
    "keep": "days",
    "keep_days": "14",
    "masking": "storage",
    "mask_kinds": ["mobile", "email"],
    "origins": "https://a.example\n\nhttp://localhost:8080/",
}


def make_endpoint(project, name="one", **fields):
    version = ModelVersion.objects.get_or_create(project=project, name=name)[0]
    return Endpoint.objects.create(
        project=project,
        name=name,
        base_url="http://127.0.0.1:9/v1",
        model_name=name,
        model_version=version,
        **fields,
    )


@pytest.fixture
def house():
    project = make_project("clinic")
    manager = make_member(project, "manager")
    client = Client()
    client.force_login(manager)
    return project, manager, client


def post(client, name, data, *args, project="clinic"):
    return client.post(reverse(name, args=[project, *args]), data)


def rows(prefix, *given):
    out = {f"{prefix}-TOTAL_FORMS": len(given), f"{prefix}-INITIAL_FORMS": 0}
    for i, row in enumerate(given):
        out |= {f"{prefix}-{i}-{name}": value for name, value in row.items()}
    return out


def test_a_project_begins_closed_with_reasons_in_both_languages(house):
    project, _manager, client = house
    page = client.get(reverse("chat_settings", args=["clinic"]))
    assert page.status_code == 200
    row = ChatSettings.objects.get(project=project)
    assert (row.enabled, row.keep, row.masking, row.drafts) == (False, "content", "off", "never")
    assert (row.up_reasons, row.down_reasons) == default_reasons()
    assert all(r["en"] and r["zh"] for r in [*row.up_reasons, *row.down_reasons])
    keys = [r["key"] for r in [*row.up_reasons, *row.down_reasons]]
    assert len(set(keys)) == len(keys)
    assert labels(row.down_reasons, "zh-hans")["wrong"] == "内容有误"
    assert labels([{"key": "k", "en": "", "zh": "只有中文"}], "en") == {"k": "只有中文"}


def test_the_main_form_keeps_every_field_as_typed(house):
    project, manager, client = house
    arm(project, manager, make_endpoint(project))
    assert post(client, "chat_settings", MAIN | {"enabled": "on"}).status_code == 302
    row = ChatSettings.objects.get(project=project)
    kept = {name: getattr(row, name) for name in MAIN} | {"enabled": row.enabled}
    assert kept == {
        "enabled": True,
        "welcome": "Hello",
        "system": "Be brief.\n  Two lines ",
        "assign": "turn",
        "turns_per_minute": 7,
        "drafts": "share",
        "draft_share": 30,
        "draft_count": 3,
        "keep": "days",
        "keep_days": 14,
        "masking": "storage",
        "mask_kinds": ["mobile", "email"],
        "origins": ["https://a.example", "http://localhost:8080"],
    }
    event = Event.objects.filter(verb="chat.settings").get()
    assert "Be brief" not in str(event.data) and "system" in event.data["changed"]


def arm(project, manager, endpoint, weight=1, active=True):
    verbs.save_arms(project=project, actor=manager, arms={endpoint.pk: (weight, active)})


def test_a_chat_nobody_answers_is_not_opened(house):
    project, _manager, client = house
    page = post(client, "chat_settings", MAIN | {"enabled": "on"})
    assert page.status_code == 400 and "choose a model first" in page.content.decode()
    assert not ChatSettings.objects.get(project=project).enabled


def test_drafts_of_several_models_need_two(house):
    project, manager, client = house
    arm(project, manager, make_endpoint(project))
    assert post(client, "chat_settings", MAIN | {"draft_from_arms": "on"}).status_code == 400
    arm(project, manager, make_endpoint(project, "two"))
    assert post(client, "chat_settings", MAIN | {"draft_from_arms": "on"}).status_code == 302


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://www.example.org", "https://www.example.org"),
        ("https://WWW.Example.org:443/", "https://www.example.org"),
        ("https://example.org:8443", "https://example.org:8443"),
        ("https://医院.中国", "https://xn--ekrs67m.xn--fiqs8s"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("http://[::1]:5000", "http://[::1]:5000"),
        ("https://192.168.1.7", "https://192.168.1.7"),
        *(
            (bad, None)
            for bad in [
                "*",
                "null",
                "https://*.example.org",
                "http://example.org",
                "https://example.org/path",
                "https://example.org?x",
                "https://u:p@example.org",
                "https://example.org#x",
                "javascript:alert(1)",
                "https://",
                "https://example.org:0",
                "https://example.org:99999",
                "https://exa mple.org",
                "https://a..b",
                "https://-a.example",
                "ftp://example.org",
                "//example.org",
                "https://example.org\\@evil.example",
                "file:///etc/passwd",
            ]
        ),
    ],
)
def test_sites_are_origins_and_nothing_else(given, kept):
    if kept:
        assert verbs.check_origins([given, " ", given]) == [kept]
    else:
        with pytest.raises(DomainError) as refused:
            verbs.check_origins([given])
        assert refused.value.field == "origins"


def test_who_answers(house):
    project, _manager, client = house
    one, two = make_endpoint(project), make_endpoint(project, "two")
    foreign = make_endpoint(make_project("other"), "three")
    given = [
        {"endpoint": one.pk, "active": "on", "weight": 3},
        {"endpoint": two.pk, "active": "on", "weight": 1},
    ]
    assert post(client, "chat_settings", MAIN | rows("arms", *given)).status_code == 302
    assert set(Arm.objects.values_list("endpoint", "weight", "active")) == {
        (one.pk, 3, True),
        (two.pk, 1, True),
    }
    page = client.get(reverse("chat_settings", args=["clinic"])).content.decode()
    assert "75%" in page and "25%" in page
    # Switched off it stays, since messages point at it.
    assert (
        post(
            client, "chat_settings", MAIN | rows("arms", given[0], {"endpoint": two.pk, "weight": 1})
        ).status_code
        == 302
    )
    assert set(Arm.objects.values_list("endpoint", "weight", "active")) == {
        (one.pk, 3, True),
        (two.pk, 1, False),
    }
    for bad in (
        {"endpoint": foreign.pk, "active": "on", "weight": 1},
        {"endpoint": one.pk, "active": "on", "weight": 0},
        {"endpoint": "²", "weight": "x"},
    ):
        assert post(client, "chat_settings", MAIN | rows("arms", bad)).status_code == 400
    assert Arm.objects.count() == 2


def test_reasons_keep_their_keys_when_the_words_change(house):
    project, _manager, client = house
    up, down = default_reasons()
    up[0]["en"] = "Right in every way"
    new = {"key": "", "en": "Kind & warm", "zh": ""}
    data = rows("up", *up, new) | rows("down", *down[:2], {"key": "", "en": "", "zh": "语气不好"})
    assert post(client, "chat_settings", MAIN | data).status_code == 302
    row = ChatSettings.objects.get(project=project)
    assert row.up_reasons == [*up, {"key": "kind_warm", "en": "Kind & warm", "zh": ""}]
    assert row.down_reasons[:2] == down[:2]
    assert re.fullmatch(r"reason_[0-9a-f]{4}", row.down_reasons[2]["key"])


@pytest.mark.parametrize(
    "bad", [{"key": "Wrong key", "en": "x"}, {"key": "correct", "en": "x"}, {"key": "", "en": "x" * 61}]
)
def test_reasons_that_cannot_be_kept_change_nothing_and_stay_in_the_form(house, bad):
    project, _manager, client = house
    up, _down = default_reasons()
    page = post(client, "chat_settings", MAIN | rows("up", *up) | rows("down", bad))
    assert page.status_code == 400 and bad["en"] in page.content.decode()
    assert ChatSettings.objects.get(project=project).down_reasons == default_reasons()[1]


def test_a_new_consent_text_is_a_new_version(house):
    project, _manager, client = house
    for text, version in [
        ("We keep\r\nyour talks.", 2),
        ("We keep\r\nyour talks.", 2),
        ("Other words.", 3),
        ("", 4),
    ]:
        assert post(client, "chat_settings", MAIN | {"consent": text}).status_code == 302
        row = ChatSettings.objects.get(project=project)
        assert (row.consent, row.consent_version) == (text.replace("\r\n", "\n"), version)


def test_a_link_is_shown_once_kept_as_a_hash_and_withdrawn(house):
    _project, _manager, client = house
    page = post(client, "chat_link", {"label": "Ward 3", "days": "7"})
    token = re.search(r"/chat/join/([\w:-]+)/", page.content.decode())[1]
    link = guest_links.find(token)
    assert link.label == "Ward 3" and token not in str(ChatLink.objects.values())
    again = client.get(reverse("chat_settings", args=["clinic"])).content.decode()
    assert "Ward 3" in again and token not in again
    other = make_project("other")
    stranger = Client()
    stranger.force_login(make_member(other, "manager"))
    assert post(stranger, "chat_link_revoke", {}, link.pk, project="other").status_code == 404
    assert post(client, "chat_link_revoke", {}, link.pk).status_code == 302
    assert guest_links.find(token) is None
    for days in ("0", "366", "x"):
        assert post(client, "chat_link", {"label": "", "days": days}).status_code == 400


def test_refused_input_is_still_in_the_form(house):
    page = post(
        house[2], "chat_settings", MAIN | {"origins": "http://evil.example", "welcome": "Half a day's work"}
    )
    text = page.content.decode()
    assert (
        page.status_code == 400
        and "Half a day&#x27;s work" in text
        and "is not the address of a site" in text
    )


def test_one_save_keeps_all_of_it_or_nothing(house):
    """A model switched on and the chat opened in one go; a bad reason, and neither, with all that was typed
    still there."""
    project, _manager, client = house
    one = make_endpoint(project)
    up, down = default_reasons()
    all_of_it = (
        MAIN
        | {"enabled": "on", "system": "Be kind.", "consent": "We keep **this**."}
        | rows("arms", {"endpoint": one.pk, "active": "on", "weight": 3})
        | rows("up", *up)
        | rows("down", {"key": "Wrong key", "en": "Not so good"})
    )
    refused = post(client, "chat_settings", all_of_it)
    text = refused.content.decode()
    assert refused.status_code == 400 and "data-unsaved" in text
    for typed in ("Be kind.", "We keep **this**.", "Not so good", 'value="3"', "http://localhost:8080/"):
        assert typed in text, typed
    row = ChatSettings.objects.get(project=project)
    assert (row.enabled, row.system, row.consent, Arm.objects.count()) == (False, "", "", 0)
    assert post(client, "chat_settings", all_of_it | rows("down", *down)).status_code == 302
    row.refresh_from_db()
    assert (row.enabled, row.system, row.consent) == (True, "Be kind.", "We keep **this**.")
    assert Arm.objects.get().weight == 3


@pytest.mark.browser
def test_nothing_typed_is_lost(live_site, open_page):
    """Neither to a link that is made meanwhile, nor to a refusal, nor to leaving unasked."""
    project = make_project("clinic")
    page = open_page(make_member(project, "manager"))
    page.goto("/p/clinic/chat/settings/")
    assert page.locator("form[action$='/chat/settings/']").count() == 1
    page.click(".section-index >> text=Consent")
    page.fill("[name=system]", "Answer like a nurse.")
    page.check("[name=keep][value=days]")
    page.fill("[name=keep_days]", "14")
    page.fill("[name=up-0-en]", "Just right")
    page.click("text=Make a link")
    page.locator("#guest-link").wait_for()
    page.get_by_text("What you had written is back").wait_for()
    assert page.input_value("[name=system]") == "Answer like a nurse."
    assert page.is_checked("[name=keep][value=days]") and page.input_value("[name=up-0-en]") == "Just right"
    page.fill("[name=origins]", "http://evil.example")
    page.click(".save-bar button")
    page.get_by_text("is not the address of a site").wait_for()
    page.wait_for_load_state()  # the script that keeps what is written has come, too
    assert page.input_value("[name=system]") == "Answer like a nurse."
    # left without a touch, where browsers do not ask: it comes back
    page.goto("/")
    page.goto("/p/clinic/chat/settings/")
    page.get_by_text("What you had written is back").wait_for()
    assert page.input_value("[name=origins]") == "http://evil.example"
    page.click("h1")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.evaluate("setTimeout(() => location.assign('/'))")
    page.wait_for_timeout(1000)
    assert asked == ["beforeunload"]
    page.fill("[name=origins]", "")
    page.click(".save-bar button")
    page.get_by_text("Saved.").wait_for()
    row = ChatSettings.objects.get(project=project)
    assert (row.system, row.keep, row.keep_days) == ("Answer like a nurse.", "days", 14)
    assert row.up_reasons[0]["en"] == "Just right"
    page.goto("/")  # nothing is asked any more
    assert asked == ["beforeunload"]


@pytest.mark.browser
def test_the_browser_lands_on_what_was_sent(live_site, open_page):
    page = open_page(make_member(make_project("clinic"), "manager"), viewport={"width": 1280, "height": 500})
    page.goto("/p/clinic/chat/settings/")
    page.click("text=Make a link")
    field = page.locator("#guest-link")
    field.wait_for()
    page.wait_for_load_state()
    box, bar = field.bounding_box(), page.locator(".bar").bounding_box()
    assert bar["y"] + bar["height"] <= box["y"] <= 500 - box["height"]
    page.fill("[name=days]", "366")
    page.eval_on_selector("[name=days]", "field => (field.form.noValidate = true)")
    page.click("text=Make a link")
    page.locator("#links [aria-invalid=true]").wait_for()
    page.wait_for_load_state()
    assert 0 <= page.locator("#links").bounding_box()["y"] < 500
