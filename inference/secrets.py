"""The API keys of endpoints, encrypted at rest. Nothing here is ever shown, logged or put into an Event.

The keys that encrypt come from ENDPOINT_SECRET_KEY: a list separated by commas, the first one encrypts,
all decrypt, so that a key is changed by putting the new one in front and saving the endpoints again
(`manage.py doctor` says which cannot be read). Without it, the key is derived from SECRET_KEY; that one
also goes on decrypting what was saved before ENDPOINT_SECRET_KEY was set."""

import base64
from collections.abc import Iterator
from functools import lru_cache

from django.conf import settings
from django.utils.translation import gettext as _

from core.errors import DomainError
from inference.allowlist import Target, authority

LONGEST = 4000


def encrypt(secret: str) -> bytes:
    """What is stored. DomainError "bad_key" for a key that cannot stand in an HTTP header."""
    if not secret.isascii() or not secret.isprintable() or " " in secret or not 0 < len(secret) <= LONGEST:
        raise DomainError(
            "bad_key",
            _("A key consists of letters, digits and symbols, without spaces or line breaks."),
            field="key",
        )
    return _cipher(_materials()).encrypt(secret.encode("ascii"))


def decrypt(stored: bytes | memoryview) -> str:
    """DomainError "key_unreadable" when no key of this installation opens it."""
    from cryptography.fernet import InvalidToken

    try:
        return _cipher(_materials()).decrypt(bytes(stored)).decode("ascii")
    except (InvalidToken, UnicodeDecodeError):
        message = _(
            "The stored key cannot be read with this installation's ENDPOINT_SECRET_KEY or "
            "SECRET_KEY. Enter it again."
        )
        raise DomainError("key_unreadable", message, status=409, field="key") from None


def from_variable(name: str, target: Target) -> str:
    """The key in the environment variable `name`, given for this host and port only: its value is "host:port
    KEY". Without that binding any project's manager could send the operator's key to another allowed host.
    DomainError "key_unreadable"."""
    value = settings.ENDPOINT_KEYS.get(name, "")
    bound, _blank, secret = value.strip().partition(" ")
    if not secret.strip():
        message = _("The variable %(name)s is not set, or not as “host:port key”.") % {"name": name}
        raise DomainError("key_unreadable", message, status=409, field="secret_variable")
    if bound.lower() != authority(target.host, target.port):
        message = _("The key in %(name)s is meant for another host.") % {"name": name}
        raise DomainError("key_unreadable", message, status=409, field="secret_variable")
    return secret.strip()


def variables_for(target: Target) -> Iterator[str]:
    """Names of the variables that hold a key for this host and port."""
    for name, value in sorted(settings.ENDPOINT_KEYS.items()):
        if value.strip().partition(" ")[0].lower() == authority(target.host, target.port):
            yield name


def _materials() -> tuple[str, ...]:
    return (*settings.ENDPOINT_SECRET_KEYS, settings.SECRET_KEY)


@lru_cache(maxsize=4)
def _cipher(materials: tuple[str, ...]):
    from cryptography.fernet import Fernet, MultiFernet
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    def derived(material: str) -> Fernet:
        kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"touchstone endpoint secrets")
        return Fernet(base64.urlsafe_b64encode(kdf.derive(material.encode("utf-8"))))

    return MultiFernet([derived(m) for m in materials])
