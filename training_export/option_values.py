"""The value of an option as it is held, or a DomainError naming the field at fault. Pure."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext

from core.errors import DomainError
from training_export.option import Kind, Option

NUMBERS_WITHIN = 2**62  # what every database can hold
MOST_TEXTS, LONGEST_TEXT = 100, 200


def checked_values(options: Mapping[str, Option], given: Mapping) -> dict[str, Any]:
    """The values of `given` (JSON or a form) as `options` hold them; DomainError "unknown_option" or
    "invalid_option". What is None or "" was not said, and is not in the result."""
    unknown = sorted(set(given) - set(options))
    if unknown:
        name = str(unknown[0])[:60]
        raise DomainError(
            "unknown_option", gettext("There is no option %(name)s.") % {"name": name}, field=name
        )
    said = {name: value for name, value in given.items() if value is not None and value != ""}
    return {name: checked(one, said[name]) for name, one in options.items() if name in said}


def checked(one: Option, value) -> Any:
    """`value` as the dataclass holds it; DomainError if `one` cannot have it."""
    match one.kind:
        case Kind.CHOICE:
            if value not in tuple(one.choices):
                raise invalid(
                    one.name, gettext("Choose one of: %(names)s.") % {"names": ", ".join(one.choices)}
                )
        case Kind.FLAG:
            if not isinstance(value, bool):
                raise invalid(one.name, gettext("This must be true or false."))
        case Kind.TEXT:
            if not isinstance(value, str) or (one.maximum and len(value) > one.maximum):
                raise invalid(
                    one.name, gettext("This must be a text of at most %(n)s characters.") % {"n": one.maximum}
                )
        case Kind.INTEGER:
            whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= NUMBERS_WITHIN
            if not whole or not _within(one, value):
                raise invalid(one.name, gettext("This must be a whole number."))
        case Kind.NUMBER:
            if (
                isinstance(value, bool)
                or not isinstance(value, int | float)
                or value == one.minimum
                or not _within(one, value)
            ):
                limits = {"minimum": one.minimum, "maximum": one.maximum}
                raise invalid(
                    one.name,
                    gettext("This must be a number above %(minimum)s, at most %(maximum)s.") % limits,
                )
        case Kind.SHARE:
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise invalid(one.name, gettext("This must be a number from 0 to 1."))
        case Kind.SHARES:
            return _shares(one, value)
        case Kind.NAMES:
            return _names(one, value)
        case Kind.PROPORTION:
            return _proportion(one, value)
        case Kind.TEXTS:
            return _texts(one, value)
    return value


def _within(one: Option, value) -> bool:
    """Not for what is not a number: NaN lies within nothing."""
    low = float("-inf") if one.minimum is None else one.minimum
    return low <= value <= (float("inf") if one.maximum is None else one.maximum)


def _names(one: Option, value) -> tuple:
    """Names among the choices, in their order, of "thumbs,corrections" or a list."""
    names = [n.strip() for n in value.split(",") if n.strip()] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or any(n not in tuple(one.choices) for n in names):
        raise invalid(one.name, gettext("Choose among: %(names)s.") % {"names": ", ".join(one.choices)})
    return tuple(n for n in one.choices if n in names)


def _texts(one: Option, value) -> tuple[str, ...]:
    """The names in "general,chat" (also with a Chinese comma) or a list, each once, in the order given."""
    names = value.replace("，", ",").split(",") if isinstance(value, str) else value
    if (
        not isinstance(names, list | tuple)
        or len(names) > MOST_TEXTS
        or not all(isinstance(name, str) and len(name) <= LONGEST_TEXT for name in names)
    ):
        limits = {"names": MOST_TEXTS, "characters": LONGEST_TEXT}
        raise invalid(
            one.name,
            gettext("Give names with commas between: %(names)s at most, of %(characters)s characters each.")
            % limits,
        )
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))


def _proportion(one: Option, value) -> tuple[int, int]:
    """The two numbers of "1:1" or [1, 1]."""
    parts = value.split(":") if isinstance(value, str) else value
    try:
        first, second = (int(p) for p in parts)
    except (TypeError, ValueError, OverflowError):
        first = second = 0
    if not (_within(one, first) and _within(one, second)):
        raise invalid(one.name, gettext("Give two whole numbers from 1 to 1000, such as 1:1."))
    return first, second


def invalid(field: str, message) -> DomainError:
    """The error of a value that `field` cannot have."""
    return DomainError("invalid_option", message, field=field)


def _shares(one: Option, value) -> tuple:
    """(train, validation, test) of "80,10,10" or [80, 10, 10]."""
    message = gettext("Give three shares: train, validation, test; for example 80,10,10.")
    parts = value.split(",") if isinstance(value, str) else value
    try:
        shares = tuple(float(p) for p in parts)
    except (TypeError, ValueError, OverflowError):
        raise invalid(one.name, message)
    if len(shares) != 3 or any(not 0 <= s <= 1e6 for s in shares) or not sum(shares):
        raise invalid(one.name, message)
    return tuple(int(s) if s == int(s) else s for s in shares)
