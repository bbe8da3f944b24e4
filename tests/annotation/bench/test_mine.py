"""My work: what one said in one's own letters, skips, search, counts, the reviewer's letters."""

import pytest
from django.test import Client

from annotation import document, presentation
from annotation.bench import mine, payload
from annotation.document import Judgement
from annotation.models import Annotation, AnnotationVersion, Assignment, Review
from annotation.work import queue, review, submit
from tests.annotation.bench.bench_items import qa_project
from tests.cast import make_annotator, make_item, make_member, make_project, make_prompt

pytestmark = pytest.mark.django_db


def page_of(user, project, **query):
    client = Client()
    client.force_login(user)
    return client.get(f"/p/{project.slug}/mine/", query)


@pytest.fixture
def ward():
    project = make_project("ward", overlap=2)
    for text in ("发烧怎么办", "May I take ibuprofen?", "阿司匹林的剂量"):
        prompt = make_prompt(project, messages=[{"role": "user", "content": text}])
        make_item(project, ["one", "two", "three"], prompt=prompt)
    return project


def _next(project, user):
    return queue.claim(project=project, user=user)


def _submit(assignment, user, **document):
    return submit.submit(user=user, pk=assignment.pk, given=document, client_key=f"k{assignment.pk}")


def test_a_ranking_is_read_in_the_letters_its_author_saw(ward):
    bob = make_member(ward, "annotator")
    held = _next(ward, bob)
    Assignment.objects.filter(pk=held.pk).update(order=[2, 0, 1])
    _submit(held, bob, ranking=[["B"], ["A"]], rest="worse", acceptable=1, comment="剂量错了")
    row = page_of(bob, ward).context["rows"][0]
    assert row.head.document["ranking"] == [[0], [2]]  # stored by slots
    assert row.brief == ["B | A › the rest", "“剂量错了”"]
    assert "B | A › the rest" in page_of(bob, ward).content.decode()


def test_a_verdict_is_read_with_its_reasons():
    project, expert = qa_project(items=2)
    _submit(_next(project, expert), expert, verdict="drop", reasons=["wrong_answer", "bad_question"])
    fixed = [{"target": "question", "text": "两年的合同，试用期最长几个月？"}]
    _submit(_next(project, expert), expert, verdict="fix", corrections=fixed)
    briefs = [row.brief for row in page_of(expert, project).context["rows"]]
    assert briefs == [
        ["Fix", "Question corrected"],
        ["Drop · The answer is wrong, The question is unclear or wrong"],
    ]


@pytest.mark.parametrize("stored", [{"ranking": [[7]]}, {"ratings": {"x": {"overall": 1}}}])
def test_a_document_of_other_answers_says_nothing_rather_than_fail(stored):
    assert presentation.in_brief(Judgement(stored), [0, 1]) == []


def test_skips_are_listed_with_their_reason(ward):
    bob = make_member(ward, "annotator")
    held = _next(ward, bob)
    queue.skip(user=bob, pk=held.pk, reason="not_my_field", comment="儿科 <b>")
    page = page_of(bob, ward, state="skipped")
    html = page.content.decode()
    assert [row.pk for row in page.context["rows"]] == [held.pk]
    assert "Not my field" in html
    assert "儿科 &lt;b&gt;" in html
    assert page_of(bob, ward).context["rows"] == []


def test_filters_say_how_many_and_count_to_a_bound(ward, monkeypatch):
    bob = make_member(ward, "annotator")
    for _n in range(2):
        _submit(_next(ward, bob), bob, ranking=[["A"], ["B"], ["C"]])
    queue.skip(user=bob, pk=_next(ward, bob).pk, reason="unclear")
    context = page_of(bob, ward).context
    shown = {value: label for value, _label, label, _n in context["states"]}
    assert shown == {"submitted": "2", "accepted": "0", "returned": "0", "withdrawn": "0", "skipped": "1"}
    assert context["all"] == "2"
    monkeypatch.setattr(mine, "COUNTED", 2)
    assert {v: s for v, _l, s, _n in page_of(bob, ward).context["states"]}["submitted"] == "1+"
    html = page_of(make_member(ward, "annotator"), ward).content.decode()  # nothing done: no empty filters
    assert "?state=accepted" not in html


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("发烧", ["发烧怎么办"]),
        ("ibuprofen", ["May I take ibuprofen?"]),
        ("IBU take", ["May I take ibuprofen?"]),
        ("剂量", ["阿司匹林的剂量"]),
        ("发烧 剂量", []),
        ("·!", []),
        ("one", None),
    ],
)
def test_words_are_found_in_chinese_and_english(ward, q, expected):
    bob = make_member(ward, "annotator")
    for _n in range(3):
        _submit(_next(ward, bob), bob, ranking=[["A"], ["B"], ["C"]])
    found = [row.excerpt for row in page_of(bob, ward, q=q).context["rows"]]
    assert found == expected if expected is not None else len(found) == 3


def test_a_search_looks_through_the_newest_and_says_so(ward, monkeypatch):
    bob = make_member(ward, "annotator")
    for _n in range(3):
        _submit(_next(ward, bob), bob, ranking=[["A"], ["B"], ["C"]])
    monkeypatch.setattr(mine, "SEARCHED", 2)
    page = page_of(bob, ward, q="one")
    assert len(page.context["rows"]) == 2
    assert "your newest 2" in page.content.decode()


def test_nobody_finds_what_another_did(ward):
    bob, carol = make_member(ward, "annotator"), make_member(ward, "annotator")
    _submit(_next(ward, bob), bob, ranking=[["A"], ["B"], ["C"]])
    queue.skip(user=bob, pk=_next(ward, bob).pk, reason="unclear")
    make_annotator(ward, carol)
    for query in ({}, {"q": "one"}, {"state": "skipped"}, {"q": "one", "state": "skipped"}):
        assert page_of(carol, ward, **query).context["rows"] == []


def test_the_reviewers_letters_are_said_in_ones_own(ward):
    bob, dan = make_member(ward, "annotator"), make_member(ward, "reviewer")
    held = _next(ward, bob)
    theirs = payload.review_order(held.item, ward)
    Assignment.objects.filter(pk=held.pk).update(order=[theirs[1], theirs[0], theirs[2]])
    _submit(held, bob, ranking=[["A"], ["B"], ["C"]])
    annotation = Annotation.objects.get(item=held.item)
    review.return_(annotation=annotation, reviewer=dan, comment="A is the better one.")
    html = page_of(bob, ward, state="returned").content.decode()
    assert "A is B here" in html
    assert "B is A here" in html
    Review.objects.update(comment="Please name the guideline.")  # and no answer
    assert "In the reviewer" not in page_of(bob, ward).content.decode()
    Review.objects.update(comment="A is the better one.")
    Assignment.objects.filter(pk=held.pk).update(order=theirs)
    assert "In the reviewer" not in page_of(bob, ward).content.decode()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("D 的剂量有误", True),
        ("请看Ｂ。", True),
        ("BC都有错", True),
        ("c is wrong, see d", True),
        ("Bad and dear, because of the dose", True),  # only letters of answers: told rather than left out
        ("请按标注指南改正，并注明依据。", False),
        ("I agree; it could harm people, see rule 5.", False),
        ("A 很好", False),
        ("", False),
    ],
)
def test_letters_are_translated_where_any_is_named(text, named):
    pairs = [("B", "C"), ("C", "D"), ("D", "B")]
    assert document.letters_named(pairs, text) == (pairs if named else [])


def test_the_page_asks_as_much_for_fifty_rows_as_for_one(ward, django_assert_max_num_queries):
    bob = make_member(ward, "annotator")
    annotator = make_annotator(ward, bob)
    for _n in range(60):
        item = make_item(ward)
        Assignment.objects.create(
            project=ward, item=item, annotator=annotator, state="submitted", order=[0, 1, 2]
        )
        row = Annotation.objects.create(project=ward, item=item, annotator=annotator)
        row.head = AnnotationVersion.objects.create(
            annotation=row, number=1, document={"ranking": [[0], [1]]}, client_key="k", event_id=0
        )
        row.save()
    client = Client()
    client.force_login(bob)
    address = f"/p/{ward.slug}/mine/"
    client.get(address)
    with django_assert_max_num_queries(11):
        page = client.get(address)
    assert len(page.context["rows"]) == 50
    older = {"state": "submitted", "before": page.context["more"]}
    with django_assert_max_num_queries(11):
        assert len(client.get(address, older).context["rows"]) == 10
