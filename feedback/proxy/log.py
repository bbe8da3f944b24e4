"""The log of the proxy: written behind the back of the answer, which has gone out by then.

One thread per web process writes; what waits for it is bounded in number and size. It is finished at the
process's proper end; an end by force loses what waits, some milliseconds' worth. What cannot be logged is
counted (Lost), with a line in the server's log that names the project and the reason, never content."""

import logging
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import F, Sum
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import ngettext

from core.errors import DomainError
from core.models import Project
from corpus.models import ModelVersion
from feedback.conversations import end_users, late_targets, other_names
from feedback.conversations import tree as talk
from feedback.conversations.message import state_of, turn_of, without_system
from feedback.conversations.privacy import privacy_policy
from feedback.conversations.record_exchange import record_exchange, root_of
from feedback.models import Arm, Lost, Message, OtherName
from feedback.proxy.answers import Heard, Said

log = logging.getLogger(__name__)
MOST_WAITING, MOST_CHARACTERS = 2000, 32_000_000
TRIES = (0.2, 1.0, 3.0)  # seconds before the second, third … try at a database that is busy
LOST_SHOWN_DAYS = 7

# What of a request's parameters is kept: how the answer was drawn, nothing that could hold somebody's words.
PARAMETERS = {
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "logprobs",
    "top_logprobs",
    "reasoning_effort",
    "parallel_tool_calls",
}


@dataclass
class Exchange:
    """One question on its way through the proxy, and what is heard of its answers."""

    project: int
    person: str  # what the deployment calls whoever asks; "" for nobody in particular
    asked: dict  # the request
    length: int  # of the request, in bytes
    model_version: int | None
    arm: int | None
    heard: Heard
    own_id: str = ""  # given out in place of the server's own id
    early: bool = False  # it was, before the server had given any
    stopped: bool = False  # the reader went away
    error: str = ""  # what ended it before its time
    begun: float = field(default_factory=time.monotonic)
    first_ms: int | None = None
    total_ms: int | None = None

    def heard_first(self) -> None:
        """Note when the model's first word came."""
        if self.first_ms is None and self.heard.spoken:
            self.first_ms = self.elapsed_ms()

    def elapsed_ms(self) -> int:
        return int((time.monotonic() - self.begun) * 1000)

    @property
    def state(self) -> tuple[str, str]:
        """(state of the answers, error)."""
        self.heard.catch_up()
        if self.stopped and not self.heard.whole:
            return Message.State.STOPPED, ""
        error = self.heard.error or self.error
        return (Message.State.FAILED, error) if error else (Message.State.COMPLETE, "")

    def state_of(self, said: Said | None) -> tuple[str, str]:
        """The same of one of the answers, which its server may have cut off."""
        state, error = self.state
        return (
            state_of(said.answer.finish)
            if said is not None and state == Message.State.COMPLETE
            else (state, error)
        )


_seen: dict[tuple[int, str], None] = {}  # ids of servers met lately, in order
_seen_lock = threading.Lock()


def id_of(exchange: Exchange) -> str:
    """The id by which feedback will find the answer: the server's own, or one of ours where the server gives
    none, has not yet, or gives the same again."""
    given = exchange.heard.id
    if given and _met_first(exchange.project, given):
        return given
    exchange.own_id = f"{other_names.BEGINNING}{uuid.uuid4().hex}"
    exchange.early = not given
    return exchange.own_id


def _met_first(project: int, given: str) -> bool:
    """Whether this server's id is met for the first time."""
    with _seen_lock:
        if (project, given) in _seen:
            return False
        _seen[(project, given)] = None
        if len(_seen) > 10_000:
            del _seen[next(iter(_seen))]
        return True


class Writer:
    """`put` takes an exchange and never waits nor raises; `flush` waits until all is written."""

    def __init__(self):
        self._lock = threading.Condition()
        self._thread: ThreadPoolExecutor | None = None
        self._waiting = self._characters = 0
        self._lost: Counter = Counter()  # (project, day) → what the database does not know of yet

    def put(self, exchange: Exchange) -> None:
        size = exchange.length + exchange.heard.size
        with self._lock:
            full = self._waiting >= MOST_WAITING or (
                self._waiting and self._characters + size > MOST_CHARACTERS
            )
            if not full:
                self._waiting += 1
                self._characters += size
                # Of its own kind: the interpreter waits for it before it ends.
                self._thread = self._thread or ThreadPoolExecutor(1, thread_name_prefix="proxy-log")
        if full:
            self._lose(exchange.project, "the log is behind")
            return
        try:
            self._thread.submit(self._one, exchange, size)  # type: ignore[union-attr]
        except RuntimeError:  # the process is ending
            self._done(size)
            self._lose(exchange.project, "the server was ending")

    def flush(self, seconds: float = 30) -> bool:
        with self._lock:
            return self._lock.wait_for(lambda: not self._waiting, seconds)

    def _one(self, exchange: Exchange, size: int) -> None:
        try:
            self._write(exchange)
        except DomainError as exc:
            self._lose(exchange.project, exc.code)
        except Exception as exc:
            self._lose(exchange.project, type(exc).__name__)
        finally:
            self._note_losses()
            with self._lock:
                last = self._waiting == 1
            if last or connection.vendor != "sqlite":
                connection.close()
            self._done(size)

    def _done(self, size: int) -> None:
        with self._lock:
            self._waiting -= 1
            self._characters -= size
            self._lock.notify_all()

    def _write(self, exchange: Exchange) -> None:
        for pause in TRIES:
            try:
                write(exchange)
                return
            except (OperationalError, IntegrityError) as exc:  # busy; or a row we point at went away just now
                log.info("proxy log: %s, trying again", type(exc).__name__)
                connection.close()
                time.sleep(pause)
        write(exchange)

    def _lose(self, project: int, why: str) -> None:
        with self._lock:
            self._lost[(project, timezone.localdate())] += 1
        log.error("proxy log: an exchange of project %s was answered but not logged: %s", project, why)

    def _note_losses(self) -> None:
        """Counted in the database as soon as it takes it."""
        with self._lock:
            lost, self._lost = self._lost, Counter()
        for (project, day), count in lost.items():
            try:
                with transaction.atomic():
                    row, _made = Lost.objects.get_or_create(project_id=project, day=day)
                    Lost.objects.filter(pk=row.pk).update(count=F("count") + count)
            except IntegrityError:  # the project is gone
                continue
            except Exception:
                with self._lock:
                    self._lost[(project, day)] += count


writer = Writer()


def write(exchange: Exchange) -> list[Message]:
    """Keep the exchange; its answers' rows. Several answers to one question are a draft group."""
    project = Project.objects.get(pk=exchange.project)
    asked, heard = exchange.asked, exchange.heard
    person = end_users.of_key(project, exchange.person) if exchange.person else None
    version = (
        ModelVersion.objects.filter(pk=exchange.model_version, project=project).first()
        if exchange.model_version
        else None
    )
    messages = asked["messages"]
    said = [heard.answers[i] for i in sorted(heard.answers)]
    state, error = exchange.state_of(said[0] if said else None)
    external = (
        heard.id
        if not exchange.own_id or (exchange.early and heard.id and _met_first(project.pk, heard.id))
        else exchange.own_id
    )
    with transaction.atomic():
        if external and Message.objects.filter(project=project, external_id=external).exists():
            # A server that counts anew after a restart.
            external = exchange.own_id if exchange.own_id != external else ""
            external = external or f"{other_names.BEGINNING}{uuid.uuid4().hex}"
        first = record_exchange(
            project=project,
            end_user=person,
            messages=messages,
            answer=said[0].turn() if said else "",
            tools=asked.get("tools") or None,
            model_version=version,
            external_id=external,
            state=state,
            error=error,
            sources=said[0].sources if said else (),
            source="proxy",
            parameters={
                k: v for k, v in asked.items() if k in PARAMETERS and isinstance(v, (int, float, str))
            }
            or None,
            first_token_ms=exchange.first_ms,
            total_ms=exchange.total_ms,
        )
        rows = [
            first,
            *(
                _sibling(
                    project,
                    first,
                    messages,
                    one,
                    exchange.state_of(one),
                    f"{external}:{i}" if external else "",
                )
                for i, one in enumerate(said[1:], start=1)
            ),
        ]
        if exchange.own_id and external != exchange.own_id:
            for i, row in enumerate(rows):
                _second_name(project, row, f"{exchange.own_id}:{i}" if i else exchange.own_id)
        group = uuid.uuid4() if len(rows) > 1 else None
        arm = (
            exchange.arm
            if exchange.arm and Arm.objects.filter(pk=exchange.arm, project=project).exists()
            else None
        )
        if arm or group:
            for position, row in enumerate(rows):
                row.arm_id, row.draft_group, row.position = arm, group, position
                row.save(update_fields=["arm", "draft_group", "position"])
    return rows


def _sibling(
    project: Project, first: Message, messages: list[dict], said: Said, ended: tuple[str, str], external: str
) -> Message:
    """Another answer beside the first."""
    policy, key = privacy_policy(project), bytes(project.hash_key)
    system, _turns = without_system([turn_of(m) for m in messages])
    turn = said.turn()
    before = first.parent.context_hash if first.parent else root_of(key, policy, system)
    made = Message.objects.create(
        project=project,
        conversation_id=first.conversation_id,
        parent_id=first.parent_id,
        role="assistant",
        text=policy.text(turn.text),
        extra=policy.tree(turn.extra),
        sources=policy.listed(said.sources),
        state=ended[0],
        error=ended[1],
        seen=True,
        model_version_id=first.model_version_id,
        parameters=first.parameters,
        external_id=policy.external(external),
        context_hash=talk.hash_after(key, before, policy.compared(turn.plain())),
        first_token_ms=first.first_token_ms,
        total_ms=first.total_ms,
        event_id=first.event_id,
    )
    if external:
        owner = first.conversation.end_user_id
        named = {made.external_id: (made.pk, made.conversation_id, "assistant")}
        late_targets.join(project, named, {}, {made.conversation_id: owner}, event=made.event_id)
    return made


def _second_name(project: Project, row: Message, name: str) -> None:
    """Let feedback find the answer by `name`, too: that which waits for it by now, and that which comes
    later."""
    name = privacy_policy(project).external(name)
    OtherName.objects.create(project=project, name=name, message=row)
    owner = row.conversation.end_user_id
    late_targets.join(
        project,
        {name: (row.pk, row.conversation_id, "assistant")},
        {},
        {row.conversation_id: owner},
        event=row.event_id,
    )


def lost_lately(project: Project) -> int:
    """Exchanges of the last days that were answered but not logged."""
    since = timezone.localdate() - timedelta(days=LOST_SHOWN_DAYS)
    return Lost.objects.filter(project=project, day__gt=since).aggregate(n=Sum("count"))["n"] or 0


def attention(request, project: Project) -> str:
    """A line among what needs the project's manager; "" when nothing was lost."""
    n = lost_lately(project)
    if not n:
        return ""
    words = ngettext(
        "exchange of the last 7 days was answered by the proxy but could not be logged",
        "exchanges of the last 7 days were answered by the proxy but could not be logged", n,
    )  # fmt: skip
    return format_html('<li><span class="chip bad">{}</span> {}</li>', n, words)
