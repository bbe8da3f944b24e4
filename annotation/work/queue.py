"""Who works on what: claim, renew, release, skip and back, report, expire.

A claim is one short transaction. On SQLite it is BEGIN IMMEDIATE, so nobody else writes meanwhile; on
PostgreSQL the annotator's own row is locked first (one person's claims queue up behind each other), then
the item with SKIP LOCKED. Locks are taken in the order assignment → item → annotators when a slot is
freed, annotator → item when one is taken; the second never waits on an item."""

import random
import secrets
import time
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import F, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.document import SKIP_REASONS
from annotation.models import Annotator, Assignment, Item, ItemFlag
from annotation.statistics import daily
from annotation.work import sql
from core import events, local_time
from core.access import role_in
from core.db import one_go
from core.db.prepared import Prepared, together
from core.db.retry import on_deadlock
from core.errors import Conflict, DomainError
from core.models import Role
from core.querysets import Word

RESERVE_SECONDS = 120
UNDECIDED_REPORTS = 5
HEARTBEAT_SECONDS = 60
# Own finished items are skipped by NOT EXISTS; every so many claims the mark moves past them, so that
# skipping stays cheap.
MARK_EVERY = 16
LIVE = (Assignment.State.OPEN, Assignment.State.RESERVED)


def annotator_for(*, project, user) -> Annotator:
    """The person's annotator row in `project`, made at first need with a pseudonym that tells nothing."""
    found = Annotator.objects.filter(project=project, user=user).first()
    while found is None:
        pseudonym = "A-" + "".join(secrets.choice("23456789BCDFGHJKMNPQRSTVWXYZ") for _i in range(5))
        with transaction.atomic():
            Annotator.objects.bulk_create(
                [Annotator(project=project, user=user, pseudonym=pseudonym)], ignore_conflicts=True
            )
        found = Annotator.objects.filter(project=project, user=user).first()
    return found


@on_deadlock
def claim(*, project, user, reserve: bool = False) -> Assignment | None:
    """The assignment `user` works on next, or None when the queue holds nothing for them.

    Without `reserve`: their open one, else their reserved one (opened now), else a new one. With
    `reserve`: their reserved one, else a new one held for RESERVE_SECONDS without starting a clock. The
    assignment comes with `item` and `item.prompt` loaded."""
    taken = _claim(project, user, reserve)
    for _attempt in range(10):
        if taken is not None or not (expire() or _passed_over(project, user)):
            break
        taken = _claim(project, user, reserve)
    return taken


def _passed_over(project, user) -> bool:
    """Whether the queue seemed empty only because somebody else's claim had its last items locked for a
    moment (SKIP LOCKED); waits that moment."""
    if not connection.features.has_select_for_update_skip_locked or connection.in_atomic_block:
        return False
    annotator = annotator_for(project=project, user=user)
    if not Item.objects.open_for(annotator.pk, project_id=project.pk, mark=annotator.queue_mark).exists():
        return False
    time.sleep(0.03)
    return True


@transaction.atomic
def _claim(project, user, reserve):
    annotator, live = _locked_annotator(project, user)
    now = timezone.now()
    until = now + timedelta(seconds=RESERVE_SECONDS if reserve else annotator.project.bench.lease_seconds)
    held = {a.state: a for a in live}
    kept = (
        held.get(Assignment.State.RESERVED)
        if reserve
        else held.get(Assignment.State.OPEN) or held.get(Assignment.State.RESERVED)
    )
    if kept is not None:
        if kept.state == Assignment.State.RESERVED and not reserve:
            kept.state, kept.opened_at = Assignment.State.OPEN, now
        kept.lease_until = until
        kept.save(update_fields=["state", "opened_at", "lease_until"])
        kept.project = annotator.project
        return kept
    item = _PICK.first(project.pk, annotator.pk, annotator.queue_mark)
    if item is None:
        return None
    order = random.sample(range(item.slot_count), item.slot_count)
    taken = Assignment(
        project=annotator.project,
        item=item,
        annotator=annotator,
        order=order,
        lease_until=until,
        created_at=now,
    )
    taken.state, taken.opened_at = (
        (Assignment.State.RESERVED, None) if reserve else (Assignment.State.OPEN, now)
    )
    moves_mark = item.pk % MARK_EVERY == 0
    row, _held = one_go.in_one_go(sql.hold(taken), often=True, ends=not moves_mark)
    taken.pk, taken.slot, new = row[0]
    taken._state.adding = False
    if moves_mark:
        # In the queue's order, the first only: a MIN() of them reads them all.
        first = Item.objects.open_for(annotator.pk, project_id=project.pk, mark=annotator.queue_mark).values(
            "position"
        )[:1]
        Annotator.objects.filter(pk=annotator.pk).update(
            queue_mark=Coalesce(Subquery(first) - 1, F("queue_mark"))
        )
    if not new:
        taken.refresh_from_db(
            fields=[
                "order",
                "draft",
                "draft_revision",
                "draft_at",
                "active_ms",
                "skip_reason",
                "skip_comment",
                "created_at",
            ]
        )
    return taken


def _locked_annotator(project, user) -> tuple[Annotator, list[Assignment]]:
    """The person's annotator row, locked, and what they hold."""
    asked = (_ANNOTATOR, (project.pk, user.pk)), (_HELD, (project.pk, user.pk))
    found, live = together(*asked)
    if not found:
        annotator_for(project=project, user=user)
        found, live = together(*asked)
    if not found:
        raise DomainError("not_found", _("This project is gone."), status=404)
    return found[0], live


def _pick(project_id, annotator_id, mark):
    items = (
        Item.objects.open_for(annotator_id, project_id=project_id, mark=mark)
        .select_related("prompt")
        .defer("prompt__metadata")
    )
    if connection.features.has_select_for_update_skip_locked:
        items = items.select_for_update(skip_locked=True, no_key=True, of=("self",))
    return items[:1]


_ANNOTATOR = Prepared(
    lambda project_id, user_id: (
        Annotator.objects.select_related("project__bench__guideline", "project__bench__criteria")
        .defer("project__description", "project__bench__guideline__text")
        .select_for_update(no_key=True, of=("self",))
        .filter(project=project_id, user=user_id)
    ),
    int,
    int,
)


def _held(project_id, user_id):
    """The annotator is found by a query of its own: a partial index serves what is compared with one value,
    not what is joined."""
    annotator = Annotator.objects.filter(project=project_id, user=user_id).values("pk")[:1]
    return (
        Assignment.objects.live(annotator=Subquery(annotator))
        .select_related("item__prompt")
        .defer("item__prompt__metadata")
    )


_HELD = Prepared(_held, int, int)
_PICK = Prepared(_pick, int, int, int)


def freed(items) -> None:
    """Lower the mark of every annotator who had passed one of `items` (their work is to be had again). Call
    in the freeing transaction, after the items' rows were changed: also when an item is opened late,
    restored, or its overlap raised."""
    lowest: dict[int, int] = {}
    for item in items:
        lowest[item.project_id] = min(item.position, lowest.get(item.project_id, item.position))
    for project_id, position in lowest.items():
        passed = Annotator.objects.filter(project_id=project_id, queue_mark__gte=position)
        ids = list(passed.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
        if ids:
            Annotator.objects.filter(pk__in=ids, queue_mark__gte=position).update(queue_mark=position - 1)


def _close(assignments, state) -> int:
    """Take the slots of locked live `assignments` and give their items back to the queue; how many."""
    if not assignments:
        return 0
    Assignment.objects.filter(pk__in=[a.pk for a in assignments]).update(
        state=state, slot=None, lease_until=None
    )
    by_item: dict[int, int] = {}
    for a in assignments:  # late work that was taken back is open without a slot
        by_item[a.item_id] = by_item.get(a.item_id, 0) + (a.slot is not None)
    for item_id, n in sorted(by_item.items()):
        Item.objects.filter(pk=item_id).update(held=F("held") - n)
    freed(Item.objects.filter(pk__in=by_item).only("project_id", "position"))
    return len(assignments)


def own(*, user, pk, project=None) -> Assignment:
    """`user`'s assignment `pk` with all that a payload needs; DomainError 404 as in `locked_own`."""
    rows = Assignment.objects.own(user.pk, superuser=user.is_superuser).select_related(
        "item__prompt", "item__project", "project__bench__guideline", "project__bench__criteria"
    )
    found = rows.filter(pk=pk, **({"project": project} if project else {})).first()
    if found is None:
        raise DomainError("not_found", _("This assignment is not yours, or is gone."), status=404)
    return found


def locked_own(*, user, pk, project=None) -> Assignment:
    """`user`'s assignment `pk`, locked with its item; DomainError 404 when it is not theirs (or of another
    project than the key's)."""
    return locked_own_with(user=user, pk=pk, project=project)[0]


def locked_own_with(
    *, user, pk, project=None, beside: tuple[Prepared, tuple] | None = None
) -> tuple[Assignment, list]:
    """`locked_own` as the first thing of a transaction, and what is asked `beside` it in the same go, once
    the lock is held."""
    own = (_LOCKED_ANY if user.is_superuser else _LOCKED_OWN), (pk, user.pk)
    found, *more = together(own, *([beside] if beside else []))
    if not found or (project is not None and found[0].project_id != project.pk):
        raise DomainError("not_found", _("This assignment is not yours, or is gone."), status=404)
    return found[0], more[0] if more else []


def _locked(pk, user_id, superuser=False):
    rows = Assignment.objects.own(user_id, superuser=superuser).select_related(
        "item", "annotator", "project__bench"
    )
    return (
        rows.select_for_update(no_key=True, of=("self", "item")).filter(pk=pk).defer("project__description")
    )


_LOCKED_OWN = Prepared(_locked, int, int)
_LOCKED_ANY = Prepared(lambda pk, user_id: _locked(pk, user_id, superuser=True), int, int)


@on_deadlock
@transaction.atomic
def renew(*, user, pk: int, active_ms: int = 0, project=None) -> Assignment:
    """Prolong the lease (a reserve keeps its own short term). An expired hold is taken back while its place
    is free; Conflict "lease_lost" when it has gone to somebody else (what is then submitted is kept as an
    extra)."""
    a = locked_own(user=user, pk=pk, project=project)
    if a.item.hidden:
        raise Conflict("item_hidden", _("This item was hidden. Your text is kept."))
    if a.state in (Assignment.State.EXPIRED, Assignment.State.RELEASED):
        _take_back(a)
    if a.state in LIVE:
        seconds = RESERVE_SECONDS if a.state == Assignment.State.RESERVED else a.project.bench.lease_seconds
        a.lease_until = timezone.now() + timedelta(seconds=seconds)
    a.active_ms = max(a.active_ms, active_ms)
    a.save(update_fields=["lease_until", "active_ms", "state", "slot", "opened_at"])
    return a


def _take_back(a: Assignment) -> None:
    busy = Assignment.objects.filter(annotator=a.annotator_id, state=Word(Assignment.State.OPEN)).exists()
    if busy or a.item.state != Item.State.OPEN or not take_slot(a):
        raise Conflict(
            "lease_lost",
            _(
                "Somebody else has taken this item meanwhile. You can still submit: your work is kept "
                "beside theirs."
            ),
        )
    a.state = Assignment.State.OPEN
    a.opened_at = a.opened_at or timezone.now()


def take_slot(a: Assignment) -> bool:
    """Give a locked assignment without a slot a free one of its locked item, if there is one. The caller
    saves `a`."""
    taken = set(Assignment.objects.filter(item=a.item_id, slot__isnull=False).values_list("slot", flat=True))
    free = set(range(a.item.overlap)) - taken
    if not free:
        return False
    a.slot = min(free)
    Item.objects.filter(pk=a.item_id).update(held=F("held") + 1)
    return True


@on_deadlock
@transaction.atomic
def release(*, user, pk: int, project=None) -> Assignment:
    """Let an open or reserved item go; its draft stays, and the item may come back to the same person.
    Anything else is left as it is."""
    a = locked_own(user=user, pk=pk, project=project)
    if a.state in LIVE:
        _close([a], Assignment.State.RELEASED)
        a.state, a.slot = Assignment.State.RELEASED, None
    return a


@on_deadlock
@transaction.atomic
def skip(*, user, pk: int, reason: str, comment: str = "", project=None) -> Assignment:
    """Give an item up for good, with a reason of document.SKIP_REASONS ("other" wants a comment). Its place
    is free for somebody else."""
    if reason not in SKIP_REASONS:
        raise DomainError("invalid", _("Choose a reason."), field="reason")
    if reason == "other" and not comment.strip():
        raise DomainError("invalid", _("Say briefly why."), field="comment")
    a = locked_own(user=user, pk=pk, project=project)
    if a.state == Assignment.State.SKIPPED:
        return a
    if a.state == Assignment.State.SUBMITTED:
        raise Conflict("submitted", _("This work is already submitted."))
    if a.state in LIVE:
        _close([a], Assignment.State.SKIPPED)
    a.state, a.slot, a.skip_reason, a.skip_comment, a.lease_until = (
        Assignment.State.SKIPPED,
        None,
        reason,
        comment,
        None,
    )
    a.save(update_fields=["state", "slot", "skip_reason", "skip_comment", "lease_until"])
    daily.add(
        project_id=a.project_id,
        annotator_id=a.annotator_id,
        day=local_time.today(a.project),
        skipped=1,
    )
    events.append(project=a.project, actor=user, verb="skip", target=a.item, reason=reason)
    return a


def make_way(a: Assignment, *, user) -> None:
    """What the annotator of locked `a` has open becomes their reserved one, since `a` is opened again; what
    was reserved is let go."""
    others = {o.state: o for o in Assignment.objects.live(annotator=a.annotator_id)}
    if Assignment.State.OPEN not in others:
        return
    if Assignment.State.RESERVED in others:
        release(user=user, pk=others[Assignment.State.RESERVED].pk)
    until = timezone.now() + timedelta(seconds=RESERVE_SECONDS)
    Assignment.objects.filter(pk=others[Assignment.State.OPEN].pk).update(
        state=Assignment.State.RESERVED, lease_until=until
    )


@on_deadlock
@transaction.atomic
def report(*, user, item: Item, reason: str = "personal_data", comment: str = "") -> ItemFlag:
    """Lay `item` before the managers and hide it from everyone at once; drafts on it stay, live holds are let
    go.

    Whoever has UNDECIDED_REPORTS of their reports in the project before the managers hides nothing more
    until some are decided (a manager's own hides always): the item is put aside for the reporter alone, as
    skipped, and the managers are told."""
    if reason not in ("personal_data", "harmful", "other"):
        raise DomainError("invalid", _("Choose a reason."), field="reason")
    if not _may_hide(user, item.project):
        return _reported_only(user, item, reason, comment)
    live = list(Assignment.objects.live(item=item).select_for_update(no_key=True).order_by("pk"))
    Item.objects.filter(pk=item.pk).update(hidden=True)
    _close(live, Assignment.State.RELEASED)
    flag = ItemFlag.objects.create(item=item, reason=reason, comment=comment, reporter=user)
    events.append(project=item.project, actor=user, verb="hide", target=item, reason=reason)
    return flag


def _may_hide(user, project) -> bool:
    if role_in(user, project) == Role.MANAGER:
        return True
    return (
        ItemFlag.objects.filter(item__project=project, reporter=user, resolved_at=None).count()
        < UNDECIDED_REPORTS
    )


def _reported_only(user, item: Item, reason: str, comment: str) -> ItemFlag:
    mine = Assignment.objects.live(item=item, annotator__user=user).select_for_update(no_key=True)
    _close(list(mine.order_by("pk")), Assignment.State.SKIPPED)
    flag = ItemFlag.objects.create(item=item, reason=reason, comment=comment, reporter=user)
    events.append(project=item.project, actor=user, verb="report", target=item, reason=reason)
    return flag


@on_deadlock
@transaction.atomic
def restore(*, user, item: Item, outcome: str = "restored") -> None:
    """A manager found nothing amiss: the item is seen (again), and its reports are closed."""
    Item.objects.filter(pk=item.pk).update(hidden=False)
    ItemFlag.objects.filter(item=item, resolved_at=None).update(
        resolved_at=timezone.now(), resolved_by=user, outcome=outcome
    )
    freed([item])
    events.append(project=item.project, actor=user, verb="restore", target=item)


@on_deadlock
@transaction.atomic
def expire(*, limit: int = 500) -> int:
    """Free the slots of leases that ran out, of whichever project, the oldest first; how many. Submitted work
    is never touched."""
    skip_locked = connection.features.has_select_for_update_skip_locked
    ran_out = Assignment.objects.live().filter(lease_until__lt=timezone.now()).order_by("lease_until")
    return _close(
        list(ran_out.select_for_update(skip_locked=skip_locked, no_key=True)[:limit]),
        Assignment.State.EXPIRED,
    )
