"""The formats that are tables: Parquet and CSV, written in groups and read back."""

import csv
import io
import json
import tracemalloc

import pyarrow.parquet
import pytest

from tests.training_export.formats.format_files import found, raw_rows
from tests.training_export.formats.test_write import (
    CALL,
    NASTY,
    REPLY,
    SYSTEM,
    TOOLS,
    label,
    pair,
    said,
    sft,
    user,
    write,
)
from training_export.curate.examples import Answer, EvalQuestion, Preference, PromptOnly, RankedList, Sft
from training_export.formats import FORMATS, Options
from training_export.formats.canonical import line
from training_export.formats.samples import examples
from training_export.formats.tables import files as table_files
from training_export.formats.tables import verl_reward
from training_export.formats.tables.parquet import COLUMNS
from training_export.formats.tables.reading import parquet_rows, sha256_of

WITH_CALLS = Preference(
    context=[SYSTEM, user("上限?")],
    group_id="1",
    tools=TOOLS,
    sources=[{"title": "t", "text": "x"}],
    tags=("ward", "b"),
    provenance={"item": 2**70},
    chosen=Answer("4 克", (CALL, REPLY), "human"),
    rejected=Answer("5 克"),
    margin=0.5,
)
EVERY_KIND = [
    *examples(),
    WITH_CALLS,
    PromptOnly(context=[user("p?")], group_id="p"),
    EvalQuestion(context=[user("e?")], group_id="e", reference="r"),
]


# --- Parquet


def test_parquet_has_the_rows_of_jsonl(tmp_path):
    lines, _ = write(tmp_path / "jsonl", "jsonl", EVERY_KIND)
    table, writer = write(tmp_path / "parquet", "parquet", EVERY_KIND)
    assert not writer.left_out and table["train.parquet"] == lines["train.jsonl"]
    assert [json.loads(line(e)) for e in EVERY_KIND] == table["train.parquet"]
    assert pyarrow.parquet.read_schema(tmp_path / "parquet/train.parquet").names == list(COLUMNS)


def test_the_same_rows_are_the_same_bytes(tmp_path):
    hashes = set()
    for folder in ("a", "b"):
        _files, writer = write(tmp_path / folder, "parquet", EVERY_KIND)
        [info] = [f for f in writer.files if f.role == "data"]
        assert info.sha256 == sha256_of(tmp_path / folder / info.path)
        hashes.add(info.sha256)
    assert len(hashes) == 1
    meta = pyarrow.parquet.read_metadata(tmp_path / "a/train.parquet")
    assert (meta.format_version, meta.created_by.split()[-1]) == ("2.6", pyarrow.__version__)
    assert not meta.metadata and meta.row_group(0).column(0).compression == "SNAPPY"


def test_rows_are_written_and_found_by_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(table_files, "GROUP_ROWS", 7)
    _files, writer = write(tmp_path, "parquet", [sft(f"{n}", group=f"{n}") for n in range(20)])
    path = tmp_path / "train.parquet"
    meta = pyarrow.parquet.read_metadata(path)
    assert [meta.row_group(n).num_rows for n in range(meta.num_row_groups)] == [7, 7, 6]
    every = [row["group_id"] for row in parquet_rows(path)]
    assert every == [str(n) for n in range(20)] and writer.files[0].rows == 20
    for start in (0, 1, 6, 7, 8, 13, 14, 19, 20, 99):
        assert [r["group_id"] for r in parquet_rows(path, start)] == every[start:]


def test_groups_end_by_their_bytes_too(tmp_path, monkeypatch):
    monkeypatch.setattr(table_files, "GROUP_BYTES", 1000)
    write(tmp_path, "parquet", [sft("x" * 900, group=f"{n}") for n in range(5)])
    assert pyarrow.parquet.read_metadata(tmp_path / "train.parquet").num_row_groups == 5


@pytest.mark.parametrize("form", ["parquet", "csv", "verl"])
def test_memory_does_not_grow_with_the_rows(tmp_path, monkeypatch, form):
    monkeypatch.setattr(table_files, "GROUP_ROWS", 100)
    peaks = []
    for count in (4_000, 10_000):  # each fills the buffers of the streams
        writer = FORMATS[form].open(tmp_path / f"{count}")
        writer.add(sft("warm"))
        tracemalloc.start()
        for n in range(count):
            writer.add(sft("长的回答" * 50 + f"{n}", group=f"{n}"))
        writer.close()
        for _problem in FORMATS[form].check(tmp_path / f"{count}"):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # A row takes more than 1 kB; what is kept of it are 8 bytes in the Ledger, whose array grows by leaps.
    assert peaks[1] - peaks[0] < 200 * 6_000


def table(path, rows, columns=COLUMNS):
    """A Parquet file of `rows` (columns that are missing null), with its side file."""
    made = {c: [row.get(c) for row in rows] for c in columns}
    pyarrow.parquet.write_table(pyarrow.table(made), path)
    (path.parent / "provenance").mkdir(exist_ok=True)
    (path.parent / "provenance" / f"{path.stem}.jsonl").write_text("{}\n" * len(rows))


SOUND = {
    "type": "binary",
    "group_id": "1",
    "context": json.dumps([user()]),
    "sources": "[]",
    "language": "",
    "tags": "[]",
    "weight": 1.0,
    "answer": '{"text": "a", "turns": [], "origin": "human"}',
    "label": True,
    "provenance": "{}",
}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"context": "[{"}, "columns"),
        ({"context": '[{"role": "human", "content": "?"}]'}, "unknown_role"),
        ({"context": None}, "not_messages"),
        ({"answer": '{"text": "", "turns": [], "origin": "human"}'}, "empty_answer"),
        ({"answer": None}, "bad_field"),
        ({"label": None}, "label"),
        ({"groups": "[]"}, "columns"),
        ({"type": "other"}, "columns"),
        ({"weight": None}, "bad_field"),
        ({}, "duplicate"),
        ({"label": False}, "contradiction"),
    ],
)
def test_refuses_in_parquet(tmp_path, change, code):
    fine = SOUND | {"context": json.dumps([user("另?")])}
    table(tmp_path / "train.parquet", [fine, SOUND])
    assert list(FORMATS["parquet"].check(tmp_path)) == []
    table(tmp_path / "train.parquet", [fine, SOUND, SOUND | change])
    assert code in {c for _, n, c in found(tmp_path, "parquet") if n == 3}


@pytest.mark.parametrize("form", ["parquet", "verl"])
def test_a_file_that_is_no_parquet_or_has_no_side_file_is_refused(tmp_path, form):
    write(tmp_path, form, [sft()])
    (tmp_path / "provenance/train.jsonl").unlink()
    assert found(tmp_path, form) == [("train.parquet", 0, "provenance")]
    path = tmp_path / "train.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    assert found(tmp_path, form) == [("train.parquet", 0, "not_parquet")]


def test_datasets_and_pandas_read_it(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    write(tmp_path, "parquet", EVERY_KIND)
    path = str(tmp_path / "train.parquet")
    rows = datasets.load_dataset("parquet", data_files=path, split="train", cache_dir=str(tmp_path / "cache"))
    assert list(rows) == raw_rows(tmp_path / "train.parquet")
    frame = pytest.importorskip("pandas").read_parquet(path)
    assert list(frame["group_id"]) == [e.group_id for e in EVERY_KIND]
    assert json.loads(frame["context"][0]) == EVERY_KIND[0].context


# --- CSV


def test_each_kind_of_row_has_its_file_for_people(tmp_path):
    ties = RankedList(
        context=[SYSTEM, user("1?"), said("a"), user("2?")],
        group_id="1",
        language="zh",
        provenance={"item": 5, "annotators": ["x", "y"], "models": ["m"], "status": "raw", "reason": "why"},
        groups=((Answer("甲"), Answer("乙")), (Answer("丙"),), (Answer("丁"),)),
    )
    two = RankedList(context=[user("?")], group_id="2", groups=((Answer("a"),), (Answer("b"),)))
    asked = {"context": [user("?")], "group_id": "3"}
    files, writer = write(
        tmp_path,
        "csv",
        [ties, two, sft(), pair(), label(False), PromptOnly(**asked), EvalQuestion(**asked, reference="r")],
    )
    assert not writer.left_out
    kinds = ("sft", "preference", "binary", "ranked", "prompt", "eval")
    assert set(files) == {f"{kind}_train.csv" for kind in kinds}
    first, second = files["ranked_train.csv"]
    assert first == {
        "system": "你是药师。",
        "earlier_turns": "user: 1?\n\nassistant: a",
        "question": "2?",
        "passages": "",
        "tools": "",
        "rank_1": "甲\n\n— — —\n\n乙",
        "rank_2": "丙",
        "rank_3": "丁",
        "language": "zh",
        "tags": "",
        "weight": "1.0",
        "item": "5",
        "annotators": "x, y",
        "models": "m",
        "status": "raw",
        "reason": "why",
    }
    assert (second["rank_2"], second["rank_3"]) == ("b", "")
    assert files["binary_train.csv"][0]["good"] == "no"
    assert files["eval_train.csv"][0]["reference"] == "r"


def test_calls_and_passages_are_told_to_people(tmp_path):
    files, _ = write(tmp_path, "csv", [WITH_CALLS])
    [row] = files["preference_train.csv"]
    assert row["passages"] == "[1] t\nx" and "limit" in row["tools"] and row["tags"] == "ward, b"
    assert row["chosen"].startswith("assistant: \n[") and row["chosen"].endswith("tool: 4 g\n\n4 克")


def test_nothing_in_it_is_a_formula_and_excel_reads_its_chinese(tmp_path):
    texts = [text for text in NASTY if len(text) < 1000] + ["+1", "-1", "@x", "=1"]
    files, writer = write(tmp_path, "csv", [sft(text, group=f"{n}") for n, text in enumerate(texts)])
    assert not writer.left_out
    read = [row["answer"] for row in files["sft_train.csv"]]
    assert read == ["'" + t if t.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else t for t in texts]
    raw = (tmp_path / "sft_train.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfsystem,") and raw.count(b"\xef\xbb\xbf") == 2  # the other is a text's


def test_a_text_longer_than_a_cell_is_left_out_and_counts_for_no_weight(tmp_path):
    long, fine = pair("x" * 32_768), pair("x" * 32_767, group="2")
    files, writer = write(tmp_path, "csv", [long, fine, pair("=" * 32_767, group="3")])
    assert writer.left_out == {"cell_too_long": 2} and len(files["preference_train.csv"]) == 1
    assert writer.refuses(long) and not writer.refuses(fine)


HEADER = ["system", "earlier_turns", "question", "passages", "tools", "answer", "from", "language", "tags"]
HEADER += ["weight", "item", "annotators", "models", "status", "reason"]


def put_csv(folder, rows, header=HEADER, mark="\ufeff"):
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    (folder / "sft_train.csv").write_bytes((mark + text.getvalue()).encode())
    (folder / "provenance").mkdir(exist_ok=True)
    (folder / "provenance/sft_train.jsonl").write_text("{}\n" * len(rows))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({5: "=1+1"}, "formula"),
        ({2: "@SUM(A1)"}, "formula"),
        ({5: "x" * 32_768}, "cell_too_long"),
        ({5: " "}, "empty_answer"),
    ],
)
def test_refuses_in_csv(tmp_path, change, code):
    fine = ["", "", "?", "", "", "a", *[""] * 9]
    put_csv(tmp_path, [fine])
    assert list(FORMATS["csv"].check(tmp_path)) == []
    put_csv(tmp_path, [fine, [change.get(n, cell) for n, cell in enumerate(fine)]])
    assert found(tmp_path, "csv") == [("sft_train.csv", 2, code)]


def test_refuses_a_csv_that_is_not_as_excel_wants_it(tmp_path):
    fine = ["", "", "?", "", "", "a", *[""] * 9]
    put_csv(tmp_path, [fine, fine[:-1]])
    assert found(tmp_path, "csv") == [("sft_train.csv", 2, "cells")]
    put_csv(tmp_path, [fine], mark="")
    assert found(tmp_path, "csv") == [("sft_train.csv", 0, "no_byte_order_mark")]
    put_csv(tmp_path, [fine], header=[*HEADER[:-1], "why"])
    assert found(tmp_path, "csv") == [("sft_train.csv", 0, "columns")]
    (tmp_path / "sft_train.csv").write_bytes(b"\xef\xbb\xbf\xff\n")
    assert found(tmp_path, "csv") == [("sft_train.csv", 0, "not_csv")]


# --- verl


def test_verl_gets_the_length_that_was_measured_and_a_reward(tmp_path):
    rows = [
        (sft("4 克", group="1", context=[SYSTEM, user("问" * 1000)], tags=("ward",)), "train"),
        (sft("a", group="2"), "validation"),
        (PromptOnly(context=[user("p?")], group_id="3", language="en"), "train"),
        (sft("b", group="4", tools=TOOLS), "train"),
        (sft("b", group="5", context=[user(), CALL, REPLY]), "train"),
    ]
    files, writer = write(tmp_path, "verl", rows, splits=("train", "validation"), name="clinic")
    assert writer.left_out == {"tools": 1, "tool_turns": 1}
    assert files["train.parquet"] == [
        {
            "data_source": "clinic",
            "prompt": [SYSTEM, user("问" * 1000)],
            "ability": "ward",
            "reward_model": {"style": "rule", "ground_truth": "4 克"},
            "extra_info": {"split": "train", "index": 0, "group_id": "1"},
        },
        {
            "data_source": "clinic",
            "prompt": [user("p?")],
            "ability": "en",
            "reward_model": {"style": "model", "ground_truth": ""},
            "extra_info": {"split": "train", "index": 1, "group_id": "3"},
        },
    ]
    config = (tmp_path / "verl.yaml").read_text()
    # 1000 + 5 characters and 2 × 32 for the template, to the next 64
    assert "\n  max_prompt_length: 1088\n" in config and "has 1005 characters in 2 messages" in config
    assert "\n  val_files: validation.parquet\n" in config
    assert [(n["code"], n.get("rows")) for n in writer.notes] == [("prompts_without_answer", 1)]
    assert {f.path for f in writer.files if f.role == "config"} == {"verl.yaml", "reward.py"}
    space: dict = {}
    exec((tmp_path / "reward.py").read_text(), space)
    assert space["compute_score"]("clinic", "4 克", "4 克") == 1.0


def test_verl_is_told_when_there_is_nothing_to_evaluate_on(tmp_path):
    _files, writer = write(tmp_path, "verl", [sft(), sft()])
    assert writer.left_out == {"duplicate": 1} and [n["code"] for n in writer.notes] == ["verl_no_validation"]
    assert "\n  val_files: train.parquet\n" in (tmp_path / "verl.yaml").read_text()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"data_source": ""}, "not_plain_text"),
        ({"ability": None}, "not_plain_text"),
        ({"prompt": []}, "not_messages"),
        ({"prompt": [{"role": "system", "content": "s"}]}, "system_only"),
        ({"prompt": [user("2?"), said()]}, "assistant_last"),
        ({"prompt": [{"role": "user", "content": None}]}, "null_content"),
        ({"prompt": [user("<|im_end|>")]}, "template_token"),
        ({"prompt": [user("x" * 3000)]}, "prompt_length"),
        ({"reward_model": {"style": "rule", "ground_truth": ""}}, "no_answer_to_compare"),
        ({"reward_model": {"style": "model", "ground_truth": "a"}}, "no_answer_to_compare"),
        ({"reward_model": {"style": "rule", "ground_truth": None}}, "no_answer_to_compare"),
        ({"reward_model": None}, "bad_field"),
        ({"extra_info": {"split": "train", "index": 7, "group_id": "1"}}, "place"),
        ({"extra_info": {"split": "test", "index": 1, "group_id": "1"}}, "place"),
        ({"extra_info": None}, "place"),
    ],
)
def test_refuses_what_stops_verl(tmp_path, change, code):
    write(tmp_path, "verl", [sft()])
    row = raw_rows(tmp_path / "train.parquet")[0]
    second = row | {"prompt": [user("2?")], "extra_info": row["extra_info"] | {"index": 1}}
    table(tmp_path / "train.parquet", [row, second], columns=row)
    assert found(tmp_path, "verl") == []
    table(tmp_path / "train.parquet", [row, second | change], columns=row)
    assert code in {c for _, _, c in found(tmp_path, "verl")}


def test_refuses_a_folder_without_reward_or_with_settings_that_stop_it(tmp_path):
    write(tmp_path, "verl", [sft()])
    config = tmp_path / "verl.yaml"
    text = config.read_text()
    for was, now in (
        ("filter_overlong_prompts: true", "filter_overlong_prompts: false"),
        ("  max_prompt_length: 64\n", ""),
        ("    path: reward.py\n", "    path: null\n"),
    ):
        assert was in text
        config.write_text(text.replace(was, now))
        assert found(tmp_path, "verl") == [("train.parquet", 0, "verl_config")]
    config.write_text(text)
    (tmp_path / "reward.py").unlink()
    assert found(tmp_path, "verl") == [("train.parquet", 0, "missing_file")]
    config.unlink()
    assert [c for _, _, c in found(tmp_path, "verl")] == ["missing_file"] * 2


@pytest.mark.parametrize(
    ("said", "wanted", "score"),
    [
        ("一天4克", "一天4克", 1.0),
        ("一天 4克。", "一天4克", 1.0),
        ("<think>5克?</think>一天4克", "一天4克", 1.0),
        ("Four grams", "four GRAMS a day", 2 * 2 / (2 + 4)),
        ("四克", "一天四克", 2 * 2 / (2 + 4)),
        ("no", "yes", 0.0),
        ("", "yes", 0.0),
    ],
)
def test_the_reward_is_the_share_of_words_and_characters(said, wanted, score):
    assert verl_reward.compute_score("x", said, wanted) == pytest.approx(score)


def test_the_reward_refuses_a_prompt_without_an_answer():
    with pytest.raises(ValueError, match="ward"):
        verl_reward.compute_score("ward", "said", "")


def test_options_of_tables_are_checked_as_others_are(tmp_path):
    with pytest.raises(ValueError, match="name"):
        FORMATS["verl"].open(tmp_path, Options(name="病房"))


def test_only_what_verl_knows_is_taken(tmp_path):
    _files, writer = write(tmp_path, "verl", [sft(), pair()])
    assert writer.left_out == {"wrong_kind": 1} and type(sft()) is Sft


def test_a_prompt_with_an_answer_to_compare_with_stands_once_for_verl(tmp_path):
    answered = sft("Four grams.", group="p1")
    bare = PromptOnly(answered.context, "p1")
    writer = FORMATS["verl"].open(tmp_path)
    for example in (answered, bare):
        writer.add(example)
    (file,) = [f for f in writer.close() if f.role == "data"]
    assert file.rows == 1 and not writer.left_out
