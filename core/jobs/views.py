"""The page of one job: progress, stop, how it ended. Its partial polls itself while the job goes on."""

from django.http import Http404
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core import jobs
from core.access import project_form, project_page
from core.errors import Conflict
from core.models import Job


def _job_or_404(request, project, pk: int) -> Job:
    job = (
        Job.objects.visible_to(request.user)
        .select_related("project", "created_by")
        .filter(project=project, pk=pk)
        .first()
    )
    if job is None:
        raise Http404
    return job


@never_cache
@require_safe
@project_page("user")
def job_page(request, project, pk):
    """The page, or its moving part alone (`?part=page`; `?part` of another page that shows the job); when
    that shows the end, the page it sits in hears the event "job-ended"."""
    job = _job_or_404(request, project, pk)
    try:
        kind = jobs.kind_of(job.kind)
        label, result_url = (
            kind.label,
            kind.result_url(job) if kind.result_url is not None and job.state == Job.State.DONE else "",
        )
    except KeyError:
        label, result_url = job.kind, ""  # a kind of a later or earlier version
    if "part" in request.GET:
        return _part(
            request,
            job,
            {"own_page": True, "result_url": result_url} if request.GET["part"] == "page" else {},
        )
    return render(
        request, "core/job.html", {"project": project, "job": job, "label": label, "result_url": result_url}
    )


@project_form("user", "job", "pk")
def job_cancel(request, project, pk):
    job = _job_or_404(request, project, pk)
    try:
        jobs.cancel(job, request.user)
    except Conflict:
        job.refresh_from_db()  # it ended meanwhile; the part says how
    return _part(request, job) if request.htmx else redirect("job", project.slug, job.pk)


def _part(request, job: Job, more: dict | None = None):
    response = render(request, "core/_job.html", {"job": job} | (more or {}))
    if not job.active:
        response["HX-Trigger"] = "job-ended"
    return response
