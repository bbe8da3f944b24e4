"""Where this installation may reach out to: only hosts the operator has listed (ENDPOINT_HOSTS), at the
address the name had when the endpoint was saved.

The rules of an address, each with a test: http or https; no user and password, query or fragment; ASCII
only (names of other scripts are listed and written as xn--…); IPv4 as four plain decimal numbers (127.1,
0x7f.1, 2130706433 and 017.0.0.1 are refused, not guessed at); IPv6 in brackets without a zone; no trailing
dot; upper case is made lower. Host and port together must be on the list. What the name resolves to must
not be unspecified, multicast, link-local (where clouds keep their metadata) or reserved, nor any of these
dressed up as IPv6. Loopback and private addresses are the operator's decision, made by listing the host."""

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from core.errors import DomainError

PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_PATH = re.compile(r"(/[A-Za-z0-9._~@:+-]+)*", re.ASCII)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class Target:
    """`host` as it goes into the Host header and the certificate check (IPv6 without brackets), `address` the
    IP address connected to, `path` the base path without a slash at its end ("/v1")."""

    scheme: str
    host: str
    port: int
    address: str
    path: str

    @property
    def authority(self) -> str:
        """host:port as people list it: IPv6 in brackets."""
        return authority(self.host, self.port)


def authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def entries() -> tuple[frozenset[tuple[str, int]], list[str]]:
    """What ENDPOINT_HOSTS allows as (host, port), and its entries that say nothing usable. An entry is
    `host:port`, IPv6 in brackets. This installation's own practice server is allowed without being listed."""
    good, bad = set(), []
    for entry in [
        *settings.ENDPOINT_HOSTS,
        *([settings.PRACTICE_ADDRESS] if settings.PRACTICE_ADDRESS else []),
    ]:
        host, colon, port = entry.rpartition(":")
        try:
            if not colon:
                raise ValueError
            good.add((_host(host), _port(port)))
        except ValueError:
            bad.append(entry)
    return frozenset(good), bad


def shown() -> list[str]:
    """The usable entries, for people, in order."""
    return sorted(authority(host, port) for host, port in entries()[0])


def parse(base_url: str) -> Target:
    """The address taken apart, without asking whether it is allowed or where it leads (`address` "").
    DomainError "bad_url"."""
    try:
        if (
            not base_url.isascii()
            or not base_url.isprintable()
            or any(c in base_url for c in " \\<>\"'`^{|}%")
        ):
            raise ValueError
        parts = urlsplit(base_url)
        scheme = parts.scheme.lower()
        if scheme not in PORTS or "@" in parts.netloc or "?" in base_url or "#" in base_url:
            raise ValueError
        bare = re.fullmatch(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]*))?", parts.netloc)
        if bare is None:
            raise ValueError
        port = PORTS[scheme] if bare[2] is None else _port(bare[2])
        path = parts.path.rstrip("/")
        if not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
            raise ValueError
        host = _host(bare[1])
    except ValueError:
        message = _(
            "This address cannot be used. An address looks like https://models.example.org/v1: http or "
            "https, a plain host name or IP address, and no more."
        )
        raise DomainError("bad_url", message, field="base_url") from None
    if path.endswith(("/completions", "/chat", "/models")):
        message = _("Give the address up to and including /v1, without what follows.")
        raise DomainError("bad_url", message, field="base_url")
    return Target(scheme, host, port, "", path)


def target_of(base_url: str) -> Target:
    """The checked target of an endpoint's address, resolved now. DomainError "bad_url", "host_not_allowed"
    (not on the list) or "address_not_allowed" (the name leads nowhere, or where nothing may go), all of
    the field base_url."""
    found = check_listed(parse(base_url))
    address = choose(resolve(found.host, found.port), found.host)
    return Target(found.scheme, found.host, found.port, address, found.path)


def check_listed(target: Target) -> Target:
    """The target itself, if the operator allows its host and port; else DomainError "host_not_allowed"."""
    if (target.host, target.port) not in entries()[0]:
        message = _(
            "%(host)s is not among the hosts the operator of this installation allows (ENDPOINT_HOSTS)."
        ) % {"host": target.authority}
        raise DomainError("host_not_allowed", message, field="base_url")
    return target


def resolve(host: str, port: int) -> list[str]:
    """All IP addresses of the host now, IPv4 first; [] when the name leads nowhere. May wait for the
    network's name server."""
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    addresses = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found)
    return sorted(addresses, key=lambda a: ":" in a)


def choose(addresses: Iterable[str], host: str) -> str:
    """The address to connect to. One that is never allowed spoils the rest: a name that also leads there is
    not to be trusted."""
    addresses = list(addresses)
    if not addresses:
        message = _("The name %(host)s leads to no address at the moment.") % {"host": host}
        raise DomainError("address_not_allowed", message, field="base_url")
    for address in addresses:
        if not may_connect(address):
            message = _("%(host)s leads to an address that is never connected to.") % {"host": host}
            raise DomainError("address_not_allowed", message, field="base_url")
    return addresses[0]


def may_connect(address: str) -> bool:
    """Whether an IP address is of a kind that may be connected to at all."""
    try:
        ip: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address)
    except ValueError:
        return False
    inner: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = [ip]
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id or ip.is_site_local:
            return False
        inner += [
            hidden for hidden in (ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())) if hidden is not None
        ]
        if ip in _NAT64 or (int(ip) >> 32 == 0 and not ip.is_loopback):  # 64:ff9b::1.2.3.4, ::1.2.3.4
            inner.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return not any(_never(i) for i in inner)


def _never(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(ip, ipaddress.IPv4Address):
        return (
            ip.is_unspecified or ip.is_multicast or ip.is_link_local or ip.is_reserved or int(ip) >> 24 == 0
        )
    return ip.is_unspecified or ip.is_multicast or ip.is_link_local


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) < 65536:
        raise ValueError
    return int(text)


def _host(text: str) -> str:
    """The host in its one spelling, IPv6 without brackets; ValueError for whatever could be read in two
    ways."""
    text = text.lower()
    if text.startswith("["):
        if not text.endswith("]") or "%" in text:
            raise ValueError
        return str(ipaddress.IPv6Address(text[1:-1]))
    labels = text.split(".")
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError
    if labels[-1].isdigit() or labels[-1].startswith("0x"):  # some would read a number, in whatever base
        return str(ipaddress.IPv4Address(text))
    return text
