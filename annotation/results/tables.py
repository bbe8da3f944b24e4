"""The figures of Results as tables: for the page each figure with the address of its rows, for a file as
plain numbers. The same cells make both, so that they cannot differ."""

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.utils.formats import number_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from annotation.bench.strings import names as words_of
from annotation.items.filter import ItemFilter
from annotation.results.figures import VERDICTS, Results, Scope
from annotation.statistics.bradley_terry import Strength
from annotation.statistics.wins import Wins
from core.links import url_or_blank
from feedback.models import ChatSettings
from feedback.quality.intervals import Share, shown
from feedback.reactions import reasons as reason_lists

MOST_PAIRS = 60  # rows of the page's table of pairs; the file has all


@dataclass(frozen=True)
class Cell:
    """A figure or a word: what is shown, the list of its rows ("" where there is none), and its values for a
    file, one for each column there."""

    text: str
    href: str = ""
    values: tuple = ()
    number: bool = True


@dataclass(frozen=True)
class Column:
    """A head for the page, and the names of its columns in a file."""

    label: str
    names: tuple[str, ...]
    number: bool = True


@dataclass
class Table:
    """`name` is its name in addresses and files."""

    name: str
    title: str
    columns: list[Column]
    rows: list[list[Cell]] = field(default_factory=list)
    shown: int | None = None  # rows on the page, None: all

    @property
    def on_page(self) -> list[list[Cell]]:
        return self.rows[: self.shown]

    @property
    def labelled(self) -> list[list[tuple[Cell, str]]]:
        """The rows of the page, each cell with the label of its column."""
        labels = [column.label for column in self.columns]
        return [list(zip(row, labels, strict=True)) for row in self.on_page]

    @property
    def more(self) -> int:
        return len(self.rows) - len(self.on_page)

    def csv(self) -> list[list]:
        """Its rows with their names in front."""
        head = [name for column in self.columns for name in column.names]
        return [head, *([value for cell in row for value in cell.values] for row in self.rows)]


def base(scope: Scope) -> ItemFilter:
    """What every list of items has in common that a figure of this scope leads to."""
    return ItemFilter(by=scope.by, tag=scope.tag, language=scope.language)


def all_of(results: Results, scope: Scope, project) -> dict[str, Table]:
    """{name: table}, the empty ones left out."""
    made = _Maker(results, scope, project)
    tables = [
        made.models(),
        made.pairs(),
        made.parted("languages", _("Language"), results.languages, made.language),
        made.parted("tags", _("Tag"), results.tags, made.tag),
        made.bias(),
        made.qa(),
        made.qa_reasons(),
        made.thumbs(),
        made.thumb_reasons(),
    ]
    return {table.name: table for table in tables if table.rows}


def strength_text(strength: Strength | None) -> str:
    """ "+35 (−10 … +80)"."""
    if strength is None:
        return "–"

    def signed(value: float) -> str:
        return f"{value:+.0f}".replace("-", "−")

    if strength.low is None or strength.high is None:
        return signed(strength.value)
    return f"{signed(strength.value)} ({signed(strength.low)} … {signed(strength.high)})"


def _word(text, value=None) -> Cell:
    return Cell(str(text), values=(str(text) if value is None else value,), number=False)


def _count(n: int, href: str = "") -> Cell:
    return Cell(number_format(n, force_grouping=True), href if n else "", (n,))


def _share(share: Share | None) -> Cell:
    parts = (share.value, share.low, share.high) if share is not None else (None, None, None)
    return Cell(shown(share), values=tuple("" if v is None else f"{v:.6f}" for v in parts))


_SHARE = ("share", "low_95", "high_95")


class _Maker:
    def __init__(self, results: Results, scope: Scope, project):
        self.results, self.scope, self.project = results, scope, project
        self.base = base(scope)
        self.inbox = url_or_blank("inbox", project.slug)

    def name(self, model: int | None) -> str:
        return (
            self.results.names.get(model, _("model not known")) if model is not None else _("model not known")
        )

    def to(self, **changes) -> str:
        """The list of the items that a figure counts."""
        return self.base.but(**changes).url(self.project)

    # -- who won ---------------------------------------------------------------------------------------------

    def order(self) -> list[int]:
        """Models, the one with the greatest share of wins first."""
        found = self.results.models
        return sorted(found, key=lambda m: (-(s.value if (s := found[m].share) else 0), self.name(m)))

    def models(self) -> Table:
        table = Table(
            "models",
            _("Which model won"),
            [
                Column(_("Model"), ("model",), False),
                *_outcome_columns(),
                Column(_("Share won (95%)"), _SHARE),
                Column(_("Strength (95%)"), ("strength", "strength_low_95", "strength_high_95")),
            ],
        )
        for model in self.order():
            found = self.results.models[model]
            strength = self.results.strengths.get(model) if self.results.strengths else None
            points = (strength.value, strength.low, strength.high) if strength else (None, None, None)
            table.rows.append(
                [
                    _word(self.name(model)),
                    *self._outcomes(found, compared=model),
                    _share(found.share),
                    Cell(
                        strength_text(strength), values=tuple("" if p is None else f"{p:.4f}" for p in points)
                    ),
                ]
            )
        return table

    def pairs(self) -> Table:
        table = Table(
            "pairs",
            _("By opponent"),
            [
                Column(_("Model"), ("model",), False),
                Column(_("Against"), ("against",), False),
                *_outcome_columns(),
                Column(_("Share won (95%)"), _SHARE),
            ],
            shown=MOST_PAIRS,
        )
        order = self.order()
        for i, mine in enumerate(order):
            for other in order[i + 1 :]:
                found = self.results.pairs.get((mine, other))
                if found is not None:
                    table.rows.append(
                        [
                            _word(self.name(mine)),
                            _word(self.name(other)),
                            *self._outcomes(found, compared=mine, against=other),
                            _share(found.share),
                        ]
                    )
        return table

    def parted(self, name: str, label: str, parts: dict, of: Callable[[str], tuple[str, dict]]) -> Table:
        """Every model in each part of the prompts, `of(key)` = (its name, what the filter says of it)."""
        title = _("By language") if name == "languages" else _("By tag")
        table = Table(
            name,
            title,
            [
                Column(label, (name[:-1],), False),
                Column(_("Model"), ("model",), False),
                *_outcome_columns(),
                Column(_("Share won (95%)"), _SHARE),
            ],
        )
        for key, models in parts.items():
            words, changes = of(key)
            value = changes.get("language", words)
            for model in [m for m in self.order() if m in models]:
                table.rows.append(
                    [
                        _word(words, value),
                        _word(self.name(model)),
                        *self._outcomes(models[model], compared=model, **changes),
                        _share(models[model].share),
                    ]
                )
        return table

    def language(self, key: str) -> tuple[str, dict]:
        """(its name, what the filter says of it)."""
        names = {"zh": _("Chinese"), "en": _("English")}
        return names.get(key, _("neither Chinese nor English")), {"language": key or "none"}

    def tag(self, key: str) -> tuple[str, dict]:
        """(its name, what the filter says of it)."""
        return key, {"tag": key}

    def _outcomes(self, found: Wins, **who) -> list[Cell]:
        return [
            _count(found.n, self.to(**who)),
            _count(found.wins, self.to(**who, outcome="won")),
            _count(found.losses, self.to(**who, outcome="lost")),
            _count(found.ties, self.to(**who, outcome="tied")),
        ]

    def bias(self) -> Table:
        table = Table(
            "bias",
            _("Length and position"),
            [
                Column(_("What"), ("what",), False),
                Column(_("Comparisons"), ("comparisons",)),
                Column(_("Won"), ("won",)),
                Column(_("Share won (95%)"), _SHARE),
            ],
        )
        for name, words, found in (
            ("longer", _("The longer answer"), self.results.longer),
            ("first", _("The answer shown first"), self.results.first),
        ):
            if found.n:
                table.rows.append(
                    [
                        _word(words, name),
                        _count(found.n, self.to(**{name: "any"})),
                        _count(found.won, self.to(**{name: "won"})),
                        _share(found.share),
                    ]
                )
        return table

    # -- QA --------------------------------------------------------------------------------------------------

    def _qa_to(self, model: int | None, **changes) -> str:
        return self.to(model="none" if model is None else str(model), language="", **changes)

    def qa(self) -> Table:
        table = Table(
            "qa",
            _("Questions and answers checked"),
            [
                Column(_("Made by"), ("model",), False),
                Column(_("Checked"), ("checked",)),
                *(Column(_QA[v](), (v,)) for v in VERDICTS),
                Column(_("Share kept (95%)"), _SHARE),
            ],
        )
        found = self.results.qa
        for model in sorted(found, key=lambda m: (-found[m].n, self.name(m))):
            one = found[model]
            if one.n:
                table.rows.append(
                    [
                        _word(self.name(model)),
                        _count(one.n, self._qa_to(model, verdict="any")),
                        *(_count(one.counts.get(v, 0), self._qa_to(model, verdict=v)) for v in VERDICTS),
                        _share(one.kept),
                    ]
                )
        return table

    def qa_reasons(self) -> Table:
        words = words_of()
        table = Table(
            "qa_reasons",
            _("Why pairs were dropped"),
            [
                Column(_("Reason"), ("reason",), False),
                Column(_("Made by"), ("model",), False),
                Column(_("Count"), ("times",)),
            ],
        )
        found = [
            (reason, model, n) for model, one in self.results.qa.items() for reason, n in one.reasons.items()
        ]
        for reason, model, n in sorted(found, key=lambda one: (-one[2], one[0], self.name(one[1]))):
            table.rows.append(
                [
                    _word(words.get(reason, reason), reason),
                    _word(self.name(model)),
                    _count(n, self._qa_to(model, verdict="drop", reason=reason)),
                ]
            )
        return table

    # -- thumbs ----------------------------------------------------------------------------------------------

    def _inbox(self, model: int | None, **query) -> str:
        if not self.inbox or model is None:
            return ""
        return f"{self.inbox}?{urlencode({'model': model, **query})}"

    def thumbs(self) -> Table:
        table = Table(
            "thumbs",
            _("Thumbs of end users"),
            [
                Column(_("Model"), ("model",), False),
                Column(_("Thumbs up"), ("up",)),
                Column(_("Thumbs down"), ("down",)),
                Column(_("People"), ("people",)),
                Column(_("Share up (95%)"), _SHARE),
            ],
        )
        for model, one in self.results.thumbs.items():
            table.rows.append(
                [
                    _word(self.name(model)),
                    _count(one.up, self._inbox(model, thumb="up")),
                    _count(one.down, self._inbox(model, thumb="down")),
                    _count(one.people),
                    _share(one.share),
                ]
            )
        return table

    def thumb_reasons(self) -> Table:
        words = reason_words(self.project)
        table = Table(
            "thumb_reasons",
            _("Why thumbs went up or down"),
            [
                Column(_("Model"), ("model",), False),
                Column(_("Thumb"), ("thumb",), False),
                Column(_("Reason"), ("reason",), False),
                Column(_("Count"), ("times",)),
            ],
        )
        for model, one in self.results.thumbs.items():
            for value, name in ((-1, "down"), (1, "up")):
                for reason, n in one.reasons.get(value, []):
                    table.rows.append(
                        [
                            _word(self.name(model)),
                            _word(_("down") if value < 0 else _("up"), name),
                            _word(words.get(reason, reason), reason),
                            _count(n, self._inbox(model, thumb=name, reason=reason)),
                        ]
                    )
        return table


_QA = {"keep": lambda: _("Kept"), "fix": lambda: _("Fixed"), "drop": lambda: _("Dropped")}


def _outcome_columns() -> list[Column]:
    return [
        Column(_("Comparisons"), ("comparisons",)),
        Column(_("Won"), ("won",)),
        Column(_("Lost"), ("lost",)),
        Column(_("Tied"), ("tied",)),
    ]


def reason_words(project) -> dict[str, str]:
    """{code: the words of a reason under a thumb}, the project's own among them."""
    language = get_language() or "en"
    chosen = ChatSettings.objects.filter(project=project).only("up_reasons", "down_reasons").first()
    own = [*chosen.up_reasons, *chosen.down_reasons] if chosen else []
    return reason_lists.labels([*reason_lists.UP, *reason_lists.DOWN], language) | reason_lists.labels(
        own, language
    )
