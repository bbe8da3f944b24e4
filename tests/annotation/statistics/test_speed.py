"""Who judges faster than anybody reads."""

import pytest
from django.test import Client

from annotation.statistics import daily, speed
from core import local_time
from tests.annotation.results.judged import judge
from tests.cast import make_annotator, make_item, make_prompt


def test_reading_takes_so_long():
    assert speed.reading_seconds(["读" * 90, "a" * 250]) == pytest.approx(20)
    assert speed.reading_seconds([]) == 0


@pytest.mark.parametrize(
    ("took", "reading", "n", "hint"),
    [(3, 10, 5, True), (3.4, 10, 5, False), (0.1, 10, 4, False), (10, 10, 40, False)],
)
def test_the_hint_is_for_less_than_a_third_of_at_least_five(took, reading, n, hint):
    assert speed.of([(took, reading)] * n).hint is hint


def test_one_slow_judgement_among_fast_ones_changes_nothing():
    assert speed.of([(1, 30)] * 8 + [(600, 30)]).hint
    assert speed.of([]) is None


@pytest.mark.django_db
def test_the_work_statement_says_so_to_the_manager_alone(cast):
    fast = make_annotator(cast.project, cast.bob, pseudonym="fast")
    slow = make_annotator(cast.project, cast.carol, pseudonym="slow")
    for n in range(6):
        prompt = make_prompt(cast.project, f"{n}" + "长" * 300)
        item = make_item(cast.project, prompt=prompt)
        for annotator, ms in ((fast, 2000), (slow, 40_000)):
            made = judge(item, annotator, {"ranking": [[0], [1], [2]]})
            made.versions.update(active_ms=ms)
            daily.add(
                project_id=cast.project.pk,
                annotator_id=annotator.pk,
                day=local_time.today(cast.project),
                submitted=1,
                active_ms=ms,
            )
    client = Client()
    client.force_login(cast.alice)
    response = client.get("/p/ward/work/")
    hints = {row["username"]: bool(row["pace"]) for row in response.context["rows"]}
    assert hints == {"bob": True, "carol": False}
    assert "very fast" in response.content.decode()
    assert "person judges faster than anybody reads" in client.get("/p/ward/").content.decode()
    client.force_login(cast.bob)
    assert "very fast" not in client.get("/p/ward/work/").content.decode()
