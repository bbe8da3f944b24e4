"""From a row to entries: one small function per shape of data. (Rows that compare answers are in judged.py,
trees in tree.py.)"""

from collections.abc import Callable

from django.utils.translation import gettext as _

from corpus import endings
from corpus.readers import open_webui, own_rows, packed_rows, transcripts, turns
from corpus.readers.errors import RowRefused
from corpus.readers.fields import Columns
from corpus.readers.judgements import judging
from corpus.readers.judgements.judged import answer_columns, answer_list, preference, ranked_texts
from corpus.readers.rows import (
    Row,
    as_id,
    check_prompt,
    context,
    ending,
    entry,
    judge_name,
    made_answer,
    split_answer,
)
from corpus.readers.tree import is_tree, sibling_sets
from corpus.records import Entry, JudgementIn


def prompts(row: Row) -> list[Entry]:
    """A question; where it is the text of a whole conversation, its last answer is the answer."""
    messages = context(row)
    if (
        messages
        and messages[-1]["role"] == "assistant"
        and row.has("prompt")
        and transcripts.turns_of(row.data[row.name("prompt")])
    ):
        return _answered(row, messages, row.name("prompt"))
    return [
        entry(
            row,
            "prompt",
            check_prompt(messages, row.name("messages") if row.filled("messages") else row.name("prompt")),
        )
    ]


def answered(row: Row) -> list[Entry]:
    """alpaca: a question and its answer. With a model named for the file the answers are there to be judged,
    else to be learnt."""
    messages = check_prompt(context(row), row.name("prompt"))
    text = _one_answer(row.get("answer"), row.name("answer"))
    identity = as_id(row.get("answer_id"), row.name("answer_id"))
    answer = made_answer(row, text, row.name("answer"), external_id=identity, cut=ending(row))
    if row.model:
        return [entry(row, "ranking", messages, [answer])]
    answer.is_target = True
    return [entry(row, "sft", messages, [answer])]


def conversations(row: Row) -> list[Entry]:
    """sharegpt / chatml: the last assistant turn is the answer, all before it the prompt."""
    return _answered(row, context(row), row.name("messages"))


def _answered(row: Row, messages: list[dict], column: str) -> list[Entry]:
    messages, answer = split_answer(messages, column)
    if answer is None:
        return [entry(row, "prompt", messages)]
    made = made_answer(row, answer, column, cut=_last_ending(row))
    made.is_target = not row.model
    return [entry(row, "ranking" if row.model else "sft", messages, [made])]


def qa(row: Row) -> list[Entry]:
    messages = check_prompt(context(row), row.name("prompt"))
    text = _one_answer(row.get("answer"), row.name("answer"))
    return [entry(row, "qa", messages, [made_answer(row, text, row.name("answer"), cut=ending(row))])]


def kto(row: Row) -> list[Entry]:
    good = judging.label(row.get("label"), row.name("label"))
    if row.filled("messages") and (
        not row.has("answer") or turns.last_role(row.data[row.name("messages")]) == "assistant"
    ):
        column = row.name("messages")
        messages, answer = split_answer(context(row), column)
    elif not row.has("answer"):
        column = row.name("prompt")
        messages, answer = split_answer(context(row), column)
        if answer is None:
            raise _missing("answer")
    else:
        column, messages = row.name("answer"), check_prompt(context(row), row.name("prompt"))
        answer = _one_answer(row.get("answer"), column)
    if answer is None:
        raise RowRefused(column, "empty_answer", _("The answer is empty."))
    document = {"ranking": [[0]], "acceptable": int(good)}
    return [
        entry(
            row,
            "ranking",
            messages,
            [made_answer(row, answer, column, cut=_last_ending(row))],
            [JudgementIn(document, judge_name(row))],
        )
    ]


def answers_to_known(row: Row) -> list[Entry]:
    """An answer to a prompt that is known by its id (files joined on an id)."""
    external = as_id(row.get("id"), row.name("id"))
    if not external:
        raise RowRefused(row.name("id"), "id", _("The id of the prompt is missing."))
    value, column = row.get("answer"), row.name("answer")
    if not row.has("answer") and row.filled("messages"):
        column = row.name("messages")
        _prompt, value = split_answer(turns.conversation(row.get("messages"), column), column)
    identity = as_id(row.get("answer_id"), row.name("answer_id"))
    made = made_answer(row, _one_answer(value, column), column, external_id=identity, cut=_last_ending(row))
    for ours in ("prompt", "input", "system", "history", "messages"):
        if row.filled(ours) and row.name(ours) not in row.used:
            row.dropped.append(row.name(ours))  # the prompt is the one that is known
        row.get(ours)
    out = entry(row, "answer", [], [made])
    made.parameters, out.metadata = out.metadata or None, {}
    return [out]


def _last_ending(row: Row) -> str:
    """Where the row's answer was cut off, said beside it or in the last message of its conversation."""
    messages = turns.talk(row.data[row.name("messages")]) if row.filled("messages") else None
    last = messages[-1] if isinstance(messages, list) and messages else None
    return ending(row) or (endings.said_in(last) if isinstance(last, dict) else "")


def _one_answer(value, column: str):
    """The text of an answer given as a message of the assistant, or a list with one; any other value as it
    is."""
    value = turns.talk(value)
    if not isinstance(value, (list, dict)) or not turns.is_talk(value):
        return value
    messages = turns.conversation(value, column)
    if len(messages) != 1 or messages[0]["role"] != "assistant" or messages[0].get("tool_calls"):
        raise RowRefused(column, "answer", _("The answer must be one message of the assistant."))
    return messages[0]["content"]


def seed_tasks(row: Row) -> list[Entry]:
    """An instruction with its instances: an answered prompt for each."""
    made = []
    for one in packed_rows.instances(row):
        made += answered(one)
        row.dropped += one.dropped
    return made


def output_pairs(row: Row) -> list[Entry]:
    """LLaMA-Factory's older preference rows: `output` holds the better and the worse answer."""
    inner = packed_rows.as_preference(row)
    made = preference(inner)
    row.dropped += inner.dropped
    return made


SHAPES: dict[str, Callable[[Row], list[Entry]]] = {
    "alpaca": answered,
    "sharegpt": conversations,
    "chatml": conversations,
    "preference": preference,
    "kto": kto,
    "ranked": ranked_texts,
    "ranked_list": answer_list,
    "pairs": answer_columns,
    "qa": qa,
    "prompts": prompts,
    "transcripts": prompts,
    "answers": answers_to_known,
    "tree": sibling_sets,
    "seed_tasks": seed_tasks,
    "output_pairs": output_pairs,
    own_rows.SHAPE: own_rows.alone,
    open_webui.CHAT: open_webui.chats,
    open_webui.FEEDBACK: open_webui.feedback,
}

# What a row must have of each shape: one field of each group.
NEEDED: dict[str, tuple[tuple[str, ...], ...]] = {
    "alpaca": (("prompt", "messages"), ("answer",)),
    "sharegpt": (("messages",),),
    "chatml": (("messages",),),
    "preference": (("chosen", "messages", "answer"), ("rejected",)),
    "kto": (("label",), ("messages", "prompt"), ("messages", "answer", "prompt")),
    "ranked": (("prompt", "messages"),),
    "ranked_list": (("prompt", "messages"), ("answers",)),
    "qa": (("prompt", "messages"), ("answer",)),
    "prompts": (("prompt", "messages"),),
    "transcripts": (("prompt", "messages"),),
    "answers": (("id",), ("answer", "messages")),
    "seed_tasks": (("prompt",),),
    "output_pairs": (("prompt",), ("answer",)),
}


def shape_of(row: dict, columns: Columns) -> str | None:
    """The shape one row has, None if its columns do not tell. ("review" and "messages_apart" are recognised
    to be refused.)"""
    of = columns.of
    if own_rows.is_own(row):
        return own_rows.SHAPE
    if open_webui.is_feedback(row):
        return open_webui.FEEDBACK
    if open_webui.is_chat(row):
        return open_webui.CHAT
    if is_tree(row):
        return "tree"
    if packed_rows.has_instances(row, columns):
        return "seed_tasks"
    if packed_rows.holds_pair(row, columns):
        return "output_pairs"
    if {"message_id", "parent_id", "role"} <= row.keys():
        return "messages_apart"
    if "answer1_id" in of and "answer2_id" in of:
        return "review"
    talks = "messages" in of and _is_list(row[of["messages"]])
    last = turns.last_role(row[of["messages"]]) if talks else None
    asks = "prompt" in of or last == "user"
    if "rejected" in of and ("chosen" in of or "messages" in of or {"prompt", "answer"} <= of.keys()):
        return "preference"
    if columns.ranked_texts and asks:
        return "ranked"
    if len(columns.answers) >= 2:
        return "pairs"
    if "answers" in of and "answer" not in of and asks and _are_answers(row[of["answers"]]):
        return "ranked_list"
    told = (
        transcripts.turns_of(row[of["prompt"]])
        if "prompt" in of and "answer" not in of and "messages" not in of
        else None
    )
    holds_answer = told is not None and told[-1]["role"] == "assistant"
    if (
        "label" in of
        and judging.is_label(row[of["label"]])
        and (talks or ("prompt" in of and ("answer" in of or holds_answer)))
    ):
        return "kto"
    if talks and not (
        last != "assistant" and "answer" in of and asks and row[of["answer"]] not in (None, "")
    ):
        try:
            value = turns.from_json(row[of["messages"]], "")
        except RowRefused:
            return "chatml"
        return "sharegpt" if value and isinstance(value[0], dict) and "from" in value[0] else "chatml"
    if "answer" in of and asks:
        return "qa" if "source" in of else "alpaca"
    if "answer" in of and "id" in of:
        return "answers"
    lost = any(
        row[of[ours]] not in (None, "", [], {}) for ours in ("answers", "chosen", "rejected") if ours in of
    )
    if holds_answer and not lost:
        return "transcripts"
    return "prompts" if "prompt" in of and not lost and not isinstance(row[of["prompt"]], dict) else None


def richer(fmt: str, row: dict, columns: Columns) -> str:
    """`fmt`, the shape of the file, or this row's own where that takes in more of it: what it says of its
    answers is not passed over."""
    more = (
        columns.answers
        or columns.ranked_texts
        or not columns.of.keys().isdisjoint(("rejected", "answers", "source"))
    )
    if more and fmt in ("prompts", "alpaca", "sharegpt", "chatml"):
        own = shape_of(row, columns)
        if own in ("preference", "ranked", "ranked_list", "pairs", "qa"):
            return own
    return fmt


def _is_list(value) -> bool:
    return isinstance(value, list) or (isinstance(value, str) and value.lstrip()[:1] == "[")


def _are_answers(value) -> bool:
    return _is_list(value) or (
        isinstance(value, dict) and bool(value) and all(isinstance(v, str) for v in value.values())
    )


def check_columns(fmt: str, row: Row) -> None:
    """RowRefused naming the field that this row, of a file of shape `fmt`, does not have."""
    for group in NEEDED.get(fmt, ()):
        if not any(ours in row.columns.of for ours in group):
            raise _missing(group[0])
    if fmt == "ranked" and not row.columns.ranked_texts:
        raise _missing("rank1")
    if fmt == "pairs" and not row.columns.answers:
        raise _missing("answer_1")


def _missing(ours: str) -> RowRefused:
    return RowRefused(ours, "missing", _("The record has no column for %(field)s.") % {"field": ours})
