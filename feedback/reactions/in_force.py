"""Which word of a person is in force: of all that one person said of one thing the latest, by when it was
said and not by when it came. Pure.

`Reaction.current` and `Choice.current` keep what this says, so that screens and figures need not ask; an
export "as of" an Event asks it of the rows that were there by then. Both must come to the same, whatever
order the rows came in."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

Row = TypeVar("Row")
Key = TypeVar("Key", bound=Hashable)


def latest(
    rows: Iterable[Row], *, about: Callable[[Row], Key], said: Callable[[Row], tuple]
) -> dict[Key, Row]:
    """{about: the row in force}. `about(row)` is what somebody had to decide (`reaction_about`,
    `choice_about`), `said(row)` is (moment, id): of what was said in one moment the row with the larger id
    is the later one."""
    found: dict[Key, Row] = {}
    for row in rows:
        key = about(row)
        before = found.get(key)
        if before is None or said(row) > said(before):
            found[key] = row
    return found


def reaction_about(
    pk: int, *, end_user: int | None, message: int | None, conversation: int | None, external: str, kind: str
) -> tuple:
    """What a reaction decides: one person's mind of one target, in one kind. What nobody in particular said
    stands by itself."""
    return (
        ("row", pk)
        if end_user is None
        else (end_user, message, conversation, "" if message or conversation else external, kind)
    )


def choice_about(
    pk: int, *, end_user: int | None, parent: int | None, regenerated: bool, shown: Sequence[int]
) -> tuple:
    """What a choice decides: drafts of a turn are decided once; an answer asked for again is another question
    each time, told by the answers `shown`. What nobody in particular said, or what still waits for its
    drafts (no `parent`), stands by itself."""
    if end_user is None or parent is None:
        return ("row", pk)
    return (end_user, parent, frozenset(shown) if regenerated else None)


def moment_after(before: datetime | None, now: datetime) -> datetime:
    """When something was said that is being said now: later than what the same person said `before`, whatever
    the clocks did."""
    return now if before is None or before < now else before + timedelta(microseconds=1)
