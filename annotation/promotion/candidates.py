"""Which turns fall under a promotion rule, newest first. Reads only.

A random rule decides by a keyed hash of the answer's id, so it comes to the same result whenever and
however often it is asked; the others follow current reactions and choices. What was promoted or refused
before is not found again."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Exists, Max, OuterRef, Q, Subquery, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from annotation.models import Promotion, PromotionRule
from feedback.models import Choice, Conversation, Message, Reaction

AT_ONCE = 500
# what is older has been written to its end by now, and no smaller id is still on its way
SETTLED = timedelta(hours=1)
# of a conversation with a low score: the answers that got a thumb down, at most so many; else the last one
TURNS_OF_CONVERSATION = 3
Kind = PromotionRule.Kind


@dataclass(frozen=True, slots=True)
class Candidate:
    """An answer that falls under a rule: `row` is the reaction or choice that says so (None: chance), `at`
    when it was said."""

    message: int
    end_user: int | None
    at: datetime
    row: int | None = None
    value: int | None = None  # the score, of a conversation


def falls_in_share(key: bytes, message: int, share) -> bool:
    """Whether a random rule of `share` per cent takes `message`. A larger share takes all that a smaller one
    takes."""
    digest = hmac.digest(bytes(key), f"promotion:{message}".encode(), hashlib.sha256)
    return int.from_bytes(digest[:8]) < int(share * 100) * 2**64 // 10_000


def candidates(rule: PromotionRule) -> Iterator[Candidate]:
    """The answers under `rule` that nothing was decided about yet. The rule need not be saved."""
    finders = {
        Kind.DOWN_COMMENT: _down,
        Kind.DOWN: _down,
        Kind.RANDOM: _random,
        Kind.ALL_BAD: _all_bad,
        Kind.LOW_SCORE: _low_score,
        Kind.TAG: _tagged,
    }
    return finders[Kind(rule.kind)](rule)


def settled_up_to(project_id: int) -> int:
    """The newest answer that a run which has looked at everything need not look at again."""
    return (
        Message.objects.filter(project=project_id, created_at__lt=timezone.now() - SETTLED)
        .order_by("-id")
        .values_list("id", flat=True)
        .first()
        or 0
    )


def _promoted(project_id: int):
    return Promotion.objects.filter(project=project_id)


def _newest_first(rows, *columns) -> Iterator[tuple]:
    """`rows` in chunks, by falling id; the first column is the id."""
    last = None
    while True:
        chunk = list(
            (rows if last is None else rows.filter(id__lt=last))
            .order_by("-id")
            .values_list("id", *columns)[:AT_ONCE]
        )
        yield from chunk
        if len(chunk) < AT_ONCE:
            return
        last = chunk[-1][0]


def _current(rule):
    return Reaction.objects.filter(project=rule.project_id, current=True)


def _undecided(rule, rows):
    """Reactions to answers that were not decided about."""
    return rows.filter(message__isnull=False).filter(
        ~Exists(_promoted(rule.project_id).filter(message_id=OuterRef("message_id")))
    )


def _untouched(rule, rows):
    """Reactions to conversations of which no turn was decided about."""
    decided = Message.objects.filter(
        conversation=OuterRef("conversation"),
        id__in=Subquery(_promoted(rule.project_id).values("message_id")),
    )
    return rows.filter(message=None, conversation__isnull=False).filter(~Exists(decided))


def _down(rule) -> Iterator[Candidate]:
    rows = _undecided(rule, _current(rule).filter(kind=Reaction.Kind.THUMB, value=-1))
    commented = rule.kind == Kind.DOWN_COMMENT
    if commented:
        rows = rows.exclude(text="")
    for pk, message, end_user, at, text in _newest_first(
        rows, "message_id", "end_user_id", "created_at", "text" if commented else "kind"
    ):
        if text.strip():
            yield Candidate(message, end_user, at, pk)


def _random(rule) -> Iterator[Candidate]:
    rows = Message.objects.filter(
        Q(draft_group=None) | Q(position=0),  # of drafts the first stands for all
        project=rule.project_id,
        role="assistant",
        state__in=Message.ENDED,
        conversation__keep=True,
        conversation__dropped_at=None,
        id__gt=rule.mark,
    ).exclude(text="")
    key = bytes(rule.project.hash_key)
    waiting: list[Candidate] = []
    for pk, end_user, at in _newest_first(rows, "conversation__end_user_id", "created_at"):
        if falls_in_share(key, pk, rule.share):
            waiting.append(Candidate(pk, end_user, at))
            if len(waiting) == 50:
                yield from _not_promoted(rule, waiting)
                waiting = []
    yield from _not_promoted(rule, waiting)


def _not_promoted(rule, found: list[Candidate]) -> Iterator[Candidate]:
    known = set(
        _promoted(rule.project_id)
        .filter(message_id__in=[c.message for c in found])
        .values_list("message_id", flat=True)
    )
    return (c for c in found if c.message not in known)


def _all_bad(rule) -> Iterator[Candidate]:
    """Of the drafts the first that is still there stands for all. A turn of which one draft was decided about
    is decided."""
    decided = Message.objects.filter(
        parent=OuterRef("parent"), id__in=Subquery(_promoted(rule.project_id).values("message_id"))
    )
    rows = Choice.objects.filter(
        project=rule.project_id, current=True, verdict=Choice.Verdict.ALL_BAD
    ).filter(~Exists(decided))
    first = Message.objects.filter(parent=OuterRef("parent"), role="assistant").order_by("position", "id")
    complete = first.filter(state__in=Message.ENDED)
    rows = rows.annotate(first=Subquery(complete.values("id")[:1]), any=Subquery(first.values("id")[:1]))
    for pk, whole, some, end_user, at in _newest_first(rows, "first", "any", "end_user_id", "created_at"):
        if whole or some:
            yield Candidate(whole or some, end_user, at, pk)


def _low_score(rule) -> Iterator[Candidate]:
    scores = _current(rule).filter(kind=Reaction.Kind.SCORE, value__gte=1, value__lte=rule.threshold)
    yield from _of_conversations(_untouched(rule, scores))


def _tagged(rule) -> Iterator[Candidate]:
    tagged = _current(rule).exclude(tags=[]).annotate(as_text=Cast("tags", TextField()))
    # JSON cannot be asked the same way on both databases: a rough look in SQL, the exact one here.
    written = {json.dumps(rule.tag, ensure_ascii=False), json.dumps(rule.tag)}
    rough = Q(pk__in=[])
    for form in written:
        rough |= Q(as_text__contains=form)
    tagged = tagged.filter(rough)
    for pk, message, end_user, at, tags in _newest_first(
        _undecided(rule, tagged), "message_id", "end_user_id", "created_at", "tags"
    ):
        if rule.tag in tags:
            yield Candidate(message, end_user, at, pk)
    yield from _of_conversations(_untouched(rule, tagged), tag=rule.tag)


def _of_conversations(rows, tag: str | None = None) -> Iterator[Candidate]:
    """The turns of conversations that are to be judged: those with a thumb down, else the last answer of the
    branch last looked at."""
    waiting: list[AboutConversation] = []
    columns = ("conversation_id", "end_user_id", "created_at", "value", "tags")
    for row in map(AboutConversation._make, _newest_first(rows, *columns)):
        if tag is None or tag in row.tags:
            waiting.append(row)
            if len(waiting) == AT_ONCE:
                yield from _turns(waiting)
                waiting = []
    yield from _turns(waiting)


class AboutConversation(NamedTuple):
    """A reaction to a whole conversation."""

    pk: int
    conversation: int
    end_user: int | None
    at: datetime
    value: int | None
    tags: list


def _turns(rows: list[AboutConversation]) -> Iterator[Candidate]:
    if not rows:
        return
    ids = [row.conversation for row in rows]
    downs: dict[int, list[int]] = {}
    thumbs = Reaction.objects.filter(
        current=True, kind=Reaction.Kind.THUMB, value=-1, message__conversation__in=ids
    )
    for conversation, message in (
        thumbs.order_by("-message_id").values_list("message__conversation_id", "message_id").distinct()
    ):
        downs.setdefault(conversation, []).append(message)
    answers = Message.objects.filter(conversation__in=ids, role="assistant")
    last = dict(answers.values_list("conversation").annotate(last=Max("id")).order_by())
    last |= dict(
        answers.filter(state__in=Message.ENDED)
        .values_list("conversation")
        .annotate(last=Max("id"))
        .order_by()
    )
    heads = Message.objects.filter(
        conversation__in=ids, role="assistant", state__in=Message.ENDED, id=Subquery(_head_of())
    )
    last |= dict(heads.values_list("conversation_id", "id"))
    for pk, conversation, end_user, at, value, _tags in rows:
        found = downs.get(conversation, [])[:TURNS_OF_CONVERSATION] or (
            [last[conversation]] if conversation in last else []
        )
        for message in found:
            yield Candidate(message, end_user, at, pk, value)


def _head_of():
    return Conversation.objects.filter(pk=OuterRef("conversation_id")).values("head_id")[:1]
