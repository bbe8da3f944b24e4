"""Who may open which project: for pages what core.api.auth.project_for is for the API."""

from collections.abc import Iterator
from functools import wraps
from urllib.parse import urlencode, urlsplit

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from core import local_time, registry
from core.models import Member, Project, Role, roles_from

SAFE = ("GET", "HEAD")


def is_own_address(request, target: str) -> bool:
    """Whether `target` stays on this site, so that a person may be led there."""
    return url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )


def sign_in_first(request) -> HttpResponseRedirect:
    """The way to the sign-in page, and from there to the page that was asked for. What was sent by a form is
    gone: then it leads back to the page the form stood on, and `unsaved` has the person told."""
    if request.method in SAFE:
        back, told = request.get_full_path(), {}
    else:
        came_from = request.headers.get("Referer", "")
        parts = urlsplit(came_from) if is_own_address(request, came_from) else urlsplit("")
        back, told = parts._replace(scheme="", netloc="", fragment="").geturl(), {"unsaved": "1"}
        if not back.startswith("/") or not is_own_address(request, back):
            back = reverse("home")
    return HttpResponseRedirect(f"{reverse('login')}?{urlencode({'next': back} | told, safe='/')}")


def signed_in(view):
    """Decorator of a page that nobody sees without signing in first."""

    @wraps(view)
    def page(request, *args, **kwargs):
        return view(request, *args, **kwargs) if request.user.is_authenticated else sign_in_first(request)

    return page


def role_in(user, project) -> str:
    """The role `user` holds in `project`, "" for a stranger; superusers are managers everywhere."""
    if not user.is_authenticated:
        return ""
    if user.is_superuser:
        return str(Role.MANAGER)
    return Member.objects.of(user).filter(project=project).values_list("role", flat=True).first() or ""


def project_or_404(request, slug: str, role: str = "user") -> Project:
    """The project `slug` if the signed-in person holds `role` in it: strangers get 404 (that a project exists
    is not told), members of too weak a role 403. Leaves `request.project` and `request.role` for the
    frame. One query."""
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
    """Decorator of a page view `(request, project, …)` under a `slug` URL argument: signed in, and `role` or
    stronger in the project."""

    def decorate(view):
        @wraps(view)
        @signed_in
        def page(request, slug, *args, **kwargs):
            project = project_or_404(request, slug, role)
            with timezone.override(local_time.zone_of(project)):
                return view(request, project, *args, **kwargs)

        return page

    return decorate


def project_form(role: str, page: str, *same: str):
    """Decorator of a view that takes a form and is no page by itself. Opened like a page (the other language,
    a reload, an old address), it leads to the `page` of the project that the form stands on; `same` names
    the URL arguments that this page has in common with it."""

    def decorate(view):
        @wraps(view)
        @project_page(role)
        def taker(request, project, *args, **kwargs):
            if request.method in SAFE:
                return redirect(page, slug=project.slug, **{name: kwargs[name] for name in same})
            return (
                view(request, project, *args, **kwargs)
                if request.method == "POST"
                else HttpResponseNotAllowed([*SAFE, "POST"])
            )

        return taker

    return decorate


def _open_to(project, role: str) -> Iterator[tuple[registry.NavEntry, str]]:
    """(tab, address) of those open to `role`, in order; each is asked for when it comes up. A registered page
    that is not routed is left out."""
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
    return [
        {"url": url, "label": e.label, "name": e.url_name, "group": e.group, "also": e.also}
        for e, url in _open_to(project, role)
    ]


def entry_url(project, role: str) -> str:
    """The page a member of `role` lands on when opening the project: the first tab open to them, else home.
    The tabs after it are not asked for."""
    first = next(_open_to(project, role), None)
    return first[1] if first else reverse("home")
