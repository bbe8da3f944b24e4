"""What a recipe says: which rows are gathered, how judgements count, and what is done to the rows. One
checked, frozen value behind the form, the YAML and the API; every field has its value written down, so that a
recipe means the same when a default changes. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from training_export.curate.examples import (
    Binary,
    Preference,
    PromptOnly,
    RankedList,
    Sft,
)
from training_export.curate.rules import CurationRules
from training_export.option import Kind, Option, option, options_of
from training_export.option_values import checked_values
from training_export.options import OPTIONS as EXPORT_OPTIONS
from training_export.steps import STEPS

KINDS = {
    "sft": Sft,
    "preference": Preference,
    "binary": Binary,
    "ranked": RankedList,
    "prompt": PromptOnly,
}
STANDING = {
    "settled": _("Settled"),
    "accepted": _("Accepted by a reviewer"),
    "raw": _("Not reviewed"),
    "imported": _("Came with an imported file"),
}
RESERVED = "evaluation"  # the tag of items that are kept for evaluation
WHOLE_SET = "reserved"  # the name under which steps find them
MOST_SOURCES = MOST_SETS = 20
MOST_STEPS = 40


def _include(name: str) -> Any:
    """The option `name` of an export, for sources that take end users' words."""
    known = EXPORT_OPTIONS[name]
    return option(
        known.default, known.label, kind=known.kind, help=known.help, choices=known.choices,
        minimum=known.minimum, maximum=known.maximum, metavar=known.metavar, page=known.page,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where rows come from: a project, and which of its rows."""

    project: str = option(
        "", _("Project"), kind=Kind.TEXT,
        help="The project's address; empty: the recipe's own.", maximum=60,
    )  # fmt: skip
    snapshot: int = option(
        0, _("Data set"), kind=Kind.INTEGER,
        help="The rows of this data set of the project, as they are; 0: the project's judgements.",
        minimum=0, metavar="N",
    )  # fmt: skip
    tags: tuple = option(
        (), _("Only with one of these tags"), kind=Kind.TEXTS,
        help="Only rows of items with one of these tags.",
    )  # fmt: skip
    without_tags: tuple = option(
        (RESERVED,), _("Without these tags"), kind=Kind.TEXTS,
        help="No rows of items with one of these tags; by default none kept for evaluation.",
    )  # fmt: skip
    languages: tuple = option(
        (), _("Only in these languages"), kind=Kind.TEXTS,
        help="Only prompts in these languages, such as zh,en.",
    )  # fmt: skip
    origins: tuple = option(
        (), _("Only answers of these origins"), kind=Kind.TEXTS,
        help="Only rows all of whose answers are of these origins: human, corrected, synthetic, imported, "
        "model, or model:NAME.",
    )  # fmt: skip
    standing: tuple = option(
        tuple(STANDING), _("Only judgements that are"), kind=Kind.NAMES,
        help="Only rows whose best judgement stands so.", choices=STANDING,
    )  # fmt: skip
    agreement: float = option(
        0, _("Agreement at least"), kind=Kind.SHARE,
        help="Only pairs for which at least this share of those who compared the two voted.",
    )  # fmt: skip
    judged_since: int = option(
        0, _("Judged after log entry"), kind=Kind.INTEGER,
        help="Only prompts that somebody has judged after this Event.", minimum=0, metavar="EVENT",
    )  # fmt: skip
    include: tuple = _include("include")
    thumbs_per_user: int = _include("thumbs_per_user")
    thumbs_balance: tuple | None = _include("thumbs_balance")


@dataclass(frozen=True, kw_only=True)
class Delta:
    """A data set of what is new since an earlier one, for incremental training."""

    since: int = option(
        0, _("Since data set"), kind=Kind.INTEGER,
        help="The number of the earlier data set; 0: the last one of this recipe.", minimum=0, metavar="N",
    )  # fmt: skip
    replay: float = option(
        0.1, _("Share of old rows among it"), kind=Kind.SHARE,
        help="This share of the rows that are not new stays, drawn by seed.",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class RecipeDocument:
    """A recipe. `steps`: (name, parameters as said) in the order in which they are done."""

    kinds: tuple[str, ...]
    sources: tuple[Source, ...] = (Source(),)
    rules: CurationRules = field(default_factory=CurationRules)
    sets: Mapping[str, Source] = field(default_factory=dict)
    steps: tuple[tuple[str, Any], ...] = ()
    delta: Delta | None = None

    @property
    def takes(self) -> frozenset:
        """The classes of Examples that are gathered."""
        return frozenset(KINDS[kind] for kind in self.kinds)

    @classmethod
    def of(cls, given: Any) -> "RecipeDocument":
        """A checked recipe out of JSON or YAML; DomainError with the path of the field at fault, such as
        "steps[1].clean.min_answer"."""
        given = _mapping(given, "")
        if unknown := sorted(set(given) - {f.name for f in fields(cls)}):
            raise _at(str(unknown[0])[:60], gettext("A recipe has no part of this name."))
        kinds = given.get("kinds")
        if (
            not isinstance(kinds, list | tuple)
            or not kinds
            or any(not isinstance(kind, str) or kind not in KINDS for kind in kinds)
        ):
            raise _at("kinds", gettext("Choose among: %(names)s.") % {"names": ", ".join(KINDS)})
        sources = _list(given.get("sources", [{}]), "sources", MOST_SOURCES) or [{}]
        sets = _mapping(given.get("sets") or {}, "sets")
        if len(sets) > MOST_SETS:
            raise _at("sets", gettext("These are too many."))
        steps = _list(given.get("steps") or [], "steps", MOST_STEPS)
        done = [next(iter(one)) if isinstance(one, Mapping) else one for one in steps]
        if "mix" in done and "split" in done[: done.index("mix")]:
            raise _at("steps", gettext("What is mixed in must be split too: put the split after it."))
        return cls(
            kinds=tuple(kind for kind in KINDS if kind in kinds),
            sources=tuple(_part(Source, one, f"sources[{place}]") for place, one in enumerate(sources)),
            rules=_part(CurationRules, given.get("rules") or {}, "rules"),
            sets={_set_name(name): _part(Source, one, f"sets.{name}") for name, one in sets.items()},
            steps=tuple(_step(one, f"steps[{place}]") for place, one in enumerate(steps)),
            delta=_part(Delta, given["delta"], "delta") if given.get("delta") is not None else None,
        )

    def as_dict(self) -> dict:
        """JSON with every value written down; `RecipeDocument.of` gives the same recipe of it."""
        return {
            "kinds": list(self.kinds),
            "sources": [_plain(source) for source in self.sources],
            "rules": _plain(self.rules),
            "sets": {name: _plain(source) for name, source in sorted(self.sets.items())},
            "steps": [{name: _plain(parameters)} for name, parameters in self.steps],
            "delta": _plain(self.delta) if self.delta else None,
        }


PARTS: dict[type, dict[str, Option]] = {part: options_of(part) for part in (Source, Delta, CurationRules)}


def _part(holder: type, given: Any, path: str) -> Any:
    return holder(**_values(PARTS[holder], _mapping(given, path), path))


def _values(options: Mapping[str, Option], given: Mapping, path: str) -> dict:
    try:
        return checked_values(options, given)
    except DomainError as wrong:
        raise _at(f"{path}.{wrong.field}", wrong.message) from None


def _step(given: Any, path: str) -> tuple[str, Any]:
    """(name, parameters) of "clean", or of {"clean": {"min_answer": 10}}."""
    if isinstance(given, str):
        given = {given: {}}
    given = _mapping(given, path)
    if len(given) != 1 or (name := next(iter(given))) not in STEPS:
        raise _at(path, gettext("Choose one of the steps: %(names)s.") % {"names": ", ".join(STEPS)})
    try:
        return name, STEPS[name].parameters_of(_mapping(given[name] or {}, f"{path}.{name}"))
    except DomainError as wrong:
        if wrong.field.startswith(path):
            raise
        raise _at(f"{path}.{name}.{wrong.field}", wrong.message) from None


def _plain(part: Any) -> dict:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(part).items()}


def _mapping(given: Any, path: str) -> Mapping:
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise _at(path, gettext("Here names with values are expected."))
    return given


def _list(given: Any, path: str, most: int) -> list:
    if not isinstance(given, list | tuple):
        raise _at(path, gettext("Here a list is expected."))
    if len(given) > most:
        raise _at(path, gettext("These are too many."))
    return list(given)


def _set_name(name: str) -> str:
    if name == WHOLE_SET:
        raise _at("sets", gettext("The set “reserved” is made of the items with the tag “evaluation”."))
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii() or len(name) > 40:
        raise _at("sets", gettext("A set's name has letters, digits, - and _ only, 40 at most."))
    return name


def _at(path: str, message: Any) -> DomainError:
    return DomainError("invalid_recipe", f"{path}: {message}" if path else str(message), field=path)
