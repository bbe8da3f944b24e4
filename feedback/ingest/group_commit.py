"""Group commit: what several threads want written at the same moment is written by one of them, in one
transaction.

A transaction of one row is mostly begin, look-ups and commit. While one thread writes, those that come
meanwhile wait together; when it is done, the first of them writes for all of them. Alone, a thread waits
for nobody. This is the "leader/followers" form of the group commit of DeWitt et al., Implementation
techniques for main memory database systems (SIGMOD 1984)."""

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, eq=False)
class _Waiting:
    item: Any
    # held until its result is there, or it is to lead
    turn: threading.Lock = field(default_factory=threading.Lock)
    done: bool = False
    alone: bool = False
    result: Any = None


class Group:
    """Threads that give items of one `kind` to `run` at the same time share one call of `work`."""

    def __init__(self, most: int = 32):
        """`most` items in one call."""
        self._most = most
        self._lock = threading.Lock()
        self._queues: dict[Hashable, list[_Waiting]] = {}  # kinds that somebody works for now

    def run(self, kind: Hashable, item, work: Callable[[list], list]):
        """The result for `item`: `work` gets a list of items and returns as many results, in their order. It
        may run in another thread, with what that thread passed for the same `kind`. If it fails for
        several, each is tried alone, and raises its own error."""
        me = _Waiting(item)
        with self._lock:
            queue = self._queues.get(kind)
            if queue is None:
                self._queues[kind] = []
            else:
                me.turn.acquire()
                queue.append(me)
        if queue is not None:
            me.turn.acquire()
        if me.alone:
            return work([item])[0]
        if not me.done:
            self._lead(kind, me, work)
        return me.result

    def _lead(self, kind: Hashable, me: _Waiting, work: Callable[[list], list]) -> None:
        with self._lock:
            queue = self._queues[kind]
            group = [me, *queue[: self._most - 1]]
            del queue[: self._most - 1]
        try:
            for one, result in zip(group, work([one.item for one in group]), strict=True):
                one.result, one.done = result, True
        except BaseException:
            if len(group) == 1:
                raise
            for one in group:
                one.alone = not one.done
        finally:
            with self._lock:
                after = queue.pop(0) if queue else None
                if after is None:
                    del self._queues[kind]
            for one in (*group[1:], *([after] if after else [])):
                one.turn.release()
        if me.alone:
            me.result = work([me.item])[0]
