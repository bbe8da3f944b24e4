"""Our client against a real model behind a real server."""

import json
import threading
import time
import urllib.request

import pytest

from inference import allowlist, client, endpoints
from tests.train import model_server

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with model_server.running(tmp_path_factory.mktemp("model")) as running:
        yield running


def upstream(server, **parameters) -> client.Upstream:
    target = allowlist.Target("http", "127.0.0.1", server.port, "127.0.0.1", "/v1")
    return client.Upstream(target, server.model, parameters={"temperature": 0, **parameters})


def whole(server, messages) -> dict:
    """The answer without streaming, by another client than ours."""
    body = json.dumps({"model": server.model, "temperature": 0, "messages": messages}).encode()
    request = urllib.request.Request(
        server.url + "/chat/completions", data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


@pytest.mark.parametrize("question", list(model_server.ANSWERS))
def test_streamed_and_whole_answers_are_one(server, question):
    messages = [{"role": "user", "content": question}]
    pieces = list(client.stream_chat(upstream(server), messages))
    text = "".join(p.text for p in pieces)
    told = whole(server, messages)
    assert text == told["choices"][0]["message"]["content"] == model_server.ANSWERS[question]
    assert [p.finish for p in pieces if p.finish] == ["stop"]
    assert sum(bool(p.text) for p in pieces) >= 2 and pieces[0].model and pieces[0].id
    assert [p.usage for p in pieces if p.usage] == [
        {k: told["usage"][k] for k in ("prompt_tokens", "completion_tokens", "total_tokens")}
    ]


def test_a_cancel_from_another_thread_is_heard_at_once(server):
    cancel, text = threading.Event(), ""
    with pytest.raises(client.UpstreamError) as caught:
        for piece in client.stream_chat(
            upstream(server, max_tokens=1900),
            [{"role": "user", "content": model_server.ENDLESS[0]}],
            cancel=cancel,
        ):
            text += piece.text
            if len(text) > 100 and not cancel.is_set():
                begun = time.monotonic()
                threading.Thread(target=cancel.set).start()
    assert caught.value.code == "cancelled" and time.monotonic() - begun < 0.5
    assert text.startswith("On and on. On and on. ")
    answer = "".join(
        p.text for p in client.stream_chat(upstream(server), [{"role": "user", "content": "Thank you."}])
    )
    assert answer == "You are welcome."  # it goes on serving


def test_a_long_answer_is_broken_off_where_it_is_told(server):
    up = client.Upstream(
        upstream(server).target,
        server.model,
        parameters={"temperature": 0, "max_tokens": 1900},
        max_characters=500,
    )
    text = ""
    with pytest.raises(client.UpstreamError) as caught:
        for piece in client.stream_chat(up, [{"role": "user", "content": model_server.ENDLESS[0]}]):
            text += piece.text
    assert caught.value.code == "too_long" and text == (model_server.ENDLESS[1] * 60)[:500]


def test_an_unknown_model_is_refused_in_words(server):
    up = client.Upstream(upstream(server).target, "no-such/model")
    with pytest.raises(client.UpstreamError) as caught:
        list(client.stream_chat(up, [{"role": "user", "content": "x"}]))
    assert caught.value.code in ("refused", "failed") and caught.value.status >= 400


def test_its_list_of_models_is_asked_for(server):
    assert endpoints.models_of(upstream(server)) is not None
