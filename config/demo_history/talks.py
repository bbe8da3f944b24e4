"""End users' days: talks with models in an app of the project's owner, sent by the feedback API with what the
people said of the answers, and talks on the chat page itself."""

import random
from collections.abc import Iterator
from typing import Any

from config.demo_history import texts
from config.demo_history.clock import Clock
from config.demo_history.experts import WORTH
from config.demo_history.texts import Question
from core.models import Project, User
from feedback.chat import ask, streaming
from feedback.chat.access import Visitor
from feedback.ingest import batch
from feedback.models import Conversation, Message
from feedback.reactions import actions as reactions

TALKS, ON_THE_PAGE, WITH_DRAFTS, COMPLAINTS = 200, 10, 40, 20
APP_USERS = 26
# How often each model is asked, and of what grade its answers are.
MODELS = {
    "jasper-32b": (4, {"good": 74, "short": 20, "wrong": 4, "evasive": 2}),
    "onyx-14b": (3, {"good": 38, "short": 34, "wrong": 20, "evasive": 8}),
    "jasper-7b": (2, {"good": 18, "short": 40, "wrong": 24, "evasive": 18}),
    "flint-8b": (2, {"good": 8, "short": 22, "wrong": 38, "evasive": 32}),
}
LIKED = {"good": 0.92, "short": 0.62, "wrong": 0.3, "evasive": 0.12}
PRAISE = {"good": ["correct", "complete"], "short": ["clear"], "wrong": ["clear"], "evasive": []}
BLAME = {"good": ["too_long"], "short": ["incomplete"], "wrong": ["wrong"], "evasive": ["refused"]}
STATE = Message.State


class AppTalks:
    """What the app sends, evening by evening: talks with one answer or several turns, thumbs with reasons and
    comments, corrections, scores, and choices between drafts."""

    def __init__(self, project: Project, clock: Clock, chance: random.Random, asked: list[Question]):
        self.project, self.clock, self.chance = project, clock, chance
        self._left = list(asked)
        drafts = set(chance.sample(range(len(asked)), WITH_DRAFTS))
        self._with_drafts = {asked[i].text for i in drafts}
        self._complaints, self._sent = 0, 0

    def send(self, day: int, count: int) -> None:
        """The next `count` talks, held in the course of `day`."""
        now, self._left = self._left[:count], self._left[count:]
        hours = sorted(self.chance.uniform(8, 19) for _question in now)
        rows = [self._row(day, hour, question) for hour, question in zip(hours, now, strict=True)]
        self.clock.at(day, 19, 30)
        taken = batch.take(project=self.project, rows=rows)
        wrong = next((result.error for result in taken.results if result.error), None)
        if wrong:
            raise RuntimeError(f"a talk of the demo was refused: {wrong.field}: {wrong}")

    def _row(self, day: int, hour: float, question: Question) -> dict:
        self._sent += 1
        start = {"minutes": hour * 60, "day": day}
        row = {"id": f"app-{self._sent:04d}", "user": f"app-{self.chance.randrange(APP_USERS):02d}"}
        if question.text in self._with_drafts:
            return row | self._choice(start, question)
        return row | self._conversation(start, question)

    def _at(self, start: dict, seconds: float) -> str:
        return self.clock.moment(start["day"], 0, start["minutes"] + seconds / 60).isoformat()

    def _answer(self, question: Question, model: str) -> tuple[str, str]:
        """(grade, text) of what the model says."""
        likely = MODELS[model][1]
        grade = self.chance.choices(list(likely), list(likely.values()))[0]
        return grade, question.answers[grade]

    def _models(self, count: int) -> list[str]:
        left, drawn = dict(MODELS), []
        for _n in range(count):
            drawn.append(self.chance.choices(list(left), [weight for weight, _g in left.values()])[0])
            del left[drawn[-1]]
        return drawn

    def _conversation(self, start: dict, question: Question) -> dict:
        (model,) = self._models(1)
        grade, text = self._answer(question, model)
        said = self._said(question, grade, start)
        name = f"talk-{self._sent:04d}"
        messages = [
            {"role": "user", "content": question.text, "at": self._at(start, 0)},
            {
                "role": "assistant",
                "content": text,
                "id": f"{name}-a",
                "at": self._at(start, 12),
                "reactions": said,
            },
        ]
        if self.chance.random() < 0.15:
            again = question.answers["short"]
            messages += [
                {
                    "role": "user",
                    "content": self.chance.choice(texts.AGAIN[question.language]),
                    "at": self._at(start, 90),
                },
                {"role": "assistant", "content": again, "id": f"{name}-b", "at": self._at(start, 98)},
            ]
        row: dict = {"type": "conversation", "conversation": name, "model": model, "at": self._at(start, 0)}
        if self.chance.random() < 0.3:
            value = round(min(5.0, max(1.0, 1.6 + WORTH[grade] + self.chance.gauss(0, 0.7))))
            row["reactions"] = [{"kind": "score", "value": value, "at": self._at(start, 150)}]
        return row | {"messages": messages}

    def _said(self, question: Question, grade: str, start: dict) -> list[dict]:
        """What the person said of an answer of that grade."""
        if self.chance.random() > 0.65:
            return []
        up = self.chance.random() < LIKED[grade]
        known = PRAISE[grade] if up else BLAME[grade]
        thumb: dict = {"kind": "thumb", "value": "up" if up else "down", "at": self._at(start, 60)}
        thumb["tags"] = [question.domain]
        if known and self.chance.random() < 0.7:
            thumb["reasons"] = known
        said = [thumb]
        complaint = question.complaints.get(grade) or (
            self.chance.choice(texts.EVASIVE_COMPLAINTS[question.language]) if grade == "evasive" else ""
        )
        if not up and complaint and self._complaints < COMPLAINTS and self.chance.random() < 0.8:
            self._complaints += 1
            thumb["comment"] = complaint
        if not up and grade == "wrong" and question.complaints and self.chance.random() < 0.7:
            better = question.answers["good"]
            said.append({"kind": "correction", "text": better, "at": self._at(start, 120)})
        return said

    def _choice(self, start: dict, question: Question) -> dict:
        """Two drafts side by side, and which the person took."""
        drafts, worth = [], []
        for i, model in enumerate(self._models(2)):
            grade, text = self._answer(question, model)
            if drafts and text == drafts[0]["text"]:
                grade, text = next((g, t) for g, t in question.answers.items() if t != text)
            drafts.append({"text": text, "model": model, "id": f"talk-{self._sent:04d}-d{i}"})
            worth.append(WORTH[grade] + self.chance.gauss(0, 0.8) + (0.3 if i == 0 else 0))
        if max(worth) < 0.7:
            verdict: dict = {"verdict": "all_bad"}
        elif abs(worth[0] - worth[1]) < 0.35:
            verdict = {"verdict": "same"}
        else:
            verdict = {"verdict": "better", "chosen": int(worth[1] > worth[0])}
        asked = {"role": "user", "content": question.text, "at": self._at(start, 0)}
        return {"type": "choice", "messages": [asked], "drafts": drafts, "at": self._at(start, 45)} | verdict


class PageTalks:
    """What one member does on the chat page, while a single practice model answers there."""

    def __init__(self, project: Project, user: User, clock: Clock, asked: list[Question]):
        self.project, self.user, self.clock = project, user, clock
        self._left = self._numbered(asked)

    @staticmethod
    def _numbered(asked: list[Question]) -> Iterator[tuple[int, Question]]:
        return iter(enumerate(asked))

    def talk(self) -> None:
        """The next question, its answer, and what the person says of it."""
        number, question = next(self._left)
        visitor = Visitor(self.project, self.project.chat, "user", self.user)
        grade = "short" if number in (3, 7) else "good"
        asked = ask.ask(
            visitor=visitor,
            conversation_pk=None,
            parent_pk=None,
            text=question.text,
            client_key=f"history-{number:04d}",
            begin=lambda turn: answer_at_once(turn, question.answers[grade]),
        )
        self.clock.go_on(40)
        answer = asked.answers[0]
        common: dict[str, Any] = {"project": self.project, "end_user": visitor.end_user()}
        if grade == "short":
            reactions.react(kind="thumb", value=-1, reasons=["incomplete"], message=answer, **common)
            reactions.react(kind="correction", text=question.answers["good"], message=answer, **common)
        elif number % 3 != 2:
            reasons = ["correct", "helpful"] if number % 2 else []
            reactions.react(kind="thumb", value=1, reasons=reasons, message=answer, **common)
        if number % 2 == 0:
            talked = Conversation.objects.get(pk=asked.conversation.pk)
            reactions.react(kind="score", value=5 if grade == "good" else 3, conversation=talked, **common)
        if number % 4 == 1:
            reactions.signal(message=answer, name="copy", **common)


def answer_at_once(turn: streaming.LiveTurn, text: str) -> None:
    """Let every answer of `turn` be `text` and save it, as if a model had said it."""
    for n, live in enumerate(turn.answers):
        live.parts.append(text)
        live.first_ms, live.state, live.over = 380 + 40 * n, STATE.COMPLETE, True
        live.total_ms = live.first_ms + 12 * len(text)
        streaming.save_end(live)
        live.mark_saved()
    streaming.release(len(turn.answers))
