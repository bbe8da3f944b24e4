"""API keys ("Authorization: Bearer tsk_<prefix>_<secret>") and the browser's session.

A key of a narrow scope (ingest, proxy) is for other programs to hold, and opens one door: a view of the
API lets it in only by naming it,

    class FeedbackView(APIView):
        key_scope = "ingest"                       # without this line such a key gets 403 before the view
                                        runs

        def post(self, request):
            project = scoped(request, "ingest")    # the key's project

so a view that does not think of scopes is closed to them."""

import copy
import hashlib
import hmac
import secrets
from datetime import timedelta

from django.db.models import OuterRef, Subquery
from django.http import Http404, QueryDict
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext_lazy as _
from rest_framework import authentication, exceptions

from core.db.prepared import Prepared
from core.models import ApiKey, Member, Project, Role, roles_from


def new_key(
    *, user, project, role: str, name: str = "", scope: str = ApiKey.Scope.ALL, expires_at=None
) -> tuple[ApiKey, str]:
    """Make a key; its text is returned once and kept only as a hash."""
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    row = ApiKey.objects.create(
        user=user,
        project=project,
        role=role,
        name=name,
        scope=scope,
        expires_at=expires_at,
        prefix=prefix,
        secret_hash=digest,
    )
    return row, f"tsk_{prefix}_{secret}"


# What the key's person may do in the key's project, read with the key.
_PERSON_ROLE = Subquery(
    Member.objects.filter(project=OuterRef("project"), user=OuterRef("user")).values("role")[:1]
)

# last_used_at is as exact as this: a write at every request would cost more than the request
_USE_NOTED = timedelta(minutes=5)

# What a request of a program has no use for, and may be long.
_UNREAD = (
    "project__description",
    "user__password",
    "user__email",
    "user__first_name",
    "user__last_name",
    "user__keys",
    "user__last_login",
)


def _by_prefix(prefix):
    keys = ApiKey.objects.select_related("user", "project").annotate(person_role=_PERSON_ROLE)
    return keys.filter(prefix=prefix, revoked_at=None).defer(*_UNREAD)


_KEY = Prepared(_by_prefix, str)


def refused_key(authorization: str):
    """What is said to a program whose Authorization header names no key in force: none, or one that is
    not."""
    words = authorization.split()
    if len(words) == 2 and words[0].lower() == "bearer":
        return _(
            "This API key is not valid: mistyped, revoked, replaced, or past its end. Keys are made on the "
            "project's page “API keys”."
        )
    return _(
        "An API key is missing. It goes into the header “Authorization: Bearer tsk_…”; keys are made on the "
        "project's page “API keys”."
    )


def too_narrow(scope: str = ApiKey.Scope.ALL):
    """What is said of a key that does not open the door `scope`, so that the right one can be made."""
    wanted = {
        ApiKey.Scope.INGEST: _("This API key does not allow this. Make one that may send feedback."),
        ApiKey.Scope.PROXY: _("This API key does not allow this. Make one that may use the proxy."),
    }
    return wanted.get(
        ApiKey.Scope(scope),
        _("This API key does not allow this. Make one that allows all that its role may do."),
    )


def find_key(authorization: str) -> ApiKey | None:
    """The key of an Authorization header, with its project, person and their role (`person_role`); None when
    it names no key that is in force. One query, and every five minutes one write."""
    words = authorization.split()
    parts = words[1].split("_", 2) if len(words) == 2 and words[0].lower() == "bearer" else []
    if len(parts) != 3 or parts[0] != "tsk":
        return None
    key = _KEY.first(parts[1])
    if key is None or not hmac.compare_digest(
        key.secret_hash, hashlib.sha256(parts[2].encode("utf-8", "replace")).hexdigest()
    ):
        return None
    now = timezone.now()
    if not key.user.is_active or (key.expires_at is not None and key.expires_at <= now):
        return None
    if key.last_used_at is None or now - key.last_used_at > _USE_NOTED:
        # Of many requests at once one writes.
        ApiKey.objects.filter(pk=key.pk, last_used_at=key.last_used_at).update(last_used_at=now)
    return key


class KeyAuthentication(authentication.BaseAuthentication):
    """`request.auth` is the ApiKey."""

    def authenticate_header(self, request):
        return "Bearer"

    def authenticate(self, request):
        header = authentication.get_authorization_header(request).decode("latin-1")
        if not header.strip() or header.split()[0].lower() != "bearer":
            return None
        key = find_key(header)
        if key is None:
            raise exceptions.AuthenticationFailed(refused_key(header))
        door = getattr(request.parser_context.get("view"), "key_scope", ApiKey.Scope.ALL)
        if key.scope not in (ApiKey.Scope.ALL, door):
            raise exceptions.PermissionDenied(too_narrow(door))
        return key.user, key


class BrowserSession(authentication.SessionAuthentication):
    """Session with CSRF; answers 401 (not 403) when nobody is signed in, so that a page can ask for the
    password in place."""

    def authenticate_header(self, request):
        return "Session"

    def enforce_csrf(self, request):
        """The token is taken from its header alone: looking for it in a form would read the body, which may
        be a large upload, before anybody has asked for the person's role."""
        unread = copy.copy(request._request)
        unread._post, unread._files = QueryDict(), MultiValueDict()
        super().enforce_csrf(unread)


def project_for(request, slug: str, role: str) -> tuple[Project, str]:
    """The project `slug` if the requester holds `role` in it, with the role they hold there. A key is held to
    its own project and role. Http404 for strangers (a project's existence is not told), 403 for members of
    too weak a role."""
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
    if key is not None and key.scope != ApiKey.Scope.ALL:
        raise exceptions.PermissionDenied(too_narrow())
    # A key does no more than its own role and no more than its person's.
    granted = held if key is None or held not in roles_from(key.role) else key.role
    if granted not in roles_from(role):
        raise exceptions.PermissionDenied(_("Your role in this project does not allow this."))
    return project, granted


def opens(key: ApiKey, scope: str) -> bool:
    """Whether a key (of `find_key`) opens the door `scope`: one made for it, or one for everything with the
    role of a manager; and its person manages the project still. Programs speak for other people there,
    which is nobody else's to allow."""
    manager = Role.MANAGER in (key.person_role, Role.MANAGER if key.user.is_superuser else "")  # type: ignore[attr-defined]  # annotated
    return manager and (key.scope == scope or (key.scope == ApiKey.Scope.ALL and key.role == Role.MANAGER))


def scoped(request, scope: str) -> Project:
    """The project of the request's key, if the key `opens` the door `scope` ("ingest", "proxy"). 403 for
    other keys and for people without one: these doors are for programs, and which project they mean is
    said by the key alone."""
    if not isinstance(request.auth, ApiKey):
        raise exceptions.PermissionDenied(_("This needs an API key."))
    if not opens(request.auth, scope):
        raise exceptions.PermissionDenied(too_narrow(scope))
    return request.auth.project
