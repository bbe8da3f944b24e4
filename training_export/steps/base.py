"""What a curation step is: a pure function over rows that hands on those it keeps and tells of each that it
drops why. Any step takes what any other gave, in the order a person puts them in. Pure.

    step = STEPS["exact-duplicates"]
    parameters = step.parameters_of({"over": "prompt"})         # checked; DomainError naming the field
    report = Report()
    kept = list(step.run(rows, parameters, report, Means()))
    report.dropped                                              # Counter {reason: rows}

A step changes no text of a row, but for masking; it may change numbers (weight) and the side of a split."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from django.utils.translation import gettext

from training_export.curate.examples import Example
from training_export.formats.base import place_of
from training_export.option import Option, options_of
from training_export.option_values import checked_values, invalid

MOST_SAMPLES = 20  # places named under one reason; their number is always whole


@dataclass(slots=True)
class Row:
    """An Example on its way through the steps. `keys`: what must not stand on two sides of a split, as
    {"prompt": …, "source": …, "user": …} with several names each (curate.splits). `split`: its side, "" until
    a step or the end of the recipe has said."""

    example: Example
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)
    split: str = ""


class Rows(Protocol):
    """Rows in a stable order that can be gone through more than once; they need not fit into memory."""

    def __iter__(self) -> Iterator[Row]: ...

    def __len__(self) -> int: ...


class Cache:
    """What was computed of a text before: {key: value} under the name of who computed it. This one forgets;
    the one that keeps is publish's."""

    def get(self, name: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """What is known of `keys` under `name` (step, version and parameters)."""
        return {}

    def put(self, name: str, values: Mapping[bytes, bytes]) -> None:
        """Keep `values` under `name`."""


@dataclass
class Report:
    """What a step did. `dropped`: {reason: rows}. `samples`: {reason: [where the first came from, with a
    detail]}. `figures`: {name: numbers of a picture}, JSON. `notes`: [(code, detail)], what a person should
    know although nothing was dropped for it. `scores`: {content_key in hex digits: score} of every row that
    was scored, kept or dropped; a file beside the manifest, not part of it."""

    taken: int = 0
    kept: int = 0
    changed: int = 0
    dropped: Counter = field(default_factory=Counter)
    samples: dict[str, list[dict]] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    notes: list[tuple[str, str]] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)

    def drop(self, row: Row, reason: str, detail: str = "") -> None:
        """Count `row` as dropped for `reason`. `detail` holds no word of a text: a length, a score, the place
        of its twin."""
        self.dropped[reason] += 1
        samples = self.samples.setdefault(reason, [])
        if len(samples) < MOST_SAMPLES:
            samples.append(place_of(row.example.provenance) | ({"detail": detail} if detail else {}))

    def note(self, code: str, detail: str = "") -> None:
        """Say something once."""
        if (code, detail) not in self.notes:
            self.notes.append((code, detail))

    def as_dict(self) -> dict:
        """JSON for a manifest."""
        return {
            "taken": self.taken,
            "kept": self.kept,
            "changed": self.changed,
            "dropped": dict(sorted(self.dropped.items())),
            "samples": self.samples,
            "figures": self.figures,
            "notes": [list(note) for note in self.notes],
        }


def _nothing(_name: str) -> Rows:
    return []


def _no_progress(_done: int, _total: int) -> None:
    pass


@dataclass(frozen=True)
class Means:
    """What a step may reach beyond its rows. `seed`: of all draws. `cache`: what was computed before.
    `sets(name)`: other rows by their name: a general set to mix in, an evaluation set, another data set;
    DomainError for a name nobody knows. `model`: a folder of a local model, or None.
    `models`: where models must lie that a step names; None: anywhere. `progress(done,
    total)`: tells how far it is, and raises where the work was cancelled."""

    seed: int = 0
    cache: Cache = field(default_factory=Cache)
    sets: Callable[[str], Rows] = _nothing
    model: str | None = None
    models: Path | None = None
    progress: Callable[[int, int], None] = _no_progress


@dataclass(frozen=True)
class Step:
    """One way to curate. `version`: raised whenever the same rows may come out differently; part of the key
    of every cached value. `parameters`: a frozen dataclass of `option` fields (training_export.option).
    `work(rows, parameters, report, means)` yields what is kept, in the order it came in. `reasons`: {code:
    sentence} of all it drops rows for. `heavy`: belongs on the queue `heavy`."""

    name: str
    version: int
    label: Any
    about: Any
    parameters: type
    work: Callable[[Rows, Any, Report, Means], Iterable[Row]]
    reasons: Mapping[str, Any]
    notes: Mapping[str, Any] = field(default_factory=dict)
    heavy: bool = False

    @property
    def options(self) -> dict[str, Option]:
        """Its parameters as the page, the API and the YAML ask for them."""
        return options_of(self.parameters)

    def parameters_of(self, given: Mapping) -> Any:
        """Checked parameters out of JSON, YAML or a form; DomainError naming the field at fault."""
        options = self.options
        values = checked_values(options, given)
        for name, one in options.items():
            if one.required and name not in values:
                raise invalid(name, gettext("This must be said."))
        return self.parameters(**values)

    def run(self, rows: Rows, parameters, report: Report, means: Means) -> Iterator[Row]:
        """What is kept of `rows`; counts what comes in and goes out in `report`."""
        report.taken = len(rows)
        for row in self.work(rows, parameters, report, means):
            report.kept += 1
            yield row

    def key(self, parameters) -> str:
        """The name under which what it computes is cached: step, version and parameters."""
        said = ",".join(f"{name}={getattr(parameters, name)!r}" for name in sorted(self.options))
        return f"{self.name}/{self.version}/{said}"
