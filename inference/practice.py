"""The practice server: a process of its own that speaks the OpenAI protocol over HTTP and answers from the
demo's texts, so that chat, drafts and thumbs can be tried where no model is at hand. Standard library
only; bound to loopback.

`manage.py practice --port N`, or below `serve`: `python -m inference.practice --fd N`, the listening
socket being the parent's: it keeps its port when this process is started again."""

import argparse
import contextlib
import json
import os
import socket
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from inference.practice_answers import GRADES, Answers, load, pieces

NAMES = {f"practice-{grade}": grade for grade in GRADES}
PACE = 40.0  # pieces a second
MAX_BODY = 8 << 20
MAX_AT_ONCE = 200


class Refused(Exception):
    """An error in OpenAI's form."""

    def __init__(self, status: int, message: str, code: str, param: str | None = None):
        super().__init__(message)
        kind = "invalid_request_error" if status < 500 else "server_error"
        self.status, self.body = (
            status,
            {"error": {"message": message, "type": kind, "param": param, "code": code}},
        )


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, listening: socket.socket, answers: Answers, pace: float):
        super().__init__(listening.getsockname()[:2], Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.answers, self.pace = answers, pace
        self.slots = threading.Semaphore(MAX_AT_ONCE)

    def handle_error(self, request, client_address) -> None:
        """Readers that go away are no news."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, *args) -> None:
        """Nothing: a request line is of no use, and its text is somebody's."""

    def do_GET(self) -> None:
        with self._refusals():
            if self._path() == "/v1/models":
                rows = [
                    {"id": name, "object": "model", "created": 0, "owned_by": "practice"} for name in NAMES
                ]
                self._json(200, {"object": "list", "data": rows})
            elif self._path() == "/health":
                self._json(200, {"status": "ok"})
            else:
                raise Refused(404, f"There is no {self._path()} here.", "not_found")

    def do_POST(self) -> None:
        with self._refusals():
            body = self._body()
            if self._path() != "/v1/chat/completions":
                raise Refused(404, f"There is no {self._path()} here.", "not_found")
            if not self.server.slots.acquire(blocking=False):
                raise Refused(503, "Too many requests at once.", "overloaded")
            try:
                self._complete(body)
            finally:
                self.server.slots.release()

    def _path(self) -> str:
        return self.path.partition("?")[0].rstrip("/")[:200]

    @contextlib.contextmanager
    def _refusals(self):
        try:
            yield
        except Refused as exc:
            if exc.status == 413:
                self.close_connection = True
            self._json(exc.status, exc.body)
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _body(self) -> dict:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY:
            raise Refused(413, "A body with a Content-Length of at most 8 MB is expected.", "body")
        try:
            value = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise Refused(400, "The body is not a JSON object.", "bad_json")
        return value

    def _complete(self, body: dict) -> None:
        model, messages = body.get("model"), body.get("messages")
        if not isinstance(model, str) or model not in NAMES:
            raise Refused(
                404, f"The model does not exist; there are {', '.join(NAMES)}.", "model_not_found", "model"
            )
        if not isinstance(messages, list) or not messages or not all(isinstance(m, dict) for m in messages):
            raise Refused(400, "messages must be a list of at least one message.", "bad_messages", "messages")
        temperature, limit = (
            body.get("temperature", 1.0),
            body.get("max_completion_tokens", body.get("max_tokens")),
        )
        if temperature is None:
            temperature = 1.0
        if (
            isinstance(temperature, bool)
            or not isinstance(temperature, int | float)
            or not 0 <= temperature <= 2
        ):
            raise Refused(400, "temperature is a number from 0 to 2.", "bad_value", "temperature")
        if limit is not None and (type(limit) is not int or limit < 1):
            raise Refused(400, "max_tokens is a number from 1.", "bad_value", "max_tokens")
        asked = [text_of(m) for m in messages if m.get("role") == "user"]
        if not asked:
            raise Refused(400, "There is no message of a user.", "bad_messages", "messages")
        text, sources = self.server.answers.answer(
            asked[-1], "\n".join(asked[-4:-1]), NAMES[model], float(temperature), body.get("seed")
        )
        parts = pieces(text)
        finish = "stop"
        if limit is not None and len(parts) > limit:
            parts, finish = parts[:limit], "length"
        usage = {
            "prompt_tokens": sum(len(pieces(text_of(m))) for m in messages),
            "completion_tokens": len(parts),
        }
        usage["total_tokens"] = sum(usage.values())
        common = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": model}
        if body.get("stream"):
            options = body.get("stream_options")
            wanted = isinstance(options, dict) and options.get("include_usage")
            self._stream(common, parts, finish, sources, usage if wanted else None)
            return
        message = {"role": "assistant", "content": "".join(parts)}
        choice = {"index": 0, "message": message, "finish_reason": finish}
        self._json(
            200,
            {
                **common,
                "object": "chat.completion",
                "choices": [choice],
                "usage": usage,
                **({"sources": sources} if sources else {}),
            },
        )

    def _stream(
        self, common: dict, parts: list[str], finish: str, sources: list[dict], usage: dict | None
    ) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        begun = time.monotonic()
        self._chunk(common, {"role": "assistant", "content": ""})
        for number, part in enumerate(parts):
            if self.server.pace:
                time.sleep(max(0.0, begun + number / self.server.pace - time.monotonic()))
            self._chunk(common, {"content": part})
        self._chunk(common, {}, finish, **({"sources": sources} if sources else {}))
        if usage:
            self._event({**common, "object": "chat.completion.chunk", "choices": [], "usage": usage})
        self._write(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, common: dict, delta: dict, finish: str | None = None, **more) -> None:
        self._event(
            {
                **common,
                "object": "chat.completion.chunk",
                "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
                **more,
            }
        )

    def _event(self, value: dict) -> None:
        self._write(f"data: {json.dumps(value, ensure_ascii=False)}\n\n".encode())

    def _write(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _json(self, status: int, value: dict) -> None:
        data = json.dumps(value, ensure_ascii=True).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if status == 503:
            self.send_header("Retry-After", "1")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)


def text_of(message: dict) -> str:
    """A message's text, whether a string or a list of parts; without halves of surrogate pairs, which no
    answer could quote."""
    content = message.get("content")
    if isinstance(content, list):
        content = "\n".join(
            p["text"] for p in content if isinstance(p, dict) and isinstance(p.get("text"), str)
        )
    return content.encode("utf-8", "ignore").decode() if isinstance(content, str) else ""


def listen(port: int = 0, host: str = "127.0.0.1") -> socket.socket:
    """A listening socket, on a free port unless one is given. OSError when it is taken."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind((host, port))
    found.listen(128)
    return found


def serve(
    listening: socket.socket, *, data: list[Path], grades: Path | None = None, pace: float = PACE
) -> None:
    """Answer until the process ends."""
    with Server(listening, load(data, grades), pace) as server:
        server.serve_forever()


def _end_with_parent() -> None:
    """The kernel tells of the parent's death where it can; elsewhere this looks."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="number of the listening socket, inherited")
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--grades", type=Path)
    parser.add_argument("--pace", type=float, default=PACE, help="pieces a second; 0: as quick as it goes")
    given = parser.parse_args()
    _end_with_parent()
    with contextlib.suppress(KeyboardInterrupt):
        serve(socket.socket(fileno=given.fd), data=given.data, grades=given.grades, pace=given.pace)


if __name__ == "__main__":
    main()
