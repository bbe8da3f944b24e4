"""Who is at the other end of a connection, also behind proxies."""

import ipaddress

from django.conf import settings


def _as_ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address as proxies write it: alone, with a port, or in brackets; None for anything else."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _trusted(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if settings.TRUSTED_PROXIES:
        return any(
            address in network for network in settings.TRUSTED_PROXIES if network.version == address.version
        )
    return address.is_loopback or address.is_private


def client_ip(request) -> str:
    """The client's address, as text; "" where the server was told none.

    Without BEHIND_PROXY, whoever holds the connection. With it, X-Forwarded-For is read from its end,
    where each proxy appends whom it saw: as long as the hop that speaks is a trusted one (TRUSTED_PROXIES;
    else loopback and private addresses, one hop), the next is believed. What a client wrote there itself
    stands further left, and is never reached."""
    peer = request.META.get("REMOTE_ADDR", "")
    if not settings.BEHIND_PROXY:
        return peer
    hops = [part for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    speaking = _as_ip(peer)
    # A server behind a socket file is told no peer: only the proxy can have written to it.
    believed = peer == "" or (speaking is not None and _trusted(speaking))
    while believed and hops:
        named = _as_ip(hops.pop())
        if named is None:  # no proxy writes that: it is the client's own word
            break
        speaking = named
        believed = bool(settings.TRUSTED_PROXIES) and _trusted(named)
    return str(speaking) if speaking is not None else peer
