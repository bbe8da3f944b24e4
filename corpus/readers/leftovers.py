"""What stood in a row and was not taken: named, so that the report can count it."""

from corpus.readers import turns
from corpus.readers.errors import RowRefused
from corpus.readers.rows import PASSAGE_KEYS, Row

# What is taken of the objects in a list, by the field that the list is.
_OF_MESSAGE = frozenset(
    (
        "role",
        "from",
        "speaker",
        "content",
        "value",
        "text",
        "name",
        "tool_call_id",
        "tool_calls",
        "function_call",
    )
)
_OF_ANSWER = frozenset(
    (
        "answer",
        "response",
        "text",
        "content",
        "completion",
        "output",
        "value",
        "rank",
        "overall_score",
        "score",
        "rating",
        "pm_score",
        "model",
        "model_id",
        "model_name",
        "answer_id",
        "response_id",
        "id",
    )
)
_OF_PASSAGE = frozenset((*PASSAGE_KEYS, "title", "url", "link"))
_OF = {"answers": _OF_ANSWER, "source": _OF_PASSAGE}
_NOTHING: tuple = (None, "", [], {})


def not_taken(row: Row) -> tuple[str, ...]:
    """The names of what the shapes left aside: columns too long for a note, and "column[].key" for keys of
    messages, answers and passages."""
    names = dict.fromkeys(row.dropped)
    tools = row.columns.of.get("tools")  # taken whole
    for column in row.used:
        if column == tools:
            continue
        value = row.data[column]
        if isinstance(value, str):
            if value[:2] != "[{":
                continue
            value = _parsed(value)
        if isinstance(value, dict) and isinstance(value.get("messages"), list):
            value = value["messages"]
        if isinstance(value, list) and value and isinstance(value[0], dict):
            names |= dict.fromkeys(
                _keys(
                    column,
                    value,
                    next((_OF[ours] for ours in _OF if row.columns.of.get(ours) == column), _OF_MESSAGE),
                )
            )
    return tuple(names)


def _parsed(value: str):
    try:
        return turns.from_json(value, "")
    except RowRefused:
        return value


def _keys(column: str, objects: list, taken: frozenset) -> list[str]:
    found = []
    for one in objects:
        if not isinstance(one, dict):
            continue
        if not one.keys() <= taken:
            found += [
                f"{column}[].{key}"[:200]
                for key, value in one.items()
                if key not in taken and value not in _NOTHING
            ]
        content = one.get("content")
        if isinstance(content, list) and taken is _OF_MESSAGE:
            found += [
                f"{column}[].{kind}"
                for kind in sorted(turns.KEPT_APART & {turns.part_type(part) for part in content})
            ]
    return found
