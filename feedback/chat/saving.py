"""The short writes of answers that are being written, and letting go of the connection after them."""

from collections.abc import Sequence

from django.db import connection, transaction
from django.db.models import OuterRef, Subquery

from core import events
from feedback.conversations import tree as talk
from feedback.models import Message

_ROWS = 20  # a transaction: others write too


def close_connection(*, for_good: bool = False) -> None:
    """Give this thread's connection back to the pool. SQLite's may stay with its thread until the thread ends
    (`for_good`)."""
    if not connection.in_atomic_block and (for_good or connection.vendor == "postgresql"):
        connection.close()


def grow(rows: Sequence[tuple[int, str | None, int | None, int]]) -> dict[int, str]:
    """Save how far answers have come: [(message, text or None for no news, first_token_ms, ms so far)].
    {message: state} of those that are not being written any more as far as the database knows: "stopped"
    by another process, "gone" when deleted."""
    ended: dict[int, str] = {}
    for start in range(0, len(rows), _ROWS):
        with transaction.atomic():
            for pk, text, first, total in rows[start : start + _ROWS]:
                fields = {"total_ms": total, "first_token_ms": first} | (
                    {} if text is None else {"text": text}
                )
                if not Message.objects.filter(pk=pk, state=Message.State.STREAMING).update(**fields):
                    ended[pk] = (
                        Message.objects.filter(pk=pk).values_list("state", flat=True).first() or "gone"
                    )
    return ended


def finish(
    pk: int,
    *,
    project,
    actor,
    state: str,
    error: str,
    text: str,
    sources: list,
    extra: dict | None,
    first_ms: int | None,
    total_ms: int | None,
) -> None:
    """The end of an answer, with the event that exports know it by. An answer that was stopped by another
    process stays stopped; one that was deleted meanwhile stays deleted."""
    with transaction.atomic():
        asked = Message.objects.filter(pk=OuterRef("parent_id")).values("context_hash")
        found = (
            Message.objects.select_for_update(no_key=True)
            .filter(pk=pk)
            .annotate(asked=Subquery(asked))
            .values_list("state", "asked")
            .first()
        )
        if found is None:
            return
        now, before = found
        # Where no texts are kept the question has no hash, and its answer none.
        hashed = (
            talk.hash_after(
                bytes(project.hash_key), before, {"role": "assistant", "content": text, **(extra or {})}
            )
            if before
            else ""
        )
        if now == Message.State.STOPPED:
            state, error = now, ""
        event = events.append(
            project=project, actor=actor, verb="chat.answer", target=Message(pk=pk), state=state, error=error
        )
        Message.objects.filter(pk=pk).update(
            state=state,
            error=error,
            text=text,
            sources=sources,
            extra=extra,
            first_token_ms=first_ms,
            total_ms=total_ms,
            event_id=event.pk,
            context_hash=hashed,
        )
