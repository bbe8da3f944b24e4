"""Single fields of a row as a program sends it. RowError names the field that is not what it should be.
Pure."""

from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from core import storable
from feedback.conversations.sizes import MAX_KEY
from feedback.ingest.rows import (
    RowError,
)

MAX_ID, MAX_EXTERNAL, MAX_MODEL = 100, 200, 200
MAX_MESSAGES, MAX_TEXT, MAX_DEPTH = 1000, 1_000_000, 32
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


def check_names(raw: dict, names: set[str], at: str = "") -> None:
    """RowError "unknown_field" where `raw` has a name that is not one of `names`. `at`: the field it stands
    in, with a dot."""
    if not names.issuperset(raw):
        name = next(n for n in raw if n not in names)
        raise RowError(f"{at}{name[:60]}", "unknown_field", _("There is no field of this name here."))


def key_of(raw: dict) -> str:
    """The row's own id; "" for none."""
    return name_of(raw, "id", MAX_ID)


def user_of(raw: dict, at: str = "") -> str:
    """Whom it is from, by the sender's own id; "" for none."""
    value = raw.get("user")
    if value is None:
        return ""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_KEY:
        raise RowError(
            f"{at}user", "bad_user", _("A person's id is a text of 1 to %(n)s characters.") % {"n": MAX_KEY}
        )
    return value


def external_of(raw: dict, name: str, at: str = "") -> str:
    """The sender's id of something; "" for none."""
    return name_of(raw, name, MAX_EXTERNAL, at)


def name_of(raw: dict, name: str, longest: int, at: str = "") -> str:
    """A short text of 1 to `longest` characters; "" for none."""
    value = raw.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise RowError(
            at + name, f"bad_{name}", _("This must be a text of 1 to %(n)s characters.") % {"n": longest}
        )
    return value


def text_of(raw: dict, name: str) -> str:
    """A text that is stored as it is; "" for none."""
    value = raw.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise RowError(name, "bad_text", _("This must be a text."))
    return value


def list_of(raw: dict, name: str, longest: int, at: str = "") -> list:
    """A list of at most `longest`; [] for none."""
    value = raw.get(name)
    if value is None:
        return []
    if type(value) is not list or len(value) > longest:
        raise RowError(at + name, "bad_list", _("This must be a list of at most %(n)s.") % {"n": longest})
    return value


def moment_of(raw: dict, at: str = "") -> datetime | None:
    """When it was said, in UTC; None where null stands."""
    value = raw["at"]
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) and len(value) <= 40 else None
        if moment is None or moment.tzinfo is None:
            raise ValueError
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise RowError(
            f"{at}at", "bad_time", _("A time is written 2026-01-31T09:30:00+08:00, with its time zone.")
        ) from None
    now = timezone.now()
    if not _EARLIEST <= moment <= now + timedelta(days=1):
        raise RowError(f"{at}at", "bad_time", _("This time is before the year 2000, or in the future."))
    return min(moment, now)  # a clock that runs ahead: nothing is said later than it is heard


def check_free(value, at: str) -> None:
    """Free JSON: its depth, and numbers that a database would not give back as they are."""
    code = storable.fault(value, MAX_DEPTH + 1)
    if code == "too_deep":
        raise RowError(at, code, _("This nests too deeply."))
    if storable.large_number(value) or code == "not_a_number":
        raise RowError(at, "bad_number", _("This number is too large."))
    if code:
        raise RowError(at, code, str(storable.SENTENCES[code]))
