"""Short-lived tokens for the widget: made by a site's server, held by its page, good for one person of one
project on one site.

"<slug>.<signed>": the signed part says project, person, site, the key it was made with and when it ends.
The slug stands before it so that a browser's preflight, which carries no token, can say which project's
list of sites is meant."""

import time
from dataclasses import dataclass

from django.core import signing
from django.utils.translation import gettext as _

from core.errors import DomainError
from core.models import ApiKey, Project
from feedback.models import ChatSettings, EndUser

SHORTEST, USUAL, LONGEST = 60, 900, 3600  # seconds
_SALT = "feedback.widget"


@dataclass(frozen=True)
class Holder:
    """Whose feedback a token lets in."""

    project: Project
    end_user: EndUser
    origin: str


def origins_of(project_slug: str) -> list[str]:
    """The sites that may carry the project's widget; [] for a project there is not."""
    return (
        ChatSettings.objects.filter(project__slug=project_slug).values_list("origins", flat=True).first()
        or []
    )


def make(*, key: ApiKey, end_user: EndUser, origin: str, ttl: int = USUAL) -> tuple[str, int]:
    """(token, the second it ends) for `end_user` on `origin`. DomainError when the project does not list the
    site."""
    if origin not in origins_of(key.project.slug):
        raise DomainError(
            "origin_not_allowed",
            _("This site is not on the project's list. Its manager can add it in the chat settings."),
            field="origin",
        )
    ends = int(time.time()) + ttl
    signed = signing.dumps(
        {"p": key.project_id, "u": end_user.pk, "o": origin, "k": key.pk, "e": ends}, salt=_SALT
    )
    return f"{key.project.slug}.{signed}", ends


def read(token: str) -> Holder:
    """Whose token this is. DomainError 401: "token_expired", or "token_invalid" for one that is not ours, or
    whose key was revoked."""
    invalid = DomainError("token_invalid", _("This token is not valid."), status=401)
    slug, _dot, signed = token.partition(".")
    try:
        said = signing.loads(signed, salt=_SALT)
        ends, ids = said["e"], {"pk": said["u"], "project_id": said["p"], "project__slug": slug}
    except (signing.BadSignature, ValueError, KeyError, TypeError):
        raise invalid from None
    if ends <= time.time():
        raise DomainError("token_expired", _("This token has expired."), status=401)
    if not ApiKey.objects.filter(pk=said["k"], project_id=said["p"], revoked_at=None).exists():
        raise invalid
    person = EndUser.objects.select_related("project__chat").filter(**ids).first()
    if person is None:
        raise invalid
    return Holder(person.project, person, said["o"])
