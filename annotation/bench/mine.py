"""My work: what a person has submitted and skipped in a project, in their own letters."""

from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, OuterRef, Q, Subquery
from django.shortcuts import render
from django.utils.translation import gettext as _

from annotation import presentation
from annotation.bench.strings import names
from annotation.document import Judgement
from annotation.items import words
from annotation.models import Annotation, Annotator, Assignment, Item, Review
from annotation.promotion import end_user_feedback
from core.access import project_page
from core.querysets import Word
from core.text import whole_number

PER_PAGE = 50
EXCERPT = 160
COUNTED = 1000  # of each state; more are said to be so many and more
SEARCHED = 2000  # newest rows that a search looks through
LONGEST_QUERY = 200
SKIPPED = Assignment.State.SKIPPED
State = Annotation.State
STATES = (*Annotation.State.values, SKIPPED)


@project_page("annotator")
def mine(request, project):
    """Own submitted work, what was returned first, then newest first, with what was said, its state and a
    reviewer's words; each row reopens it. `?state=` filters (`skipped`: what was given up, with the reason),
    `?q=` searches the newest SEARCHED by words, `?before=` pages."""
    annotator = Annotator.objects.filter(project=project, user=request.user).first()
    state = request.GET.get("state", "")
    state = state if state in STATES else ""
    before = whole_number(request.GET.get("before"))
    q = request.GET.get("q", "").replace("\0", "").strip()[:LONGEST_QUERY]
    found = _Page([], None)
    rest = False
    if annotator is not None:
        rows = _skipped(annotator) if state == SKIPPED else _said(annotator, state)
        if q:
            rows, rest = _searched(rows, project, q)
        found = _skips(rows, before) if state == SKIPPED else _judged(project, rows, state, before)
    counts = counts_of(annotator)
    labels = {**dict(Annotation.State.choices), SKIPPED: Assignment.State.SKIPPED.label}
    context = {
        "project": project,
        "rows": found.rows,
        "more": found.more,
        "more_returned": found.more_returned,
        "state": state,
        "q": q,
        "searched": SEARCHED if rest else 0,
        "states": [(value, labels[value], counted(counts[value]), counts[value]) for value in STATES],
        "all": counted(sum(counts[value] for value in Annotation.State.values)),
    }
    return render(request, "annotation/mine.html", context)


class _Page:
    def __init__(self, rows: list, more: int | None, more_returned: bool = False):
        self.rows, self.more, self.more_returned = rows, more, more_returned


def counts_of(annotator: Annotator | None) -> dict[str, int]:
    """{state, or "skipped": how many, COUNTED at most} of own work; one query that reads no more rows than
    that, however much was done."""
    if annotator is None:
        return dict.fromkeys(STATES, 0)
    own = "SELECT 1 FROM annotation_annotation WHERE annotator_id = %s AND state = '{}'"
    said = [f"{own.format(s)} AND NOT ruling AND head_id IS NOT NULL" for s in Annotation.State.values]
    skipped = "SELECT 1 FROM annotation_assignment WHERE annotator_id = %s AND state = 'skipped'"
    parts = [f"(SELECT count(*) FROM ({one} LIMIT %s) AS n)" for one in (*said, skipped)]  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", [annotator.pk, COUNTED] * len(parts))
        return dict(zip(STATES, cursor.fetchone(), strict=True))


def counted(n: int) -> str:
    """`n` as a filter shows it: beyond what is counted, that there are more."""
    return f"{COUNTED - 1}+" if n >= COUNTED else str(n)


def _said(annotator, state: str):
    rows = Annotation.objects.filter(annotator=annotator, ruling=False).exclude(head=None)
    return rows.filter(state=state) if state else rows


def _skipped(annotator):
    # the word itself: a partial index stands on it
    return Assignment.objects.filter(annotator=annotator, state=Word(SKIPPED))


def _searched(rows, project, q: str):
    """(those of the newest SEARCHED of `rows` whose items have the words of `q`, whether there are older
    ones)."""
    words.catch_up(project, most=words.BATCH)
    newest = list(rows.order_by("-pk").values_list("item", flat=True)[: SEARCHED + 1])
    found = words.among(newest[:SEARCHED], q)
    return rows.filter(item__in=found), len(newest) > SEARCHED


def _judged(project, rows, state: str, before: int | None) -> _Page:
    returned = (
        Review.objects.filter(version__annotation=OuterRef("pk"), decision=Review.Decision.RETURN)
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
    if before:
        rows = rows.filter(pk__lt=before)
    first = []
    if not state:  # all: what waits for its author stands before the pages
        first = list(rows.filter(state=State.RETURNED)[: PER_PAGE + 1]) if not before else []
        rows = rows.exclude(state=State.RETURNED)
    more_returned = len(first) > PER_PAGE
    rows = list(rows[: PER_PAGE + 1])
    more = rows[PER_PAGE - 1].pk if len(rows) > PER_PAGE else None
    rows = first[:PER_PAGE] + rows[:PER_PAGE]
    said = end_user_feedback.of_items(project, [row.item for row in rows if not row.item.hidden])
    orders = _orders(rows)
    for row in rows:
        order = orders.get(row.assignment_id) or row.head.order
        row.said = end_user_feedback.lettered(said.get(row.item_id, []), order, one=row.item.slot_count == 1)
        row.excerpt = "" if row.item.hidden else presentation.excerpt(row.item.prompt.messages, EXCERPT)
        row.brief = [] if row.item.hidden else presentation.in_brief(Judgement(row.head.document), order)
        row.letters = (
            presentation.reviewers_letters(row.item, project, order, row.return_comment)
            if row.state == State.RETURNED and row.return_comment
            else ""
        )
        row.open_to_change = (
            row.state != State.ACCEPTED and row.item.state != Item.State.SETTLED and not row.item.hidden
        )
    return _Page(rows, more, more_returned)


def _skips(rows, before: int | None) -> _Page:
    if before:
        rows = rows.filter(pk__lt=before)
    found = list(rows.select_related("item__prompt").order_by("-pk")[: PER_PAGE + 1])
    more = found[PER_PAGE - 1].pk if len(found) > PER_PAGE else None
    reasons = names()
    for row in found:
        row.reason = reasons.get(row.skip_reason, row.skip_reason) or _("no reason given")
        row.excerpt = "" if row.item.hidden else presentation.excerpt(row.item.prompt.messages, EXCERPT)
    return _Page(found[:PER_PAGE], more)


def _orders(rows) -> dict[int, list]:
    """{assignment id: the order its answers were shown in} of rows of own work."""
    ids = [row.assignment_id for row in rows if row.assignment_id]
    return dict(Assignment.objects.filter(pk__in=ids).values_list("id", "order"))
