"""The guidelines of a project: read by every annotator, written by managers, a new version each time."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from annotation.projects import actions as projects
from annotation.projects.forms import GuidelinesForm
from core.access import project_form, project_page
from core.models import Role
from core.rendering import markdown
from core.text import whole_number


@project_page("annotator")
def guidelines(request, project):
    """Read by every annotator, an older version by ?version=; written by managers, a new version each
    time."""
    bench = projects.bench_of(project)
    is_manager = request.role == Role.MANAGER
    if request.method == "POST":
        if not is_manager:
            raise PermissionDenied(_("Your role in this project does not allow this."))
        form = GuidelinesForm(request.POST)
        if form.is_valid():
            version = projects.save_guidelines(
                project=project, actor=request.user, text=form.cleaned_data["text"]
            )
            messages.success(request, _("Guideline version %(n)s is in force.") % {"n": version.number})
            return redirect("guidelines", project.slug)
    else:
        form = GuidelinesForm(initial={"text": bench.guideline.text if bench.guideline else ""})
    shown = bench.guideline
    wanted = whole_number(request.GET.get("version"))
    if wanted is not None:
        shown = project.guidelines.filter(number=wanted).first() or shown
    context = {
        "project": project,
        "shown": shown,
        "in_force": bench.guideline,
        "form": form if is_manager else None,
        "versions": project.guidelines.defer("text").order_by("-number")[:50],
        "editing": is_manager and ("edit" in request.GET or request.method == "POST"),
    }
    return render(request, "annotation/guidelines.html", context, status=400 if form.errors else 200)


@project_form("manager", "guidelines")
def guidelines_preview(request, project):
    form = GuidelinesForm(request.POST)
    return HttpResponse(markdown.render(form.cleaned_data["text"]) if form.is_valid() else "")
