"""Makers of judged rows, as the verbs of the bench would leave them."""

from itertools import count

from annotation.models import Annotation, AnnotationVersion, Annotator, Consensus, Item, Review
from core import events
from core.models import Project
from corpus.models import Response
from tests import cast

_n = count(1)


def project(**fields) -> Project:
    return cast.make_project(**fields)


def item(
    owner: Project, answers=("first answer", "second answer", "third answer"), *, targets=(), **fields
) -> Item:
    """cast.make_item with the event ids that imports stamp; `targets`: numbers of the answers that the file
    offers for learning."""
    event = events.append(project=owner, actor=None, verb="import")
    made = cast.make_item(owner, answers, event_id=event.pk, **fields)
    type(made.prompt).objects.filter(pk=made.prompt_id).update(event_id=event.pk)
    Response.objects.filter(prompt=made.prompt).update(event_id=event.pk)
    for n in targets:
        Response.objects.filter(prompt=made.prompt, text=answers[n]).update(is_target=True)
    return made


def judge(on: Item, by: Annotator, document: dict, *, action: str | None = None) -> AnnotationVersion:
    """One more version of `by`'s annotation of the item, stored form."""
    event = events.append(project=on.project, actor=None, verb="submit", target=on)
    annotation, _made = Annotation.objects.get_or_create(project=on.project, item=on, annotator=by)
    number = annotation.versions.count() + 1
    imported = by.source == "imported"
    version = AnnotationVersion.objects.create(
        annotation=annotation,
        number=number,
        action=action or ("import" if imported else "submit" if number == 1 else "edit"),
        document=document,
        client_key=f"k{next(_n)}",
        event_id=event.pk,
    )
    annotation.head, annotation.state = version, "withdrawn" if action == "undo" else "submitted"
    annotation.save()
    return version


def decide(version: AnnotationVersion, decision: str) -> Review:
    event = events.append(project=version.annotation.project, actor=None, verb=decision)
    Annotation.objects.filter(pk=version.annotation_id).update(
        state="accepted" if decision == "accept" else "returned"
    )
    return Review.objects.create(version=version, decision=decision, event_id=event.pk)


def settle(on: Item, version: AnnotationVersion | None) -> Consensus:
    event = events.append(project=on.project, actor=None, verb="settle")
    Item.objects.filter(pk=on.pk).update(state="settled" if version else "done")
    return Consensus.objects.create(item=on, version=version, event_id=event.pk)


def annotators(owner: Project, n: int = 3) -> list[Annotator]:
    """X, Y, Z …"""
    return [cast.make_annotator(owner, pseudonym="XYZUVW"[i]) for i in range(n)]
