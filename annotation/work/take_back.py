"""Taking back a skip. (A submit is taken back in submit.py.)"""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.models import Assignment, Item
from annotation.statistics import daily
from annotation.work import queue
from core import events
from core.db.retry import on_deadlock
from core.errors import Conflict


@on_deadlock
@transaction.atomic
def unskip(*, user, pk: int, project=None) -> Assignment:
    """Take one's own skip back: the item is open again with what was written on it, as if it had never been
    given up; what was open meanwhile becomes the reserved one. Conflict "not_undoable" where nothing was
    skipped (a report puts an item aside for good) or somebody else has the place by now."""
    a = queue.locked_own(user=user, pk=pk, project=project)
    if a.item.hidden:
        raise Conflict("item_hidden", _("This item was hidden. Your text is kept."))
    if a.state != Assignment.State.SKIPPED or not a.skip_reason:
        raise Conflict("not_undoable", _("This work can no longer be taken back."))
    if a.item.state != Item.State.OPEN or not queue.take_slot(a):
        raise Conflict("not_undoable", _("Somebody else has taken this item meanwhile."))
    queue.make_way(a, user=user)
    reason, a.skip_reason, a.skip_comment = a.skip_reason, "", ""
    a.state = Assignment.State.OPEN
    a.lease_until = timezone.now() + timedelta(seconds=a.project.bench.lease_seconds)
    a.opened_at = a.opened_at or timezone.now()
    a.save(update_fields=["state", "slot", "lease_until", "opened_at", "skip_reason", "skip_comment"])
    daily.unskipped(annotator_id=a.annotator_id)
    events.append(project=a.project, actor=user, verb="unskip", target=a.item, reason=reason)
    return a
