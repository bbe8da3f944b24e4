"""A person's part in this room. Of an end user: the items made from their turns. Of an account: who they are;
their judgements stay, by pseudonym."""

from django.db.models import Exists, OuterRef

from annotation.models import Annotation, Annotator, Assignment, Item, ItemFlag, Promotion
from core.erasure import Person
from corpus.models import PromptOrigin, Response


def find(person: Person) -> None:
    """Prompts made from the person's turns ("prompts"), those of them that die with the person ("dying"), and
    answers that only the person got.

    A prompt lives on if it also came from a file, or from somebody else's turn, or if somebody else asked
    the same."""
    turns = person.ids("messages")
    if not turns:
        return
    own = PromptOrigin.objects.filter(prompt__project=person.project, turn_id__in=turns)
    person.ids("prompts").update(own.values_list("prompt_id", flat=True))
    elsewhere = PromptOrigin.objects.filter(prompt=OuterRef("prompt")).exclude(turn_id__in=turns)
    alone = set(own.exclude(Exists(elsewhere)).values_list("prompt_id", flat=True))
    alone -= set(own.filter(turn_id__in=list(person.twins)).values_list("prompt_id", flat=True))
    person.ids("dying").update(alone)
    names = [f"message:{pk}" for pk in turns if pk not in person.same]
    theirs = Response.objects.filter(prompt__in=person.ids("prompts") - alone, external_id__in=names)
    person.ids("responses").update(theirs.values_list("pk", flat=True))


def erase(person: Person) -> dict[str, int]:
    """Items of dying prompts, and items on which an answer stands that only the person got, go with all
    judgements of them."""
    doomed = Item.objects.filter(prompt__in=person.ids("dying")) | Item.objects.filter(
        answers__response__in=person.ids("responses")
    )
    ids = sorted(set(doomed.values_list("pk", flat=True)))
    counts = {"items": len(ids), "annotations": Annotation.objects.filter(item__in=ids).count()}
    counts["promotions"] = Promotion.objects.filter(
        project=person.project, message_id__in=person.ids("messages")
    ).delete()[0]
    Item.objects.filter(previous__in=ids).update(previous=None)
    Item.objects.filter(pk__in=ids).delete()
    if person.user is not None:
        mine = Annotator.objects.filter(project=person.project, user=person.user)
        counts["drafts"] = Assignment.objects.filter(annotator__in=mine, draft__isnull=False).update(
            draft=None
        )
        ItemFlag.objects.filter(item__project=person.project, reporter=person.user).update(reporter=None)
        counts["annotators"] = mine.update(user=None)
    return counts


def export(person: Person) -> dict:
    """An account's own judgements, in force and before."""
    if person.user is None:
        return {}
    rows = Annotation.objects.filter(project=person.project, annotator__user=person.user).order_by("pk")
    fields = (
        "item_id",
        "state",
        "versions__number",
        "versions__action",
        "versions__document",
        "versions__created_at",
    )
    return {"annotations": list(rows.order_by("pk", "versions__number").values(*fields))}
