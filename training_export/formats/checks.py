"""The strict checkers: they read the written files as a trainer would, and refuse what trainers take without
a word."""

import json
import math
import re
from pathlib import Path

import orjson

from training_export.formats.base import SPLITS, Problem
from training_export.formats.ledger import Ledger, entry
from training_export.formats.messages import (
    answer_problem,
    any_template_token,
    blank,
    context_problem,
    has_template_token,
    identity,
)

WARNINGS = {"one_class", "unbalanced", "no_rows", "date_like", "one_file", "few_rows"}
# What datasets' JSON loader (pyarrow) takes for a time, if all texts of a column look so.
DATE_LIKE = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d(:?\d\d(:?\d\d)?)?(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)?)?")


def _no_constant(name):
    raise ValueError(name)


_exactly = json.JSONDecoder(parse_constant=_no_constant).decode


class LineChecker:
    """Reads every file of rows once: `begin(name)`, `take(lines)` as often as there are more, `finish()`.
    Subclasses say what is wrong in one row: `row(row)` returns [(field, code, detail)], and sets `judged`
    (and `way`) to what the Ledger needs, if nothing is wrong. Memory: 8 bytes a row."""

    columns: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    same_columns = True
    side_file = True
    suffix = ".jsonl"

    def __init__(self, folder: Path, options):
        self.folder, self.options = folder, options
        self.ledger = Ledger()
        self.judged, self.way = None, False
        self.read = parsed

    def files(self) -> list[str]:
        names = [f"{split}{self.suffix}" for split in SPLITS]
        return [name for name in names if (self.folder / name).exists()]

    def problems(self):
        files = self.files()
        if not files:
            yield Problem("", 0, "", "no_rows", level="warning")
        for name in files:
            yield from self.file(name)
        yield from self.together()

    def together(self):
        """What is wrong in all files together, once each has been read."""
        found = self.ledger.conflicts()
        if found and self.read is parsed:
            # Numbers beyond 64 bits may have been taken for equal: look again, slowly, before a row is
            # blamed.
            again = type(self)(self.folder, self.options)
            again.read = parsed_exactly
            for name in self.ledger.parts:
                for _ in again.file(name):
                    pass
            found = again.ledger.conflicts()
        for name, rows in found.items():
            for index, code in rows.items():
                yield Problem(name, index + 1, "", code)

    def problem(self, name: str, line: int, field: str, code: str, detail: str = "") -> Problem:
        return Problem(name, line, field, code, detail, "warning" if code in WARNINGS else "error")

    def file(self, name: str):
        self.begin(name)
        with open(self.folder / name, "rb") as lines:
            yield from self.take(lines)
        yield from self.finish()

    def begin(self, name: str) -> None:
        """The lines that come now are those of `name`."""
        self.name, self.rows = name, 0
        self._expected: set = set()
        self.start(name)

    def take(self, lines):
        """The problems of the next lines (bytes, with or without their line ends)."""
        name, read, judged = self.name, self.read, self.ledger.part(self.name)
        for raw in lines:
            self.rows += 1
            row, code = read(raw)
            found = [("", code, "")] if code else []
            self.judged, self.way = None, False
            if row is not None:
                expected = self._expected
                if not expected or not self.same_columns:
                    expected = self._expected = self.expected(row)
                if row.keys() != expected:
                    found = [(", ".join(sorted(set(row) ^ expected)), "columns", "")]
                else:
                    found = self.row(row)
            for field, problem, detail in found:
                yield self.problem(name, self.rows, field, problem, detail)
            judged.append(0 if found or self.judged is None else entry(self.judged, self.way))

    def finish(self):
        """What is wrong with the file as a whole, once its last line was taken."""
        name = self.name
        if not self.rows:
            yield self.problem(name, 0, "", "no_rows")
        for field, code, detail in self.end():
            yield self.problem(name, 0, field, code, detail)
        if self.side_file:
            yield from self.provenance(name, self.rows)

    def expected(self, first: dict) -> set:
        """The columns every row must have, as the first row chooses among the optional ones."""
        return set(self.columns) | (set(first) & set(self.optional))

    def provenance(self, name: str, rows: int):
        side = self.folder / "provenance" / f"{name.removesuffix(self.suffix)}.jsonl"
        if not side.exists():
            yield self.problem(name, 0, "", "provenance", "0")
            return
        with open(side, "rb") as lines:
            count = sum(piece.count(b"\n") for piece in iter(lambda: lines.read(1 << 20), b""))
        if count != rows:
            yield self.problem(name, 0, "", "provenance", f"{count} / {rows}")

    def start(self, name: str) -> None:
        """Before the first row of a file."""

    def row(self, row: dict) -> list:
        raise NotImplementedError

    def end(self) -> list:
        """After the last row of a file: [(field, code, detail)] about it as a whole."""
        return []


def parsed(raw: bytes) -> tuple[dict | None, str]:
    """(row, "") or (None, code). Integers beyond 64 bits come as floats."""
    if raw[:1] == b"{":
        try:
            return orjson.loads(raw), ""
        except orjson.JSONDecodeError:
            pass
    return parsed_exactly(raw)


def parsed_exactly(raw: bytes) -> tuple[dict | None, str]:
    """As `parsed`, a third as fast; integers of any size, and what is wrong told apart."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None, "not_utf8"
    if text[:1] != "{":
        return None, "byte_order_mark" if text[:1] == "\ufeff" else "blank_line" if blank(
            text
        ) else "not_json"
    try:
        row = _exactly(text)
    except (ValueError, RecursionError):
        return None, "not_json"
    return (row, "") if isinstance(row, dict) else (None, "not_json")


class TrlChecker(LineChecker):
    """Conversational rows of TRL."""

    optional: tuple[str, ...] = ("tools",)
    answers: tuple[str, ...] = ("completion",)
    turns_in_answers = False

    def start(self, name):
        self._prompt, self._prompt_found, self._prompt_id = None, [], None
        self._dates = {"prompt", *self.answers}

    def row(self, row):
        found = self.prompt(row)
        if "tools" in row:
            found += self.tools(row)
        for column in self.answers:
            found += self.answer(column, row[column])
        found += self.more(row)
        if not found:
            self.judge(row, self._prompt_id)
            if self._dates:
                self._dates = {
                    c for c in self._dates if all(DATE_LIKE.fullmatch(m["content"]) for m in row[c])
                }
        return found

    def end(self):
        return [(column, "date_like", "") for column in sorted(self._dates) if self.rows]

    def more(self, row: dict) -> list:
        return []

    def judge(self, row: dict, prompt: int) -> None:
        """Sets `judged` and `way` from a sound row."""
        raise NotImplementedError

    def prompt(self, row) -> list:
        prompt = (row["prompt"], row.get("tools"))
        if prompt != self._prompt:  # neighbouring rows often share it
            self._prompt = prompt
            self._prompt_found = self._prompt_problems(prompt[0])
            self._prompt_id = None if self._prompt_found else hash((identity(prompt[0]), str(prompt[1])))
        return list(self._prompt_found)

    def _prompt_problems(self, prompt) -> list:
        code, detail = context_problem(prompt)
        if code:
            return [("prompt", code, detail)]
        if not self.options.allow_template_tokens and any_template_token(prompt):
            return [("prompt", "template_token", "")]
        return []

    def tools(self, row) -> list:
        tools = row.get("tools")
        if tools == "null":
            return []
        try:
            tools_ok = isinstance(tools, str) and isinstance(_exactly(tools), list) and _exactly(tools)
        except ValueError:
            tools_ok = False
        if not tools_ok:
            return [("tools", "tools_json", "")]
        return (
            [("tools", "template_token", "")]
            if not self.options.allow_template_tokens and has_template_token(tools)
            else []
        )

    def answer(self, column, messages) -> list:
        if (
            type(messages) is list
            and len(messages) == 1
            and type(messages[0]) is dict
            and len(messages[0]) == 2
        ):
            # The usual answer: one turn, a text with nothing in it that could begin a control token.
            text = messages[0].get("content")
            if (
                type(text) is str
                and messages[0].get("role") == "assistant"
                and not blank(text)
                and not has_template_token(text)
            ):
                return []
        code, detail = answer_problem(messages)
        if not code and len(messages) > 1 and not self.turns_in_answers:
            code = "tool_turns_in_answer"
        if not code and not self.options.allow_template_tokens and any_template_token(messages):
            code = "template_token"
        return [(column, code, detail)] if code else []


class PairChecker(TrlChecker):
    """Rows with `chosen` and `rejected`."""

    optional: tuple[str, ...] = ("tools", "margin")
    answers: tuple[str, ...] = ("chosen", "rejected")

    def more(self, row):
        if "margin" not in row:
            return []
        return [] if finite(row["margin"]) else [("margin", "margin", repr(row["margin"])[:40])]

    def row(self, row):
        found = super().row(row)
        if not found and self.same:
            self.judged = None
            return [("rejected", "same_answers", "")]
        return found

    def judge(self, row, prompt):
        chosen, rejected = identity(row["chosen"]), identity(row["rejected"])
        self.same = chosen == rejected
        self.judged, self.way = (
            hash((prompt, min(chosen, rejected), max(chosen, rejected))),
            chosen < rejected,
        )


def finite(value) -> bool:
    """Whether `value` is a number that can be reckoned with."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


__all__ = ["LineChecker", "PairChecker", "TrlChecker", "blank", "finite", "identity", "parsed"]
