"""Which answer wins in the first rows of a file, in words, so that a person sees an inversion before anything
is stored."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice

from django.utils.translation import gettext as _

from annotation.document import Judgement
from corpus import readers
from corpus.readers import limits
from corpus.readers.fields import answer_columns
from corpus.readers.judgements import scales
from corpus.records import Entry, Record

TEXT = 80  # characters of an answer or a question
SHOWN = 20  # judgements at most


@dataclass
class Judged:
    """One judgement of a row. `ranking`: the numbers of the row's answers in groups, best first; `winner`,
    `others`: texts, cut."""

    line: int
    annotator: str = ""
    ranking: list[list[int]] = field(default_factory=list)
    says: str = ""
    question: str = ""
    winner: str = ""
    others: list[str] = field(default_factory=list)
    kind: str = "unjudged"
    refused: bool = False


KINDS = ("first", "second", "other", "ties", "good", "bad", "unjudged")


@dataclass
class Preview:
    """What the judgements in the first `rows` rows of a file say: some of them to show, and how many there
    are of each kind (a row without any counts as unjudged; a row with one answer is good or bad)."""

    names: list[str]
    shown: list[Judged] = field(default_factory=list)
    rows: int = 0
    counted: Counter = field(default_factory=Counter)

    def counts(self) -> str:
        """How often which answer wins, as a sentence."""
        first, second = self.names[:2]
        told = {
            "first": _("%(answer)s wins: %(n)d"),
            "second": _("%(answer)s wins: %(n)d"),
            "other": _("another answer wins: %(n)d"),
            "ties": _("ties: %(n)d"),
            "good": _("good: %(n)d"),
            "bad": _("bad: %(n)d"),
            "unjudged": _("rows without a judgement: %(n)d"),
        }
        always = ("good", "bad") if self.counted["good"] + self.counted["bad"] else ("first", "second")
        kinds = [kind for kind in KINDS if self.counted[kind] or kind in always]
        parts = [
            told[kind] % {"n": self.counted[kind], "answer": {"first": first, "second": second}.get(kind)}
            for kind in kinds
        ]
        return _("Judgements in the first rows (%(rows)d): %(parts)s") % {
            "rows": self.rows,
            "parts": ", ".join(parts),
        }

    def annotators(self) -> bool:
        """Whether somebody is named who judged."""
        return any(one.annotator for one in self.shown)

    def as_report(self) -> dict:
        """JSON-ready, without a word of the file's texts: reports are kept."""
        shown = [
            {"line": one.line, "annotator": one.annotator, "ranking": one.ranking, "says": one.says}
            for one in self.shown
            if not one.refused
        ]
        return (
            {"rows": self.rows}
            | {kind: self.counted[kind] for kind in KINDS}
            | {"says": self.counts(), "shown": shown}
        )


def of_file(
    path, inspection: readers.Inspection, *, model: str | None = None, join: str | None = None
) -> Preview | None:
    """What the judgements in the first limits.SAMPLE_ROWS rows say; None for a file without any. Shown are
    the first rows, and the first row of each further outcome."""
    out = Preview(scales.names_of(inspection.mapping, max(2, len(answer_columns(inspection.mapping)))))
    for row in islice(readers.read(path, inspection, model=model, join=join), limits.SAMPLE_ROWS):
        out.rows += 1
        if not isinstance(row, Record):
            if out.rows <= limits.SHOWN_ROWS:
                out.shown.append(Judged(row.line, says=row.reason, refused=True))
            continue
        for one in (one for entry in row.entries for one in _of_entry(row.line, entry, inspection.mapping)):
            if (out.rows <= limits.SHOWN_ROWS and len(out.shown) < SHOWN) or not out.counted[one.kind]:
                out.shown.append(one)
            out.counted[one.kind] += 1
    return out if set(out.counted) - {"unjudged"} else None


def _of_entry(line: int, entry: Entry, mapping: dict[str, str]) -> list[Judged]:
    question = _cut(str(entry.messages[-1].get("content") or "")) if entry.messages else ""
    names = scales.names_of(mapping, len(entry.answers))
    made = []
    for judgement in entry.judgements:
        said = Judgement(judgement.document)
        ranking = [[i + 1 for i in group] for group in said.groups()]
        one = Judged(line, judgement.annotator, ranking, question=question)
        if not ranking:
            continue
        one.says = words(said, names)
        one.kind, best = _kind(one, said, len(entry.answers)), ranking[0]
        won = best if len(best) == 1 else []
        one.winner = _cut(entry.answers[won[0] - 1].text) if won else ""
        one.others = [_cut(answer.text) for i, answer in enumerate(entry.answers, 1) if i not in won]
        made.append(one)
    return made or [
        Judged(
            line,
            says=_("No judgement"),
            question=question,
            others=[_cut(answer.text) for answer in entry.answers],
        )
    ]


def words(judgement: Judgement, names: list[str]) -> str:
    """What a judgement of the answers called `names` says, as the reader made it."""
    ranking, good = judgement.groups(), judgement.acceptable()
    if len(names) == 1:
        return _("The answer is good") if good else _("The answer is bad")
    best, ranked = ranking[0], sum(len(group) for group in ranking)
    order = " > ".join(" = ".join(names[i] for i in group) for group in ranking)
    if len(ranking) == 1 and len(best) > 1:
        if good is not None:
            return _("A tie, and all of them good") if good else _("A tie, and none of them good")
        return _("A tie") if len(best) == len(names) else _("A tie (%(order)s)") % {"order": order}
    if len(best) > 1:
        return _("A tie for the first place (%(order)s)") % {"order": order}
    if len(names) == 2 or ranked == 1:
        return _("%(answer)s wins") % {"answer": names[best[0]]}
    return _("%(answer)s wins (%(order)s)") % {"answer": names[best[0]], "order": order}


def _kind(one: Judged, judgement: Judgement, many: int) -> str:
    if many == 1:
        return "good" if judgement.acceptable() else "bad"
    if len(one.ranking[0]) > 1:
        return "ties"
    return {1: "first", 2: "second"}.get(one.ranking[0][0], "other")


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= TEXT else text[:TEXT] + "…"
