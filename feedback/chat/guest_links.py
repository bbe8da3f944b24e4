"""Links for guests: a random token, signed, kept as a hash, with an end. Whoever holds one chats without an
account, in its project and nowhere else."""

import hashlib
import secrets

from django.core import signing
from django.db.models import F
from django.utils import timezone

from feedback.models import ChatLink


def _signer() -> signing.Signer:
    return signing.Signer(salt="feedback.chat_link")


def new_token() -> str:
    """Random, and signed, so that guesses are refused without a look into the database."""
    return _signer().sign(secrets.token_urlsafe(24))


def token_hash(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def find(token: str) -> ChatLink | None:
    """The link of `token` while it may be used, with its project and the chat's settings; None otherwise.
    Using a link takes nothing away from it."""
    try:
        _signer().unsign(token)
    except signing.BadSignature:
        return None
    found = ChatLink.objects.select_related("project__chat").filter(token_hash=token_hash(token)).first()
    return found if found is not None and is_alive(found) else None


def is_alive(link: ChatLink) -> bool:
    """Whether who came by the link may still chat."""
    return not link.revoked and link.expires_at > timezone.now()


def count_person(link: ChatLink) -> None:
    """One more came by the link."""
    ChatLink.objects.filter(pk=link.pk).update(people=F("people") + 1)
