"""OpenAI's own client, by base_url alone, through the proxy on the server as shipped: the same as from the
model itself."""

import asyncio
import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from feedback.models import Message
from tests import processes
from tests.feedback.proxy.proxied import behind
from tests.feedback.proxy.test_proxy_log import own_id, several
from tests.inference import faulty

openai = pytest.importorskip("openai")
pytestmark = pytest.mark.django_db(transaction=True)
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]
ASKED = {"messages": [{"role": "user", "content": "血压 150/95 要紧吗？"}]}


@pytest.fixture(scope="module")
def server():
    with faulty.serve() as running:
        running.behaviours |= {"own-id": own_id, "several": several}
        yield running


@pytest.fixture(scope="module")
def site(server, django_db_setup, django_db_blocker, tmp_path_factory):
    log = tmp_path_factory.mktemp("proxy") / "web.log"
    with (
        django_db_blocker.unblock(),
        processes.web(log=log, ENDPOINT_HOSTS=f"127.0.0.1:{server.port}") as (process, url),
    ):
        yield process, url, log


@pytest.fixture
def here(site, server, transactional_db):
    server.counts.clear()
    made = behind(server.url)
    for name in ("own-id", "several", "tools", "429", "500", "400", "die", "never", "ok"):
        made.endpoint(name)
    before = site[2].stat().st_size
    yield made
    assert b"Traceback" not in site[2].read_bytes()[before:]


@pytest.fixture
def both(site, server, here):
    """(client of the model's server, client of the proxy)."""
    with (
        openai.OpenAI(base_url=server.url, api_key="x", max_retries=0) as straight,
        openai.OpenAI(base_url=f"{site[1]}/v1", api_key=here.key, max_retries=0) as through,
    ):
        yield straight, through


def plain(completion) -> dict:
    """All the client understood, but for ids that a server gives anew each time."""
    return json.loads(completion.model_dump_json(exclude={"id"}))


@pytest.mark.parametrize(
    "model, more",
    [("own-id", {"temperature": 0.1, "logprobs": True}), ("several", {"n": 3}), ("tools", {"tools": TOOLS})],
)
def test_an_answer_in_one_piece(both, model, more):
    straight, through = (plain(c.chat.completions.create(model=model, **ASKED, **more)) for c in both)
    assert straight == through and straight["choices"]


@pytest.mark.parametrize(
    "model, more",
    [
        ("own-id", {"stream_options": {"include_usage": True}}),
        ("several", {"n": 3}),
        ("tools", {"tools": TOOLS}),
    ],
)
def test_a_stream(both, model, more):
    straight, through = (
        [plain(p) for p in c.chat.completions.create(model=model, stream=True, **ASKED, **more)] for c in both
    )
    assert straight == through and len(straight) > 3


def test_the_assembled_stream(both):
    """The client's own accumulation of text and tool calls."""
    for model, more in (("own-id", {}), ("tools", {"tools": TOOLS})):
        out = []
        for client in both:
            with client.chat.completions.stream(model=model, **ASKED, **more) as stream:
                out.append(plain(stream.get_final_completion()))
        assert out[0] == out[1]
    assert json.loads(out[0]["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]) == {
        "city": "深圳",
        "days": 2,
    }


def run(coroutine):
    """In a thread of its own: the one of the tests may have the browser's event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def test_the_async_client(site, server, here):
    async def ask(client):
        async with client:
            one = await client.chat.completions.create(model="own-id", **ASKED)
            pieces = [
                plain(p)
                async for p in await client.chat.completions.create(
                    model="tools", tools=TOOLS, stream=True, **ASKED
                )
            ]
            return plain(one), pieces, [m.id async for m in client.models.list()]

    straight = run(ask(openai.AsyncOpenAI(base_url=server.url, api_key="x")))
    through = run(ask(openai.AsyncOpenAI(base_url=f"{site[1]}/v1", api_key=here.key)))
    assert straight[:2] == through[:2]
    assert {"own-id", "tools"} <= set(through[2])


def test_its_usual_exceptions(both, site):
    """The upstream's errors as from the upstream; ours in the same form."""
    for model, kind in (
        ("429", openai.RateLimitError),
        ("500", openai.InternalServerError),
        ("400", openai.BadRequestError),
    ):
        said = []
        for client in both:
            with pytest.raises(kind) as raised:
                client.chat.completions.create(model=model, **ASKED)
            said.append(
                (
                    raised.value.status_code,
                    {k: v.replace("Bearer x", "none") for k, v in raised.value.body.items()},
                )
            )
        assert said[0] == said[1]
    _straight, through = both
    with pytest.raises(openai.NotFoundError) as raised:
        through.chat.completions.create(model="nobody", **ASKED)
    assert raised.value.code == "model_not_found"
    with pytest.raises(openai.AuthenticationError):
        through.with_options(api_key="sk-none").chat.completions.create(model="own-id", **ASKED)
    with pytest.raises(openai.APIError) as raised:
        list(through.chat.completions.create(model="die", stream=True, **ASKED))
    assert raised.value.code == "upstream_cut"


def test_the_answers_id_is_told_and_kept(both, here):
    _straight, through = both
    answer = through.chat.completions.with_raw_response.create(model="own-id", **ASKED)
    key = answer.headers["x-touchstone-message"]
    assert answer.parse().id == key
    with through.chat.completions.with_streaming_response.create(
        model="own-id", stream=True, **ASKED
    ) as streamed:
        second = streamed.headers["x-touchstone-message"]
        pieces = list(streamed.parse())
    assert {p.id for p in pieces} == {second} != {key}
    processes.until(
        lambda: {m.external_id for m in here.answers()} == {key, second}, "both answers in the log"
    )


def test_a_client_that_leaves(both, server, here):
    """The model is told at once, and what passed is kept."""
    _straight, through = both
    stream = through.chat.completions.create(model="never", stream=True, **ASKED)
    for _piece in zip(range(3), stream, strict=False):
        pass
    stream.close()
    processes.until(lambda: server.open == 0, "the model's server to be let go", seconds=5)
    (kept,) = processes.until(here.answers, "the answer in the log")
    assert kept.state == Message.State.STOPPED and kept.text


def test_what_waits_is_written_before_the_server_ends(here, server, tmp_path):
    """Twenty streams end at once and the server is told to stop right after."""
    with processes.web(log=tmp_path / "web.log", ENDPOINT_HOSTS=f"127.0.0.1:{server.port}") as (process, url):
        client = openai.OpenAI(base_url=f"{url}/v1", api_key=here.key, max_retries=0)
        for _i in range(20):
            client.chat.completions.create(model="own-id", **ASKED)
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)
    assert len(here.answers()) == 20
