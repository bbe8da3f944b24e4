"""Each checker refuses what trainers take without a word, and nothing that the writers write."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.training_export.formats.broken_rows import (
    BROKEN,
    BROKEN_LLAMAFACTORY,
    alpaca,
    kto,
    lf,
    pair,
    ranked,
    said,
    sft,
    user,
)
from tests.training_export.formats.format_files import found, put
from training_export.formats import FORMATS
from training_export.formats.llamafactory.files import ENTRIES, dataset_info
from training_export.formats.reasons import REASONS


@pytest.mark.parametrize(
    ("name", "form", "rows", "code", "_trains"), BROKEN, ids=[f"{b[1]}: {b[0]}" for b in BROKEN]
)
def test_refuses(tmp_path, name, form, rows, code, _trains):
    put(tmp_path, rows)
    assert code in {c for _, _, c in found(tmp_path, form)}


SOUND = {
    "trl-sft": [sft(), sft([user("1?"), said("a"), user("2?")])],
    "trl-preference": [pair(), pair("好", "中", [user("另?")])],
    "trl-rm": [pair() | {"margin": 1.0}, pair("好", "中") | {"margin": 0.5}],
    "trl-kto": [kto(1, True), kto(2, False), kto(1, False, "坏")],
}


@pytest.mark.parametrize("form", SOUND)
def test_lets_sound_rows_pass(tmp_path, form):
    put(tmp_path, SOUND[form])
    assert list(FORMATS[form].check(tmp_path)) == []


@pytest.mark.parametrize("form", SOUND)
@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"\n", "blank_line"),
        (b"{\n", "not_json"),
        (b"[1]\n", "not_json"),
        (b'{"prompt": "\xff"}\n', "not_utf8"),
        (b'\xef\xbb\xbf{"prompt": 1}\n', "byte_order_mark"),
        (b'{"prompt": NaN}\n', "not_json"),
    ],
)
def test_names_the_line_of_what_is_no_row(tmp_path, form, raw, code):
    put(tmp_path, [*SOUND[form], raw])
    assert ("train.jsonl", len(SOUND[form]) + 1, code) in found(tmp_path, form)


def test_contradictions_are_found_over_all_files(tmp_path):
    put(tmp_path, [pair("一", "二"), pair("三", "四", [user("另?")])])
    put(tmp_path, [pair("二", "一")], "validation.jsonl")
    assert found(tmp_path, "trl-rm") == [
        ("train.jsonl", 1, "contradiction"),
        ("validation.jsonl", 1, "contradiction"),
    ]


def test_template_tokens_pass_where_allowed(tmp_path):
    put(tmp_path, [sft([user("What does <|im_end|> mean?")])])
    assert found(tmp_path, "trl-sft") == [("train.jsonl", 1, "template_token")]
    assert found(tmp_path, "trl-sft", allow_template_tokens=True) == []


CONTROL = [
    "<|im_start|>",
    "<|eot_id|>",
    "<|start_header_id|>",
    "<|endoftext|>",
    "<｜User｜>",
    "<｜end▁of▁sentence｜>",
    "<|user|>",
    "<|observation|>",
    "[INST]",
    "[/INST]",
    "<<SYS>>",
    "<s>",
    "</s>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<bos>",
    "<eos>",
    "[gMASK]",
    "<sop>",
    "[TOOL_CALLS]",
    "<tool_call>",
    "</tool_response>",
]
ORDINARY = [
    "a < b | c > d",
    "x[0] <y>",
    "f <| g |> h",
    "<b>bold</b>",
    "[1] [a](b)",
    "a||b",
    "<think>hm</think>",
    "List<String>",
    "10 <|> 5",
]


@pytest.mark.parametrize("text", CONTROL)
def test_knows_the_control_tokens_of_the_common_templates(tmp_path, text):
    put(tmp_path, [sft(completion=[said(f"a {text} b")])])
    assert found(tmp_path, "trl-sft") == [("train.jsonl", 1, "template_token")]


@pytest.mark.parametrize("text", ORDINARY)
def test_takes_ordinary_text_for_no_control_token(tmp_path, text):
    put(tmp_path, [sft(completion=[said(text)])])
    assert found(tmp_path, "trl-sft") == []


def test_one_class_and_imbalance_are_warnings(tmp_path):
    put(tmp_path, [kto(n, True) for n in range(20)])
    assert [(p.code, p.level) for p in FORMATS["trl-kto"].check(tmp_path)] == [("one_class", "warning")]
    put(tmp_path, [kto(n, n > 0) for n in range(20)])
    assert [(p.code, p.level) for p in FORMATS["trl-kto"].check(tmp_path)] == [("unbalanced", "warning")]


def test_answers_that_all_look_like_dates_are_a_warning(tmp_path):
    """datasets would read them as times: "2024-01-01" comes back as a datetime."""
    put(tmp_path, [sft([user(f"{n}?")], [said(f"2024-01-0{n}")]) for n in range(1, 4)])
    assert [(p.field, p.code, p.level) for p in FORMATS["trl-sft"].check(tmp_path)] == [
        ("completion", "date_like", "warning")
    ]


def test_rows_without_their_origin_are_refused(tmp_path):
    put(tmp_path, SOUND["trl-sft"])
    (tmp_path / "provenance" / "train.jsonl").write_text("{}\n")
    assert found(tmp_path, "trl-sft") == [("train.jsonl", 0, "provenance")]
    (tmp_path / "provenance" / "train.jsonl").unlink()
    assert found(tmp_path, "trl-sft") == [("train.jsonl", 0, "provenance")]


def test_nothing_at_all_is_a_warning(tmp_path):
    for form in FORMATS.values():
        assert [(p.code, p.level) for p in form.check(tmp_path)] == [("no_rows", "warning")]


_keys = st.sampled_from(["role", "content", "tool_calls", "function", "from", "value"])
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["user", "assistant", "tool", "null"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3),
    max_leaves=12,
)
_COLUMNS = {
    "trl-sft": ("prompt", "completion", "tools"),
    "trl-preference": ("prompt", "chosen", "rejected", "tools"),
    "trl-rm": ("prompt", "chosen", "rejected", "margin"),
    "trl-kto": ("prompt", "completion", "label"),
}


@pytest.mark.parametrize("form", _COLUMNS)
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_row_breaks_the_checker(tmp_path, form, data):
    rows = data.draw(
        st.lists(st.fixed_dictionaries(dict.fromkeys(_COLUMNS[form], _json)), min_size=1, max_size=3)
    )
    put(tmp_path, rows)
    list(FORMATS[form].check(tmp_path))


@pytest.mark.parametrize("kind", ENTRIES)
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_row_breaks_the_checker_of_llamafactory(tmp_path, kind, data):
    rows = data.draw(
        st.lists(
            st.fixed_dictionaries(dict.fromkeys(ENTRIES[kind]["columns"].values(), _json)),
            min_size=1,
            max_size=3,
        )
    )
    put_llamafactory(tmp_path, {f"{kind}_train.jsonl": rows})
    list(FORMATS["llamafactory"].check(tmp_path))


# --- LLaMA-Factory


def put_llamafactory(folder, files):
    for name, rows in files.items():
        put(folder, rows, name)
    (folder / "dataset_info.json").write_text(json.dumps(dataset_info(list(files), "touchstone")))


@pytest.mark.parametrize(
    ("name", "file", "rows", "code"),
    BROKEN_LLAMAFACTORY,
    ids=[f"{b[1]}: {b[0]}" for b in BROKEN_LLAMAFACTORY],
)
def test_refuses_in_llamafactory(tmp_path, name, file, rows, code):
    put_llamafactory(tmp_path, {file: rows})
    assert code in {c for _, _, c in found(tmp_path, "llamafactory")}


SOUND_LF = {
    "sft_alpaca_train.jsonl": [alpaca(), alpaca("另?", system="你是药师。")],
    "sft_sharegpt_train.jsonl": [lf("1?", "a", "2?", "b")],
    "preference_train.jsonl": [ranked("1?"), ranked("1?", "a", "2?")],
    "kto_train.jsonl": [lf("1?", "a", kto_tag=True), lf("2?", "a", kto_tag=False)],
}


def test_lets_a_sound_llamafactory_folder_pass(tmp_path):
    put_llamafactory(tmp_path, SOUND_LF)
    assert list(FORMATS["llamafactory"].check(tmp_path)) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda e: e["tags"].pop("user_tag"), "dataset_info"),
        (lambda e: e["columns"].pop("system"), "dataset_info"),
        (lambda e: e.pop("ranking"), "dataset_info"),
        (lambda e: e.update(ranking=False), "dataset_info"),
        (lambda e: e.update(formatting="alpaca"), "dataset_info"),
        (lambda e: e.update(file_name="gone.jsonl"), "missing_file"),
    ],
)
def test_refuses_an_incomplete_dataset_info(tmp_path, change, code):
    put_llamafactory(tmp_path, SOUND_LF)
    path = tmp_path / "dataset_info.json"
    info = json.loads(path.read_text())
    change(info["touchstone_preference"])
    path.write_text(json.dumps(info))
    assert code in {c for _, _, c in found(tmp_path, "llamafactory")}


def test_refuses_a_dataset_info_that_is_missing_or_not_ascii(tmp_path):
    put_llamafactory(tmp_path, SOUND_LF)
    path = tmp_path / "dataset_info.json"
    path.write_text(path.read_text().replace("touchstone_kto", "试金石"), encoding="utf-8")
    assert ("dataset_info.json", 0, "not_ascii") in found(tmp_path, "llamafactory")
    path.unlink()
    assert ("dataset_info.json", 0, "missing_file") in found(tmp_path, "llamafactory")


# --- the canonical form


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"label": 1}, "label"),
        ({"answer": "text"}, "bad_field"),
        ({"answer": {"text": "", "turns": [], "origin": "human"}}, "empty_answer"),
        ({"context": []}, "not_messages"),
        ({"context": [{"role": "human", "content": "?"}]}, "unknown_role"),
        ({"context": [{"role": "system", "content": "?"}]}, "system_only"),
        ({"context": [user(None)]}, "null_content"),
        ({"more": 1}, "columns"),
        ({"weight": "1"}, "bad_field"),
        ({"type": "other"}, "columns"),
    ],
)
def test_refuses_in_the_canonical_form(tmp_path, change, code):
    row = {
        "type": "binary",
        "group_id": "1",
        "context": [user()],
        "tools": None,
        "sources": [],
        "language": "",
        "tags": [],
        "weight": 1.0,
        "provenance": {},
        "answer": {"text": "a", "turns": [], "origin": "human"},
        "label": True,
    }
    put(tmp_path, [row])
    assert found(tmp_path, "jsonl") == []
    put(tmp_path, [row | change])
    assert code in {c for _, _, c in found(tmp_path, "jsonl")}


def test_every_code_has_its_sentence(tmp_path):
    for form in FORMATS.values():
        for problem in form.check(tmp_path):
            assert problem.reason and problem.code in REASONS
    codes = {b[3] for b in BROKEN} | {b[3] for b in BROKEN_LLAMAFACTORY}
    assert codes <= set(REASONS)
