"""What the practice server answers: the demo's own answers, found by how much of a question's wording they
share. Pure.

An answer is known as good, short (right, but incomplete), wrong (and sure of itself) or evasive; where a
question lacks one of them, it is made from what there is. Nothing here understands anything."""

import json
import random
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from math import log
from pathlib import Path

GRADES = ("good", "short", "wrong", "evasive")
NEAR = 0.41  # share of a question's wording, weighted by rarity, that must be found
TOPICS = 3

EVASIVE = {
    "zh": "这个问题涉及多方面因素，需要结合具体情况综合判断，不同的人看法可能不同。"
    "建议咨询有资质的专业人士，并以最新规定为准。",
    "en": "This depends on many factors, and views differ. It would be best to consult a qualified "
    "professional who knows your situation.",
}
FAR = {
    "zh": "这是**练习服务**，背后没有模型，只会用演示数据里现成的回答来应答。"
    "您的问题与其中任何一条都不够接近。可以试着问这些：",
    "en": "This is a **practice server**: there is no model behind it, and it only knows the answers of the "
    "demo's texts. Your question is not close "
    "to any of them. You could ask, for example:",
}
TURNS = [
    ("不得", "可以"),
    ("可以", "不可以"),
    ("应当", "不必"),
    ("需要", "不需要"),
    (" not ", " "),
    (" is ", " is not "),
    (" are ", " are not "),
]
PASSAGE = {"zh": "依据《{title}》，原文是：", "en": "The passage to go by is “{title}”:"}


@dataclass
class Entry:
    """A question with its answers by grade ({"good": [text, …], …}) and what they rest on."""

    question: str
    context: str
    language: str
    answers: dict[str, list[str]] = field(default_factory=dict)
    sources: list[dict] = field(default_factory=list)


class Answers:
    """All that the practice server knows."""

    def __init__(self, entries: list[Entry]):
        self.entries = entries
        self._units = [units(e.question + "\n" + e.context) for e in entries]
        self._own = [units(e.question) for e in entries]
        seen = Counter(b for found in self._units for b in found)
        self._weight = {b: log((1 + len(entries)) / n) for b, n in seen.items()}
        self._rare = log(1 + len(entries))

    def nearest(self, text: str, before: str = "") -> list[tuple[float, Entry]]:
        """The entries by nearness to the question, nearest first. What was said before decides between
        equals."""
        asked, earlier = units(text), units(before)
        whole = sum(self._weight.get(b, self._rare) for b in asked) or 1
        found = []
        for entry, known, own in zip(self.entries, self._units, self._own, strict=True):
            shared = sum(self._weight[b] for b in asked & known)
            back = sum(self._weight[b] for b in asked & own) / (sum(self._weight[b] for b in own) or 1)
            tie = sum(self._weight[b] for b in earlier & known) / (sum(self._weight[b] for b in known) or 1)
            found.append((shared / whole + 0.2 * back + 0.05 * tie, entry))
        return sorted(found, key=lambda f: -f[0])

    def answer(
        self, text: str, before: str, grade: str, temperature: float, seed: object
    ) -> tuple[str, list[dict]]:
        """(answer, sources). At temperature 0 always the answer of the grade; above it, sometimes another
        one. Honest words when nothing is near."""
        found = self.nearest(text, before)
        if not found or found[0][0] < NEAR:
            spoken = language_of(text)
            topics = [e for _score, e in found if e.language == spoken and not e.context][:TOPICS]
            return "\n".join([FAR[spoken], "", *(f"- {_brief(e.question)}" for e in topics)]), []
        entry = found[0][1]
        if temperature > 0:
            draw = random.Random(f"{seed}" if seed is not None else None)
            if draw.random() < min(0.6, 0.3 * temperature):
                grade = draw.choice([g for g in GRADES if g != grade])
        texts = self.texts_of(entry, grade)
        return texts[0], entry.sources

    @staticmethod
    def texts_of(entry: Entry, grade: str) -> list[str]:
        """The answers of the grade, or one made up for it."""
        if entry.answers.get(grade):
            return entry.answers[grade]
        if grade == "evasive":
            return [EVASIVE[entry.language]]
        if grade == "good" and entry.sources:
            source = entry.sources[0]
            return [
                PASSAGE[entry.language].format(title=source["title"])
                + "\n\n> "
                + source["text"].replace("\n", "\n> ")
            ]
        good = (
            Answers.texts_of(entry, "good")[0] if grade != "good" else next(iter(entry.answers.values()))[0]
        )
        if grade == "short":
            return [_beginning(good.rpartition("> ")[2])]
        return [_turned(good)]


def load(data: list[Path], grades: Path | None = None) -> Answers:
    """From JSON lines of questions with one or several answers: {"id", "question", "answer"} or {"id",
    "prompt": messages, "answers": [{"text"}]}, each with or without "source" and "source_title"; or of talks:
    {"asks": [wording, …], "language", "good", "short", "slip": [right, wrong words]}. `grades`:
    {"id": [grade of each answer]}; without it the longest is taken for good."""
    graded = json.loads(grades.read_text(encoding="utf-8")) if grades else {}
    entries = []
    for path in data:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                if "asks" in row:
                    entries.append(_of_talk(row))
                    continue
                turns = row.get("prompt") or [{"role": "user", "content": row["question"]}]
                texts = [a["text"] for a in row["answers"]] if "answers" in row else [row["answer"]]
                asked = [t["content"] for t in turns if t["role"] == "user"]
                entry = Entry(asked[-1], "\n".join(asked[:-1]), language_of(asked[-1]))
                longest = max(texts, key=len)
                for text, grade in zip(
                    texts,
                    graded.get(row["id"]) or ["good" if t is longest else "short" for t in texts],
                    strict=True,
                ):
                    entry.answers.setdefault(grade, []).append(text)
                if row.get("source"):
                    entry.sources = [{"title": row.get("source_title", ""), "text": row["source"]}]
                entries.append(entry)
    return Answers(entries)


def _of_talk(row: dict) -> Entry:
    answers = {"good": row["good"], "short": row["short"], "wrong": row["good"].replace(*row["slip"])}
    return Entry(row["asks"][0], "", row["language"], {grade: [text] for grade, text in answers.items()})


def units(text: str) -> set[str]:
    """What is compared: pairs of neighbouring characters where Chinese is written, whole words and numbers
    elsewhere; without case and width."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    found = set(re.findall(r"[^\W\u3400-\u9fff]{2,}", plain))
    for run in re.findall(r"[\u3400-\u9fff]+", plain):
        found.update(a + b for a, b in pairwise(run))
    return found


def language_of(text: str) -> str:
    """ "zh" when any tenth of it is Chinese, else "en"."""
    chinese = sum("\u4e00" <= c <= "\u9fff" for c in text)
    return "zh" if chinese and chinese * 10 >= sum(c.isalpha() for c in text) else "en"


def pieces(text: str) -> list[str]:
    """The text as a model would stream it: a word, two Chinese characters, a sign at a time; joined they are
    the text."""
    return re.findall(r"\s*[A-Za-z0-9_.']+|\s*[\u3400-\u9fff]{1,2}|\s*[^\s]|\s+", text)


def _turned(text: str) -> str:
    """Wrong, and sure of itself: the numbers are doubled, and the first plain word of judgement is turned
    round."""
    text = re.sub(r"\d+", lambda m: str(int(m[0]) * 2) if len(m[0]) < 4 else m[0], text)
    for right, wrong in TURNS:
        if right in text:
            return text.replace(right, wrong, 1)
    return text


def _beginning(text: str) -> str:
    paragraph = next(
        (p for p in text.split("\n\n") if len(p) > 10 and not p.startswith(("|", "```", "$$"))), text
    )
    ended = re.match(r".{10,}?[。.!?！？](?=\s|$|[^\d\s])", paragraph, re.DOTALL)
    return ended[0] if ended else paragraph


def _brief(question: str) -> str:
    line = " ".join(question.split())
    limit = 60 if language_of(line) == "zh" else 120
    return line if len(line) <= limit else line[:limit].rstrip() + "…"
