"""What people say of a data set once it is made: somebody answers for it, or it is withdrawn."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import events
from core.errors import Conflict, DomainError
from core.models import User
from training_export.models import SignOff, Snapshot, TrainingRun

LONGEST_NOTE = 2000


def sign_off(*, snapshot: Snapshot, actor: User | None, note: str) -> SignOff:
    """`actor` answers for the data set, with a note. None is whoever sits at the machine itself. Conflict
    "withdrawn" for one that is."""
    if len(note) > LONGEST_NOTE:
        raise DomainError("too_long", _("The note is too long."), field="note")
    with transaction.atomic():
        held = Snapshot.objects.select_for_update().get(pk=snapshot.pk)
        if held.withdrawn_at is not None:
            raise Conflict("withdrawn", _("The data set was withdrawn."))
        made = SignOff.objects.create(snapshot=held, person=actor, note=note)
        events.append(project=held.project, actor=actor, verb="sign_off", target=held)
    return made


def withdraw(*, snapshot: Snapshot, actor: User | None, why: str) -> list[str]:
    """Close the downloads of the data set and of all that was made of it, for a reason; the names of the
    models that were trained on it. Its numbers and its manifest stay."""
    if not why.strip():
        raise DomainError("no_reason", _("Say why the data set is withdrawn."), field="why")
    with transaction.atomic():
        held = Snapshot.objects.select_for_update().get(pk=snapshot.pk)
        if held.withdrawn_at is not None:
            raise Conflict("withdrawn", _("The data set was withdrawn."))
        close(held, why[:LONGEST_NOTE])
        events.append(project=held.project, actor=actor, verb="withdraw", target=held)
    return models_trained_on([held.pk])


def close(snapshot: Snapshot, why: str) -> None:
    """Mark the data set and its bundles as withdrawn, inside the caller's transaction."""
    now = timezone.now()
    snapshot.withdrawn_at, snapshot.withdrawn_why = now, why
    snapshot.save(update_fields=["withdrawn_at", "withdrawn_why"])
    snapshot.bundles.filter(withdrawn_at=None).update(withdrawn_at=now)


def models_trained_on(snapshots: list[int]) -> list[str]:
    """The names of the models that were trained on one of these data sets."""
    runs = TrainingRun.objects.filter(snapshot__in=snapshots, model_version__isnull=False)
    return sorted(set(runs.values_list("model_version__name", flat=True)))
