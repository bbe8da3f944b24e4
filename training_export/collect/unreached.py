"""The words of end users that were asked for and that no turn brings to an export: counted by reason, so that
none goes without a code."""

from collections import Counter
from collections.abc import Collection

from django.db.models import Count, QuerySet

from feedback.models import Choice, Reaction
from training_export.collect.consistent_read import Reading

# Of options.INCLUDE, those that are reactions.
KINDS = {"thumbs": Reaction.Kind.THUMB.value, "corrections": Reaction.Kind.CORRECTION.value}


def words_of(
    project, reading: Reading, include: Collection[str]
) -> tuple[QuerySet[Choice], QuerySet[Reaction]]:
    """The choices and the reactions that the names `include` (of options.INCLUDE) mean, as of the read's
    Event, history with them."""
    choices = Choice.objects.filter(project=project, event_id__lte=reading.as_of)
    kinds = [kind for name, kind in KINDS.items() if name in include]
    reactions = Reaction.objects.filter(project=project, event_id__lte=reading.as_of, kind__in=kinds)
    return choices if "draft-choices" in include else choices.none(), reactions if kinds else reactions.none()


def unreached(project, reading: Reading, include: Collection[str], unread: Collection[str]) -> Counter:
    """{reason: words} of `include` whose answers have not come, have no question, or stand in talks whose
    texts are not kept (these alone have no context hash); and all words of `unread`, for which the format
    has no place."""
    choices, reactions = words_of(project, reading, include)
    other_choices, other_reactions = words_of(project, reading, unread)
    out: Counter = Counter()
    for code, rows in (
        ("other_format", other_choices),
        ("other_format", other_reactions),
        ("target_unknown", choices.filter(parent=None)),
        ("target_unknown", reactions.filter(message=None)),
        ("no_question", reactions.filter(message__isnull=False, message__parent=None)),
        ("answer_unusable", choices.filter(parent__context_hash="")),
        ("answer_unusable", reactions.filter(message__parent__context_hash="")),
    ):
        out[code] += sum(
            n
            for _project, n in reading.rows(rows.order_by().values_list("project_id").annotate(n=Count("id")))
        )
    return +out
