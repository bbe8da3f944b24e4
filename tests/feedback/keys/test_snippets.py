"""What the page of API keys shows beside a new key works as it is pasted: each piece is run against a live
server."""

import html
import json
import re
import subprocess
import sys
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from django.test import Client

from feedback.models import ChatSettings, Conversation, Message, Reaction
from tests.cast import make_member, make_project
from tests.feedback.chat.chats import make_chat
from tests.processes import until

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = re.compile(r"tsk_[0-9a-f]{12}_[\w-]+")
# Gradio is not among the packages of this project: what the app gives it is kept, and used by hand.
GRADIO = """
import sys, types
gradio = types.ModuleType("gradio")
class App:
    def __init__(self, *given, **more): gradio.given = given
    def launch(self): pass
gradio.ChatInterface = App
gradio.LikeData = gradio.Request = object
sys.modules["gradio"] = gradio
"""


class Shown:
    """The page that made a key: its answer, and the pieces of code on it."""

    def __init__(self, live_site, user, scope: str, role: str = "user", language: str = "en"):
        client = Client(HTTP_HOST=urlsplit(live_site.url).netloc)
        client.force_login(user)
        client.cookies["django_language"] = language
        self.client = client
        page = client.post("/p/clinic/keys/", {"name": "app", "scope": scope, "role": role})
        assert page.status_code == 200
        self.text = page.content.decode()
        found = re.findall(r'<code id="([\w-]+)"[^>]*>(.*?)</code>', self.text, re.S)
        self.code = {name: html.unescape(code) for name, code in found}

    @property
    def secret(self) -> str:
        return SECRET.search(self.text)[0]


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def clinic(live_site, upstream):
    project, _user = make_chat(upstream, "ok:0.001")
    ChatSettings.objects.update(origins=["https://clinic.example"])
    return project, make_member(project, "manager")


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_asking_a_model(clinic, live_site, language):
    pytest.importorskip("openai")
    shown = Shown(live_site, clinic[1], "proxy", language=language)
    assert set(shown.code) == {"curl-proxy", "python-proxy", "gradio-chat"}
    answer = json.loads(run("sh", "-c", shown.code["curl-proxy"]))
    said = answer["choices"][0]["message"]["content"]
    assert said
    assert run(sys.executable, "-c", shown.code["python-proxy"]).strip() == said.strip()
    before = "[{'role': 'user', 'content': [{'type': 'text', 'text': 'Hi'}]}]"
    use = f"\nprint(list(gradio.given[0]('And now?', {before}))[-1])"
    assert "And now?" in run(sys.executable, "-c", GRADIO + shown.code["gradio-chat"] + use)
    until(lambda: Message.objects.filter(role="assistant").count() >= 2, "the exchanges to be kept")


def test_sending_feedback_and_the_widget(clinic, live_site):
    pytest.importorskip("requests")
    shown = Shown(live_site, clinic[1], "ingest")
    assert set(shown.code) == {"curl-feedback", "gradio-like", "widget-token", "widget-script"}
    assert json.loads(run("sh", "-c", shown.code["curl-feedback"]))["status"] == "accepted"
    assert Reaction.objects.get().value == 1
    talk = "[{'role': 'user', 'content': 'Hi'}, {'role': 'assistant', 'content': 'Hello'}]"
    use = "\nwho = types.SimpleNamespace(session_hash='s-1', username=None)"
    for pressed in ("True", "False", "''"):  # up, down instead, and down again: taken back
        use += f"\nliked({talk}, types.SimpleNamespace(index=1, liked={pressed}), who)"
    run(sys.executable, "-c", GRADIO + shown.code["gradio-like"] + use)
    liked = Reaction.objects.exclude(pk=Reaction.objects.first().pk)
    assert list(liked.order_by("pk").values_list("value", "current")) == [(1, False), (-1, False), (0, True)]
    assert Conversation.objects.count() == 2, "the same talk, liked three times, is one"
    token = run(
        sys.executable, "-c", shown.code["widget-token"] + "\nprint(touchstone_token('person-7'))"
    ).strip()
    script = re.search(r'src="([^"]+)"', shown.code["widget-script"])[1]
    with urlopen(script) as got:
        assert b"data-touchstone-message" in got.read()
    asked = Request(
        script.replace("widget.js", "api/v1/widget/setup/?project=clinic"),
        headers={"Authorization": f"Bearer {token}", "Origin": "https://clinic.example"},
    )
    with urlopen(asked) as got:
        assert "words" in json.load(got)
    assert shown.secret not in shown.code["widget-script"]


def test_a_key_for_everything_and_one_of_an_annotator(clinic, live_site):
    everything = Shown(live_site, clinic[1], "all", role="manager")
    assert {"curl-proxy", "curl-feedback", "curl-progress"} <= set(everything.code)
    assert "done" in run("sh", "-c", everything.code["curl-progress"])
    expert = Shown(live_site, make_member(clinic[0], "annotator"), "all", role="annotator")
    assert set(expert.code) == {"curl-progress"}
    assert "done" in run("sh", "-c", expert.code["curl-progress"])


def test_the_secret_is_shown_once(clinic, live_site):
    shown = Shown(live_site, clinic[1], "proxy")
    again = shown.client.get("/p/clinic/keys/").content.decode()
    assert not SECRET.search(again) and "Ready to paste" not in again


def test_a_project_without_a_model_or_a_site_is_told_so(live_site):
    lead = make_member(make_project("clinic"), "manager")
    assert "has no model yet" in Shown(live_site, lead, "proxy").text
    assert "/p/clinic/chat/settings/#sites" in Shown(live_site, lead, "ingest").text


def test_keys_stand_in_the_menu_of_the_setup(clinic, live_site):
    shown = Shown(live_site, clinic[1], "proxy")
    page = shown.client.get("/p/clinic/keys/").content.decode()
    assert re.search(r'<a href="/p/clinic/keys/" aria-current="page">API keys</a>', page)


@pytest.mark.browser
def test_the_page_by_hand(clinic, live_site, open_page):
    from axe_playwright_python.sync_playwright import Axe

    for phone, dark, language in ((False, False, "en"), (True, True, "zh-hans")):
        page = open_page(clinic[1], phone=phone, dark=dark, language=language)
        page.goto("/p/clinic/keys/")
        page.select_option("[name=scope]", "proxy")
        page.locator("form.card button.primary").click()
        page.locator("#api-key").wait_for()
        page.locator("[data-copy=python-proxy]").click()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert Axe().run(page).response["violations"] == []
