"""Personal data in rows. What counts as it is tested at corpus.masking."""

import copy

import pytest

from core.errors import DomainError
from tests.training_export.steps.rows_made import label, pair, run, sft
from training_export.curate.examples import Answer, EvalQuestion, RankedList
from training_export.steps import STEPS, Row

MOBILE, CARD = "13812345678", "6228480402564890018"


def test_every_text_of_a_row_is_masked_and_nothing_else_changes():
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": f'{{"to": "{MOBILE}"}}'}}
    turns = ({"role": "assistant", "content": "", "tool_calls": [call]},)
    row = sft(f"电话 {MOBILE}", "x", sources=[{"title": "t", "text": "写给 li@hospital.cn"}], tags=("a",))
    row.example.target = Answer(f"卡号 {CARD}。", turns=turns, origin="human")
    untouched = sft("血压 120/80", "正常，2023-10-11 复查")
    before = copy.deepcopy([row, untouched])
    kept, report = run("mask-personal-data", [row, untouched])
    assert [row, untouched] == before  # the rows that came in are still what they were
    assert report.changed == 1 and report.figures["found"] == {"bank_card": 1, "email": 1, "mobile": 2}
    masked = kept[0].example
    assert masked.context[0]["content"] == "电话 [mobile]"
    assert masked.sources == [{"title": "t", "text": "写给 [email]"}]
    assert masked.target.text == "卡号 [bank_card]。" and masked.target.origin == "human"
    assert masked.target.turns[0]["tool_calls"][0]["function"]["arguments"] == '{"to": "[mobile]"}'
    assert (masked.tags, masked.provenance, kept[0].keys) == (("a",), row.example.provenance, row.keys)
    assert kept[1] is untouched


def test_every_kind_of_row_is_masked():
    said = f"打 {MOBILE}"
    context = [{"role": "user", "content": "问"}]
    rows = [
        pair("问", said, said),
        label("问", said, True),
        Row(RankedList(context, "g", groups=((Answer(said),), (Answer(said),)))),
        Row(EvalQuestion(context, "g", reference=said)),
    ]
    kept, report = run("mask-personal-data", rows)
    assert report.changed == 4 and MOBILE not in repr(kept)
    assert report.figures["found"] == {"mobile": 6}


def test_rows_can_be_dropped_instead_and_kinds_chosen():
    rows = [sft("q", f"打 {MOBILE}"), sft("q", "a@hospital.cn"), sft("q", "来自 8.8.8.8"), sft("q", "好")]
    kept, report = run("mask-personal-data", rows, action="drop")
    assert kept == rows[2:] and report.dropped == {"personal_data": 2}
    assert [place["detail"] for place in report.samples["personal_data"]] == ["mobile", "email"]
    kept, report = run("mask-personal-data", rows, kinds="ip_address")
    assert [row.example.target.text for row in kept] == [
        rows[0].example.target.text, "a@hospital.cn", "来自 [ip_address]", "好",
    ]  # fmt: skip
    with pytest.raises(DomainError) as refused:
        STEPS["mask-personal-data"].parameters_of({"kinds": []})
    assert refused.value.field == "kinds"
