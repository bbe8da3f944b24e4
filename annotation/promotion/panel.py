"""On the page Feedback of the room below: what share of answers was sent to experts, and how often experts
agreed with the thumb.

The expert's word on an answer is the settled judgement of its item, else the accepted ones, else the
submitted ones; where several of one rank differ, the majority has it, and a tie says nothing. Of a QA
check: keep is good; drop for a reason about the answer, and a substantive correction of the answer, is bad;
anything about the question alone says nothing of the answer. Of a ranking: above the acceptability line is
good, below it bad; without a line it says nothing."""

from collections import Counter

from django.db.models import Count, Exists, OuterRef
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from annotation.document import Judgement
from annotation.models import Annotation, Annotator, Consensus, Promotion
from annotation.promotion.end_user_feedback import answers_of
from annotation.promotion.replies import verdict
from core import local_time
from feedback.models import Message, Reaction
from feedback.quality.intervals import shown, wilson

MOST = 5000  # promoted answers looked at, the newest
LISTED = 20
WORDS = {"good": _("good"), "bad": _("not good"), "": _("says nothing about it")}


def words_on(item_ids) -> dict[int, list[tuple[str, Judgement]]]:
    """{item: its judgements of the highest rank there is, as (kind of item, what it says)}. Two queries."""
    ids = list(item_ids)
    settled: dict[int, tuple | None] = {}
    for i in range(0, len(ids), 900):
        rows = Consensus.objects.filter(item__in=ids[i : i + 900]).order_by("pk")
        for item, version, kind, document in rows.values_list(
            "item_id", "version_id", "item__kind", "version__document"
        ):
            settled[item] = (kind, Judgement(document)) if version is not None else None
    out: dict[int, list] = {item: [found] for item, found in settled.items() if found is not None}
    ranked: dict[int, dict[str, list]] = {}
    for i in range(0, len(ids), 900):
        rows = Annotation.objects.filter(
            item__in=ids[i : i + 900],
            annotator__source=Annotator.Source.PERSON,
            practice=False,
            state__in=[Annotation.State.ACCEPTED, Annotation.State.SUBMITTED],
            head__isnull=False,
        )
        for item, state, kind, document in rows.values_list(
            "item_id", "state", "item__kind", "head__document"
        ):
            ranked.setdefault(item, {}).setdefault(state, []).append((kind, Judgement(document)))
    for item, by_state in ranked.items():
        out.setdefault(
            item, by_state.get(Annotation.State.ACCEPTED) or by_state.get(Annotation.State.SUBMITTED, [])
        )
    return out


def word(judgements: list[tuple[str, Judgement]], slot: int) -> str:
    """The majority of what `judgements` say of the answer in `slot`; "" if it is a tie or nobody says
    anything."""
    said = Counter(found for kind, one in judgements if (found := verdict(one, kind, slot)))
    if not said or (len(set(said.values())) == 1 and len(said) > 1):
        return ""
    return said.most_common(1)[0][0]


def figures(project, start, end, model=None, answers: int | None = None) -> dict:
    """Of the answers given from `start` to `end` (days of the project, both with it): {"answers", "sent":
    {outcome: n}, "share", "table": {(thumb, word): n}, "agreed": Share or None, "by_thumb": [(thumb,
    Share)], "rows": newest first, "cells": {"down-bad" …, "compared" (those with a word): answers}}. A thumb
    is the sum of what people say of the answer now. `answers`: how many there are, if that was counted
    already."""
    begin, until = local_time.span_of(project, start, end)
    given = Message.objects.filter(
        project=project,
        role="assistant",
        state__in=Message.ENDED,
        extra__isnull=True,
        created_at__gte=begin,
        created_at__lt=until,
    )
    if model is not None:
        given = given.filter(model_version=model)
    promoted = Promotion.objects.filter(Exists(given.filter(pk=OuterRef("message_id"))), project=project)
    sent = dict(promoted.values_list("outcome").annotate(n=Count("pk")).order_by())
    rows = list(
        promoted.filter(item__isnull=False).order_by("-pk").values_list("message_id", "item_id")[:MOST]
    )
    messages = [m for m, _item in rows]
    thumbs: Counter = Counter()
    for i in range(0, len(messages), 900):
        said = Reaction.objects.filter(
            message__in=messages[i : i + 900], kind="thumb", current=True, project=project
        ).values_list("message_id", "value")
        for message, value in said:
            thumbs[message] += value or 0
    items = {item for _m, item in rows}
    slots, words = answers_of(items), words_on(items)
    table: Counter = Counter()
    cells: dict[str, list[int]] = {}
    listed: list[dict] = []
    for message, item in rows:
        thumb = (thumbs[message] > 0) - (thumbs[message] < 0)
        slot = slots.get(item, {}).get(message)
        if item not in words or not thumb or slot is None:
            continue
        found = word(words[item], slot)
        table[thumb, found] += 1
        cells.setdefault(f"{'up' if thumb > 0 else 'down'}-{found or 'none'}", []).append(message)
        agreed = None if not found else (thumb > 0) == (found == "good")
        if found:
            cells.setdefault("compared", []).append(message)
        if len(listed) < LISTED:
            listed.append({"item": item, "thumb": thumb, "word": WORDS[found], "agreed": agreed})
    same = table[1, "good"] + table[-1, "bad"]
    n = same + table[1, "bad"] + table[-1, "good"]
    by_thumb = [
        (-1, wilson(table[-1, "bad"], table[-1, "bad"] + table[-1, "good"])),
        (1, wilson(table[1, "good"], table[1, "good"] + table[1, "bad"])),
    ]
    total = given.count() if answers is None else answers
    put = sent.get("item", 0) + sent.get("known", 0)
    out = {"answers": total, "sent": sent, "put": put, "share": wilson(put, total)}
    return out | {
        "cells": cells,
        "table": table,
        "agreed": wilson(same, n),
        "by_thumb": by_thumb,
        "rows": listed,
    }


def panel(request, project) -> str:
    """The section of the page, for the period and model that the page looks at."""
    scope = request.feedback_scope
    found = figures(project, scope.start, scope.end, scope.model, request.feedback_answers)
    table = found["table"]
    context = {
        "project": project,
        "answers": found["answers"],
        "put": found["put"],
        "refused": found["sent"].get("refused", 0),
        "share": shown(found["share"]),
        "agreed": found["agreed"] and shown(found["agreed"]),
        "n": found["agreed"].n if found["agreed"] else 0,
        "by_thumb": [
            {
                "thumb": thumb,
                "cells": [
                    (table[thumb, said], f"{'up' if thumb > 0 else 'down'}-{said or 'none'}")
                    for said in ("good", "bad", "")
                ],
                "share": shown(share),
            }
            for thumb, share in found["by_thumb"]
        ],
        "rows": found["rows"],
        "judged": sum(table.values()),
        "inbox": f"{reverse('inbox', args=[project.slug])}?{scope.query(by='answered')}",
    }
    return render_to_string("annotation/_feedback_panel.html", context, request=request)
