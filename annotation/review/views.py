"""Review: what was submitted, one item with its annotators side by side, and the decisions on it."""

from django.contrib import messages
from django.db import transaction
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotation import presentation
from annotation.bench import payload
from annotation.document import CORRECTIONS, Judgement
from annotation.models import Annotation, AnnotationVersion, Item, ItemTag, Review
from annotation.promotion import end_user_feedback
from annotation.review.forms import CommentForm, ReviewFilter
from annotation.statistics import project as figures
from annotation.statistics.project import LOW_AGREEMENT
from annotation.work import review
from core import events
from core.access import project_form, project_page
from core.errors import Conflict, DomainError
from core.models import Role

PAGE = 50


@require_safe
@project_page("reviewer")
def review_list(request, project):
    """Submitted annotations of others, newest first."""
    form = ReviewFilter(request.GET)
    asked = form.cleaned_data if form.is_valid() else {}
    state = asked.get("state") or Annotation.State.SUBMITTED
    rows = Annotation.objects.reviewable_by(request.user).filter(project=project)
    rows = rows.exclude(state=Annotation.State.WITHDRAWN) if state == "all" else rows.filter(state=state)
    if asked.get("annotator"):
        rows = rows.filter(annotator__pseudonym=asked["annotator"].strip())
    if asked.get("corrections"):
        rows = rows.filter(head__document__has_key=CORRECTIONS)
    if asked.get("low"):
        rows = rows.filter(item__agreement__lt=LOW_AGREEMENT)
    if asked.get("tag"):
        rows = rows.filter(item__in=ItemTag.objects.filter(name=asked["tag"]).values("item"))
    if asked.get("before"):
        rows = rows.filter(pk__lt=asked["before"])
    found = list(
        rows.select_related("item__prompt", "item__project", "annotator", "head").order_by("-pk")[: PAGE + 1]
    )
    for row in found:
        row.excerpt = presentation.excerpt(row.item.prompt.messages, 110)
        row.summary = _summary(row)
    context = {
        "project": project,
        "form": form,
        "state": state,
        "states": ReviewFilter.STATES,
        "rows": found[:PAGE],
        "next": found[PAGE - 1].pk if len(found) > PAGE else None,
        "later": bool(asked.get("before")),
        "low": LOW_AGREEMENT,
        "filtered": any(asked.get(name) for name in ("annotator", "corrections", "low", "tag")),
    }
    return render(request, "annotation/review.html", context)


def _summary(row) -> dict:
    """What the list says of a judgement, without rendering any text."""
    stored = Judgement(row.head.document if row.head else {})
    said = stored.by_letters(payload.review_order(row.item)) if row.head else stored
    return {
        "sentence": presentation.sentence(said),
        "verdict": presentation.VERDICTS.get(said.verdict() or "", ""),
        "none_acceptable": said.acceptable() == 0,
        "corrections": len(said.corrections()),
        "comment": bool(said.comment()),
    }


def _item(request, project, pk) -> Item:
    return get_object_or_404(
        Item.objects.visible_to(request.user).select_related("prompt", "project").filter(project=project),
        pk=pk,
    )


def _item_page(request, project, item, *, reveal=False, status=200, error="", error_for=None):
    shown = presentation.texts(item)
    rows = list(
        item.annotations.select_related("annotator__user", "head__criteria", "head__guideline")
        .exclude(head=None)
        .order_by("pk")
    )
    reviews: dict[int, list] = {}
    for row in (
        Review.objects.filter(version__annotation__in=rows)
        .select_related("version", "reviewer")
        .order_by("pk")
    ):
        reviews.setdefault(row.version.annotation_id, []).append(row)
    settled = review.settlement_of(item)
    for row in rows:
        row.judgement = presentation.judgement(
            Judgement(row.head.document), item, shown, row.head.criteria.criteria if row.head.criteria else []
        )
        row.letters = presentation.letters_meant(Judgement(row.head.document), row.head.order, shown)
        row.own = row.annotator.user_id == request.user.pk
        row.reviews = reviews.get(row.pk, [])
        row.in_force = settled is not None and settled.version_id == row.head_id
        row.decidable = (
            not row.own
            and row.state in (Annotation.State.SUBMITTED, Annotation.State.ACCEPTED)
            and not item.hidden
        )
        row.returnable = row.decidable and row.annotator.user_id is not None and not row.in_force
        row.error = error if error_for == row.pk else ""
        row.name = (
            (row.annotator.user.shown_name if row.annotator.user else row.annotator.name) if reveal else ""
        )
    own_settled = settled is not None and settled.version.annotation_id in {row.pk for row in rows if row.own}
    context = {
        "project": project,
        "item": item,
        "shown": shown,
        "said": end_user_feedback.to_reviewer(project, item, request.user, shown["order"]),
        "rows": rows,
        "settled": settled,
        "may_unsettle": settled is not None and not own_settled,
        "reveal": reveal,
        "is_manager": request.role == Role.MANAGER,
        "error": error if error_for is None else "",
        "low": item.agreement is not None and item.agreement < LOW_AGREEMENT,
    }
    return render(request, "annotation/review_item.html", context, status=status)


@require_safe
@project_page("reviewer")
def review_item(request, project, pk):
    return _item_page(request, project, _item(request, project, pk))


@never_cache
@project_form("manager", "review_item", "pk")
def reveal(request, project, pk):
    """The page once more with the names of people and models; that it was asked for is kept."""
    item = _item(request, project, pk)
    with transaction.atomic():
        events.append(project=project, actor=request.user, verb="reveal", target=item)
    return _item_page(request, project, item, reveal=True)


def _decided(request, project, item, said: str):
    """On to the next work to review: of this item first, then the newest elsewhere."""
    figures.clear(project)
    messages.success(request, said)
    waiting = Annotation.objects.reviewable_by(request.user).filter(
        project=project, state=Annotation.State.SUBMITTED
    )
    if waiting.filter(item=item).exists():
        return redirect("review_item", project.slug, item.pk)
    if "next" in request.POST:
        following = (
            waiting.exclude(item__state=Item.State.SETTLED)
            .order_by("-pk")
            .values_list("item_id", flat=True)
            .first()
        )
        return (
            redirect("review_item", project.slug, following)
            if following
            else redirect("review", project.slug)
        )
    return redirect(reverse("review_item", args=[project.slug, item.pk]))


def _annotation(request, project, pk, annotation_pk):
    """The item and one of its annotations. Own work is found too: the verb refuses it with its reason."""
    item = _item(request, project, pk)
    return item, get_object_or_404(item.annotations.select_related("annotator", "head"), pk=annotation_pk)


def _comment(request) -> str:
    form = CommentForm(request.POST)
    return form.cleaned_data["comment"] if form.is_valid() else ""


@project_form("reviewer", "review_item", "pk")
def accept(request, project, pk, annotation_pk):
    item, annotation = _annotation(request, project, pk, annotation_pk)
    try:
        if request.POST.get("version", "") not in ("", str(annotation.head_id)):
            raise Conflict("changed", _("This work has changed since you opened it. Read it again."))
        review.accept(annotation=annotation, reviewer=request.user)
    except DomainError as exc:
        return _item_page(
            request, project, item, status=exc.status, error=exc.message, error_for=annotation.pk
        )
    return _decided(request, project, item, _("Accepted."))


@project_form("reviewer", "review_item", "pk")
def return_(request, project, pk, annotation_pk):
    item, annotation = _annotation(request, project, pk, annotation_pk)
    try:
        review.return_(annotation=annotation, reviewer=request.user, comment=_comment(request))
    except DomainError as exc:
        return _item_page(
            request, project, item, status=exc.status, error=exc.message, error_for=annotation.pk
        )
    return _decided(request, project, item, _("Returned to its author with your comment."))


@project_form("reviewer", "review_item", "pk")
def settle(request, project, pk):
    """Choose one version as the item's result."""
    item = _item(request, project, pk)
    chosen = request.POST.get("version", "")
    versions = AnnotationVersion.objects.select_related("annotation").filter(annotation__item=item)
    version = get_object_or_404(versions, pk=int(chosen) if chosen.isdecimal() and len(chosen) < 19 else 0)
    try:
        review.settle(item=item, version=version, reviewer=request.user, comment=_comment(request))
    except DomainError as exc:
        return _item_page(
            request, project, item, status=exc.status, error=exc.message, error_for=version.annotation_id
        )
    return _decided(request, project, item, _("Settled."))


@project_form("reviewer", "review_item", "pk")
def unsettle(request, project, pk):
    item = _item(request, project, pk)
    try:
        review.unsettle(item=item, reviewer=request.user, comment=_comment(request))
    except DomainError as exc:
        return _item_page(request, project, item, status=exc.status, error=exc.message)
    messages.success(request, _("The settlement is withdrawn."))
    return redirect("review_item", project.slug, item.pk)
