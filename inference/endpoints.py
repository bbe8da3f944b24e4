"""Saving, removing and trying endpoints. A key goes in and never comes out: not in an Event, a message or an
answer."""

import dataclasses
import json
import re
import threading
import time

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from core import events
from core.errors import Conflict, DomainError
from core.models import Project
from corpus.models import ModelVersion
from inference import allowlist, secrets
from inference.client import OURS, Upstream, UpstreamError, open_raw, stream_chat, upstream_of
from inference.models import Endpoint

LIMITS = {
    "first_token_seconds": (1, 3600),
    "idle_seconds": (1, 3600),
    "total_seconds": (1, 7200),
    "retries": (0, 10),
    "max_characters": (100, 10_000_000),
}
MAX_PARAMETERS = 10_000  # characters as JSON
MAX_ENDPOINTS = 100  # per project
PROBE_TEXT = "Say hello in one short sentence."
PROBE_CHARACTERS, MAX_MODELS, MODELS_BYTES = 200, 200, 1 << 20


def save(
    *,
    project,
    actor,
    pk: int | None = None,
    name: str,
    base_url: str,
    model_name: str,
    key: str | None = None,
    secret_variable: str | None = None,
    version: str = "",
    parameters: dict | None = None,
    active: bool | None = None,
    **limits: int,
) -> Endpoint:
    """Make the endpoint, or change that of `pk`. `key`: None keeps what is stored, "" takes it away.
    `secret_variable`: the environment variable that holds the key instead. None keeps it, as it keeps
    `parameters` and `active`. `version` names the ModelVersion its answers count for; "" is the one it
    has, or one named like the model. `limits` are Endpoint's numbers. The address is resolved and pinned
    now. A stored key stays with its host: another scheme, host or port needs it again. DomainError with
    the field at fault; "not_found" for a `pk` of another project."""
    name, model_name, version = _line(name, "name", 80), _line(model_name, "model_name", 200), version.strip()
    if version:
        version = _line(version, "version", 200)
    target = allowlist.target_of(base_url.strip())
    checked = {field: _number(field, value) for field, value in limits.items()}
    parameters = None if parameters is None else _parameters(parameters)
    encrypted = secrets.encrypt(key) if key else None
    with transaction.atomic():
        if pk is None:
            Project.objects.select_for_update(of=("self",)).get(pk=project.pk)  # the count below holds
            if Endpoint.objects.filter(project=project).count() >= MAX_ENDPOINTS:
                raise DomainError("too_many", _("A project has at most %(n)d models.") % {"n": MAX_ENDPOINTS})
            endpoint, before = Endpoint(project=project), None
        else:
            found = Endpoint.objects.select_for_update(of=("self",)).filter(project=project, pk=pk).first()
            if found is None:
                raise DomainError("not_found", _("This model has been removed."), status=404)
            endpoint, before = found, allowlist.parse(found.base_url)
        moved = before is not None and (before.scheme, before.host, before.port) != (
            target.scheme,
            target.host,
            target.port,
        )
        if endpoint.secret and key is None and moved:
            raise DomainError(
                "key_again",
                _(
                    "The stored key belongs to the former address. Enter the key for the new one, or "
                    "remove it."
                ),
                field="key",
            )
        old = {f.attname: getattr(endpoint, f.attname) for f in Endpoint._meta.concrete_fields}
        endpoint.name, endpoint.model_name = name, model_name
        endpoint.active = endpoint.active if active is None else active
        endpoint.parameters = endpoint.parameters if parameters is None else parameters
        endpoint.base_url = f"{target.scheme}://{target.authority}{target.path}"
        endpoint.address = target.address
        endpoint.practice = bool(settings.PRACTICE_ADDRESS) and target.authority == settings.PRACTICE_ADDRESS
        for field, value in checked.items():
            setattr(endpoint, field, value)
        if key is not None:
            endpoint.secret = encrypted
        if secret_variable is not None:
            endpoint.secret_variable = _variable(secret_variable, target)
        if endpoint.secret_variable and moved:
            secrets.from_variable(endpoint.secret_variable, target)
        if version or endpoint.model_version_id is None:
            endpoint.model_version = ModelVersion.objects.get_or_create(
                project=project, name=version or model_name
            )[0]
        try:
            with transaction.atomic():
                endpoint.save()
        except IntegrityError:
            raise Conflict(
                "name_taken", _("There is already a model with this name."), field="name"
            ) from None
        changed = sorted(
            f
            for f in old
            if f not in ("id", "created_at", "project_id", "secret") and getattr(endpoint, f) != old[f]
        )
        data = {
            "host": target.authority,
            "fields": changed,
            "key": "kept" if key is None else "set" if key else "removed",
        }
        events.append(
            project=project,
            actor=actor,
            verb="endpoint.add" if pk is None else "endpoint.change",
            target=endpoint,
            **data,
        )
    return endpoint


def remove(*, endpoint: Endpoint, actor) -> None:
    """The endpoint and its arms go; what it answered stays, under its ModelVersion."""
    with transaction.atomic():
        events.append(
            project=endpoint.project,
            actor=actor,
            verb="endpoint.remove",
            target=endpoint,
            host=allowlist.parse(endpoint.base_url).authority,
        )
        endpoint.delete()


def lead_practice_to(address: str) -> int:
    """Practice models answer at `address` ("127.0.0.1:port") from now on. How many there are."""
    return Endpoint.objects.filter(practice=True).update(
        base_url=f"http://{address}/v1", address=address.rpartition(":")[0]
    )


def probe(endpoint: Endpoint) -> dict:
    """Ask the endpoint for a short answer, and for its list of models. Uses no database; takes up to a
    minute.

    {"ok", "code" (of UpstreamError, "" when ok), "status", "message" (the server's own words),
    "first_token_ms", "total_ms", "text" (the first words), "model" (as it calls itself), "models" (names,
    or None where it does not say), "address" (pinned), "now" (what the name means today),
    "address_changed" (the name no longer leads to the pinned address; calls keep to the pinned one)}"""
    out: dict = {
        "ok": False,
        "code": "",
        "status": 0,
        "message": "",
        "first_token_ms": None,
        "total_ms": None,
        "text": "",
        "model": "",
        "models": None,
    }
    target = allowlist.parse(endpoint.base_url)
    now = allowlist.resolve(target.host, target.port)
    out |= {"address": endpoint.address, "now": now, "address_changed": endpoint.address not in now}
    begun = time.monotonic()
    stop = threading.Event()
    try:
        up = upstream_of(endpoint)
        up = dataclasses.replace(
            up,
            first_token_seconds=min(up.first_token_seconds, 30),
            idle_seconds=min(up.idle_seconds, 10),
            total_seconds=45,
            retries=0,
        )
        out["models"] = models_of(up)
        begun = time.monotonic()
        for piece in stream_chat(up, [{"role": "user", "content": PROBE_TEXT}], cancel=stop):
            if piece.text and out["first_token_ms"] is None:
                out["first_token_ms"] = round((time.monotonic() - begun) * 1000)
            out["model"] = out["model"] or piece.model
            out["text"] += piece.text
            if len(out["text"]) >= PROBE_CHARACTERS:
                break
        out["ok"] = True
    except UpstreamError as exc:
        out |= {"code": exc.code, "status": exc.status, "message": exc.message}
    out["total_ms"] = round((time.monotonic() - begun) * 1000)
    out["text"] = out["text"][:PROBE_CHARACTERS]
    return out


def models_of(up: Upstream) -> list[str] | None:
    """The names `/models` gives, None where the server does not say."""
    brief = dataclasses.replace(up, total_seconds=5, idle_seconds=5, retries=0)
    try:
        raw = open_raw(brief, "/models", method="GET", stream=False)
        data = bytearray()
        for chunk in raw.chunks():
            data += chunk
            if len(data) > MODELS_BYTES:
                raw.close()
                return None
        value = json.loads(data) if raw.status == 200 else None
        listed = value.get("data") if isinstance(value, dict) else None
        if not isinstance(listed, list):
            return None
        names = [
            str(m["id"])[:200]
            for m in listed
            if isinstance(m, dict) and isinstance(m.get("id"), str) and m["id"].isprintable()
        ]
        return names[:MAX_MODELS]
    except (UpstreamError, ValueError, RecursionError):
        return None


def _line(value: str, field: str, longest: int) -> str:
    value = value.strip()
    if not value or len(value) > longest or not value.isprintable():
        raise DomainError("bad_value", _("One line of text is needed here."), field=field)
    return value


def _number(field: str, value: int) -> int:
    low, high = LIMITS[field]
    if not low <= value <= high:
        raise DomainError(
            "bad_value", _("A number from %(low)d to %(high)d.") % {"low": low, "high": high}, field=field
        )
    return value


def _parameters(value: object) -> dict:
    if not isinstance(value, dict):
        raise DomainError(
            "bad_value",
            _('Parameters are a JSON object, for example {"temperature": 0.7}.'),
            field="parameters",
        )
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode("utf-8")
    except (ValueError, TypeError, RecursionError):
        raise DomainError(
            "bad_value",
            _('Parameters are a JSON object, for example {"temperature": 0.7}.'),
            field="parameters",
        ) from None
    if len(text) > MAX_PARAMETERS or "\\u0000" in text:
        raise DomainError("bad_value", _("These parameters cannot be stored."), field="parameters")
    for name in sorted(OURS & set(value)):
        raise DomainError(
            "bad_value", _("“%(name)s” is set by Touchstone itself.") % {"name": name}, field="parameters"
        )
    return value


def _variable(name: str, target: allowlist.Target) -> str:
    name = name.strip()
    if not name:
        return ""
    if not re.fullmatch(r"ENDPOINT_KEY_[A-Z0-9_]{1,60}", name, re.ASCII):
        raise DomainError(
            "bad_value",
            _(
                "The name of such a variable begins with ENDPOINT_KEY_, then capital letters, digits, "
                "underscores."
            ),
            field="secret_variable",
        )
    secrets.from_variable(name, target)
    return name
