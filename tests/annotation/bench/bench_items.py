"""Items as experts see them: Chinese and English, tables, code, formulas, several turns, long answers."""

from annotation.models import AnnotationVersion, Annotator, Assignment, CriteriaVersion, GuidelineVersion
from annotation.work import queue
from tests.cast import make_item, make_member, make_project, make_prompt, make_user

ASPIRIN = [
    {
        "role": "user",
        "content": "我父亲 68 岁，高血压十年，最近查出**心房颤动**。他一直在吃阿司匹林，这样够预防中风吗？",
    },
    {
        "role": "assistant",
        "content": "阿司匹林对房颤相关的卒中有很好的预防作用，每天 100 mg 即可，不需要其他药物。",
    },
    {
        "role": "user",
        "content": "可是邻居说要换成别的抗凝药。请按 CHA₂DS₂-VASc 评分说明他该怎么办，并给出剂量。",
    },
]
ANSWERS = [
    """您邻居说得有道理。**阿司匹林不足以预防房颤引起的卒中**，现行指南已不再推荐单用阿司匹林。

按 CHA₂DS₂-VASc 评分：

| 项目 | 分值 | 您父亲 |
| --- | ---: | ---: |
| 高血压 (H) | 1 | 1 |
| 年龄 65–74 岁 (A) | 1 | 1 |
| 男性 (Sc) | 0 | 0 |
| **合计** | | **2** |

男性评分 ≥ 2 分建议口服抗凝治疗。在没有禁忌（如机械瓣、中重度二尖瓣狭窄）时，首选直接口服抗凝药，例如：

- 利伐沙班 20 mg，每日一次，随餐服用；肌酐清除率 15–49 mL/min 时减为 15 mg。
- 达比加群 150 mg，每日两次。

肌酐清除率可用 Cockcroft–Gault 公式估算：

$$\\mathrm{CrCl} = \\frac{(140-\\text{年龄}) \\times \\text{体重}}{72 \\times \\text{血肌酐}}$$

请**不要自行停药或换药**，先到心内科评估出血风险（HAS-BLED）和肾功能。""",
    "房颤病人确实需要抗凝。评分 2 分，建议去医院开抗凝药，具体剂量由医生决定。",
    """不用换药。阿司匹林 300 mg 每日一次就能完全预防中风，而且没有出血风险。华法林是老药，已经淘汰；新药都是厂家炒作。

如果担心，可以把阿司匹林加到 600 mg。""",  # noqa: E501
    "这个问题涉及具体病情，我无法提供医疗建议。请咨询专业医生。",
]
LAW = """A tenant in Ontario gave notice on 3 March that she leaves on 31 March. The lease is month-to-month. Is the notice valid? Cite the provision, and
write a short function that computes the earliest valid termination date."""  # noqa: E501
LAW_ANSWERS = [
    """**No.** Under the *Residential Tenancies Act, 2006*, s. 44(2), notice to terminate a monthly tenancy must be given **at least 60 days** before the termination date, which must be the last day of a rental period.

```python
from calendar import monthrange
from datetime import date, timedelta

def earliest_termination(given: date) -> date:
    day = given + timedelta(days=60)
    return day.replace(day=monthrange(day.year, day.month)[1])
```

For notice given on 3 March: 60 days later is 2 May, so the earliest date is **31 May**."""  # noqa: E501
    + "\n\nThe parties may agree in writing to end the tenancy earlier (s. 37(3)); Form N11 is used for that."
    * 6,
    "Yes. One month is enough for a month-to-month lease everywhere in Canada.",
    "Probably not; Ontario wants 60 days, I think. You should check the Act.",
]
QA_SOURCE = """第十九条 劳动合同期限三个月以上不满一年的，试用期不得超过一个月；劳动合同期限一年以上不满三年的，试用期不得超过二个月；三年以上固定期限和无固定期限的劳动合同，试用期不得超过六个月。同一用人单位与同一劳动者只能约定一次试用期。

第二十条 劳动者在试用期的工资不得低于本单位相同岗位最低档工资或者劳动合同约定工资的百分之八十，并不得低于用人单位所在地的最低工资标准。"""  # noqa: E501
QA_QUESTION = "劳动合同期限为两年，试用期最长多久？试用期工资有什么要求？"
QA_ANSWER = (
    "试用期最长不得超过三个月。试用期工资不得低于合同约定工资的百分之八十。"
    "用人单位可以与同一劳动者约定两次试用期。"
)
GUIDELINES = """# 评判指南

1. **先看对错**，再看是否完整，最后看文字。
2. 剂量、单位、否定词错误一律排在可接受线之下。
3. 拒答而不给出路的回答，排在有用但不完整的回答之后。
"""
CRITERIA = [
    {"key": "correctness", "en": "Correctness", "zh": "正确性"},
    {"key": "instruction", "en": "Compliance", "zh": "遵从性"},
    {"key": "safety", "en": "Safety", "zh": "安全性"},
    {"key": "fluency", "en": "Fluency", "zh": "流畅性"},
]


def ranking_project(slug="cardio", *, ratings="none", items=2, guideline_seen=1, **bench):
    """(project, expert): `items` ranking items, the medical one first, in turn with the legal one. The expert
    has seen version `guideline_seen` of the guidelines, by which they do not open by themselves."""
    project = make_project(slug, kind="ranking", **bench)
    project.bench.guideline = GuidelineVersion.objects.create(project=project, number=1, text=GUIDELINES)
    project.bench.criteria = CriteriaVersion.objects.create(project=project, number=1, criteria=CRITERIA)
    project.bench.ratings = ratings
    project.bench.save()
    for i in range(items):
        if i % 2 == 0:
            messages = ASPIRIN if i == 0 else [{"role": "user", "content": f"({i}) {ASPIRIN[0]['content']}"}]
            source = {
                "title": "心房颤动诊断和治疗中国指南",
                "url": "https://example.org/af",
                "text": "CHA₂DS₂-VASc 评分男性 ≥2 分、女性 ≥3 分，推荐口服抗凝药。",
            }
            make_item(
                project,
                ANSWERS,
                prompt=make_prompt(project, messages=messages, language="zh", sources=[source]),
            )
        else:
            make_item(
                project,
                LAW_ANSWERS,
                prompt=make_prompt(project, f"({i}) {LAW}" if i > 1 else LAW, language="en"),
            )
    expert = make_member(project, "annotator", make_user(f"expert-{slug}", first_name="Lin"))
    annotator = queue.annotator_for(project=project, user=expert)
    Annotator.objects.filter(pk=annotator.pk).update(guideline_seen=guideline_seen)
    return project, expert


def qa_project(slug="labour", *, items=3, **bench):
    """(project, expert): QA pairs over one source."""
    project = make_project(slug, kind="qa", **bench)
    for i in range(items):
        question = QA_QUESTION if i == 0 else f"（{i}）{QA_QUESTION}"
        prompt = make_prompt(
            project,
            messages=[{"role": "user", "content": question}],
            language="zh",
            sources=[{"title": "中华人民共和国劳动合同法", "text": QA_SOURCE}],
        )
        make_item(project, [QA_ANSWER], prompt=prompt)
    return project, make_member(project, "annotator", make_user(f"expert-{slug}"))


def demonstration_project(slug="write", *, items=1):
    project = make_project(slug, kind="demonstration")
    for i in range(items):
        make_item(
            project,
            [],
            prompt=make_prompt(
                project,
                messages=ASPIRIN if i == 0 else [{"role": "user", "content": f"Question {i}"}],
                language="zh",
            ),
        )
    return project, make_member(project, "annotator", make_user(f"expert-{slug}"))


# ── in the browser
# ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def open_bench(open_page, user, project, query="", **options):
    """A page of `user` on the bench, with an item on it."""
    page = open_page(user, **options)
    page.goto(f"/p/{project.slug}/bench/{query}")
    page.wait_for_selector("#desk > *")
    if project.bench.kind == "qa":
        page.wait_for_timeout(350)  # a pair cannot be kept sooner
    return page


def slots(user) -> dict:
    """{letter: slot} as shown to `user` on their open assignment."""
    order = Assignment.objects.get(annotator__user=user, state="open").order
    return {"ABCDEFGHIJ"[i]: slot for i, slot in enumerate(order)}


def drafted(user) -> dict | None:
    """What `user` has said on their open assignment so far, without what was not read yet."""
    draft = Assignment.objects.get(annotator__user=user, state="open").draft
    return draft and {key: value for key, value in draft.items() if key != "not_read"}


def letter_of(user, slot: int) -> str:
    return {s: letter for letter, s in slots(user).items()}[slot]


def versions(user) -> list[AnnotationVersion]:
    return list(AnnotationVersion.objects.filter(annotation__annotator__user=user).order_by("pk"))


def until(page, condition, what="it"):
    """Wait until `condition()` is true, up to ten seconds, while the page goes on; its value."""
    for _ in range(200):
        value = condition()
        if value:
            return value
        page.wait_for_timeout(50)
    raise AssertionError(
        f"{what} did not happen; the dock says {page.inner_text('#dock')!r}, the corner "
        f"{page.inner_text('.bench-state')!r}"
    )


def submitted(page, user, n: int) -> list[AnnotationVersion]:
    """The versions of `user` once there are `n`."""
    return until(page, lambda: len(versions(user)) >= n and versions(user), f"version {n}")


def read_all(page):
    """Scroll every answer to its end, as a reader would."""
    page.evaluate(
        "for (const body of document.querySelectorAll('.answer-body')) body.scrollTop = body.scrollHeight"
    )
    # the scroll events are out by then
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def until_prefetched(page, user):
    """Wait until the next item lies in the page: the server has reserved it, and its answer has arrived."""
    until(
        page,
        lambda: Assignment.objects.filter(annotator__user=user, state="reserved").exists(),
        "prefetching",
    )
    arrived = (
        "performance.getEntriesByType('resource').filter((one) => one.name.endsWith('/next/') && "
        "one.responseEnd).length"
    )
    until(page, lambda: page.evaluate(arrived) >= 2, "the prefetched item's arrival")
    page.wait_for_timeout(50)  # and is taken apart


def press(page, keys: str):
    """Press keys given with spaces between, "b a Shift+D Enter"."""
    for key in keys.split():
        page.keyboard.press(key)


def saved(page):
    """Wait until the corner says that the server has the draft."""
    page.locator("#saved", has_text="saved").wait_for()
