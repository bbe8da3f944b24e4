"""Sending turns to the experts by hand, from the inbox: what it would do, told before, and doing it.

What it would do is found by doing it in a transaction that is taken back, so that it cannot come out
otherwise. The caps of the rules do not bind a person; what was sent counts as what a person's turns used."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import transaction
from django.utils.translation import gettext as _

from annotation.models import BenchSettings, Item, Promotion
from annotation.promotion import messages as turns
from annotation.promotion import rules
from core.db.retry import on_deadlock
from core.errors import DomainError
from core.models import Project
from feedback.conversations.privacy import privacy_policy

MOST = 100  # answers at once
Outcome = Promotion.Outcome


@dataclass
class Sent:
    """What became of one answer. `outcome` "" for one that is still being written; `before`: it was decided
    about earlier."""

    message: int
    question: str = ""
    answer: str = ""
    outcome: str = ""
    reason: str = ""
    item: int | None = None
    before: bool = False


@dataclass
class Result:
    """`overlap`: how many people judge each of the `new_items`."""

    overlap: int
    new_items: int = 0
    rows: list[Sent] = field(default_factory=list)

    def of(self, outcome: str, *, before: bool = False) -> list[Sent]:
        """Those of one outcome, decided just now or before."""
        return [row for row in self.rows if row.outcome == outcome and row.before == before]

    @property
    def judgements(self) -> int:
        return self.new_items * self.overlap


def preview(*, project, actor, messages: Iterable[int]) -> Result:
    """What `send` would do now. DomainError as there."""
    with transaction.atomic():
        found = _send(project, actor, messages)
        transaction.set_rollback(True)
    fresh = {row.item for row in found.of(Outcome.ITEM)}
    for row in found.rows:
        if row.item in fresh:
            row.item = None  # there is no such item now
    return found


@on_deadlock
@transaction.atomic
def send(*, project, actor, messages: Iterable[int]) -> Result:
    """Put the turns of these answers before experts, each once: equal questions with equal answers become one
    item. DomainError 404 for somebody who is no manager here, or for more than MOST at once."""
    return _send(project, actor, messages)


def _send(project, actor, messages: Iterable[int]) -> Result:
    if not Project.objects.visible_to(actor, "manager").filter(pk=project.pk).exists():
        raise DomainError("not_found", _("There is no such project."), status=404)
    wanted = list(dict.fromkeys(messages))
    if not wanted:
        raise DomainError("none_chosen", _("Choose some rows first."))
    if len(wanted) > MOST:
        raise DomainError("too_many", _("At most %(n)s at once.") % {"n": MOST})
    bench = BenchSettings.objects.select_for_update(no_key=True).filter(project=project).first()
    if bench is None:
        raise DomainError("no_bench", _("This project has no settings for its bench."))
    known = {row.message_id: row for row in Promotion.objects.filter(project=project, message_id__in=wanted)}
    kind, policy, keys = bench.kind, privacy_policy(project), rules.Keys()
    result = Result(bench.overlap)
    for message in wanted:
        turn = turns.read(project, message, policy)
        row = Sent(message)
        row.question = _question(turn)
        row.answer = turn.answers[0].text if turn.answers else ""
        result.rows.append(row)
        made = known.get(message)
        row.before = made is not None
        if made is None and not turn.unready:
            made = rules.place(project, bench, turn, end_user=turn.end_user, actor=actor, keys=keys)
            bench.kind = kind
        if made is not None:
            row.outcome, row.reason, row.item = str(made.outcome), made.reason, made.item_id
    result.new_items = len({row.item for row in result.of(Outcome.ITEM)})
    overlaps = Item.objects.filter(pk__in=[row.item for row in result.of(Outcome.ITEM)])
    result.overlap = max(overlaps.values_list("overlap", flat=True), default=bench.overlap)
    return result


def _question(turn: turns.Turn) -> str:
    asked = [m.get("content") for m in turn.messages if m.get("role") == "user"]
    return asked[-1] if asked and isinstance(asked[-1], str) else ""
