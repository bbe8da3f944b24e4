"""The settings of a project's bench, and its criteria."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from annotation.projects import actions as projects
from annotation.projects.forms import CriteriaFormSet, SettingsForm
from core import local_time
from core.access import project_form, project_page
from core.errors import DomainError


@project_page("manager")
def settings(request, project):
    bench = projects.bench_of(project)
    form = SettingsForm(request.POST or None, initial=_initial(project, bench))
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            projects.change(
                project=project,
                actor=request.user,
                title=data["title"],
                description=data["description"],
                archived=data["archived"],
                time_zone=data["time_zone"],
                **form.bench(),
            )
            messages.success(request, _("Saved."))
            return redirect("project_settings", project.slug)
        except DomainError as exc:
            form.add_error(exc.field if exc.field in form.fields else None, exc.message)
    return _settings_page(request, project, bench, form, _criteria_rows(bench))


def _initial(project, bench) -> dict:
    same = ("kind", "overlap", "ratings", "ratings_share", "pay_per_item")
    return {
        "title": project.title,
        "description": project.description,
        "archived": project.archived,
        "time_zone": project.time_zone,
        "lease_minutes": round(bench.lease_seconds / 60),
        **{name: getattr(bench, name) for name in same},
    }


def _criteria_rows(bench, data=None):
    # What is posted stands for itself: a row equal to its initial value would count as untouched, and be
    # lost.
    initial = bench.criteria.criteria if bench.criteria and data is None else []
    return CriteriaFormSet(data, initial=initial, prefix="criteria")


def _settings_page(request, project, bench, form, rows, criteria_error=""):
    context = {
        "project": project,
        "bench": bench,
        "form": form,
        "rows": rows,
        "criteria_error": criteria_error,
        "time_zones": local_time.names(),
        "criteria_versions": project.criteria_versions.order_by("-number")[:20],
    }
    failed = bool(form.errors or criteria_error)
    return render(request, "annotation/settings.html", context, status=400 if failed else 200)


@project_form("manager", "project_settings")
def criteria(request, project):
    bench = projects.bench_of(project)
    rows = _criteria_rows(bench, request.POST)
    error = ""
    if rows.is_valid():
        try:
            version = projects.save_criteria(
                project=project, actor=request.user, criteria=[row.cleaned_data for row in rows]
            )
            messages.success(request, _("Criteria version %(n)s is in force.") % {"n": version.number})
            return redirect("project_settings", project.slug)
        except DomainError as exc:
            error = exc.message
    else:
        error = _("The criteria could not be read.")
    return _settings_page(
        request, project, bench, SettingsForm(initial=_initial(project, bench)), rows, error
    )
