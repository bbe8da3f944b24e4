"""Verbs on API keys: made, replaced, ended. All keyword-only; each appends its Event."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import events
from core.accounts.actions import may_manage
from core.api.auth import new_key
from core.errors import Conflict, DomainError
from core.models import ApiKey, Member, Project, Role, User

ROTATION_GRACE = timedelta(hours=24)  # how long a key works beside the one that replaced it


def _may_hold(project: Project, user: User, role: str, scope: str) -> None:
    """DomainError when `user` may not hold a key of this role and scope."""
    if user.is_superuser:
        return
    member = Member.objects.of(user).filter(project=project).first()
    if member is None:
        raise DomainError(
            "not_a_member",
            _("%(name)s is not a member of this project.") % {"name": user.username},
            field="user",
        )
    if not member.can(role):
        raise DomainError(
            "role_too_weak",
            _("A key cannot hold a stronger role than its person has in this project."),
            field="role",
        )
    if scope != ApiKey.Scope.ALL and not member.can(Role.MANAGER):
        raise DomainError(
            "role_too_weak", _("Only a manager may make a key for other programs."), field="scope"
        )


@transaction.atomic
def create_api_key(
    *,
    project: Project,
    user: User,
    role: str,
    name: str = "",
    scope: str = ApiKey.Scope.ALL,
    expires_days: int | None = None,
    actor=None,
) -> tuple[ApiKey, str]:
    """A key that acts as `user` in `project` with at most `role`, or opens only the door `scope` (and then
    its role is the weakest, whatever was asked for). Returns its row and its text. DomainError when the
    person does not hold that role."""
    if scope != ApiKey.Scope.ALL:
        role = Role.USER
    _may_hold(project, user, role, scope)
    expires_at = timezone.now() + timedelta(days=expires_days) if expires_days else None
    key, text = new_key(user=user, project=project, role=role, name=name, scope=scope, expires_at=expires_at)
    events.append(project=project, actor=actor or user, verb="key.create", target=key, role=role, scope=scope)
    return key, text


@transaction.atomic
def rotate_api_key(*, key: ApiKey, actor, grace: timedelta = ROTATION_GRACE) -> tuple[ApiKey, str]:
    """A new key in place of `key`: same person, role, scope, name and length of life. The old one goes on
    working for `grace`. Only the key's own person may, since the new text acts as them; None is a command.
    Conflict when the key has ended or was replaced before."""
    if actor is not None and actor.pk != key.user_id:
        raise DomainError("permission_denied", _("Only the person of a key may replace it."), status=403)
    now = timezone.now()
    key = ApiKey.objects.select_for_update(of=("self",)).select_related("user", "project").get(pk=key.pk)
    if (
        key.revoked_at is not None
        or key.replaced_by_id is not None
        or (key.expires_at is not None and key.expires_at <= now)
    ):
        raise Conflict("key_ended", _("This key has ended or was replaced already. Make a new one."))
    _may_hold(key.project, key.user, key.role, key.scope)
    life = now + (key.expires_at - key.created_at) if key.expires_at else None
    new, text = new_key(
        user=key.user, project=key.project, role=key.role, name=key.name, scope=key.scope, expires_at=life
    )
    key.replaced_by, key.expires_at = new, min(key.expires_at or now + grace, now + grace)
    key.save(update_fields=["replaced_by", "expires_at"])
    events.append(project=key.project, actor=actor, verb="key.rotate", target=key, new=new.pk)
    return new, text


@transaction.atomic
def revoke_api_key(*, key: ApiKey, actor) -> None:
    """End a key: its person may, and managers of its project."""
    if key.user_id != actor.pk:
        may_manage(actor, key.project)
    if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
        events.append(project=key.project, actor=actor, verb="key.revoke", target=key)
