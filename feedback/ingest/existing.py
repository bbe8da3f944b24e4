"""What the rows of a batch refer to, read with one statement per table: people, models, messages,
conversations, keys received before."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from core.db import bulk
from corpus.models import ModelVersion
from feedback.conversations import end_users
from feedback.conversations.sql import Ahead, padded
from feedback.models import EndUser
from feedback.reactions.reaction_writer import KNOWN


def locked(sql: str, table: str = "") -> str:
    """Whoever changes the mind of the same person, or judges the same answer, comes after us
    (feedback.reactions does the same)."""
    if connection.vendor != "postgresql":
        return sql
    return (
        f"{sql} ORDER BY {table}.id FOR NO KEY UPDATE OF {table}"
        if table
        else sql + " ORDER BY id FOR NO KEY UPDATE"
    )


RECEIVED = 'SELECT key, digest, "table", "row" FROM feedback_received WHERE project_id = %s AND key ANY?'
PEOPLE = "SELECT id, key_hash FROM feedback_enduser WHERE project_id = %s AND key_hash ANY?"
MESSAGES = (
    "SELECT m.id, m.conversation_id, m.parent_id, m.role, m.state, m.external_id, m.context_hash, "
    "c.end_user_id FROM feedback_message m"
    " JOIN feedback_conversation c ON c.id = m.conversation_id WHERE m.project_id = %s AND m."
)
# said so that the partial index on it is used
NAMED_MESSAGES = MESSAGES + "external_id ANY? AND NOT (m.external_id = '')"

_OF_PAIR = ", ".join(f"r.{name}" for name in KNOWN)
EARLIER = f"SELECT {', '.join(KNOWN)} FROM feedback_reaction WHERE project_id + 0 = %s AND current AND "  # noqa: S608
_PAIRS = {  # of (what was judged, who judged it)
    "sqlite": "(SELECT json_extract(value, '$[0]') AS about, json_extract(value, '$[1]') AS person FROM "
    "json_each(%s)) pair CROSS JOIN feedback_reaction r",
    "postgresql": "unnest(%s{kind}[], %s::bigint[]) AS pair(about, person) JOIN feedback_reaction r",
}
_JUDGED = "r.message_id = pair.about AND r.end_user_id = pair.person"
_WAITS = (
    "r.project_id = %s AND r.target_external = pair.about AND r.message_id IS NULL AND r.conversation_id "
    "IS NULL AND r.end_user_id = pair.person"
)


def earlier_of(project, judged: set[tuple[int, int]], waiting: set[tuple[str, int]]) -> list[tuple]:
    """What is current of each (message, person) and each (target not known yet, person), with one look at the
    index for each pair: an answer may have been judged by thousands."""
    found = []
    with connection.cursor() as cursor:
        for pairs, kind, on, more in (
            (judged, "::bigint", _JUDGED, []),
            (waiting, "::text", _WAITS, [project.pk]),
        ):
            if pairs:
                rows = sorted(pairs)
                given = (
                    [json.dumps(rows)]
                    if connection.vendor == "sqlite"
                    else [[about for about, _p in rows], [person for _a, person in rows]]
                )
                source = _PAIRS[connection.vendor].format(kind=kind)
                cursor.execute(f"SELECT {_OF_PAIR} FROM {source} ON {on} WHERE r.current", [*given, *more])  # noqa: S608
                found += cursor.fetchall()
    return found


def _earlier_named(project, pairs: set[tuple[str, str]]) -> tuple[str, list]:
    """The same as one statement for PostgreSQL, by (the deployment's id of the message, hash of the person),
    whether the message is known or not. Padded, so that there are few such statements."""
    rows = padded(sorted(pairs))
    sql = (
        f"WITH pair AS (SELECT given.about, u.id AS person FROM (VALUES "  # noqa: S608
        f"{', '.join(['(%s, %s)'] * len(rows))}) AS given(about, hash)"
        " JOIN feedback_enduser u ON u.project_id = %s AND u.key_hash = given.hash)"
        f" SELECT {_OF_PAIR} FROM pair JOIN feedback_message m ON m.project_id = %s AND m.external_id "
        f"= pair.about AND NOT (m.external_id = '')"
        " JOIN feedback_reaction r ON r.message_id = m.id AND r.end_user_id = pair.person WHERE r.current"
        f" UNION ALL SELECT {_OF_PAIR} FROM pair JOIN feedback_reaction r ON {_WAITS} WHERE r.current"
    )
    return sql, [*(value for row in rows for value in row), project.pk, project.pk, project.pk]


def received(project, keys: Collection[str], ahead: Ahead) -> dict[str, tuple[str, str, int]]:
    """{key: (digest, table, row)} of those received before."""
    return {key: (digest, table, row) for key, digest, table, row in ahead.select(RECEIVED, project.pk, keys)}


def fetch(
    project,
    ahead: Ahead,
    *,
    keys: set[str],
    users: set[str],
    targets: set[str],
    pairs: set[tuple[str, str]],
    first=(),
) -> list[list[tuple]]:
    """What `received`, `People` and `Places` will ask of a few reactions, in one go, after the statements
    `first`; the rows of these. `pairs`: (target, user), of which `Reactions` will ask what is current,
    before it is known which are there: on PostgreSQL, where that is cheaper than later."""
    hashed = {user: end_users.external_hash(project, user) for user in users}
    wanted = [(RECEIVED, keys), (locked(PEOPLE), hashed.values()), (locked(NAMED_MESSAGES, "m"), targets)]
    named = {}
    # behind the locks: what somebody else says at the same moment must be there, or not yet
    if pairs and connection.vendor == "postgresql":
        named["earlier"] = _earlier_named(project, {(target, hashed[user]) for target, user in pairs})
    return ahead.fetch(project.pk, [one for one in wanted if one[1]], first=first, named=named)


def models(project, names: Collection[str]) -> dict[str, int]:
    """{name: ModelVersion}; new ones are made."""
    if not names:
        return {}
    found = dict(ModelVersion.objects.filter(project=project, name__in=names).values_list("name", "pk"))
    for name in sorted(names - found.keys()):
        found[name] = ModelVersion.objects.create(project=project, name=name).pk
    return found


class People:
    """The EndUsers of external ids; unknown ones are made."""

    def __init__(self, project, users: Iterable[str], ahead: Ahead):
        self._by_name: dict[str, int | None] = {"": None}
        hashed = {user: end_users.external_hash(project, user) for user in users}
        self.new: set[int] = set()
        if not hashed:
            return
        found = {key: pk for pk, key in ahead.select(locked(PEOPLE), project.pk, hashed.values())}
        missing = sorted(set(hashed.values()) - found.keys())
        if missing:
            keys = bulk.Keys(EndUser, block=len(missing))
            keys.reset()
            made = {key: next(keys) for key in missing}
            rows = [(pk, key) for key, pk in made.items()]
            at = bulk.moment(timezone.now())
            bulk.insert(
                EndUser,
                ("id", "key_hash"),
                rows,
                constants={"project": project.pk, "consent_version": 0, "created_at": at},
                few=len(rows) <= bulk.FEW,
            )
            found |= made
            self.new = set(made.values())
        self._by_name |= {user: found[key] for user, key in hashed.items()}

    def of(self, user: str) -> int | None:
        """Its id; None for nobody in particular."""
        return self._by_name[user]


@dataclass(slots=True)
class Place:
    """A message, known or to be written."""

    pk: int
    conversation: int
    parent: int | None
    role: str
    state: str
    external: str = ""
    context: str = ""  # the hash of the talk up to and with it; "" where that is not known


class Places:
    """Messages and conversations by the deployment's ids, ours, or the words that led to them."""

    _CONVERSATION = (
        "SELECT id, end_user_id, external_id FROM feedback_conversation WHERE project_id = %s AND "
    )
    _TURNS = (
        "SELECT id, conversation_id, parent_id, role, state, external_id, context_hash FROM feedback_message"
        " WHERE project_id = %s AND conversation_id ANY? ORDER BY id"
    )
    _SYSTEMS = (
        "SELECT id, system FROM feedback_conversation WHERE project_id = %s AND id ANY? AND keep AND "
        "dropped_at IS NULL"
    )

    def __init__(
        self,
        project,
        messages: Collection[str],
        conversations: Collection[str],
        ahead: Ahead,
        *,
        ids,
        conversation_ids,
        turns: bool,
    ):
        """`turns`: read the turns of the conversations, too, to go on from them."""
        self._by_name: dict[str, Place] = {}
        self._by_id: dict[int, Place] = {}
        self._conversations: dict[str, int] = {}
        self._people: dict[int, int | None] = {}
        self._words: dict[tuple, Place] = {}
        self._systems: dict[int, str] = {}
        self._new_messages: dict[str, tuple[int, int, str]] = {}
        self._new_conversations: dict[str, int] = {}
        select = ahead.select
        rows = select(locked(NAMED_MESSAGES, "m"), project.pk, messages) if messages else []
        rows += select(locked(MESSAGES + "id ANY?", "m"), project.pk, ids) if ids else []
        for *place, person in rows:
            self._add(Place(*place))
            self._people[place[1]] = person
        named = locked(self._CONVERSATION + "external_id ANY? AND NOT (external_id = '')")
        found = select(named, project.pk, conversations) if conversations else []
        for pk, person, external in found:
            self._conversations[external] = pk
            self._people[pk] = person
        for pk, person, _external in (
            select(locked(self._CONVERSATION + "id ANY?"), project.pk, conversation_ids)
            if conversation_ids
            else []
        ):
            self._people[pk] = person
        if turns and self._people:
            for row in select(self._TURNS, project.pk, self._people):
                self._add(Place(*row))
            self._systems = dict(select(self._SYSTEMS, project.pk, self._people))

    def _add(self, place: Place) -> None:
        self._by_id[place.pk] = place
        if place.context:
            self._words[place.conversation, place.context, place.parent] = place
        if place.external:
            self._by_name[place.external] = place

    def message(self, external: str) -> Place | None:
        return self._by_name.get(external) if external else None

    def message_by_id(self, pk: int) -> Place | None:
        return self._by_id.get(pk)

    def conversation(self, external: str) -> int | None:
        return self._conversations.get(external) if external else None

    def has_conversation(self, pk: int) -> bool:
        return pk in self._people

    def person(self, conversation: int) -> int | None:
        return self._people.get(conversation)

    def system(self, conversation: int) -> str | None:
        """The system text of a conversation that is known; None where it is not kept."""
        return self._systems.get(conversation)

    def answers(self, conversation: int) -> list[int]:
        """Those of a conversation whose turns were read."""
        return [
            place.pk
            for place in self._by_id.values()
            if place.conversation == conversation and place.role == "assistant"
        ]

    def same_words(self, conversation: int, context: str, parent: int | None) -> Place | None:
        """The message under `parent` that says the same after the same talk."""
        return self._words.get((conversation, context, parent)) if context else None

    def new_conversation(self, pk: int, external: str, person: int | None, system: str) -> None:
        self._people[pk], self._systems[pk] = person, system
        if external:
            self._conversations[external] = self._new_conversations[external] = pk

    def new_message(self, place: Place) -> None:
        self._add(place)
        if place.external:
            self._new_messages[place.external] = (place.pk, place.conversation, place.role)

    def name(self, place: Place, external: str) -> None:
        """A message that had no id of the deployment's own is called `external` from now on."""
        self._by_name.pop(place.external, None)
        place.external = external
        self._by_name[external] = place
        self._new_messages[external] = (place.pk, place.conversation, place.role)

    def arrived(self) -> tuple[dict[str, tuple[int, int, str]], dict[str, int], dict[int, int | None]]:
        """What came with this batch, for feedback.conversations.late_targets.join."""
        return self._new_messages, self._new_conversations, self._people
