"""Verbs on people: accounts, members, invitations, passwords without e-mail, API keys. All keyword-only; each
appends its Event."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Length
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core import events
from core.accounts.lookalikes import alike
from core.accounts.sign_in import one_time_hash
from core.api.auth import new_key
from core.errors import Conflict, DomainError
from core.models import ApiKey, Invite, Member, Project, Role, User

# Without letters and digits that look alike: these passwords are read aloud and typed from paper.
_READABLE = "abcdefghjkmnpqrstuvwxyz23456789"
MAX_PASTED = 500
ROTATION_GRACE = timedelta(hours=24)  # how long a key works beside the one that replaced it


def one_time_password() -> str:
    """Twelve readable characters in three groups, 59 bits."""
    return "-".join("".join(secrets.choice(_READABLE) for _i in range(4)) for _j in range(3))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def check_username(name: str) -> str:
    """`name` if an account may have it; DomainError naming the field otherwise."""
    try:
        UnicodeUsernameValidator()(name)
    except ValidationError as exc:
        raise DomainError("bad_name", exc.messages[0], field="username") from None
    if len(name) > 150:
        raise DomainError("bad_name", _("A name has at most 150 characters."), field="username")
    return User.normalize_username(name)


def _refuse_lookalike(username: str) -> None:
    """Conflict "name_taken" where an account has a name that `username` could be mistaken for."""
    same_length = (
        User.objects.annotate(length=Length("username"))
        .filter(length=len(username))
        .exclude(username=username)
    )
    for other in same_length.values_list("username", flat=True).iterator():
        if alike(username, other):
            words = _(
                "“%(name)s” looks like the account “%(other)s”. Choose a name that nobody mistakes for it."
            )
            raise Conflict("name_taken", words % {"name": username, "other": other}, field="username")


def create_user(
    *,
    username: str,
    password: str,
    superuser: bool = False,
    display_name: str = "",
    must_change: bool = False,
    hashed: str = "",
) -> User:
    """A new account. DomainError when the name is taken or not allowed, or the password is empty. `hashed`:
    the password's stored form, when it was hashed before the caller's transaction began (nobody else can
    write to SQLite meanwhile)."""
    username = check_username(username)
    if not password:
        raise DomainError("empty_password", _("Give a password."), field="password")
    _refuse_lookalike(username)
    user = User(
        username=username,
        first_name=display_name[:150],
        is_superuser=superuser,
        is_staff=superuser,
        password_must_change=must_change,
    )
    user.password = hashed or make_password(password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        raise Conflict(
            "name_taken",
            _("There is already an account named %(name)s.") % {"name": username},
            field="username",
        ) from None
    return user


def _may_manage(actor, project):
    """Whoever changes members manages the project; commands act as nobody (None), with the shell's rights."""
    if actor is None or actor.is_superuser:
        return
    if not Member.objects.of(actor).filter(project=project, role=Role.MANAGER).exists():
        raise DomainError("permission_denied", _("Only a manager may do this."), status=403)


@transaction.atomic
def set_member(*, project: Project, user: User, role: str, actor) -> Member:
    """Make `user` a member with `role`, or change the role they have. The last manager keeps the role."""
    _may_manage(actor, project)
    member = Member.objects.select_for_update().filter(project=project, user=user).first()
    made = False
    if member is None:
        member, made = Member.objects.get_or_create(project=project, user=user, defaults={"role": role})
    if made:
        events.append(project=project, actor=actor, verb="member.add", target=member, user=user.pk, role=role)
    elif member.role != role:
        if member.role == Role.MANAGER:
            _keep_a_manager(project, member)
            _withdraw_invites(member)
        before, member.role = member.role, role
        member.save(update_fields=["role"])
        events.append(
            project=project,
            actor=actor,
            verb="member.role",
            target=member,
            user=user.pk,
            role=role,
            before=before,
        )
    return member


def _keep_a_manager(project, leaving):
    if not project.members.select_for_update().filter(role=Role.MANAGER).exclude(pk=leaving.pk).exists():
        raise Conflict("last_manager", _("A project keeps at least one manager."), field="role")


@transaction.atomic
def remove_member(*, member: Member, actor) -> None:
    """Take the person out of the project and revoke their keys to it. What they judged stays, under their
    pseudonym."""
    _may_manage(actor, member.project)
    if member.role == Role.MANAGER:
        _keep_a_manager(member.project, member)
    events.append(
        project=member.project,
        actor=actor,
        verb="member.remove",
        target=member,
        user=member.user_id,
        role=member.role,
    )
    ApiKey.objects.filter(project=member.project, user=member.user, revoked_at=None).update(
        revoked_at=timezone.now()
    )
    _withdraw_invites(member)
    member.delete()


def _withdraw_invites(member: Member) -> None:
    """Who manages no more invites no more: a link kept back would be a door back in."""
    Invite.objects.filter(project=member.project, created_by=member.user, revoked=False).update(revoked=True)


@transaction.atomic
def add_people(*, project: Project, names: list[str], role: str, actor) -> list[dict]:
    """Members by name, one account made for each name that has none. Returns [{"name", "password" or None,
    "state"}] in order, where state is "created" (with its one-time password, to be changed at the first
    sign-in), "added" or "already". One refused name refuses all."""
    _may_manage(actor, project)
    names = list(dict.fromkeys(n for n in (name.strip() for name in names) if n))
    if not names:
        raise DomainError("empty", _("Give at least one name."), field="names")
    if len(names) > MAX_PASTED:
        raise DomainError("too_many", _("At most %(n)s names at a time.") % {"n": MAX_PASTED}, field="names")
    for name in names:
        try:
            check_username(name)
        except DomainError:
            message = _(
                "“%(name)s” cannot be a sign-in name: letters (Chinese too), digits and @ . + - _ only."
            ) % {"name": name[:60]}
            raise DomainError("bad_name", message, field="names") from None
    found = {u.username: u for u in User.objects.filter(username__in=names)}
    here = project.members.select_related("user")
    shown = {m.user.shown_name: m.user.username for m in here}
    for name in names:
        # Else one person gets a second account, and their work and pay are split over two.
        if User.normalize_username(name) not in found and name in shown:
            message = _("“%(name)s” is how the member %(username)s is shown. Give sign-in names.") % {
                "name": name,
                "username": shown[name],
            }
            raise DomainError("shown_name", message, field="names")
    members = {m.user_id for m in here if m.user.username in found}
    out = []
    for name in names:
        user, password, state = found.get(User.normalize_username(name)), None, "added"
        if user is None:
            password, state = one_time_password(), "created"
            user = create_user(
                username=name, password=password, must_change=True, hashed=one_time_hash(password)
            )
            events.append(project=project, actor=actor, verb="account.create", target=user)
        if user.pk in members:
            state = "already"
        else:
            set_member(project=project, user=user, role=role, actor=actor)
        out.append({"name": user.username, "password": password, "state": state})
    return out


@transaction.atomic
def reset_password(*, member: Member, actor) -> str:
    """A new one-time password for a member, returned once; they choose their own at the next sign-in and
    older sessions end.

    A manager must not take over an account that reaches further than the managed projects: superusers, and
    members of projects which `actor` does not manage, are reset by a superuser."""
    _may_manage(actor, member.project)
    user = member.user
    if actor is not None and not actor.is_superuser:
        managed = Project.objects.visible_to(actor, "manager")
        if user.is_superuser or Member.objects.of(user).exclude(project__in=managed).exists():
            raise DomainError(
                "permission_denied",
                _("This account reaches further than your projects; ask an administrator to reset it."),
                status=403,
            )
    password = one_time_password()
    user.password = one_time_hash(password)
    user.password_must_change = True
    user.save(update_fields=["password", "password_must_change"])
    events.append(project=member.project, actor=actor, verb="password.reset", target=user)
    return password


def set_own_password(*, user: User, password: str) -> None:
    """The person's own new password, checked for strength; ends the need to change it."""
    try:
        validate_password(password, user)
    except ValidationError as exc:
        raise DomainError("weak_password", " ".join(exc.messages), field="new_password") from None
    user.set_password(password)
    user.password_must_change = False
    with transaction.atomic():
        user.save(update_fields=["password", "password_must_change"])
        events.append(project=None, actor=user, verb="password.change", target=user)


@transaction.atomic
def create_invite(*, project: Project, role: str, days: int, uses: int, actor) -> tuple[Invite, str]:
    """An invitation and its token. The token is returned once; only its hash is kept."""
    _may_manage(actor, project)
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
    _may_manage(actor, invite.project)
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
        _may_manage(actor, key.project)
    if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
        events.append(project=key.project, actor=actor, verb="key.revoke", target=key)


def _words_of_django(n: int) -> str:
    """Django's own Chinese has this sentence in an older wording, so it would stay English: named here, it is
    in our catalogue."""
    return ngettext(
        "This password is too short. It must contain at least %d character.",
        "This password is too short. It must contain at least %d characters.",
        n,
    )
