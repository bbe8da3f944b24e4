"""One HTTP/1.1 exchange over a socket of our own: connected to a pinned address, watched for cancelling and
time limits at every wait.

The protocol is the standard library's `http.client`; it reads and writes through `DeadlineSocket`, whose
waits are a tenth of a second at most, so that a cancel is heard and no limit is outsat. Connections are kept
and used again per process, host, port and address."""

import contextlib
import errno
import http.client
import io
import select
import socket
import ssl
import threading
import time
from collections import deque
from functools import lru_cache

SLICE = 0.1  # seconds: how late a cancel may be heard
KEEP_SECONDS = 20.0  # an idle connection is used again for so long; servers close theirs after 5 s and more
KEEP_EACH, KEEP_ALL = 32, 256
USER_AGENT = "touchstone"


class Cancelled(Exception):
    """Somebody set the cancel event, or closed the socket."""


class TimeUp(Exception):
    """The socket's deadline has passed."""


class DeadlineSocket:
    """A socket for http.client. `deadline` (monotonic seconds) and `cancel` may change between reads."""

    def __init__(self, plain: socket.socket):
        self.socket: socket.socket = plain
        self.deadline = float("inf")
        self.cancel: threading.Event | None = None
        self.closed = False
        self.taken = 0  # bytes read
        plain.setblocking(False)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._poll = select.poll()

    def check(self) -> None:
        """Raise Cancelled or TimeUp if it is time to stop."""
        if self.closed or (self.cancel is not None and self.cancel.is_set()):
            raise Cancelled
        if time.monotonic() >= self.deadline:
            raise TimeUp

    def wait(self, events: int) -> None:
        """Until the socket is ready."""
        self._poll.register(self.socket, events)
        while True:
            self.check()
            if self._poll.poll(max(0.0, min(SLICE, self.deadline - time.monotonic())) * 1000):
                return

    def recv_into(self, buffer) -> int:
        """Bytes read, 0 at the end of the stream."""
        self.check()
        while True:
            try:
                got = self.socket.recv_into(buffer)
            except (BlockingIOError, ssl.SSLWantReadError):
                self.wait(select.POLLIN)
            except ssl.SSLWantWriteError:
                self.wait(select.POLLOUT)
            except ssl.SSLZeroReturnError:
                return 0
            except OSError:
                self.check()  # closed by another thread: that is a cancel
                raise
            else:
                if not got:
                    self.check()  # the end came from our side
                self.taken += got
                return got

    def sendall(self, data) -> None:
        view = memoryview(data).cast("B")
        while view:
            self.check()
            try:
                view = view[self.socket.send(view) :]
            except (BlockingIOError, ssl.SSLWantWriteError):
                self.wait(select.POLLOUT)
            except ssl.SSLWantReadError:
                self.wait(select.POLLIN)
            except OSError:
                self.check()
                raise

    def makefile(self, mode: str, *args, **kwargs) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self), 16384)

    def close(self) -> None:
        """http.client lets go of the socket while its answer is still read: only `shut` closes."""

    def shut(self) -> None:
        """Close for good; from any thread."""
        self.closed = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def quiet(self) -> bool:
        """Whether an idle connection may be used again: open, and nothing unasked for has come."""
        probe = select.poll()
        probe.register(self.socket, select.POLLIN)
        return not self.closed and not probe.poll(0)


class _Reader(io.RawIOBase):
    def __init__(self, channel: DeadlineSocket):
        self.channel = channel

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        return self.channel.recv_into(buffer)


class Connection(http.client.HTTPConnection):
    """An http.client connection that was connected elsewhere and never connects by itself."""

    auto_open = 0

    def __init__(self, host: str, port: int, channel: DeadlineSocket):
        super().__init__(host, port)
        self.channel = channel
        self.sock = channel  # type: ignore[assignment]
        self.idle_since = 0.0


Key = tuple[str, str, int, str]  # scheme, host, port, address
_idle: dict[Key, deque[Connection]] = {}
_lock = threading.Lock()


def take(key: Key) -> Connection | None:
    """An idle connection that is still good, the one used last."""
    while True:
        with _lock:
            kept = _idle.get(key)
            found = kept.pop() if kept else None
        if found is None:
            return None
        if time.monotonic() - found.idle_since < KEEP_SECONDS and found.channel.quiet():
            return found
        found.channel.shut()


def give_back(key: Key, connection: Connection) -> None:
    """Keep the connection for the next exchange, or close what there are too many of."""
    connection.channel.cancel, connection.channel.deadline = None, float("inf")
    connection.idle_since = time.monotonic()
    surplus: list[Connection] = []
    with _lock:
        kept = _idle.setdefault(key, deque())
        kept.append(connection)
        if len(kept) > KEEP_EACH:
            surplus.append(kept.popleft())
        if sum(map(len, _idle.values())) > KEEP_ALL or len(_idle) > KEEP_ALL:
            oldest = min((k for k in _idle if _idle[k]), key=lambda k: _idle[k][0].idle_since)
            surplus.append(_idle[oldest].popleft())
        for empty in [k for k, v in _idle.items() if not v]:
            del _idle[empty]
    for connection in surplus:
        connection.channel.shut()


def close_idle() -> None:
    """Close all idle connections."""
    with _lock:
        kept = [c for q in _idle.values() for c in q]
        _idle.clear()
    for connection in kept:
        connection.channel.shut()


def connect(key: Key, *, deadline: float, cancel: threading.Event | None, ca_file: str = "") -> Connection:
    """A new connection to the address; TLS asks for the certificate of the host's name. OSError,
    ssl.SSLError, TimeUp, Cancelled."""
    scheme, host, port, address = key
    plain = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    channel = DeadlineSocket(plain)
    channel.deadline, channel.cancel = deadline, cancel
    try:
        error = plain.connect_ex((address, port))
        if error not in (0, errno.EINPROGRESS):
            raise OSError(error, "connect")
        channel.wait(select.POLLOUT)
        error = plain.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, "connect")
        if scheme == "https":
            _shake_hands(channel, host, ca_file)
        return Connection(host, port, channel)
    except BaseException:
        channel.shut()
        raise


def _shake_hands(channel: DeadlineSocket, host: str, ca_file: str) -> None:
    context = _context(ca_file)
    secure = context.wrap_socket(channel.socket, server_hostname=host, do_handshake_on_connect=False)
    channel.socket = secure
    channel._poll = select.poll()
    while True:
        try:
            secure.do_handshake()
            return
        except ssl.SSLWantReadError:
            channel.wait(select.POLLIN)
        except ssl.SSLWantWriteError:
            channel.wait(select.POLLOUT)


@lru_cache(maxsize=4)
def _context(ca_file: str) -> ssl.SSLContext:
    """The machine's authorities, and the operator's own. Made once: reading them takes some ten
    milliseconds."""
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context
