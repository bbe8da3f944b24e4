"""Feedback from elsewhere, many rows at a time: checked one by one, looked up and written together.

Good rows are kept, bad ones named. What the rows need is read with one statement per table and written
with one per table, however many they are, in one transaction. Two requests may bring the same thing at
once: the unique constraints (idempotency key, external id, person) decide, and whoever loses begins again
and finds what the other one wrote."""

import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson
from django.db import IntegrityError, OperationalError, ProgrammingError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import events
from core.db import bulk
from core.db.one_go import distrust, in_one_go
from corpus.canonical import canonical_json
from feedback.conversations import late_targets, other_names
from feedback.conversations.privacy import PrivacyPolicy, policy_of, reason_keys, settings_of
from feedback.conversations.sql import Ahead
from feedback.ingest import existing as known
from feedback.ingest.choices import Choices
from feedback.ingest.conversations import Counts, Talks
from feedback.ingest.parse import parse
from feedback.ingest.reactions import Reactions
from feedback.ingest.rows import ChoiceIn, ConversationIn, ReactionIn, Row, RowError, Rules
from feedback.models import Reaction, Received

MAX_ROWS = 1000
_TRIES = 6


@dataclass(slots=True)
class Result:
    """What became of a row. `status`: accepted · duplicate · refused; `table` and `row`: what holds it;
    `waiting`: its target is not known yet."""

    status: str
    table: str = ""
    row: int = 0
    key: str = ""
    waiting: bool = False
    error: RowError | None = None


@dataclass(slots=True)
class Outcome:
    """`results` in the order of the rows."""

    results: list[Result]
    counts: Counts = field(default_factory=Counts)

    def number(self, status: str) -> int:
        return sum(r.status == status for r in self.results)


def take(*, project, rows: Sequence, source: str = "api", actor=None, rules: Rules | None = None) -> Outcome:
    """Take `rows` (dicts as docs/feedback-api.md has them; or a RowError for one that was refused before)
    into `project`. At most about a thousand: they are one transaction. `rules`: instead of the project's
    own."""
    settings = settings_of(project)
    policy = policy_of(project, settings)
    rules = rules or Rules(reason_keys(settings.up), reason_keys(settings.down))
    results: list[Result | None] = [None] * len(rows)
    parsed: list[tuple[int, Row, str]] = []
    key = bytes(project.hash_key)
    for i, raw in enumerate(rows):
        try:
            if isinstance(raw, RowError):
                raise raw
            row = parse(raw, rules)
        except RowError as error:
            results[i] = Result("refused", error=error, key=_shown_key(raw))
            continue
        parsed.append((i, row, _digest(key, raw) if row.key else ""))
    counts = Counts()
    for attempt in range(_TRIES if parsed else 0):
        try:
            with transaction.atomic():
                batch = _Batch(project, policy, source, actor)
                found = batch.run(parsed)
            break
        except (IntegrityError, OperationalError, ProgrammingError) as lost:
            if isinstance(lost, ProgrammingError) and not distrust(lost):
                raise
            # Somebody else made the same person, model, id or key meanwhile, or two transactions waited for
            # each other.
            if attempt == _TRIES - 1:
                raise
            time.sleep(0.02 * 2**attempt)
    if parsed:
        counts = batch.counts
        for (i, _row, _hash), result in zip(parsed, found, strict=True):
            results[i] = result
    return Outcome(results, counts)  # type: ignore[arg-type]  # every place is filled by now


def _shown_key(raw) -> str:
    key = raw.get("id") if isinstance(raw, dict) else None
    return key if isinstance(key, str) and len(key) <= 100 else ""


def _digest(key: bytes, raw: dict) -> str:
    """Tells one body from another, whatever the order of its names. Keyed: a row without texts could be
    guessed."""
    body = {k: v for k, v in raw.items() if k != "id"}
    try:
        form = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError):  # a number of more than 64 bits
        form = canonical_json(body).encode()
    return hmac.digest(key, form, "sha256").hex()


class _Batch:
    """One attempt at writing the rows, in one transaction."""

    def __init__(self, project, policy: PrivacyPolicy, source: str, actor):
        self.project, self.policy, self.source, self.actor = project, policy, source, actor
        self.now = timezone.now()
        self.counts = Counts()
        self.received: list[tuple] = []

    def run(self, parsed: list[tuple[int, Row, str]]) -> list[Result]:
        rows = [row for _i, row, _digest in parsed]
        talks = [r.talk if isinstance(r, ChoiceIn) else r for r in rows if not isinstance(r, ReactionIn)]
        self.reaction_keys = bulk.Keys(Reaction, block=max(1, self._said(rows)))
        first = [*late_targets.locking(self.project, shared=not talks), *self.reaction_keys.drawing()]
        self.ahead = Ahead()
        others = other_names.named_in(rows)  # looked up once the locks are held
        few = (
            [r for r in rows if isinstance(r, ReactionIn)]
            if len(rows) <= bulk.FEW and not talks and not others
            else []
        )
        begun = self._fetch(few, first) if few else in_one_go(first)
        if others:
            other_names.put_right(self.project, self.policy, others)
        self.reaction_keys.give(begun[-1])
        results = self._received_before(parsed)
        left = [row for row, result in zip(rows, results, strict=True) if result is None]
        if left:
            self._look_up(left)
            # a reaction may be about an answer that comes with it
            for wanted in ((ConversationIn,), (ChoiceIn,), (ReactionIn,)):
                for i, (_number, row, digest) in enumerate(parsed):
                    if results[i] is None and isinstance(row, wanted):
                        results[i] = self._one(row, digest)
            self._again(parsed, results)
            self._write()
        return results  # type: ignore[return-value]

    # What is there already

    def _fetch(self, rows: list[ReactionIn], first: list) -> list[list[tuple]]:
        """Ask for all that a few reactions will need, after the statements `first`; the rows of these."""
        external = self.policy.external
        keys, targets = (
            {external(r.key) for r in rows if r.key},
            {external(r.target) for r in rows if r.target},
        )
        known_by_name = all(r.target and r.user and r.kind != "score" for r in rows)
        pairs = {(external(r.target), r.user) for r in rows} if known_by_name else set()
        return known.fetch(
            self.project,
            self.ahead,
            keys=keys,
            users={r.user for r in rows} - {""},
            targets=targets,
            pairs=pairs,
            first=first,
        )

    def _received_before(self, parsed) -> list[Result | None]:
        """Results of the rows whose key was received before; a key that comes twice here is left to `_one`
        the first time."""
        self.keys: dict[str, tuple[str, str, int]] = {}
        named = {self.policy.external(row.key) for _i, row, _digest in parsed if row.key}
        if named:
            self.keys = known.received(self.project, named, self.ahead)
        return [self._repeated(row.key, digest) if row.key else None for _i, row, digest in parsed]

    def _repeated(self, key: str, digest: str) -> Result | None:
        before = self.keys.get(self.policy.external(key))
        if before is None:
            return None
        if before[0] != digest:
            error = RowError(
                "id", "other_body", _("A different row has already been received under this id.")
            )
            return Result("refused", key=key, error=error)
        return Result("duplicate", before[1], before[2], key)

    def _again(self, parsed, results) -> None:
        """Rows whose key came earlier in the same batch got None from `_one`."""
        for i, (_number, row, digest) in enumerate(parsed):
            if results[i] is None:
                results[i] = self._repeated(row.key, digest)

    def _look_up(self, rows: list[Row]) -> None:
        external, users, models, targets = self.policy.external, set(), set(), set()
        conversations: set[str] = set()
        ids: set[int] = set()
        conversation_ids: set[int] = set()
        for row in rows:
            users.add(row.user)
            if isinstance(row, ReactionIn):
                if row.target:
                    targets.add(external(row.target))
                    if row.kind == "score":
                        conversations.add(external(row.target))
                elif row.message:
                    ids.add(row.message)
                else:
                    conversation_ids.add(row.conversation)
                continue
            talk = row.talk if isinstance(row, ChoiceIn) else row
            if talk.external:
                conversations.add(external(talk.external))
            for message in talk.messages:
                models.add(message.model)
                targets.add(external(message.external))
                targets.add(external(message.parent))
                users.update(r.user for r in message.reactions)
            users.update(r.user for r in talk.reactions)
            if isinstance(row, ChoiceIn):
                models.update(d.model for d in row.drafts)
                targets.update(external(d.external) for d in row.drafts if d.external)
        self.people = known.People(self.project, users - {""}, self.ahead)
        talks = [r.talk if isinstance(r, ChoiceIn) else r for r in rows if not isinstance(r, ReactionIn)]
        self.places = known.Places(
            self.project,
            targets - {""},
            conversations,
            self.ahead,
            ids=ids,
            conversation_ids=conversation_ids,
            turns=bool(talks),
        )
        versions = known.models(self.project, {self.policy.label(m) for m in models - {""}})
        self.talks = Talks(
            self.project,
            self.policy,
            self.source,
            self.places,
            versions,
            self.now,
            self.counts,
            about=sum(len(t.messages) + 4 for t in talks),
        )
        self.reactions = Reactions(
            self.project, self.policy, self.source, self.people, self.places, self.now, self.reaction_keys
        )
        self.reactions.read(rows, self.ahead)
        self.choices = Choices(
            self.project, self.policy, self.people, self.places, self.talks, self.now, self.counts
        )

    def _said(self, rows: list[Row]) -> int:
        talks = [r for r in rows if isinstance(r, ConversationIn)]
        return sum(isinstance(r, ReactionIn) for r in rows) + sum(
            len(t.reactions) + sum(len(m.reactions) for m in t.messages) for t in talks
        )

    # One row

    def _one(self, row: Row, digest: str) -> Result | None:
        """None if a row with the same key came earlier in this batch."""
        if row.key and self.policy.external(row.key) in self.keys:
            return None
        waiting = False
        try:
            if isinstance(row, ReactionIn):
                table = "reaction"
                pk, new, waiting = self.reactions.add(row)
            elif isinstance(row, ChoiceIn):
                table, new = "choice", True
                pk, waiting = self.choices.add(row)
            else:
                table = "conversation"
                pk, new = self._conversation(row)
        except RowError as error:
            return Result("refused", key=row.key, error=error)
        if row.key:
            key = self.policy.external(row.key)
            self.keys[key] = (digest, table, pk)
            self.received.append((key, digest, table, pk))
        return Result("accepted" if new else "duplicate", table, pk, row.key, waiting)

    def _conversation(self, row: ConversationIn) -> tuple[int, bool]:
        """(the conversation, whether anything of the row is new)."""
        user = self.people.of(row.user)
        before = self.talks.size + self.reactions.size
        pk, messages = self.talks.add(row, user)
        for message, place in zip(row.messages, messages, strict=True):
            for said in message.reactions:
                self.reactions.said_of(said, message=place, default=message.at or row.at)
        for said in row.reactions:
            self.reactions.said_of(said, conversation=pk, default=row.at)
        return pk, self.talks.size + self.reactions.size > before

    # Writing

    def _write(self) -> None:
        self.counts.reactions = self.reactions.size
        counts = {name: n for name in Counts.__slots__ if (n := getattr(self.counts, name))}
        changed = bool(counts) or self.talks.named > 0
        if not changed and not self.received and not self.reactions.any:
            return
        at = bulk.moment(self.now)
        if (
            counts
            and not self.talks.any
            and not self.choices.any
            and len(self.reactions.new) + len(self.received) <= bulk.FEW
        ):
            self._write_few(counts, at)
            return
        event = (
            events.append_quickly(
                project=self.project, actor=self.actor, verb="feedback.ingest", source=self.source, **counts
            )
            if changed
            else 0
        )
        self.talks.write(event=event)
        self.reactions.write(event=event)
        self.choices.write(event=event)
        if self.received:  # in one order, so that two requests with the same keys do not wait for each other
            names = ("key", "digest", "table", "row")
            bulk.insert(
                Received,
                names,
                sorted(self.received),
                constants={"project": self.project.pk, "created_at": at},
                few=len(self.received) <= bulk.FEW,
            )
        late_targets.join(self.project, *self.places.arrived(), event=event)

    def _write_few(self, counts: dict[str, int], at) -> None:
        """The same for a few reactions, in one go (PostgreSQL, one client: 1.7 × as many a second). What the
        event's id is, the statements behind it ask the database."""
        event = events.append_statement(
            project=self.project, actor=self.actor, verb="feedback.ingest", source=self.source, **counts
        )
        statements = [event, *self.reactions.statements(events.LAST[connection.vendor])]
        if self.received:
            values = [value for row in self.received for value in (*row, self.project.pk, at)]
            one = "(%s, %s, %s, %s, %s, %s)"
            sql = (
                'INSERT INTO feedback_received (key, digest, "table", "row", project_id, created_at) VALUES '
            )
            statements.append((sql + ", ".join([one] * len(self.received)), values))
        in_one_go(statements, often=True, ends=True)
