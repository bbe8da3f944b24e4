"""The managers' page of models: what is connected, how it is doing, adding, changing, trying, removing."""

from django.conf import settings
from django.contrib import messages
from django.db import connection
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from core.access import project_form, project_page
from core.errors import DomainError
from inference import allowlist
from inference import endpoints as verbs
from inference.error_texts import sentence
from inference.forms import EndpointForm
from inference.models import Endpoint


def _of(project):
    return Endpoint.objects.filter(project=project).select_related("model_version")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@project_page("manager")
def endpoints(request, project):
    """The list, and the form that adds to it."""
    form = EndpointForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _save(request, project, form):
        return redirect("endpoints", project.slug)
    hosts = [{"name": host, "practice": host == settings.PRACTICE_ADDRESS} for host in allowlist.shown()]
    context = {"project": project, "rows": _of(project), "form": form, "hosts": hosts, "bound": form.is_bound}
    return render(request, "inference/endpoints.html", context, status=400 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@project_page("manager")
def endpoint(request, project, pk):
    """One endpoint's form."""
    found = get_object_or_404(_of(project), pk=pk)
    form = EndpointForm(request.POST or None, endpoint=found)
    if request.method == "POST" and form.is_valid() and _save(request, project, form, found.pk):
        return redirect("endpoints", project.slug)
    context = {"project": project, "endpoint": found, "form": form, "hosts": allowlist.shown()}
    return render(request, "inference/endpoint.html", context, status=400 if form.is_bound else 200)


@project_form("manager", "endpoints")
def endpoint_remove(request, project, pk):
    verbs.remove(endpoint=get_object_or_404(_of(project), pk=pk), actor=request.user)
    messages.success(request, _("Removed. What it answered stays."))
    return redirect("endpoints", project.slug)


@never_cache
@project_form("manager", "endpoint", "pk")
def endpoint_probe(request, project, pk):
    """Try it: a part of the page for htmx, a page of its own without."""
    found = get_object_or_404(_of(project), pk=pk)
    if connection.vendor != "sqlite" and not connection.in_atomic_block:
        connection.close()  # the model may take its time: no connection of the pool waits with us
    result = verbs.probe(found)
    context = {
        "project": project,
        "endpoint": found,
        "result": result,
        "sentence": "" if result["ok"] else sentence(result["code"]),
    }
    return render(request, "inference/_probe.html" if request.htmx else "inference/probe.html", context)


def _save(request, project, form, pk=None) -> bool:
    try:
        verbs.save(project=project, actor=request.user, pk=pk, **form.values())
    except DomainError as exc:
        form.add_error(exc.field if exc.field in form.fields else None, exc.message)
        return False
    messages.success(request, _("Saved."))
    return True
