"""`split`: on which side a row stands, so that nothing that must stay together stands on two. Pure.

What must stay together are the rows of one question, one source document, one end user: all rows that a chain
of such keys ties together. Sides never change as data grows. That forbids the obvious way, a hash of the
whole chain: a new row that ties two chains into one would move one of them. Instead (curate.splits) every key
has its side for ever, by a hash of the key alone, and a row stands where all its keys stand; a row whose keys
stand on different sides is what ties chains of two sides together, and is left out. No other rule keeps every
row in its place whatever rows come before or after it.

It is dear where rows have keys of several kinds: of two kinds and shares of 80, 10 and 10, a third of the
rows goes. So there is a second rule, `first`: a row stands where its main keys stand (the end user, else the
source, else the question); each other key belongs to the side of the first row that has it, and rows of other
sides with that key are left out. Still no row ever changes its side, and within a data set no key stands on
two. But a new row that comes before the old ones may take a key to another side than it had in an earlier
data set: who tests on a later one what was trained on an earlier one, wants the rule `every`. The same holds
for nearly equal questions, of which the first decides.

There is no stratifying: to keep the sides alike in language or kind, some rows would have to go to another
side than their keys' hash says, and to others again as data grows. The mix of each side is in the report."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from django.utils.translation import gettext_lazy as _

from training_export.curate import splits
from training_export.curate.examples import Example
from training_export.curate.measures import question_of
from training_export.curate.overlap import NearTexts, frequencies, shingles
from training_export.option import Kind, option
from training_export.steps.base import Means, Report, Row, Rows, Step

MANY_BRIDGES = 0.05  # of the rows; above it a person is told


@dataclass(frozen=True)
class Parameters:
    """The shares, and what must not stand on two sides."""

    shares: tuple = option(
        (80, 10, 10), _("Shares for training, validation and test"), kind=Kind.SHARES,
        help="Shares of train, validation and test, such as 80,10,10.", metavar="T,V,E",
    )  # fmt: skip
    by: tuple = option(
        splits.BY, _("Kept together"), kind=Kind.NAMES, metavar="WHAT,…",
        help="What must not stand on two sides; none of them: the question.",
        choices={"prompt": _("Question"), "source": _("Source document"), "user": _("End user")},
    )  # fmt: skip
    rule: str = option(
        "every", _("Where a row stands"), kind=Kind.CHOICE,
        help="Each key has its side for ever, or a row stands by its main key and other keys follow the "
        "first row that has them.",
        choices={
            "every": _("Where all its keys stand: leaves out more rows; safe across later data sets too"),
            "first": _("By its main key: keeps more rows; safe within one data set"),
        },
    )  # fmt: skip
    near: bool = option(
        False, _("Nearly equal questions count as one"), kind=Kind.FLAG,
        help="Leave out rows whose question is nearly one that stands on another side.",
    )  # fmt: skip
    similarity: float = option(
        0.8, _("From this similarity on"), kind=Kind.NUMBER, minimum=0, maximum=1,
        help="Jaccard similarity of the shingles of two questions from which on they are nearly equal.",
    )  # fmt: skip


_SAID = tuple(kind + " " for kind in splits.BY)


def _keys(row: Row, kind: str) -> frozenset[str]:
    """The keys of one kind, under its first word unless they have one: a row without a source has its
    question as the key of its source (curate.splits). Of questions also the one that stands in the row: a
    correction may have made another of it than its prompt asked."""
    keys = frozenset(key if key.startswith(_SAID) else f"{kind} {key}" for key in row.keys.get(kind, ()))
    if kind != "prompt":
        return keys
    return frozenset(map(splits.folded, keys)) | splits.keys_of(
        "prompt", messages=row.example.context, sources=[]
    )


class _Sides:
    """Where rows stand, asked in their order."""

    def __init__(self, parameters: Parameters, seed: int, rows: Rows):
        self.splitter = splits.Splitter(parameters.shares, seed)
        self.by, self.rule = parameters.by, parameters.rule
        self._owner: dict[str, str] = {}  # only for the rule "first"
        self._near: NearTexts[tuple[int, str]] | None = None
        if parameters.near:
            often = frequencies(question_of(row.example) for row in rows)
            self._near = NearTexts(parameters.similarity, often)
        self._known: set[bytes] = set()

    def side(self, row: Row) -> tuple[str, str]:
        """(side, "") or ("", reason)."""
        kinds = [keys for kind in reversed(splits.BY) if kind in self.by and (keys := _keys(row, kind))]
        kinds = kinds or [_keys(row, "prompt")]
        every = frozenset().union(*kinds)
        side = self.splitter.side(every if self.rule == "every" else kinds[0])
        if side is None or any(self._owner.get(key, side) != side for key in every):
            return "", "split_bridge"
        if self._near is not None and self._stands_elsewhere(row.example, side):
            return "", "split_near"
        if self.rule == "first":
            self._owner.update(dict.fromkeys(every, side))
        return side, ""

    def _stands_elsewhere(self, example: Example, side: str) -> bool:
        """Whether a nearly equal question stands on another side. Of those that stand here, the question is
        remembered."""
        assert self._near is not None
        asked = question_of(example)
        name = hashlib.blake2b(f"{side}\n{asked}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if name in self._known:
            return False
        found = shingles(asked)
        if any(other != side for _number, other in self._near.near(found)):
            return True
        self._known.add(name)
        self._near.add((len(self._known), side), found)
        return False


def _mix(example: Example) -> Iterable[tuple[str, str]]:
    yield "kind", type(example).__name__
    yield "language", example.language or "?"
    for tag in example.tags or ("",):
        yield "tag", tag
    if name := example.provenance.get("set"):  # `mix` says it of the rows that it adds
        yield "set", name


def _work(rows: Rows, parameters: Parameters, report: Report, means: Means) -> Iterator[Row]:
    sides = _Sides(parameters, means.seed, rows)
    counts: Counter = Counter()
    mix: dict[str, dict[str, Counter]] = {}
    for place, row in enumerate(rows):
        means.progress(place + 1, len(rows))
        side, reason = sides.side(row)
        if reason:
            report.drop(row, reason)
            continue
        counts[side] += 1
        for what, value in _mix(row.example):
            mix.setdefault(what, {}).setdefault(value, Counter())[side] += 1
        report.changed += row.split != side
        yield replace(row, split=side)
    report.figures["rows"] = {name: counts[name] for name in sides.splitter.names}
    report.figures["mix"] = {
        what: {
            value: {name: count[name] for name in sides.splitter.names}
            for value, count in sorted(found.items())
        }
        for what, found in mix.items()
    }
    for name in sides.splitter.names:
        if not counts[name]:
            report.note("empty_side", name)
    if report.dropped["split_bridge"] > MANY_BRIDGES * len(rows):
        report.note("many_bridges", f"{report.dropped['split_bridge']} / {len(rows)}")


STEP = Step(
    name="split",
    version=1,
    label=_("Split into training, validation and test"),
    about=_(
        "Gives each row its side, so that no question, source document or end user stands on two; a row "
        "never changes its side when data grows."
    ),
    parameters=Parameters,
    work=_work,
    reasons={
        "split_bridge": _("The row would be on two sides of the split."),
        "split_near": _("Its question is nearly one that stands on another side of the split."),
    },
    notes={
        "empty_side": _("A side of the split is empty."),
        "many_bridges": _(
            "Many rows would be on two sides: keep fewer kinds together, or choose the other rule."
        ),
    },
)
