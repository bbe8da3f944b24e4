"""The items of a project: list, one item, and what becomes of a hidden one."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotation import presentation
from annotation.bench.strings import names
from annotation.items import words
from annotation.items.filter import ItemFilter
from annotation.items.forms import FilterForm, TagsForm
from annotation.items.sentence import conditions
from annotation.models import Item
from annotation.projects import actions as projects
from annotation.promotion import end_user_feedback
from annotation.results import digest
from annotation.review.forms import CommentForm
from annotation.statistics import project as figures
from annotation.work import queue
from core.access import project_form, project_page
from core.errors import DomainError
from core.models import Role
from core.text import whole_number

PAGE = 50
MANY = 10_000  # counted so far, and no further


@require_safe
@project_page("reviewer")
def items(request, project):
    """The items that an ItemFilter means, in the order of their ids, a page at a time; where a number counts
    judgements or comparisons, how many of them each item has."""
    asked = ItemFilter.of_query(request.GET)
    manager = request.role == Role.MANAGER
    if asked.tells_models and not manager:
        raise PermissionDenied(_("Only managers may know which model gave which answer."))
    if not manager:
        asked = asked.but(hidden=False)
    if asked.reads_judgements:
        digest.catch_up(project, most=digest.AT_ONCE)
    complete = words.catch_up(project, most=words.AT_ONCE) if asked.q else True
    rows = asked.items(project, request.user)
    after = whole_number(request.GET.get("after"))
    page = rows.filter(pk__gt=after) if after else rows
    found = list(page.select_related("prompt").prefetch_related("tags").order_by("pk")[: PAGE + 1])
    counted = asked.counted(project)
    per_item = {}
    if counted is not None:
        on_page = counted.filter(item__in=[item.pk for item in found[:PAGE]])
        per_item = dict(on_page.values_list("item").annotate(n=Count("pk")).order_by())
    for item in found:
        item.excerpt = presentation.excerpt(item.prompt.messages)
        item.counted = per_item.get(item.pk, 0)
    context = {
        "project": project,
        "form": FilterForm(asked, project=project, manager=manager),
        "rows": found[:PAGE],
        "next": found[PAGE - 1].pk if len(found) > PAGE else None,
        "later": bool(after),
        "filtered": bool(asked.query()),
        "conditions": conditions(asked, project),
        "count": _bounded(rows) if asked.query() else None,
        "counted": None if counted is None else _bounded(counted),
        "comparing": asked.comparing,
        "complete": complete,
        "many": MANY,
        "is_manager": manager,
    }
    return render(request, "annotation/items.html", context)


def _bounded(rows) -> int:
    """How many, MANY + 1 for more than MANY: nobody waits for a count of all."""
    return rows.order_by()[: MANY + 1].count()


def _item(request, project, pk) -> Item:
    return get_object_or_404(
        Item.objects.visible_to(request.user).select_related("prompt", "project").filter(project=project),
        pk=pk,
    )


@require_safe
@project_page("reviewer")
def item(request, project, pk):
    found = _item(request, project, pk)
    shown = presentation.texts(found)
    is_manager = request.role == Role.MANAGER
    assignments = list(found.assignments.select_related("annotator").order_by("pk"))
    labels = names()
    reports = list(found.reports.select_related("reporter").order_by("-pk"))
    for report in reports:
        report.label = labels.get(report.reason, report.reason)
    judgements = (
        {judged.annotator_id: judged for judged in found.annotations.only("annotator_id", "state")}
        if assignments
        else {}
    )
    for assignment in assignments:
        judged = (
            judgements.get(assignment.annotator_id)
            if assignment.state == assignment.State.SUBMITTED
            else None
        )
        # what became of what was submitted: returned, accepted
        assignment.shown_state = (judged or assignment).get_state_display()
        assignment.skip_label = labels.get(assignment.skip_reason, assignment.skip_reason)
    context = {
        "project": project,
        "item": found,
        "shown": shown,
        "tags": ", ".join(found.tags.order_by("name").values_list("name", flat=True)),
        "reports": reports,
        "undecided": any(report.resolved_at is None for report in reports),
        "assignments": assignments,
        "said": end_user_feedback.to_reviewer(project, found, request.user, shown["order"]),
        "is_manager": is_manager,
        "origins": found.prompt.origins.select_related("batch").order_by("pk")[:20] if is_manager else [],
    }
    return render(request, "annotation/item.html", context)


@project_form("reviewer", "item", "pk")
def item_hide(request, project, pk):
    """ "Contains personal data": hidden from everyone at once; the managers decide."""
    form = CommentForm(request.POST)
    found = _item(request, project, pk)
    queue.report(
        user=request.user, item=found, comment=form.cleaned_data["comment"] if form.is_valid() else ""
    )
    figures.clear(project)
    found.refresh_from_db(fields=["hidden"])
    if found.hidden:
        messages.success(
            request, _("The item is hidden from everyone. A manager decides what happens to it.")
        )
    else:
        messages.success(
            request,
            _(
                "The managers have been told. Others still see the item, because many of your reports "
                "have not been decided yet."
            ),
        )
    return redirect("items", project.slug)


@project_form("manager", "item", "pk")
def item_decide(request, project, pk):
    """What becomes of a hidden item: `decision` restore or delete."""
    found = _item(request, project, pk)
    decision = request.POST.get("decision")
    if decision == "restore":
        queue.restore(user=request.user, item=found)
        figures.clear(project)
        messages.success(request, _("The item can be seen and worked on again."))
        return redirect("item", project.slug, pk)
    if decision == "delete":
        n = projects.delete_content(item=found, actor=request.user)
        figures.clear(project)
        messages.success(request, _("Prompt, answers and judgements were deleted (items: %(n)s).") % {"n": n})
        return redirect("items", project.slug)
    raise DomainError("invalid", _("There is no such decision."), field="decision")


@project_form("manager", "item", "pk")
def item_tags(request, project, pk):
    found, form = _item(request, project, pk), TagsForm(request.POST)
    if form.is_valid():
        projects.set_tags(
            item=found, actor=request.user, names=form.cleaned_data["tags"].replace("，", ",").split(",")
        )
        messages.success(request, _("Saved."))
    else:
        messages.error(request, form.errors["tags"][0])
    return redirect("item", project.slug, pk)
