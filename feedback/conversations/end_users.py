"""Who talks: an EndUser stands for a member, a guest, or whoever a deployment names by an id of its own. Kept
is only a keyed hash."""

import base64
import hashlib
import hmac
import secrets

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from core import storable
from core.errors import DomainError
from core.models import Project, User
from feedback.conversations.sizes import MAX_KEY
from feedback.models import EndUser


def key_hash(project: Project, key: str) -> str:
    """HMAC-SHA256 (hex) of `key` under the project's key: the same person in two projects is two."""
    return hmac.digest(bytes(project.hash_key), b"end user\0" + key.encode(), "sha256").hex()


def member_hash(project: Project, user: User) -> str:
    """The hash of a member; no id that a deployment could send has it."""
    return key_hash(project, f"member\0{user.pk}")


def guest_hash(project: Project, key: str) -> str:
    """The hash of a guest by the random key in their session."""
    return key_hash(project, f"guest\0{key}")


def departed_hash(project: Project) -> str:
    """The hash of a person whose talks are about to be erased: nobody can come by it again."""
    return key_hash(project, f"departed\0{secrets.token_urlsafe(32)}")


def of_member(project: Project, user: User) -> EndUser:
    """The EndUser of a person with an account; made when they first need one."""
    found = _get_or_make(project, member_hash(project, user), user=user)
    found.user = user  # spares a query wherever an Event names the person
    return found


def of_guest(project: Project, key: str) -> EndUser:
    """The EndUser of a guest."""
    return _get_or_make(project, guest_hash(project, key))


def external_hash(project: Project, key: str) -> str:
    """The hash of a person by the id that a deployment has for them."""
    return key_hash(project, f"key\0{key}")


def of_key(project: Project, key: str) -> EndUser:
    """The EndUser that a deployment calls `key`. DomainError "bad_end_user" for an id that is empty, too
    long, or holds what cannot be stored."""
    if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY or storable.text_fault(key):
        raise DomainError(
            "bad_end_user",
            _("A person's id is a text of 1 to %(n)s characters.") % {"n": MAX_KEY},
            field="end_user",
        )
    return _get_or_make(project, external_hash(project, key))


def label(end_user: EndUser) -> str:
    """A stable pseudonym, "U-7K3FQA": tells people apart, says nothing of who they are, and does not give
    their hash away."""
    digest = hashlib.sha256(b"label\0" + end_user.key_hash.encode()).digest()
    # 30 bits, so that a thousand people hardly share one; I, O, 0 and 1 are not among the letters
    return "U-" + base64.b32encode(digest)[:6].decode().translate(str.maketrans("IO", "89"))


def _get_or_make(project: Project, hashed: str, **fields) -> EndUser:
    found = EndUser.objects.filter(project=project, key_hash=hashed).first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            return EndUser.objects.create(project=project, key_hash=hashed, **fields)
    except IntegrityError:  # a second window of the same person was faster
        return EndUser.objects.get(project=project, key_hash=hashed)
