"""A real HTTP server that speaks the OpenAI protocol, well or badly: the name of the model asked for says
how.

    with faulty.serve() as server:
        server.url                      # http://127.0.0.1:PORT/v1
        server.requests                 # [Seen(method, path, headers, body, at)] so far, body as parsed
                                        JSON
        server.open                     # requests being answered right now
        server.answer("ok", "hello")    # the text that a well-behaved model would give

Behaviours, each a model name; `name:0.5` gives it a number (seconds, mostly):

    ok            the answer word by word, 2 ms apart (`ok:0.05`: 50 ms) instant all at once in one go
    slow-headers  nothing at all drip headers, one byte every 0.1 s, for ever
    stall-first   headers, then nothing                 comments       headers, then SSE comments for ever
    stall-middle  three pieces, then nothing            never          a piece every 50 ms for ever
    die           three pieces, then a reset            die-first      a reset before any byte
    die-clean     three pieces, then closed in the middle of the chunked body
    cut           three pieces and a proper end of the body, but neither finish_reason nor [DONE]
    malformed     three pieces, a line of broken JSON, more pieces
    error         three pieces, then an error object in the stream
    500 502 400 401 404 429 503      that status, always
    429-then-ok   429 with Retry-After: 0.3, the second time ok 503-then-ok likewise, without the header
    long          100,000 tokens, as quick as they go   endless-line   one line without end
    many-headers  too many headers                      html           200 with a web page
    empty         200 with nothing json the whole answer as JSON though a stream was asked for
    redirect      307 to `server.redirect_to`           gzip           a gzipped stream nobody asked for
    bytes         the stream one byte at a time cr CR as the line end; `crlf`: CRLF; `bom`: a byte order
                  mark first
    null          content null, empty choices, unknown fields, `data:` without a blank
    no-done       finish_reason, but no [DONE]          late-usage     usage in a chunk after finish_reason
    tools         two tool calls, their arguments in pieces reasoning thoughts beside the text
    sources       retrieved sources in several shapes   refusal        a refusal instead of content
    length        finish_reason length"""

import contextlib
import gzip
import json
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Seen:
    """A request as it came: header names in lower case; `body` parsed JSON, or None."""

    method: str
    path: str
    headers: dict
    body: dict | None
    at: float = field(default_factory=time.monotonic)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512
    block_on_close = False

    def __init__(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None):
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, 0), Handler)
        self.tls = tls
        self.host, self.port = host, self.server_address[1]
        self.requests: list[Seen] = []
        self.connections = 0
        self.open = 0
        self.counts: Counter = Counter()
        self.released = threading.Event()  # set: everything that stalls gives up
        self.redirect_to = ""
        self.behaviours: dict[str, Callable] = dict(BEHAVIOURS)
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.tls else ''}://{host}:{self.port}/v1"

    @staticmethod
    def answer(model: str, text: str) -> str:
        return f"You said: {text}\n\n1. **First**, read it.\n2. Then 回答 it – by {model}."

    def get_request(self):
        connection, address = super().get_request()
        self.connections += 1
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, address

    def finish_request(self, request, client_address):
        if self.tls:
            request.settimeout(5)
            try:
                request = self.tls.wrap_socket(request, server_side=True)
            except (ssl.SSLError, OSError):
                return
            request.settimeout(None)
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        pass  # clients that go away are the point


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *args):
        pass

    def do_GET(self):
        self._note(None)
        if self.path.endswith("/models"):
            self.json(
                200,
                {
                    "object": "list",
                    "data": [{"id": name, "object": "model"} for name in ("ok", "die", "429")],
                },
            )
        else:
            self.json(
                404,
                {
                    "error": {
                        "message": f"no {self.path}",
                        "type": "invalid_request_error",
                        "code": "not_found",
                    }
                },
            )

    def do_POST(self):
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        self._note(body)
        if body is None:
            self.json(400, {"error": {"message": "not JSON", "type": "invalid_request_error"}})
            return
        self.body = body
        self.model = str(body.get("model", "ok"))
        name, _, number = self.model.partition(":")
        self.number = float(number) if number else None
        last = next((m for m in reversed(body.get("messages") or [{}]) if m.get("role") == "user"), {})
        content = last.get("content") or ""
        self.text = content if isinstance(content, str) else json.dumps(content)
        with self.server.lock:
            self.server.counts[name] += 1
            self.count = self.server.counts[name]
            self.server.open += 1
        try:
            self.server.behaviours.get(name, ok)(self)
        except OSError:
            self.close_connection = True
        finally:
            with self.server.lock:
                self.server.open -= 1

    def _note(self, body) -> None:
        self.server.requests.append(
            Seen(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        )

    # what behaviours are made of

    def json(self, status: int, value, headers: dict | None = None, kind: str = "application/json") -> None:
        data = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
        self.send_response(status)
        for name, content in {
            "Content-Type": kind,
            "Content-Length": str(len(data)),
            **(headers or {}),
        }.items():
            self.send_header(name, content)
        self.end_headers()
        self.wfile.write(data)

    def begin(self, kind: str = "text/event-stream", **headers: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        for name, content in headers.items():
            self.send_header(name, content)
        self.end_headers()
        self.wfile.flush()

    def send(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def event(self, value, end: str = "\n\n") -> None:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        self.send(f"data: {text}{end}".encode())

    def chunk(self, delta: dict | None = None, finish: str | None = None, **more) -> dict:
        choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": self.model,
            "choices": choices,
            **more,
        }

    def piece(self, text: str) -> None:
        self.event(self.chunk({"content": text}))

    def done(self) -> None:
        self.event("[DONE]")
        self.end()

    def end(self) -> None:
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def words(self) -> list[str]:
        parts = self.server.answer(self.model, self.text).split(" ")
        return [parts[0], *(" " + p for p in parts[1:])]

    def wait(self, seconds: float = 3600) -> bool:
        """Stall; True when the test released it. Ends by itself when the client goes away."""
        until = time.monotonic() + seconds
        self.connection.setblocking(False)
        try:
            while time.monotonic() < until:
                if self.server.released.wait(0.05):
                    return True
                try:
                    gone = self.connection.recv(1, 0 if self.server.tls else socket.MSG_PEEK) == b""
                except (BlockingIOError, ssl.SSLWantReadError):
                    gone = False
                if gone:
                    raise ConnectionResetError
        finally:
            self.connection.setblocking(True)
        return False

    def reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def ok(h: Handler) -> None:
    usage = {
        "prompt_tokens": len(h.text),
        "completion_tokens": len(h.words()),
        "total_tokens": len(h.text) + len(h.words()),
    }
    if not h.body.get("stream"):
        message = {"role": "assistant", "content": h.server.answer(h.model, h.text)}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        h.json(
            200,
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1,
                "model": h.model,
                "choices": choices,
                "usage": usage,
            },
        )
        return
    h.begin()
    h.event(h.chunk({"role": "assistant", "content": ""}))
    for word in h.words():
        h.piece(word)
        time.sleep(0.002 if h.number is None else h.number)
    h.event(h.chunk({}, "stop"))
    if (h.body.get("stream_options") or {}).get("include_usage"):
        h.event(h.chunk(usage=usage))
    h.done()


def instant(h: Handler) -> None:
    h.begin()
    events = [h.chunk({"content": w}) for w in h.words()] + [h.chunk({}, "stop")]
    h.send(b"".join(f"data: {json.dumps(e)}\n\n".encode() for e in events) + b"data: [DONE]\n\n")
    h.end()


def three(h: Handler) -> None:
    h.begin()
    for text in ("One ", "two ", "three"):
        h.piece(text)


def slow_headers(h: Handler) -> None:
    if h.wait(h.number or 3600) or h.number:
        ok(h)


def drip(h: Handler) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 36000:
        h.wfile.write(bytes([byte]))
        if h.wait(0.1):
            break
    h.hang_up()


def stall_first(h: Handler) -> None:
    h.begin()
    h.wait(h.number or 3600)
    for word in h.words():
        h.piece(word)
    h.event(h.chunk({}, "stop"))
    h.done()


def comments(h: Handler) -> None:
    h.begin()
    while not h.server.released.wait(0.05):
        h.send(b": keep-alive\n\n")
    h.end()


def stall_middle(h: Handler) -> None:
    three(h)
    h.wait(h.number or 3600)
    h.piece(" four")
    h.event(h.chunk({}, "stop"))
    h.done()


def never(h: Handler) -> None:
    h.begin()
    while not h.server.released.wait(h.number or 0.05):
        h.piece("more ")
    h.done()


def die(h: Handler) -> None:
    three(h)
    time.sleep(0.1)  # or the reset overtakes what was sent
    h.reset()


def die_first(h: Handler) -> None:
    h.reset()


def die_clean(h: Handler) -> None:
    three(h)
    h.hang_up()


def cut(h: Handler) -> None:
    three(h)
    h.end()


def malformed(h: Handler) -> None:
    three(h)
    h.event('{"choices": [{"delta": {"content": "brok')
    h.piece(" never to be shown")
    h.event(h.chunk({}, "stop"))
    h.done()


def error(h: Handler) -> None:
    three(h)
    h.event({"error": {"message": "the graphics card is gone", "type": "server_error", "code": 500}})
    h.done()


def status(code: int, **headers: str) -> Callable:
    def answer(h: Handler) -> None:
        message = {
            "message": f"status {code}, as you asked; key was {h.headers.get('authorization', 'none')}",
            "type": "test",
            "code": str(code),
        }
        h.json(code, {"error": message}, headers)

    return answer


def then_ok(code: int, **headers: str) -> Callable:
    def answer(h: Handler) -> None:
        status(code, **headers)(h) if h.count % 2 else ok(h)

    return answer


def long(h: Handler) -> None:
    h.begin()
    block = f"data: {json.dumps(h.chunk({'content': 'token '}))}\n\n".encode() * 100
    for _ in range(1000):
        h.send(block)
    h.event(h.chunk({}, "length"))
    h.done()


def endless_line(h: Handler) -> None:
    h.begin()
    h.send(b'data: {"choices": [{"delta": {"content": "')
    while not h.server.released.is_set():
        h.send(b"a" * 65536)


def many_headers(h: Handler) -> None:
    h.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for i in range(20000):
        h.wfile.write(b"X-H%d: %s\r\n" % (i, b"a" * 100))
    h.wfile.write(b"\r\n")
    h.hang_up()


def html(h: Handler) -> None:
    h.json(200, b"<!doctype html><title>Router</title><script>alert(1)</script>", kind="text/html")


def empty(h: Handler) -> None:
    h.json(200, b"", kind="text/event-stream")


def as_json(h: Handler) -> None:
    h.body["stream"] = False
    ok(h)


def redirect(h: Handler) -> None:
    h.json(307, {}, {"Location": h.server.redirect_to or "http://127.0.0.1:9/"})


def zipped(h: Handler) -> None:
    data = "".join(f"data: {json.dumps(h.chunk({'content': w}))}\n\n" for w in h.words()).encode()
    h.begin(**{"Content-Encoding": "gzip"})
    h.send(gzip.compress(data))
    h.end()


def stream_of(h: Handler, end: str = "\n\n") -> bytes:
    events = [h.chunk({"content": w}) for w in h.words()] + [h.chunk({}, "stop")]
    return (
        "".join(f"data: {json.dumps(e, ensure_ascii=False)}{end}" for e in events).encode()
        + f"data: [DONE]{end}".encode()
    )


def single_bytes(h: Handler) -> None:
    h.begin()
    for byte in stream_of(h):
        h.send(bytes([byte]))
    h.end()


def with_ends(end: str, first: bytes = b"") -> Callable:
    def answer(h: Handler) -> None:
        h.begin()
        data = first + stream_of(h, end)
        for i in range(0, len(data), 7):
            h.send(data[i : i + 7])
        h.end()

    return answer


def null(h: Handler) -> None:
    h.begin()
    h.send(b": hello\n\nevent: message\nid: 7\nretry: 100\n")
    unknown = h.chunk({"content": "One", "unknown": {"deep": [1]}}, logprobs=None)
    for value in (h.chunk({"role": "assistant", "content": None}), h.chunk(), unknown, {"object": "ping"}):
        h.send(f"data:{json.dumps(value)}\n\n".encode())
    first, second = json.dumps(h.chunk({"content": " two"})).split(", ", 1)
    h.send(f"data:{first},\ndata: {second}\n\n".encode())  # one event on two lines
    h.send(f"data:{json.dumps(h.chunk({'content': None}, 'stop'))}\n\ndata:[DONE]\n\n".encode())
    h.end()


def no_done(h: Handler) -> None:
    three(h)
    h.event(h.chunk({}, "stop"))
    h.end()


def late_usage(h: Handler) -> None:
    three(h)
    h.event(h.chunk({}, "stop"))
    h.event(h.chunk(usage={"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}))
    h.done()


def tools(h: Handler) -> None:
    calls = [("call_a", "weather", '{"city": "深圳", "days": 2}'), ("call_b", "clock", "{}")]
    if not h.body.get("stream"):
        made = [{"id": i, "type": "function", "function": {"name": n, "arguments": a}} for i, n, a in calls]
        choices = [
            {
                "index": 0,
                "message": {"role": "assistant", "content": None, "tool_calls": made},
                "finish_reason": "tool_calls",
            }
        ]
        h.json(
            200,
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1,
                "model": h.model,
                "choices": choices,
            },
        )
        return
    h.begin()
    h.event(h.chunk({"role": "assistant", "content": None}))
    for index, (key, name, arguments) in enumerate(calls):
        call = {"index": index, "id": key, "type": "function", "function": {"name": name, "arguments": ""}}
        h.event(h.chunk({"tool_calls": [call]}))
        for i in range(0, len(arguments), 5):
            h.event(
                h.chunk({"tool_calls": [{"index": index, "function": {"arguments": arguments[i : i + 5]}}]})
            )
    h.event(h.chunk({}, "tool_calls"))
    h.done()


def reasoning(h: Handler) -> None:
    h.begin()
    h.event(h.chunk({"role": "assistant", "reasoning_content": "Let me think."}))
    h.event(h.chunk({"reasoning": "More thoughts."}))
    h.piece("Forty-two.")
    h.event(h.chunk({}, "stop"))
    h.done()


def sources(h: Handler) -> None:
    h.begin()
    h.event(
        h.chunk(
            {"role": "assistant", "content": "See [1]."},
            citations=["https://example.org/a", "javascript:alert(1)"],
        )
    )
    found = [
        {"title": "Guideline 2024", "url": "https://example.org/b", "snippet": "Measure twice."},
        {"title": "Bad", "url": "file:///etc/passwd"},
    ]
    h.event(h.chunk({"content": " And [2]."}, search_results=found))
    note = {
        "type": "url_citation",
        "url_citation": {"url": "https://example.org/c", "title": "Third", "start_index": 0, "end_index": 3},
    }
    h.event(h.chunk({"annotations": [note]}))
    h.event(
        h.chunk(
            {
                "context": {
                    "citations": [
                        {"title": "Azure", "content": "From the index.", "url": "", "filepath": "a.pdf"}
                    ]
                }
            }
        )
    )
    h.event(
        h.chunk(
            {},
            "stop",
            sources=[
                {
                    "source": {"name": "handbook.pdf"},
                    "document": ["Page one.", "Page two."],
                    "metadata": [{}, {}],
                }
            ],
        )
    )
    h.done()


def refusal(h: Handler) -> None:
    h.begin()
    h.event(h.chunk({"refusal": "I cannot help with that."}))
    h.event(h.chunk({}, "content_filter"))
    h.done()


def length(h: Handler) -> None:
    three(h)
    h.event(h.chunk({}, "length"))
    h.done()


BEHAVIOURS: dict[str, Callable] = {
    "ok": ok,
    "instant": instant,
    "slow-headers": slow_headers,
    "drip": drip,
    "stall-first": stall_first,
    "comments": comments,
    "stall-middle": stall_middle,
    "never": never,
    "die": die,
    "die-first": die_first,
    "die-clean": die_clean,
    "cut": cut,
    "malformed": malformed,
    "error": error,
    "429-then-ok": then_ok(429, **{"Retry-After": "0.3"}),
    "503-then-ok": then_ok(503),
    "long": long,
    "endless-line": endless_line,
    "many-headers": many_headers,
    "html": html,
    "empty": empty,
    "json": as_json,
    "redirect": redirect,
    "gzip": zipped,
    "bytes": single_bytes,
    "cr": with_ends("\r\r"),
    "crlf": with_ends("\r\n\r\n"),
    "bom": with_ends("\n\n", b"\xef\xbb\xbf"),
    "null": null,
    "no-done": no_done,
    "late-usage": late_usage,
    "tools": tools,
    "reasoning": reasoning,
    "sources": sources,
    "refusal": refusal,
    "length": length,
    **{str(code): status(code) for code in (400, 401, 404, 500, 502, 503)},
    "429": status(429, **{"Retry-After": "0.1"}),
}


@contextlib.contextmanager
def serve(host: str = "127.0.0.1", *, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """The server in a thread of this process, on a free port; what still stalls is let go at the end."""
    server = Server(host, tls)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
