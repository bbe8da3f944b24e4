"""What a model will be examined with is kept out of training: planted in both languages, and measured."""

import json
import random
import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from core.errors import DomainError
from tests.training_export.steps.rows_made import asked, label, pair, run, sft
from training_export.curate.examples import Answer, EvalQuestion, Sft
from training_export.steps import Means, Row

DEMO = Path(__file__).resolve().parents[3] / "config" / "demo_data"


def against(**sets) -> Means:
    def of(name):
        if name not in sets and name != "reserved":
            raise DomainError("not_found", f"no set {name}", field="sets")
        return sets.get(name, [])

    return Means(sets=of)


def lines(name: str) -> list[dict]:
    return [json.loads(line) for line in (DEMO / name).read_text(encoding="utf-8").splitlines()]


def exam_of(question: str, answer: str) -> Row:
    return Row(EvalQuestion(asked(question), question, reference=answer))


def retyped(text: str) -> str:
    """In full width and capitals, without punctuation and with other blanks."""
    text = re.sub(r"[^\w\s]", " ", text.upper())
    return "  ".join("".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text).split())


def is_chinese(text: str) -> bool:
    return sum("一" <= c <= "鿿" for c in text) > len(text) / 3


def thinned(text: str) -> str:
    """Every tenth word, or character of Chinese, taken out: no run of 13 is left of it."""
    parts = list(text) if is_chinese(text) else text.split(" ")
    return ("" if is_chinese(text) else " ").join(part for n, part in enumerate(parts) if n % 10 != 9)


@pytest.mark.parametrize("chinese", [True, False])
def test_planted_contamination_is_found_and_nothing_else(chinese):
    rng = random.Random(11)
    exam = [
        (row["prompt"][-1]["content"], row["answers"][0]["text"])
        for row in lines("ranking.jsonl")
        if is_chinese(row["prompt"][-1]["content"]) is chinese
    ]
    clean = [
        (question, talk["good"])
        for talk in lines("talks.jsonl")
        if is_chinese(talk["good"]) is chinese
        for question in talk["asks"]
    ]
    clean += [
        (row["question"], row["answer"]) for row in lines("qa.jsonl") if is_chinese(row["answer"]) is chinese
    ]
    assert len(exam) > 15 and len(clean) > 40
    planted = {"asked": [], "retyped": [], "inside": [], "answered": [], "thinned": []}
    for question, answer in exam:
        other_question, other_answer = rng.choice(clean)
        half = answer[len(answer) // 3 : -len(answer) // 3]
        planted["asked"].append(pair(question, other_answer, "no"))
        planted["retyped"].append(sft(retyped(question), other_answer))
        planted["inside"].append(sft(f"{other_question}\n{question}\n{other_answer}", "a"))
        planted["answered"].append(label(other_question, f"{other_answer}\n{half}\n", True))
        planted["thinned"].append(sft(thinned(question), other_answer))
    guilty = {id(row) for rows in planted.values() for row in rows}
    rows = [row for kind in planted.values() for row in kind] + [sft(q, a) for q, a in clean]
    rng.shuffle(rows)
    kept, report = run("decontaminate", rows, against(exam=[exam_of(q, a) for q, a in exam]), sets="exam")
    left = {id(row) for row in kept}
    missed = Counter(kind for kind, rows in planted.items() for row in rows if id(row) in left)
    false = sum(id(row) not in left and id(row) not in guilty for row in rows)
    found = report.dropped.total()
    precision, recall = (found - false) / found, 1 - missed.total() / len(guilty)
    print(
        f"{'zh' if chinese else 'en'}: {len(guilty)} planted among {len(clean)}, "
        f"precision {precision:.3f}, recall {recall:.3f}, missed {dict(missed)}"
    )
    assert precision == 1 and recall >= 0.95
    assert missed["thinned"] <= 0.25 * len(exam)  # a tenth less is at the edge of what is still near
    assert not any(missed[kind] for kind in ("asked", "retyped", "inside", "answered"))
    assert report.figures["sets"]["exam"] == {"items": len(exam), "rows": found, "items_found": len(exam)}


HARD = [
    ("对乙酰氨基酚一天最多吃多少?", "布洛芬一天最多吃多少?"),
    ("租房合同没到期，房东要卖房，我必须搬走吗？", "租房合同到期了，房东不退押金，我可以起诉吗？"),
    (
        "What is the maximum daily dose of paracetamol?",
        "What is the maximum daily dose of ibuprofen for a child?",
    ),
    ("May a tenant sublet a flat without consent?", "May a landlord enter a flat without notice?"),
]


@pytest.mark.parametrize(("exam", "other"), HARD)
def test_the_same_sentence_about_something_else_is_not_the_question(exam, other):
    kept, _report = run("decontaminate", [sft(other, "x")], against(e=[sft(exam, "y")]), sets=["e"])
    assert len(kept) == 1


def test_the_detail_names_set_and_item_and_how_much():
    long = "one two three four five six seven eight nine ten eleven twelve thirteen"
    sets = against(
        law=[sft("a", "b"), sft("Who may sign the deed?", "c")], reserved=[pair("other", long, "no")]
    )
    rows = [
        sft("who may SIGN the deed", "x"),
        sft("?", f"he counts: {long.title()}, fourteen"),
        sft("fine", "x"),
    ]
    kept, report = run("decontaminate", rows, sets, sets="law")
    assert kept == rows[2:]
    assert report.samples["evaluation_question"][0]["detail"] == "law 2: 1.00"
    assert report.samples["evaluation_text"][0]["detail"] == "reserved 1: 13"
    assert report.figures["sets"] == {
        "law": {"items": 2, "rows": 1, "items_found": 1},
        "reserved": {"items": 1, "rows": 1, "items_found": 1},
    }


def test_what_is_looked_at_can_be_chosen():
    long = " ".join(f"w{n}" for n in range(13))
    sets = against(e=[sft("Count", long)], reserved=[sft("Who may sign the deed?", "z")])
    in_answer, asked_again = sft("q", long), sft("Who may sign the deed?", "x")
    rows = [in_answer, asked_again]
    assert run("decontaminate", rows, sets, sets="e")[0] == []
    assert run("decontaminate", rows, sets, sets="e", look_at="question")[0] == [in_answer]
    assert run("decontaminate", rows, sets, sets="e", reserved=False)[0] == [asked_again]
    assert run("decontaminate", rows, sets, sets="e", near=False)[0] == [asked_again]
    assert run("decontaminate", rows, sets, sets="e", words=14, near=False)[0] == rows


def test_a_system_message_over_all_questions_is_no_evidence_nor_is_a_template():
    system = "You are a careful assistant who answers every question of a nurse in plain and short sentences"
    # with "case" 16 words, which hold four runs of 13
    template = "Answer the question by one letter and give no reason for your choice at all: "
    exam = [Row(Sft(asked(f"{template}case {n}", system=system), "", target=Answer("A"))) for n in range(30)]
    rows = [Row(Sft(asked(f"{template}liver", system=system), "", target=Answer("B")))]
    assert run("decontaminate", rows, against(e=exam), sets="e", near=False)[0] == rows
    assert run("decontaminate", rows, against(e=exam), sets="e", near=False)[1].notes[1] == ("template", "4")
    assert run("decontaminate", rows, against(e=exam), sets="e", near=False, common=0)[0] == []


def test_a_talk_that_begins_or_ends_with_the_question():
    sets = against(e=[sft("Who may sign the deed?", "z")])
    first = Row(Sft(asked("Who may sign the deed?", "He.", "Why?"), "", target=Answer("So.")))
    last = Row(Sft(asked("Hello there", "Hi.", "Who may sign the deed?"), "", target=Answer("He.")))
    assert run("decontaminate", [first, last], sets, sets="e")[0] == []


def test_an_empty_set_is_said_and_an_unknown_one_refused():
    kept, report = run("decontaminate", [sft("q", "a")], against(e=[]), sets="e")
    assert len(kept) == 1 and report.notes == [("empty_set", "e"), ("empty_set", "reserved")]
    with pytest.raises(DomainError):
        run("decontaminate", [sft("q", "a")], against(), sets="nobody")


def test_only_the_evaluation_side_is_held(monkeypatch):
    """Rows are handed on one by one: the first comes out before the second is read."""
    read = []

    class Flow(list):
        def __iter__(self):
            for row in list.__iter__(self):
                read.append(row)
                yield row

    from training_export.steps import STEPS, Report

    step = STEPS["decontaminate"]
    rows = Flow([sft(f"q{n}", "a") for n in range(5)])
    flow = step.run(rows, step.parameters_of({}), Report(), against())
    next(flow)
    assert len(read) == 1


def test_retyped_texts_are_other_texts():
    assert unicodedata.normalize("NFKC", retyped("Take 2.")) == "TAKE  2" and retyped("Take 2.") != "TAKE 2"
