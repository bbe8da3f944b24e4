"""Judgements taken down as rows that can be counted and looked for: Outcome and Facet.

Judgements are written as documents, by submit and by imports, at their own speed; these rows follow. An
annotation whose head was not read yet stands in a partial index, so that looking for more costs nothing, and
a row of an older head is never in force, so that being late shows as too few rows, never as wrong ones. The
worker reads every minute, and whoever opens a page that needs the rows reads up to AT_ONCE first."""

from collections import defaultdict

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Length

from annotation.document import Judgement
from annotation.models import Annotation, Facet, ItemAnswer, Outcome
from annotation.presentation import text_of
from annotation.querysets import any_of, unread
from annotation.statistics import outcomes
from core.models import Project
from core.rendering import language
from corpus.models import Prompt

BATCH = 500
AT_ONCE = 1000  # annotations that a page reads before it answers
IN_A_RUN = 100_000  # that the worker reads of one project before it looks at the next


def catch_up(project, *, most: int | None = None) -> bool:
    """Read what was not read yet, at most `most` annotations; whether nothing is left."""
    done = 0
    while any_of(Annotation.objects.unread(project)):
        n = _batch(project)
        done += n
        if not n or (most is not None and done >= most):  # none: somebody else holds what is left
            return not any_of(Annotation.objects.unread(project))
    return True


def catch_up_all() -> int:
    """The worker's part: every project, as far as one run goes. The number of projects that had work."""
    waiting = Annotation.objects.filter(unread()).values("project")
    found = list(Project.objects.filter(pk__in=waiting))
    for project in found:
        catch_up(project, most=IN_A_RUN)
    return len(found)


@transaction.atomic
def _batch(project) -> int:
    """Read one batch. Its annotations are locked, so that two readers share the work: rows that somebody
    holds just now are left for the next time."""
    rows = list(
        Annotation.objects.unread(project)
        .select_related("head", "annotator", "item__prompt")
        .select_for_update(no_key=True, of=("self",), skip_locked=True)
        .order_by("pk")[:BATCH]
    )
    if not rows:
        return 0
    ids = [row.pk for row in rows]
    Outcome.objects.filter(annotation__in=ids).delete()
    Facet.objects.filter(annotation__in=ids).delete()
    models, lengths = _answers({row.item_id for row in rows})
    spoken: dict[int, str] = {}
    compared: list[Outcome] = []
    had: list[Facet] = []
    for row in rows:
        kept = {
            "project": project,
            "item_id": row.item_id,
            "annotation": row,
            "version_id": row.head_id,
            "source": row.annotator.source,
        }
        said = Judgement(row.head.document)
        for name in outcomes.facets(said):
            about = name.startswith(("verdict:", "reason:"))
            gave = sorted(set().union(*models[row.item_id].values())) if about else []
            had += [Facet(**kept, name=name, model_id=model) for model in gave or [None]]
        if row.item.kind != "ranking":
            continue
        found = outcomes.comparisons(said, row.head.order, models[row.item_id], lengths[row.item_id])
        if found and row.item.prompt_id not in spoken:
            spoken[row.item.prompt_id] = language_of(row.item.prompt)
        compared += [
            Outcome(
                **kept,
                prompt_id=row.item.prompt_id,
                language=spoken[row.item.prompt_id],
                a_id=one.a,
                b_id=one.b,
                result=one.result,
                longer=one.longer,
                first=one.first,
            )
            for one in found
        ]
    Outcome.objects.bulk_create(compared, batch_size=2000)
    Facet.objects.bulk_create(had, batch_size=2000)
    Annotation.objects.filter(head__in=[row.head_id for row in rows]).update(read_version=F("head"))
    return len(rows)


def _answers(items: set[int]) -> tuple[dict, dict]:
    """({item: {slot: models}}, {item: {slot: characters}}) of answers whose model is known."""
    models: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    lengths: dict[int, dict[int, int]] = defaultdict(dict)
    rows = ItemAnswer.objects.filter(item__in=items).values_list(
        "item", "slot", "response__model_version", Length("response__text")
    )
    for item, slot, model, length in rows:
        lengths[item][slot] = length
        if model is not None:
            models[item][slot].add(model)
    return models, lengths


def language_of(prompt: Prompt) -> str:
    """ "zh", "en" or "": of what was asked last."""
    asked = [text_of(m) for m in prompt.messages if m.get("role") == "user"]
    return language.guess(asked[-1] if asked else "")
