"""Small readers of environment variables; settings.py is their only user."""

import ipaddress
import os
from pathlib import Path


def envstr(name: str, default: str = "") -> str:
    """The variable, or `default` when unset or empty."""
    return os.environ.get(name) or default


def envbool(name: str, default: bool) -> bool:
    """1/true/yes/on and 0/false/no/off, in any case; anything else is a ValueError naming the variable."""
    value = os.environ.get(name, "").strip().lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ValueError(f"{name}={value!r}: expected true or false")


def envint(name: str, default: int) -> int:
    """A whole number; ValueError naming the variable otherwise."""
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    try:
        return int(value)
    except ValueError:
        raise ValueError(f"{name}={value!r}: expected a whole number") from None


def envlist(name: str, default: list[str]) -> list[str]:
    """Comma-separated, blanks dropped."""
    value = os.environ.get(name, "")
    return [part.strip() for part in value.split(",") if part.strip()] or default


def envnetworks(name: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Comma-separated addresses and networks (`10.0.0.7, 172.16.0.0/12`); ValueError naming the variable
    otherwise."""
    try:
        return [ipaddress.ip_network(part, strict=False) for part in envlist(name, [])]
    except ValueError as exc:
        raise ValueError(f"{name}: {exc}") from None


def envsecret(name: str, default: str = "") -> str:
    """The variable, or the content of the file that NAME_FILE points to (as container secrets are
    mounted)."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        return Path(path).read_text(encoding="utf-8").strip()
    return os.environ.get(name) or default
