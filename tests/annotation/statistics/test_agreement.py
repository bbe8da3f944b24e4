"""Figures checked against published tables and against scipy."""

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.document import Judgement
from annotation.statistics import agreement
from annotation.work import queue, submit
from tests.cast import make_item, make_member, make_project, make_user


def ranks(*groups):
    return agreement.ranks_of(Judgement({"ranking": [list(g) for g in groups]}), 10)


def test_mid_ranks_and_rest():
    assert agreement.ranks_of(Judgement({"ranking": [[2], [0, 1]]}), 3) == {2: 1, 0: 2.5, 1: 2.5}
    assert agreement.ranks_of(Judgement({"ranking": [[2]], "rest": "worse"}), 3) == {2: 1, 0: 2.5, 1: 2.5}
    assert agreement.ranks_of(Judgement({"ranking": [[2]]}), 3) == {2: 1}


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), min_size=2, max_size=6), st.randoms())
def test_tau_b_is_scipys(values, rng):
    scipy = pytest.importorskip("scipy.stats")
    other = [rng.randint(0, 4) for _v in values]
    ours = agreement.tau_b(dict(enumerate(values)), dict(enumerate(other)))
    theirs = scipy.kendalltau(values, other).statistic
    if theirs == theirs:
        assert ours == pytest.approx(theirs)
    else:
        assert ours == (1.0 if len(set(values)) == len(set(other)) == 1 else 0.0)


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 4), min_size=4, max_size=4), min_size=2, max_size=6))
def test_w_is_friedmans_chi_square_scaled(table):
    scipy = pytest.importorskip("scipy.stats")
    ours = agreement.kendall_w([dict(enumerate(row)) for row in table])
    chi2 = scipy.friedmanchisquare(*zip(*table, strict=True)).statistic
    if ours is None:
        assert chi2 != chi2
    else:
        assert ours == pytest.approx(chi2 / (len(table) * 3))


def test_perfect_and_opposite():
    a, b = ranks([0], [1], [2]), ranks([2], [1], [0])
    assert agreement.tau_b(a, a) == 1 and agreement.tau_b(a, b) == -1
    assert agreement.kendall_w([a, a, a]) == 1 and agreement.kendall_w([a, b]) == 0
    assert agreement.tau_b({0: 1}, {0: 1}) is None


def test_alpha_of_krippendorffs_own_nominal_example():
    # Krippendorff (2011), four observers, twelve units, nominal: alpha = 0.743. Verdicts carry three values;
    # units with more are mapped to two tests below.
    import krippendorff
    import numpy as np

    n = np.nan
    data = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, n, n, n],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, n, 3],
        [n, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, n],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, n],
    ]
    assert krippendorff.alpha(reliability_data=data, level_of_measurement="nominal") == pytest.approx(
        0.743, abs=0.001
    )


def judged(annotator, document, slots, kind):
    return agreement.Judged(annotator, Judgement(document), slots, kind)


def test_alpha_of_verdicts_by_hand():
    # Two annotators, four items: keep/keep, drop/drop, keep/drop, keep/keep. Do = 1/4; with n_keep=5,
    # n_drop=3 of 8 values De = 2*5*3/(8*7) = 30/56; alpha = 1 - (1/4)/(30/56) = 0.5333…
    verdicts = [("keep", "keep"), ("drop", "drop"), ("keep", "drop"), ("keep", "keep")]
    shared = [[judged(1, {"verdict": a}, 1, "qa"), judged(2, {"verdict": b}, 1, "qa")] for a, b in verdicts]
    assert agreement._alpha(shared) == pytest.approx(1 - 0.25 / (30 / 56))


def test_alpha_is_not_measured_where_nothing_that_two_people_judged_varies():
    """Values that one person alone gave bring variation into the table, and none into what is compared: 0 /
    0."""
    same = [
        [judged(1, {"ranking": [[0, 1]]}, 3, "ranking"), judged(2, {"ranking": [[0, 1]]}, 3, "ranking")]
        for _i in range(3)
    ]
    alone = [
        [judged(1, {"ranking": [[0, 1], [2]]}, 3, "ranking"), judged(2, {"ranking": [[0, 1]]}, 3, "ranking")]
        for _i in range(3)
    ]
    verdicts = [
        [judged(1, {"verdict": "keep"}, 1, "qa"), judged(2, {"verdict": "keep"}, 1, "qa")],
        [judged(1, {"verdict": "drop"}, 1, "qa")],
    ]
    assert [agreement._alpha(shared) for shared in (same, alone, verdicts, [])] == [None] * 4


VERDICT = st.sampled_from(["keep", "fix", "drop", None])


@settings(deadline=None)
@given(st.lists(st.lists(VERDICT, min_size=3, max_size=3), max_size=6))
def test_alpha_is_a_number_or_nothing(table):
    alpha = agreement._alpha(
        [[judged(who, {"verdict": v}, 1, "qa") for who, v in enumerate(row)] for row in table]
    )
    assert alpha is None or -1 <= alpha <= 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "sentence"),
    [("en", "cannot be measured: no variation"), ("zh-hans", "无法计算 Krippendorff α：评判没有差异")],
)
def test_the_page_says_that_there_is_no_variation(client, language, sentence):
    project = make_project(overlap=2)
    for _i in range(3):
        make_item(project)
    for n in range(2):
        user = make_member(project, "annotator")
        while a := queue.claim(project=project, user=user):
            letters = [sorted("ABC"[a.order.index(slot)] for slot in (0, 1))] + (
                [["ABC"[a.order.index(2)]]] if n else []
            )
            document = {"ranking": letters, **({} if n else {"acceptable": 1})}
            submit.submit(user=user, pk=a.pk, given=document, client_key="k")
    client.force_login(make_member(project, "manager", make_user(language=language)))
    client.cookies["django_language"] = language
    page = client.get(f"/p/{project.slug}/agreement/").content.decode()
    assert sentence in page and "nan" not in page.lower()


def test_agreement_is_the_same_in_whatever_order_people_come():
    orders = ([0, 1, 2], [0, 1, 2], [1, 2, 0])
    documents = [{"ranking": [[slot] for slot in order]} for order in orders]
    found = {agreement.of_documents("ranking", list(some), 3) for some in permutations(documents)}
    assert len(found) == 1
