"""What `manage.py doctor` says about models: hosts allowed, keys readable, servers reachable."""

import time
from collections.abc import Iterator

from django.conf import settings
from django.utils.translation import gettext as _

from core.errors import DomainError
from inference import allowlist, transport
from inference.client import UpstreamError, upstream_of
from inference.models import Endpoint

CONNECT_SECONDS = 3.0
MOST = 50  # endpoints that are tried: a doctor does not take all day


def findings() -> Iterator[tuple[str, str]]:
    """(level, sentence) each. No request is sent to a model: a connection to the pinned address is all, with
    TLS where it is used."""
    for entry in allowlist.entries()[1]:
        yield "error", _("ENDPOINT_HOSTS: “%(entry)s” is not host:port") % {"entry": entry}
    for material in settings.ENDPOINT_SECRET_KEYS:
        if len(material) < 32:
            yield "error", _("ENDPOINT_SECRET_KEY holds a key of less than 32 characters")
    for name, value in settings.ENDPOINT_KEYS.items():
        bound, _blank, secret = value.strip().partition(" ")
        try:
            allowlist.check_listed(allowlist.parse(f"https://{bound}"))
            usable = bool(secret.strip())
        except DomainError:
            usable = False
        if not usable:
            yield (
                "warning",
                _("%(name)s does not say “host:port key” with a host of ENDPOINT_HOSTS") % {"name": name},
            )
    rows = list(
        Endpoint.objects.filter(active=True)
        .select_related("project")
        .order_by("project_id", "name")[: MOST + 1]
    )
    if not rows:
        hosts = ", ".join(allowlist.shown()) or _("none: set ENDPOINT_HOSTS to connect models")
        yield "ok", _("No models are connected; hosts allowed: %(hosts)s") % {"hosts": hosts}
    tried: dict[tuple, str] = {}
    for endpoint in rows[:MOST]:
        label = {"project": endpoint.project.slug, "name": endpoint.name, "url": endpoint.base_url}
        try:
            up = upstream_of(endpoint)
        except UpstreamError as exc:
            if endpoint.practice and exc.code == "not_allowed":
                yield (
                    "ok",
                    _("%(project)s: “%(name)s” is a practice model; its server runs with `serve`") % label,
                )
            else:
                yield (
                    "error",
                    _("%(project)s: “%(name)s” (%(url)s): %(reason)s") % (label | {"reason": exc.message}),
                )
            continue
        target = up.target
        key = (target.scheme, target.host, target.port, target.address)
        if key not in tried:
            tried[key] = _reach(key)
        if tried[key]:
            yield (
                "warning",
                _("%(project)s: “%(name)s” (%(url)s) cannot be reached: %(reason)s")
                % (label | {"reason": tried[key]}),
            )
        elif target.address not in allowlist.resolve(target.host, target.port):
            yield (
                "warning",
                _(
                    "%(project)s: “%(name)s” (%(url)s): the name now leads elsewhere; calls keep to "
                    "the address it was saved with"
                )
                % label,
            )
        else:
            yield "ok", _("%(project)s: “%(name)s” (%(url)s) can be reached") % label


def _reach(key: transport.Key) -> str:
    """ "" or why not."""
    try:
        transport.connect(
            key, deadline=time.monotonic() + CONNECT_SECONDS, cancel=None, ca_file=settings.ENDPOINT_CA_FILE
        ).channel.shut()
    except transport.TimeUp:
        return _("no answer in time")
    except OSError as exc:
        return getattr(exc, "verify_message", "") or type(exc).__name__
    return ""
