"""`jsonl`: every Example as it is (canonical.py), for tools of one's own and for importing again."""

import json
import math

from core import storable
from corpus.canonical import unified
from training_export.curate.examples import (
    Answer,
    Binary,
    EvalQuestion,
    Preference,
    PromptOnly,
    RankedList,
    Sft,
)
from training_export.formats.base import LABELS, Format
from training_export.formats.canonical import NAMES, OWN, SHARED, Lines
from training_export.formats.checks import LineChecker
from training_export.formats.messages import (
    LeftOut,
    answer_messages,
    blank,
    code_of,
    context_problem,
    identity,
)
from training_export.formats.rows import RowWriter

_dumps = json.JSONEncoder(ensure_ascii=False, sort_keys=True, default=list).encode


class Writer(RowWriter):
    """Leaves out only what nothing could read: empty answers, pairs of equals, a conversation no one could
    follow."""

    side_file = False  # the provenance stands in the row

    def __init__(self, folder, options, splits):
        super().__init__(folder, options, splits)
        self._lines = Lines()
        self._of: tuple = (None, None, None)  # what the next three lines are of
        self._code, self._prompt = "", 0
        self._known: dict[int, tuple] = {}

    def row(self, example, split):
        of = self._of
        if example.context is not of[0] or example.tools is not of[1] or example.sources is not of[2]:
            self._of = (None, None, None)  # until it is known what is to be said of it
            self._code, self._prompt = _prompt(example.context, example.tools, example.sources)
            self._of, self._known = (example.context, example.tools, example.sources), {}
        if self._code:
            raise LeftOut(self._code)
        judged, way = self._judgement(example)
        try:
            line = self._lines.line(example)
        except UnicodeEncodeError:
            raise LeftOut("stray_surrogate") from None
        self.put(self.stream_of(example, split, line), line, judged=judged, way=way, example=example)

    def stream_of(self, example, split: str, line: bytes) -> str:
        """The stream that the row goes to; LeftOut for one that cannot stand there."""
        return split

    def refuses(self, pair) -> bool:
        return False  # holds every text

    def _judgement(self, example) -> tuple[int, bool]:
        kind = type(example)
        if kind is Preference:
            return judgement(
                "preference", self._prompt, (self._id(example.chosen), self._id(example.rejected))
            )
        if kind is Binary:
            return judgement("binary", self._prompt, self._id(example.answer), bool(example.label))
        if kind is Sft:
            return judgement("sft", self._prompt, self._id(example.target))
        if kind is RankedList:
            return judgement(
                "ranked", self._prompt, tuple(tuple(self._id(a) for a in group) for group in example.groups)
            )
        return judgement(NAMES[kind], self._prompt, getattr(example, "reference", ""))

    def _id(self, answer) -> int:
        known = self._known.get(id(answer))
        if known is None:
            # held, so that its id is not another's
            known = self._known[id(answer)] = (answer, _answer_id(answer.text, answer.turns))
        return known[1]


def _prompt(context: list, tools, sources) -> tuple[str, int]:
    """(what is wrong with the context or "", a number for context, tools and sources)."""
    messages = [_readable(m) for m in context]
    code, _ = context_problem(messages, strict=False)
    if not code and (tools or sources or any(len(m) > 2 for m in context)):
        code = code_of(storable.fault([context, tools, sources]))
    if code:
        return code, 0
    return "", hash((identity(messages), unified(_dumps([tools, sources])) if tools or sources else ""))


def _readable(message: dict) -> dict:
    return (
        message | {"content": ""} if message.get("content") is None and message.get("tool_calls") else message
    )


def _answer_id(text: str, turns) -> int:
    """A number for an answer, LeftOut for an empty one."""
    if not turns:
        if blank(text):
            raise LeftOut("empty_answer")
        return hash(unified(text))
    if fault := storable.fault(turns):
        raise LeftOut(code_of(fault))
    before, final = answer_messages(Answer(text, turns))
    if blank(final["content"] or "") and not final.get("tool_calls"):
        raise LeftOut("empty_answer")
    return hash(unified(_dumps([*before, final])))


def judgement(kind: str, prompt: int, said, label: bool = False) -> tuple[int, bool]:
    """What a row of `kind` judges, and which way (see Ledger); `said`: the numbers of its answers. LeftOut
    for pairs of equals."""
    if kind == "preference":
        one, other = said
        if one == other:
            raise LeftOut("same_answers")
        return hash((kind, prompt, min(one, other), max(one, other))), one < other
    return hash((kind, prompt, said)), label


class Checker(LineChecker):
    same_columns = False  # each type has its own
    side_file = False

    def start(self, name):
        self._prompt, self._found, self._prompt_id = None, [], 0

    def expected(self, first):
        return _COLUMNS.get(first.get("type")) or _SHARED if isinstance(first.get("type"), str) else _SHARED

    def row(self, row):
        prompt = (row["context"], row["tools"], row["sources"])
        if prompt != self._prompt:  # neighbouring rows often share it
            self._prompt = prompt
            self._found = self._problems(row["context"])
        if self._found:
            return list(self._found)
        found = _shape(row)
        if found:
            return found
        if self._prompt_id is None:
            _, self._prompt_id = _prompt(*prompt)
        try:
            self.judged, self.way = self._judgement(row)
        except LeftOut as refused:
            return [("", refused.code, "")]
        return []

    def _problems(self, context) -> list:
        self._prompt_id = None
        if not isinstance(context, list) or not all(isinstance(m, dict) for m in context):
            return [("context", "not_messages", "")]
        code, detail = context_problem([_readable(m) for m in context], strict=False)
        return [("context", code, detail)] if code else []

    def _judgement(self, row: dict) -> tuple[int, bool]:
        kind, prompt = row["type"], self._prompt_id
        if kind == "preference":
            return judgement(kind, prompt, (_id(row["chosen"]), _id(row["rejected"])))
        if kind == "binary":
            return judgement(kind, prompt, _id(row["answer"]), row["label"])
        if kind == "sft":
            return judgement(kind, prompt, _id(row["target"]))
        if kind == "ranked":
            return judgement(kind, prompt, tuple(tuple(_id(a) for a in group) for group in row["groups"]))
        return judgement(kind, prompt, str(row.get("reference", "")))


_SHARED = set(SHARED)
_COLUMNS = {name: _SHARED | set(own) for name, own in OWN.items()}


def _id(answer: dict) -> int:
    return _answer_id(answer["text"], answer["turns"])


def _shape(row: dict) -> list:
    found = []
    for name in ("target", "chosen", "rejected", "answer"):
        if name in row and not _is_answer(row[name]):
            found.append((name, "bad_field", ""))
    groups = row.get("groups", [])
    if not isinstance(groups, list) or not all(
        isinstance(g, list) and g and all(_is_answer(a) for a in g) for g in groups
    ):
        found.append(("groups", "bad_field", ""))
    if "label" in row and row["label"] is not True and row["label"] is not False:
        found.append(("label", "label", repr(row["label"])[:40]))
    margin = row.get("margin")
    if margin is not None and (
        isinstance(margin, bool) or not isinstance(margin, (int, float)) or not math.isfinite(margin)
    ):
        found.append(("margin", "margin", repr(margin)[:40]))
    found += [(name, "bad_field", "") for name, kind in _KINDS if not isinstance(row[name], kind)]
    return found


_KINDS: tuple = (
    ("group_id", str),
    ("sources", list),
    ("tags", list),
    ("weight", (int, float)),
    ("provenance", dict),
    ("tools", (list, type(None))),
)
_ANSWER = {"text", "turns", "origin"}


def _is_answer(value) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == _ANSWER
        and isinstance(value["text"], str)
        and isinstance(value["origin"], str)
        and isinstance(value["turns"], list)
        and (not value["turns"] or all(isinstance(t, dict) for t in value["turns"]))
    )


FORMAT = Format(
    name="jsonl",
    label=LABELS["jsonl"],
    trainer="",
    takes=frozenset({Sft, Preference, Binary, RankedList, PromptOnly, EvalQuestion}),
    writer=Writer,
    checker=Checker,
    options=("margin",),
)
