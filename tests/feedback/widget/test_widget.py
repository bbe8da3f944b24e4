"""The widget in real Chromium on a page of another origin, under that page's own strict policy."""

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from axe_playwright_python.sync_playwright import Axe

from core.accounts import api_keys
from feedback.conversations import end_users
from feedback.conversations.record_exchange import record_exchange
from feedback.models import ChatSettings, Reaction
from feedback.widget import api as widget_api
from tests.cast import make_member, make_project
from tests.processes import until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DOWN = [
    {"key": "wrong", "en": "Not correct", "zh": "内容有误"},
    {
        "key": "nasty",
        "en": '<img src=x onerror="window.hacked=1">',
        "zh": '"><script>window.hacked=1</script>',
    },
]


class Elsewhere:
    """Another site: its pages by path as (policy, HTML)."""

    def __init__(self):
        self.pages: dict[str, tuple[str, str]] = {}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                site.asked.append(self.path)
                policy, text = site.pages.get(self.path, ("", ""))
                self.send_response(200 if text else 404)
                kind = (
                    "application/json"
                    if text.startswith("{")
                    else "text/javascript"
                    if self.path.endswith(".js")
                    else "text/html; charset=utf-8"
                )
                self.send_header("Content-Type", kind)
                if policy:
                    self.send_header("Content-Security-Policy", policy)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.origin = f"http://localhost:{self.port}"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()


@pytest.fixture
def elsewhere():
    site = Elsewhere()
    yield site
    site.server.shutdown()
    site.server.server_close()


class Clinic:
    def __init__(self, origin, live):
        self.origin, self.live = origin, live
        self.project = make_project("clinic")
        ChatSettings.objects.create(
            project=self.project,
            origins=[origin],
            up_reasons=[{"key": "clear", "en": "Clear", "zh": "清楚"}],
            down_reasons=DOWN,
        )
        self.manager = make_member(self.project, "manager")
        self.row, self.key = api_keys.create_api_key(
            project=self.project, user=self.manager, role="user", scope="ingest"
        )
        person = end_users.of_key(self.project, "patient-7")
        asked = [{"role": "user", "content": "How much?"}]
        self.answer = record_exchange(
            project=self.project, end_user=person, messages=asked, answer="5 mg", external_id="chatcmpl-1"
        )

    def token(self, ttl=900, origin=None) -> str:
        from django.test import Client

        body = json.dumps({"user": "patient-7", "origin": origin or self.origin, "ttl": ttl})
        answer = Client().post(
            "/api/v1/widget/tokens/",
            body,
            content_type="application/json",
            HTTP_AUTHORIZATION=f"Bearer {self.key}",
        )
        return answer.json()["token"]

    def page(
        self,
        token,
        body='<p data-touchstone-message="chatcmpl-1">5 mg</p>',
        lang="en",
        before="",
        attributes="",
    ) -> str:
        script = f'<script src="{self.live}/widget.js" data-token="{token}" {attributes} defer></script>'
        head = f'<meta charset="utf-8"><title>Clinic</title><link rel="icon" href="data:,">{before}{script}'
        return (
            f"<!doctype html><html "
            f'lang="{lang}"><head>{head}</head><body><main><h1>Advice</h1>{body}</main></body></html>'
        )

    @property
    def policy(self) -> str:
        return f"default-src 'none'; img-src data:; script-src {self.live}; connect-src {self.live}"


@pytest.fixture
def clinic(elsewhere, live_site):
    return Clinic(elsewhere.origin, live_site.url)


def rows(**where):
    return list(Reaction.objects.filter(current=True, **where).order_by("pk"))


def test_by_keyboard_under_the_pages_own_policy(clinic, elsewhere, open_page):
    elsewhere.pages["/"] = (clinic.policy, clinic.page(clinic.token(), lang="zh-CN"))
    page, words = open_page(language="zh"), widget_api.words("zh-hans")
    page.goto(elsewhere.origin + "/")
    down = page.get_by_role("button", name=words["down"])
    down.wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert down.evaluate("(e) => e.getRootNode().activeElement === e")
    page.keyboard.press("Enter")
    chip = page.get_by_role("button", name="内容有误")
    chip.focus()
    page.keyboard.press("Space")
    assert chip.get_attribute("aria-pressed") == "true"
    page.get_by_label(words["comment"]).fill("应为\n50 mg")
    page.get_by_label(words["correction"]).fill("50 mg，每日一次")
    page.get_by_role("button", name=words["send"]).press("Enter")
    until(lambda: len(rows()) == 2 and rows()[0].text, "both reactions")
    thumb, correction = sorted(rows(), key=lambda r: r.kind, reverse=True)
    assert (thumb.message, thumb.value, thumb.reasons, thumb.text) == (
        clinic.answer,
        -1,
        ["wrong"],
        "应为\n50 mg",
    )
    assert (correction.kind, correction.text, correction.end_user) == (
        "correction",
        "50 mg，每日一次",
        clinic.answer.conversation.end_user,
    )
    assert down.get_attribute("aria-pressed") == "true"
    down.press("Enter")
    until(lambda: rows(kind="thumb")[0].value == 0, "the thumb to be taken back")
    assert page.context.cookies() == []


def test_escape_and_screen_readers(clinic, elsewhere, open_page):
    elsewhere.pages["/"] = (
        clinic.policy.replace("script-src", "script-src 'unsafe-inline' 'unsafe-eval'"),
        clinic.page(clinic.token()),
    )
    for dark in (False, True):
        page = open_page(dark=dark, phone=dark)
        page.goto(elsewhere.origin + "/")
        up = page.get_by_role("button", name="Good answer")
        up.click()
        comment = page.get_by_label("Anything else?")
        comment.fill("kept while")
        assert page.get_by_role("group", name="Rate this answer").count() == 1
        found = Axe().run(page).response["violations"]
        assert found == [], json.dumps(found)[:2000]
        box = up.bounding_box()
        assert box["width"] >= 24 and box["height"] >= 24
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.keyboard.press("Escape")
        assert not comment.is_visible()
        assert up.evaluate("(e) => e.getRootNode().activeElement === e")
    assert len(rows()) == 1 and rows()[0].value == 1 and rows()[0].text == ""


def test_answers_that_come_later_get_it_too(clinic, elsewhere, open_page):
    elsewhere.pages["/"] = ("", clinic.page(clinic.token(), body='<div id="here"></div><p id="bare">x</p>'))
    page = open_page()
    page.goto(elsewhere.origin + "/")
    page.evaluate("""() => { const p = document.createElement("p"); p.dataset.touchstoneMessage = "late"; p.textContent = "streamed";
        const box = document.createElement("div"); box.append(p); document.getElementById("here").append(box); }""")  # noqa: E501
    page.get_by_role("button", name="Good answer").wait_for()
    page.evaluate("touchstone.attach(document.getElementById('bare'), 'by hand')")
    page.evaluate("touchstone.attach(document.getElementById('bare'), 'twice')")
    page.get_by_role("button", name="Good answer").nth(1).wait_for()
    for button in page.get_by_role("button", name="Good answer").all():
        button.click()
    until(lambda: len(rows()) == 2, "two thumbs")
    assert {r.target_external for r in rows()} == {"late", "by hand"}


def test_words_of_reasons_are_words(clinic, elsewhere, open_page):
    elsewhere.pages["/"] = ("", clinic.page(clinic.token()))
    for language in ("en", "zh"):
        elsewhere.pages["/"] = ("", clinic.page(clinic.token(), lang=language))
        page = open_page()
        page.goto(elsewhere.origin + "/")
        page.get_by_role(
            "button", name=widget_api.words("zh-hans" if language == "zh" else "en")["down"]
        ).click()
        page.get_by_role("button", name=DOWN[1][language]).wait_for()
        assert page.evaluate("window.hacked") is None


def test_the_piece_of_the_keys_page_works_as_it_is_pasted(clinic, elsewhere, open_page):
    """Also where a placeholder was left in the page in place of a token."""
    from feedback.keys.snippets import WIDGET_PAGE

    elsewhere.pages["/touchstone-token"] = ("", json.dumps({"token": clinic.token()}))
    pasted = WIDGET_PAGE.format(base=clinic.live + "/", answer="chatcmpl-1")
    left = clinic.page("…", attributes='data-token-url="/touchstone-token"')
    for path, text in (("/", f"<!doctype html><title>Clinic</title>{pasted}"), ("/left", left)):
        elsewhere.pages[path] = ("", text)
        page = open_page()
        page.expect_errors("favicon")
        page.goto(elsewhere.origin + path)
        page.get_by_role("button", name="Good answer").click()
        page.get_by_text("Thank you").wait_for()
    assert [row.value for row in rows()] == [1]


def test_the_console_says_why_nothing_is_shown(clinic, elsewhere, open_page):
    elsewhere.pages["/none"] = ("", clinic.page(""))
    elsewhere.pages["/away"] = ("", clinic.page("", attributes='data-token-url="/nowhere"'))
    elsewhere.pages["/wrong"] = ("", clinic.page("clinic.made-up"))
    for path, why in (
        ("/none", "none came from data-token, data-token-url"),
        ("/away", "/nowhere answered 404"),
        ("/wrong", "no token"),
    ):
        page = open_page()
        page.expect_errors("Failed to load resource")
        with page.expect_console_message(lambda m, why=why: "not set up" in m.text and why in m.text):
            page.goto(elsewhere.origin + path)


def test_another_site_is_refused(clinic, elsewhere, open_page):
    """The same page and a good token, at an address that is not listed; and with a token of another
    project."""
    elsewhere.pages["/"] = ("", clinic.page(clinic.token()))
    page = open_page()
    page.expect_errors("CORS")
    here = f"http://127.0.0.1:{elsewhere.port}"
    with page.expect_console_message(lambda m: f"is {here} listed in the project's chat settings?" in m.text):
        page.goto(here + "/")
    assert page.get_by_role("button").count() == 0 and rows() == []
    other = make_project("other")
    ChatSettings.objects.create(project=other, origins=[elsewhere.origin])
    boss = make_member(other, "manager")
    clinic.key = api_keys.create_api_key(project=other, user=boss, role="user", scope="ingest")[1]
    elsewhere.pages["/other"] = ("", clinic.page(clinic.token()))
    page.goto(elsewhere.origin + "/other")
    page.get_by_role("button", name="Good answer").click()
    (row,) = until(rows, "the thumb")
    assert (row.project, row.message, row.target_external) == (other, None, "chatcmpl-1"), (
        "it waits in its own project for an answer of that id"
    )


def test_a_token_that_ends_is_renewed(clinic, elsewhere, open_page):
    """By the site's own address for it, and by the page's own function; the thumb is sent all the same."""
    from feedback.widget import tokens

    real = tokens.time.time
    with pytest.MonkeyPatch.context() as past:
        past.setattr(tokens.time, "time", lambda: real() - 4000)
        old = clinic.token()
    elsewhere.pages["/token"] = ("", json.dumps({"token": clinic.token()}))
    elsewhere.pages["/"] = ("", clinic.page(old, attributes='data-token-url="/token"'))
    own = "window.touchstone = {refresh: async () => (await (await fetch('/token')).json()).token};"
    elsewhere.pages["/own.js"] = ("", own)
    elsewhere.pages["/own"] = ("", clinic.page("", before='<script src="/own.js"></script>'))
    for path in ("/", "/own"):
        page = open_page()
        page.goto(elsewhere.origin + path)
        page.get_by_role("button", name="Good answer").click()
        page.get_by_text("Thank you").wait_for()
    assert elsewhere.asked.count("/token") == 2 and [r.value for r in rows()] == [1]


def test_offline_it_is_sent_once_the_network_is_back(clinic, elsewhere, open_page):
    elsewhere.pages["/"] = ("", clinic.page(clinic.token()))
    page = open_page()
    page.goto(elsewhere.origin + "/")
    up = page.get_by_role("button", name="Good answer")
    up.wait_for()
    page.context.set_offline(True)
    up.click()
    page.get_by_text("No connection; this will be sent again.").wait_for()
    assert rows() == []
    page.context.set_offline(False)
    page.get_by_text("Thank you").wait_for()
    assert [r.value for r in rows()] == [1]


def test_what_cannot_be_sent_is_said(clinic, elsewhere, open_page):
    elsewhere.pages["/"] = ("", clinic.page(clinic.token()))
    page = open_page()
    page.expect_errors("503")
    page.goto(elsewhere.origin + "/")
    up = page.get_by_role("button", name="Good answer")
    up.wait_for()
    with contextlib.ExitStack() as stack:
        page.route(
            "**/widget/feedback/**",
            lambda route: route.fulfill(
                status=503, headers={"Access-Control-Allow-Origin": elsewhere.origin}
            ),
        )
        stack.callback(page.unroute, "**/widget/feedback/**")
        up.click()
        page.get_by_text("This could not be sent").wait_for()
        assert up.get_attribute("aria-pressed") == "false" and up.is_enabled()
        assert page.get_by_label("Anything else?").count() == 0  # what was not kept has no reasons
    assert rows() == []


def test_what_can_never_be_sent_is_said_once_and_for_all(clinic, elsewhere, open_page):
    """The answer of somebody else; a page that may not: no reasons are opened, and nothing is left to
    press."""
    theirs = end_users.of_key(clinic.project, "patient-8")
    asked = [{"role": "user", "content": "And for me?"}]
    record_exchange(
        project=clinic.project, end_user=theirs, messages=asked, answer="7 mg", external_id="chatcmpl-2"
    )
    body = '<p data-touchstone-message="chatcmpl-2">7 mg</p>'
    elsewhere.pages["/"] = ("", clinic.page(clinic.token(), body=body))
    page = open_page()
    page.expect_errors("404")
    page.goto(elsewhere.origin + "/")
    for name, words, status in (
        ("Good answer", "given to somebody else", None),
        ("Bad answer", "Ratings from this page are not accepted", 403),
    ):
        if status:
            page.route(
                "**/widget/feedback/**",
                lambda route: route.fulfill(
                    status=403, headers={"Access-Control-Allow-Origin": elsewhere.origin}
                ),
            )
            page.reload()
        button = page.get_by_role("button", name=name)
        button.click()
        page.get_by_text(words).wait_for()
        assert button.is_disabled() and button.get_attribute("aria-pressed") == "false"
        assert page.get_by_label("Anything else?").count() == 0
    assert rows() == []
