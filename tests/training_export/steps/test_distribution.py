"""What rows are like, beside a reference set."""

import json

import pytest

from tests.training_export.steps.rows_made import asked, label, pair, run, sft
from training_export.curate.examples import Answer, PromptOnly, Sft
from training_export.steps import Means, Row


def test_pictures_beside_a_reference():
    rows = [
        sft("一天几次?", "- 两次\n- 饭后", tags=("medicine",)),  # 5 and 9 characters
        sft("一天吃几次药?", "**两次**", tags=("medicine", "dose")),  # 7 and 6
        pair("How often a day?", "Twice.", "Never.", language="fr"),  # 16 and 6
        label("How often a day?", "", True),
    ]
    reference = [sft("How often a day?", "Twice."), sft("How often?", "1. one\n2. two"), sft("Why?", "So.")]
    reference.append(Row(PromptOnly(asked("of another kind"), "g")))
    kept, report = run("distribution", rows, Means(sets={"chat": reference}.__getitem__), reference="chat")
    figures = report.figures
    assert kept == rows and report.dropped == {} and report.notes == [("few_rows", "4 : 3")]
    assert figures["count"] == {"rows": 4, "reference": 3}
    assert figures["question_length"] == {
        "labels": ["4–7", "8–15", "16–31"], "rows": [2, 0, 2], "reference": [1, 1, 1],
        # halves (1/2, 0, 1/2) and thirds; the middle is (5/12, 2/12, 5/12)
        "distance": pytest.approx(0.190874504),
    }  # fmt: skip
    assert figures["answer_length"]["labels"] == ["0", "1", "2–3", "4–7", "8–15"]
    assert figures["answer_length"]["rows"] == [1, 0, 0, 2, 1]
    assert figures["answer_length"]["reference"] == [0, 0, 1, 1, 1]
    assert figures["marks"]["list"] == {
        "labels": ["yes", "no"], "rows": [1, 3], "reference": [1, 2],
        # entropy of the middle, 7/24: 0.870863 bits; of the two: 0.811278 and 0.918296
        "distance": pytest.approx(0.870863 - (0.811278 + 0.918296) / 2, abs=2e-6),
    }  # fmt: skip
    assert figures["marks"]["bold"]["rows"] == [1, 3] and figures["marks"]["table"]["distance"] == 0
    language = figures["language"]
    assert dict(zip(language["labels"], language["rows"], strict=True)) == {"en": 1, "zh": 2, "fr": 1}
    assert language["labels"][0] == "en" and language["reference"][0] == 3
    assert figures["tags"]["labels"] == ["", "medicine", "dose"] and figures["tags"]["rows"] == [2, 2, 1]
    assert figures["kind"]["labels"] == ["Sft", "Binary", "Preference"]
    json.dumps(report.as_dict())
    means = Means(sets={"chat": reference}.__getitem__)
    _kept, report = run("distribution", rows, means, reference="chat", kinds="all")
    assert report.figures["count"]["reference"] == 4


def test_without_a_reference_rows_are_only_counted():
    talk = Row(Sft(asked("a", "b", "c"), "g", target=Answer("d")))
    kept, report = run("distribution", [talk, sft("q", "a"), Row(PromptOnly(asked("q"), "g"))])
    assert len(kept) == 3 and not report.notes
    assert report.figures["turns"] == {
        "labels": ["1", "2"],
        "rows": [2, 1],
        "reference": None,
        "distance": None,
    }
    assert report.figures["answer_length"]["rows"] == [2]
    assert report.figures["marks"]["code"]["rows"] == [0, 2]
    assert run("distribution", [])[1].figures["question_length"]["labels"] == []


def test_of_many_tags_the_most_frequent_are_drawn_and_all_are_measured():
    rows = [sft(f"q{n}", "a", tags=(f"tag{n:02}",)) for n in range(60)]
    more = Means(sets={"same": rows, "other": [sft("q", "a", tags=("else",))] * 60}.__getitem__)
    figures = run("distribution", rows, more, reference="same")[1].figures
    assert len(figures["tags"]["labels"]) == 40 and figures["tags"]["more"] == 20
    assert figures["tags"]["distance"] == pytest.approx(0, abs=1e-12)
    assert run("distribution", rows, more, reference="other")[1].figures["tags"]["distance"] == pytest.approx(
        1
    )
