"""Places for answers on their way: each keeps a thread of the web process for as long as it streams, and
pages need some too.

Counted in this process: at most WEB_STREAMS in all, PROJECT_STREAMS of one project, PERSON_STREAMS of one
person."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator

from django.conf import settings
from django.utils.translation import gettext as _

from core.errors import DomainError

RETRY_SECONDS = 5
_lock = threading.Lock()
_taken: Counter[tuple] = Counter()  # by () for all, (project,), (project, person)


class Place:
    """One answer's place, until all that hold it have let go: whoever took it, and who was added by
    `hold`."""

    def __init__(self, keys: list[tuple]):
        self._keys, self._holders = keys, 1

    def hold(self) -> None:
        """One more who must let go."""
        with _lock:
            self._holders += 1

    def release(self) -> None:
        with _lock:
            self._holders -= 1
            if self._holders:
                return
            for key in self._keys:
                _taken[key] -= 1
                if not _taken[key]:
                    del _taken[key]

    def over(self, pieces: Iterable[bytes]) -> "Stream":
        """`pieces`, at whose end or closing the place is let go."""
        return Stream(pieces, self)


class Stream:
    """A response's pieces that hold a place. The server closes it whether or not it was begun, which a
    generator would not notice."""

    def __init__(self, pieces: Iterable[bytes], place: Place):
        self._pieces, self._all, self._place = iter(pieces), pieces, place
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            if close := getattr(self._all, "close", None):
                close()
        finally:
            self._place.release()


def take(*, project: int, person: str = "") -> Place:
    """A place for one answer that `person` of `project` is about to be sent ("": nobody in particular, a
    program). DomainError "too_many_answers" (429) for a person who has theirs, "busy" (503) when the
    project's, or all, are taken."""
    keys: list[tuple] = [(), (project,), *([(project, person)] if person else [])]
    most = min(settings.WEB_STREAMS, settings.WEB_THREADS - 1)
    with _lock:
        if person and _taken[keys[2]] >= settings.PERSON_STREAMS:
            message = _("Answers being written for you: %(n)s. Wait until one is finished, or stop one.") % {
                "n": settings.PERSON_STREAMS
            }
            raise DomainError("too_many_answers", message, status=429, data={"retry_after": RETRY_SECONDS})
        if _taken[()] >= most or _taken[keys[1]] >= settings.PROJECT_STREAMS:
            raise busy()
        _taken.update(keys)
    return Place(keys)


def busy() -> DomainError:
    """What is said when so many answers are being written that this one has to wait."""
    message = _("Too many answers are being written at this moment. Try again in a few seconds.")
    return DomainError("busy", message, status=503, data={"retry_after": RETRY_SECONDS})


def taken() -> int:
    """How many places are taken in this process."""
    with _lock:
        return _taken[()]
