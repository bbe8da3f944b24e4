"""What end users said of the answers on a promoted item. For reviewers at any time; for an annotator only
once they have judged the item: nothing of it may reach their page, API or lists before. People appear
under their pseudonym."""

from collections.abc import Iterable

from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from annotation.document import LETTERS
from annotation.models import Assignment, ItemAnswer, Promotion
from annotation.promotion.messages import message_of
from feedback.conversations.end_users import label
from feedback.conversations.privacy import privacy_policy
from feedback.models import ChatSettings, Choice, Message, Reaction
from feedback.reactions import reasons

MOST = 50  # of one item
ORDER = ("down", "up", "correction", "choice", "score")
_AT_ONCE = 900


def answers_of(item_ids: Iterable[int]) -> dict[int, dict[int, int]]:
    """{item: {answer (feedback.Message): slot}} of those items that came from conversations."""
    out: dict[int, dict[int, int]] = {}
    ids = sorted(item_ids)
    for i in range(0, len(ids), _AT_ONCE):
        rows = ItemAnswer.objects.filter(
            item__in=ids[i : i + _AT_ONCE], response__external_id__startswith="message:"
        )
        for item, slot, name in rows.values_list("item_id", "slot", "response__external_id"):
            message = message_of(name)
            if message is not None:
                out.setdefault(item, {})[message] = slot
    return out


def of_items(project, items: list) -> dict[int, list[dict]]:
    """{item id: what was said of it} for those of `items` that were promoted; current words only. Two queries
    if none was, seven at most.

    Each: {"who", "slot" (the answer it is about, None: the conversation or all of them), "kind": "up" ·
    "down" · "correction" · "score" · "choice", "words", "reasons": [label], "text"}."""
    promoted = set(
        Promotion.objects.filter(project=project, item__in=[i.pk for i in items]).values_list(
            "item_id", flat=True
        )
    )
    if not promoted:
        return {}
    slots = answers_of(promoted)
    wanted = {m for found in slots.values() for m in found}
    place: dict[int, tuple[int | None, int]] = {}
    rows = Message.objects.filter(project=project, pk__in=wanted).values_list(
        "id", "parent_id", "conversation_id"
    )
    for pk, parent, conversation in rows:
        place[pk] = (parent, conversation)
    if not place:
        return {}
    parents, conversations = ({p[i] for p in place.values()} for i in (0, 1))
    about = Q(message__in=place) | Q(conversation__in=conversations, kind=Reaction.Kind.SCORE)
    rows = (
        Reaction.objects.filter(about, project=project, current=True)
        .exclude(value=0)
        .select_related("end_user")
        .order_by("-pk")
    )
    reactions = list(rows[: MOST * len(items)])
    rows = (
        Choice.objects.filter(project=project, parent__in=parents, current=True)
        .select_related("end_user")
        .order_by("-pk")
    )
    choices = list(rows[: MOST * len(items)])
    teller = _Teller(project)
    out: dict[int, list[dict]] = {}
    for item, found in slots.items():
        here = {place[m] for m in found if m in place}
        talks = {conversation for _parent, conversation in here}
        asked = {parent for parent, _conversation in here}
        lines = [
            teller.reaction(r, found)
            for r in reactions
            if r.message_id in found or (r.message_id is None and r.conversation_id in talks)
        ]
        lines += [teller.choice(c, found) for c in choices if c.parent_id in asked]
        lines = [line for line in lines if line][:MOST]
        if lines:
            out[item] = sorted(
                lines,
                key=lambda line: (
                    line["who"],
                    line["slot"] is None,
                    line["slot"] or 0,
                    ORDER.index(line["kind"]),
                ),
            )
    return out


class _Teller:
    """Turns rows into words, masked as the project has it."""

    def __init__(self, project):
        self.policy = privacy_policy(project)
        settings = ChatSettings.objects.filter(project=project).only("up_reasons", "down_reasons").first()
        language = get_language() or "en"
        up, down = (settings.up_reasons, settings.down_reasons) if settings else ([], [])
        self.labels = (
            reasons.labels([*reasons.UP, *reasons.DOWN], language)
            | reasons.labels(up, language)
            | reasons.labels(down, language)
        )

    def _line(self, row, slot, kind, words, text="") -> dict:
        return {
            "who": label(row.end_user) if row.end_user else "",
            "slot": slot,
            "kind": kind,
            "words": words,
            "reasons": [],
            "text": self.policy.shown(text),
        }

    def reaction(self, row: Reaction, slots: dict[int, int]) -> dict | None:
        if row.kind == Reaction.Kind.SCORE:
            return self._line(
                row, None, "score", _("Score of the conversation: %(n)s of 5") % {"n": row.value}, row.text
            )
        slot = slots.get(row.message_id or 0)
        if row.kind == Reaction.Kind.CORRECTION:
            return (
                self._line(row, slot, "correction", _("What it should have said"), row.text)
                if row.text
                else None
            )
        up = (row.value or 0) > 0
        line = self._line(
            row, slot, "up" if up else "down", _("Thumb up") if up else _("Thumb down"), row.text
        )
        line["reasons"] = [self.labels.get(key, key) for key in row.reasons]
        return line

    def choice(self, row: Choice, slots: dict[int, int]) -> dict | None:
        if row.verdict == Choice.Verdict.BETTER:
            slot = slots.get(row.chosen_id or 0)
            return None if slot is None else self._line(row, slot, "choice", _("Chosen as the better one"))
        return self._line(
            row,
            None,
            "choice",
            _("All bad") if row.verdict == Choice.Verdict.ALL_BAD else _("About the same"),
        )


def lettered(lines: list[dict], order: list[int], *, one: bool = False) -> list[dict]:
    """`lines` with "letter" for the slot, by one shown `order`; without, where the item has one answer
    only."""
    letter = {slot: LETTERS[i] for i, slot in enumerate(order)}
    return [
        {k: v for k, v in line.items() if k != "slot"}
        | {"letter": "" if one else letter.get(line["slot"], "")}
        for line in lines
    ]


def to_annotator(assignment: Assignment) -> list[dict]:
    """What may be shown with an assignment whose item its annotator has judged (the caller knows that); []
    for most."""
    found = of_items(assignment.project, [assignment.item]).get(assignment.item_id, [])
    return lettered(found, assignment.order, one=assignment.item.slot_count == 1)


def to_reviewer(project, item, user, order: list[int]) -> list[dict]:
    """What reviewers and managers see on the item's pages, but not while they have to judge it themselves."""
    found = of_items(project, [item]).get(item.pk, [])
    if not found or _to_judge(item, user):
        return []
    return lettered(found, order, one=item.slot_count == 1)


def _to_judge(item, user) -> bool:
    """Whether `user` holds the item and has not judged it yet."""
    held = Assignment.objects.filter(
        item=item, annotator__user=user, state__in=[Assignment.State.OPEN, Assignment.State.RESERVED]
    ).exists()
    return held and not item.annotations.filter(annotator__user=user, head__isnull=False).exists()
