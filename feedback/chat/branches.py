"""Which way through the tree of a talk is on screen: one branch from the root to a leaf, or to a question
whose drafts wait for a choice."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from feedback.conversations import tree as talk
from feedback.models import Choice, Conversation, EndUser, Message

Tree = dict[int, tuple[int | None, str]]


@dataclass
class Branch:
    """`messages` from the root on; `waiting` the drafts under the last of them, in their order on screen,
    while nobody has decided. `choices`: the person's own, {question: Choice}, of drafts before those of
    comparisons."""

    tree: Tree
    messages: list[Message] = field(default_factory=list)
    waiting: list[Message] = field(default_factory=list)
    choices: dict[int, Choice] = field(default_factory=dict)


def to_go_on_from(answers: Sequence[Message]) -> Message | None:
    """Of the answers to one question, the one a talk goes on from when nobody says which: of the newest group
    of drafts (or the newest answer) the first on screen that is complete, else one that has at least said
    something; None while there is none."""
    newest = max(answers, key=lambda m: m.pk, default=None)
    if newest is None:
        return None
    group = [
        m
        for m in answers
        if m.pk == newest.pk or (newest.draft_group and m.draft_group == newest.draft_group)
    ]
    group.sort(key=lambda m: m.position)
    ended = [m for m in group if m.state != Message.State.STREAMING]
    return next((m for m in ended if m.state == Message.State.COMPLETE), None) or next(
        (m for m in ended if m.text), None
    )


def branch(conversation: Conversation, end_user: EndUser | None, through: int | None = None) -> Branch:
    """The branch through the message `through`, else the one last looked at. Four or five queries."""
    tree = talk.structure(conversation.pk)
    out = Branch(tree, choices=_choices(conversation, end_user))
    start = through or conversation.head_id
    if start not in tree:
        start = next((pk for pk in reversed(tree) if tree[pk][0] is None), None)
    if start is None:
        return out
    drafts = {
        m.pk: m
        for m in Message.objects.filter(conversation=conversation, draft_group__isnull=False).only(
            "draft_group", "position", "state", "parent_id", "text"
        )
    }
    way, waiting = _down(talk.way_to(start, tree), tree, drafts, out.choices)
    rows = Message.objects.select_related("arm__endpoint").in_bulk([*way, *waiting])
    out.messages = [rows[pk] for pk in way if pk in rows]
    out.waiting = [rows[pk] for pk in waiting if pk in rows]
    for row in rows.values():
        row.conversation = conversation
    return out


def _choices(conversation: Conversation, end_user: EndUser | None) -> dict[int, Choice]:
    rows = Choice.objects.filter(parent__conversation=conversation, end_user=end_user, current=True).order_by(
        "-regenerated", "created_at", "pk"
    )
    return {row.parent_id: row for row in rows}  # type: ignore[misc]  # those of a conversation have a parent


def _down(
    way: list[int], tree: Tree, drafts: dict[int, Message], choices: dict[int, Choice]
) -> tuple[list[int], list[int]]:
    """`way` down to a leaf, along the newest; (the way, drafts that wait at its end)."""
    children: dict[int, list[int]] = {}
    for pk, (parent, _role) in tree.items():
        if parent is not None:
            children.setdefault(parent, []).append(pk)
    while below := children.get(way[-1]):
        newest = below[-1]
        group = [
            pk
            for pk in below
            if newest in drafts and pk in drafts and drafts[pk].draft_group == drafts[newest].draft_group
        ]
        choice = choices.get(way[-1])
        gone_on = next((pk for pk in reversed(below) if pk in children), None)
        if len(group) > 1 and gone_on is None and choice is None:
            return way, sorted(group, key=lambda pk: drafts[pk].position)
        chosen = (
            choice.chosen_id if choice is not None and not choice.regenerated and len(group) > 1 else None
        )
        if len(group) > 1:
            first = to_go_on_from([drafts[pk] for pk in group])
            newest = chosen if chosen in below else gone_on or (first.pk if first else newest)
        way = [*way, newest]
    return way, []
