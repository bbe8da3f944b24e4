"""The golden test of the export: small items, three annotators, and every row and every left-out reason
computed by hand.

Items are named by their question; an answer's text is its item's name and its letter. X, Y and Z are
people, V is an imported annotator. "B>C 2:1" reads: B is preferred to C by two, against one."""

import json

import pytest

from tests import cast
from tests.training_export import judged
from training_export.options import ExportOptions
from training_export.publish import snapshots

pytestmark = pytest.mark.django_db

A, B, C, D = 0, 1, 2, 3
SOURCE = [{"title": "Leaflet", "text": "The passage."}]


def to(text, answer, **more):
    return {"target": "response", "answer": answer, "text": text, **more}


def build():
    """Every case of the table in one project. What each gives stands beside the expected rows below."""
    project = judged.project(slug="table")
    x, y, z = judged.annotators(project)
    v = cast.make_annotator(project, source="imported", name="column", pseudonym="V")

    def ranking(name, letters="ABC", **fields):
        texts = [f"{name} {letter}" for letter in letters]
        return judged.item(
            project, texts, prompt=cast.make_prompt(project, f"{name}?"), kind="ranking", **fields
        )

    def qa(name, sources=SOURCE, **fields):
        return judged.item(
            project,
            [f"{name} A"],
            prompt=cast.make_prompt(project, f"{name}?", sources=sources),
            kind="qa",
            **fields,
        )

    # R1: three full rankings with lines, of which two agree on B and C
    r = ranking("R1")
    judged.judge(r, x, {"ranking": [[A], [B], [C]], "acceptable": 1})
    judged.judge(r, y, {"ranking": [[A], [B], [C]], "acceptable": 2})
    judged.judge(r, z, {"ranking": [[A], [C], [B]], "acceptable": 1})
    # R2: a tie, and a partial ranking whose rest is not judged
    r = ranking("R2")
    judged.judge(r, x, {"ranking": [[A, B], [C]]})
    judged.judge(r, y, {"ranking": [[A], [C]], "rest": "unjudged"})
    # R3: the rest is worse, and below the line with it
    judged.judge(ranking("R3"), x, {"ranking": [[B]], "rest": "worse", "acceptable": 1})
    # R4: none acceptable, nothing ranked; accepted
    judged.decide(judged.judge(ranking("R4"), x, {"acceptable": 0}), "accept")
    # R5: corrections: of substance; equal to another answer; wording only; none at all; "wording only" on a
    # dose; the same by another
    r = judged.item(
        project, ["R5 A", "R5 B", "R5 C take 5 mg"], prompt=cast.make_prompt(project, "R5?"), kind="ranking"
    )
    corrections = [to("R5 A better", A), to("R5 A", B), to("R5 C ingest 5 mg", C, wording_only=True)]
    judged.judge(r, x, {"ranking": [[A], [B]], "corrections": corrections})
    judged.judge(
        r,
        y,
        {"ranking": [[A], [B]], "corrections": [to("R5 A", A), to("R5 C take 50 mg", C, wording_only=True)]},
    )
    judged.judge(r, z, {"ranking": [[B], [C]], "corrections": [to("R5 A better", A)]})
    # R6: one against one
    r = ranking("R6", "AB")
    judged.judge(r, x, {"ranking": [[A], [B]]})
    judged.judge(r, y, {"ranking": [[B], [A]]})
    # R7: the majorities run in a circle above D
    r = ranking("R7", "ABCD")
    judged.judge(r, x, {"ranking": [[A], [B], [C], [D]]})
    judged.judge(r, y, {"ranking": [[B], [C], [A], [D]]})
    judged.judge(r, z, {"ranking": [[C], [A], [B], [D]]})
    # R8: settled on Y's
    r = ranking("R8", "AB")
    judged.judge(r, x, {"ranking": [[A], [B]], "acceptable": 1})
    judged.settle(r, judged.judge(r, y, {"ranking": [[B], [A]], "acceptable": 1}))
    # R9: returned; taken back; returned and sent again the other way round
    r = ranking("R9", "AB")
    judged.decide(judged.judge(r, x, {"ranking": [[A], [B]], "acceptable": 2}), "return")
    judged.judge(r, y, {"ranking": [[A], [B]], "acceptable": 2})
    judged.judge(r, y, {"ranking": [[A], [B]], "acceptable": 2}, action="undo")
    judged.decide(judged.judge(r, z, {"ranking": [[B], [A]], "acceptable": 1}), "return")
    judged.judge(r, z, {"ranking": [[A], [B]], "acceptable": 1})
    # R10: accepted against raw
    r = ranking("R10", "AB")
    judged.decide(judged.judge(r, x, {"ranking": [[B], [A]], "acceptable": 2}), "accept")
    judged.judge(r, y, {"ranking": [[A], [B]], "acceptable": 1})
    # R11: hidden. R12: not judged
    judged.judge(ranking("R11", "AB", hidden=True), x, {"ranking": [[A], [B]], "acceptable": 1})
    ranking("R12", "AB")
    # R13: two models gave the same text
    r = judged.item(
        project, ["R13 A", "R13 B", "R13 A"], prompt=cast.make_prompt(project, "R13?"), kind="ranking"
    )
    judged.judge(r, x, {"ranking": [[A], [B]], "acceptable": 1})
    # R14: an earlier turn of the conversation is corrected
    messages = [
        {"role": "user", "content": "R14 first?"},
        {"role": "assistant", "content": "R14 turn"},
        {"role": "user", "content": "R14?"},
    ]
    r = judged.item(
        project, ["R14 A", "R14 B"], prompt=cast.make_prompt(project, messages=messages), kind="ranking"
    )
    judged.judge(
        r,
        x,
        {
            "ranking": [[A], [B]],
            "acceptable": 1,
            "corrections": [{"target": "turn", "turn": 1, "text": "R14 turn fixed"}],
        },
    )
    # R15: a judgement that came with the data
    judged.judge(ranking("R15", "AB"), v, {"ranking": [[A], [B]], "acceptable": 1})
    # R16–R18: answers that the file offers for learning: not judged; corrected; judged bad
    ranking("R16", "A", targets=[A])
    judged.judge(
        ranking("R17", "AB", targets=[A]), x, {"ranking": [[A], [B]], "corrections": [to("R17 A better", A)]}
    )
    judged.judge(qa("R18", targets=[A]), x, {"verdict": "drop", "reasons": ["wrong_answer"]})
    # R19: one answer is good, of the others nothing is said
    judged.judge(ranking("R19"), x, {"ranking": [[A]], "acceptable": 1})

    q = qa("Q1")
    judged.decide(judged.judge(q, x, {"verdict": "keep"}), "accept")
    judged.judge(q, y, {"verdict": "keep"})
    judged.judge(qa("Q2"), x, {"verdict": "fix", "corrections": [to("Q2 A fixed", A)]})
    judged.judge(
        qa("Q3"),
        x,
        {"verdict": "fix", "corrections": [to("Q3 A fixed", A), {"target": "question", "text": "Q3 new?"}]},
    )
    judged.judge(qa("Q4"), x, {"verdict": "fix", "corrections": [{"target": "question", "text": "Q4 new?"}]})
    judged.judge(qa("Q5"), x, {"verdict": "drop", "reasons": ["wrong_answer"]})
    judged.judge(qa("Q6"), x, {"verdict": "drop", "reasons": ["unsupported"]})
    judged.judge(qa("Q7", sources=[]), x, {"verdict": "drop", "reasons": ["unsupported"]})
    judged.judge(qa("Q8"), x, {"verdict": "drop", "reasons": ["bad_question"]})
    judged.judge(qa("Q9"), x, {"verdict": "drop", "reasons": ["duplicate"]})
    judged.judge(qa("Q10"), x, {"verdict": "drop", "reasons": ["source_outdated"]})
    q = qa("Q11")
    judged.judge(q, x, {"verdict": "keep"})
    judged.judge(q, y, {"verdict": "drop", "reasons": ["incomplete_answer"]})
    judged.judge(q, z, {"verdict": "keep"})
    judged.judge(
        qa("Q12"), x, {"verdict": "fix", "corrections": [to("Q12 A, reworded", A, wording_only=True)]}
    )
    judged.judge(qa("Q14"), x, {"verdict": "drop", "reasons": ["unsafe_answer", "out_of_scope"]})
    demonstration = judged.item(
        project, [], prompt=cast.make_prompt(project, "D1?"), kind="demonstration", state="open"
    )
    judged.judge(demonstration, x, {"demonstration": "  D1 written by hand\r\n"})
    return project


# --- by hand ------------------------------------------------------------------------------------------------

# (the last question, chosen, rejected, votes for, votes against)
PAIRS_IN_ALL_BUT_REVIEWED = {
    ("R1?", "R1 A", "R1 B", 3, 0),
    ("R1?", "R1 A", "R1 C", 3, 0),
    ("R2?", "R2 A", "R2 C", 2, 0),
    ("R2?", "R2 B", "R2 C", 1, 0),
    ("R3?", "R3 B", "R3 A", 1, 0),
    ("R3?", "R3 B", "R3 C", 1, 0),
    ("R5?", "R5 A better", "R5 A", 2, 0),
    ("R5?", "R5 C take 50 mg", "R5 C take 5 mg", 1, 0),
    ("R5?", "R5 A", "R5 B", 2, 0),
    ("R5?", "R5 B", "R5 C take 5 mg", 1, 0),
    ("R7?", "R7 A", "R7 D", 3, 0),
    ("R7?", "R7 B", "R7 D", 3, 0),
    ("R7?", "R7 C", "R7 D", 3, 0),
    ("R8?", "R8 B", "R8 A", 1, 0),
    ("R9?", "R9 A", "R9 B", 1, 0),
    ("R13?", "R13 A", "R13 B", 1, 0),
    ("R14?", "R14 A", "R14 B", 1, 0),
    ("R14 first?", "R14 turn fixed", "R14 turn", 1, 0),
    ("R15?", "R15 A", "R15 B", 1, 0),
    ("R17?", "R17 A better", "R17 A", 1, 0),
    ("R17?", "R17 A", "R17 B", 1, 0),
    ("Q2?", "Q2 A fixed", "Q2 A", 1, 0),
}
PAIRS = {
    "each": PAIRS_IN_ALL_BUT_REVIEWED,
    "majority": PAIRS_IN_ALL_BUT_REVIEWED | {("R1?", "R1 B", "R1 C", 2, 1)},
    "reviewed": {("R8?", "R8 B", "R8 A", 1, 0), ("R10?", "R10 B", "R10 A", 1, 0)},
}
EVERYWHERE = {"hidden": 1, "returned": 1, "withdrawn": 1, "not_settled": 1}  # R11, R9 X, R9 Y, R8 X
PAIRS_LEFT_OUT = {
    "each": EVERYWHERE
    | {
        "opposite_votes": 6,  # R1 B–C; R6; R7 A–B, B–C, A–C; R10
        "tie": 2,  # R2 A–B; R3 A–C
        "unjudged": 7,  # R4 all three; R5 A–C; R19 all three
        "wording_only": 2,  # R5 X's C; Q12
        "equal_text": 1,  # R5 Y's A
        "question_changed": 1,  # Q3
        "no_judgement": 2,  # R12, R16
        "no_pair": 18,  # R4 R6 R10 R18 R19; Q1 Q3 Q4 Q5 Q6 Q7 Q8 Q9 Q10 Q11 Q12 Q14; D1
    },
    "majority": EVERYWHERE
    | {
        "cycle": 3,  # R7
        "tie": 4,  # R2 A–B; R3 A–C; R6 and R10 one to one
        "unjudged": 7,
        "wording_only": 2,
        "equal_text": 1,
        "question_changed": 1,
        "no_judgement": 2,
        "no_pair": 18,
    },
    "reviewed": EVERYWHERE
    | {
        # R1 3, R2 2, R3, R5 3, R6 2, R7 3, R9 Z, R10 Y, R13, R14, R15, R17, R18, R19; Q1 Y, Q2–Q10, Q11 3,
        # Q12, Q14; D1
        "not_reviewed": 38,
        "unjudged": 3,  # R4
        "no_judgement": 2,
        "no_pair": 2,  # R4, Q1
    },
}

# (the last question, target)
TARGETS_IN_EACH = {
    ("R5?", "R5 A better"),
    ("R14 first?", "R14 turn fixed"),
    ("R16?", "R16 A"),
    ("R17?", "R17 A better"),
    ("Q1?", "Q1 A"),
    ("Q2?", "Q2 A fixed"),
    ("Q3 new?", "Q3 A fixed"),
    ("Q4 new?", "Q4 A"),
    ("Q12?", "Q12 A, reworded"),
    ("D1?", "  D1 written by hand\r\n"),
}
TARGETS = {
    "each": TARGETS_IN_EACH,
    "majority": TARGETS_IN_EACH | {("Q11?", "Q11 A")},
    "reviewed": {("Q1?", "Q1 A")},
}
TARGETS_LEFT_OUT = {
    "each": EVERYWHERE
    | {
        "superseded_correction": 3,  # R5 X's of B and C, Y's of C
        "equal_text": 1,  # R5 Y's of A
        "superseded_target": 1,  # R17
        "judged_bad": 1,  # R18
        "conflicting_verdicts": 1,  # Q11
        "no_judgement": 1,  # R12
        "no_target": 21,  # R1 R2 R3 R4 R6 R7 R8 R9 R10 R13 R15 R18 R19; Q5 Q6 Q7 Q8 Q9 Q10 Q11 Q14
    },
    "majority": EVERYWHERE
    | {
        "superseded_correction": 3,
        "equal_text": 1,
        "superseded_target": 1,
        "judged_bad": 1,
        "no_judgement": 1,
        "no_target": 20,
    },
    "reviewed": EVERYWHERE
    | {
        "not_reviewed": 38,
        "target_not_reviewed": 3,  # R16, R17, R18
        "no_judgement": 1,
        "no_target": 3,  # R4 R8 R10
    },
}

# (the last question, answer, label)
LABELS_IN_EACH = {
    ("R1?", "R1 A", True), ("R1?", "R1 C", False),
    ("R3?", "R3 B", True), ("R3?", "R3 A", False), ("R3?", "R3 C", False),
    ("R4?", "R4 A", False), ("R4?", "R4 B", False), ("R4?", "R4 C", False),
    ("R8?", "R8 B", True), ("R8?", "R8 A", False),
    ("R9?", "R9 A", True), ("R9?", "R9 B", False),
    ("R10?", "R10 A", True),
    ("R13?", "R13 A", True), ("R13?", "R13 B", False),
    ("R14?", "R14 A", True), ("R14?", "R14 B", False),
    ("R15?", "R15 A", True), ("R15?", "R15 B", False),
    ("R18?", "R18 A", False),
    ("R19?", "R19 A", True),
    ("Q1?", "Q1 A", True), ("Q5?", "Q5 A", False), ("Q6?", "Q6 A", False),
}  # fmt: skip
LABELS = {
    "each": LABELS_IN_EACH,
    "majority": LABELS_IN_EACH | {("R1?", "R1 B", False), ("Q11?", "Q11 A", True)},
    "reviewed": {
        ("R4?", "R4 A", False), ("R4?", "R4 B", False), ("R4?", "R4 C", False),
        ("R8?", "R8 B", True), ("R8?", "R8 A", False),
        ("R10?", "R10 A", True), ("R10?", "R10 B", True),
        ("Q1?", "Q1 A", True),
    },
}  # fmt: skip
NEVER_A_LABEL = {
    "no_line": 11,  # R2 2, R5 3, R6 2, R7 3, R17
    "fix_is_no_label": 4,  # Q2 Q3 Q4 Q12
    "source_missing": 1,  # Q7
    "drop_question": 2,  # Q8 Q14
    "drop_duplicate": 1,  # Q9
    "source_outdated": 1,  # Q10
    "unlabelled": 2,  # R19 B, C
    "no_judgement": 2,  # R12 R16
}
LABELS_LEFT_OUT = {
    "each": EVERYWHERE
    | NEVER_A_LABEL
    | {
        "conflicting_labels": 3,  # R1 B, R10 B, Q11
        "no_label": 16,  # R2 R5 R6 R7 R17; Q2 Q3 Q4 Q7 Q8 Q9 Q10 Q11 Q12 Q14; D1
    },
    "majority": EVERYWHERE | NEVER_A_LABEL | {"conflicting_labels": 1, "no_label": 15},
    "reviewed": EVERYWHERE | {"not_reviewed": 38, "no_judgement": 2},
}


# For formats that hold several kinds of rows each reason counts once. In all kinds:
ANY_LEFT_OUT = {
    "each": EVERYWHERE
    | {
        "conflicting_labels": 3,
        "conflicting_verdicts": 1,
        "drop_duplicate": 1,
        "drop_question": 2,
        "equal_text": 1,
        "fix_is_no_label": 4,
        "judged_bad": 1,
        "no_judgement": 1,
        "no_line": 11,
        "opposite_votes": 6,
        "question_changed": 1,
        "source_missing": 1,
        "source_outdated": 1,
        "superseded_correction": 3,
        "superseded_target": 1,
        "tie": 2,
        "unjudged": 7,
        "unlabelled": 2,
        "wording_only": 2,
    },
    "majority": EVERYWHERE
    | {
        "conflicting_labels": 1,
        "cycle": 3,
        "drop_duplicate": 1,
        "drop_question": 2,
        "equal_text": 1,
        "fix_is_no_label": 4,
        "judged_bad": 1,
        "no_judgement": 1,
        "no_line": 11,
        "question_changed": 1,
        "source_missing": 1,
        "source_outdated": 1,
        "superseded_correction": 3,
        "superseded_target": 1,
        "tie": 4,
        "unjudged": 7,
        "unlabelled": 2,
        "wording_only": 2,
    },
    "reviewed": EVERYWHERE | {"not_reviewed": 38, "target_not_reviewed": 3, "unjudged": 3, "no_judgement": 1},
}
NO_ROW = {
    # R6 Q7 Q8 Q9 Q10 Q14, and Q11 under each
    "llamafactory": {"each": {"no_row": 7}, "majority": {"no_row": 6}, "reviewed": {}},
    # the same without R6: its rankings are rows
    "jsonl": {"each": {"no_row": 6}, "majority": {"no_row": 5}, "reviewed": {}},
}
# (item, ranking, who)
RANKED_LISTS_IN_ALL_BUT_REVIEWED = {
    ("R1", "A>B>C", "XY"),
    ("R1", "A>C>B", "Z"),
    ("R2", "A=B>C", "X"),
    ("R2", "A>C", "Y"),
    ("R3", "B>A=C", "X"),
    ("R5", "A>B", "XY"),
    ("R5", "B>C take 5 mg", "Z"),
    ("R6", "A>B", "X"),
    ("R6", "B>A", "Y"),
    ("R7", "A>B>C>D", "X"),
    ("R7", "B>C>A>D", "Y"),
    ("R7", "C>A>B>D", "Z"),
    ("R8", "B>A", "Y"),
    ("R9", "A>B", "Z"),
    ("R10", "B>A", "X"),
    ("R10", "A>B", "Y"),
    ("R13", "A>B", "X"),
    ("R14", "A>B", "X"),
    ("R15", "A>B", "V"),
    ("R17", "A>B", "X"),
}
RANKED_LISTS = {
    "each": RANKED_LISTS_IN_ALL_BUT_REVIEWED,
    "majority": RANKED_LISTS_IN_ALL_BUT_REVIEWED,
    "reviewed": {("R8", "B>A", "Y"), ("R10", "B>A", "X")},
}


# --- what was written ---------------------------------------------------------------------------------------


def exported(project, form, mode, **options):
    bundle = snapshots.build(
        project=project, actor=None, options=ExportOptions.of({"format": form, "annotators": mode, **options})
    )
    folder = snapshots.folder_of(bundle)
    rows = []
    for entry in bundle.files:
        if entry["role"] == "data":
            lines = (folder / entry["path"]).read_bytes().decode().split("\n")[:-1]
            if form == "jsonl":  # the provenance stands in the row
                rows += [json.loads(line) for line in lines]
                continue
            sides = (folder / "provenance" / entry["path"]).read_text().splitlines()
            assert len(lines) == len(sides) == entry["rows"]
            rows += [(json.loads(line), json.loads(side)) for line, side in zip(lines, sides, strict=True)]
    return rows, bundle


def last_question(messages):
    return messages[-1]["content"]


def only_text(messages):
    assert [m["role"] for m in messages] == ["assistant"]
    return messages[0]["content"]


@pytest.fixture(name="table")
def _table():
    return build()


@pytest.mark.parametrize("mode", ["each", "majority", "reviewed"])
@pytest.mark.parametrize("form", ["trl-preference", "trl-rm"])
def test_preference_rows(table, form, mode):
    rows, bundle = exported(table, form, mode)
    written = [
        (
            last_question(r["prompt"]),
            only_text(r["chosen"]),
            only_text(r["rejected"]),
            p["n_for"],
            p["n_against"],
        )
        for r, p in rows
    ]
    assert sorted(written) == sorted(PAIRS[mode])
    assert bundle.snapshot.left_out == PAIRS_LEFT_OUT[mode]


@pytest.mark.parametrize("mode", ["each", "majority", "reviewed"])
def test_sft_rows(table, mode):
    rows, bundle = exported(table, "trl-sft", mode)
    assert sorted((last_question(r["prompt"]), only_text(r["completion"])) for r, _ in rows) == sorted(
        TARGETS[mode]
    )
    assert bundle.snapshot.left_out == TARGETS_LEFT_OUT[mode]


@pytest.mark.parametrize("mode", ["each", "majority", "reviewed"])
def test_kto_rows(table, mode):
    rows, bundle = exported(table, "trl-kto", mode)
    assert sorted(
        (last_question(r["prompt"]), only_text(r["completion"]), r["label"]) for r, _ in rows
    ) == sorted(LABELS[mode])
    assert bundle.snapshot.left_out == LABELS_LEFT_OUT[mode]


@pytest.mark.parametrize("mode", ["each", "majority", "reviewed"])
def test_llamafactory_rows(table, mode):
    rows, bundle = exported(table, "llamafactory", mode)
    pairs, targets, labels = [], [], []
    for row, side in rows:
        if "chosen" in row:
            pairs.append(
                (
                    row["conversations"][-1]["value"],
                    row["chosen"]["value"],
                    row["rejected"]["value"],
                    side["n_for"],
                    side["n_against"],
                )
            )
        elif "kto_tag" in row:
            labels.append(
                (row["conversations"][-2]["value"], row["conversations"][-1]["value"], row["kto_tag"])
            )
        else:
            targets.append((row["instruction"], row["output"]))
    assert sorted(pairs) == sorted(PAIRS[mode])
    assert sorted(labels) == sorted(LABELS[mode])
    assert sorted(targets) == sorted(TARGETS[mode])
    assert bundle.snapshot.left_out == ANY_LEFT_OUT[mode] | NO_ROW["llamafactory"][mode]


@pytest.mark.parametrize("mode", ["each", "majority", "reviewed"])
def test_jsonl_rows(table, mode):
    rows, bundle = exported(table, "jsonl", mode)
    pairs, targets, labels, lists = [], [], [], []
    for row in rows:
        question = last_question(row["context"])
        if row["type"] == "preference":
            pairs.append(
                (question, row["chosen"]["text"], row["rejected"]["text"], row["n_for"], row["n_against"])
            )
        elif row["type"] == "binary":
            labels.append((question, row["answer"]["text"], row["label"]))
        elif row["type"] == "sft":
            targets.append((question, row["target"]["text"]))
        else:
            item = question.rstrip("?")
            ranking = ">".join(
                "=".join(a["text"].removeprefix(item + " ") for a in group) for group in row["groups"]
            )
            lists.append((item, ranking, "".join(row["provenance"]["annotators"])))
    assert sorted(pairs) == sorted(PAIRS[mode])
    assert sorted(labels) == sorted(LABELS[mode])
    assert sorted(targets) == sorted(TARGETS[mode])
    assert sorted(lists) == sorted(RANKED_LISTS[mode])
    assert bundle.snapshot.left_out == ANY_LEFT_OUT[mode] | NO_ROW["jsonl"][mode]


def test_weights_are_one_over_the_pairs_of_a_prompt(table):
    rows, _ = exported(table, "trl-preference", "each")
    weights = {}
    for row, side in rows:
        weights.setdefault(last_question(row["prompt"]), set()).add(side["weight"])
    assert weights == {
        "R1?": {1 / 2},
        "R2?": {1 / 2},
        "R3?": {1 / 2},
        "R5?": {1 / 4},
        "R7?": {1 / 3},
        "R8?": {1.0},
        "R9?": {1.0},
        "R13?": {1.0},
        "R14?": {1.0},
        "R14 first?": {1.0},
        "R15?": {1.0},
        "R17?": {1 / 2},
        "Q2?": {1.0},
    }


def test_provenance_names_people_standing_and_reason(table):
    rows, _ = exported(table, "trl-preference", "majority")
    of = {(last_question(r["prompt"]), only_text(r["chosen"]), only_text(r["rejected"])): p for r, p in rows}
    assert of["R1?", "R1 B", "R1 C"]["annotators"] == ["X", "Y"]
    assert of["R5?", "R5 A better", "R5 A"]["annotators"] == ["X", "Z"]
    assert of["R5?", "R5 A better", "R5 A"]["reason"] == "correction"
    assert of["R8?", "R8 B", "R8 A"]["status"] == "settled"
    assert of["R15?", "R15 A", "R15 B"]["status"] == "imported"
    assert of["R13?", "R13 A", "R13 B"]["models"] == ["cast-model-0", "cast-model-2", "cast-model-1"]
    assert len(of["R13?", "R13 A", "R13 B"]["responses"]) == 3
    assert of["R5?", "R5 A better", "R5 A"]["origin"] == {
        "chosen": "corrected",
        "rejected": "model:cast-model-0",
    }


def test_pairs_best_worst_and_best_rest(table):
    """Of R1 under majority (A>B>C): A>C alone, then A>B and A>C. Corrections stay; R7 has three equal tops
    over one bottom."""
    rows, bundle = exported(table, "trl-preference", "majority", pairs="best-worst")
    written = {
        (last_question(r["prompt"]), only_text(r["chosen"]), only_text(r["rejected"])) for r, _ in rows
    }
    assert {w for w in written if w[0] in ("R1?", "R5?")} == {
        ("R1?", "R1 A", "R1 C"),
        ("R5?", "R5 A better", "R5 A"),
        ("R5?", "R5 C take 50 mg", "R5 C take 5 mg"),
        # A beats B, B beats C: A stands at +1, C at -1, and nobody compared A with C
    }
    assert bundle.snapshot.left_out["not_selected"] == 4  # R1 A–B and B–C; R5 A–B and B–C
    rows, bundle = exported(table, "trl-preference", "majority", pairs="best-rest")
    written = {
        (last_question(r["prompt"]), only_text(r["chosen"]), only_text(r["rejected"])) for r, _ in rows
    }
    assert {w for w in written if w[0] == "R1?"} == {("R1?", "R1 A", "R1 B"), ("R1?", "R1 A", "R1 C")}
    assert bundle.snapshot.left_out["not_selected"] == 2  # R1 B–C; R5 B–C


def test_sft_top_adds_the_agreed_best(table):
    """All who rank agree on A in R1, R2 (X ties it with B, Y puts it alone), R9, R13, R14, R15; B in R3 and
    R8 (settled); R17's A was corrected, and so was R5's; R6, R7 and R10 have no common best; R4 and R19
    rank nothing above anything."""
    rows, _ = exported(table, "trl-sft", "each", sft_top=True)
    written = {(last_question(r["prompt"]), only_text(r["completion"])) for r, _ in rows}
    top = {
        ("R1?", "R1 A"),
        ("R2?", "R2 A"),
        ("R3?", "R3 B"),
        ("R8?", "R8 B"),
        ("R9?", "R9 A"),
        ("R13?", "R13 A"),
        ("R14?", "R14 A"),
        ("R15?", "R15 A"),
    }
    assert written == TARGETS_IN_EACH | top


def test_all_corrections(table):
    rows, bundle = exported(table, "trl-sft", "each", all_corrections=True)
    written = {(last_question(r["prompt"]), only_text(r["completion"])) for r, _ in rows}
    assert written == TARGETS_IN_EACH | {
        ("R5?", "R5 A"),
        ("R5?", "R5 C ingest 5 mg"),
        ("R5?", "R5 C take 50 mg"),
    }
    assert "superseded_correction" not in bundle.snapshot.left_out


def test_without_imported_judgements(table):
    rows, bundle = exported(table, "trl-preference", "each", include_imported=False)
    assert ("R15?", "R15 A") not in {(last_question(r["prompt"]), only_text(r["chosen"])) for r, _ in rows}
    assert bundle.snapshot.left_out["imported"] == 1


def test_as_of_an_earlier_event(table):
    """After R3's judgement nothing else had happened: R1, R2 and R3 are there, the rest is not even known."""
    from annotation.models import AnnotationVersion

    event = AnnotationVersion.objects.order_by("event_id")[5].event_id
    rows, bundle = exported(table, "trl-preference", "each", as_of=event)
    assert {last_question(r["prompt"]) for r, _ in rows} == {"R1?", "R2?", "R3?"}
    assert bundle.snapshot.left_out == {"opposite_votes": 1, "tie": 2}
    assert bundle.snapshot.as_of == event
