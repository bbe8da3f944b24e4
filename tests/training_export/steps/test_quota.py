"""No group with more than its part."""

import random
from collections import Counter

import pytest

from core.errors import DomainError
from tests.training_export.steps.rows_made import run, sft
from training_export.curate.examples import Answer
from training_export.steps import STEPS, Means
from training_export.steps.quota import limit_of


def made(count: int, **more):
    return [
        sft(f"问题 {more.get('tags', '')}{more.get('language', '')} {n}", f"回答 {n}", **more)
        for n in range(count)
    ]


def test_at_most_so_many_of_each_group_stay_in_their_order():
    rows = made(30, tags=("a",)) + made(5, tags=("b",)) + made(8)
    random.Random(1).shuffle(rows)
    kept, report = run("quota", rows, most=6)
    assert Counter(row.example.tags for row in kept) == {("a",): 6, ("b",): 5, (): 6}
    assert [row for row in rows if row in kept] == kept
    assert report.figures["groups"] == {"": [8, 6], "a": [30, 6], "b": [5, 5]}
    assert report.dropped == {"over_quota": 26}
    assert {place.get("detail", "") for place in report.samples["over_quota"]} <= {"a", ""}


def test_the_same_rows_stay_whatever_the_order_and_as_data_grows():
    rows = made(400, language="zh") + made(400, language="en")
    means, draw = Means(seed=7), random.Random(2)
    early = rows[:250] + rows[400:650]
    before = {
        row.group_id for row in (r.example for r in run("quota", early, means, by="language", most=100)[0])
    }
    draw.shuffle(rows)
    after = {
        row.group_id for row in (r.example for r in run("quota", rows, means, by="language", most=100)[0])
    }
    were_there = {row.example.group_id for row in early}
    assert len(before) == len(after) == 200
    assert after & were_there <= before  # who was not drawn before is not drawn now
    assert 0.5 < len(after & before) / 200 < 0.75  # 250 of 400 were there: 62.5 % are expected to stay
    draw.shuffle(rows)
    assert {r.example.group_id for r in run("quota", rows, means, by="language", most=100)[0]} == after
    other = {r.example.group_id for r in run("quota", rows, Means(seed=8), by="language", most=100)[0]}
    assert other != after


def test_the_draw_is_even():
    """Each of 60 rows is drawn with 1/3: over 300 seeds about 100 times (standard deviation 8.2)."""
    rows, drawn = made(60, tags=("a",)), Counter()
    for seed in range(300):
        drawn.update(row.example.group_id for row in run("quota", rows, Means(seed=seed), most=20)[0])
    assert sum(drawn.values()) == 6000
    assert min(drawn.values()) > 100 - 4.5 * 8.2 and max(drawn.values()) < 100 + 4.5 * 8.2


def by_trying(sizes: dict, most: int, share: float) -> int | None:
    """The greatest limit that keeps to the share, each tried."""
    largest = max(sizes.values())
    fits = [n for n in range(1, min(most or largest, largest) + 1)
            if n <= share * sum(min(size, n) for size in sizes.values()) + 1e-9]  # fmt: skip
    return max(fits, default=None)


def test_the_limit_of_a_share_is_the_greatest_that_keeps_to_it():
    draw = random.Random(3)
    for _ in range(300):
        sizes = {str(n): draw.randrange(1, 60) for n in range(draw.randrange(1, 8))}
        share, most = draw.choice([0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75]), draw.choice([0, 0, 5, 30])
        assert limit_of(Counter(sizes), most, share) == by_trying(sizes, most, share)


def test_no_group_has_more_than_its_share_of_what_stays():
    rows = made(100, language="zh") + made(30, language="en") + made(20, language="de")
    kept, _report = run("quota", rows, by="language", share=0.4)
    counted = Counter(row.example.language for row in kept)
    assert counted == {"zh": 33, "en": 30, "de": 20}
    assert max(counted.values()) <= 0.4 * len(kept)


def test_too_few_groups_for_the_share_are_told_and_nothing_is_lost():
    rows = made(10, language="zh") + made(10, language="en")
    kept, report = run("quota", rows, by="language", share=0.3)
    assert kept == rows and report.notes == [("too_few_groups", "2")]
    assert run("quota", [], by="language", share=0.3)[0] == []


def test_a_row_of_several_models_counts_for_each():
    both = made(4, provenance={"models": ["m1", "m2"]})
    rows = both + [sft(f"q{n}", "a", provenance={"models": ["m1"]}) for n in range(4)]
    kept, report = run("quota", rows, by="model", most=3)
    counted = Counter(model for row in kept for model in row.example.provenance["models"])
    assert counted["m1"] == 3 and counted["m2"] <= 3
    assert report.figures["groups"]["m1"] == [8, 3]


def test_origin_is_the_best_answers():
    rows = made(4)
    for row in rows[:3]:
        row.example.target = Answer(row.example.target.text, origin="human")
    kept, _report = run("quota", rows, by="origin", most=1)
    assert Counter(row.example.target.origin for row in kept) == {"human": 1, "imported": 1}


def test_a_limit_must_be_said():
    with pytest.raises(DomainError) as refused:
        STEPS["quota"].parameters_of({"by": "tag"})
    assert refused.value.field == "most"
