"""Answers on their way keep threads of the web server: so many for one person, one project and all, and never
those that pages need."""

import contextlib
import http.client
import json
import threading

import pytest

from feedback.chat import stream_places, streaming
from feedback.models import Message
from tests import cast, processes
from tests.feedback.proxy.proxied import behind
from tests.feedback.talks import *  # noqa: F403
from tests.feedback.talks import Browser, make_chat, new_key, settle
from tests.processes import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def few(settings):
    settings.WEB_STREAMS, settings.PROJECT_STREAMS, settings.PERSON_STREAMS = 4, 3, 2
    stream_places._taken.clear()  # an answer that a test of another file never closed
    yield
    assert stream_places.taken() == 0


def ask(browser):
    return browser.post("turn/", conversation=None, parent=None, text="Hello", client_key=new_key())


def begun(response):
    """The response once its first line is out."""
    assert response.status_code == 200
    next(iter(response.streaming_content))
    return response


def refusal(response) -> tuple[int, str, str]:
    return response.status_code, response.json()["error"]["code"], response["Retry-After"]


def let_go(*responses) -> None:
    for response in responses:
        response.close()
    streaming.stop_all()
    settle()


def test_a_person_a_project_and_all_have_so_many_answers_at_once(model_server, few, monkeypatch):
    monkeypatch.setattr(streaming, "_ending", False)
    project, other = (make_chat(server=model_server, models=("never",)) for _ in range(2))
    first, second = (Browser(project, cast.make_member(project, "user")) for _ in range(2))
    elsewhere = Browser(other, cast.make_member(other, "user"))
    held = [begun(ask(first)), begun(ask(first))]
    rows = Message.objects.count()
    assert refusal(ask(first)) == (429, "too_many_answers", "5")
    assert "Answers being written for you: 2." in ask(first).json()["error"]["message"]
    held.append(begun(ask(second)))
    assert refusal(ask(second)) == (503, "busy", "5")  # the project's
    held.append(begun(ask(elsewhere)))
    assert refusal(ask(elsewhere)) == (503, "busy", "5")  # all
    assert Message.objects.count() == rows + 4  # what is refused leaves nothing behind
    let_go(*held)


def test_who_goes_away_and_asks_again_has_no_more_than_who_stays(model_server, few, monkeypatch):
    monkeypatch.setattr(streaming, "_ending", False)
    project = make_chat(server=model_server, models=("never",))
    browser = Browser(project, cast.make_member(project, "user"))
    for _ in range(2):
        begun(ask(browser)).close()
    assert refusal(ask(browser))[:2] == (429, "too_many_answers")
    let_go()


def test_an_answer_that_is_over_or_was_never_begun_keeps_no_place(model_server, few):
    project = make_chat(server=model_server, models=("ok",))
    browser = Browser(project, cast.make_member(project, "user"))
    for _ in range(3):
        b"".join(ask(browser).streaming_content)
        ask(browser).close()  # the client had gone before the first line
        settle()
    asked = {"conversation": None, "parent": None, "text": "", "client_key": new_key()}
    assert [browser.post("turn/", **asked).status_code for _ in range(4)] == [400] * 4


def test_streams_through_the_proxy_count_too(model_server, few, client):
    here = behind(model_server.url)
    here.endpoint("never")
    here.endpoint("500")

    def post(model="never", **asked):
        body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "stream": True} | asked
        return client.post(
            "/v1/chat/completions", json.dumps(body), content_type="application/json", **here.headers
        )

    held = [post(user="u"), post(user="u")]
    refused = post(user="u")
    assert (refused.status_code, refused.json()["error"]["type"], refused["Retry-After"]) == (
        429,
        "rate_limit_error",
        "5",
    )
    held.append(post())  # for nobody in particular
    refused = post()
    assert (refused.status_code, refused.json()["error"]["code"], refused["Retry-After"]) == (
        503,
        "busy",
        "5",
    )
    for response in held:
        response.close()
    for _ in range(4):
        post("500").close()
        assert post("missing").status_code == 404


def test_threads_are_left_to_pages(settings):
    settings.WEB_STREAMS, settings.WEB_THREADS, settings.PROJECT_STREAMS = 500, 3, 500
    places = [stream_places.take(project=n) for n in range(2)]
    with pytest.raises(stream_places.DomainError):
        stream_places.take(project=9)
    for place in places:
        place.release()
    assert stream_places.taken() == 0


def test_two_hundred_streams_keep_no_page_waiting(model_server, tmp_path):
    """Eight guests' worth of people ask as fast as they may, on a server with few threads; the page comes all
    the same."""
    project = make_chat(server=model_server, models=("never",))
    people = [Browser(project, cast.make_member(project, "user")) for _ in range(8)]
    env = {
        "WEB_THREADS": "12",
        "BODY_WAITS": "40",
        "WEB_WORKERS": "1",
        "PERSON_STREAMS": "25",
        "ENDPOINT_HOSTS": f"127.0.0.1:{model_server.port}",
    }
    with processes.web(log=tmp_path / "web.log", **env) as (_process, url), contextlib.ExitStack() as stack:
        port = int(url.rsplit(":", 1)[1])
        statuses: list[int] = []
        lock = threading.Lock()

        def send(browser):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            stack.callback(connection.close)
            body = json.dumps(
                {"conversation": None, "parent": None, "text": "Hello", "client_key": new_key()}
            )
            token = "a" * 32
            headers = {"Content-Type": "application/json", "X-CSRFToken": token}
            headers["Cookie"] = f"sessionid={browser.client.cookies['sessionid'].value}; csrftoken={token}"
            connection.request("POST", f"/chat/{project.slug}/api/turn/", body, headers)
            response = connection.getresponse()
            response.read(1)
            with lock:
                statuses.append(response.status)

        senders = [threading.Thread(target=send, args=(people[n % 8],), daemon=True) for n in range(200)]
        for sender in senders:
            sender.start()
        until(lambda: len(statuses) == 200, "all to be answered or refused", seconds=60)
        assert statuses.count(200) == 9 and set(statuses) <= {200, 429, 503}
        page = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        page.request("GET", "/login/")
        assert page.getresponse().status == 200
        page.close()
    settle()
