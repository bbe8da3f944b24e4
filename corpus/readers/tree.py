"""Open-Assistant trees: nested replies with ranks. One entry per set of two or more sibling answers of the
assistant."""

from django.utils.translation import gettext as _

from corpus import endings
from corpus.readers import limits, turns
from corpus.readers.errors import RowRefused
from corpus.readers.judgements import judging
from corpus.records import AnswerIn, Entry, JudgementIn

_OF_TREE = {"prompt", "message_tree_id"}
_OF_NODE = {
    "replies",
    "text",
    "content",
    "role",
    "rank",
    "model_name",
    "synthetic",
    "message_id",
    "message_tree_id",
    "lang",
    "deleted",
    "parent_id",
}


def is_tree(row: dict) -> bool:
    """Whether a row is, or holds under "prompt", a message with replies."""
    node = row.get("prompt") if isinstance(row.get("prompt"), dict) else row
    return isinstance(node.get("replies"), list) and isinstance(node.get("text", node.get("content")), str)


def sibling_sets(row) -> list[Entry]:
    """The context of a set is the path to it. Ranks order the siblings (equal ranks tie, null is unranked);
    deleted messages and what hangs on them are left out. RowRefused for a tree in which no two answers
    stand side by side."""
    data = row.data
    root = data["prompt"] if isinstance(data.get("prompt"), dict) else data
    if not isinstance(root.get("replies"), list):
        raise RowRefused("replies", "tree", _("This is not a tree of messages: there is no list of replies."))
    tree_id, language = str(data.get("message_tree_id") or root.get("message_id") or ""), root.get("lang")
    entries: list[Entry] = []
    left: set[str] = set(data.keys() - _OF_TREE) if root is not data else set()
    todo, seen = [(root, [])] if root.get("deleted") is not True else [], 0
    while todo:
        node, before = todo.pop()
        seen += 1
        left.update(
            f"replies[].{key}" for key in node.keys() - _OF_NODE if node[key] not in (None, "", [], {})
        )
        if seen > limits.MAX_NODES:
            raise RowRefused(
                "replies", "too_long", _("The tree has more than %(n)d messages.") % {"n": limits.MAX_NODES}
            )
        path = [*before, {"role": _role(node), "content": _text(node)}]
        if len(path) > limits.MAX_TURNS:
            raise RowRefused(
                "replies",
                "too_many_turns",
                _("The conversation has more than %(n)d messages.") % {"n": limits.MAX_TURNS},
            )
        replies = node.get("replies") or []
        if not isinstance(replies, list) or not all(isinstance(r, dict) for r in replies):
            raise RowRefused("replies", "tree", _("The replies must be a list of messages."))
        replies = [r for r in replies if r.get("deleted") is not True]
        answers = [r for r in replies if _role(r) == "assistant"]
        if len(answers) >= 2 and path[-1]["role"] == "user":
            entries.append(_entry(path, answers, node, tree_id, language))
        todo.extend((r, path) for r in reversed(replies))
    if not entries:
        raise RowRefused(
            "replies",
            "no_siblings",
            _(
                "Nowhere in this tree do two answers of the assistant stand side by side: there is "
                "nothing to rank."
            ),
        )
    row.dropped += sorted(left)
    return entries


def _role(node: dict) -> str:
    return turns.role_of(node.get("role"), "role")


def _text(node: dict) -> str:
    made = turns.text(node.get("text", node.get("content")), "text")
    if not made.strip():
        raise RowRefused("text", "empty_answer", _("A message of the tree is empty."))
    return made


def _entry(path: list, nodes: list[dict], parent: dict, tree_id: str, language) -> Entry:
    if len(nodes) > limits.MAX_ANSWERS:
        raise RowRefused(
            "replies", "too_many_answers", _("There are more than %(n)d answers.") % {"n": limits.MAX_ANSWERS}
        )
    answers = []
    for node in nodes:
        model = node.get("model_name") if isinstance(node.get("model_name"), str) else None
        origin = (
            "model"
            if model or node.get("synthetic") is True
            else "human"
            if node.get("synthetic") is False
            else "imported"
        )
        external = str(node.get("message_id") or "")[: limits.MAX_ID]
        answers.append(
            AnswerIn(
                text=_text(node),
                model=model or None,
                origin=origin,
                external_id=external,
                cut=endings.said_in(node),
            )
        )
    ranks = [judging.number(node.get("rank"), "rank") for node in nodes]
    document = judging.ranking_by(ranks, [a.text for a in answers], "rank", low_is_best=True)
    metadata = {"message_tree_id": tree_id} if tree_id else {}
    if isinstance(language, str) and language:
        metadata["lang"] = language
    external = str(parent.get("message_id") or "")[: limits.MAX_ID]
    return Entry(
        "ranking", path, answers, [JudgementIn(document)] if document else [], None, [], metadata, external
    )
