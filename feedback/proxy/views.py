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

from core.api.auth import find_key, opens, refused_key, too_narrow
from core.api.parsers import strict_loads
from core.errors import DomainError
from core.machine_faults import of_the_machine
from core.models import ApiKey
from core.web import limits
from core.web.client_ip import client_ip
from feedback.chat import stream_places
from feedback.conversations import sizes
from feedback.models import Arm
from feedback.proxy.answers import Heard
from feedback.proxy.log import Exchange, id_of
from feedback.proxy.refusals import Refused, no_model, refusal_of, unreached
from feedback.proxy.relay import begin
from feedback.proxy.routing import arms_of, choose, endpoints_of
from inference.client import Raw, UpstreamError, open_raw, upstream_of
from inference.models import Endpoint

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
                        _("This address accepts only %(methods)s.") % {"methods": ", ".join(methods)},
                    )
                return view(request, key, *args, **kwargs)
            except Refused as exc:
                refused = exc
            except DomainError as exc:
                refused = refusal_of(exc)
            except Exception as exc:
                if (known := of_the_machine(exc)) is None:
                    raise
                refused = refusal_of(known)
            return JsonResponse(refused.body(), status=refused.status, headers=refused.headers)

        return answer

    return decorate


def _key_of(request) -> ApiKey:
    header = request.headers.get("Authorization", "")
    key = find_key(header)
    if key is None:
        limits.take("proxy-bad-key", client_ip(request), limit=BAD_KEYS_PER_MINUTE, seconds=60)
        raise Refused(
            401,
            "invalid_api_key",
            refused_key(header),
            kind="authentication_error",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if not opens(key, ApiKey.Scope.PROXY):
        raise Refused(403, "permission_denied", too_narrow(ApiKey.Scope.PROXY), kind="permission_error")
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
        for e in endpoints_of(key.project_id)
    ]
    if arms_of(key.project_id):
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
        raise no_model(model)
    return JsonResponse(one)


@csrf_exempt
def without_v1(request) -> JsonResponse:
    """Where a client asks whose base_url lacks the /v1."""
    said = _("This is no address of the proxy. Its base_url is %(base)s.")
    refused = Refused(404, "unknown_url", said % {"base": request.build_absolute_uri("/v1")})
    return JsonResponse(refused.body(), status=404)


@openai_view("GET", "POST", "PUT", "PATCH", "DELETE")
def unknown(request, key: ApiKey, rest: str = "") -> HttpResponseBase:
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
        raise unreached(exc) from None
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
        raise unreached(exc) from None
    finally:
        raw.close()
    data = data[:MOST_ERROR]
    if key:
        data = data.replace(key.encode(), b"...")
    headers = {k: v for k, v in headers.items() if k.lower() != "content-length"} | {
        "Content-Length": str(len(data))
    }
    return StreamingHttpResponse([data], status=raw.status, headers=headers)
