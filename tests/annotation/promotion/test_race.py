"""Runs at once, beside an import and people who react: nothing twice, no cap passed."""

import pytest

from annotation.imports import importer
from annotation.models import Item, Promotion
from annotation.promotion import rules as promotion
from corpus.models import PromptOrigin, Response
from corpus.records import AnswerIn, Entry, Record
from tests.annotation.promotion.promoted_talks import make_chat, make_talk, thumb
from tests.cast import make_project
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_runs_at_once_take_each_turn_once_and_keep_the_caps():
    project = make_project()
    make_chat(project)
    answers = [make_talk(project, (f"Question {i // 2}?", "the same"))[0] for i in range(24)]  # twelve items
    for answer in answers:
        thumb(answer)
    capped = promotion.create(project=project, actor=None, name="capped", kind="down", daily_cap=5)
    more = [make_talk(project)[0] for _i in range(5)]

    def import_something():
        records = (
            Record(
                i,
                [
                    Entry(
                        "qa",
                        [{"role": "user", "content": f"Question {i}?"}],
                        [AnswerIn("a", model="m"), AnswerIn("b")],
                    )
                ],
            )
            for i in range(12)
        )
        importer.take(records, project=project, actor=None)

    errors = at_once(
        *[lambda: promotion.run(project, capped) for _i in range(3)],
        import_something,
        lambda: [thumb(answer, -1, "words") for answer in more],
    )
    assert errors == []
    assert Promotion.objects.filter(outcome="item").count() == 5 == Item.objects.filter(kind="qa").count()
    promotion.update(rule=capped, actor=None, daily_cap=1000)
    assert at_once(*[lambda: promotion.run(project) for _i in range(3)]) == []
    assert (
        Promotion.objects.count()
        == 24 + 5
        == len(set(Promotion.objects.values_list("message_id", flat=True)))
    )
    assert (
        Item.objects.filter(kind="qa").count() == 12 + 5 == Promotion.objects.filter(outcome="item").count()
    )
    assert (
        Response.objects.filter(external_id__startswith="message:").count()
        == 29
        == PromptOrigin.objects.filter(turn_id__isnull=False).count()
    )
    positions = list(Item.objects.values_list("position", flat=True))
    assert len(positions) == len(set(positions))
