"""Verbs on people: accounts, members, passwords without e-mail. All keyword-only; each appends its Event.
Invitations and API keys have modules of their own."""

import secrets

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Length
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core import events
from core.accounts.lookalikes import alike
from core.accounts.sign_in import one_time_hash
from core.errors import Conflict, DomainError
from core.models import ApiKey, Invite, Member, Project, Role, User

# Without letters and digits that look alike: these passwords are read aloud and typed from paper.
_READABLE = "abcdefghjkmnpqrstuvwxyz23456789"
MAX_PASTED = 500


def one_time_password() -> str:
    """Twelve readable characters in three groups, 59 bits."""
    return "-".join("".join(secrets.choice(_READABLE) for _i in range(4)) for _j in range(3))


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
        raise DomainError("empty_password", _("Enter a password."), field="password")
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


def may_manage(actor, project):
    """Whoever changes members manages the project; commands act as nobody (None), with the shell's rights."""
    if actor is None or actor.is_superuser:
        return
    if not Member.objects.of(actor).filter(project=project, role=Role.MANAGER).exists():
        raise DomainError("permission_denied", _("Only a manager may do this."), status=403)


@transaction.atomic
def set_member(*, project: Project, user: User, role: str, actor) -> Member:
    """Make `user` a member with `role`, or change the role they have. The last manager keeps the role."""
    may_manage(actor, project)
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
    may_manage(actor, member.project)
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
    may_manage(actor, project)
    names = list(dict.fromkeys(n for n in (name.strip() for name in names) if n))
    if not names:
        raise DomainError("empty", _("Enter at least one name."), field="names")
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
    may_manage(actor, member.project)
    user = member.user
    if actor is not None and not actor.is_superuser:
        managed = Project.objects.visible_to(actor, "manager")
        if user.is_superuser or Member.objects.of(user).exclude(project__in=managed).exists():
            raise DomainError(
                "permission_denied",
                _("This account has access beyond your projects; ask an administrator for a new password."),
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


def _words_of_django(n: int) -> str:
    """Django's own Chinese has this sentence in an older wording, so it would stay English: named here, it is
    in our catalogue."""
    return ngettext(
        "This password is too short. It must contain at least %d character.",
        "This password is too short. It must contain at least %d characters.",
        n,
    )
