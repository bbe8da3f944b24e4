"""What one option of an export is, said once, on the field of the dataclass that holds it. The page, the API,
the command and the table in docs/export.md are made of this. Pure."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What the value of an option looks like; each door has one way to ask for each kind."""

    CHOICE = "choice"
    FLAG = "flag"
    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"
    SHARES = "shares"  # three numbers: 80,10,10
    NAMES = "names"  # any of the choices: thumbs,corrections
    PROPORTION = "proportion"  # two whole numbers: 1:1
    SHARE = "share"  # 0 to 1, both allowed
    TEXTS = "texts"  # names that nobody knows beforehand: general,chat


@dataclass(frozen=True, slots=True)
class Page:
    """How the page offers an option. `group`: "main", or "more" behind a fold. `hint`: what stands beneath
    the field. `minimum`, `maximum`: where the page is narrower than the other doors. `blank`: an empty
    field is shown for the default."""

    group: str
    hint: Any = ""
    minimum: int | None = None
    maximum: int | None = None
    blank: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """`label`: for the page, translated. `help`: one English sentence for the API, the command and the
    documentation. `choices`: {value: plain words}. `minimum` and `maximum` hold at every door; a
    Kind.NUMBER must be above its minimum. `metavar`: what stands for the value in the command's help.
    `flag`: on the command line, if it is not the name. `page`: None where the page does not offer it."""

    name: str
    kind: Kind
    default: Any
    label: Any
    help: str
    choices: Mapping[str, Any]
    minimum: int | None
    maximum: int | None
    metavar: str | None
    flag: str
    page: Page | None

    @property
    def required(self) -> bool:
        """Nothing is exported unless this is said."""
        return self.default is MISSING


def option(
    default,
    label,
    *,
    kind: Kind,
    help: str,
    choices: Mapping[str, Any] | None = None,
    minimum: int | None = None,
    maximum: int | None = None,
    metavar: str | None = None,
    flag: str = "",
    page: Page | None = None,
) -> Any:
    """A dataclass field that says all there is to say of an option; see Option. `default`: MISSING where a
    value must be given."""
    about = {
        "kind": kind,
        "label": label,
        "help": help,
        "choices": choices or {},
        "minimum": minimum,
        "maximum": maximum,
    }
    return field(default=default, metadata=about | {"metavar": metavar, "flag": flag, "page": page})


def options_of(holder: type) -> dict[str, Option]:
    """{name: Option} of a dataclass whose every field was made by `option`, in the order of the fields, what
    must be said first."""
    found = {}
    for f in fields(holder):
        about = dict(f.metadata)
        about["flag"] = about["flag"] or "--" + f.name.replace("_", "-")
        found[f.name] = Option(name=f.name, default=f.default, **about)
    return dict(sorted(found.items(), key=lambda named: not named[1].required))
