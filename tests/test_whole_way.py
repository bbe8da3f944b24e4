"""The main job from end to end, in both languages: a file is imported by command, judged in real Chromium,
and exported by command; the exported rows are written out here by hand."""

import json

import pytest
from django.core.management import call_command

from annotation.models import AnnotationVersion, Assignment, ItemAnswer
from core.models import Project
from tests.annotation.bench.bench_items import press, read_all, until
from tests.cast import make_member, make_project

pytestmark = pytest.mark.browser
ITEMS = [
    ("eGFR 28 mL/min 的患者能用二甲双胍吗？", ["禁用：eGFR < 30。", "可以，全量。", "请咨询医生。"]),
    ("What is the limitation period?", ["Three years (art. 188).", "Two years.", "It depends."]),
    ("久期怎么算？\n\n$D=\\sum t w_t$", ["按现值加权的时间。", "就是到期年限。", "不清楚。"]),
]
PAIRS = [
    ("首次产检在孕几周？", "6–13+6 周。", "首次产检应在孕 6–13+6 周进行。"),
    ("试用期最长多久？", "三年以上合同不超过三个月。", "三年以上固定期限劳动合同，试用期不得超过六个月。"),
    ("What does NPV add up?", "Nominal cash flows.", "NPV is the sum of discounted cash flows."),
]


def write(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def exported(slug, form, out) -> list[dict]:
    call_command("export_dataset", slug, format=form, out=str(out / f"{slug}-{form}"), json=True)
    return [
        json.loads(line)
        for line in (out / f"{slug}-{form}" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    ]


def letters_by_text(user) -> dict[str, str]:
    """{text of the answer: its letter} on the open item of `user`."""
    held = Assignment.objects.get(annotator__user=user, state="open")
    texts = {
        a.slot: a.response.text
        for a in ItemAnswer.objects.filter(item=held.item_id).select_related("response")
    }
    return {texts[slot]: "ABC"[i] for i, slot in enumerate(held.order)}


def question_shown(user) -> str:
    return (
        Assignment.objects.select_related("item__prompt")
        .get(annotator__user=user, state="open")
        .item.prompt.messages[-1]["content"]
    )


def chips(page) -> list[str]:
    return [c for c in page.inner_text(".chips").split() if c in "ABC"]


def by_keyboard(page, letters):
    press(page, f"{letters[0]} {letters[1]} l {letters[2]}".lower() + " Enter")


def by_drag(page, letters):
    """The second into the empty sentence, the best before it; the line and the last by clicks."""

    def drag(what, x, y):
        box = page.locator(f"rank-sentence [data-what='{what}']").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(x - 20, y, steps=4)
        page.mouse.move(x, y, steps=4)
        page.mouse.up()

    empty = page.locator(".chips").bounding_box()
    drag(letters[1], empty["x"] + 10, empty["y"] + 15)
    there = page.locator(f".chips [data-what='{letters[1]}']").bounding_box()
    drag(letters[0], there["x"] - 8, there["y"] + there["height"] / 2)
    assert chips(page) == [letters[0], letters[1]]
    page.click(".dock [data-action=line]")
    page.click(f".tray [data-what={letters[2]}]")
    page.click("#submit")


def by_touch(page, letters):
    for what in letters[:2]:
        page.tap(f".tray [data-what={what}]")
    page.tap(".dock [data-action=line]")
    page.tap(f".tray [data-what={letters[2]}]")
    page.tap("#submit")
    # cards that were not swiped to: said once, sent at the second tap
    if page.locator("#notice").inner_text().strip():
        page.tap("#submit")


@pytest.mark.parametrize(
    ("way", "language", "phone"), [(by_keyboard, "zh", False), (by_drag, "en", False), (by_touch, "zh", True)]
)
def test_three_items_ranked_are_exactly_what_is_exported(
    live_site, open_page, tmp_path, way, language, phone
):
    """Each item: first answer best, second good enough too, third below the line: three pairs and three
    labels an item."""
    project = make_project("ranked")
    expert = make_member(project, "annotator")
    call_command(
        "import_items",
        "ranked",
        write(tmp_path / "in.jsonl", [{"prompt": q, "responses": answers} for q, answers in ITEMS]),
        json=True,
    )
    page = open_page(expert, language=language, phone=phone)
    page.goto("/p/ranked/bench/")
    page.wait_for_selector("#desk > *")
    answers_of = dict(ITEMS)
    for n in range(1, 4):
        asked = until(
            page,
            lambda n=n: (
                Assignment.objects.filter(annotator__user=expert, state="open").exists()
                and question_shown(expert)
            ),
            f"item {n}",
        )
        best, second, worst = answers_of[asked]
        page.locator("answer-card", has_text=worst).first.wait_for(state="attached")
        letters = letters_by_text(expert)
        read_all(page)
        way(page, [letters[best], letters[second], letters[worst]])
        until(page, lambda n=n: AnnotationVersion.objects.count() == n, f"submit {n}")

    def turn(text):
        return [{"role": "assistant", "content": text}]

    pairs = [
        ({"role": "user", "content": q}, turn(a[i]), turn(a[j]))
        for q, a in ITEMS
        for i, j in ((0, 1), (0, 2), (1, 2))
    ]
    rows = exported("ranked", "trl-preference", tmp_path)
    got = [(r["prompt"], r["chosen"], r["rejected"]) for r in rows]
    assert len(got) == 9 and all(([p], c, w) in got for p, c, w in pairs)
    labels = sorted((q, text, i < 2) for q, a in ITEMS for i, text in enumerate(a))
    assert (
        sorted(
            (r["prompt"][0]["content"], r["completion"][0]["content"], r["label"])
            for r in exported("ranked", "trl-kto", tmp_path)
        )
        == labels
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pairs_kept_fixed_and_dropped_are_exactly_what_is_exported(live_site, open_page, tmp_path, language):
    project = make_project("qa", kind="qa")
    expert = make_member(project, "annotator")
    rows = [{"question": q, "answer": a, "context": source} for q, a, source in PAIRS]
    call_command("import_items", "qa", write(tmp_path / "in.jsonl", rows), json=True)
    page = open_page(expert, language=language)
    page.goto("/p/qa/bench/")
    page.wait_for_selector("#desk > *")
    for n, (question, _answer, _source) in enumerate(PAIRS, 1):
        page.locator(".qa-question", has_text=question).wait_for()
        page.wait_for_timeout(400)  # a pair cannot be kept sooner
        if n == 1:
            press(page, "k")
        elif n == 2:
            press(page, "x Control+A")
            page.keyboard.insert_text("三年以上合同不超过六个月。")
            press(page, "Control+Enter")
        else:
            press(page, "r 1 Enter")
        until(page, lambda n=n: AnnotationVersion.objects.count() == n, f"submit {n}")
    kept, fixed, dropped = PAIRS
    targets = {
        (r["prompt"][-1]["content"], r["completion"][0]["content"])
        for r in exported("qa", "trl-sft", tmp_path)
    }
    assert targets == {(kept[0], kept[1]), (fixed[0], "三年以上合同不超过六个月。")}
    (pair,) = exported("qa", "trl-preference", tmp_path)
    assert pair == {
        "prompt": [{"role": "user", "content": fixed[0]}],
        "chosen": [{"role": "assistant", "content": "三年以上合同不超过六个月。"}],
        "rejected": [{"role": "assistant", "content": fixed[1]}],
    }
    labels = {
        (r["prompt"][0]["content"], r["completion"][0]["content"], r["label"])
        for r in exported("qa", "trl-kto", tmp_path)
    }
    assert labels == {(kept[0], kept[1], True), (dropped[0], dropped[1], False)}
    assert Project.objects.get(slug="qa").snapshots.count() == 3
