"""A reviewer settles an item with a judgement of their own; agreeing work is accepted together."""

import pytest
from django.test import Client

from annotation.models import Annotation, Consensus, Item
from annotation.review.own_judgement import ranking
from annotation.work import queue, review, submit
from core.errors import DomainError
from tests.annotation.review.test_pages import judge
from tests.cast import make_item, make_member

pytestmark = pytest.mark.django_db


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    ("text", "groups", "line"),
    [
        ("B>A=C|D", [["B"], ["A", "C"], ["D"]], 2),
        ("bacd", [["B"], ["A"], ["C"], ["D"]], None),
        ("B › A ＝ C ｜ D", [["B"], ["A", "C"], ["D"]], 2),
        ("| A, B", [["A"], ["B"]], 0),
        ("A B |", [["A"], ["B"]], 2),
        ("Ａ，Ｂ", [["A"], ["B"]], None),
        ("", [], None),
    ],
)
def test_a_ranking_in_one_line(text, groups, line):
    assert ranking(text) == {"ranking": groups} | ({} if line is None else {"acceptable": line})


@pytest.mark.parametrize("text", ["A == B", "= A", "A | B | C", "A1", "A =", "A ? B", "A = | B", "甲"])
def test_what_is_no_ranking_is_refused(text):
    with pytest.raises(DomainError):
        ranking(text)


@pytest.fixture
def disputed(cast):
    item = make_item(cast.project, overlap=2)
    first = judge(cast.project, cast.bob, [[0], [1], [2]])
    second = judge(cast.project, cast.carol, [[2], [1], [0]])
    item.refresh_from_db()
    return item, first, second


def test_own_ranking_settles_and_is_nobodys_work(cast, disputed):
    item, first, second = disputed
    before = (item.agreement, item.submitted, item.extras, item.held)
    client = signed_in(cast.dan)
    page = client.get(f"/p/ward/review/{item.pk}/")
    order = page.context["shown"]["order"]
    answer = client.post(
        f"/p/ward/review/{item.pk}/rule/", {"ranking": "b > a | c", "comment": "both wrong", "next": "1"}
    )
    assert answer.status_code == 302
    settled = Consensus.objects.get()
    assert settled.version.document["ranking"] == [[order[1]], [order[0]], [order[2]]]
    assert (settled.decided_by, settled.comment) == (cast.dan, "both wrong")
    item.refresh_from_db()
    assert item.state == "settled" and (item.agreement, item.submitted, item.extras, item.held) == before
    listed = client.get("/p/ward/review/?state=all").context["rows"]
    # what dan decided is no work to review
    assert [row.pk for one in listed for row in one.judgements] == [first.pk, second.pk]
    assert not client.get("/p/ward/mine/").context["rows"]
    html = client.get(f"/p/ward/review/{item.pk}/").content.decode()
    assert "own judgement</span>" in html
    assert client.post(f"/p/ward/review/{item.pk}/unsettle/").status_code == 302
    item.refresh_from_db()
    assert item.state == "done"
    assert Annotation.objects.get(ruling=True).state == "withdrawn"
    # and once more, as another version of the same judgement
    assert client.post(f"/p/ward/review/{item.pk}/rule/", {"ranking": "CBA"}).status_code == 302
    assert Consensus.objects.order_by("-pk").first().version.number == 2


def test_who_judged_the_item_does_not_settle_it(cast):
    item = make_item(cast.project)
    judge(cast.project, cast.dan)
    answer = signed_in(cast.dan).post(f"/p/ward/review/{item.pk}/rule/", {"ranking": "ABC"})
    assert answer.status_code == 409 and "somebody else must settle it" in answer.content.decode()
    assert not Consensus.objects.exists()


def test_a_fault_is_named_and_what_was_typed_stays(cast, disputed):
    item, _first, _second = disputed
    given = {"ranking": "A ? B", "comment": "why"}
    answer = signed_in(cast.dan).post(f"/p/ward/review/{item.pk}/rule/", given)
    html = answer.content.decode()
    assert answer.status_code == 400 and "is not understood here" in html
    assert 'value="A ? B"' in html and 'value="why"' in html and not Consensus.objects.exists()


def test_annotators_and_strangers_rule_nothing(cast, disputed):
    item, _first, _second = disputed
    for user, status in ((cast.bob, 403), (cast.eve, 404)):
        client = signed_in(user)
        assert client.post(f"/p/ward/review/{item.pk}/rule/", {"ranking": "ABC"}).status_code == status
        assert client.post(f"/p/ward/review/{item.pk}/accept/").status_code == status
        assert client.get("/p/ward/review/agreeing/").status_code == status
    assert not Consensus.objects.exists()


def test_a_pair_is_settled_by_ones_own_verdict(cast):
    cast.project.bench.kind = "qa"
    cast.project.bench.save()
    item = make_item(cast.project, ["three years"], kind="qa")
    judge(cast.project, cast.bob, verdict="keep")
    client = signed_in(cast.dan)
    refused = client.post(f"/p/ward/review/{item.pk}/rule/", {"verdict": "drop"})
    assert refused.status_code == 400 and "Say why this pair is dropped" in refused.content.decode()
    client.post(f"/p/ward/review/{item.pk}/rule/", {"verdict": "fix", "text": "five years"})
    document = Consensus.objects.get().version.document
    assert (document["verdict"], document["corrections"][0]["text"]) == ("fix", "five years")


def test_the_person_who_ruled_does_not_judge_the_item_afterwards(cast, disputed):
    item, first, _second = disputed
    client = signed_in(cast.dan)
    client.post(f"/p/ward/review/{item.pk}/rule/", {"ranking": "ABC"})
    client.post(f"/p/ward/review/{item.pk}/unsettle/")
    review.return_(annotation=first, reviewer=cast.alice, comment="again")
    Item.objects.filter(pk=item.pk).update(held=1)  # as if its author had let the place go
    item.assignments.filter(annotator=first.annotator).update(slot=None, state="skipped")
    held = queue.claim(project=cast.project, user=cast.dan)
    assert held.item_id == item.pk
    with pytest.raises(DomainError, match="settled this item yourself"):
        submit.submit(user=cast.dan, pk=held.pk, given={"ranking": [["A"], ["B"], ["C"]]}, client_key="k")


def test_all_of_an_item_in_one_go(cast, disputed):
    item, first, second = disputed
    client = signed_in(cast.dan)
    seen = f"{first.head_id},{second.head_id}"
    answer = client.post(f"/p/ward/review/{item.pk}/accept/", {"versions": seen, "next": "1"})
    assert answer["Location"] == "/p/ward/review/"
    assert set(Annotation.objects.values_list("state", flat=True)) == {"accepted"}
    again = client.post(f"/p/ward/review/{item.pk}/accept/", {"versions": seen})
    assert again.status_code == 409


def test_what_changed_since_it_was_seen_is_not_accepted_with_the_rest(cast, disputed):
    item, first, second = disputed
    seen = f"{first.head_id},{second.head_id}"
    held = item.assignments.get(annotator=first.annotator)
    submit.submit(user=cast.bob, pk=held.pk, given={"ranking": [["C"], ["B"], ["A"]]}, client_key="more")
    signed_in(cast.dan).post(f"/p/ward/review/{item.pk}/accept/", {"versions": seen})
    states = dict(Annotation.objects.values_list("pk", "state"))
    assert states == {first.pk: "submitted", second.pk: "accepted"}


def test_agreeing_work_is_shown_first_and_then_accepted_together(cast):
    project = cast.project
    items = [make_item(project, overlap=2) for _n in range(4)]
    same, other = [[0], [1], [2]], [[2], [0], [1]]
    for groups, more in ((same, {}), ([[1], [0], [2]], {}), (same, {"comment": "hm"}), (same, {})):
        judge(project, cast.bob, groups, **more)
    for groups in (same, other, same):
        judge(project, cast.carol, groups)
    judge(project, cast.dan, same)  # dan's own work agrees with bob's on the fourth
    client = signed_in(cast.dan)
    page = client.get("/p/ward/review/agreeing/")
    # the first agrees; the second does not, the third has a comment; the fourth is half dan's own
    assert [item.pk for item in page.context["items"]] == [items[0].pk, items[3].pk]
    assert page.context["judgement_count"] == 3
    extra = make_item(project, overlap=2)
    judge(project, cast.bob, same)
    judge(project, cast.carol, same)  # came after the page was shown
    form = {"least": "0.8", "upto": page.context["upto"]}
    assert client.post("/p/ward/review/agreeing/", form).status_code == 302
    accepted = Annotation.objects.filter(state="accepted").values_list("item_id", "annotator__user")
    wanted = [(items[0].pk, cast.bob.pk), (items[0].pk, cast.carol.pk), (items[3].pk, cast.bob.pk)]
    assert sorted(accepted) == sorted(wanted)
    assert not Annotation.objects.filter(item=extra, state="accepted").exists()
    for odd in ({"least": "x"}, {"least": "nan"}, {"least": "0.8", "upto": "x"}):
        assert client.post("/p/ward/review/agreeing/", odd).status_code == 200
    assert client.get("/p/ward/review/agreeing/?least=-1").context["judgement_count"]


def test_the_desk_costs_the_same_for_many_items(cast, django_assert_max_num_queries):
    for _n in range(6):
        make_item(cast.project)
        judge(cast.project, cast.bob)
    item = Item.objects.order_by("pk")[2]
    client = signed_in(make_member(cast.project, "reviewer"))
    client.get(f"/p/ward/review/{item.pk}/")
    with django_assert_max_num_queries(18):
        client.get(f"/p/ward/review/{item.pk}/")
