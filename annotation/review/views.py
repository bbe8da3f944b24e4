"""Review: what was submitted, one item with its annotators side by side, and the decisions on it."""

from django.contrib import messages
from django.db import transaction
from django.db.models import Q
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect

from annotation import presentation
from annotation.bench import payload, strings
from annotation.document import Judgement
from annotation.models import Annotation, AnnotationVersion, Item, Review
from annotation.promotion import end_user_feedback
from annotation.results import digest
from annotation.review import own_judgement
from annotation.review.forms import FLAGS, STATES, AgreeingForm, CommentForm, ReviewFilter, RulingForm
from annotation.review.worklist import MOST_COUNTED, Worklist
from annotation.statistics import project as figures
from annotation.statistics.project import LOW_AGREEMENT
from annotation.work import review, ruling
from core import events
from core.access import project_form, project_page
from core.errors import Conflict, DomainError
from core.models import Role
from core.text import whole_number

PAGE = 50
MOST_TOGETHER = 500  # judgements that are accepted in one go
RULING = -1


def _worklist(request, project) -> Worklist:
    """The list that the address asks for."""
    return Worklist(project, request.user, ReviewFilter(request.GET).asked())


@require_safe
@project_page("reviewer")
def review_list(request, project):
    """One item a row, those where annotators agree least first; never one's own work."""
    digest.catch_up(project, most=digest.AT_ONCE)
    worklist = _worklist(request, project)
    items = worklist.items
    at = _cursor(request.GET.get("at", ""))
    if at is not None:
        items = items.filter(Q(key__gt=at[0]) | Q(key=at[0], pk__gt=at[1]), key__gte=at[0])
    found = list(items.select_related("prompt", "project")[: PAGE + 1])
    rows = found[:PAGE]
    judged = (
        Annotation.objects.reviewable_by(request.user)
        .filter(item__in=rows, ruling=False)
        .exclude(state=Annotation.State.WITHDRAWN)
        .exclude(head=None)
        .select_related("annotator", "head")
        .order_by("pk")
    )
    of_item: dict[int, list] = {}
    for row in judged:
        of_item.setdefault(row.item_id, []).append(row)
    for item in rows:
        item.excerpt = presentation.excerpt(item.prompt.messages, 110)
        item.judgements = of_item.get(item.pk, [])
        flags: set[str] = set()
        for row in item.judgements:
            row.summary = _summary(row, item)
            flags |= set(row.summary["flags"])
        item.flags = [(name, FLAGS[name]) for name in FLAGS if name in flags]
    waiting = worklist.state == Annotation.State.SUBMITTED
    context = {
        "project": project,
        "form": ReviewFilter(request.GET),
        "worklist": worklist,
        "states": _states(worklist),
        "flags": _flags(worklist) if waiting else [],
        "rows": rows,
        "next": f"{rows[-1].key!r}_{rows[-1].pk}" if len(found) > PAGE else None,
        "later": at is not None,
        "low": LOW_AGREEMENT,
        "filtered": bool(worklist.asked.keys() - {"state"}),
        "may_bulk": waiting and any(row.agreement is not None for row in rows),
    }
    return render(request, "annotation/review.html", context)


def _cursor(text: str) -> tuple[float, int] | None:
    """(agreement, item id) of the last row of the page before."""
    key, _underscore, pk = text.rpartition("_")
    try:
        at = float(key), int(pk)
    except ValueError:
        return None
    return at if abs(at[0]) <= 2 and 0 <= at[1] < 2**62 else None


def _counted(n: int) -> str:
    return f"{MOST_COUNTED}+" if n > MOST_COUNTED else str(n)


def _states(worklist: Worklist) -> list[tuple]:
    """(state, its name, how many items or "", whether it is shown)."""
    counts = worklist.counts()
    return [
        (state, label, _counted(counts[state]) if state in counts else "", state == worklist.state)
        for state, label in STATES.items()
    ]


def _flags(worklist: Worklist) -> list[tuple]:
    """(flag, its name, how many items, whether it is asked for) of those that some item carries."""
    return [
        (flag, FLAGS[flag], _counted(n), worklist.asked.get("flag") == flag)
        for flag, n in worklist.flag_counts().items()
        if n
    ]


def _summary(row, item) -> dict:
    """What the list says of a judgement, without rendering any text."""
    said = Judgement(row.head.document).by_letters(payload.review_order(item))
    return {
        "sentence": presentation.sentence(said),
        "verdict": presentation.VERDICTS.get(said.verdict() or "", ""),
        "none_acceptable": said.acceptable() == 0,
        "corrections": len(said.corrections()),
        "comment": bool(said.comment()),
        "flags": said.flags(),
    }


def _item(request, project, pk) -> Item:
    return get_object_or_404(
        Item.objects.visible_to(request.user).select_related("prompt", "project").filter(project=project),
        pk=pk,
    )


def _item_page(request, project, item, *, reveal=False, status=200, error="", error_for=None):
    """The desk with one item on it. `error_for`: what `error` is about, a judgement's id or RULING."""
    worklist = _worklist(request, project)
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
            and not row.ruling
        )
        row.returnable = row.decidable and row.annotator.user_id is not None and not row.in_force
        row.error = error if error_for == row.pk else ""
        row.name = (
            (row.annotator.user.shown_name if row.annotator.user else row.annotator.name) if reveal else ""
        )
    rows = [row for row in rows if not row.ruling or row.in_force]
    own_settled = settled is not None and settled.version.annotation_id in {
        row.pk for row in rows if row.own and not (row.ruling and settled.decided_by_id == request.user.pk)
    }
    own_work = any(row.own and not row.ruling for row in rows)
    may_rule = settled is None and not item.hidden and not own_work
    to_accept = [row for row in rows if row.decidable and row.state == Annotation.State.SUBMITTED]
    context = {
        "project": project,
        "item": item,
        "shown": shown,
        "said": end_user_feedback.to_reviewer(project, item, request.user, shown["order"]),
        "rows": rows,
        "settled": settled,
        "may_unsettle": settled is not None and not own_settled,
        "worklist": worklist,
        "query": f"?{worklist.query}" if worklist.query else "",
        "next": worklist.next(item),
        "previous": worklist.previous(item),
        "left": _counted(worklist.count_with(state=Annotation.State.SUBMITTED)),
        "to_accept": to_accept,
        "may_rule": may_rule,
        "ruling_error": error if error_for == RULING and may_rule else "",
        "ruling": request.POST if error_for == RULING else {},
        "drop_reasons": strings.choices()["drop_reasons"],
        "reveal": reveal,
        "is_manager": request.role == Role.MANAGER,
        "error": error if error_for is None or (error_for == RULING and not may_rule) else "",
        "low": item.agreement is not None and item.agreement < LOW_AGREEMENT,
    }
    # the script puts only what was answered with 200 in place
    return render(request, "annotation/review_item.html", context, status=200 if request.htmx else status)


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


def _to_item(request, project, pk):
    """The desk with item `pk` on it, on the list it was opened from."""
    query = _worklist(request, project).query
    return redirect(reverse("review_item", args=[project.slug, pk]) + (f"?{query}" if query else ""))


def _decided(request, project, item, said: str):
    """On to the next work to review: of this item first, then the next item of the list."""
    figures.clear(project)
    messages.success(request, said)
    waiting = Annotation.objects.reviewable_by(request.user).filter(
        item=item, state=Annotation.State.SUBMITTED
    )
    settled = Item.objects.filter(pk=item.pk, state=Item.State.SETTLED).exists()
    if "next" not in request.POST or (not settled and waiting.exists()):
        return _to_item(request, project, item.pk)
    worklist = _worklist(request, project)
    following = worklist.next(item)
    if following:
        return _to_item(request, project, following)
    url = reverse("review", args=[project.slug]) + (f"?{worklist.query}" if worklist.query else "")
    # the list is a page of its own, and not put in the place of the desk
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)


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
def accept_item(request, project, pk):
    """Accept every judgement of the item that was seen and is to be reviewed."""
    item = _item(request, project, pk)
    given = request.POST.get("versions", "").split(",")
    seen = {pk for part in given if (pk := whole_number(part)) is not None}
    waiting = Annotation.objects.reviewable_by(request.user).filter(
        item=item, state=Annotation.State.SUBMITTED
    )
    n = review.accept_all(annotations=waiting.filter(head__in=seen), reviewer=request.user)
    if not n:
        error = _("This work has changed since you opened it. Read it again.")
        return _item_page(request, project, item, status=409, error=error)
    return _decided(request, project, item, _accepted(n))


def _accepted(n: int) -> str:
    return ngettext("%(n)s judgement accepted.", "%(n)s judgements accepted.", n) % {"n": n}


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
    chosen = whole_number(request.POST.get("version"))
    versions = AnnotationVersion.objects.select_related("annotation").filter(annotation__item=item)
    version = get_object_or_404(versions, pk=chosen)
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
    return _to_item(request, project, item.pk)


@project_form("reviewer", "review_item", "pk")
def rule(request, project, pk):
    """Settle the item with a judgement of one's own."""
    item = _item(request, project, pk)
    form = RulingForm(request.POST)
    try:
        if not form.is_valid():
            raise DomainError("invalid", next(iter(form.errors.values()))[0])
        given = own_judgement.of_form(item, form.cleaned_data)
        ruling.rule(
            item=item,
            reviewer=request.user,
            given=given,
            order=payload.review_order(item),
            comment=_comment(request),
        )
    except DomainError as exc:
        return _item_page(request, project, item, status=exc.status, error=exc.message, error_for=RULING)
    return _decided(request, project, item, _("Settled with your own judgement."))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@project_page("reviewer")
def agreeing(request, project):
    """Accept together what annotators agree on: first what that would take, then the decision."""
    worklist = _worklist(request, project)
    form = AgreeingForm(request.POST or request.GET or None)
    given = form.cleaned_data if form.is_valid() else {}
    least = given.get("least", AgreeingForm.base_fields["least"].initial)
    rows = worklist.agreeing(least, given.get("upto") if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        taken = list(rows.select_related("annotator").order_by("item_id", "pk")[:MOST_TOGETHER])
        n = review.accept_all(annotations=taken, reviewer=request.user)
        figures.clear(project)
        messages.success(request, _accepted(n))
        return redirect("review", project.slug)
    found = list(rows.order_by("item_id", "pk").values_list("item_id", flat=True)[: MOST_TOGETHER + 1])
    more = len(found) > MOST_TOGETHER
    ids = list(dict.fromkeys(found[:MOST_TOGETHER]))
    shown = Item.objects.filter(pk__in=ids[:PAGE]).select_related("prompt").order_by("agreement", "pk")
    items = list(shown)
    for item in items:
        item.excerpt = presentation.excerpt(item.prompt.messages, 110)
    context = {
        "project": project,
        "form": form if form.is_bound else AgreeingForm(initial={"least": least}),
        "least": least,
        "items": items,
        "item_count": len(ids),
        "judgement_count": len(found[:MOST_TOGETHER]),
        "more": more,
        "upto": Worklist.newest(rows),
        "worklist": worklist,
    }
    return render(request, "annotation/review_agreeing.html", context)
