"""Clients that hold connections, or send by the drop: pages are answered all the same, and every wait for a
client has an end."""

import contextlib
import http.client
import re
import socket
import time

import pytest

from config import bodies
from config.bodies import Connection, Looking, Request, TimedBody, Waits
from core.errors import BodyRefused
from tests import processes
from tests.processes import until

PATIENCE = 60  # seconds until a test gives up; nothing here is expected to take that long


@pytest.fixture
def server(transactional_db, tmp_path):
    """(port, head of a POST to /login/ with a form's cookie, up to its length) of a real web server that
    waits a second for bodies."""
    with processes.web(
        log=tmp_path / "web.log", BODY_SECONDS="1", BODY_WAITS_EACH="8", WEB_WORKERS="1", WEB_THREADS="16"
    ) as (_process, url):
        port = int(url.rsplit(":", 1)[1])
        cookie = page(port).getheader("Set-Cookie").split(";")[0]
        form = "Content-Type: application/x-www-form-urlencoded"
        yield (
            port,
            (
                f"POST /login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n{form}\r\nContent-Length: "
            ).encode(),
        )


def page(port: int) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET", "/login/", headers={"Connection": "close"})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


@contextlib.contextmanager
def sockets(port: int, n: int, said: bytes):
    with contextlib.ExitStack() as stack:
        made = []
        for _ in range(n):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
            if said:
                one.sendall(said)
            made.append(one)
        yield made


def answer(one: socket.socket) -> bytes:
    """The head of what the server says; b"" if it closed without a word."""
    said = b""
    with contextlib.suppress(ConnectionError):
        while b"\r\n\r\n" not in said and (more := one.recv(65536)):
            said += more
    return said


def test_hundreds_of_idle_connections_cost_no_page(server):
    port, _head = server
    with (
        sockets(port, 500, b""),
        sockets(port, 20, b"GET /static/core/mark.svg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") as used,
    ):
        assert all(answer(one).startswith(b"HTTP/1.1 200") for one in used)  # and they stay open
        assert page(port).status == 200


def test_headers_that_never_end_cost_no_page(server):
    port, _head = server
    with sockets(port, 200, b"GET /login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-"):
        assert page(port).status == 200


def test_a_body_that_does_not_come_is_waited_for_no_longer_than_the_clock_allows(server):
    port, head = server
    with (
        sockets(port, 4, head + b"1000\r\n\r\n") as silent,
        sockets(port, 4, head + b"1000\r\n\r\n") as dripping,
    ):
        assert page(port).status == 200
        for one in dripping:
            one.setblocking(False)

        def answered() -> bool:
            for one in dripping:
                with contextlib.suppress(OSError):
                    one.send(b"a")
            return all(said(one) for one in dripping)

        until(answered, "the dripping bodies to be refused", seconds=PATIENCE, every=0.3)
        assert {answer(one)[:12] for one in silent} == {b"HTTP/1.1 408"}
        assert page(port).status == 200


def said(one: socket.socket) -> bytes:
    try:
        return one.recv(12, socket.MSG_PEEK)
    except BlockingIOError:
        return b""
    except OSError:
        return b"closed"


@pytest.mark.parametrize(
    ("path", "size"), [("/api/v1/feedback/", 200_000), ("/login/", 60_000), ("/login/", 3_000_000)]
)
def test_a_connection_is_not_gone_without_a_word_after_a_refusal(server, path, size):
    """A POST refused with its body unread ends the connection: the answer says so."""
    port, _head = server
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    for _time in range(20):
        # A client that is still sending when the answer comes reads it all the same, as browsers do.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request(
                "POST", path, body=b"x" * size, headers={"Content-Type": "application/x-www-form-urlencoded"}
            )
        refused = connection.getresponse()
        refused.read()
        assert refused.status in (400, 401, 403, 413)
        if refused.will_close:
            connection.close()  # and opens again by itself
        connection.request("GET", "/login/")
        following = connection.getresponse()
        following.read()
        assert following.status == 200


def test_a_connection_stays_open_after_a_small_body(server):
    port, _head = server
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request(
        "POST",
        "/login/",
        body="a=b",
        headers={"Content-Type": "application/x-www-form-urlencoded", "Cookie": "csrftoken=x"},
    )
    response = connection.getresponse()
    response.read()
    assert response.status == 403 and not response.will_close


def test_one_address_is_waited_for_only_so_often(server):
    port, head = server
    with sockets(port, 30, head + b"1000\r\n\r\n") as silent:
        heads = [answer(one) for one in silent]
    refused = [h for h in heads if h.startswith(b"HTTP/1.1 429")]
    assert len(refused) >= 22 and {h[:12] for h in heads} == {b"HTTP/1.1 429", b"HTTP/1.1 408"}
    assert all(re.search(rb"(?i)retry-after: \d+\r\n", h) for h in refused)


class Clock:
    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


class Source:
    """A body that comes at `rate` bytes a second, at most `each` at once."""

    def __init__(self, clock: Clock, body: bytes, rate: float):
        self.clock, self.body, self.rate, self.sizes = clock, body, rate, []

    def read(self, size: int) -> bytes:
        piece, self.body = self.body[:size], self.body[size:]
        self.clock.now += len(piece) / self.rate
        self.sizes.append(size)
        return piece


def timed(source: Source, waits: Waits | None = None) -> TimedBody:
    return TimedBody(source, Request("a"), waits or Waits(9, 9), seconds=10, rate=1000)


def test_a_slow_upload_that_goes_on_is_taken_whole(monkeypatch):
    body = bytes(range(256)) * 1000
    assert timed(Source(Clock(monkeypatch), body, 1500)).read() == body


def test_a_body_below_the_least_rate_is_broken_off_early(monkeypatch):
    source = Source(Clock(monkeypatch), b"x" * 1_000_000, 50)
    body = timed(source)
    for _ in range(2):  # and stays so
        with pytest.raises(BodyRefused) as refused:
            body.read()
        assert refused.value.status == 408 and "slowly" in refused.value.message
    assert sum(source.sizes) < 2000


def test_lines_and_pieces_are_what_was_sent(monkeypatch):
    lines = [b"a\n", b"\n", b"b" * 700 + b"\n", b"end"]
    body = timed(Source(Clock(monkeypatch), b"".join(lines), 1e9))
    assert body.read(1) + body.readline() == b"a\n"
    assert [body.readline(), body.readline(300), body.readline()] == [b"\n", b"b" * 300, b"b" * 400 + b"\n"]
    assert (body.read(), body.read(5), body.readline()) == (b"end", b"", b"")
    assert list(timed(Source(Clock(monkeypatch), b"".join(lines), 1e9))) == lines


def test_waits_are_counted_in_all_and_for_each_address():
    waits = Waits(most=3, each=2)
    one, two, other = Request("a"), Request("a"), Request("b")
    with waits.one(one, 5), waits.one(two, 5):
        with pytest.raises(BodyRefused) as refused, waits.one(Request("a"), 5):
            pass
        assert refused.value.status == 429 and refused.value.headers == {
            "Retry-After": "5",
            "Connection": "close",
        }
        with waits.one(other, 5), pytest.raises(BodyRefused), waits.one(Request("c"), 5):
            pass
    with waits.one(Request("a"), 5):
        pass


def test_only_the_connection_of_a_late_client_is_shut(monkeypatch):
    """Beside it: one that is answered, one that idles, one whose answer takes long, one that has just asked,
    one from elsewhere."""
    clock = Clock(monkeypatch)
    waits = Waits(9, 9)
    late, long, elsewhere = Request("a"), Request("a"), Request("b")
    clock.now += 30
    long.arrived = long.heard = clock.now - 20
    late.arrived = late.heard = clock.now - 25
    late.late_at = clock.now - 5
    elsewhere.arrived = elsewhere.heard = clock.now - 25
    waits.requests |= {late, long, elsewhere}
    began = clock.now
    shut: list[int] = []

    def connections():
        yield Connection(1, "a", began - 25, began - 40)  # the late one
        yield Connection(2, "a", began - 25, clock.now)  # a stream
        yield Connection(3, "a", began - 25, began - 24.9)  # idle
        yield Connection(4, "a", began - 20.1, began - 40)  # `long`
        # just asked, then answered
        yield Connection(5, "a", clock.now, began - 40 if clock.now == began else clock.now - 0.1)
        yield Connection(6, "b", began - 25, began - 40)

    looking = Looking(waits, connections, shut.append)
    for _ in range(bodies.LOOKS - 1):
        assert looking.look() == 0
        clock.now += 1
    assert looking.look() == 1 and shut == [1]
    late.late_at = 0.0
    assert looking.look() == 0 and looking.suspected == {}


def test_own_connections_are_found_with_their_times():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as one,
        server.accept()[0] as other,
    ):
        one.sendall(b"x")
        other.recv(1)
        found = {c.fd: c for c in bodies.own_connections()}
        assert found[other.fileno()].address == "127.0.0.1" and server.fileno() not in found
        assert found[other.fileno()].heard >= found[other.fileno()].said
        bodies.shut(other.fileno())
        assert other.recv(1) == b""
