"""Who may open which project: for pages what core.api_auth.project_for is for the API."""

from collections.abc import Iterator
from functools import wraps

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from core import registry
from core.models import Member, Project, Role, roles_from


def role_in(user, project) -> str:
    """The role `user` holds in `project`, "" for a stranger; superusers are managers everywhere."""
    if not user.is_authenticated:
        return ""
    if user.is_superuser:
        return str(Role.MANAGER)
    return Member.objects.of(user).filter(project=project).values_list("role", flat=True).first() or ""


def project_or_404(request, slug: str, role: str = "user") -> Project:
    """The project `slug` if the signed-in person holds `role` in it: strangers get 404 (that a project exists is not told), members of
    too weak a role 403. Leaves `request.project` and `request.role` for the frame. One query."""
    user = request.user
    if user.is_superuser:
        project, held = Project.objects.filter(slug=slug).first(), str(Role.MANAGER)
    else:
        member = Member.objects.of(user).select_related("project").filter(project__slug=slug).first()
        project, held = (member.project, member.role) if member else (None, "")
    if project is None:
        raise Http404
    request.project, request.role = project, held
    if held not in roles_from(role):
        raise PermissionDenied(_("Your role in this project does not allow this."))
    return project


def project_page(role: str):
    """Decorator of a page view `(request, project, …)` under a `slug` URL argument: signed in, and `role` or stronger in the project."""

    def decorate(view):
        @wraps(view)
        @login_required
        def page(request, slug, *args, **kwargs):
            return view(request, project_or_404(request, slug, role), *args, **kwargs)

        return page

    return decorate


def _open_to(project, role: str) -> Iterator[tuple[registry.NavEntry, str]]:
    """(tab, address) of those open to `role`, in order; each is asked for when it comes up. A registered page that is not routed is left out."""
    for entry in registry.nav():
        if role and role in roles_from(entry.role):
            try:
                url = reverse(entry.url_name, args=[project.slug])
            except NoReverseMatch:
                continue
            if entry.shows is None or entry.shows(project, role):
                yield entry, url


def tabs_for(project, role: str) -> list[dict]:
    """The project's tabs open to `role`: [{"url", "label", "name", "group", "also"}]."""
    return [{"url": url, "label": e.label, "name": e.url_name, "group": e.group, "also": e.also} for e, url in _open_to(project, role)]


def entry_url(project, role: str) -> str:
    """The page a member of `role` lands on when opening the project: the first tab open to them, else home. The tabs after it are not asked for."""
    first = next(_open_to(project, role), None)
    return first[1] if first else reverse("home")
