"""SQLite lets one writer in at a time; the others poll for it, sleeping up to a tenth of a second between two
looks, and whoever looks at the right moment wins. With many threads writing, most of the time is slept
away and some wait ten times as long as others. Threads of one process need not poll: they queue up at a
lock, which wakes the next one at once. Other processes still meet at the file.

The turn is taken by the statement that writes, whether it begins a transaction or is one by itself: a
single writer without a turn would poll the file for as long as the others hand the lock on among
themselves."""

import re
import sqlite3
import threading
from collections import defaultdict

from django.db.backends.sqlite3 import base

_turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

_WRITES = re.compile(
    r"\s*(?:(?:INSERT|UPDATE|DELETE|REPLACE|CREATE|ALTER|DROP|REINDEX|VACUUM|ANALYZE|BEGIN\s+(?:IMMEDIATE|EXCLUSIVE))\b"
    r"|WITH\b.*?\b(?:INSERT|UPDATE|DELETE|REPLACE)\b)",
    re.IGNORECASE | re.DOTALL,
)


class Cursor(base.SQLiteCursorWrapper):
    """Holds its file's turn for as long as a statement of its own writes."""

    owner: "DatabaseWrapper"
    # of a writing statement whose rows are not all read yet: SQLite commits it with the last one
    _takes_rows = False

    def execute(self, query, params=None):
        return self._in_turn(super().execute, query, params)

    def executemany(self, query, param_list):
        return self._in_turn(super().executemany, query, param_list)

    def _in_turn(self, run, query, values):
        owner = self.owner
        if owner.turn is not None or not _WRITES.match(query):
            return run(query, values)
        owner.take_turn()
        try:
            result = run(query, values)
            self._takes_rows = self.description is not None
            return result
        finally:
            if not self._takes_rows:
                owner.end_turn()

    def close(self):
        super().close()
        self._rows_are_read()

    def __del__(self):
        self._rows_are_read()

    def _rows_are_read(self):
        if self._takes_rows:
            self._takes_rows = False
            self.owner.end_turn()


class DatabaseWrapper(base.DatabaseWrapper):
    """Holds its file's turn from the first writing statement to the end of its transaction."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.turn: threading.Lock | None = None

    def create_cursor(self, name=None):
        cursor = self.connection.cursor(factory=Cursor)
        cursor.owner = self
        return cursor

    def take_turn(self) -> None:
        """Wait for the turn as long as SQLite itself would poll; past that, its own "database is locked" is
        the right answer."""
        turn = _turns[str(self.settings_dict["NAME"])]
        if turn.acquire(timeout=self.settings_dict["OPTIONS"].get("timeout", 5)):
            self.turn = turn

    def end_turn(self) -> None:
        """Give the turn back, unless a transaction of this connection is still under way."""
        if self.turn is not None and not self._in_transaction():
            turn, self.turn = self.turn, None
            turn.release()

    def _in_transaction(self) -> bool:
        try:
            return self.connection is not None and self.connection.in_transaction
        except sqlite3.ProgrammingError:  # closed in mid-transaction, which SQLite has rolled back
            return False

    def _commit(self):
        result = super()._commit()
        self.end_turn()  # a commit that fails is rolled back next, which ends the turn
        return result

    def _rollback(self):
        try:
            return super()._rollback()
        finally:
            self.end_turn()

    def close(self):
        try:
            return super().close()
        finally:
            self.end_turn()
