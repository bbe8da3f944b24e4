"""What is counted beside the rates: words that wait for what they are about, exchanges that were lost, and
signals, which are no judgement."""

from django.db.models import Count, F, Max, Min, Sum

from feedback.models import Lost, Reaction, Signal, WaitingDraft
from feedback.quality.figures import Scope


def waiting(project) -> dict:
    """{"n", "oldest"}: reactions whose target has not arrived, and choices whose drafts have not, of any day.
    Two queries."""
    rows = Reaction.objects.filter(project=project, message=None, conversation=None, current=True).aggregate(
        n=Count("pk"), oldest=Min("created_at")
    )
    drafts = WaitingDraft.objects.filter(project=project).aggregate(
        n=Count("choice", distinct=True), oldest=Min("choice__created_at")
    )
    return {
        "n": rows["n"] + drafts["n"],
        "oldest": min(filter(None, (rows["oldest"], drafts["oldest"])), default=None),
    }


def lost(scope: Scope) -> dict:
    """{"n", "days", "last"}: exchanges that were answered but could not be logged. One query."""
    found = Lost.objects.filter(project=scope.project, day__gte=scope.start, day__lte=scope.end).aggregate(
        n=Sum("count"), days=Count("pk"), last=Max("day")
    )
    return found | {"n": found["n"] or 0}


def signals(scope: Scope) -> list[tuple[str, int, int]]:
    """[(name, how often, people)]. One query."""
    rows = Signal.objects.filter(scope.during("created_at"), project=scope.project)
    rows = rows.filter(message__model_version=scope.model) if scope.model is not None else rows
    return list(
        rows.values_list("name")
        .annotate(n=Count("pk"), people=Count("end_user", distinct=True))
        .order_by("-n", F("name"))
    )
