"""The turns of conversations that end users said something of, and what had been said before each."""

from array import array
from collections.abc import Iterator

from django.db.models import Q

from feedback.conversations.tree import as_turn, says_something
from feedback.models import Message
from training_export.collect.consistent_read import Reading, from_json
from training_export.collect.rows import MessageRow
from training_export.collect.unreached import words_of
from training_export.publish.faults import Unreadable

CHUNK = 300  # turns; with each comes its conversation
KEYS = 5000  # turns of which only the ids are read


def turns_spoken_of(project, reading: Reading, include) -> Iterator[list[tuple]]:
    """Chunks of (id, conversation) of the turns that somebody said something of; equal contexts stand in
    one chunk, at the place of the first of them. The hash that brings them together is keyed by the
    project: in its order the rows would stand otherwise elsewhere."""
    choices, reactions = words_of(project, reading, include)
    wanted = Q()
    if "draft-choices" in include:
        wanted |= Q(id__in=choices.values("parent_id"))
    if {"thumbs", "corrections"} & set(include):
        wanted |= Q(id__in=reactions.filter(message__isnull=False).values("message__parent_id"))
    every = (
        Message.objects.filter(wanted, project=project)
        .exclude(context_hash="")
        .order_by("context_hash", "id")
    )
    ids, talks, begins = array("q"), array("q"), array("q")  # 24 bytes a turn at most
    last: tuple | None = None
    while True:
        query = (
            every
            if last is None
            else every.filter(Q(context_hash__gt=last[0]) | Q(context_hash=last[0], id__gt=last[1]))
        )
        found = list(reading.rows(query.values_list("context_hash", "id", "conversation_id")[:KEYS]))
        if not found:
            break
        for context, pk, talk in found:
            if last is None or context != last[0]:
                begins.append(len(ids))
            ids.append(pk)
            talks.append(talk)
            last = context, pk
    begins.append(len(ids))
    held: list[tuple] = []
    for group in sorted(range(len(begins) - 1), key=lambda group: ids[begins[group]]):
        held += [(ids[i], talks[i]) for i in range(begins[group], begins[group + 1])]
        if len(held) >= CHUNK:
            yield held
            held = []
    if held:
        yield held


def context_of(pk: int, messages: dict[int, MessageRow], frames: dict) -> tuple[list, list | None]:
    """What had been said up to the turn `pk`, the system prompt first, and the tools."""
    path = []
    at = pk
    while at is not None:
        row = messages[at]
        extra = from_json(row.extra) if row.extra else None
        if extra is not None and not isinstance(extra, dict):
            raise Unreadable("unreadable")
        turn = as_turn(Message(role=row.role, text=row.text, extra=extra))
        if says_something(turn):
            path.append(turn)
        at = row.parent
    system, tools = frames[messages[pk].conversation]
    return [*([{"role": "system", "content": system}] if system else []), *path[::-1]], tools
