"""What an export can be asked for: one checked, frozen value behind the command, the API and the page."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from django.utils.translation import gettext as _

from core.errors import DomainError
from training_export.curate import splits
from training_export.curate.judged_prompts import Choices
from training_export.formats import FORMATS
from training_export.formats import Options as FormatOptions


@dataclass(frozen=True)
class ExportOptions:
    """`split`: shares of train, validation and test, None for no split. `as_of`: an Event's id, None for now. `include`: what of end users'
    words is taken as it is (names of INCLUDE); `thumbs_per_user`: at most so many of one person's (0: no limit); `thumbs_balance`: (good, bad), the
    proportion that their thumbs are thinned to, None for as they come. The other fields are those of cases.Choices and formats.Options."""

    format: str
    pairs: str = "all"
    annotators: str = "each"
    margin: str = "none"
    alpha: float = 0.01
    include: tuple = ()
    thumbs_per_user: int = 50
    thumbs_balance: tuple | None = None
    sft_top: bool = False
    max_pairs: int = 0
    seed: int = 0
    binary_from_ratings: bool = False
    correction_beats: str = "original"
    all_corrections: bool = False
    include_imported: bool = True
    cut_rejected: bool = False
    split: tuple | None = None
    split_by: str = "prompt"
    as_of: int | None = None
    system: str = "keep"
    sources: str = "omit"
    allow_template_tokens: bool = False
    name: str = "touchstone"

    @classmethod
    def of(cls, given: Mapping) -> "ExportOptions":
        """Checked options out of JSON or a form; DomainError naming the field at fault. Keys with None mean "not said"."""
        known = {f.name: f for f in fields(cls)}
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise DomainError("unknown_option", _("There is no option %(name)s.") % {"name": str(unknown[0])[:60]}, field=str(unknown[0])[:60])
        values = {k: v for k, v in given.items() if v is not None and v != ""}
        if values.get("format") not in FORMATS:
            raise DomainError("unknown_format", _("Choose one of the formats: %(names)s.") % {"names": ", ".join(FORMATS)}, field="format")
        for name, choices in choices_of().items():
            if name in values and values[name] not in choices:
                raise _bad(name, _("Choose one of: %(names)s.") % {"names": ", ".join(choices)})
        for name in ("sft_top", "binary_from_ratings", "all_corrections", "include_imported", "cut_rejected", "allow_template_tokens"):
            if not isinstance(values.get(name, False), bool):
                raise _bad(name, _("This must be true or false."))
        for name, least in (("max_pairs", 0), ("thumbs_per_user", 0), ("seed", None), ("as_of", 0)):
            value = values.get(name, 0)
            if isinstance(value, bool) or not isinstance(value, int) or (least is not None and value < least) or abs(value) > 2**62:
                raise _bad(name, _("This must be a whole number."))
        alpha = values.get("alpha", 0.01)
        if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 < alpha <= 10:
            raise _bad("alpha", _("This must be a number above 0, at most 10."))
        if "split" in values:
            values["split"] = _shares(values["split"])
        values["include"] = _included(values.get("include", ()))
        if "thumbs_balance" in values:
            values["thumbs_balance"] = _balance(values["thumbs_balance"])
        try:
            FormatOptions.of(values)
        except (ValueError, TypeError, AttributeError) as exc:
            raise _bad("name", str(exc))
        return cls(**values)

    def choices(self) -> Choices:
        return Choices(**{f.name: getattr(self, f.name) for f in fields(Choices)})

    def for_format(self, **changes) -> FormatOptions:
        return FormatOptions.of(asdict(self) | changes)

    def as_dict(self) -> dict:
        """JSON: what a Snapshot keeps; `ExportOptions.of` reads it back."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


def choices_of() -> dict[str, tuple]:
    """{option: its allowed values}, for the command, the API and the page."""
    return {
        "pairs": Choices.PAIRS,
        "annotators": Choices.ANNOTATORS,
        "margin": Choices.MARGIN,
        "correction_beats": ("original", "ranked"),
        "split_by": splits.BY,
        "system": FormatOptions.CHOICES["system"],
        "sources": FormatOptions.CHOICES["sources"],
    }


INCLUDE = ("draft-choices", "thumbs", "corrections")


def _included(value) -> tuple:
    """Names of INCLUDE, in its order, of "thumbs,corrections" or a list."""
    names = [n.strip() for n in value.split(",") if n.strip()] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or any(n not in INCLUDE for n in names):
        raise _bad("include", _("Choose among: %(names)s.") % {"names": ", ".join(INCLUDE)})
    return tuple(n for n in INCLUDE if n in names)


def _balance(value) -> tuple[int, int]:
    """(good, bad) of "1:1" or [1, 1]."""
    parts = value.split(":") if isinstance(value, str) else value
    try:
        good, bad = (int(p) for p in parts)
    except (TypeError, ValueError):
        good = bad = 0
    if not (1 <= good <= 1000 and 1 <= bad <= 1000):
        raise _bad("thumbs_balance", _("Give good and bad as two whole numbers from 1 to 1000, such as 1:1."))
    return good, bad


def _bad(field: str, message) -> DomainError:
    return DomainError("invalid_option", message, field=field)


def _shares(value) -> tuple:
    """(train, validation, test) of "80,10,10" or [80, 10, 10]."""
    message = _("Give three shares: train, validation, test; for example 80,10,10.")
    parts = value.split(",") if isinstance(value, str) else value
    try:
        shares = tuple(float(p) for p in parts)
    except (TypeError, ValueError):
        raise _bad("split", message)
    if len(shares) != 3 or any(not 0 <= s <= 1e6 for s in shares) or not sum(shares):
        raise _bad("split", message)
    return tuple(int(s) if s == int(s) else s for s in shares)
