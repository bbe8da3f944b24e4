"""Which scale the numbers of a column of judgements have: decided for the column as a whole, by its name, its
header, all that stands in it and what stands beside it; where two readings remain, the file's owner is asked.
Never by one row."""

import re
import shlex
from collections import Counter
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from corpus.readers import turns
from corpus.readers.aliases import WHICH
from corpus.readers.errors import RowRefused
from corpus.readers.fields import ALIASES, Columns, normal, resolve
from corpus.readers.judgements import hints, judging, orders, scales

# Names that say "which": a number under them names an answer, it does not say yes or no.
_WHICH = {"winners", *WHICH, *ALIASES["chosen"]}
# below 0 the first is better, wherever columns of this name are published
_FROM_MINUS = {"overall_preference", *ALIASES["strength"]}
_WHOLE = re.compile(r"[+-]?\d{1,15}(\.0)?")
_STRAYS = 20  # one number in so many may be a slip of the pen; more, and the column is of another kind
_DISTINCT = 50


@dataclass
class Seen:
    """What stands in one column of judgements."""

    ours: str
    column: str
    many: int = 0  # answers of a row at most
    numbers: Counter = field(default_factory=Counter)
    beside: set = field(default_factory=set)  # the numbers of a column "rejected" next to it
    names: bool = False  # answers called by letters or names
    ties: bool = False  # words for a tie
    numbered: bool = False  # the answers' columns end with 1, 2 …
    from_zero: bool = False  # or with 0, 1 …
    permuted: bool = False  # a ranks' cell that means another thing as an order of the answers
    ranked: bool = False  # one that can only be ranks

    @property
    def person(self) -> bool:
        return self.ours != "winner"


@dataclass
class Asked:
    """What nobody but the file's owner can say: {our field: column} of columns that share their scale, and
    the scales that fit. `votes`: these columns may as well hold a score of each answer."""

    columns: dict[str, str]
    scales: list[str]
    numbers: list[int]
    answers: list[str]  # how they are called
    votes: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict:
        """JSON-ready."""
        return {
            "columns": self.columns,
            "scales": self.scales,
            "numbers": self.numbers,
            "answers": self.answers,
            "votes": self.votes,
        }

    def sentence(self) -> str:
        """What cannot be told, and each mapping that tells it."""
        ways = []
        for scale in self.scales:
            mapping = {ours: f"{column}:{scale}" for ours, column in self.columns.items()}
            ways.append(_way(mapping, scales.told(scale, self.answers, self.numbers)))
        if self.votes:
            ways.append(_way(self.votes, scales.told("high-best", self.answers)))
        ways.append(_way(dict.fromkeys(self.columns, ""), _("no judgement is taken from it")))
        column = ", ".join(self.columns.values())
        if not self.numbers:
            told = _(
                "Which answer the numbers in the column %(column)s put first can be read in more than "
                "one way."
            ) % {"column": column}
        else:
            given = {"column": column, "numbers": ", ".join(map(str, self.numbers[:10]))}
            told = (
                _(
                    "Which answer wins cannot be told from the numbers in the column %(column)s "
                    "(%(numbers)s) alone."
                )
                % given
            )
        return "\n  ".join([told + " " + _("Give one of these:"), *ways])


def _way(mapping: dict[str, str], meaning: str) -> str:
    return (
        " ".join("--map " + shlex.quote(f"{ours}={column}") for ours, column in mapping.items())
        + f" ({meaning})"
    )


class Looked:
    """All that was seen in the columns of judgements, row by row; flat, however long the file."""

    def __init__(self, given: dict[str, str], join: str | None, explicit: dict[str, str]):
        """`given`: the mapping; `explicit`: {column: scale} given with it."""
        self._given, self._join, self._explicit = tuple(given.items()), join, explicit
        self._seen: dict[str, Seen] = {}
        self._answers: dict[str, str] = {}  # {answer_SUFFIX: column}

    def add(self, row: dict) -> None:
        try:
            columns = resolve(tuple(row), self._given, self._join)
        except RowRefused:
            return
        if not columns.judges and "ranks" not in columns.of:
            return
        suffixes = [suffix.casefold() for suffix, _column in columns.answers]
        self._answers.update(
            (f"answer_{suffix}", column)
            for suffix, (_suffix, column) in zip(suffixes, columns.answers, strict=True)
        )
        many = how_many(row, columns)
        for name, column in columns.judges:
            seen = self._seen.get(column) or self._seen.setdefault(
                column, Seen(f"annotator_{name}" if name else "winner", column)
            )
            seen.many = max(seen.many, many)
            seen.numbered |= bool(suffixes) and all(s.isdigit() for s in suffixes) and "0" not in suffixes
            seen.from_zero |= "0" in suffixes
            _add(seen, row[column])
            if normal(column) in ALIASES["chosen"]:
                values = (whole(row[c]) for c in row if normal(c) in ALIASES["rejected"])
                seen.beside.update(v for v in values if v is not None)
        if "ranks" in columns.of:
            column = columns.of["ranks"]
            seen = self._seen.get(column) or self._seen.setdefault(column, Seen("ranks", column))
            seen.many = max(seen.many, many)
            found = orders.permutation(row[column], many)
            seen.permuted |= found is not None and orders.differs(found)
            seen.ranked |= found is None and orders.is_list(row[column])

    def unsure(self) -> bool:
        """Whether more rows could change how a number is read."""
        for seen in self._seen.values():
            if seen.column in self._explicit and self._explicit[seen.column] != "1-first":
                continue
            if seen.permuted or (seen.ours != "ranks" and (seen.numbers or not (seen.names or seen.ties))):
                return True
        return False

    def decided(self) -> tuple[dict[str, str], list[Asked]]:
        """({column: its scale}, what must be asked for). Columns whose numbers count from 1 are not
        listed."""
        found = dict(self._explicit)
        asked: list[Asked] = []
        together = [
            seen
            for seen in self._seen.values()
            if seen.ours != "ranks" and seen.person and seen.column not in self._explicit
        ]
        groups = [[seen] for seen in self._seen.values() if seen not in together]
        for group in [*groups, together]:
            if not group:
                continue
            if group[0].ours == "ranks":
                scale, fits = _of_ranks(group[0], self._explicit.get(group[0].column))
            else:
                scale, fits = _of_judges(group, self._explicit.get(group[0].column))
            if scale is not None:
                found |= {seen.column: scale for seen in group if scale}
                found = {
                    column: one
                    for column, one in found.items()
                    if scale or column not in {seen.column for seen in group}
                }
            else:
                asked.append(self._asked(group, fits))
        return found, asked

    def _asked(self, group: list[Seen], fits: list[str]) -> Asked:
        columns: dict[str, str] = {}
        for seen in group:  # two columns of the file's own judgement cannot both be "winner"
            columns[seen.ours if seen.ours not in columns else f"annotator_{seen.column}"] = seen.column
        names = {ours.partition("_")[2].casefold(): column for ours, column in columns.items()}
        votes = (
            {f"score_{name}": column for name, column in names.items()}
            if {f"answer_{name}" for name in names} == self._answers.keys()
            else {}
        )
        numbers = sorted({number for seen in group for number in seen.numbers})
        return Asked(
            columns, fits, numbers, scales.names_of(self._answers, max(seen.many for seen in group)), votes
        )


def whole(value) -> int | None:
    """A whole number, or its text, as data frames write it too (1.0); None for anything else."""
    if isinstance(value, (bool, list, dict)) or value is None:
        return None
    return int(float(value)) if _WHOLE.fullmatch(str(value).strip()) else None


def _add(seen: Seen, value) -> None:
    if judging.is_unsaid(value) or isinstance(value, (bool, list, dict)):
        return
    number = whole(value)
    if number is not None:
        if number in seen.numbers or len(seen.numbers) < _DISTINCT:
            seen.numbers[number] += 1
    elif isinstance(value, str) and value.lstrip()[:1] not in ("[", "{"):
        if judging.is_tie(value):
            seen.ties = True
        else:
            seen.names = True


def how_many(row: dict, columns: Columns) -> int:
    """How many answers a row has, in columns of their own or in a list; 0 for a list that cannot be read or
    is not there."""
    if columns.answers or "answers" not in columns.of:
        return len(columns.answers) or 2  # chosen and rejected
    try:
        made = turns.from_json(row.get(columns.of["answers"]), "")
    except RowRefused:
        return 0
    return len(made) if isinstance(made, (list, dict)) else 0


def _of_ranks(seen: Seen, explicit: str | None) -> tuple[str | None, list[str]]:
    if explicit is not None:
        return explicit, []
    return (None, ["low-best", scales.IN_ORDER]) if seen.permuted and not seen.ranked else ("", [])


def _of_judges(group: list[Seen], explicit: str | None) -> tuple[str | None, list[str]]:
    """(the scale | None to ask, the scales that fit) of columns that share one."""
    many, person = max(seen.many for seen in group), group[0].person
    counted: Counter[int] = Counter()
    for seen in group:
        counted.update(seen.numbers)
    numbers = _without_strays(counted, many)
    if explicit is not None:
        return _given(explicit, numbers, many)
    if not numbers or any(seen.from_zero for seen in group):
        return "", []
    return _decided(group, numbers, many, person)


def _decided(group: list[Seen], numbers: set[int], many: int, person: bool) -> tuple[str | None, list[str]]:
    ties, names = any(seen.ties for seen in group), any(seen.names for seen in group)
    every = numbers | {number for seen in group for number in seen.beside}
    fits = _fitting(every, many)
    told: dict[int, int] = {}
    for seen in group:
        told |= hints.hinted(seen.column)
    if told:
        fits = [
            scale
            for scale in fits
            if all(scales.place(number, scale, many) == at for number, at in told.items())
        ]
        if fits:  # where several fit, they say the same of the numbers that the header tells of
            same = {tuple(scales.place(number, scale, many) for number in sorted(numbers)) for scale in fits}
            return (fits[0], []) if len(same) == 1 else (None, fits)
        return None, _fitting(every, many)
    if ties:  # with a word of its own, a tie has no number
        fits = [
            scale
            for scale in fits
            if not any(scales.place(number, scale, many) == scales.TIE for number in numbers)
        ] or fits
    low, high = min(every), max(every)
    which = all(normal(hints.bare(seen.column)) in _WHICH for seen in group)
    if low < 0:
        return (
            ("minus-first", [])
            if all(normal(seen.column) in _FROM_MINUS for seen in group) and fits
            else (None, fits)
        )
    if high > many:
        return None, fits
    if low == 0:
        if numbers == {0} and names and not ties:
            return "0-tie", []  # answers are called otherwise here
        if which and high < many and len(numbers) > 1:
            return "0-first", []
        if person and high == many and all(seen.numbered for seen in group) and not ties:
            return "0-tie", []  # who writes 1 and 2 for the columns 1 and 2 writes 0 for neither
        return None, fits
    return ("", []) if high > 1 or which or person or names or ties else (None, fits)


def _without_strays(counted: Counter, many: int) -> set[int]:
    """The numbers that stand in the columns, but for a few that name nothing: their rows are refused
    alone."""
    strays = {number for number in counted if number > many or number < -3}
    if strays and sum(counted[number] for number in strays) * _STRAYS <= counted.total():
        return set(counted) - strays
    return set(counted)


def _fitting(numbers: set[int], many: int) -> list[str]:
    """The scales in which every number says something."""
    low, high = min(numbers), max(numbers)
    if low < 0:
        return [scale for scale in scales.SIGNED if many == 2 and low >= -3 and high <= 3]
    out = [
        scale
        for scale in scales.NAMING
        if all(scales.place(number, scale, many) is not None for number in numbers)
    ]
    if out:
        return out
    if low > 0 and high == many + 1:
        out.append(f"{high}-tie")
    ends = [f"{low}-to-{high}", f"{high}-to-{low}"] if many == 2 and low <= 1 else []
    return out + [scale for scale in ends if scales.steps(scale)]


def _given(scale: str, numbers: set[int], many: int) -> tuple[str | None, list[str]]:
    """A scale given by hand, as this column has it."""
    if scale == "1-first" and any(number > 1 for number in numbers):
        return ("", []) if 0 not in numbers else (None, ["0-tie", "0-first"])
    return scale, []
