"""An OpenAI-compatible door in front of the project's models: /v1/chat/completions and /v1/models, by project
API key.

What the client sends goes on byte for byte (only the model's name is exchanged where the endpoint calls it
otherwise), what the model answers comes back byte for byte, and the exchange is logged once the last byte
is out. Nothing here may fail because the log does.

While a model is waited for, no database connection is held."""

import functools
import json
import time
from collections.abc import Callable, Iterator
from json.decoder import WHITESPACE, JSONDecoder, scanstring  # type: ignore[attr-defined]
from typing import cast

from django.conf import settings
from django.db import connection
from django.http import HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from core.api.auth import find_key, opens
from core.api.parsers import strict_loads
from core.db.prepared import Prepared
from core.errors import DomainError
from core.machine_faults import of_the_machine
from core.models import ApiKey, Project
from core.web import limits
from core.web.client_ip import client_ip
from feedback.chat import stream_places
from feedback.chat.arms import by_weight, for_person
from feedback.conversations import end_users, sizes
from feedback.models import Arm, ChatSettings
from feedback.proxy.answers import Heard
from feedback.proxy.log import Exchange, id_of, writer
from inference.client import Raw, UpstreamError, open_raw, upstream_of
from inference.models import Endpoint

DEFAULT_MODELS = {"", "auto", "default"}
HOLD = 64 * 1024  # of a stream, until its first event is understood
HOLD_WHOLE = 4 << 20  # of an answer in one piece, until its id is known
MOST_ERROR = 1 << 20
BAD_KEYS_PER_MINUTE = 60  # of one address

# Headers of the model's server that are the client's business.
PASSED = {
    "content-type",
    "content-length",
    "content-encoding",
    "content-language",
    "cache-control",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
    "x-request-id",
    "request-id",
}
PASSED_BEGINNINGS = ("openai-", "x-ratelimit-")
FORWARDED = {
    "Accept": "Accept",
    "Content-Type": "Content-Type",
    "X-Request-ID": "X-Request-ID",
    "Idempotency-Key": "Idempotency-Key",
}

_ENDPOINTS = Prepared(
    lambda project: (
        Endpoint.objects.filter(project=project, active=True).select_related("model_version").order_by("name")
    ),
    int,
)
_ARMS = Prepared(
    lambda project: Arm.objects.filter(
        project=project, active=True, weight__gt=0, endpoint__active=True
    ).order_by("pk"),
    int,
)
_ASSIGN = Prepared(lambda project: ChatSettings.objects.filter(project=project).only("assign"), int)


class Refused(Exception):
    """Our own answer in place of the model's, in OpenAI's form."""

    def __init__(
        self, status: int, code: str, message: str, *, kind: str = "", headers: dict[str, str] | None = None
    ):
        super().__init__(code)
        self.status, self.code, self.message, self.headers = status, code, str(message), headers or {}
        self.kind = kind or ("api_error" if status >= 500 else "invalid_request_error")

    def body(self) -> dict:
        return {"error": {"message": self.message, "type": self.kind, "param": None, "code": self.code}}


def openai_view(*methods: str) -> Callable:
    """Decorator of a view `(request, key, …)`: the method, the key and its limits are checked, and whatever
    is refused is refused in OpenAI's form."""

    def decorate(view):
        @csrf_exempt  # a key, no cookie
        @functools.wraps(view)
        def answer(request, *args, **kwargs) -> HttpResponseBase:
            try:
                key = _key_of(request)
                if request.method not in methods:
                    raise Refused(
                        405,
                        "method_not_allowed",
                        _("This address takes %(methods)s.") % {"methods": ", ".join(methods)},
                    )
                return view(request, key, *args, **kwargs)
            except Refused as exc:
                refused = exc
            except DomainError as exc:
                refused = _refused(exc)
            except Exception as exc:
                if (known := of_the_machine(exc)) is None:
                    raise
                refused = _refused(known)
            return JsonResponse(refused.body(), status=refused.status, headers=refused.headers)

        return answer

    return decorate


def _refused(exc: DomainError) -> Refused:
    kind = "rate_limit_error" if exc.status == 429 else ""
    code = "rate_limit_exceeded" if exc.status == 429 else exc.code
    return Refused(exc.status, code, exc.message, kind=kind, headers=exc.headers)


def _key_of(request) -> ApiKey:
    key = find_key(request.headers.get("Authorization", ""))
    if key is None:
        limits.take("proxy-bad-key", client_ip(request), limit=BAD_KEYS_PER_MINUTE, seconds=60)
        raise Refused(
            401,
            "invalid_api_key",
            _("This API key is not valid."),
            kind="authentication_error",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if not opens(key, ApiKey.Scope.PROXY):
        raise Refused(403, "permission_denied", _("This API key is not for this."), kind="permission_error")
    limits.take("proxy-key", str(key.pk), limit=settings.PROXY_PER_MINUTE, seconds=60)
    return key


@openai_view("GET")
def models(request, key: ApiKey, model: str = "") -> HttpResponseBase:
    """The project's endpoints as OpenAI lists models; with `model`, that one."""
    found = [
        {
            "id": e.name,
            "object": "model",
            "created": int(e.created_at.timestamp()),
            "owned_by": key.project.slug,
        }
        for e in _ENDPOINTS(key.project_id)
    ]
    if _ARMS(key.project_id):
        found.insert(
            0,
            {
                "id": "auto",
                "object": "model",
                "created": int(key.project.created_at.timestamp()),
                "owned_by": key.project.slug,
            },
        )
    if not model:
        return JsonResponse({"object": "list", "data": found})
    one = next((m for m in found if m["id"] == model), None)
    if one is None:
        raise _no_model(model)
    return JsonResponse(one)


@openai_view("GET", "POST", "PUT", "PATCH", "DELETE")
def unknown(request, key: ApiKey, rest: str) -> HttpResponseBase:
    raise Refused(
        404, "unknown_url", _("The proxy has /v1/chat/completions and /v1/models, and nothing else.")
    )


@openai_view("POST")
def chat_completions(request, key: ApiKey) -> HttpResponseBase:
    """The model's answer, passed through."""
    begun = time.monotonic()
    body = _body(request)
    try:
        asked = strict_loads(body)
    except (ValueError, RecursionError) as exc:
        raise Refused(
            400, "invalid_json", _("The request is not valid JSON: %(reason)s") % {"reason": exc}
        ) from None
    name = asked.get("model") if isinstance(asked, dict) else 0
    if not isinstance(asked, dict) or not isinstance(name, (str, type(None))):
        raise Refused(400, "invalid_json", _("The request is a JSON object with the name of a model."))
    person = _person(asked)
    if person:
        limits.take(
            "proxy-person", f"{key.project_id} {person}", limit=settings.PROXY_PERSON_PER_MINUTE, seconds=60
        )
    endpoint, arm = choose(key.project, name or "", person)
    place = stream_places.take(project=key.project_id, person=person and f"proxy {person}")
    try:
        response = _answered(request, key, body, asked, person, endpoint, arm, begun)
        response.streaming_content = place.over(cast(Iterator[bytes], response.streaming_content))
    except BaseException:
        place.release()
        raise
    return response


def _answered(
    request,
    key: ApiKey,
    body: bytes,
    asked: dict,
    person: str,
    endpoint: Endpoint,
    arm: Arm | None,
    begun: float,
) -> StreamingHttpResponse:
    try:
        upstream = upstream_of(endpoint)
        close_database_connection()
        body_sent = with_model(body, asked, endpoint.model_name)
        raw = open_raw(
            upstream,
            "/chat/completions",
            body=body_sent,
            headers=_forwarded(request),
            stream=asked.get("stream") is True,
        )
    except UpstreamError as exc:
        raise _unreached(exc) from None
    headers = _passed(raw)
    if raw.status != 200:
        return _error_of_theirs(raw, upstream.key, headers)
    heard = Heard(
        upstream.max_characters,
        streamed=raw.header("Content-Type").partition(";")[0].strip().lower() == "text/event-stream",
    )
    exchange = Exchange(
        project=key.project_id,
        person=person,
        asked=asked,
        length=len(body),
        model_version=endpoint.model_version_id,
        arm=arm.pk if arm else None,
        heard=heard,
        begun=begun,
    )
    relay = begin(raw, exchange)
    return StreamingHttpResponse(
        relay,
        status=200,
        headers=headers | {"X-Touchstone-Message": id_of(exchange), "X-Accel-Buffering": "no"},
    )


def close_database_connection() -> None:
    """Before a long wait: PostgreSQL's connection goes back to the pool. SQLite's is the thread's own and
    costs nothing."""
    if connection.vendor != "sqlite" and not connection.in_atomic_block:
        connection.close()


def _body(request) -> bytes:
    length = request.META.get("CONTENT_LENGTH") or "0"
    limit = settings.PROXY_MAX_BYTES
    if not length.isdecimal() or int(length[:20]) > limit:
        raise Refused(413, "too_large", _("A request may have at most %(n)s bytes.") % {"n": limit})
    return request.read(int(length))


def _person(asked: dict) -> str:
    """Whom the client speaks for: OpenAI's `user`, or what has come in its place."""
    for name in ("user", "safety_identifier"):
        said = asked.get(name)
        if isinstance(said, str) and 0 < len(said) <= sizes.MAX_KEY:
            return said
    return ""


def choose(project: Project, name: str, person: str) -> tuple[Endpoint, Arm | None]:
    """Who answers: the endpoint of that name, else of that model version, else the one whose server calls its
    model so; for no name, "auto", "default" or the project's own, the arms are drawn by their weights, per
    turn or per `person`. Refused 404."""
    endpoints, arms = _ENDPOINTS(project.pk), _ARMS(project.pk)
    by_endpoint = {arm.endpoint_id: arm for arm in arms}
    for same in (
        lambda e: e.name == name,
        lambda e: e.model_version is not None and e.model_version.name == name,
        lambda e: e.model_name == name,
    ):
        if found := [e for e in endpoints if same(e)]:
            drawn = _draw(project, [by_endpoint[e.pk] for e in found if e.pk in by_endpoint], person)
            endpoint = next((e for e in found if drawn is not None and e.pk == drawn.endpoint_id), found[0])
            return endpoint, by_endpoint.get(endpoint.pk)
    if name not in DEFAULT_MODELS | {project.slug}:
        raise _no_model(name)
    drawn = _draw(project, arms, person)
    if drawn is not None:
        return next(e for e in endpoints if e.pk == drawn.endpoint_id), drawn
    if len(endpoints) != 1:
        raise Refused(
            404,
            "model_not_found",
            _("This project has no model that answers by itself: name one of those that /v1/models lists."),
        )
    return endpoints[0], None


def _draw(project: Project, arms: list[Arm], person: str) -> Arm | None:
    if len(arms) < 2:
        return arms[0] if arms else None
    chat = _ASSIGN.first(project.pk)
    if not person or chat is None or chat.assign != ChatSettings.Arms.PERSON:
        return by_weight(arms)
    # by the hash of their key: their row may not have been made yet
    return for_person(project, end_users.key_hash(project, person), arms)


def _no_model(name: str) -> Refused:
    return Refused(
        404,
        "model_not_found",
        _("This project has no model “%(name)s”. GET /v1/models lists them.") % {"name": name[:200]},
    )


_value = JSONDecoder().raw_decode


def with_model(body: bytes, asked: dict, name: str) -> bytes:
    """The request with `name` as its model; all other bytes stay what they are. `asked` is the body,
    parsed."""
    if asked.get("model") == name:
        return body
    text, new = body.decode(), json.dumps(name, ensure_ascii=False)

    def blanks(at: int) -> int:
        return WHITESPACE.match(text, at).end()

    begin = at = blanks(blanks(0) + 1)
    while text[at] == '"':
        key, at = scanstring(text, at + 1)
        start = blanks(blanks(at) + 1)
        _any, end = _value(text, start)
        if key == "model":
            return (text[:start] + new + text[end:]).encode()
        at = blanks(end)
        if text[at] == ",":
            at = blanks(at + 1)
    return (text[:begin] + f'"model": {new}' + (", " if asked else "") + text[begin:]).encode()


def _forwarded(request) -> dict[str, str]:
    out = {name: request.headers[name] for name in FORWARDED if name in request.headers}
    out |= {k: v for k, v in request.headers.items() if k.lower().startswith("openai-")}
    return {k: v for k, v in out.items() if v.isascii() and v.isprintable()} | {
        "Content-Type": "application/json"
    }


def _passed(raw: Raw) -> dict[str, str]:
    return {k: v for k, v in raw.headers if k.lower() in PASSED or k.lower().startswith(PASSED_BEGINNINGS)}


def _unreached(exc: UpstreamError) -> Refused:
    """What is said in place of an answer that never began. What the server said of itself is not repeated."""
    if exc.code in {"not_allowed", "key_unreadable"}:
        return Refused(
            503,
            "endpoint_unusable",
            _("The model's endpoint cannot be used as it is set. Its project's manager can mend it."),
        )
    if exc.code.startswith("timeout"):
        return Refused(504, f"upstream_{exc.code}", _("The model did not answer in time."))
    return Refused(502, f"upstream_{exc.code}", _("The model could not be reached, or broke off."))


def _error_of_theirs(raw: Raw, key: str, headers: dict[str, str]) -> StreamingHttpResponse:
    """The server's own refusal, as it is; but for the endpoint's key, which some servers repeat in it and
    which is not the client's."""
    data = b""
    try:
        for chunk in raw.chunks():
            data += chunk
            if len(data) > MOST_ERROR:
                break
    except UpstreamError as exc:
        raise _unreached(exc) from None
    finally:
        raw.close()
    data = data[:MOST_ERROR]
    if key:
        data = data.replace(key.encode(), b"...")
    headers = {k: v for k, v in headers.items() if k.lower() != "content-length"} | {
        "Content-Length": str(len(data))
    }
    return StreamingHttpResponse([data], status=raw.status, headers=headers)


def begin(raw: Raw, exchange: Exchange) -> "Relay":
    """Read until the first event (of an answer in one piece: its end) is understood, so that its id can go
    out with the headers; what comes before it (comments that keep the line open) goes out at once. Refused
    when the model says nothing up to there."""
    chunks, held, size, heard = raw.chunks(), [], 0, exchange.heard
    try:
        for chunk in chunks:
            held.append(chunk)
            size += len(chunk)
            heard.feed(chunk)
            exchange.heard_first()
            if (heard.begun or heard.between or size > HOLD) if heard.streamed else size > HOLD_WHOLE:
                break
        else:
            heard.end()
            exchange.heard_first()
    except UpstreamError as exc:
        raw.close()
        if not held or not heard.streamed:
            raise _unreached(exc) from None
        exchange.error = exc.code
    return Relay(raw, chunks, held, exchange)


class Relay:
    """The bytes of an answer on their way; knows when they end, and when nobody takes them any more."""

    def __init__(self, raw: Raw, chunks: Iterator[bytes], held: list[bytes], exchange: Exchange):
        self.raw, self.chunks, self.held, self.exchange = raw, chunks, held[::-1], exchange
        self.over = False

    def __iter__(self):
        return self

    def __next__(self) -> bytes:
        if self.held:
            return self.held.pop()
        if self.over:
            raise StopIteration
        exchange = self.exchange
        try:
            if exchange.error:
                return self._broke_off(exchange.error)
            chunk = next(self.chunks)
            exchange.heard.feed(chunk)
            exchange.heard_first()
            return chunk
        except StopIteration:
            self._end()
            raise
        except UpstreamError as exc:
            return self._broke_off(exc.code)

    def _broke_off(self, code: str) -> bytes:
        """The last words of a stream that the model left unfinished: an error the client understands. Any
        other answer just ends, short of what its length promised."""
        heard = self.exchange.heard
        self.exchange.error = code
        self._end()
        if not heard.streamed:
            raise ConnectionError("the model broke off")
        if heard.whole:
            raise StopIteration
        return b"\n\ndata: " + json.dumps(_unreached(UpstreamError(code)).body()).encode() + b"\n\n"

    def _end(self) -> None:
        if self.over:
            return
        self.over = True
        self.raw.close()
        if not self.exchange.error and not self.exchange.stopped:
            self.exchange.heard.end()
        self.exchange.total_ms = self.exchange.elapsed_ms()
        writer.put(self.exchange)

    def close(self) -> None:
        """Called by the server when the answer is out, or when nobody listens any more."""
        if not self.over:
            self.exchange.stopped = not self.exchange.error
        self._end()
