"""A project whose chat is answered by the models of tests/inference/faulty.py, and small ways of using its
page."""

import contextlib
import socket
import threading
from contextlib import contextmanager
from urllib.parse import urlsplit

from corpus.models import ModelVersion
from feedback.chat.settings import actions as verbs
from feedback.models import Arm, ChatSettings, Message
from inference.models import Endpoint
from tests.cast import make_member, make_project
from tests.processes import until

LIMITS = {"first_token_seconds": 3, "idle_seconds": 3, "total_seconds": 60, "retries": 0}


def make_chat(
    upstream, *models: str, slug: str = "clinic", limits: dict | None = None, user=None, **settings
):
    """(project, a member of role user, or `user` made one): each of `models` is an arm of weight 1."""
    project = make_project(slug)
    chat = verbs.of(project)
    for model in models or ("ok",):
        version = ModelVersion.objects.create(project=project, name=f"version {model}")
        endpoint = Endpoint.objects.create(
            project=project,
            name=model,
            base_url=upstream.url,
            address="127.0.0.1",
            model_name=model,
            model_version=version,
            **(LIMITS | (limits or {})),
        )
        Arm.objects.create(project=project, endpoint=endpoint)
    ChatSettings.objects.filter(pk=chat.pk).update(enabled=True, **settings)
    return project, make_member(project, "user", user)


def open_chat(open_page, user, project, *, conversation=None, clock=False, **options):
    """The chat's page, ready to type. `clock`: its time can be put forward (page.clock)."""
    page = open_page(user, **options)
    if clock:
        page.clock.install()
    page.goto(f"/chat/{project.slug}/" + (f"{conversation}/" if conversation else ""))
    page.wait_for_selector("#composer textarea")
    page.wait_for_load_state("networkidle")
    return page


def say(page, text: str, *, enter: bool = True) -> None:
    """Type a question and send it, once the page's scripts have come: before, Enter begins a line."""
    page.fill("#question", text)
    page.locator("#send:not([disabled])").wait_for(state="attached")
    if enter:
        page.press("#question", "Enter")
    else:
        page.click("#send")


def answered(page, n: int = 1, state: str = "complete") -> None:
    """Wait until the n-th answer on screen is in `state`."""
    page.locator(".answer").nth(n - 1).and_(page.locator(f"[data-state={state}]")).wait_for()


def looked_at(n: int) -> None:
    """Wait until the page has told that `n` answers were on screen long enough."""
    until(lambda: Message.objects.filter(role="assistant", seen=True).count() >= n, f"{n} answers seen")


def at_rest(page, selector: str) -> dict:
    """The box of an element once it has stopped moving."""
    boxes: list = [None]

    def still():
        page.wait_for_timeout(100)
        boxes.append(page.locator(selector).bounding_box())
        return boxes[-1] is not None and boxes[-1] == boxes[-2]

    until(still, f"{selector} at rest")
    return boxes[-1]


@contextmanager
def offline(page):
    page.context.set_offline(True)
    try:
        yield
    finally:
        page.context.set_offline(False)


class Line:
    """A line between browser and server that can be cut: every connection breaks at once, and new ones are
    refused until it is mended."""

    def __init__(self, url: str):
        self.far = (urlsplit(url).hostname, urlsplit(url).port)
        self.door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.door.getsockname()[1]}"
        self.open: list[socket.socket] = []
        self.broken = False
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near = self.door.accept()[0]
                if self.broken:
                    near.close()
                    continue
                far = socket.create_connection(self.far)
                self.open += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=pair, daemon=True).start()

    @staticmethod
    def _carry(one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        self.broken = True
        for end in self.open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.open.clear()

    def mend(self) -> None:
        self.broken = False

    def close(self) -> None:
        self.door.close()
        self.cut()
