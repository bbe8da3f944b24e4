"""Checkers of rows that say the same as a TRL row in other columns: the row is put into TRL's columns, and
what is wrong there is told of the column it came from."""

from training_export.formats.checks import PairChecker, TrlChecker
from training_export.formats.messages import identity


class _Translated:
    """`came_from`: {TRL's column: the format's}. `date_like`: whether a loader that guesses types reads the
    file."""

    came_from: dict[str, str] = {}
    date_like = True

    def translated(self, row: dict) -> tuple[list, dict]:
        """([(field, code, detail)] of what cannot be put into TRL's columns, the row in TRL's columns)."""
        raise NotImplementedError

    def row(self, row):
        found, trl = self.translated(row)
        if found:
            return found
        return [(self.came_from.get(f, f), code, detail) for f, code, detail in super().row(trl)]

    def end(self):
        if not self.date_like:
            return []
        return [(self.came_from.get(f, f), code, detail) for f, code, detail in super().end()]


class TranslatedChecker(_Translated, TrlChecker):
    """Rows with one answer."""

    def judge(self, row, prompt):
        self.judged = hash((prompt, identity(row["completion"])))


class TranslatedPairChecker(_Translated, PairChecker):
    """Rows with a better and a worse answer."""


def has_tools(messages) -> bool:
    """Whether there is a call or a tool's reply among what may be messages."""
    return isinstance(messages, list) and any(
        isinstance(m, dict) and (m.get("role") == "tool" or m.get("tool_calls") is not None) for m in messages
    )


def only_keys(messages, allowed: frozenset) -> list[str]:
    """The keys that what may be messages have beyond `allowed`."""
    if not isinstance(messages, list):
        return []
    return sorted({str(key) for m in messages if isinstance(m, dict) for key in m if key not in allowed})
