"""Answers being written: one thread reads each from its model and touches no database; one thread of the
process saves what has come.

Reading goes on when the browser goes away (where the project keeps texts), and the row grows by what has
come every two seconds, so that a process killed outright loses no more than that; feedback.tasks calls
such an answer broken off. Nothing here holds a database connection while it waits."""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.conf import settings

from feedback.chat import saving, stream_places
from feedback.conversations.message import state_of
from feedback.conversations.privacy import PrivacyPolicy
from feedback.models import Message
from inference.client import Upstream, UpstreamError, stream_chat

log = logging.getLogger(__name__)
MOST = settings.CHAT_STREAMS  # answers read at once in one process
SAVE_SECONDS = 2.0
BEAT_SECONDS = 5.0  # how often a row says that it is still being read, whether anything came or not
OVERTIME_SECONDS = 15.0  # beyond its total time a reader is given up
RETRY_SECONDS = (0.5, 1, 2, 5, 10, 15, 30, 30, 60, 60)  # between attempts to save the end of an answer

State = Message.State
# Where a piece of personal data may go on in what has not come yet: not saved before it has.
_OPEN_END = re.compile(r"[\w@.+\-() ]{1,200}\Z", re.ASCII)


@dataclass(eq=False)
class Live:
    """One answer while it is read. `parts` only grows; `over` once nothing more comes, `saved` once its row
    says so."""

    pk: int
    position: int
    up: Upstream
    messages: list[dict]
    parameters: dict
    policy: PrivacyPolicy
    project: object
    actor: object = None
    parts: list[str] = field(default_factory=list)
    sources: list[dict] | None = None
    tool_calls: list[dict] | None = None
    marks: list[dict] | None = None  # of what is no text
    state: str = State.STREAMING
    error: str = ""
    over: bool = False
    saved: bool = False
    started: float = field(default_factory=time.monotonic)
    first_ms: int | None = None
    total_ms: int | None = None
    cancel: threading.Event = field(default_factory=threading.Event)
    cancelled_as: str = ""  # the error code of a cancel, "" for the reader's own stop
    turn: "LiveTurn" = None  # type: ignore[assignment]  # set by LiveTurn
    # the saver's own
    saved_at: float = field(default_factory=time.monotonic)
    saved_parts: int = 0
    attempts: int = 0
    not_before: float = 0.0

    @property
    def elapsed_ms(self) -> int:
        return round(1000 * (time.monotonic() - self.started))

    def text(self) -> str:
        return "".join(self.parts)

    def stop(self, code: str = "") -> None:
        """End it; what has come is kept."""
        self.cancelled_as = code
        self.cancel.set()

    def end(self, state: str, error: str = "") -> None:
        """Nothing more comes (the first word on this counts)."""
        with self.turn.news:
            if self.over:
                return
            self.state, self.error, self.total_ms, self.over = state, error[:40], self.elapsed_ms, True
            self.turn.news.notify_all()
        self.turn.tell_if_over()

    def wait_saved(self, seconds: float) -> bool:
        """Wait until the row holds the end; whether it does."""
        with self.turn.news:
            return self.turn.news.wait_for(lambda: self.saved, seconds)

    def mark_saved(self) -> None:
        """The row holds the end, or never will."""
        with self.turn.news:
            self.saved = True
            self.turn.news.notify_all()


@dataclass(eq=False)
class LiveTurn:
    """The answers to one turn, with one bell for all that happens to them. `leaves`: reading ends when nobody
    listens (no texts are kept)."""

    answers: list[Live]
    leaves: bool = False
    listeners: int = 0
    news: threading.Condition = field(default_factory=threading.Condition)
    _at_end: list[Callable[[], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for answer in self.answers:
            answer.turn = self

    def when_over(self, call: Callable[[], None]) -> None:
        """`call()` once nothing more comes of any answer; at once if that is so."""
        with self.news:
            self._at_end.append(call)
        self.tell_if_over()

    def tell_if_over(self) -> None:
        with self.news:
            if not all(answer.over for answer in self.answers):
                return
            calls, self._at_end = self._at_end, []
        for call in calls:
            call()

    def listen(self) -> None:
        with self.news:
            self.listeners += 1

    def leave(self) -> None:
        """A listener went away."""
        with self.news:
            self.listeners -= 1
            alone = self.listeners <= 0
        if alone and self.leaves:
            for answer in self.answers:
                if not answer.over:
                    answer.stop("left")


_lock = threading.Lock()
_bell = threading.Condition(_lock)  # rung for the saver
_live: dict[int, Live] = {}  # by message, until saved
_reading = 0  # slots taken
_saver: threading.Thread | None = None
_ending = False  # this process takes no more


def reserve(n: int) -> None:
    """Take `n` places for answers to come. DomainError "busy" (503) when this process reads as many as it
    may."""
    global _reading
    with _lock:
        if _ending or _reading + n > MOST:
            raise stream_places.busy()
        _reading += n


def release(n: int) -> None:
    global _reading
    with _lock:
        _reading -= n


def begin(turn: LiveTurn) -> None:
    """Read the answers of `turn`, whose rows are committed and whose places are reserved."""
    with _lock:
        for answer in turn.answers:
            _live[answer.pk] = answer
    _wake_saver()
    for answer in turn.answers:
        try:
            threading.Thread(target=_read, args=(answer,), name=f"answer-{answer.pk}", daemon=True).start()
        except RuntimeError:  # the machine gives no more threads
            answer.end(State.FAILED, "busy")
            release(1)


def find(pk: int) -> Live | None:
    """The answer if this process is reading it."""
    with _lock:
        return _live.get(pk)


def reading() -> int:
    """How many answers are being read."""
    with _lock:
        return _reading


def ending() -> bool:
    """Whether this process has been told to end."""
    return _ending


def stop_all(code: str = "lost", patience: float = 3.0) -> None:
    """This process is about to end: take no more, break off every answer and wait for what has come to be
    saved."""
    global _ending
    with _lock:
        _ending = True
        answers = list(_live.values())
    for answer in answers:
        answer.stop(code)
    end = time.monotonic() + patience
    for answer in answers:
        answer.wait_saved(max(0.0, end - time.monotonic()))


def _read(answer: Live) -> None:
    """The thread of one answer."""
    state, error = State.FAILED, "broken"
    try:
        state, error = _pieces(answer)
    except UpstreamError as exc:
        error = exc.code
    except Exception as exc:
        log.error("answer %s: the reader failed: %s", answer.pk, type(exc).__name__)
    finally:
        if answer.cancel.is_set():
            state, error = (
                (State.FAILED if answer.cancelled_as == "lost" else State.STOPPED),
                answer.cancelled_as,
            )
        answer.end(state, error)
        release(1)
        _wake_saver()


def _pieces(answer: Live) -> tuple[str, str]:
    """Take all pieces; (state, error code) of the end."""
    finish, news = "", answer.turn.news
    for piece in stream_chat(answer.up, answer.messages, parameters=answer.parameters, cancel=answer.cancel):
        with news:
            if answer.over:  # given up meanwhile
                break
            if piece.text:
                if answer.first_ms is None:
                    answer.first_ms = answer.elapsed_ms
                answer.parts.append(piece.text)
            if piece.sources is not None:
                answer.sources = piece.sources
            if piece.tool_calls is not None:
                answer.tool_calls = piece.tool_calls
            if piece.parts is not None:
                answer.marks = piece.parts
            finish = piece.finish or finish
            news.notify_all()
    if not answer.parts and not answer.tool_calls:
        return State.FAILED, "empty"
    return state_of(finish)


def _wake_saver() -> None:
    global _saver
    with _lock:
        if _saver is None and _live:
            _saver = threading.Thread(target=_save_all, name="answers-saver", daemon=True)
            _saver.start()
        _bell.notify_all()


def _save_all() -> None:
    """The saver's thread: lives as long as there are answers."""
    global _saver
    clean = False
    try:
        while True:
            with _lock:
                if not _live:
                    _saver, clean = None, True
                    return
                if not any(a.over and a.not_before <= time.monotonic() for a in _live.values()):
                    _bell.wait(0.25)
                answers = list(_live.values())
            done = _save_round(answers, time.monotonic())
            with _lock:
                for answer in done:
                    _live.pop(answer.pk, None)
    finally:
        saving.close_connection(for_good=True)
        if not clean:  # this thread failed: the next answer starts another
            with _lock:
                _saver = None


def _save_round(answers: Iterable[Live], now: float) -> list[Live]:
    """Write what is due; the answers that are finished with."""
    done, growing = [], []
    for answer in answers:
        if not answer.over and now > answer.started + answer.up.total_seconds + OVERTIME_SECONDS:
            answer.stop("timeout_total")
            answer.end(State.FAILED, "timeout_total")
        if answer.over:
            if answer.not_before <= now and _try_end(answer):
                answer.mark_saved()
                done.append(answer)
        elif now - answer.saved_at >= SAVE_SECONDS and (
            len(answer.parts) > answer.saved_parts or now - answer.saved_at >= BEAT_SECONDS
        ):
            growing.append(answer)
    if growing:
        _save_growing(growing)
    if done or growing:
        saving.close_connection()
    return done


def _save_growing(answers: list[Live]) -> None:
    """A short write for those that have grown; who was stopped or deleted elsewhere is broken off here."""
    begun = time.monotonic()
    try:
        states = saving.grow([(a.pk, _so_far(a), a.first_ms, a.elapsed_ms) for a in answers])
    except Exception as exc:
        log.warning("answers being written could not be saved: %s", type(exc).__name__)
        states = {}
    pause = 20 * (time.monotonic() - begun)  # writing takes a twentieth of the time at most
    for answer in answers:
        answer.saved_at = time.monotonic() + max(0.0, pause - SAVE_SECONDS)
        if states.get(answer.pk, State.STREAMING) != State.STREAMING:
            answer.stop()


def _so_far(answer: Live) -> str | None:
    """What may be stored of the text so far; None if nothing came since the last time."""
    if len(answer.parts) == answer.saved_parts or not answer.policy.keeps:
        return None
    answer.saved_parts = len(answer.parts)
    text = answer.text()
    return answer.policy.text(_OPEN_END.sub("", text)) if answer.policy.stored else text


def save_end(answer: Live) -> None:
    """Write the row of an answer of which nothing more comes."""
    policy, extra = answer.policy, {"tool_calls": answer.tool_calls, "parts": answer.marks}
    saving.finish(
        answer.pk,
        project=answer.project,
        actor=answer.actor,
        state=answer.state,
        error=answer.error,
        text=policy.text(answer.text()),
        sources=policy.listed(answer.sources or []),
        extra=policy.tree({k: v for k, v in extra.items() if v} or None),
        first_ms=answer.first_ms,
        total_ms=answer.total_ms,
    )


def _try_end(answer: Live) -> bool:
    """Whether the end is saved, or given up after ten minutes' trying."""
    try:
        save_end(answer)
    except Exception as exc:
        if answer.attempts >= len(RETRY_SECONDS):
            log.error("answer %s could not be saved and is lost: %s", answer.pk, type(exc).__name__)
            answer.error = "not_saved"
            return True
        answer.not_before = time.monotonic() + RETRY_SECONDS[answer.attempts]
        answer.attempts += 1
        log.warning("answer %s could not be saved yet: %s", answer.pk, type(exc).__name__)
        saving.close_connection(for_good=True)
        return False
    return True
