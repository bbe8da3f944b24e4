"""Imports at the same time as other imports and as annotators at work: nothing double, nothing lost, no shown
answer set changed."""

import pytest
from django.db import connection

from annotation.imports import importer
from annotation.models import Annotation, Assignment, Item, ItemAnswer
from annotation.work import queue
from corpus.models import ModelVersion, Prompt, Response
from corpus.records import AnswerIn, Entry, JudgementIn, Record
from tests import cast
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def records(model, n, judged=False):
    for i in range(n):
        messages = [{"role": "user", "content": f"question {i}"}]
        answers = [AnswerIn(f"{model} {i}", model=model), AnswerIn("the same for all", model="common")]
        yield Record(
            i + 1,
            [Entry("ranking", messages, answers, [JudgementIn({"ranking": [[0], [1]]})] if judged else [])],
        )


def together(*works):
    failures = at_once(*works)
    assert not failures, failures


def test_three_files_at_once(monkeypatch):
    monkeypatch.setattr(importer, "CHUNK_RECORDS", 7)
    project = cast.make_project()
    together(
        *[
            lambda m=m: importer.take(records(m, 60), project=project, actor=None, name=m)
            for m in ("m1", "m2", "m1")
        ]
    )
    assert Prompt.objects.count() == 60 == Item.objects.count()
    assert (
        Response.objects.count() == 60 * 3 == ItemAnswer.objects.count() and ModelVersion.objects.count() == 3
    )
    assert set(Item.objects.values_list("slot_count", flat=True)) == {3}
    positions = list(Item.objects.order_by("position").values_list("position", flat=True))
    assert positions == list(range(60))


def test_answers_that_come_while_people_work_never_change_what_they_see(monkeypatch):
    monkeypatch.setattr(importer, "CHUNK_RECORDS", 5)
    project = cast.make_project(overlap=2)
    importer.take(records("m0", 40), project=project, actor=None)
    users = [cast.make_member(project, "annotator") for _i in range(2)]

    def work(user):
        for _i in range(25):
            assignment = queue.claim(project=project, user=user)
            if assignment is None:
                return
            queue.skip(user=user, pk=assignment.pk, reason="not_my_field")

    files = [
        lambda m=m: importer.take(records(m, 40, judged=m == "m2"), project=project, actor=None)
        for m in ("m1", "m2")
    ]
    together(*[lambda u=u: work(u) for u in users], *files)
    seen = 0
    for assignment in Assignment.objects.select_related("item"):
        slots = set(assignment.item.answers.values_list("slot", flat=True))
        assert set(assignment.order) == slots and assignment.item.frozen
        seen += 1
    assert seen >= 10
    assert (
        Prompt.objects.count() == 40
        and Response.objects.count() == 40 * 4
        and Annotation.objects.count() == 40
    )
    for item in Item.objects.prefetch_related("answers"):
        assert {a.slot for a in item.answers.all()} == set(range(item.slot_count))
        held = {a.response_id for a in item.answers.all()}
        if item.annotations.exists():
            assert item.slot_count == 2
        else:
            assert held <= set(Response.objects.filter(prompt=item.prompt_id).values_list("id", flat=True))
    for prompt in Prompt.objects.all():
        # Every answer is before somebody, on some item.
        assert set(
            ItemAnswer.objects.filter(item__prompt=prompt).values_list("response_id", flat=True)
        ) == set(prompt.responses.values_list("id", flat=True))
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA foreign_key_check")
            assert cursor.fetchall() == []
