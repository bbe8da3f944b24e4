"""Reactions and choices that came before what they are about: they wait under the deployment's own ids and
are joined when it arrives."""

from django.db import connection

from core.db import bulk
from core.db.one_go import in_one_go
from feedback.conversations import other_names
from feedback.conversations.sql import statement
from feedback.models import Choice, Message, Reaction
from feedback.reactions.choice_writer import Chosen, settle
from feedback.reactions.in_force import latest, reaction_about

_DRAFTS = "SELECT DISTINCT choice_id FROM feedback_waitingdraft WHERE project_id = %s AND external ANY?"
_WAITING = (
    "SELECT id FROM feedback_reaction WHERE project_id = %s AND message_id IS NULL AND conversation_id IS "
    "NULL AND target_external ANY?"
)
_LOCK = 0x7453_0001  # of all advisory locks ours; the second number is the project


def lock(project, *, shared: bool = False) -> None:
    """Until the end of the transaction, on PostgreSQL: who makes rows with ids of the deployment's own is
    alone in the project; who only looks for such ids (`shared`) keeps those out, so that a reaction and
    its target never miss each other. On SQLite writers are alone anyway."""
    in_one_go(locking(project, shared=shared))


def locking(project, *, shared: bool = False) -> list[tuple[str, list]]:
    """The same as statements, to be sent together with others."""
    sql = f"SELECT pg_advisory_xact_lock{'_shared' if shared else ''}(%s, %s)"
    return [(sql, [_LOCK, project.pk])] if connection.vendor == "postgresql" else []


def join(
    project,
    messages: dict[str, tuple[int, int, str]],
    conversations: dict[str, int],
    people: dict[int, int | None],
    *,
    event: int,
) -> int:
    """Give waiting reactions and choices their targets; how many. `messages`: {external id: (message, its
    conversation, its role)}, `conversations`: {external id: conversation}, `people`: {conversation: its
    end user}, who is taken for the author of what came without one. `event`: with which they arrived; what
    waited counts from then on."""
    names = [*messages, *conversations]
    if not names:
        return 0
    reactions, choices = in_one_go(
        [statement(_WAITING, project.pk, names), statement(_DRAFTS, project.pk, [*messages])]
    )
    joined = _join_reactions([pk for (pk,) in reactions], messages, conversations, people, event)
    return joined + _join_choices(project, [pk for (pk,) in choices], event)


def _join_reactions(waiting: list[int], messages: dict, conversations: dict, people: dict, event: int) -> int:
    changed = []
    for row in Reaction.objects.filter(pk__in=waiting).order_by("created_at", "pk") if waiting else ():
        message, conversation, role = messages.get(row.target_external, (None, None, ""))
        if row.kind == Reaction.Kind.SCORE:
            row.conversation_id = conversations.get(row.target_external) or conversation
        elif role == "assistant":
            row.message_id = message
        at = row.conversation_id or (row.message_id and conversation)
        if at:
            row.end_user_id = row.end_user_id or people.get(at)
            changed.append(row)
    if changed:
        names = ("message", "conversation", "end_user", "event_id")
        bulk.update(
            Reaction, names, [(r.pk, r.message_id, r.conversation_id, r.end_user_id, event) for r in changed]
        )
        _one_current(changed)
    return len(changed)


def _join_choices(project, waiting: list[int], event: int) -> int:
    """Those of which all drafts are there by now, and are answers to one question; the others go on
    waiting."""
    joined = 0
    for choice in Choice.objects.filter(pk__in=waiting).order_by("created_at", "pk") if waiting else ():
        names = [draft["external"] for draft in choice.shown]
        others = other_names.resolved(
            project, [name for name in names if name.startswith(other_names.BEGINNING)]
        )
        names = [others.get(name, name) for name in names]
        rows = (
            Message.objects.filter(project=project, external_id__in=names)
            .exclude(external_id="")
            .select_related("conversation")
        )
        there = {
            m.external_id: m
            for m in rows.only("external_id", "role", "state", "parent_id", "conversation__end_user_id")
        }
        drafts = [there.get(name) for name in names]
        if not all(
            m and m.role == "assistant" and m.parent_id and m.parent_id == (drafts[0] and drafts[0].parent_id)
            for m in drafts
        ):
            continue
        for place, (shown, m) in enumerate(zip(choice.shown, drafts, strict=True)):
            complete = shown["complete"] and m is not None and m.state in Message.ENDED
            choice.shown[place] = {
                "message": m.pk,
                "position": place,
                "complete": complete,
                "seen": shown["seen"],
            }  # type: ignore[union-attr]
        choice.parent_id = drafts[0].parent_id  # type: ignore[union-attr]
        choice.chosen_id = None if choice.place is None else drafts[choice.place].pk  # type: ignore[union-attr]
        choice.end_user_id = choice.end_user_id or drafts[0].conversation.end_user_id  # type: ignore[union-attr]
        choice.event_id = event
        chosen = Chosen.of(choice)
        settle(project, [chosen], choice.created_at)
        choice.current = chosen.current
        choice.save(update_fields=["shown", "parent", "chosen", "end_user", "current", "event_id"])
        choice.waiting_drafts.all().delete()
        joined += 1
    return joined


def _one_current(changed: list[Reaction]) -> None:
    """Of all that one person said of one target in one kind, the latest is in force."""
    targets = {r.message_id for r in changed} - {None}, {r.conversation_id for r in changed} - {None}
    there = list(Reaction.objects.filter(message__in=targets[0], current=True)) if targets[0] else []
    there += Reaction.objects.filter(conversation__in=targets[1], current=True) if targets[1] else []
    heard = latest(there, about=_about, said=lambda r: (r.created_at, r.pk))
    stale = [row.pk for row in there if heard[_about(row)] is not row]
    if stale:
        Reaction.objects.filter(pk__in=stale).update(current=False)


def _about(row: Reaction) -> tuple:
    return reaction_about(
        row.pk,
        end_user=row.end_user_id,
        message=row.message_id,
        conversation=row.conversation_id,
        external=row.target_external,
        kind=row.kind,
    )
