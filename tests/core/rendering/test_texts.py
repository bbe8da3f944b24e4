"""Differences, sentences, language, charts."""

import time
from html.parser import HTMLParser

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from core.rendering import charts, diff, language, sentences


def test_one_changed_digit_is_one_insertion():
    assert diff.ops("每次 5 mg 口服", "每次 50 mg 口服") == [
        ("equal", "每次 5"),
        ("insert", "0"),
        ("equal", " mg 口服"),
    ]
    assert diff.ops("", "") == [] and diff.ops("a", "a") == [("equal", "a")]


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        (  # written anew: one change a sentence, no confetti of shared characters
            "建议您尽快到医院就诊，以免延误病情。每日一次随餐服用。",
            "请您立即去医院看病，否则会耽误治疗。每日两次随餐服用。",
            [
                ("delete", "建议您尽快到医院就诊，以免延误病情"),
                ("insert", "请您立即去医院看病，否则会耽误治疗"),
                ("delete", "一"),
                ("insert", "两"),
            ],
        ),
        (  # one phrase of three
            "男性评分 2 分，建议您尽快到医院就诊，不要自行停药。",
            "男性评分 2 分，请您立即去医院看病，不要自行停药。",
            [("delete", "建议您尽快到医院就诊"), ("insert", "请您立即去医院看病")],
        ),
        (  # a little changed in several places stays fine
            "男性评分 2 分建议口服抗凝治疗。",
            "男性评分 3 分推荐口服抗凝药物。",
            [
                ("delete", "2"),
                ("insert", "3"),
                ("delete", "建议"),
                ("insert", "推荐"),
                ("delete", "治疗"),
                ("insert", "药物"),
            ],
        ),
        ("应当抗凝", "应当在评估出血风险之后抗凝", [("insert", "在评估出血风险之后")]),
    ],
)
def test_a_chinese_phrase_written_anew_is_one_change(old, new, changed):
    parts = diff.ops(old, new)
    assert [part for part in parts if part[0] != "equal"] == changed
    assert "".join(text for kind, text in parts if kind != "insert") == old
    assert "".join(text for kind, text in parts if kind != "delete") == new


def test_differences_say_so_to_a_screen_reader_and_show_white_space():
    made = diff.html("one two three", "one  two three\n")
    assert made.count("<ins>") == 2 and "inserted:" in made and "␣" in made and "↵\n" in made
    assert "<b>" not in diff.html("<b>", "<i>")
    assert 'class="unseen"' in diff.html("a", "a\u202e")


def test_a_long_chinese_text_is_not_collapsed_to_one_replacement():
    old = "".join(f"第{i}条 当事人应当按照约定全面履行自己的义务。" for i in range(300))
    new = old.replace("第150条 当事人应当", "第150条 当事人可以")
    changed = [(kind, text) for kind, text in diff.ops(old, new) if kind != "equal"]
    assert changed == [("delete", "应当"), ("insert", "可以")]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_the_parts_of_a_difference_make_both_texts(old, new):
    parts = diff.ops(old, new)
    assert "".join(t for k, t in parts if k != "insert") == old
    assert "".join(t for k, t in parts if k != "delete") == new


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("患者发热。体温39.5℃！怎么办？", ["患者发热。", "体温39.5℃！", "怎么办？"]),
        ("他说：“好。”然后走了。", ["他说：“好。”", "然后走了。"]),
        ("真的吗？！是……的。", ["真的吗？！", "是……", "的。"]),
        (
            "Dr. Smith gave 3.5 mg, e.g. at noon. It helped.",
            ["Dr. Smith gave 3.5 mg, e.g. at noon. ", "It helped."],
        ),
        ("“Really?” he said. Yes.", ["“Really?” he said. ", "Yes."]),
        ("See Art. 5(2) of Reg. No. 12. Then stop.", ["See Art. 5(2) of Reg. No. 12. ", "Then stop."]),
        ("1. First point.\n2. Second point.", ["1. First point.\n", "2. Second point."]),
        ("a) one\n\n- two\n- three", ["a) one\n\n", "- two\n", "- three"]),
        ("J. R. Smith v. U.S. Steel lost. Next.", ["J. R. Smith v. U.S. Steel lost. ", "Next."]),
        ("第一条 总则\n第二条 适用范围。", ["第一条 总则\n", "第二条 适用范围。"]),
        ("He left (at 5 p.m.). She stayed.", ["He left (at 5 p.m.). ", "She stayed."]),
        ("", []),
        ("no end", ["no end"]),
    ],
)
def test_sentences(text, parts):
    assert sentences.split(text) == parts


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='ab. 。！?”"\n1-）(\u3000，', max_size=50) | st.text(max_size=50))
def test_sentences_lose_nothing(text):
    parts = sentences.split(text)
    assert "".join(parts) == text and all(parts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("高血压患者如何用药？", "zh"),
        ("What is the limitation period for contract claims?", "en"),
        ("使用 metformin 时 eGFR < 30 应停药", "zh"),
        ("The term 高血压 means hypertension in Chinese medicine texts.", "en"),
        ("これは日本語の文章です。", ""),
        ("12345 + 67", ""),
        ("", ""),
        ("Le contrat est nul parce que la loi le dit ainsi pour tous les cas sans exception possible", ""),
        ("OK", "en"),
    ],
)
def test_language(text, expected):
    assert language.guess(text) == expected


class _Attributes(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = set()

    def handle_starttag(self, tag, attrs):
        self.seen |= {name for name, _ in attrs}


def test_bars_carry_labels_links_and_a_table():
    made = charts.bars(
        "By <b>day</b>", [("A & B", 3, "/p/x/?a=1&b=2"), charts.Mark("C", None), ("D", 1.5, "", "bad")]
    )
    assert (
        made.count("<rect") == 6
        and 'href="/p/x/?a=1&amp;b=2"' in made
        and "A &amp; B" in made
        and "<b>" not in made
    )
    assert "<caption>" in made and ">1.5<" in made and "chart-bad" in made and ">–<" in made
    parser = _Attributes()
    parser.feed(made)
    assert "style" not in parser.seen and not any(a.startswith("on") for a in parser.seen)
    assert charts.bars("x", []) == ""


def test_a_line_leaves_gaps_where_there_is_no_figure():
    made = charts.line("Pace", [("1", 1), ("2", 4), ("3", None), ("4", 2), ("5", 3)])
    assert made.count("<polyline") == 2 and "–" in made and "style=" not in made
    assert charts.line("x", [("1", None)]) == "" and "<circle" in charts.line("x", [("1", 0)])


@pytest.mark.parametrize(
    "text",
    [
        "1 " * 50_000,
        " " * 100_000,
        "> " * 50_000,
        "1" * 100_000,
        '"""' * 33_000,
        "a@" * 50_000,
        "\u3000\n" * 50_000,
    ],
)
def test_texts_that_repeat_themselves_are_compared_in_a_moment(text):
    """A correction may be 200,000 characters of anything, and somebody has to review it."""
    before = time.process_time()
    for new in (text[::-1] + "x", "x" + text[:50_000] + "y" + text[50_001:]):
        found = diff.ops(text, new)
        assert "".join(part for kind, part in found if kind != "insert") == text
        assert "".join(part for kind, part in found if kind != "delete") == new
        diff.html(text, new)
    assert time.process_time() - before < 6


def test_the_words_for_a_screen_reader_are_chinese_on_a_chinese_page():
    with translation.override("zh-hans"):
        made = diff.html("甲乙", "甲丙")
    assert "插入：" in made and "删除：" in made and "inserted" not in made
