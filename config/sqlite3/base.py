"""SQLite lets one writer in at a time; the others poll for it, sleeping up to a tenth of a second between two looks, and whoever looks at the
right moment wins. With many threads writing, most of the time is slept away and some wait ten times as long as others. Threads of one
process need not poll: they queue up at a lock, which wakes the next one at once. Other processes still meet at the file."""

import threading
from collections import defaultdict

from django.db.backends.sqlite3 import base

_turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


class DatabaseWrapper(base.DatabaseWrapper):
    """Holds its file's turn from BEGIN IMMEDIATE to the end of the transaction."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._held: threading.Lock | None = None

    def _start_transaction_under_autocommit(self):
        if self._held is None and self.transaction_mode == "IMMEDIATE":
            turn = _turns[str(self.settings_dict["NAME"])]
            # As long as SQLite itself would poll; past that, its own "database is locked" is the right answer.
            if turn.acquire(timeout=self.settings_dict["OPTIONS"].get("timeout", 5)):
                self._held = turn
        try:
            super()._start_transaction_under_autocommit()
        except BaseException:
            self._end_turn()
            raise

    def _end_turn(self):
        held, self._held = self._held, None
        if held is not None:
            held.release()

    def _commit(self):
        result = super()._commit()
        self._end_turn()  # a commit that fails is rolled back next, which ends the turn
        return result

    def _rollback(self):
        try:
            return super()._rollback()
        finally:
            self._end_turn()

    def close(self):
        try:
            return super().close()
        finally:
            if not self.in_atomic_block:
                self._end_turn()
