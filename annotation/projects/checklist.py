"""What a manager has still to do before a new project yields training data, each step with its way there. A
step that is done is gone, and with the last of them the list."""

from django.db.models import Exists
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from annotation.models import Annotation, Annotator, BenchSettings, Item
from annotation.projects import actions
from annotation.statistics import progress
from core import registry
from core.access import project_form
from core.models import Invite, Member, Project, Role

UNDER_WAY = 10  # items done, from which on nobody needs to try one first


def steps(request, project, bench: BenchSettings | None = None) -> list[SafeString]:
    """The open steps as list items, in their order; none for a list that was put away and for people who
    manage nothing here. `bench`: the project's, if it is known already. One query, and one for each room
    that has a step of its own."""
    if request.role != Role.MANAGER:
        return []
    bench = bench or actions.bench_of(project)
    if bench.checklist_closed:
        return []
    request.known = _known(request, project, bench)
    found = (panel.render(request, project) for panel in registry.panels("project.steps"))
    return [step for step in found if step]


def _known(request, project, bench: BenchSettings) -> dict:
    """What is done already; each question stops at the first row."""
    judged = Annotation.objects.filter(
        project=project, annotator__source=Annotator.Source.PERSON, ruling=False
    )
    own = judged.filter(annotator__user=request.user)
    others = judged.exclude(annotator__user=request.user)
    experts = Member.objects.filter(project=project, role__in=[Role.ANNOTATOR, Role.REVIEWER])
    invited = Invite.objects.filter(
        project=project, revoked=False, uses_left__gt=0, expires_at__gt=timezone.now()
    )
    done = Item.objects.filter(project=project, state__in=[Item.State.DONE, Item.State.SETTLED])
    rows = Project.objects.filter(pk=project.pk)
    known = rows.values(
        people=Exists(experts) | Exists(invited),
        tried=Exists(own),
        started=Exists(others),
        under_way=Exists(done[UNDER_WAY - 1 : UNDER_WAY]),
    ).get()
    return known | {"guidelines": bool(bench.guideline and bench.guideline.text.strip())}


def step(url: str, label: str, hint: str) -> SafeString:
    """One step: a link and why."""
    return format_html('<li><a href="{}">{}</a> <span class="soft">{}</span></li>', url, label, hint)


def bring_in(request, project) -> str:
    known = progress.of_projects([project], new=True)[project.pk]
    if known["items"] or known["waiting"]:
        return ""
    return step(
        reverse("import", args=[project.slug]),
        _("Import a file"),
        _("questions with their answers; a template shows the columns"),
    )


def guidelines(request, project) -> str:
    if request.known["guidelines"]:
        return ""
    return step(
        reverse("guidelines", args=[project.slug]) + "?edit",
        _("Write guidelines"),
        _("what makes an answer good here; annotators see them first"),
    )


def people(request, project) -> str:
    if request.known["people"]:
        return ""
    return step(
        reverse("members", args=[project.slug]),
        _("Invite annotators"),
        _("by a link, or by making accounts"),
    )


def try_one(request, project) -> str:
    if request.known["tried"] or request.known["under_way"]:
        return ""
    return step(
        reverse("bench", args=[project.slug]),
        _("Judge one item yourself"),
        _("you see what annotators see; it counts like any other and can be taken back"),
    )


def start(request, project) -> str:
    if request.known["started"]:
        return ""
    url = reverse("bench", args=[project.slug])
    return step(
        url,
        _("Tell your annotators to start"),
        _("they sign in and open %(address)s") % {"address": request.build_absolute_uri(url)},
    )


@project_form("manager", "project")
def close(request, project):
    """Put the list away for good."""
    BenchSettings.objects.filter(project=project).update(checklist_closed=True)
    return redirect("project", project.slug)
