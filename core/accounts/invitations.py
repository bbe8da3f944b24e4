"""Verbs on invitations: a link that makes whoever holds it a member. Verbs are keyword-only, look-ups are
not; each verb appends its Event."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from core import events
from core.accounts.actions import check_username, create_user, may_manage
from core.errors import Conflict, DomainError
from core.models import Invite, Member, Project, User


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def create_invite(*, project: Project, role: str, days: int, uses: int, actor) -> tuple[Invite, str]:
    """An invitation and its token. The token is returned once; only its hash is kept."""
    may_manage(actor, project)
    token = secrets.token_urlsafe(24)
    invite = Invite.objects.create(
        project=project,
        role=role,
        token_hash=_hash(token),
        expires_at=timezone.now() + timedelta(days=days),
        uses_left=uses,
        created_by=actor,
    )
    events.append(project=project, actor=actor, verb="invite.create", target=invite, role=role, uses=uses)
    return invite, token


@transaction.atomic
def revoke_invite(*, invite: Invite, actor) -> None:
    may_manage(actor, invite.project)
    if Invite.objects.filter(pk=invite.pk, revoked=False).update(revoked=True):
        events.append(project=invite.project, actor=actor, verb="invite.revoke", target=invite)


def find_invite(token: str) -> Invite | None:
    """The invitation of a link while it may still be used."""
    return (
        Invite.objects.select_related("project")
        .filter(token_hash=_hash(token), revoked=False, uses_left__gt=0, expires_at__gt=timezone.now())
        .first()
    )


def already_joined(token: str, user: User) -> Member | None:
    """The membership that `user` has where the invitation of a link leads, even when it can be used no more:
    a second click, say."""
    return (
        Member.objects.of(user)
        .select_related("project")
        .filter(project__invites__token_hash=_hash(token))
        .first()
    )


@transaction.atomic
def accept_invite(*, token: str, user: User) -> Member:
    """Make `user` a member by an invitation. Someone who already is one keeps the stronger role, and no use
    is spent on nothing."""
    # one after the other: a double click spends one use
    Invite.objects.select_for_update().filter(token_hash=_hash(token)).first()
    invite = find_invite(token)
    if invite is None:
        raise Conflict(
            "invite_gone",
            _("This invitation has been used up, has expired, or was withdrawn. Ask for a new one."),
        )
    member = Member.objects.filter(project=invite.project, user=user).first()
    if member is not None and member.can(invite.role):
        return member
    # The count falls only while it is above zero: two people racing for the last use cannot both win.
    if not Invite.objects.filter(pk=invite.pk, revoked=False, uses_left__gt=0).update(
        uses_left=F("uses_left") - 1
    ):
        raise Conflict(
            "invite_gone",
            _("This invitation has been used up, has expired, or was withdrawn. Ask for a new one."),
        )
    if member is None:
        member, _made = Member.objects.get_or_create(
            project=invite.project, user=user, defaults={"role": invite.role}
        )
    if not member.can(invite.role):
        member.role = invite.role
        member.save(update_fields=["role"])
    events.append(
        project=invite.project,
        actor=user,
        verb="invite.accept",
        target=invite,
        user=user.pk,
        role=invite.role,
    )
    return member


def join_with_new_account(*, token: str, username: str, password: str, display_name: str = "") -> User:
    """An account made by the holder of an invitation, and its membership: both or neither."""
    if find_invite(token) is None:
        raise Conflict(
            "invite_gone",
            _("This invitation has been used up, has expired, or was withdrawn. Ask for a new one."),
        )
    username = check_username(username)
    try:
        validate_password(password, User(username=username, first_name=display_name))
    except ValidationError as exc:
        raise DomainError("weak_password", " ".join(exc.messages), field="password") from None
    hashed = make_password(password)
    with transaction.atomic():
        user = create_user(username=username, password=password, display_name=display_name, hashed=hashed)
        accept_invite(token=token, user=user)
    return user
