"""Fixtures for tests in real Chromium, against the real web server (granian, static files, CSP) on the test's
database.

    @pytest.mark.browser
    def test_x(live_site, open_page):
        lead = make_member(make_project("p"), "manager")
        page = open_page(lead)                          # signed in; also language="zh", phone=True,
                                        dark=True
        page.goto(live_site.url + "/p/p/")

What a failed test had on screen is printed with it. A test fails when a page logged an error, broke the
CSP, threw, or got a 404 or 5xx; `page.expect_errors("part of the text")` allows one. `TEST_SLOW=300` puts
every answer of the server off by that many milliseconds, with no cache: a test that is in more haste than
a page's scripts, or a page that loses what is done before they have come, fails then. 401, 400, 403, 409,
a network cut by the test itself and a preview given up by leaving its page are normal."""

import contextlib
import os
import re
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import processes, servers
from tests.slow import SLOW

__all__ = ["_web_server", "chromium", "live_site", "open_page", "pytest_runtest_makereport"]
CLOSE_SECONDS = 30
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
NORMAL = re.compile(
    r"status of (400|401|403|409|413)\b|ERR_(INTERNET_DISCONNECTED|FAILED|ABORTED|CONNECTION_REFUSED|CONNECTION_RESET)|htmx:(sendAbort|afterRequest)"  # noqa: E501
)


@dataclass
class Site:
    """The running server: its address and its log file."""

    url: str
    log: Path


class Chromium:
    """The browser process. Now and then Playwright's driver waits for ever for what has ended: then both are
    killed and the next test gets new ones. What a test asks of a page has been asked by then."""

    def __init__(self) -> None:
        self._playwright = self._browser = None

    def new_context(self, **options):
        """A browser context with Playwright's `options`; starts the browser if there is none."""
        if self._browser is None:
            from playwright.sync_api import sync_playwright

            self._playwright = sync_playwright().start()
            self._browser = self._playwright.chromium.launch(executable_path=servers.find("chromium"))
        return self._browser.new_context(**options)

    def close_context(self, context) -> None:
        """Close `context`, with the whole browser where that does not end."""
        if not ends_within(CLOSE_SECONDS, context.close):
            self._kill()

    def close(self) -> None:
        """End browser and driver."""
        if self._browser is not None and not ends_within(
            CLOSE_SECONDS, self._browser.close, self._playwright.stop
        ):
            self._kill()

    def _kill(self) -> None:
        for pid in _drivers():
            os.kill(pid, signal.SIGKILL)
        ends_within(CLOSE_SECONDS, self._playwright.stop)  # its loop ends with the driver
        self._playwright = self._browser = None


def ends_within(seconds: float, *calls) -> bool:
    """Make the calls; False if `seconds` went by before they had ended. Only on the main thread. The clock of
    the test's own time goes on where it was."""

    class GivenUp(BaseException):
        pass

    def give_up(*_signal):
        raise GivenUp

    handler = signal.signal(signal.SIGALRM, give_up)
    left, every = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        for call in calls:
            call()
        return True
    except GivenUp:
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, left, every)
        signal.signal(signal.SIGALRM, handler)


def _drivers() -> list[int]:
    """The processes of Playwright's driver that this process started."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"playwright" in status.with_name("cmdline").read_bytes():
                found.append(int(status.parent.name))
    return found


@pytest.fixture(scope="session")
def chromium():
    """The browser process, once per run."""
    browser = Chromium()
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def _web_server(django_db_setup, django_db_blocker, tmp_path_factory):
    log = tmp_path_factory.mktemp("web") / "web.log"
    with django_db_blocker.unblock(), processes.web(log=log) as (_process, url):
        yield Site(url, log)


@pytest.fixture
def live_site(_web_server, transactional_db):
    """The site on the test's own (committed) rows. A traceback in the server's log fails the test."""
    from django.core.cache import cache

    cache.clear()
    # what the last test's pages still had on the way has met an emptied database by now: not this test's
    # fault
    time.sleep(0.15)
    before = _web_server.log.stat().st_size
    yield _web_server
    with _web_server.log.open("rb") as log:
        log.seek(before)
        new = log.read().decode(errors="replace")
    assert "Traceback" not in new, new[-4000:]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """`failed_call` on a test whose own part failed, for fixtures that end after it."""
    report = yield
    if report.when == "call":
        item.failed_call = report.failed
    return report


@pytest.fixture
def open_page(chromium, live_site, request):
    """Make pages: `open_page(user=None, *, language="en", phone=False, dark=False, **context options of
    Playwright) -> Page`."""
    contexts, complaints = [], []

    def make(user=None, *, language="en", phone=False, dark=False, **options):
        options = {
            "viewport": PHONE if phone else DESK,
            "locale": "zh-CN" if language.startswith("zh") else "en-GB",
            **options,
        }
        options.setdefault("color_scheme", "dark" if dark else "light")
        if phone:
            options = {"has_touch": True, "is_mobile": True, **options}
        context = chromium.new_context(base_url=live_site.url, **options)
        context.set_default_timeout(30_000 if SLOW else 10_000)
        contexts.append(context)
        if user is not None:
            sign_in(context, user, live_site.url)
        page = context.new_page()
        allowed: list[str] = []

        def complain(kind: str, text: str) -> None:
            if not NORMAL.search(text) and not any(part in text for part in allowed):
                complaints.append(f"{kind} on {page.url}: {text}")

        page.on(
            "console",
            lambda m: (
                complain("console error", f"{m.text} {m.location.get('url', '')}")
                if m.type == "error"
                else None
            ),
        )
        page.on("pageerror", lambda error: complain("uncaught", str(error)))
        page.expect_errors = allowed.append
        return page

    yield make
    for context in contexts:
        if getattr(request.node, "failed_call", False):
            for page in context.pages:
                print(
                    f"--- on screen at the end, "
                    f"{page.url}:\n{page.locator('body').inner_text(timeout=2000)[:3000]}"
                )
        chromium.close_context(context)
    assert not complaints, "\n".join(complaints)


def answer_question(page, yes: bool = True) -> str:
    """Answer the page's own question before what cannot be undone; what it asked."""
    dialog = page.locator("#question-dialog[open]")
    dialog.wait_for()
    words = dialog.locator("#question-words").inner_text()
    dialog.locator(f"button[value={'yes' if yes else 'cancel'}]").click()
    return words


def sign_in(context, user, url: str) -> None:
    """Give the browser a session of `user`, without the login page (which has tests of its own)."""
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(user)
    context.add_cookies(
        [
            {
                "name": settings.SESSION_COOKIE_NAME,
                "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
                "url": url,
            }
        ]
    )
