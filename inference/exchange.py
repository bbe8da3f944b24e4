"""One HTTP request to a model's server, held to its limits, and its answer as it comes. The proxy passes it
through; inference.client reads it."""

import http.client
import re
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.conf import settings

from inference import allowlist, transport

CONNECT_SECONDS = 10.0
HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
NOT_SENT = HOP | {
    "host",
    "content-length",
    "authorization",
    "accept-encoding",
    "cookie",
    "expect",
    "x-api-key",
    "api-key",
    "user-agent",
}


@dataclass(frozen=True)
class Upstream:
    """All that a call needs, the key in the clear: never stored, and not part of its repr."""

    target: allowlist.Target
    model: str
    key: str = field(default="", repr=False)
    parameters: dict = field(default_factory=dict)
    first_token_seconds: float = 60
    idle_seconds: float = 30
    total_seconds: float = 600
    retries: int = 2
    max_characters: int = 200_000
    practice: bool = False


class UpstreamError(Exception):
    """`code`: unreachable · timeout_first · timeout_idle · timeout_total · refused (4xx, `status`) · busy
    (429 or 503, tries included) · failed (5xx, or an error inside the stream) · malformed · cut (ended
    without a finish) · too_long · cancelled · not_allowed (the operator's list has changed) ·
    key_unreadable. `message` is what the server said, without the key; it may hold content, so it is not
    part of str() and belongs in no log. `retry_after` in seconds, if the server named it."""

    def __init__(self, code: str, *, status: int = 0, message: str = "", retry_after: float | None = None):
        super().__init__(f"{code} {status}" if status else code)
        self.code, self.status, self.message, self.retry_after = code, status, message, retry_after


class Clock:
    """The three limits of one call. The idle one stands still while the caller works on a piece."""

    def __init__(self, up: Upstream, *, first: float | None = None):
        self.begun = time.monotonic()
        self.total_end = self.begun + up.total_seconds
        self.idle = float(up.idle_seconds)
        self.phase_end = self.begun + (up.first_token_seconds if first is None else first)
        self.phase = "timeout_first"

    def said(self) -> None:
        self.phase, self.phase_end = "timeout_idle", time.monotonic() + self.idle

    @property
    def deadline(self) -> float:
        return min(self.total_end, self.phase_end)

    def error(self) -> UpstreamError:
        return UpstreamError("timeout_total" if time.monotonic() >= self.total_end else self.phase)


class Raw:
    """An answer as it comes: `status`, `headers` (pairs, without those of the connection), `chunks()`,
    `close()` (from any thread)."""

    def __init__(
        self,
        connection: transport.Connection,
        response: http.client.HTTPResponse,
        key: transport.Key,
        clock: Clock,
    ):
        self._connection, self._response, self._key, self.clock = connection, response, key, clock
        self.status = response.status
        hop = HOP | {name.strip().lower() for name in response.headers.get("Connection", "").split(",")}
        self.headers = [(k, v) for k, v in response.getheaders() if k.lower() not in hop]
        self._given_back = False

    def header(self, name: str) -> str:
        return self._response.headers.get(name, "")

    def chunks(self, *, count_as_said: bool = True) -> Iterator[bytes]:
        """The body as it arrives, unchunked and otherwise untouched. `count_as_said=False`: the caller moves
        the clock itself."""
        response, socket = self._response, self._connection.channel
        try:
            while True:
                socket.deadline = self.clock.deadline
                socket.check()  # data that never ceases to flow is held to the limits too
                chunk = response.read1(65536)
                if not chunk:
                    break
                yield chunk
                if count_as_said:
                    self.clock.said()
            if response.length:  # fewer bytes than Content-Length said
                raise UpstreamError("cut")
        except transport.TimeUp:
            raise self.clock.error() from None
        except transport.Cancelled:
            raise UpstreamError("cancelled") from None
        except (OSError, http.client.IncompleteRead):
            raise UpstreamError("cut") from None
        except (http.client.HTTPException, ValueError):
            raise UpstreamError("malformed") from None
        else:
            self._give_back()
        finally:
            self.close()

    def _give_back(self) -> None:
        if not self._response.will_close and not self._given_back and not self._connection.channel.closed:
            self._given_back = True
            self._response.close()
            transport.give_back(self._key, self._connection)

    def close(self) -> None:
        """Let go of it: a body not read to its end takes its connection with it, and the server learns that
        nobody listens."""
        if not self._given_back:
            self._connection.channel.shut()


def open_raw(
    up: Upstream,
    path: str,
    *,
    body: bytes | None = None,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    stream: bool = True,
    cancel: threading.Event | None = None,
) -> Raw:
    """One request to base path + `path` ("/chat/completions"), passed through as it is: whatever status comes
    back is an answer. `headers` go along but for those of the connection, cookies and credentials; ours
    are the host's and the endpoint's key. `stream=False`: the whole answer is waited for as long as
    `total_seconds`. Tries again, without delay, only where a connection could not be made. UpstreamError."""
    clock = Clock(up, first=None if stream else up.total_seconds)
    for left in reversed(range(up.retries + 1)):
        try:
            return exchange(up, method, path, body, headers or {}, clock, cancel)
        except UpstreamError as exc:
            if exc.code != "unreachable" or not left or exc.status:
                raise
            pause(0.1, clock, cancel)
    raise AssertionError


def pause(seconds: float, clock: Clock, cancel: threading.Event | None) -> None:
    """Wait between two tries, no longer than the clock allows. UpstreamError "cancelled"."""
    seconds = min(seconds, max(0.0, clock.deadline - time.monotonic()))
    if cancel is None:
        time.sleep(seconds)
    elif cancel.wait(seconds):
        raise UpstreamError("cancelled")


def exchange(
    up: Upstream,
    method: str,
    path: str,
    body: bytes | None,
    headers: dict[str, str],
    clock: Clock,
    cancel: threading.Event | None,
) -> Raw:
    """Send, and wait for the status line. A kept connection that the server has closed meanwhile is replaced
    once, and counts as no try."""
    target = up.target
    key = (target.scheme, target.host, target.port, target.address)
    if not re.fullmatch(r"[!-~]*", path):
        raise UpstreamError("refused", status=400, message="bad path")
    while True:
        kept = transport.take(key)
        connection = kept or _connect(key, clock, cancel)
        connection.channel.deadline, connection.channel.cancel = clock.deadline, cancel
        before = connection.channel.taken
        try:
            return Raw(connection, _send(connection, up, method, path, body, headers), key, clock)
        except transport.TimeUp:
            connection.channel.shut()
            raise clock.error() from None
        except transport.Cancelled:
            connection.channel.shut()
            raise UpstreamError("cancelled") from None
        except (OSError, http.client.RemoteDisconnected):
            connection.channel.shut()
            if kept is None or connection.channel.taken > before:
                raise UpstreamError(
                    "unreachable", message="the connection was closed before an answer"
                ) from None
        except (http.client.HTTPException, ValueError):
            connection.channel.shut()
            raise UpstreamError("malformed", message="no HTTP answer") from None
        except BaseException:
            connection.channel.shut()
            raise


def _connect(key: transport.Key, clock: Clock, cancel: threading.Event | None) -> transport.Connection:
    try:
        return transport.connect(
            key,
            deadline=min(clock.deadline, time.monotonic() + CONNECT_SECONDS),
            cancel=cancel,
            ca_file=settings.ENDPOINT_CA_FILE,
        )
    except transport.Cancelled:
        raise UpstreamError("cancelled") from None
    except transport.TimeUp:
        if time.monotonic() >= clock.deadline:
            raise clock.error() from None
        raise UpstreamError("unreachable", message="no connection in time") from None
    except ssl.SSLCertVerificationError as exc:
        raise UpstreamError("unreachable", status=495, message=f"certificate: {exc.verify_message}") from None
    except OSError as exc:
        raise UpstreamError("unreachable", message=type(exc).__name__) from None


def _send(
    connection: transport.Connection,
    up: Upstream,
    method: str,
    path: str,
    body: bytes | None,
    headers: dict[str, str],
) -> http.client.HTTPResponse:
    target = up.target
    connection.putrequest(method, target.path + path, skip_host=True, skip_accept_encoding=True)
    plain = target.port == allowlist.PORTS[target.scheme]
    own = {
        "Host": target.authority.rpartition(":")[0] if plain else target.authority,
        "Accept-Encoding": "identity",
        "User-Agent": transport.USER_AGENT,
        **({"Authorization": f"Bearer {up.key}"} if up.key else {}),
        **({"Content-Length": str(len(body))} if body is not None else {}),
    }
    for name, value in headers.items():
        if name.lower() not in NOT_SENT:
            connection.putheader(name, value)
    for name, value in own.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    return connection.getresponse()
