"""API keys ("Authorization: Bearer tsk_<prefix>_<secret>") and the browser's session."""

import hashlib
import hmac
import secrets
from datetime import timedelta

from django.db.models import OuterRef, Subquery
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import authentication, exceptions

from core.models import ApiKey, Member, Project, Role, roles_from
from core.prepared import Prepared


def new_key(*, user, project, role: str, name: str = "") -> tuple[ApiKey, str]:
    """Make a key; its text is returned once and kept only as a hash."""
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    row = ApiKey.objects.create(user=user, project=project, role=role, name=name, prefix=prefix, secret_hash=hashlib.sha256(secret.encode()).hexdigest())
    return row, f"tsk_{prefix}_{secret}"


# What the key's person may do in the key's project, read with the key.
_PERSON_ROLE = Subquery(Member.objects.filter(project=OuterRef("project"), user=OuterRef("user")).values("role")[:1])

_KEY = Prepared(lambda prefix: ApiKey.objects.select_related("user", "project").annotate(person_role=_PERSON_ROLE).filter(prefix=prefix, revoked_at=None), str)


class KeyAuthentication(authentication.BaseAuthentication):
    """One query finds the key with its person and project. `request.auth` is the ApiKey."""

    def authenticate_header(self, request):
        return "Bearer"

    def authenticate(self, request):
        words = authentication.get_authorization_header(request).decode("latin-1").split()
        if not words or words[0].lower() != "bearer":
            return None
        bad = exceptions.AuthenticationFailed(_("This API key is not valid."))
        parts = words[1].split("_", 2) if len(words) == 2 else []
        if len(parts) != 3 or parts[0] != "tsk":
            raise bad
        key = _KEY.first(parts[1])
        if key is None or not hmac.compare_digest(key.secret_hash, hashlib.sha256(parts[2].encode()).hexdigest()) or not key.user.is_active:
            raise bad
        now = timezone.now()
        if key.last_used_at is None or now - key.last_used_at > timedelta(minutes=5):
            ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
        return key.user, key


class BrowserSession(authentication.SessionAuthentication):
    """Session with CSRF; answers 401 (not 403) when nobody is signed in, so that a page can ask for the password in place."""

    def authenticate_header(self, request):
        return "Session"


def project_for(request, slug: str, role: str) -> tuple[Project, str]:
    """The project `slug` if the requester holds `role` in it, with the role they hold there. A key is held to its own project and role.
    Http404 for strangers (a project's existence is not told), 403 for members of too weak a role."""
    user, key = request.user, request.auth if isinstance(request.auth, ApiKey) else None
    if key is not None:
        project = key.project if key.project.slug == slug else None
        held = Role.MANAGER if user.is_superuser else key.person_role  # type: ignore[attr-defined]  # annotated by the query
    elif user.is_superuser:
        project, held = Project.objects.filter(slug=slug).first(), Role.MANAGER
    else:
        member = Member.objects.select_related("project").filter(project__slug=slug, user=user).first()
        project, held = (member.project, member.role) if member else (None, None)
    if project is None or not held:
        raise Http404
    # A key does no more than its own role and no more than its person's.
    granted = held if key is None or held not in roles_from(key.role) else key.role
    if granted not in roles_from(role):
        raise exceptions.PermissionDenied(_("Your role in this project does not allow this."))
    return project, granted
