"""Reactions that came before what they are about: they wait under the deployment's own id and are joined when it arrives."""

from django.db import connection

from core import bulk
from feedback.lookups import in_one_go, select
from feedback.models import Reaction

_WAITING = "SELECT id FROM feedback_reaction WHERE project_id = %s AND message_id IS NULL AND conversation_id IS NULL AND target_external ANY?"
_LOCK = 0x7453_0001  # of all advisory locks ours; the second number is the project


def lock(project, *, shared: bool = False) -> None:
    """Until the end of the transaction, on PostgreSQL: who makes rows with ids of the deployment's own is alone in the project; who only looks for
    such ids (`shared`) keeps those out, so that a reaction and its target never miss each other. On SQLite writers are alone anyway."""
    in_one_go(locking(project, shared=shared))


def locking(project, *, shared: bool = False) -> list[tuple[str, list]]:
    """The same as statements, to be sent together with others."""
    sql = f"SELECT pg_advisory_xact_lock{'_shared' if shared else ''}(%s, %s)"
    return [(sql, [_LOCK, project.pk])] if connection.vendor == "postgresql" else []


def join(project, messages: dict[str, tuple[int, int, str]], conversations: dict[str, int], people: dict[int, int | None]) -> int:
    """Give waiting reactions their target; how many. `messages`: {external id: (message, its conversation, its role)}, `conversations`:
    {external id: conversation}, `people`: {conversation: its end user}, who is taken for the author of a reaction without one."""
    names = [*messages, *conversations]
    if not names:
        return 0
    found_waiting = select(_WAITING, project.pk, names)
    changed = []
    for row in Reaction.objects.filter(pk__in=[pk for (pk,) in found_waiting]).order_by("created_at", "pk") if found_waiting else ():
        found = messages.get(row.target_external)
        if row.kind == Reaction.Kind.SCORE:
            row.conversation_id = conversations.get(row.target_external) or (found[1] if found else None)
        elif found and found[2] == "assistant":
            row.message_id = found[0]
        at = row.conversation_id or (row.message_id and found and found[1])
        if at:
            row.end_user_id = row.end_user_id or people.get(at)
            changed.append(row)
    if changed:
        bulk.update(
            Reaction, ("message", "conversation", "end_user"), [(r.pk, r.message_id, r.conversation_id, r.end_user_id) for r in changed]
        )  # fmt: skip
        _one_current(changed)
    return len(changed)


def _one_current(changed: list[Reaction]) -> None:
    """Of all that one person said of one target in one kind, the latest counts."""
    targets = {r.message_id for r in changed} - {None}, {r.conversation_id for r in changed} - {None}
    there = list(Reaction.objects.filter(message__in=targets[0], current=True)) if targets[0] else []
    there += Reaction.objects.filter(conversation__in=targets[1], current=True) if targets[1] else []
    latest: dict[tuple, Reaction] = {}
    stale = []
    for row in sorted(there, key=lambda r: (r.created_at, r.pk)):
        key = (row.kind, row.message_id, row.conversation_id, row.end_user_id)
        if key in latest:
            stale.append(latest[key].pk)
        latest[key] = row
    if stale:
        Reaction.objects.filter(pk__in=stale).update(current=False)
