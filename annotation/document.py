"""The document of a judgement: its shape, the way between slot letters (what people and the API see) and slot
numbers (what is stored), and `Judgement`, by which everybody else reads it: no other module names its keys
but document_checks. Pure.

Stored form, all keys optional:
  ranking      [[slot, …], …]      groups, best first; inside a group a tie
  strength     [0–3, …] between neighbouring groups: 3 much better … 0 hardly (one fewer than groups)
  rest         "unjudged"|"worse"  what the answers not in `ranking` are
  acceptable   int|null how many groups stand above the acceptability line; 0 none acceptable; null not
               said
  ratings      {"slot": {key: 1–5}}    key "overall" or a criterion's
  answer_flags {"slot": [name, …]}
  spans        [{answer, start, end, label, comment}]      code points of the answer's text
  corrections  [{target: "response", answer: slot} | {target: "question"} | {target: "turn", turn: i},
               text, wording_only, evidence]
  demonstration  str
  verdict      "keep"|"fix"|"drop", reasons [name, …]
  claims       [{text, state, sentence}]
  comment str · flags [name, …] · not_read [slot, …] · evidence str
In the letter form every slot is a letter: A is the first shown."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from core.errors import DomainError

LETTERS = "ABCDEFGHIJ"
SCHEMA = 1
VERDICTS = ("keep", "fix", "drop")
# A drop is a negative example only for reasons about the answer (and "unsupported" only where the prompt
# carries the source).
DROP_REASONS = {
    "wrong_answer": "answer",
    "incomplete_answer": "answer",
    "unsafe_answer": "answer",
    "unsupported": "source",
    "bad_question": "question",
    "out_of_scope": "question",
    "duplicate": "duplicate",
    "source_outdated": "source_outdated",
}
SKIP_REASONS = ("not_my_field", "cannot_decide", "unclear", "broken", "other")
ANSWER_FLAGS = ("harmful", "off_topic", "wrong_language", "names_model", "truncated")
ITEM_FLAGS = ("personal_data", "nonsense", "needs_second_opinion")
CLAIM_STATES = ("supported", "contradicted", "not_found", "source_outdated")
MAX_TEXT = 200_000
OVERALL = "overall"  # the rating that belongs to no criterion
# What a query or a form names of a document.
CORRECTIONS, FLAGS = "corrections", "flags"
SAYS_MORE = (CORRECTIONS, "comment", FLAGS, "answer_flags")  # than a ranking or a verdict
RESPONSE, QUESTION, TURN = "response", "question", "turn"  # the targets of corrections


def _one_of(names) -> str:
    return " | ".join(f'"{name}"' for name in names)


# What each field looks like, in the letter form, for whoever sent something else.
FORMS = {
    "schema": str(SCHEMA),
    "ranking": '[["A"], ["B", "C"], …]',
    "strength": "[0–3, …]",
    "rest": _one_of(("unjudged", "worse")),
    "acceptable": "0 | 1 | 2 | … | null",
    "ratings": '{"A": {"overall": 1–5, …}, …}',
    "answer_flags": f'{{"A": [{_one_of(ANSWER_FLAGS)}, …], …}}',
    "spans": '[{"answer": "A", "start": 0, "end": 1, "label": "…", "comment": "…"}, …]',
    "corrections": '[{"target": "response", "answer": "A", "text": "…", "wording_only": false, "evidence": '
    '"…"} | '
    '{"target": "question", "text": "…"} | …]',
    "demonstration": '"…"',
    "verdict": _one_of(VERDICTS),
    "reasons": f"[{_one_of(DROP_REASONS)}, …]",
    "claims": f'[{{"text": "…", "state": {_one_of(CLAIM_STATES)}}}, …]',
    "comment": '"…"',
    "evidence": '"…"',
    "flags": f"[{_one_of(ITEM_FLAGS)}, …]",
    "not_read": '["A", …]',
}
# Fields that only judgements of one kind have; all others may stand in every one.
KIND_OF = {
    **dict.fromkeys(
        ("ranking", "strength", "rest", "acceptable", "ratings", "answer_flags", "not_read"), "ranking"
    ),
    **dict.fromkeys(("verdict", "reasons", "claims"), "qa"),
    "demonstration": "demonstration",
}


def to_letters(document: dict, order: list[int]) -> dict:
    """The stored `document` by the letters of one shown `order` (letter i stands for slot order[i])."""
    letter = {slot: LETTERS[i] for i, slot in enumerate(order)}
    return _renamed(document, lambda slot: letter[int(slot)], str)


def to_slots(document: dict, order: list[int]) -> dict:
    """The letter form in stored form. DomainError naming the field for a letter that was not shown."""

    def slot(letter):
        i = LETTERS.find(letter) if isinstance(letter, str) and len(letter) == 1 else -1
        if not 0 <= i < len(order):
            raise DomainError(
                "unknown_letter",
                _("There is no answer %(letter)s here.") % {"letter": str(letter)[:20]},
                field="document",
            )
        return order[i]

    return _renamed(document, slot, str)


def letters_apart(theirs: list[int], here: list[int]) -> list[tuple[str, str]]:
    """(letter in the order `theirs`, letter in the order `here`) of each answer whose letters differ; none
    for orders of other answers."""
    if sorted(theirs) != sorted(here):
        return []
    return [(LETTERS[i], LETTERS[here.index(slot)]) for i, slot in enumerate(theirs) if here[i] != slot]


def letters_named(pairs: list[tuple[str, str]], text: str) -> list[tuple[str, str]]:
    """The `pairs` where `text` names a letter of theirs, else none: words that name no answer need no
    translation. "B、C", "BC" and "b>c" name letters; a letter inside a word does not."""
    theirs = {letter for letter, _here in pairs}
    runs = re.findall(r"(?<![A-Za-z])[A-Ja-j]+(?![A-Za-z])", unicodedata.normalize("NFKC", text))
    return pairs if theirs & set("".join(runs).upper()) else []


def _renamed(document, one, key):
    out = dict(document)
    if "ranking" in out:
        out["ranking"] = [[one(s) for s in group] for group in out["ranking"]]
    for name in ("ratings", "answer_flags"):
        if name in out:
            out[name] = {key(one(s)): value for s, value in out[name].items()}
    for name in ("spans", "corrections"):
        if name in out:
            out[name] = [
                entry | {"answer": one(entry["answer"])} if "answer" in entry else dict(entry)
                for entry in out[name]
            ]
    if "not_read" in out:
        out["not_read"] = [one(s) for s in out["not_read"]]
    return out


def merged_into_slots(doc: dict, slots: list[int]) -> dict:
    """`doc`, whose answers are indexes into `slots`, by slot numbers. Indexes that share a slot (equal texts)
    become one; DomainError "contradiction" when they are said to differ."""

    def slot(index):
        if not isinstance(index, int) or not 0 <= index < len(slots):
            raise DomainError(
                "invalid_document", _("The judgement names an answer that is not there."), field="judgement"
            )
        return slots[index]

    out = dict(doc)
    if "ranking" in doc:
        out["ranking"] = [sorted({slot(i) for i in group}) for group in doc["ranking"]]
        flat = [s for group in out["ranking"] for s in group]
        unranked = set(slots) - {slot(i) for group in doc["ranking"] for i in group}
        split = {
            slots[i] for i in range(len(slots)) if not any(i in group for group in doc["ranking"])
        } - unranked
        if len(flat) != len(set(flat)) or (split and doc.get("rest") == "worse"):
            raise DomainError(
                "contradiction", _("Answers with the same text are ranked differently."), field="ranking"
            )
    for name in ("ratings", "answer_flags"):
        if name not in doc:
            continue
        merged: dict[str, object] = {}
        for index, value in doc[name].items():
            place = str(slot(int(index)))
            if name == "answer_flags":
                merged[place] = sorted({*merged.get(place, ()), *value})  # type: ignore[misc]
            elif merged.setdefault(place, value) != value:
                raise DomainError(
                    "contradiction", _("Answers with the same text are rated differently."), field="ratings"
                )
        out[name] = merged
    for name in ("spans", "corrections"):
        if name in doc:
            out[name] = [
                part | {"answer": slot(part["answer"])} if "answer" in part else part for part in doc[name]
            ]
    if "not_read" in doc:
        out["not_read"] = sorted({slot(i) for i in doc["not_read"]})
    return out


class Correction(NamedTuple):
    """What somebody wrote in the place of a text. `target`: "response" (then `answer` says which), "question"
    or "turn" (then `turn` says which; else -1). `wording_only`: its author says that the
    meaning is the same."""

    target: str
    text: str
    answer: Any = None
    turn: int = -1
    wording_only: bool = False
    evidence: str = ""

    @property
    def of_answer(self) -> bool:
        return self.target == RESPONSE

    @property
    def of_question(self) -> bool:
        return self.target == QUESTION

    @property
    def of_turn(self) -> bool:
        return self.target == TURN


class Claim(NamedTuple):
    """One claim of an answer and what its source says of it: a name of CLAIM_STATES."""

    text: str
    state: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a document says, whichever way it names the answers: by slots as stored, by letters, or by their
    places in an imported row. It looks into the document when it is asked, and changes nothing."""

    _document: dict

    @classmethod
    def of(
        cls,
        *,
        groups: list[list] | None = None,
        rest_is_worse: bool = False,
        acceptable: int | None = None,
        corrected_answers: Sequence[tuple] = (),
    ) -> "Judgement":
        """A judgement that says just this; `corrected_answers`: (answer, its text as it should be)."""
        made: dict = {} if groups is None else {"ranking": groups}
        if rest_is_worse:
            made["rest"] = "worse"
        if acceptable is not None:
            made["acceptable"] = acceptable
        if corrected_answers:
            made["corrections"] = [
                {"target": RESPONSE, "answer": answer, "text": text} for answer, text in corrected_answers
            ]
        return cls(made)

    def by_letters(self, order: list[int]) -> "Judgement":
        """The same by the letters of one shown `order`."""
        return Judgement(to_letters(self._document, order))

    def is_ranking(self) -> bool:
        """Whether it says anything about an order of answers, be it that none is acceptable."""
        return "ranking" in self._document or self._document.get("acceptable") == 0

    def groups(self) -> Sequence[Sequence]:
        """The ranked answers, best first; inside a group a tie."""
        return self._document.get("ranking", ())

    def rest(self, answers: Sequence[int]) -> list[int]:
        """Those of `answers` (slots) that are not ranked."""
        named = {answer for group in self.groups() for answer in group}
        return [answer for answer in answers if answer not in named]

    def rest_is_worse(self) -> bool:
        """Whether the answers that are not ranked are worse than those that are."""
        return self._document.get("rest") == "worse"

    def strengths(self) -> Sequence[int]:
        """How much better each group is than the next, 0 to 3; empty where that was not said."""
        return self._document.get("strength") or ()

    def acceptable(self) -> int | None:
        """How many groups stand above the acceptability line; 0: no answer is acceptable; None: not said."""
        return self._document.get("acceptable")

    def ratings(self) -> dict[str, dict[str, int]]:
        """{answer: {OVERALL or a criterion's key: 1 to 5}}."""
        return self._document.get("ratings", {})

    def answer_flags(self) -> dict[str, list[str]]:
        """{answer: names of ANSWER_FLAGS}."""
        return self._document.get("answer_flags", {})

    def has_corrections(self) -> bool:
        return bool(self._document.get("corrections"))

    def corrections(self) -> list[Correction]:
        """What its author wrote anew."""
        return [
            Correction(
                c["target"],
                c["text"],
                c.get("answer"),
                c.get("turn", -1),
                c.get("wording_only", False),
                c.get("evidence", ""),
            )
            for c in self._document.get("corrections", ())
        ]

    def has_demonstration(self) -> bool:
        return "demonstration" in self._document

    def demonstration(self) -> str:
        """The answer that its author wrote of their own, "" without one."""
        return self._document.get("demonstration") or ""

    def verdict(self) -> str | None:
        """A name of VERDICTS; None where no pair of question and answer was checked."""
        return self._document.get("verdict")

    def reasons(self) -> Sequence[str]:
        """Why the pair is dropped: names of DROP_REASONS."""
        return self._document.get("reasons", ())

    def reason_kinds(self) -> set[str | None]:
        """What the reasons of a drop speak about: values of DROP_REASONS."""
        return {DROP_REASONS.get(reason) for reason in self.reasons()}

    def claims(self) -> list[Claim]:
        return [Claim(c["text"], c["state"]) for c in self._document.get("claims", ())]

    def comment(self) -> str:
        return self._document.get("comment", "")

    def evidence(self) -> str:
        return self._document.get("evidence", "")

    def flags(self) -> Sequence[str]:
        """What is said of the whole item: names of ITEM_FLAGS."""
        return self._document.get("flags", ())


def ranks_of(judgement: Judgement, slot_count: int) -> dict[int, float]:
    """Mid-ranks by slot (1 = best); slots the annotator left unjudged are absent, "rest is worse" is one last
    tied group."""
    groups = list(judgement.groups())
    if judgement.rest_is_worse():
        groups.append(judgement.rest(range(slot_count)))
    ranks, before = {}, 0
    for group in groups:
        for slot in group:
            ranks[slot] = before + (len(group) + 1) / 2
        before += len(group)
    return ranks
