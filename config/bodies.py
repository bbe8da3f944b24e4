"""The bodies of requests, read against the clock: whoever sends theirs by the drop, or not at all, keeps no
page waiting.

The web server hands a request to one of its threads as soon as its headers are there. The thread then
waits for the body without a limit, and nothing but the connection's end wakes it. So there are more
threads than are needed for pages: those that wait for clients are counted, and beyond a number, in all and
for one address, a body is refused unread. And a wait has an end: `_Looking` shuts the connections of those
who are late.

The clock: SECONDS to begin with, and a second more for each RATE bytes that have come."""

import contextlib
import logging
import os
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from django.conf import settings
from django.utils.translation import gettext as _

from config.sockets import own_sockets
from core.errors import BodyRefused

log = logging.getLogger(__name__)
FIRST_PIECE, LARGEST_PIECE = 256, 64 * 1024  # bytes: small at first, so that a slow client is noticed early
SMALL = 4096  # bytes of a body that are read even if nobody wants them
RETRY_SECONDS = 5
LOOK_SECONDS = 1.0
LOOKS = 3  # so often a connection must have been found waiting, and nothing that explains it
# between the arrival of a request and its thread's start; of the clocks that are compared
QUEUED_SECONDS, ROUNDING_SECONDS = 2.0, 0.25


@dataclass(eq=False)
class Request:
    """One request in work. `heard`: the monotonic second at which something of it last came; `late_at`: when
    its client will have taken too long, while a body is waited for."""

    address: str
    arrived: float = field(default_factory=time.monotonic)
    heard: float = 0.0
    late_at: float = 0.0

    def __post_init__(self) -> None:
        self.heard = self.arrived

    def explains(self, heard: float) -> bool:
        """Whether a connection on which something last came at `heard` may be this request's."""
        return (
            self.arrived - QUEUED_SECONDS
            <= heard
            <= (time.monotonic() if self.late_at else self.heard) + ROUNDING_SECONDS
        )


class Waits:
    """The requests in work, and how many of them wait for their clients: at most `most`, at most `each` of
    one address (0: no such limit)."""

    def __init__(self, most: int, each: int):
        self.most, self.each = most, each
        self.requests: set[Request] = set()
        self._lock = threading.Lock()
        self._waiting: Counter[str] = Counter()

    @contextlib.contextmanager
    def one(self, request: Request, late_at: float) -> Iterator[None]:
        """While a piece of the body of `request` is waited for. BodyRefused (429) when too many are waited
        for."""
        with self._lock:
            if self._waiting.total() >= self.most or (
                self.each and self._waiting[request.address] >= self.each
            ):
                message = _("There are too many requests at the moment. Try again in a few seconds.")
                raise BodyRefused("busy", message, status=429, data={"retry_after": RETRY_SECONDS})
            self._waiting[request.address] += 1
        request.late_at = late_at
        try:
            yield
        finally:
            request.heard, request.late_at = time.monotonic(), 0.0
            with self._lock:
                self._waiting[request.address] -= 1
                if not self._waiting[request.address]:
                    del self._waiting[request.address]


class TimedBody:
    """A request's `wsgi.input`. `read` and `readline` give less than was asked for only at the body's end;
    BodyRefused (408) when it does not come in time, then and at every later call."""

    def __init__(self, source, request: Request, waits: Waits, *, seconds: float, rate: int):
        self._source, self._request, self._waits = source, request, waits
        self._seconds, self._rate = seconds, rate
        self._began = 0.0
        self.taken = 0
        self._held = bytearray()
        self._late = self.ended = False

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            while not self.ended:
                self._fetch(LARGEST_PIECE)
            return self._give(len(self._held))
        while not self.ended and len(self._held) < size:
            self._fetch(size - len(self._held))
        return self._give(size)

    def readline(self, size: int | None = -1) -> bytes:
        most = float("inf") if size is None or size < 0 else size
        searched = 0
        while (end := self._held.find(b"\n", searched)) < 0 and not self.ended and len(self._held) < most:
            searched = len(self._held)
            self._fetch(1)
        return self._give(int(min(len(self._held) if end < 0 else end + 1, most)))

    def readlines(self, hint: int | None = -1) -> list[bytes]:
        return list(self)

    def __iter__(self):
        return iter(self.readline, b"")

    def _give(self, size: int) -> bytes:
        out = bytes(self._held[:size])
        del self._held[:size]
        return out

    def _fetch(self, wanted: int) -> None:
        """At most `wanted` bytes more, in pieces that grow with what has come."""
        if not self._late:
            self._began = self._began or time.monotonic()
            piece = min(wanted, LARGEST_PIECE, max(FIRST_PIECE, 4 * self.taken))
            late_at = self._began + self._seconds + (self.taken + piece) / self._rate
            with self._waits.one(self._request, late_at):
                data = self._source.read(piece)
            self.taken += len(data)
            self._held += data
            self.ended = len(data) < piece
            self._late = time.monotonic() > late_at
        if self._late:
            message = _(
                "What you sent came too slowly, so the server stopped waiting. Nothing was changed; "
                "try again."
            )
            raise BodyRefused("slow_body", message, status=408)


@dataclass(frozen=True)
class Connection:
    """An open connection of this process: where from, and the monotonic seconds at which something was last
    received and sent on it."""

    fd: int
    address: str
    heard: float
    said: float


class Looking:
    """Finds the connections of clients that are late and shuts them, which wakes the threads that wait for
    them.

    Nothing says which connection a request came on. But one on which something has come since we last
    answered, which no request in work explains but those that are late, and which is found so again and
    again, is of a client that is late: with its body, or with its headers."""

    def __init__(
        self, waits: Waits, connections: Callable[[], Iterable[Connection]], shut: Callable[[int], None]
    ):
        self.waits, self.connections, self.shut = waits, connections, shut
        # by file: when we last answered on it, how often it was found so
        self.suspected: dict[int, tuple[float, int]] = {}

    def look(self) -> int:
        """How many were shut."""
        now = time.monotonic()
        late, others = [], []
        for request in list(self.waits.requests):
            (late if request.late_at and request.late_at < now else others).append(request)
        addresses = {request.address for request in late}
        suspected = {}
        for found in self.connections() if late else ():
            waiting = found.heard >= found.said and found.said < now - LOOKS * LOOK_SECONDS
            if (
                not waiting
                or found.address not in addresses
                or any(r.address == found.address and r.explains(found.heard) for r in others)
            ):
                continue
            said, times = self.suspected.get(found.fd, (found.said, 0))
            suspected[found.fd] = found.said, times + 1 if abs(said - found.said) < ROUNDING_SECONDS else 1
        self.suspected = suspected
        ripe = [fd for fd, (_said, times) in suspected.items() if times >= LOOKS]
        for fd in ripe:
            self.shut(fd)
        return len(ripe)

    def run(self) -> None:
        """For ever, in a thread of its own."""
        while True:
            time.sleep(LOOK_SECONDS)
            try:
                self.look()
            except Exception as exc:
                log.error("connections of slow clients could not be looked at: %s", type(exc).__name__)


# Linux's struct tcp_info up to the milliseconds since data was last sent, and last received
_INFO = struct.Struct("=44xI4xI")


def own_connections() -> Iterator[Connection]:
    """The TCP connections of this process that have another end; none where the kernel is not Linux's."""
    for fd, found in own_sockets():
        with contextlib.suppress(OSError, ValueError, struct.error):
            if found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM:
                address = found.getpeername()[0].removeprefix("::ffff:")
                sent, received = _INFO.unpack(
                    found.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
                )
                now = time.monotonic()
                yield Connection(fd, address, now - received / 1000, now - sent / 1000)


def shut(fd: int) -> None:
    """Nothing more is read from the connection; what is written may still go out."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(fd)) as connection:
        connection.shutdown(socket.SHUT_RD)


def _saying_the_end(start_response, body: TimedBody, length: str):
    """`start_response` that says "Connection: close" where the body was refused unread: the web server then
    ends the connection, and whoever is not told sends the next request into it. A small body is read
    instead."""

    def start(status, headers, exc_info=None):
        if length.isdecimal() and body.taken < int(length) <= SMALL:
            with contextlib.suppress(BodyRefused):
                body.read()
        if not body.ended and not (length.isdecimal() and body.taken >= int(length)):
            said = [(name, value) for name, value in headers if name.lower() != "connection"]
            headers = [*said, ("Connection", "close")]
        return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

    return start


def timed(application):
    """WSGI middleware: `application` reads bodies against the clock. Behind a proxy all clients have its
    address, and counting them is its business."""
    waits = Waits(settings.BODY_WAITS, 0 if settings.BEHIND_PROXY else settings.BODY_WAITS_EACH)
    threading.Thread(
        target=Looking(waits, own_connections, shut).run, name="slow-clients", daemon=True
    ).start()

    def call(environ, start_response):
        request = Request(environ.get("REMOTE_ADDR", "").removeprefix("::ffff:"))
        if environ.get("CONTENT_LENGTH", "0") not in ("", "0"):
            body = environ["wsgi.input"] = TimedBody(
                environ["wsgi.input"], request, waits, seconds=settings.BODY_SECONDS, rate=settings.BODY_RATE
            )
            start_response = _saying_the_end(start_response, body, environ["CONTENT_LENGTH"])
        waits.requests.add(request)
        try:
            return application(environ, start_response)
        finally:
            waits.requests.discard(request)

    return call
