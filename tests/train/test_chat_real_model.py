"""A person talks to a real model behind a real server, in real Chromium; the rows in PostgreSQL are compared
value by value."""

import pytest

from corpus.models import ModelVersion
from feedback.conversations import end_users
from feedback.models import Arm, Choice, Conversation, EndUser, Message, Reaction, Signal
from inference.models import Endpoint
from tests import processes
from tests.browser import Site
from tests.feedback.chat.chats import answered, looked_at, make_chat, open_chat, say
from tests.processes import until
from tests.train import model_server

pytestmark = [pytest.mark.train, pytest.mark.servers, pytest.mark.browser]
QUESTION, NEXT = "What is a touchstone?", "试金石是什么？"


@pytest.fixture(scope="module")
def upstream(tmp_path_factory):
    with model_server.running(tmp_path_factory.mktemp("model")) as running:
        yield running


@pytest.fixture(scope="module")
def _web_server(upstream, django_db_setup, django_db_blocker, tmp_path_factory):
    log = tmp_path_factory.mktemp("web") / "web.log"
    with (
        django_db_blocker.unblock(),
        processes.web(log=log, ENDPOINT_HOSTS=f"127.0.0.1:{upstream.port}") as (_process, url),
    ):
        yield Site(url, log)


def test_stream_drafts_thumb_and_score_are_rows_of_just_that(live_site, open_page, upstream):
    limits = {"first_token_seconds": 60, "idle_seconds": 30, "parameters": {"temperature": 0}}
    project, user = make_chat(upstream, "whole", limits=limits)
    Endpoint.objects.update(model_name=upstream.model)
    whole = Arm.objects.get()
    short_version = ModelVersion.objects.create(project=project, name="version short")
    endpoint = Endpoint.objects.create(
        project=project,
        name="short",
        base_url=upstream.url,
        address="127.0.0.1",
        model_name=upstream.model,
        model_version=short_version,
        **(limits | {"parameters": {"temperature": 0, "max_tokens": 6}}),
    )
    short = Arm.objects.create(project=project, endpoint=endpoint, active=False)

    page = open_chat(open_page, user, project)
    page.evaluate("""() => { window.grew = []; new MutationObserver(() => {
        const said = document.querySelector('.answer')?.innerText ?? ''; if (said && said !== window.grew.at(-1)) window.grew.push(said); })
        .observe(document.body, {subtree: true, childList: true, characterData: true}); }""")  # noqa: E501
    say(page, QUESTION)
    answered(page)
    assert len(page.evaluate("window.grew")) >= 3, "the answer did not grow on screen"
    assert "tells how pure the gold is" in page.locator(".answer").inner_text()
    page.click(".thumb.up")
    page.click(".chip-button:text-is('Correct')")
    page.fill(".reasons textarea", "对，就是这样")
    page.click("#question")
    until(
        lambda: Reaction.objects.filter(current=True, text="对，就是这样").exists(),
        "the thumb with its comment",
    )

    page.click("#rate")
    page.check("[name=value][value='4']")
    page.click("#score-dialog >> text=Save")
    until(lambda: Reaction.objects.filter(kind="score", current=True).exists(), "the score")

    Arm.objects.filter(pk=short.pk).update(active=True)
    type(project.chat).objects.filter(project=project).update(
        drafts="always", draft_from_arms=True, draft_count=2
    )
    page.goto(f"/chat/{project.slug}/")
    page.wait_for_load_state("networkidle")
    say(page, NEXT)
    page.locator(".better:not([disabled]) >> nth=1").wait_for()
    looked_at(3)
    full = Message.objects.get(text=model_server.ANSWERS[NEXT])
    page.locator(f".draft:has(.answer[data-id='{full.pk}']) .better").click()
    page.locator(f".turn.answer[data-id='{full.pk}']").wait_for()

    talk, other = Conversation.objects.order_by("pk")
    person = EndUser.objects.get()
    assert person == end_users.of_member(project, user) and person.user == user
    assert (talk.project, talk.end_user, talk.source, talk.keep, talk.system, talk.title) == (
        project,
        person,
        "chat",
        True,
        "",
        QUESTION,
    )
    assert (other.project, other.end_user, other.title, other.head) == (project, person, NEXT, full)
    first, answer, second, *drafts = Message.objects.order_by("pk")
    assert [(m.conversation, m.role, m.text, m.parent, m.state) for m in (first, answer, second)] == [
        (talk, "user", QUESTION, None, "complete"),
        (talk, "assistant", model_server.ANSWERS[QUESTION], first, "complete"),
        (other, "user", NEXT, None, "complete"),
    ]
    assert (
        len(drafts) == 2
        and {d.parent for d in drafts} == {second}
        and len({d.draft_group for d in drafts}) == 1
        and drafts[0].draft_group
    )
    assert sorted(d.position for d in drafts) == [0, 1]
    cut = next(d for d in drafts if d.pk != full.pk)
    assert cut.text and model_server.ANSWERS[NEXT].startswith(cut.text) and cut.text != full.text
    assert {d.arm: d.model_version for d in drafts} == {
        whole: whole.endpoint.model_version,
        short: short_version,
    }
    for message in (answer, *drafts):
        assert message.first_token_ms is not None and message.total_ms >= message.first_token_ms
        assert (
            message.error == ("length" if message == cut else "") and message.parameters["temperature"] == 0
        )
    thumb = Reaction.objects.get(kind="thumb", current=True)
    assert (thumb.message, thumb.end_user, thumb.value, thumb.reasons, thumb.text) == (
        answer,
        person,
        1,
        ["correct"],
        "对，就是这样",
    )
    choice = Choice.objects.get()
    in_order = sorted(drafts, key=lambda d: d.position)
    assert (choice.parent, choice.chosen, choice.verdict, choice.end_user, choice.regenerated) == (
        second,
        full,
        "better",
        person,
        False,
    )
    assert choice.shown == [
        {"message": d.pk, "position": d.position, "complete": True, "seen": True} for d in in_order
    ]
    score = Reaction.objects.get(kind="score", current=True)
    assert (score.conversation, score.message, score.value, score.end_user) == (talk, None, 4, person)
    assert not Signal.objects.exists()
