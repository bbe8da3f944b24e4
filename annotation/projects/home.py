"""What each project says of itself on a person's list of projects: how far, what came back to them, the way
in."""

from django.db.models import Count, Exists, OuterRef
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from annotation.models import Annotation, Annotator, BenchSettings, Item
from annotation.statistics import daily, progress
from core.access import role_in
from core.links import url_or_blank
from core.models import Project, Role
from feedback.models import ChatSettings


def home_panel(request, project):
    """On the person's list of projects: how far, what came back to them, and the way to the bench; for end
    users the way to the chat. All projects in three queries, one more for end users and for reviewers."""
    if not hasattr(request, "home_figures"):
        request.home_figures = _home_figures(request)
    known, own, kinds, chats, reviews = request.home_figures
    mine, returned = own.get(project.pk, (0, 0))
    role = {p.pk: r for p, r in getattr(request, "home_projects", [])}.get(project.pk) or role_in(
        request.user, project
    )
    if role == Role.USER:
        chat_url = url_or_blank("chat", project.slug) if project.pk in chats else ""
        return render_to_string(
            "annotation/_home_project.html", {"role": role, "chat_url": chat_url}, request=request
        )
    context = {
        "project": project,
        "known": known.get(project.pk),
        "mine": mine,
        "returned": returned,
        "kind": kinds.get(project.pk),
        "role": role,
        "bench_url": url_or_blank("bench", project.slug) if role != Role.USER else "",
        "mine_url": url_or_blank("mine", project.slug),
        "review_url": url_or_blank("review", project.slug) if project.pk in reviews else "",
        "leads": role in (Role.REVIEWER, Role.MANAGER),
    }
    return render_to_string("annotation/_home_project.html", context, request=request)


def _home_figures(request):
    all_projects = [p for p, _role in request.home_projects]
    used = [p for p, role in request.home_projects if role == Role.USER]
    chats = (
        set(ChatSettings.objects.filter(project__in=used, enabled=True).values_list("project", flat=True))
        if used
        else set()
    )
    people = {
        a.pk: a.project_id for a in Annotator.objects.filter(user=request.user, project__in=all_projects)
    }
    # The days' sums and what was returned, not all that the person has ever done.
    done = daily.submitted_by(people)
    # Each annotator is named: of those joined PostgreSQL may read all they have.
    returned = Annotation.objects.filter(
        annotator__in=list(people), state=Annotation.State.RETURNED, item__hidden=False
    )
    back = dict(returned.values_list("annotator").annotate(n=Count("pk")).order_by())
    counts = {project: (done.get(pk, 0), back.get(pk, 0)) for pk, project in people.items()}
    kinds = {
        b.project_id: b.get_kind_display()
        for b in BenchSettings.objects.filter(project__in=all_projects).only("project_id", "kind")
    }
    return progress.of_projects(all_projects), counts, kinds, chats, _to_review(request)


def _to_review(request) -> set[int]:
    """The projects in which people's work waits for this person as a reviewer; no query for who is none."""
    reviewed = [p.pk for p, role in request.home_projects if role == Role.REVIEWER]
    if not reviewed:
        return set()
    waiting = (
        Annotation.objects.exclude(annotator__user=request.user)
        .exclude(item__state=Item.State.SETTLED)
        .filter(project=OuterRef("pk"), state=Annotation.State.SUBMITTED, item__hidden=False, ruling=False)
        .filter(annotator__source=Annotator.Source.PERSON)
    )
    return set(Project.objects.filter(Exists(waiting), pk__in=reviewed).values_list("pk", flat=True))


def home_action(request, project):
    """The button that makes a project, on the list of projects."""
    return format_html('<a class="button primary" href="{}">{}</a>', reverse("project_new"), _("New project"))
