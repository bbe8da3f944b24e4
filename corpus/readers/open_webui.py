"""Open WebUI's exports: chats (every question that was answered twice, and the last one), and feedback with
its snapshot of the chat."""

from django.utils.translation import gettext as _

from corpus.readers import limits, turns
from corpus.readers.errors import RowRefused
from corpus.readers.judgements import judging
from corpus.readers.rows import Row, as_id
from corpus.records import AnswerIn, Entry, JudgementIn

CHAT, FEEDBACK = "open_webui_chat", "open_webui_feedback"


def is_chat(row: dict) -> bool:
    """Whether a row is a chat: a history of messages that name their parents."""
    return _nodes(row) is not None


def is_feedback(row: dict) -> bool:
    """Whether a row is a rating with the chat as it stood then."""
    return (
        isinstance(row.get("data"), dict)
        and "rating" in row["data"]
        and isinstance(row.get("meta"), dict)
        and "snapshot" in row
    )


def chats(row: Row) -> list[Entry]:
    """The answers to each question that has several, and to the last question of the branch that was shown;
    models' answers, to be judged. A rating of an answer is a label."""
    chat = _Chat(row.data)
    if not chat.nodes:
        raise RowRefused("chat", "turns", _("The chat has no messages."))
    rater = as_id(row.data.get("user_id"), "user_id")
    entries = []
    for node in chat.nodes.values():
        if node.get("role") != "user":
            continue
        answers = chat.answers(node)
        if len(answers) < 2 and not (answers and node is chat.last_question()):
            continue
        before = chat.path(node)
        if before is None:
            row.dropped.append("history.messages[].files")
            continue
        entries.append(Entry("ranking", before, [_answer(a) for a in answers], external_id=_id(node)))
        for answer in answers:
            rating = (
                answer["annotation"].get("rating") if isinstance(answer.get("annotation"), dict) else None
            )
            if rating is not None:
                entries.append(_labelled(before, answer, rating, rater, "annotation"))
    if not entries:
        raise RowRefused(
            "chat",
            "not_text" if row.dropped else "empty_answer",
            _("The chat has no question with an answer that is text alone."),
        )
    row.dropped += [
        c
        for c, value in row.data.items()
        if c not in ("id", "user_id", "chat", "history", "messages") and value not in (None, "", [], {})
    ]
    return entries


def feedback(row: Row) -> list[Entry]:
    """A thumb as a label of its answer; where it was given beside answers of other models, as a ranking,
    too."""
    if not is_feedback(row.data):
        raise RowRefused("data", "missing", _("This is not a rating with a snapshot of its chat."))
    data, meta, snapshot = row.data["data"], row.data["meta"], row.data["snapshot"]
    shot = snapshot.get("chat") if isinstance(snapshot, dict) else None
    chat = _Chat(shot if isinstance(shot, dict) else {})
    rated = chat.nodes.get(str(meta.get("message_id")))
    question = chat.nodes.get(str(rated.get("parentId"))) if rated else None
    if rated is None or question is None or rated.get("role") != "assistant":
        raise RowRefused("snapshot", "missing", _("The answer that was rated is not in the snapshot."))
    before = chat.path(question)
    if before is None:
        raise RowRefused(
            "snapshot", "not_text", _("The chat holds files or pictures; only text can be imported.")
        )
    rater = as_id(row.data.get("user_id"), "user_id")
    labelled = _labelled(before, rated, data.get("rating"), rater, "data")
    good = labelled.judgements[0].document["acceptable"] == 1
    labelled.metadata = {
        key: data[key]
        for key in ("reason", "comment", "tags", "details")
        if data.get(key) and len(str(data[key])) <= limits.MAX_METADATA_VALUE
    }
    entries = [labelled]
    if data.get("sibling_model_ids"):
        beside = [
            node
            for node in chat.answers(question)
            if node is not rated and node["content"] != rated["content"]
        ]
        answer = labelled.answers[0]
        if not beside:
            row.dropped.append("data.sibling_model_ids")
        for sibling in beside:
            ranking = [[0], [1]] if good else [[1], [0]]
            entries.append(
                Entry(
                    "ranking", before, [answer, _answer(sibling)], [JudgementIn({"ranking": ranking}, rater)]
                )
            )
    row.dropped += [
        c
        for c in row.data
        if c
        not in ("id", "user_id", "type", "version", "data", "meta", "snapshot", "created_at", "updated_at")
    ]
    return entries


def _nodes(row: dict) -> dict | None:
    chat = row.get("chat") if isinstance(row.get("chat"), dict) else row
    history = chat.get("history") if isinstance(chat, dict) else None
    nodes = history.get("messages") if isinstance(history, dict) else None
    if not isinstance(nodes, dict) or not all(
        isinstance(node, dict) and "role" in node and "parentId" in node for node in nodes.values()
    ):
        return None
    return nodes


class _Chat:
    """The tree of one chat's messages."""

    def __init__(self, row: dict):
        self.nodes: dict = _nodes(row) or {}
        chat = row["chat"] if isinstance(row.get("chat"), dict) else row
        params = chat.get("params")
        self.system = params.get("system") if isinstance(params, dict) else None
        history = chat.get("history")
        self.current = history.get("currentId") if isinstance(history, dict) else None

    def answers(self, question: dict) -> list[dict]:
        """The finished answers to a question that say something."""
        children = [
            node
            for node in self.nodes.values()
            if node.get("role") == "assistant" and str(node.get("parentId")) == _id(question)
        ]
        return [
            n
            for n in children
            if isinstance(n.get("content"), str)
            and n["content"].strip()
            and n.get("done") is not False
            and not n.get("error")
        ]

    def last_question(self) -> dict | None:
        node, seen = self.nodes.get(str(self.current)), 0
        while node is not None and node.get("role") != "user" and seen <= len(self.nodes):
            node, seen = self.nodes.get(str(node.get("parentId"))), seen + 1
        return node

    def path(self, node: dict) -> list[dict] | None:
        """The turns up to a message, the system prompt first; None where one of them came with a file.
        RowRefused for a tree that is none."""
        out: list[dict] = []
        at: dict | None = node
        while at is not None:
            if len(out) > min(len(self.nodes), limits.MAX_TURNS):
                raise RowRefused(
                    "chat",
                    "turns",
                    _("The messages of the chat name each other in a circle, or are too many."),
                )
            if at.get("files") or not isinstance(at.get("content"), str):
                return None
            out.append(
                {"role": turns.role_of(at.get("role"), "chat"), "content": turns.text(at["content"], "chat")}
            )
            at = self.nodes.get(str(at.get("parentId")))
        if isinstance(self.system, str) and self.system.strip():
            out.append({"role": "system", "content": self.system})
        return out[::-1]


def _id(node: dict) -> str:
    return str(node.get("id") or "")[: limits.MAX_ID]


def _answer(node: dict) -> AnswerIn:
    model = as_id(node.get("model"), "chat") or None
    return AnswerIn(
        turns.text(node["content"], "chat"), model, "model" if model else "imported", external_id=_id(node)
    )


def _labelled(before: list[dict], node: dict, rating, rater: str, column: str) -> Entry:
    document = {"ranking": [[0]], "acceptable": int(judging.label(rating, column))}
    return Entry("ranking", before, [_answer(node)], [JudgementIn(document, rater)])
