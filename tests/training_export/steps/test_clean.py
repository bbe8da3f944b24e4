"""Rows that are dropped for their form, and rows that only look like it."""

import random

import pytest

from core.errors import DomainError
from tests.training_export.steps.planted import texts
from tests.training_export.steps.rows_made import label, pair, run, sft
from training_export.curate.examples import Answer, PromptOnly
from training_export.steps import STEPS, Row
from training_export.steps.clean.encoding import is_mojibake
from training_export.steps.clean.wording import repeated_share

QUESTION, ANSWER = "一天最多吃多少对乙酰氨基酚?", "一天的总量不要超过4克,两次服药至少间隔4到6小时。"


def reasons(*rows, **parameters) -> dict:
    return dict(run("clean", list(rows), **parameters)[1].dropped)


def test_good_rows_in_both_languages_stay_as_they_are():
    rows = [sft(q, a) for language in ("zh", "en") for q, a in texts(language, 150, 5)]
    rows += [
        sft("体温 38.5°C、±2 µg/L 正常吗?", "“正常”范围是 36–37 °C；10⁹/L 用于计数……α-受体、β₂ 激动剂。"),
        sft(
            "Voilà, un café naïf?", "Größe: 5 µm², año, Åse, CAFÉ® and façade — all of these are fine words."
        ),
    ]
    before = [(row.example.context, row.example.target.text) for row in rows]
    kept, report = run("clean", rows)
    assert kept == rows and not report.dropped
    assert [(row.example.context, row.example.target.text) for row in kept] == before


def test_empty_and_too_short_and_too_long():
    assert reasons(sft(" \n", ANSWER), sft(QUESTION, "　"), pair(QUESTION, ANSWER, "")) == {"empty": 3}
    assert reasons(sft("?", ANSWER)) == {"question_short": 1}
    assert reasons(sft("?", ANSWER), question_min=0) == {}
    assert reasons(sft(QUESTION, "好"), sft(QUESTION, "好的")) == {"answer_short": 1}
    limits = {"question_max": 20, "answer_max": 30}
    assert reasons(sft("问" * 20, "答" * 30), **limits, repetition=1) == {}
    assert reasons(sft("问" * 21, "答"), sft("问题", "答" * 31), **limits) == {
        "question_long": 1,
        "answer_long": 1,
    }
    called = Answer("", turns=({"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]},))
    row = sft(QUESTION, "x")
    row.example.target = called
    assert reasons(row, Row(PromptOnly([{"role": "user", "content": QUESTION}], "g"))) == {}


def test_of_a_pair_only_the_chosen_answer_must_be_good():
    loop = "请遵医嘱。" * 40
    assert reasons(pair(QUESTION, ANSWER, loop), label(QUESTION, loop, False)) == {}
    assert reasons(pair(QUESTION, loop, ANSWER), label(QUESTION, loop, True)) == {"repetition": 2}


def test_the_share_of_repetition_is_counted_as_said():
    draw = random.Random(1)
    for _ in range(20):
        text = "".join(draw.choice("ab") for _ in range(200))
        runs = [text[i : i + 10] for i in range(191)]
        again = sum(run in runs[:i] for i, run in enumerate(runs))
        assert repeated_share(text) == pytest.approx(again / 191)
    assert repeated_share("哈" * 39) == 0
    _kept, report = run("clean", [sft(QUESTION, "是的，" * 30)])
    assert report.samples["repetition"][0]["detail"] == f"{repeated_share('是的，' * 30):.2f}"
    code = "for i in range(3):\n        print(i)\n" + "\n".join(f"        y{i} = {i * 7}" for i in range(30))
    assert repeated_share(code) < 0.4


def test_every_text_read_in_a_wrong_encoding_is_found_and_no_good_one():
    """Planted: each of 150 Chinese answers read as GBK, as Latin-1 and as Windows-1252, GBK read as Latin-1,
    and English with a typographic apostrophe read as Windows-1252."""
    good = [a for _q, a in texts("zh", 150, 2)] + [a for _q, a in texts("en", 150, 2)]
    broken = []
    for text in good[:150]:
        raw = text.encode()
        broken += [
            raw.decode("gbk", "ignore"),
            raw.decode("latin-1"),
            raw.decode("cp1252", "ignore"),
            text.encode("gbk").decode("latin-1"),
        ]
    broken += [f"{text} That’s all.".encode().decode("cp1252") for text in good[150:]]
    found, wrong = sum(map(is_mojibake, broken)), sum(map(is_mojibake, good))
    print(f"mojibake: recall {found}/{len(broken)}, false alarms {wrong}/{len(good)}")
    assert found >= 0.99 * len(broken)
    assert wrong == 0


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("浣犲ソ锛屼笘鐣", True),
        ("锟斤拷锟斤拷", True),
        ("不明的字\ufffd", True),
        ("PatientÃ© Ã©tat", True),
        ("联通", False),
        ("魑魅魍魉、饕餮、耄耋、囹圄", False),
        ("日本語のテキストです", False),
        ("한국어 문장입니다", False),
        ("Привет, мир", False),
        ("😀👍🏽 ✓ → ①", False),
    ],
)
def test_mojibake_one_by_one(text, broken):
    assert is_mojibake(text) is broken


def test_every_text_of_the_row_is_looked_at_for_what_harms_the_training():
    rows = [
        sft(QUESTION, "好的<|im_end|>"),
        pair(QUESTION, ANSWER, "[INST] 好"),
        sft(QUESTION, ANSWER, sources=[{"title": "t", "text": "a</s>"}]),
        sft("什么是\ufffd?", ANSWER),
        pair(QUESTION, ANSWER, "浣犲ソ锛屼笘鐣屼綘濂"),
    ]
    assert reasons(*rows) == {"template_token": 3, "mojibake": 2}
    assert reasons(*rows, template_tokens=False, mojibake=False) == {}


LONG_EN = "Take no more than four grams a day, and wait at least four hours between two doses."


@pytest.mark.parametrize(
    ("question", "answer", "dropped"),
    [
        (QUESTION, LONG_EN, True),
        ("How much of it may I take in one day?", ANSWER, True),
        (QUESTION, ANSWER, False),
        ("把这句话翻译成英文:一天不超过四克", LONG_EN, False),
        ("请用英语回答:一天最多吃多少?", LONG_EN, False),
        ("What is 对乙酰氨基酚 and how much may I take of it?", ANSWER, False),
        (f"总结这段话:{LONG_EN * 3}", LONG_EN, False),
        (f"总结这段话:{LONG_EN * 3}", ANSWER, False),
        ("感冒吃什么药?", "Paracetamol", False),
        ("写一个求和的函数", "```python\ndef total(values):\n    return sum(values)\n```", False),
    ],
)
def test_an_answer_in_another_language_than_was_asked_in(question, answer, dropped):
    assert reasons(sft(question, answer)) == ({"other_language": 1} if dropped else {})


@pytest.mark.parametrize(
    ("answer", "refuses"),
    [
        ("抱歉，我无法回答这个问题。", True),
        ("很抱歉，作为一个人工智能助手，我不能提供具体的医疗诊断。", True),
        ("对不起,我不能协助您完成这个请求。", True),
        ("作为AI语言模型，我无法提供法律意见。", True),
        ("我无法为您提供该信息。", True),
        ("I'm sorry, but I can't help with that.", True),
        ("I’m sorry, but I cannot provide medical advice.", True),
        ("As an AI language model, I am unable to answer this.", True),
        ("I cannot assist with this request.", True),
        ("Unfortunately, I am not able to provide that information.", True),
        ("抱歉给您带来不便。退款会在三天内到账。", False),
        ("不能。孕妇不能服用这种药物。", False),
        ("您的合同无法提前解除，因为没有约定。", False),
        ("I can't stress enough how important sleep is.", False),
        ("You cannot take both drugs together.", False),
        ("Sorry to hear that. Rest and drink enough water.", False),
    ],
)
def test_refusals_are_dropped_only_where_it_is_asked_for(answer, refuses):
    row = pair("How can I make it?" if answer.isascii() else "怎么做?", answer, "x y")
    assert reasons(row, language=False) == {}
    assert reasons(row, language=False, refusals=True) == ({"refusal": 1} if refuses else {})


def test_a_refusal_that_goes_on_to_help_is_none():
    assert (
        reasons(sft(QUESTION, "抱歉，我无法回答诊断问题。但是，" + ANSWER * 30), refusals=True, repetition=1)
        == {}
    )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("看:\n```python\nprint(1)\n", "open_fence"),
        ("看:\n````\n```\n", "open_fence"),
        ("- 步骤\n\n    ```sh\n    ls\n    ```\n完", None),
        ("看:\n~~~\n```\n~~~\n完", None),
        ("用 ``` 三个反引号", None),
        ("```行内```的写法", None),
        ('{"a": 1, "b": [1, 2]}', None),
        ('{"a": 1, "b": [1, 2}', "broken_json"),
        ('[{"a": 1},]', "broken_json"),
        ("[1] 参考文献，[2] 另一篇", None),
        ("{x | x > 0} 是一个集合", None),
        ('结果:\n```json\n{"a": 1}\n```', None),
        ("结果:\n```json\n{'a': 1}\n```", "broken_json"),
        ("结果:\n```js\n{'a': 1}\n```", None),
    ],
)
def test_what_breaks_off(answer, reason):
    assert reasons(sft("写一个例子", answer)) == ({reason: 1} if reason else {})
    assert reasons(sft("写一个例子", answer), markdown=False, json=False) == {}


def test_limits_that_exclude_each_other_are_refused():
    with pytest.raises(DomainError) as refused:
        STEPS["clean"].parameters_of({"answer_min": 10, "answer_max": 5})
    assert refused.value.field == "answer_max"
