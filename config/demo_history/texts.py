"""The demo's texts as its people know them: how good each answer is, what is wrong with it, what should be
said instead. Pure but for reading the files of config/demo_data."""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from inference.practice_answers import EVASIVE, GRADES, Answers, load

FOLDER = Path(__file__).parents[1] / "demo_data"
# Words before a question that was asked before, so that no two talks begin alike.
LEADS = {
    "zh": {
        "medicine": ("替科里的同事问一下。", "备课用，请答得准确些。"),
        "law": ("今天有位当事人这样问我。", "写法律意见前先核对一下。"),
        "finance": ("客户刚发来这个问题，请帮我想想。", "明天培训要讲，先听听你的回答。"),
    },
    "en": {
        "medicine": ("A colleague on the ward asked me this.", "For tomorrow's teaching round:"),
        "law": ("This came up in a client meeting.", "Before I write the memo, please check:"),
        "finance": ("Preparing for a call, please check this for me.", "For the training next week:"),
    },
}
AGAIN = {
    "zh": ("请用一句话总结。", "我没看懂，能换个简单的说法吗？", "最要紧的一点是什么？"),
    "en": ("Can you put that in one sentence?", "What is the most important point?", "In plainer words?"),
}
EVASIVE_COMPLAINTS = {
    "zh": ("等于没有回答。", "什么都没说，只叫我去问别人。", "我要的是具体答案，不是套话。"),
    "en": ("This does not answer anything.", "I asked for an answer, not for a referral.", "Just evasion."),
}


@dataclass(frozen=True)
class Question:
    """What an end user asks, with the answers that models give: {grade: text}."""

    text: str
    domain: str
    language: str
    answers: dict[str, str]
    complaints: dict[str, str] = field(default_factory=dict)  # of a grade


def lines(name: str) -> list[dict]:
    """The rows of a file of config/demo_data."""
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


@cache
def judgements() -> dict:
    """What experts write: corrections, verdicts, demonstrations, words of reviewers."""
    return json.loads((FOLDER / "judgements.json").read_text(encoding="utf-8"))


@cache
def grades() -> dict[str, str]:
    """{text of an answer: its grade}, of all answers of the demo."""
    known = json.loads((FOLDER / "practice.json").read_text(encoding="utf-8"))
    found: dict[str, str] = {}
    for row in lines("ranking.jsonl"):
        found |= {
            answer["text"]: grade for answer, grade in zip(row["answers"], known[row["id"]], strict=True)
        }
    found |= {row["answer"]: known[row["id"]][0] for row in lines("qa.jsonl")}
    for question in questions():
        found |= {text: grade for grade, text in question.answers.items() if text not in found}
    return found


@cache
def betters() -> dict[str, str]:
    """{text of an answer that is not good: what should be said}, of the answers that models give in talks."""
    return {
        text: asked.answers["good"]
        for asked in _talks()
        for grade, text in asked.answers.items()
        if grade in ("short", "wrong")
    }


@cache
def questions() -> tuple[Question, ...]:
    """All questions that end users ask, no two alike."""
    return (*_talks(), *_of_rankings())


@cache
def domains() -> dict[str, str]:
    """{question of an end user: its domain}."""
    return {question.text: question.domain for question in questions()}


def _talks() -> list[Question]:
    found = []
    for row in lines("talks.jsonl"):
        right, wrong = row["slip"]
        answers = {
            "good": row["good"],
            "short": row["short"],
            "wrong": row["good"].replace(right, wrong),
            "evasive": EVASIVE[row["language"]],
        }
        complaints = {"wrong": row["complaint"], "short": row["want"]}
        found += [Question(text, row["domain"], row["language"], answers, complaints) for text in row["asks"]]
    return found


def _of_rankings() -> list[Question]:
    """The questions of the ranking project that stand by themselves, as they are and with words before."""
    domains = [row["domain"] for row in lines("ranking.jsonl")]
    known = load([FOLDER / "ranking.jsonl"], FOLDER / "practice.json").entries
    found = []
    for domain, entry in zip(domains, known, strict=True):
        if not entry.context and not entry.sources:
            answers = {grade: Answers.texts_of(entry, grade)[0] for grade in GRADES}
            leads = ("", *(f"{lead}\n\n" for lead in LEADS[entry.language][domain]))
            found += [Question(lead + entry.question, domain, entry.language, answers) for lead in leads]
    return found
