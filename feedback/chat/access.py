"""Who may chat: members of any role, and guests by a link. A guest is a random key in the session, good for
one project, as long as the link is alive."""

import secrets
from dataclasses import dataclass
from functools import cached_property

from django.http import Http404
from django.utils.translation import gettext as _

from core.access import sign_in_first
from core.errors import DomainError
from core.models import Member, Project, Role, User
from feedback.chat import guest_links
from feedback.conversations import end_users
from feedback.models import ChatLink, ChatSettings, EndUser

SESSION = "chat_guests"  # {project's slug: {"project", "link", "key", "user"}}


@dataclass
class Visitor:
    """Somebody in a project's chat. `role` is "" for a guest, `key` the guest's own."""

    project: Project
    chat: ChatSettings
    role: str
    user: User | None = None
    key: str = ""
    address: str = ""  # where the request came from

    @property
    def guest(self) -> bool:
        return not self.role

    @cached_property
    def known(self) -> EndUser | None:
        """The person as the chat knows them; None for somebody who has only looked so far. One query."""
        hashed = (
            end_users.guest_hash(self.project, self.key)
            if self.user is None
            else end_users.member_hash(self.project, self.user)
        )
        found = EndUser.objects.filter(project=self.project, key_hash=hashed).first()
        if found is not None and self.user is not None:
            found.user = self.user
        return found

    def end_user(self) -> EndUser:
        """The person; made when they do something for the first time."""
        if self.known is None:
            made = (
                end_users.of_guest(self.project, self.key)
                if self.user is None
                else end_users.of_member(self.project, self.user)
            )
            self.__dict__["known"] = made
        return self.__dict__["known"]

    @property
    def consent_due(self) -> bool:
        """Whether the consent text, in its present version, is still to be agreed to."""
        return bool(self.chat.consent) and (
            self.known is None or self.known.consent_version < self.chat.consent_version
        )


class SignedOut(DomainError):
    """Nobody is signed in, and no guest's session either: 401."""

    def __init__(self):
        super().__init__(
            "signed_out", _("You are signed out. Sign in to go on; nothing you typed is lost."), status=401
        )


def visitor(request, slug: str) -> Visitor:
    """Whoever asks, if they may chat in `slug`. A guest who is also a member is the member. SignedOut for
    nobody; Http404 for strangers (that a project exists is not told); DomainError "link_gone" for a guest
    whose link is not alive any more, "chat_off" where there is no chat."""
    found = _member(request.user, slug) or _guest(request, slug)
    if found is None:
        if request.user.is_authenticated:
            raise Http404
        raise SignedOut
    if not _lets_in(found.chat, found.role):
        raise DomainError("chat_off", _("There is no chat in this project at the moment."), status=404)
    return found


def page_visitor(request, slug: str):
    """(visitor, None), or (None, the way to the sign-in page)."""
    try:
        return visitor(request, slug), None
    except SignedOut:
        return None, sign_in_first(request)


def _chat_of(project: Project) -> ChatSettings:
    found = getattr(project, "chat", None)  # read with the project
    return found if found is not None else ChatSettings(project=project, enabled=False)


def is_open(project: Project, role: str = "") -> bool:
    """Whether somebody of `role` may chat in the project."""
    return _lets_in(_chat_of(project), role)


def _lets_in(chat: ChatSettings, role: str) -> bool:
    """Where it is on; or set up and not yet on, a manager who tries it first."""
    return chat.enabled or (role == Role.MANAGER and not chat._state.adding)


def _member(user, slug: str) -> Visitor | None:
    if not user.is_authenticated:
        return None
    if user.is_superuser:
        project = Project.objects.select_related("chat").filter(slug=slug).first()
        return Visitor(project, _chat_of(project), str(Role.MANAGER), user) if project else None
    member = Member.objects.of(user).select_related("project__chat").filter(project__slug=slug).first()
    return Visitor(member.project, _chat_of(member.project), member.role, user) if member else None


def _guests(request) -> dict:
    found = request.session.get(SESSION)
    return found if isinstance(found, dict) else {}


def _entry(request, slug: str) -> dict | None:
    entry = _guests(request).get(slug)
    # Computers are shared: whoever signs in on a guest's browser is somebody else.
    return entry if entry and entry["user"] == request.user.pk else None


def _guest(request, slug: str) -> Visitor | None:
    entry = _entry(request, slug)
    if entry is None:
        return None
    link = (
        ChatLink.objects.select_related("project__chat")
        .filter(pk=entry["link"], project=entry["project"], project__slug=slug)
        .first()
    )
    if link is None or not guest_links.is_alive(link):
        raise DomainError(
            "link_gone",
            _("The link you used no longer works. Ask whoever gave it to you for a new one."),
            status=403,
        )
    return Visitor(link.project, _chat_of(link.project), "", None, entry["key"])


def inside(request, slug: str) -> Visitor | None:
    """Who this session is in `slug` already: a member, or a guest whose link is alive; else None. Never an
    error."""
    try:
        return _member(request.user, slug) or _guest(request, slug)
    except DomainError:
        return None


def let_in(request, link: ChatLink) -> Visitor:
    """Make this session a guest of the link's project, or let the guest it already is go on by this link. The
    session gets a new key, so that nobody who knew the old one comes in with the guest."""
    entry = _entry(request, link.project.slug)
    # by another link before, perhaps: the same person
    known = entry["key"] if entry and entry["project"] == link.project_id else None
    key = known or secrets.token_urlsafe(32)
    request.session.cycle_key()
    request.session[SESSION] = _guests(request) | {
        link.project.slug: {"project": link.project_id, "link": link.pk, "key": key, "user": request.user.pk},
    }
    if known is None:
        guest_links.count_person(link)
    return Visitor(link.project, _chat_of(link.project), "", None, key)


def let_out(request, slug: str) -> None:
    """Forget the guest of `slug` in this session; nobody can take up their talk again."""
    guests = _guests(request)
    if guests.pop(slug, None) is not None:
        request.session[SESSION] = guests
        request.session.cycle_key()
