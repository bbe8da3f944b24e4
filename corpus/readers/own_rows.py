"""The product's own canonical rows (`jsonl` exports) come home: targets, rankings, pairs, labels and who gave
them.

One judgement is told by several rows of an export: a ranking by its list and by each of its pairs, a
correction by a target and by a pair. So the rows of one prompt, which stand together, are read together,
and each judgement is made once, by the first row that tells of it; a row whose word another one holds adds
nothing. Rows that stand elsewhere (a file that was shuffled) are read each for itself: the same pairs,
labels and targets, a list more for each pair."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from corpus.canonical import unified
from corpus.readers import limits, turns
from corpus.readers.errors import RowRefused
from corpus.readers.rows import Row, answer_text, as_id, check_prompt
from corpus.records import AnswerIn, Entry, JudgementIn, Record, Refusal

SHAPE = "canonical"
NEEDED = {
    "sft": ("target",),
    "preference": ("chosen", "rejected"),
    "binary": ("answer", "label"),
    "ranked": ("groups",),
    "prompt": (),
    "eval": ("reference",),
}
_SHARED = ("group_id", "context", "provenance")
_PACKED = {*_SHARED[1:], "tools", "sources", "tags", "target", "chosen", "rejected", "answer", "groups"}
_ORIGINS = ("human", "synthetic", "imported")
_MOST_ROWS = 1000  # of one prompt that are held at once
_MOST_CHARACTERS = 4_000_000  # of their texts


def is_own(row: dict) -> bool:
    """Whether a row is one of a `jsonl` export."""
    kind = row.get("type")
    if not isinstance(kind, str) or kind not in NEEDED:
        return False
    return isinstance(row.get("context"), list) and all(name in row for name in (*_SHARED, *NEEDED[kind]))


def unpacked(row: dict) -> dict:
    """A row of a `parquet` export as the row it was made of: there the nested values are texts of JSON, and
    what other kinds of rows have is null. Any other row as it is."""
    kind = row.get("type")
    if not isinstance(kind, str) or kind not in NEEDED or not isinstance(row.get("context"), str):
        return row
    try:
        return {
            name: json.loads(value) if name in _PACKED and isinstance(value, str) else value
            for name, value in row.items()
            if value is not None or name == "tools"
        }
    except (ValueError, RecursionError):
        return row


def records(rows: Iterable[tuple[int, dict | RowRefused]]) -> Iterator[Record | Refusal]:
    """A Record or a Refusal for each row, in their order."""
    held: list[tuple[int, _Told | RowRefused]] = []
    key, size = None, 0
    for line, row in rows:
        told = row if isinstance(row, RowRefused) else _told(row)
        mine = key if isinstance(told, RowRefused) else told.together
        if held and (mine != key or len(held) >= _MOST_ROWS or size > _MOST_CHARACTERS):
            yield from _group(held)
            held, size = [], 0
        key = mine
        if isinstance(told, _Told):
            size += len(told.asked) + sum(len(answer.text) for answer in told.answers)
        held.append((line, told))
    yield from _group(held)


def alone(row: Row) -> list[Entry]:
    """What one row says for itself. RowRefused where it cannot be read."""
    told = _read(row.data)
    row.dropped += told.dropped
    return _entries([told])[0]


@dataclass(slots=True)
class _Told:
    """A row that can be read. `together`: what it shares with the other rows of its prompt; `asked`: equal
    for equal contexts; `groups`: of a ranked row, indexes of `answers`; `names`: whose word it is."""

    kind: str
    together: str
    asked: str
    entry: Entry
    answers: list[AnswerIn]
    names: list[str]
    reason: str = ""
    label: bool = False
    n_against: int = 0
    groups: list[list[int]] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


def _told(row: dict) -> _Told | RowRefused:
    try:
        return _read(row)
    except RowRefused as refused:
        return refused


def _read(row: dict) -> _Told:
    if not is_own(row):
        raise RowRefused(
            "type",
            "missing",
            _("This is not a row of an export: a field that every such row has is missing."),
        )
    kind, provenance = row["type"], row["provenance"]
    if not isinstance(provenance, dict):
        raise RowRefused(
            "provenance",
            "type",
            _("An object is needed here, not %(type)s.") % {"type": turns.type_name(provenance)},
        )
    if kind == "eval":
        raise RowRefused(
            "type", "reserved", _("This question is kept for evaluation: it is not to be trained on.")
        )
    messages = check_prompt(turns.conversation(row["context"], "context"), "context")
    tools, sources = turns.tools(row.get("tools"), "tools"), _sources(row.get("sources"))
    entry = Entry("prompt", messages, [], [], tools, sources, {}, _external_id(provenance))
    asked = json.dumps([messages, tools, sources], sort_keys=True, ensure_ascii=False)
    together = repr(provenance.get("prompt") or row["group_id"])
    told = _Told(kind, together, asked, entry, [], _names(provenance), str(provenance.get("reason") or ""))
    told.dropped = [name for name in ("tags", "margin") if row.get(name) not in (None, [], "")]
    if kind == "ranked":
        _read_groups(told, row["groups"])
    else:
        told.answers = [_answer(row[name], name) for name in NEEDED[kind] if name != "label"]
    if kind == "binary":
        if not isinstance(row["label"], bool):
            raise RowRefused("label", "label", _("The label must be true or false."))
        told.label = row["label"]
    if kind == "preference":
        if _key(told.answers[0]) == _key(told.answers[1]):
            raise RowRefused(
                "rejected", "same_answers", _("The chosen and the rejected answer are the same text.")
            )
        told.n_against = row["n_against"] if isinstance(row.get("n_against"), int) else 0
    return told


def _read_groups(told: _Told, groups) -> None:
    if not isinstance(groups, list) or not all(isinstance(group, list) and group for group in groups):
        raise RowRefused("groups", "type", _("A list of lists of answers is needed here."))
    for group in groups:
        told.groups.append(list(range(len(told.answers), len(told.answers) + len(group))))
        told.answers += [_answer(one, "groups") for one in group]
    if len(told.answers) > limits.MAX_ANSWERS:
        raise RowRefused(
            "groups", "too_many_answers", _("There are more than %(n)d answers.") % {"n": limits.MAX_ANSWERS}
        )


def _answer(value, column: str) -> AnswerIn:
    if not isinstance(value, dict):
        raise RowRefused(
            column, "type", _("An object is needed here, not %(type)s.") % {"type": turns.type_name(value)}
        )
    before = turns.conversation(value.get("turns") or [], column) or None
    if before and any(one["role"] not in ("assistant", "tool") for one in before):
        raise RowRefused(column, "answer", _("The turns of an answer are the assistant's and its tools'."))
    ends_with_call = before is not None and bool(before[-1].get("tool_calls")) and value.get("text") == ""
    text = "" if ends_with_call else answer_text(value.get("text"), column)
    origin = value.get("origin") if isinstance(value.get("origin"), str) else ""
    if origin.startswith("model"):
        return AnswerIn(
            text, as_id(origin.removeprefix("model").removeprefix(":"), column) or None, "model", before
        )
    return AnswerIn(
        text, None, origin if origin in _ORIGINS else "human" if origin == "corrected" else "imported", before
    )


def _sources(value) -> list[dict]:
    if value in (None, []):
        return []
    if not isinstance(value, list) or not all(
        isinstance(one, dict) and isinstance(one.get("text"), str) for one in value
    ):
        raise RowRefused("sources", "type", _("A list of passages is needed here."))
    if len(value) > limits.MAX_SOURCES:
        raise RowRefused(
            "sources", "too_many_sources", _("There are more than %(n)d sources.") % {"n": limits.MAX_SOURCES}
        )
    return value


def _names(provenance: dict) -> list[str]:
    """Whose word a row is; several of one name are numbered, since each is a vote."""
    given = provenance.get("annotators")
    names = [as_id(name, "provenance") for name in given if name] if isinstance(given, list) else []
    return [
        name if names[:i].count(name) == 0 else f"{name} {names[:i].count(name) + 1}"
        for i, name in enumerate(names)
    ] or [""]


def _external_id(provenance: dict) -> str:
    """The id that the file gave to the prompt it came from, where there is one only."""
    origins = provenance.get("origins")
    ids = (
        {str(one["id"]) for one in origins if isinstance(one, dict) and one.get("id")}
        if isinstance(origins, list)
        else set()
    )
    return ids.pop()[: limits.MAX_ID] if len(ids) == 1 else ""


def _key(answer: AnswerIn) -> tuple:
    return unified(answer.text), json.dumps(answer.turns, sort_keys=True) if answer.turns else ""


# -- the rows of one prompt ----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Judgement:
    """One judgement by one person, and the row that brings it in."""

    row: int
    answers: list[AnswerIn]
    name: str
    document: dict


def _group(held: list[tuple[int, _Told | RowRefused]]) -> Iterator[Record | Refusal]:
    rows = [told for _line, told in held if isinstance(told, _Told)]
    by_row = _entries(rows)
    number = 0
    for line, told in held:
        if isinstance(told, RowRefused):
            yield Refusal(line, told.field, told.code, str(told))
            continue
        yield Record(line, by_row[number], tuple(told.dropped))
        number += 1


def _entries(rows: list[_Told]) -> list[list[Entry]]:
    """What each of the rows of one prompt adds."""
    made: dict[tuple, _Judgement] = {}
    lists = _lists(rows, made)
    learnt = {(row.asked, _key(row.answers[0])) for row in rows if row.kind == "sft"}
    corrected = _pairs(rows, made, lists, learnt)
    _labels(rows, made, lists)
    out: list[list[Entry]] = [[] for _row in rows]
    for judgement in made.values():
        row = rows[judgement.row]
        known = next((e for e in out[judgement.row] if e.answers is judgement.answers), None)
        if known is None:
            known = _entry(row, "ranking", judgement.answers)
            out[judgement.row].append(known)
        known.judgements.append(JudgementIn(judgement.document, judgement.name))
    for i, row in enumerate(rows):
        if row.kind == "prompt":
            out[i].append(_entry(row, "prompt", []))
        elif row.kind == "sft" and (row.asked, _key(row.answers[0])) not in corrected:
            row.answers[0].is_target = True
            out[i].append(_entry(row, "sft", row.answers))
    return out


def _entry(row: _Told, kind: str, answers: list[AnswerIn]) -> Entry:
    of = row.entry
    return Entry(kind, of.messages, answers, [], of.tools, of.sources, {}, of.external_id)


def _lists(rows: list[_Told], made: dict[tuple, _Judgement]) -> dict[tuple, list[_Judgement]]:
    """The ranked lists, by who made them and where."""
    found: dict[tuple, list[_Judgement]] = {}
    for i, row in enumerate(rows):
        for name in row.names if row.kind == "ranked" else ():
            judgement = _Judgement(i, row.answers, name, {"ranking": row.groups})
            made[row.asked, name, i] = judgement
            found.setdefault((row.asked, name), []).append(judgement)
    return found


def _places(judgement: _Judgement) -> dict[tuple, int]:
    """{answer: its place in the ranking, 0 the best}."""
    return {
        _key(judgement.answers[i]): at
        for at, group in enumerate(judgement.document["ranking"])
        for i in group
    }


def _above(judgement: _Judgement, one: tuple, other: tuple) -> bool:
    places = _places(judgement)
    return one in places and other in places and places[one] < places[other]


def _pairs(rows: list[_Told], made: dict[tuple, _Judgement], lists: dict, learnt: set) -> set[tuple]:
    """Adds what the pairs say and no list does; the targets that come of corrections."""
    corrected: set[tuple] = set()
    best: dict[str, int] = {}  # place of the answer whose correction is learnt, in its author's list
    others = []
    for i, row in enumerate(rows):
        if row.kind != "preference":
            continue
        one, other = _key(row.answers[0]), _key(row.answers[1])
        _count_against(row, one, other, lists)
        for name in row.names:
            beside = lists.get((row.asked, name), [])
            if any(
                _above(judgement, one, other) or _implied(judgement, row.answers[0].text, other)
                for judgement in beside
            ):
                continue
            if _is_correction(row) and (row.asked, one) in learnt and _correct(made, beside, row, i, name):
                corrected.add((row.asked, one))
                best[row.asked] = min(_place(beside, other), best.get(row.asked, limits.MAX_ANSWERS))
            else:
                others.append((i, row, name, beside))
    for i, row, name, beside in others:
        if any(_implied(judgement, row.answers[0].text, _key(row.answers[1])) for judgement in beside):
            continue
        # Of several corrections the one of the best answer is learnt: only below that may another stand as
        # one.
        below = _is_correction(row) and _place(beside, _key(row.answers[1])) > best.get(
            row.asked, limits.MAX_ANSWERS
        )
        if not (below and _correct(made, beside, row, i, name)):
            made[row.asked, name, i] = _Judgement(i, row.answers, name, {"ranking": [[0], [1]]})
    return corrected


def _implied(judgement: _Judgement, text: str, other: tuple) -> bool:
    """Whether `text` corrects, in this judgement, an answer that stands no lower than another (an export may
    ask for such pairs, too)."""
    places = _places(judgement)
    corrected = [
        _key(judgement.answers[c["answer"]])
        for c in judgement.document.get("corrections", ())
        if c["text"] == text
    ]
    return other in places and any(places[key] <= places[other] for key in corrected)


def _is_correction(row: _Told) -> bool:
    return "correction" in row.reason.split("+") and row.answers[0].turns == row.answers[1].turns


def _place(lists: list[_Judgement], key: tuple) -> int:
    """The place of an answer in its author's list, 0 where no list has it."""
    return next((places[key] for places in map(_places, lists) if key in places), 0)


def _count_against(row: _Told, one: tuple, other: tuple, lists: dict) -> None:
    """Votes against a pair that no list of this prompt holds are lost with it."""
    against = [
        who
        for who, told in lists.items()
        if who[0] == row.asked and any(_above(judgement, other, one) for judgement in told)
    ]
    if len(against) < row.n_against:
        row.dropped.append("n_against")


def _correct(made: dict, beside: list[_Judgement], row: _Told, i: int, name: str) -> bool:
    """Put the correction of an answer into what its author says of it; False if another correction of it
    stands there."""
    better, worse = row.answers
    key = _key(worse)
    judgement = next((j for j in beside if key in _places(j)), None)
    if judgement is None:
        judgement = made.setdefault((row.asked, name, key), _Judgement(i, [worse], name, {"ranking": [[0]]}))
    at = next(n for n, answer in enumerate(judgement.answers) if _key(answer) == key)
    corrections = judgement.document.setdefault("corrections", [])
    if any(c["answer"] == at for c in corrections):
        return False
    corrections.append({"target": "response", "answer": at, "text": better.text})
    return True


def _labels(rows: list[_Told], made: dict[tuple, _Judgement], lists: dict) -> None:
    """Adds what is good or bad: as the line in its author's ranking where the labels are one, else answer by
    answer."""
    said: dict[tuple, dict[tuple, int]] = {}
    for i, row in enumerate(rows):
        for name in row.names if row.kind == "binary" else ():
            said.setdefault((row.asked, name), {})[_key(row.answers[0])] = i
    for (asked, name), labels in said.items():
        for judgement in lists.get((asked, name), []):
            places = _places(judgement)
            good = {places[key] for key in places if key in labels and rows[labels[key]].label}
            bad = {places[key] for key in places if key in labels and not rows[labels[key]].label}
            if places.keys() <= labels.keys() and max(good, default=-1) < min(bad, default=len(places)):
                judgement.document["acceptable"] = len(good)
                for key in places:
                    del labels[key]
        for key, i in labels.items():
            row = rows[i]
            judgement = made.setdefault(
                (asked, name, key), _Judgement(i, row.answers, name, {"ranking": [[0]]})
            )
            judgement.document["acceptable"] = int(row.label)
