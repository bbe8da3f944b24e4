"""Appending to the audit line."""

from core.models import Event


def append(*, project, actor, verb: str, target=None, **data) -> Event:
    """One Event in the current transaction. `data` holds ids and counts, never content."""
    return Event.objects.create(
        project=project,
        actor=actor if getattr(actor, "pk", None) else None,
        verb=verb,
        target=target._meta.label_lower if target is not None else "",
        target_id=target.pk if target is not None else None,
        data=data,
    )
