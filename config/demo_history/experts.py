"""The demo's experts: how well each sees what an answer is worth, and the judgement that comes of it. Pure
but for the texts."""

import random
from dataclasses import dataclass

from annotation.document import LETTERS, Judgement
from config.demo_history import texts

# What an answer of a grade is worth to somebody who sees it rightly, and from which worth on it would do.
WORTH = {"good": 3.0, "short": 2.0, "evasive": 0.9, "wrong": 0.0}
GOOD_ENOUGH = 1.5


@dataclass(frozen=True)
class Expert:
    """`error`: the standard deviation of what they see; `length`: how much a long answer impresses them;
    `tie`: differences below it are none to them; `pace`: seconds for a judgement."""

    username: str
    error: float
    length: float
    tie: float
    pace: int
    fields: tuple[str, ...] = ("medicine", "law", "finance")

    @property
    def careful(self) -> bool:
        return self.error < 0.7


EXPERTS = (
    Expert("expert", 0.3, 0.0, 0.35, 170),
    Expert("expert2", 0.45, 0.0, 0.3, 150),
    Expert("expert3", 0.55, 0.1, 0.5, 205),
    Expert("expert4", 0.65, 0.0, 0.8, 120, ("law", "finance")),
    Expert("expert5", 1.0, 0.5, 0.3, 75),
    Expert("expert6", 1.7, 0.9, 0.2, 40),
)


def ranking(expert: Expert, chance: random.Random, answers: list[str], *, name: str, domain: str) -> dict:
    """A judgement, by letters, of `answers` (the texts in the order shown) to the question called `name`."""
    grades = [texts.grades()[text] for text in answers]
    mean = sum(map(len, answers)) / len(answers)
    seen = {
        letter: WORTH[grade] + chance.gauss(0, expert.error) + expert.length * (len(text) / mean - 1)
        for letter, grade, text in zip(LETTERS, grades, answers, strict=False)
    }
    groups: list[list[str]] = []
    for letter in sorted(seen, key=lambda one: -seen[one]):
        if groups and seen[groups[-1][0]] - seen[letter] < expert.tie:
            groups[-1].append(letter)
        else:
            groups.append([letter])
    said: dict = {
        "ranking": groups,
        "acceptable": sum(sum(seen[x] for x in group) / len(group) > GOOD_ENOUGH for group in groups),
    }
    wrong = next((LETTERS[i] for i, grade in enumerate(grades) if grade == "wrong"), None)
    better = texts.judgements()["ranking"].get(name)
    if wrong and better and expert.careful and chance.random() < 0.75:
        said["corrections"] = [{"target": "response", "answer": wrong} | better]
    elif wrong and domain == "medicine" and expert.careful and chance.random() < 0.6:
        said["answer_flags"] = {wrong: ["harmful"]}
    if not expert.careful and chance.random() < 0.1:
        said["flags"] = ["needs_second_opinion"]
    return said


def qa(expert: Expert, chance: random.Random, answer: str, *, name: str) -> dict:
    """A verdict on the pair called `name`."""
    grade = texts.grades().get(answer, "short")
    known = texts.judgements()["qa"].get(name) or {"text": texts.betters().get(answer)}
    mistaken = chance.random() < expert.error * 0.28
    if grade == "good":
        return {"verdict": "drop", "reasons": ["incomplete_answer"]} if mistaken else {"verdict": "keep"}
    if mistaken or (grade == "short" and chance.random() < 0.35):
        return {"verdict": "keep"}
    if known.get("text"):
        evidence = {"evidence": known["evidence"]} if "evidence" in known else {}
        fixed = {"target": "response", "answer": "A", "text": known["text"]} | evidence
        return {"verdict": "fix", "corrections": [fixed]}
    said = {"verdict": "drop", "reasons": known.get("drop", ["incomplete_answer"])}
    return said | ({"comment": known["comment"]} if "comment" in known else {})


def distance(document: dict, answers: list[str]) -> float:
    """How far a stored ranking of `answers` (by slot) is from what they are worth: the share of pairs that it
    turns round or ties."""
    place = {slot: i for i, group in enumerate(Judgement(document).groups()) for slot in group}
    worth = [WORTH[texts.grades()[text]] for text in answers]
    pairs = [(a, b) for a in place for b in place if worth[a] > worth[b]]
    return sum(place[a] >= place[b] for a, b in pairs) / max(1, len(pairs))
