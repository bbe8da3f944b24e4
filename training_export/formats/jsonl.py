"""`jsonl`: every Example as it is (canonical.py), for tools of one's own and for importing again."""

import json
import math

from training_export.examples import Binary, EvalQuestion, Preference, PromptOnly, RankedList, Sft
from training_export.formats.base import LABELS, Format
from training_export.formats.canonical import OWN, SHARED, from_row, line
from training_export.formats.checks import LineChecker
from training_export.formats.messages import LeftOut, answer_messages, blank, context_problem, identity
from training_export.formats.rows import RowWriter

_dumps = json.JSONEncoder(ensure_ascii=False, sort_keys=True, default=list).encode


class Writer(RowWriter):
    """Leaves out only what nothing could read: empty answers, pairs of equals, a conversation no one could follow."""

    side_file = False  # the provenance stands in the row
    _last = (None, None, "", 0)

    def row(self, example, split):
        code, prompt = self._context(example)
        if code:
            raise LeftOut(code)
        try:
            judged, way = judgement(example, prompt)
            self.put(split, line(example), judged=judged, way=way, example=example)
        except UnicodeEncodeError:
            raise LeftOut("stray_surrogate") from None

    def refuses(self, pair) -> bool:
        return False  # holds every text

    def _context(self, example) -> tuple[str, int]:
        group, context, code, prompt = self._last
        if group != example.group_id or (context is not example.context and context != example.context):
            code, _ = context_problem([_readable(m) for m in example.context], strict=False)
            prompt = identity(_dumps([example.context, example.tools, example.sources]))
            self._last = (example.group_id, example.context, code, prompt)
        return code, prompt


def _readable(message: dict) -> dict:
    return message | {"content": ""} if message.get("content") is None and message.get("tool_calls") else message


def answer_identity(answer) -> int:
    before, final = answer_messages(answer)
    if blank(final["content"] or "") and not final.get("tool_calls"):
        raise LeftOut("empty_answer")
    return identity(answer.text) if not answer.turns else identity(_dumps([*before, final]))


def judgement(example, prompt: int) -> tuple[int, bool]:
    """What `example` judges, and which way (see Ledger). LeftOut for empty answers and pairs of equals."""
    kind = type(example)
    if kind is Preference:
        one, other = answer_identity(example.chosen), answer_identity(example.rejected)
        if one == other:
            raise LeftOut("same_answers")
        return hash(("pair", prompt, min(one, other), max(one, other))), one < other
    if kind is Binary:
        return hash(("label", prompt, answer_identity(example.answer))), bool(example.label)
    if kind is Sft:
        return hash(("sft", prompt, answer_identity(example.target))), False
    if kind is RankedList:
        groups = tuple(tuple(answer_identity(a) for a in group) for group in example.groups)
        return hash(("ranked", prompt, groups)), False
    return hash((kind.__name__, prompt, getattr(example, "reference", ""))), False


class Checker(LineChecker):
    same_columns = False  # each type has its own
    side_file = False

    def expected(self, first):
        return set(SHARED) | set(OWN.get(str(first.get("type")), ()))

    def row(self, row):
        context = row["context"]
        if not isinstance(context, list) or not all(isinstance(m, dict) for m in context):
            return [("context", "not_messages", "")]
        code, detail = context_problem([_readable(m) for m in context], strict=False)
        if code:
            return [("context", code, detail)]
        found = _shape(row)
        if found:
            return found
        example = from_row(row)
        try:
            self.judged, self.way = judgement(example, identity(_dumps([row["context"], row["tools"], row["sources"]])))
        except LeftOut as refused:
            return [("", refused.code, "")]
        return []


def _shape(row: dict) -> list:
    found = []
    for name in ("target", "chosen", "rejected", "answer"):
        if name in row and not _is_answer(row[name]):
            found.append((name, "bad_field", ""))
    groups = row.get("groups", [])
    if not isinstance(groups, list) or not all(isinstance(g, list) and g and all(_is_answer(a) for a in g) for g in groups):
        found.append(("groups", "bad_field", ""))
    if "label" in row and row["label"] is not True and row["label"] is not False:
        found.append(("label", "label", repr(row["label"])[:40]))
    margin = row.get("margin")
    if margin is not None and (isinstance(margin, bool) or not isinstance(margin, (int, float)) or not math.isfinite(margin)):
        found.append(("margin", "margin", repr(margin)[:40]))
    for name, kind in (("group_id", str), ("sources", list), ("tags", list), ("weight", (int, float)), ("provenance", dict), ("tools", (list, type(None)))):
        if not isinstance(row[name], kind):
            found.append((name, "bad_field", ""))
    return found


def _is_answer(value) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"text", "turns", "origin"}
        and isinstance(value["text"], str)
        and isinstance(value["origin"], str)
        and isinstance(value["turns"], list)
        and all(isinstance(t, dict) for t in value["turns"])
    )


FORMAT = Format(
    name="jsonl",
    label=LABELS["jsonl"],
    trainer="",
    takes=frozenset({Sft, Preference, Binary, RankedList, PromptOnly, EvalQuestion}),
    writer=Writer,
    checker=Checker.run,
    takes_margin=True,
    options=("margin",),
)
