"""A project whose chat is answered by the models of tests/inference/faulty.py, and small ways of using its page."""

from contextlib import contextmanager

from corpus.models import ModelVersion
from feedback import settings as verbs
from feedback.models import Arm, ChatSettings
from inference.models import Endpoint
from tests.cast import make_member, make_project

LIMITS = {"first_token_seconds": 3, "idle_seconds": 3, "total_seconds": 60, "retries": 0}


def make_chat(upstream, *models: str, slug: str = "clinic", limits: dict | None = None, **settings):
    """(project, a member of role user): each of `models` is an arm of weight 1."""
    project = make_project(slug)
    chat = verbs.of(project)
    for model in models or ("ok",):
        version = ModelVersion.objects.create(project=project, name=f"version {model}")
        endpoint = Endpoint.objects.create(
            project=project, name=model, base_url=upstream.url, address="127.0.0.1", model_name=model, model_version=version, **(LIMITS | (limits or {}))
        )
        Arm.objects.create(project=project, endpoint=endpoint)
    ChatSettings.objects.filter(pk=chat.pk).update(enabled=True, **settings)
    return project, make_member(project, "user")


def open_chat(open_page, user, project, *, conversation=None, **options):
    """The chat's page, ready to type."""
    page = open_page(user, **options)
    page.goto(f"/chat/{project.slug}/" + (f"{conversation}/" if conversation else ""))
    page.wait_for_selector("#composer textarea")
    page.wait_for_load_state("networkidle")
    return page


def say(page, text: str, *, enter: bool = True) -> None:
    """Type a question and send it."""
    page.fill("#question", text)
    if enter:
        page.press("#question", "Enter")
    else:
        page.click("#send")


def answered(page, n: int = 1, state: str = "complete") -> None:
    """Wait until the n-th answer on screen is in `state`."""
    page.locator(".answer").nth(n - 1).and_(page.locator(f"[data-state={state}]")).wait_for()


@contextmanager
def offline(page):
    page.context.set_offline(True)
    try:
        yield
    finally:
        page.context.set_offline(False)
