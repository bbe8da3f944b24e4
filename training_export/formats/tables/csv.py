"""`csv`: what was judged, for people to read in a spreadsheet: a file for each kind of row, opened by Excel
with its Chinese right and with nothing in it that would run as a formula."""

import json
from collections.abc import Iterator

from core import spreadsheet
from training_export.formats import jsonl
from training_export.formats.base import LABELS, SPLITS, Format
from training_export.formats.canonical import TYPES
from training_export.formats.messages import LeftOut, blank
from training_export.formats.tables.checks import TableChecker
from training_export.formats.tables.files import CsvStream
from training_export.formats.tables.reading import csv_rows

LONGEST = 32_767  # characters of a cell of Excel
BETWEEN = "\n\n— — —\n\n"  # answers of one rank
BEFORE = ("system", "earlier_turns", "question", "passages", "tools")
BEHIND = ("language", "tags", "weight", "item", "annotators", "models", "status", "reason")
OWN = {
    "sft": ("answer", "from"),
    "preference": ("chosen", "rejected", "margin", "votes_for", "votes_against"),
    "binary": ("answer", "good"),
    "ranked": (),  # rank_1, rank_2 … as many as the longest ranking of the file has
    "prompt": (),
    "eval": ("reference",),
}


def columns_of(kind: str, ranks: int = 0) -> list[str]:
    """The columns of the file of one kind of row."""
    return [*BEFORE, *OWN[kind], *(f"rank_{n}" for n in range(1, ranks + 1)), *BEHIND]


def cells(row: dict, ranks: int = 0) -> list:
    """A canonical row as the cells of its file's columns."""
    given = row["provenance"]
    told = {
        "language": row["language"],
        "tags": ", ".join(map(str, row["tags"])),
        "weight": row["weight"],
        "item": given.get("item"),
        "annotators": _names(given.get("annotators")),
        "models": _names(given.get("models")),
        "status": given.get("status"),
        "reason": given.get("reason"),
        "passages": _passages(row["sources"]),
        "tools": json.dumps(row["tools"], ensure_ascii=False) if row["tools"] else "",
    }
    told |= _asked(row["context"])
    kind = row["type"]
    if kind == "sft":
        told |= {"answer": answer_text(row["target"]), "from": row["target"]["origin"]}
    elif kind == "preference":
        told |= {name: answer_text(row[name]) for name in ("chosen", "rejected")}
        told |= {"margin": row["margin"], "votes_for": row["n_for"], "votes_against": row["n_against"]}
    elif kind == "binary":
        told |= {"answer": answer_text(row["answer"]), "good": "yes" if row["label"] else "no"}
    elif kind == "ranked":
        for n, group in enumerate(row["groups"], 1):
            told[f"rank_{n}"] = BETWEEN.join(map(answer_text, group))
    elif kind == "eval":
        told["reference"] = row["reference"]
    return ["" if (value := told.get(name)) is None else value for name in columns_of(kind, ranks)]


def _names(value) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else ""


def _passages(sources: list) -> str:
    shown = []
    for n, source in enumerate(sources, 1):
        title, text = (source.get("title"), source.get("text")) if isinstance(source, dict) else ("", source)
        shown.append(f"[{n}] {title or ''}\n{text or ''}")
    return "\n\n".join(shown)


def _asked(context: list) -> dict[str, str]:
    """The system message, the earlier turns and the last question, each a text."""
    system, rest = [], list(context)
    while rest and rest[0].get("role") == "system":
        system.append(str(rest.pop(0).get("content") or ""))
    last = rest.pop() if rest else {}
    question = str(last.get("content") or "") if last.get("role") == "user" else turn_text(last)
    return {
        "system": "\n\n".join(system),
        "earlier_turns": "\n\n".join(map(turn_text, rest)),
        "question": question,
    }


def turn_text(message: dict) -> str:
    """A turn as people read it: who, what, and the calls it made."""
    text = f"{message.get('role')}: {message.get('content') or ''}"
    if message.get("tool_calls"):
        text += "\n" + json.dumps(message["tool_calls"], ensure_ascii=False)
    return text


def answer_text(answer: dict) -> str:
    """An answer as people read it, with the turns before its text."""
    return "\n\n".join([*map(turn_text, answer["turns"]), *([answer["text"]] if answer["text"] else [])])


def _too_long(row: dict) -> bool:
    """Whether a canonical row has a text that no cell can hold."""
    texts = (c for c in cells(row, len(row.get("groups", ()))) if isinstance(c, str))
    return any(len(spreadsheet.cell(text)) > LONGEST for text in texts)


class Writer(jsonl.Writer):
    side_file = True
    suffix = ".csv"

    def __init__(self, folder, options, splits):
        super().__init__(folder, options, splits)
        self._ranks: dict[str, int] = {}  # of the longest ranking of each file

    def refuses(self, pair):
        try:
            return _too_long(json.loads(self._lines.line(pair)))
        except (UnicodeEncodeError, ValueError):
            return False  # of that `add` will tell

    def stream_of(self, example, split, line):
        row = json.loads(line)
        if _too_long(row):
            raise LeftOut("cell_too_long")
        stream = f"{row['type']}_{split}"
        self._ranks[stream] = max(self._ranks.get(stream, 0), len(row.get("groups", ())))
        return stream

    def opened(self, path, target):
        kind, ranks = target.partition("_")[0], self._ranks.get(target, 0)
        return CsvStream(path, self._pool, columns_of(kind, ranks), lambda row: cells(row, ranks))


class Checker(TableChecker):
    suffix = ".csv"
    unreadable = "not_csv"
    same_columns = False  # each row is held to the columns of its file

    def files(self):
        names = [f"{kind}_{split}{self.suffix}" for split in SPLITS for kind in TYPES]
        return [name for name in names if (self.folder / name).exists()]

    def rows_of(self, name) -> Iterator[dict]:
        rows = csv_rows(self.folder / name)
        self._columns = next(rows, [])
        for row in rows:
            yield {"cells": row}

    def expected(self, first):
        return {"cells"}

    def row(self, row):
        given = row["cells"]
        if len(given) != len(self._columns):
            return [("", "cells", f"{len(given)} / {len(self._columns)}")]
        told = dict(zip(self._columns, given, strict=True))
        found = [(name, "formula", "") for name, text in told.items() if spreadsheet.cell(text) != text]
        found += [(name, "cell_too_long", "") for name, text in told.items() if len(text) > LONGEST]
        said = [n for n in self._columns if n in ("answer", "chosen", "rejected", "reference", "rank_1")]
        found += [(name, "empty_answer", "") for name in said if blank(told[name])]
        if "good" in told and told["good"] not in ("yes", "no"):
            found.append(("good", "label", told["good"][:40]))
        if "chosen" in told and told["chosen"] == told["rejected"]:
            found.append(("rejected", "same_answers", ""))
        return found

    def end(self):
        with open(self.folder / self.name, "rb") as file:
            marked = file.read(3) == b"\xef\xbb\xbf"
        found = [] if marked else [("", "no_byte_order_mark", "")]
        kind = self.name.partition("_")[0]
        ranks = len([c for c in self._columns if c.startswith("rank_")])
        if self._columns != columns_of(kind, ranks if kind == "ranked" else 0):
            wrong = set(self._columns) ^ set(columns_of(kind, ranks))
            found.append((", ".join(sorted(wrong)), "columns", ""))
        return found


FORMAT = Format(
    name="csv",
    label=LABELS["csv"],
    trainer="",
    takes=jsonl.FORMAT.takes,
    writer=Writer,
    checker=Checker,
    options=jsonl.FORMAT.options,
)
