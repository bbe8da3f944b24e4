"""The lead's overview: how far, how well people agree, what needs somebody now."""

from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotation.items.filter import ItemFilter
from annotation.models import Item
from annotation.projects import actions as projects
from annotation.projects import checklist
from annotation.review import worklist
from annotation.statistics import agreement, kept, progress, speed
from annotation.statistics import project as figures
from core import jobs, local_time
from core.access import entry_url, project_page
from core.links import url_or_blank
from core.models import Role
from core.rendering import charts


def _kind_label(kind: str):
    try:
        return jobs.kind_of(kind).label
    except KeyError:
        return kind


def _marks(project, labels, days, series, who: str = "") -> list[charts.Mark]:
    """A point a day, each with the list of what was submitted that day."""
    return [
        charts.Mark(
            label,
            n,
            ItemFilter(annotator=who, did="submitted", start=day, end=day).url(project) if n else "",
        )
        for label, day, n in zip(labels, days, series, strict=True)
    ]


def _to(project) -> dict[str, str]:
    """{count on the overview: the list of the items it counts}."""
    shown = ItemFilter(shown=True)
    asked = {
        "done": shown.but(state="finished"),
        "items": shown.but(state="live"),
        "waiting": shown.but(state=Item.State.WAITING),
        "disputes": shown.but(state="unsettled", agreed_below=figures.LOW_AGREEMENT),
        "to_decide": ItemFilter(hidden=True),
    }
    return {name: one.url(project) for name, one in asked.items()}


@require_safe
@project_page("user")
def project(request, project):
    """The lead's five seconds: how far, how well people agree, what needs somebody now. Annotators go to
    their own first page."""
    if request.role not in (Role.REVIEWER, Role.MANAGER):
        target = entry_url(project, request.role)
        if target == reverse("home"):
            raise PermissionDenied(_("Your role in this project does not allow this."))
        return redirect(target)
    known = progress.of_projects([project], new=True)[project.pk]
    bench = projects.bench_of(project)
    throughput = figures.daily(project)
    today = local_time.today(project)
    review = reverse("review", args=[project.slug])
    # the last day is not over: its low point is no fall
    labels = [
        _("today") if day == today else date_format(day, "MONTH_DAY_FORMAT") for day in throughput["days"]
    ]
    people_charts = [
        {
            "name": name,
            "sum": total,
            "url": f"{review}?state=all&annotator={name}",
            "chart": charts.line(
                _("Submitted per day: %(name)s") % {"name": name},
                _marks(project, labels, throughput["days"], series, name),
                height=84,
            ),
        }
        for _pk, name, series, total in throughput["people"][:8]
    ]
    # items, as the desk behind these two numbers lists them
    desk = worklist.Worklist(project, request.user, {}).counts()
    todo = figures.attention(project) | desk
    for job in todo["failed_jobs"]:
        job.url, job.label = url_or_blank("job", project.slug, job.pk), _kind_label(job.kind)
    context = {
        "project": project,
        "known": known,
        "pace": figures.pace(known, throughput["total"], today),
        "todo": todo,
        "to": _to(project),
        "hasty": len(speed.hasty(project)) if request.role == Role.MANAGER else 0,
        "most": worklist.MOST_COUNTED,
        "nothing_to_do": not any(
            todo[k] for k in ("disputes", "to_decide", "waiting", "submitted", "returned", "failed_jobs")
        ),
        "chart": charts.line(
            _("Submitted per day"),
            _marks(project, labels, throughput["days"], throughput["total"]),
            height=140,
        )
        if any(throughput["total"])
        else "",
        "people": people_charts,
        "more_people": max(0, len(throughput["people"]) - 8),
        "bench": bench,
        "steps": checklist.steps(request, project, bench),
        "is_manager": request.role == Role.MANAGER,
    }
    return render(request, "annotation/project.html", context)


@require_safe
@project_page("reviewer")
def project_agreement(request, project):
    """Fragment: agreement with its interval and where it is worst. Apart, because a bootstrap takes longer
    than the page should."""
    known = kept.figures(
        f"agreement-{project.pk}",
        lambda: agreement.project_agreement(project) | {"worst": figures.worst(project)},
        seconds=60,
    )
    compared = ItemFilter(shown=True, state="unsettled", agreed_from=-1)
    context = {
        "project": project,
        "agreement": known,
        # the newest alone are compared where there are very many: then no list would be of just these
        "to_items": ItemFilter(agreed_from=-1).url(project) if known["items"] < agreement.NEWEST else "",
        "tags": [(*row, compared.but(tag=row[0]).url(project)) for row in known["worst"]["tags"]],
    }
    return render(request, "annotation/_agreement.html", context)
