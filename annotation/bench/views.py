"""The expert's pages: the bench, own work, and the keys kept with the person."""

from django.contrib.auth.decorators import login_required
from django.db.models import BooleanField, ExpressionWrapper, OuterRef, Q, Subquery
from django.http import JsonResponse
from django.shortcuts import render
from django.urls import get_script_prefix, reverse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST

from annotation import presentation
from annotation.bench import guidelines as bench_guidelines
from annotation.bench import strings
from annotation.models import Annotation, Annotator, Assignment, Review
from annotation.promotion import end_user_feedback
from annotation.statistics import progress
from core import scripts
from core.access import project_page
from core.api.parsers import strict_loads

MINE_PER_PAGE = 50
EXCERPT = 160


def _number(text) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 18 else None


@project_page("annotator")
@ensure_csrf_cookie
def bench(request, project):
    """The frame of the bench; the item comes by the API. `?assignment=ID` reopens own work."""
    settings = project.bench
    annotator = Annotator.objects.filter(project=project, user=request.user).first()
    user = request.user
    choices = strings.choices()
    config = {
        "user": {"id": user.pk, "username": user.username, "keys": user.keys or {}},
        "project": {"slug": project.slug, "kind": settings.kind, "ratings": settings.ratings != "none"},
        "urls": {
            "api": get_script_prefix() + "api/v1/",
            "login": reverse("login"),
            "keys": reverse("bench_keys"),
            "mine": reverse("mine", args=[project.slug]),
            "guidelines": reverse("bench_guidelines", args=[project.slug]),
            "guidelines_seen": reverse("guidelines_seen", args=[project.slug]),
        },
        "assignment": _number(request.GET.get("assignment")),
        "guideline": settings.guideline.number if settings.guideline_id else None,
        "progress": progress.for_annotator(project, annotator),
        "strings": scripts.strings() | strings.strings(),
        "answer_flags": choices["answer_flags"],
        "drop_reasons": choices["drop_reasons"],
        "labels": choices["labels"],
    }
    guidelines = bench_guidelines.panel(project, annotator, settings.guideline)
    # the project's returned ones are few, the person's own many
    own = Annotation.objects.filter(project=project, annotator=annotator)
    returned = own.filter(state="returned", item__hidden=False).count() if annotator else 0
    context = {
        "project": project,
        "config": config,
        "shared_modules": scripts.MODULES,
        "choices": choices,
        "guidelines": guidelines,
        "returned": returned,
    }
    return render(request, "annotation/bench.html", context)


@project_page("annotator")
def mine(request, project):
    """Own submitted work, what was returned first, then newest first, with its state and a reviewer's words;
    each row reopens it. `?state=` filters, `?before=` pages."""
    annotator = Annotator.objects.filter(project=project, user=request.user).first()
    rows = (
        Annotation.objects.filter(annotator=annotator, ruling=False).exclude(head=None)
        if annotator
        else Annotation.objects.none()
    )
    state = request.GET.get("state", "")
    if state in Annotation.State.values:
        rows = rows.filter(state=state)
    before = _number(request.GET.get("before"))
    if before:
        rows = rows.filter(pk__lt=before)
    returned = (
        Review.objects.filter(version__annotation=OuterRef("pk"), decision="return")
        .order_by("-pk")
        .values("comment")[:1]
    )
    held = Assignment.objects.filter(item=OuterRef("item"), annotator=OuterRef("annotator"))
    # Like the others a value of one row: what merely exists PostgreSQL may look up by reading all there is.
    unsent = held.values(unsent=ExpressionWrapper(Q(draft__isnull=False), BooleanField()))
    rows = (
        rows.select_related("item__prompt", "head")
        .annotate(
            return_comment=Subquery(returned),
            assignment_id=Subquery(held.values("pk")[:1]),
            unsent=Subquery(unsent[:1]),
        )
        .order_by("-pk")
    )
    first = []
    if not state:  # all: what waits for its author stands before the pages
        first = list(rows.filter(state="returned")[: MINE_PER_PAGE + 1]) if not before else []
        rows = rows.exclude(state="returned")
    more_returned = len(first) > MINE_PER_PAGE
    rows = list(rows[: MINE_PER_PAGE + 1])
    more = rows[MINE_PER_PAGE - 1].pk if len(rows) > MINE_PER_PAGE else None
    rows = first[:MINE_PER_PAGE] + rows[:MINE_PER_PAGE]
    said = end_user_feedback.of_items(project, [row.item for row in rows if not row.item.hidden])
    orders = dict(_orders(rows)) if said else {}
    for row in rows:
        row.said = end_user_feedback.lettered(
            said.get(row.item_id, []), orders.get(row.assignment_id, []), one=row.item.slot_count == 1
        )
        row.excerpt = "" if row.item.hidden else presentation.excerpt(row.item.prompt.messages, EXCERPT)
        row.open_to_change = row.state != "accepted" and row.item.state != "settled" and not row.item.hidden
    context = {
        "project": project,
        "rows": rows,
        "more": more,
        "more_returned": more_returned,
        "state": state,
        "states": Annotation.State.choices,
    }
    return render(request, "annotation/mine.html", context)


def _orders(rows) -> list[tuple[int, list]]:
    """(assignment id, the order its answers were shown in) of rows of own work."""
    return list(
        Assignment.objects.filter(
            pk__in=[row.assignment_id for row in rows if row.assignment_id]
        ).values_list("id", "order")
    )


@login_required
@require_POST
def bench_keys(request):
    """Keep the person's keys: `keys` = {"off": bool, "keys": {action: letter K–Z}} as JSON. What is not of
    that form is dropped."""
    try:
        given = strict_loads(request.POST.get("keys", "").encode())
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        return JsonResponse({"error": {"code": "invalid", "message": "keys"}}, status=400)
    known = {name.removeprefix("action_") for name in strings.actions()}
    keys = given.get("keys") if isinstance(given.get("keys"), dict) else {}
    keys = {
        a: k for a, k in keys.items() if a in known and isinstance(k, str) and len(k) == 1 and "K" <= k <= "Z"
    }
    request.user.keys = {"off": given.get("off") is True, "keys": keys}
    request.user.save(update_fields=["keys"])
    return JsonResponse(request.user.keys)
