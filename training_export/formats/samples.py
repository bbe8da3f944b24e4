"""A few Examples that show what a format's rows look like; the samples on the page, in the docs and in the
golden tests are made of them."""

import tempfile
from pathlib import Path
from typing import Any

from training_export.curate.examples import Answer, Binary, Preference, RankedList, Sft

_GOOD = Answer("一天的总量不要超过4克,两次服药至少间隔4到6小时。", origin="corrected")
_FAIR = Answer("一天不要超过4克。", origin="model:a")
_POOR = Answer("按需服用即可,没有上限。", origin="model:b")
_QUESTION = [
    {"role": "system", "content": "你是一名药师。"},
    {"role": "user", "content": "对乙酰氨基酚一天最多吃多少?"},
]
_TURNS = [
    {"role": "user", "content": "May I sign for my brother?"},
    {"role": "assistant", "content": "Only with a power of attorney."},
    {"role": "user", "content": "Must it be notarised?"},
]
_DONE = Answer("For land, yes; for most other contracts a written one is enough.", origin="human")
_SHORT = Answer("Always.", origin="model:b")


def _from(item: int, reason: str) -> dict:
    return {
        "item": item,
        "prompt": item,
        "versions": [item * 10],
        "annotators": ["expert-1"],
        "responses": [],
        "models": [],
        "status": "accepted",
        "reason": reason,
    }


def examples() -> list:
    """Two prompts, every kind of row."""
    first: dict[str, Any] = {"context": _QUESTION, "group_id": "p1", "language": "zh"}
    second: dict[str, Any] = {"context": _TURNS, "group_id": "p2", "language": "en"}
    return [
        Sft(**first, provenance=_from(1, "correction"), target=_GOOD),
        Sft(**second, provenance=_from(2, "demonstration"), target=_DONE),
        Preference(
            **first,
            weight=1 / 3,
            provenance=_from(1, "correction"),
            chosen=_GOOD,
            rejected=_FAIR,
            margin=1 / 3,
        ),
        Preference(
            **first, weight=1 / 3, provenance=_from(1, "ranking"), chosen=_FAIR, rejected=_POOR, margin=1.0
        ),
        Preference(
            **second,
            provenance=_from(2, "ranking"),
            chosen=_DONE,
            rejected=_SHORT,
            margin=1.0,
            n_for=2,
            n_against=1,
        ),
        Binary(**first, provenance=_from(1, "acceptable"), answer=_FAIR, label=True),
        Binary(**first, provenance=_from(1, "acceptable"), answer=_POOR, label=False),
        Binary(**second, provenance=_from(2, "acceptable"), answer=_SHORT, label=False),
        RankedList(**first, provenance=_from(1, "ranking"), groups=((_GOOD,), (_FAIR,), (_POOR,))),
    ]


def written(form, options=None) -> dict[str, str]:
    """{file name: text} of the examples that `form` takes, written by its own writer; the side files left
    aside."""
    with tempfile.TemporaryDirectory(prefix="touchstone-sample-") as folder:
        writer = form.open(folder, options)
        takes = form.takes_for(writer.options)
        for example in examples():
            if type(example) in takes:
                writer.add(example)
        return {
            f.path: (Path(folder) / f.path).read_text(encoding="utf-8")
            for f in writer.close()
            if f.role != "provenance"
        }
