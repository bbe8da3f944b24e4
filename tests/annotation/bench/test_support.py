"""The sentence that a claim may rest on is suggested by what they share, with the reason."""

import pytest

from annotation.bench import payload, support
from annotation.work import queue
from core.rendering import sentences
from tests.annotation.bench.bench_items import QA_SOURCE, qa_project

LEASE = [
    "A tenant must give at least 60 days' notice.",
    "The last day of the notice must be the last day of a rental period.",
    "The form is N9.",
]


@pytest.mark.parametrize(
    ("claim", "number"),
    [
        ("the tenant gives 60 days of notice", 1),
        ("and Form N9 is used", 3),
        ("It ends on the last day of a rental period", 2),
        ("The weather in Paris is fine", None),
        ("", None),
    ],
)
def test_english(claim, number):
    (found,) = support.suggest([claim], LEASE)
    assert (found and found.sentence) == number


def test_chinese_and_the_reason():
    found = sentences.split(QA_SOURCE)
    claims = ["试用期工资不得低于合同约定工资的百分之八十", "劳动者只能约定一次试用期", "今天天气很好"]
    suggested = support.suggest(claims, found)
    assert "百分之八十" in found[suggested[0].sentence - 1]
    assert "百分之八十" in " ".join(suggested[0].shared)
    assert "只能约定一次" in found[suggested[1].sentence - 1]
    assert suggested[2] is None


def test_too_much_or_nothing_to_look_through_suggests_nothing():
    assert support.suggest(["a b c"], []) == [None]
    assert support.suggest(["tenant notice"] * (support.MOST_CLAIMS + 1), LEASE)[0] is None


@pytest.mark.django_db
def test_the_page_gets_claims_with_their_suggestions_and_numbers_as_it_shows_them():
    project, expert = qa_project(items=1)
    item = payload.of(queue.claim(project=project, user=expert), html=True)["item"]
    (answer,) = item["answers"]
    assert "".join(claim["text"] for claim in answer["claims"]) == answer["text"]
    numbered = [s for source in item["sources"] for s in source["sentences"] if s.strip()]
    second = answer["claims"][1]
    assert "百分之八十" in numbered[second["suggested"] - 1]
    assert second["shared"]
    assert "claims" not in payload.of(queue.own(user=expert, pk=_pk(expert)))["item"]["answers"][0]


def _pk(user):
    from annotation.models import Assignment

    return Assignment.objects.get(annotator__user=user).pk
