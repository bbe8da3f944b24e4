"""The numbers of a project's data sets."""

from django.db.models import Max

from core.models import Project
from training_export.models import Snapshot


def next_number(project: Project) -> int:
    """The next free number, held until the transaction ends."""
    Project.objects.select_for_update().get(pk=project.pk)
    return (Snapshot.objects.filter(project=project).aggregate(n=Max("number"))["n"] or 0) + 1
