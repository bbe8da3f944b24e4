"""Making a project: a new one, or the copy of another."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from annotation.projects import actions as projects
from annotation.projects.forms import CloneForm, NewProjectForm
from core import local_time
from core.access import project_page, signed_in
from core.accounts import actions as people
from core.accounts.member_views import members_page
from core.errors import DomainError


@signed_in
@never_cache
def new_project(request):
    if not projects.may_create(request.user):
        raise PermissionDenied(_("Only managers of a project and administrators can create projects."))
    form = NewProjectForm(request.POST or None, initial={"kind": "ranking"})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made, added = _create(request.user, form)
        except DomainError as exc:
            form.add_error(exc.field if exc.field in form.fields else None, exc.message)
        else:
            messages.success(
                request,
                _("%(title)s is ready. Next: import a file of prompts and answers.")
                % {"title": data["title"]},
            )
            if added:
                request.project, request.role = made, "manager"
                return members_page(request, made, added=added)
            return redirect("project", made.slug)
    context = {"form": form, "time_zones": local_time.names()}
    return render(request, "annotation/new_project.html", context, status=400 if form.errors else 200)


def _create(user, form):
    data = form.cleaned_data
    names, text = data["names"].splitlines(), data["guidelines"].replace("\r\n", "\n")
    with transaction.atomic():
        made = projects.create(
            actor=user,
            slug=data["slug"] or projects.free_slug(data["title"]),
            title=data["title"],
            description=data["description"],
            guidelines=text,
            time_zone=local_time.default_name(data["time_zone"]),
            **form.bench(),
        )
        added = (
            people.add_people(project=made, names=names, role="annotator", actor=user)
            if any(n.strip() for n in names)
            else []
        )
    return made, added


@project_page("manager")
def clone(request, project):
    form = CloneForm(
        request.POST or None,
        initial={
            "title": _("%(title)s (copy)") % {"title": project.title},
            "slug": f"{project.slug[:55]}-2",
            "members": True,
        },
    )
    if request.method == "POST" and form.is_valid():
        try:
            made = projects.clone(source=project, actor=request.user, **form.cleaned_data)
            messages.success(request, _("The copy is ready: settings, criteria and guidelines, no data."))
            return redirect("project", made.slug)
        except DomainError as exc:
            form.add_error(exc.field if exc.field in form.fields else None, exc.message)
    return render(
        request,
        "annotation/clone.html",
        {"project": project, "form": form},
        status=400 if form.errors else 200,
    )
