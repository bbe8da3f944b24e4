"""The figures of the page Feedback against counts made by hand, and its edges."""

import csv
import io
import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from corpus.models import ModelVersion
from feedback.models import Choice, Lost, Message, Reaction, Signal
from feedback.quality import beside, figures, intervals
from feedback.quality.figures import Scope
from feedback.quality.views import Inbox, _verdicts
from feedback.reactions import actions as reactions
from tests.annotation.promotion.promoted_talks import (
    make_answer,
    make_chat,
    make_end_user,
    make_talk,
    score,
    thumb,
)
from tests.cast import make_member, make_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(db):
    project = make_project("clinic")
    make_chat(project)
    return project


@pytest.fixture
def scope(project):
    today = timezone.now().date()
    return Scope(project, today - timedelta(days=29), today)


def page(client, project, role="reviewer", **asked):
    client.force_login(make_member(project, role))
    return client.get(reverse("feedback", args=[project.slug]), asked)


# -- intervals: textbook figures -----------------------------------------------------------------------------


def test_wilson_and_exact_intervals_are_those_of_the_books():
    # Newcombe 1998 (Statistics in Medicine 17:857), table I: 81 of 263, method 3 (score) 0.2553–0.3662,
    # method 5 (exact) 0.2527–0.3676.
    assert [round(x, 4) for x in intervals.wilson(81, 263)[1:3]] == [0.2553, 0.3662]
    assert [round(x, 4) for x in intervals.exact(81, 263)[1:3]] == [0.2527, 0.3676]
    # The same table: 0 of 20 and 1 of 29.
    assert [round(x, 4) for x in intervals.wilson(0, 20)[1:3]] == [0.0, 0.1611]
    assert [round(x, 4) for x in intervals.exact(0, 20)[1:3]] == [0.0, 0.1684]
    assert [round(x, 4) for x in intervals.wilson(1, 29)[1:3]] == [0.0061, 0.1718]
    assert [round(x, 4) for x in intervals.exact(1, 29)[1:3]] == [0.0009, 0.1776]
    assert intervals.wilson(0, 0) is None and intervals.exact(0, 0) is None
    assert intervals.wilson(5, 5).high == 1.0


def test_clustered_interval_by_hand():
    # Three people: 2 of 2, 0 of 1, 1 of 1. p = 3/4; pulls (2-1.5, 0-.75, 1-.75)/4 = .125, -.1875, .0625; sum
    # of squares .0546875; variance 3/2 of it = .08203125; SE .28641; t(2) = 4.30265.
    found = intervals.clustered([(2, 2), (0, 1), (1, 1)])
    assert (found.value, found.n) == (0.75, 4)
    assert found.low == 0.0 and found.high == 1.0
    many = intervals.clustered([(2, 2), (0, 1), (1, 1)] * 30)
    half = 1.98698 * (90 / 89 * 30 * 0.0546875 / 900) ** 0.5
    assert many.high - many.value == pytest.approx(half, rel=1e-4)
    assert intervals.clustered([(3, 4)]).low is None
    assert intervals.clustered([]) is None


def test_one_loud_person_widens_the_interval_by_person_only():
    people = [(50, 50)] + [(1, 2)] * 25
    naive, honest = intervals.wilson(75, 100), intervals.clustered(people)
    assert naive.value == honest.value == 0.75
    assert honest.high - honest.low > 2 * (naive.high - naive.low)


def test_a_difference_takes_a_person_on_both_sides_as_one():
    both = {i: (i % 2, 1) for i in range(40)}
    same = intervals.difference(both, both)
    assert same.value == 0 and same.high == pytest.approx(0)
    apart = intervals.difference(both, {i + 100: v for i, v in both.items()})
    assert apart.high > 0.2


# -- figures -------------------------------------------------------------------------------------------------


def test_rates_count_what_people_say_now(project, scope):
    first, second, third = (make_talk(project)[0] for _i in range(3))
    make_answer(first.parent, "broken", state="failed")
    thumb(first, -1)
    thumb(first, 1, "after all")
    thumb(second, -1, reasons=["wrong"])
    thumb(third, 1)
    thumb(third, 0)
    Signal.objects.create(project=project, end_user=first.conversation.end_user, message=first, name="copy")
    (found,) = figures.daily(scope).values()
    assert (found.answers, found.with_thumb, found.up, found.down) == (3, 2, 1, 1)
    assert found.rate == intervals.wilson(1, 2) and found.response == intervals.wilson(2, 3)
    assert figures.said_more(scope) == {"comments": 1, "corrections": 0}
    assert figures.reasons(scope) == {1: [], -1: [("wrong", 1)]}
    assert beside.signals(scope) == [("copy", 1, 1)]


def test_days_are_utc_and_those_of_the_answer(project, scope):
    answer = make_talk(project)[0]
    thumb(answer, 1)
    Message.objects.filter(pk=answer.pk).update(created_at=datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC))
    march = Scope(project, date(2026, 3, 1), date(2026, 3, 1))
    assert [(day, f.up) for (day, _m), f in figures.daily(march).items()] == [(date(2026, 3, 1), 1)]
    assert figures.daily(Scope(project, date(2026, 3, 2), date(2026, 3, 3))) == {}
    assert figures.daily(scope) == {}


def test_people_are_told_apart_per_model_and_nobody_is_a_unit_per_thumb(project, scope):
    who = make_end_user(project)
    for value in (1, 1, -1):
        thumb(make_talk(project, who=who)[0], value)
    other = make_talk(project)[0]
    Message.objects.filter(pk=other.pk).update(
        model_version=ModelVersion.objects.create(project=project, name="b")
    )
    thumb(other, 1)
    for value in (1, -1):
        talk = make_talk(project)[0]
        reactions.react(project=project, end_user=None, kind="thumb", value=value, message=talk)
    people = figures.by_person(scope)
    models = dict(ModelVersion.objects.values_list("name", "id"))
    assert people[models["talk-model"]] == {who.pk: (2, 3), None: (1, 2)}
    assert people[models["b"]] == {other.conversation.end_user_id: (1, 1)}
    assert sorted(figures.units(people[models["talk-model"]]).values()) == [(0, 1), (1, 1), (2, 3)]
    first, second = figures.compared(people)
    assert (first["model"], first["people"], first["rate"].n, first["less"]) == (
        models["talk-model"],
        1,
        5,
        None,
    )
    assert second["less"].value == pytest.approx(1 - 3 / 5)


def test_heavy_users_and_what_caps_would_change(project, scope):
    heavy = make_end_user(project, "heavy")
    for _i in range(10):
        thumb(make_talk(project, who=heavy)[0], -1)
    for _i in range(5):
        thumb(make_talk(project)[0], 1)
    found = figures.heavy(figures.by_person(scope))
    assert (found["people"], found["thumbs"], found["top"][0][:3]) == (6, 15, (heavy.pk, 0, 10))
    assert found["rate"].value == pytest.approx(5 / 15)
    assert found["caps"] == [
        (1, 6, pytest.approx(5 / 6)),
        (5, 10, pytest.approx(0.5)),
        (20, 15, pytest.approx(5 / 15)),
    ]


def test_hints_name_whoever_always_says_the_same_against_the_rest(project, scope):
    odd = make_end_user(project, "odd")
    for _i in range(25):
        thumb(make_talk(project, who=odd)[0], -1)
    for i in range(20):
        thumb(make_talk(project)[0], 1 if i % 4 else -1)  # 15 of 20 up
    Reaction.objects.update(created_at=timezone.now() - timedelta(days=1))
    found = figures.suspects(scope, figures.by_person(scope))
    assert found["same"] == [(odd.pk, -1, 25, pytest.approx(0.25**25))]
    assert found["bursts"] == []  # all of one moment: a file


def test_hints_name_bursts(project, scope):
    quick = make_end_user(project, "quick")
    start = timezone.now().replace(second=0, microsecond=0) - timedelta(hours=1)
    for i in range(16):
        row = thumb(make_talk(project, who=quick)[0], 1)
        Reaction.objects.filter(pk=row.pk).update(created_at=start + timedelta(seconds=i))
    slow = make_end_user(project, "slow")
    for i in range(4):
        row = thumb(make_talk(project, who=slow)[0], 1)
        Reaction.objects.filter(pk=row.pk).update(created_at=start + timedelta(seconds=i))
    found = figures.suspects(scope, figures.by_person(scope))
    assert found["bursts"] == [(quick.pk, 16, start, 10)]


def choose(project, position, texts=("a", "b"), complete=True, **fields):
    asked = make_talk(project, ("q?", texts[0]))[0].parent
    group = uuid.uuid4()
    answers = list(Message.objects.filter(parent=asked)) + [
        make_answer(asked, t, draft_group=group, position=i) for i, t in enumerate(texts[1:], 1)
    ]
    shown = [
        {"message": a.pk, "position": i, "complete": complete, "seen": True} for i, a in enumerate(answers)
    ]
    return Choice.objects.create(
        project=project,
        end_user=make_end_user(project),
        parent=asked,
        chosen=answers[position],
        place=position,
        shown=shown,
        **{"verdict": "better"} | fields,
    )


def test_the_place_of_drafts_is_held_against_chance(project, scope):
    for _i in range(18):
        choose(project, 0)
    for _i in range(2):
        choose(project, 1)
    choose(project, 1, ("a", "b", "c"))
    choose(project, 1, complete=False)
    choose(project, 1, current=False)
    choose(project, 1, regenerated=True)
    asked = choose(project, 0)
    Choice.objects.filter(pk=asked.pk).update(verdict="all_bad", chosen=None, place=None)
    found = figures.positions(scope)
    two, three = found["drafts"]
    assert (two["k"], two["n"], two["even"], two["off"]) == (2, 20, 0.5, [True, True])
    assert two["places"] == [intervals.exact(18, 20), intervals.exact(2, 20)]
    assert (three["k"], three["n"], three["off"]) == (3, 1, [False, False, False])
    assert found["verdicts"] == {False: {"better": 22, "all_bad": 1}, True: {"better": 1}}
    side, again = _verdicts(found["verdicts"], Inbox(scope))
    # beta.ppf(0.025, 22, 2) = 0.7805, beta.ppf(0.975, 23, 1) = 0.9989: Clopper and Pearson's, not Wilson's
    assert [(n, share) for _words, n, share, _rows in side["rows"]] == [
        (22, "96% (78–100)"),
        (0, "0% (0–15)"),
        (1, "4% (0–22)"),
    ]
    assert again["n"] == 1 and again["rows"][0][1:3] == (1, "100% (2–100)")
    model = Scope(project, scope.start, scope.end, ModelVersion.objects.get(name="talk-model").pk)
    assert figures.positions(model) == found


def test_scores_waiting_and_lost(project, scope):
    for value in (1, 5, 5):
        score(make_talk(project)[0], value)
    taken_back = make_talk(project)[0]
    score(taken_back, 3)
    score(taken_back, 0)
    assert figures.scores(scope) == {"counts": [1, 0, 0, 0, 2], "n": 3, "mean": pytest.approx(11 / 3)}
    reactions.react(
        project=project, end_user=make_end_user(project), kind="thumb", value=1, target_external="later"
    )
    assert beside.waiting(project)["n"] == 1
    Lost.objects.create(project=project, day=scope.end, count=3)
    Lost.objects.create(project=project, day=scope.end - timedelta(days=100), count=7)
    assert beside.lost(scope) == {"n": 3, "days": 1, "last": scope.end}


def test_another_projects_feedback_counts_nowhere(project, scope):
    other = make_project("other")
    make_chat(other)
    answer = make_talk(other)[0]
    thumb(answer, -1, "secret")
    score(answer, 1)
    assert figures.daily(scope) == {} and figures.by_person(scope) == {} and figures.scores(scope)["n"] == 0


# -- the page ------------------------------------------------------------------------------------------------


def test_the_page_says_what_was_counted(client, project):
    for value in (1, 1, -1):
        thumb(make_talk(project)[0], value, reasons=["wrong"] if value < 0 else [])
    text = page(client, project).content.decode()
    assert "67% (21–94)" in text and "talk-model" in text and "Not correct" in text
    assert 'class="chart chart-ranged"' in text and "style=" not in text


def test_an_empty_project_says_so(client, project):
    answer = page(client, project)
    assert answer.status_code == 200 and "No answers in this period." in answer.content.decode()


@pytest.mark.parametrize(
    "asked",
    [
        {"start": "x"},
        {"start": "2026-05-02", "end": "2026-05-01"},
        {"model": "999"},
        {"start": "0001-01-01"},
        {"end": "0001-01-02"},
        {"end": "9999-12-31"},
        {"start": "9999-12-31"},
    ],
)
def test_a_period_that_makes_no_sense_is_answered(client, project, asked):
    assert page(client, project, **asked).status_code == 200


def test_a_formula_in_a_models_name_stays_text_in_the_file(client, project):
    answer = make_talk(project)[0]
    thumb(answer, 1)
    ModelVersion.objects.update(name="=1+1")
    rows = list(csv.DictReader(io.StringIO(page(client, project, format="csv").content.decode("utf-8-sig"))))
    assert [(r["model_version"], r["answers"], r["thumbs_up"], r["share_up"], r["low_95"]) for r in rows] == [
        ("'=1+1", "1", "1", "1.0000", "0.2065")
    ]


def test_the_page_asks_as_often_for_much_as_for_little(client, project):
    def count():
        with CaptureQueriesContext(connection) as queries:
            assert page(client, project).status_code == 200
        return len(queries)

    thumb(make_talk(project)[0], 1)
    page(client, project)
    before = count()
    for i in range(30):
        answer = make_talk(project, ("a?", "b"), ("c?", "d"))[1]
        thumb(answer, -1 if i % 3 else 1, "words", reasons=[])
        score(answer, 4)
    choose(project, 1)
    assert count() <= before + 1
    assert before < 60
