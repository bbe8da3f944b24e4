"""Members of a project, invitations, and API keys."""

from django.contrib import messages
from django.db.models import Q
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core import registry
from core.access import project_form, project_page
from core.accounts import actions as people
from core.accounts import api_keys, invitations, snippets
from core.accounts.forms import ApiKeyForm, InviteForm, PeopleForm, RoleForm
from core.errors import DomainError
from core.models import ApiKey, Invite, Role, roles_from


def members_page(request, project, status=200, **extra):
    """Members with the forms around them; `extra` may show secrets once (added=, invite_link=) or a refused
    form."""
    members = project.members.select_related("user").order_by("user__username")
    invites = Invite.objects.filter(
        project=project, revoked=False, uses_left__gt=0, expires_at__gt=timezone.now()
    ).order_by("-pk")
    context = {
        "project": project,
        "members": members,
        "invites": invites,
        "roles": Role.choices,
        "people_form": PeopleForm(),
        "invite_form": InviteForm(),
        "passwords": any(row["password"] for row in extra.get("added", ())),
    }
    return render(request, "core/members.html", context | extra, status=status)


@require_safe
@project_page("manager")
def members(request, project):
    return members_page(request, project)


# The answers that show a secret once are rendered by the POST itself and never cached: nothing that could
# show it again is kept.


@never_cache
@project_form("manager", "members")
def add_people(request, project):
    form = PeopleForm(request.POST)
    if form.is_valid():
        try:
            added = people.add_people(
                project=project,
                names=form.cleaned_data["names"].splitlines(),
                role=form.cleaned_data["role"],
                actor=request.user,
            )
            return members_page(request, project, added=added)
        except DomainError as exc:
            form.add_error(exc.field if exc.field in form.fields else None, exc.message)
    return members_page(request, project, status=400, people_form=form)


@never_cache
@project_form("manager", "members")
def create_invite(request, project):
    form = InviteForm(request.POST)
    if not form.is_valid():
        return members_page(request, project, status=400, invite_form=form)
    _invite, token = invitations.create_invite(project=project, actor=request.user, **form.cleaned_data)
    return members_page(
        request, project, invite_link=request.build_absolute_uri(reverse("invite", args=[token]))
    )


@project_form("manager", "members")
def revoke_invite(request, project, pk):
    invitations.revoke_invite(invite=get_object_or_404(project.invites, pk=pk), actor=request.user)
    messages.success(request, _("The invitation no longer works."))
    return redirect("members", project.slug)


@project_form("manager", "members")
def change_role(request, project, pk):
    member = get_object_or_404(project.members.select_related("user"), pk=pk)
    form = RoleForm(request.POST)
    if form.is_valid():
        try:
            people.set_member(
                project=project, user=member.user, role=form.cleaned_data["role"], actor=request.user
            )
            messages.success(
                request,
                _("%(name)s is now %(role)s.")
                % {"name": member.user.shown_name, "role": Role(form.cleaned_data["role"]).label},
            )
        except DomainError as exc:
            messages.error(request, exc.message)
    else:
        messages.error(request, _("There is no such role."))
    return redirect("members", project.slug)


@project_form("manager", "members")
def remove(request, project, pk):
    member = get_object_or_404(project.members.select_related("user"), pk=pk)
    try:
        people.remove_member(member=member, actor=request.user)
    except DomainError as exc:
        messages.error(request, exc.message)
        return redirect("members", project.slug)
    messages.success(
        request, _("%(name)s is no longer a member. Their work stays.") % {"name": member.user.shown_name}
    )
    if member.user == request.user and not request.user.is_superuser:
        return redirect("home")
    return redirect("members", project.slug)


@never_cache
@project_form("manager", "members")
def reset_password(request, project, pk):
    member = get_object_or_404(project.members.select_related("user", "project"), pk=pk)
    try:
        password = people.reset_password(member=member, actor=request.user)
    except DomainError as exc:
        messages.error(request, exc.message)
        return redirect("members", project.slug)
    return members_page(
        request, project, added=[{"name": member.user.username, "password": password, "state": "reset"}]
    )


def _keys_page(request, project, status=200, **extra):
    """Own keys; a manager sees those of everyone."""
    mine = Q() if request.role == Role.MANAGER else Q(user=request.user)
    now = timezone.now()
    # replaced, and the replaced one's time is over: of no more interest
    gone = Q(expires_at__lte=now, replaced_by__isnull=False)
    rows = (
        ApiKey.objects.filter(mine, project=project, revoked_at=None)
        .exclude(gone)
        .select_related("user")
        .order_by("-pk")
    )
    context = {"project": project, "rows": rows, "form": _key_form(request), "now": now}
    if new := extra.pop("new", None):
        request.new_key = new  # the only answer that may show its text
        context |= {"key_text": new.text, "snippets": _snippets(request, project)}
    return render(request, "core/keys.html", context | extra, status=status)


def _snippets(request, project) -> list[str]:
    """Ready code for the key that was just made, of every room that has some."""
    panels = (panel for panel in registry.panels(snippets.PLACE) if request.role in roles_from(panel.role))
    return [html for html in (panel.render(request, project) for panel in panels) if html]


def _key_form(request, data=None):
    """Only roles that the person holds are offered, and keys for other programs only to managers."""
    # A script that asks for a key in the old way asks for one that opens everything.
    form = ApiKeyForm(data if data is None or "scope" in data else {"scope": ApiKey.Scope.ALL, **data.dict()})
    if request.role != Role.MANAGER:
        form.fields["scope"].choices = ApiKey.Scope.choices[:1]
    values = [value for value, _label in Role.choices]
    form.fields["role"].choices = Role.choices[: values.index(request.role) + 1]
    return form


@never_cache
@project_page("annotator")
def keys(request, project):
    if request.method != "POST":
        return _keys_page(request, project)
    form = _key_form(request, request.POST)
    if form.is_valid():
        try:
            made = api_keys.create_api_key(
                project=project, user=request.user, actor=request.user, **form.cleaned_data
            )
            return _keys_page(request, project, new=snippets.NewKey(*made))
        except DomainError as exc:
            form.add_error(exc.field if exc.field in form.fields else None, exc.message)
    return _keys_page(request, project, status=400, form=form)


@never_cache
@project_form("annotator", "keys")
def rotate_key(request, project, pk):
    """Own keys only, of managers too: the new key acts as its person."""
    key = get_object_or_404(ApiKey.objects.filter(project=project, user=request.user), pk=pk)
    try:
        made = api_keys.rotate_api_key(key=key, actor=request.user)
    except DomainError as exc:
        messages.error(request, exc.message)
        return redirect("keys", project.slug)
    return _keys_page(request, project, new=snippets.NewKey(*made), rotated=True)


@project_form("annotator", "keys")
def revoke_key(request, project, pk):
    mine = Q() if request.role == Role.MANAGER else Q(user=request.user)
    api_keys.revoke_api_key(
        key=get_object_or_404(ApiKey.objects.select_related("project").filter(mine, project=project), pk=pk),
        actor=request.user,
    )
    messages.success(request, _("The key no longer works."))
    return redirect("keys", project.slug)
