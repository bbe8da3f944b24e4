"""SQLite connections of web threads that are gone.

The web server makes threads when they are needed and lets them go when idle. A connection is kept by its
thread from request to request (opened anew, a thumb of the API takes 1.9 × the processor time, a page 1.05
×), and nothing closes it when the thread goes: it sits in a reference cycle until a full garbage collection,
hours away. So whoever begins a request closes what has been idle for longer than any idle thread lives.
Should the thread live after all, its next query opens a new connection.

(A finalizer in the thread itself crashes the server: it runs while the thread is torn down. SQLite keeps a
closed connection's file handles as long as another one is open, and gives them to the next: their number
stays at its highest, it does not grow.)"""

import threading
import time

from django.core.signals import request_finished, request_started
from django.db.backends.signals import connection_created

IDLE_THREAD_SECONDS = 30  # what the web server is told (config.processes)
_PATIENCE = 3 * IDLE_THREAD_SECONDS

_of_thread = threading.local()
_lock = threading.Lock()
_held: list["_Held"] = []
_swept_at = 0.0


class _Held:
    def __init__(self, wrapper):
        self.wrapper, self.busy, self.since = wrapper, True, time.monotonic()


def opened(sender, connection, **kwargs) -> None:
    """connection_created: from now on this thread's connection is watched."""
    if connection.vendor != "sqlite":  # PostgreSQL's go back to a pool after every request
        return
    known = getattr(_of_thread, "held", None)
    if known is not None and known.wrapper is connection and known in _held:
        return
    connection.inc_thread_sharing()  # lets another thread close it
    _of_thread.held = _Held(connection)
    with _lock:
        _held.append(_of_thread.held)


def begun(sender, **kwargs) -> None:
    """request_started."""
    if time.monotonic() - _swept_at > IDLE_THREAD_SECONDS:
        sweep()
    held = getattr(_of_thread, "held", None)
    if held is not None:
        with _lock:  # a sweep is either over, or will see us busy
            held.busy = True


def ended(sender, **kwargs) -> None:
    """request_finished (of a stream: when its last byte is out)."""
    held = getattr(_of_thread, "held", None)
    if held is not None:
        held.busy, held.since = False, time.monotonic()


def sweep() -> int:
    """Close what has been idle for too long; how many."""
    global _swept_at
    with _lock:
        _swept_at = now = time.monotonic()
        _held[:] = [h for h in _held if h.wrapper.connection is not None]  # closed by their own threads
        old = [h for h in _held if not h.busy and now - h.since > _PATIENCE]
        for held in old:
            held.wrapper.close()
            _held.remove(held)
    return len(old)


def watch() -> None:
    """Begin; called once by the WSGI application."""
    connection_created.connect(opened, dispatch_uid="idle-connections")
    request_started.connect(begun, dispatch_uid="idle-connections")
    request_finished.connect(ended, dispatch_uid="idle-connections")
