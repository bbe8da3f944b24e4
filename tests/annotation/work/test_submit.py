"""Drafts, submit, edit, undo, review: versions, counters, and what is refused."""

import pytest

from annotation import document as documents
from annotation.document_checks import check_shape
from annotation.models import Annotation, AnnotationVersion, Assignment, Consensus, DailyFigure, Item
from annotation.work import queue, review, submit
from core.errors import Conflict, DomainError
from core.models import Event
from tests.cast import make_item, make_member, make_project, make_prompt

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make_project(overlap=2)


@pytest.fixture
def alice(project):
    return make_member(project, "annotator")


@pytest.fixture
def rex(project):
    return make_member(project, "reviewer")


def letters_of(assignment):
    return "ABCDEFGHIJ"[: len(assignment.order)]


def work(project, user, document=None, key="k1", **kwargs):
    a = queue.claim(project=project, user=user)
    document = document or {"ranking": [[x] for x in letters_of(a)]}
    return a, submit.submit(user=user, pk=a.pk, given=document, client_key=key, **kwargs)


def test_letters_become_the_slots_that_were_shown(project, alice):
    make_item(project)
    a, made = work(
        project,
        alice,
        {
            "ranking": [["C"], ["A", "B"]],
            "acceptable": 1,
            "strength": [2],
            "ratings": {"C": {"overall": 5}},
            "comment": " kept  ",
        },
    )
    c, first, second = a.order[2], a.order[0], a.order[1]
    assert made.version.document == {
        "schema": 1,
        "ranking": [[c], [first, second]],
        "acceptable": 1,
        "strength": [2],
        "ratings": {str(c): {"overall": 5}},
        "comment": " kept  ",
    }
    assert made.version.order == a.order and made.annotation.head == made.version


def test_the_same_client_key_is_answered_with_the_first_result(project, alice):
    make_item(project)
    a, first = work(project, alice)
    again = submit.submit(user=alice, pk=a.pk, given={"ranking": [["A"], ["B"], ["C"]]}, client_key="k1")
    assert again.version.pk == first.version.pk
    assert AnnotationVersion.objects.count() == 1 and Item.objects.get().submitted == 1


def test_an_edit_appends_a_version_and_counts_once(project, alice):
    make_item(project)
    a, _first = work(project, alice, active_ms=1000)
    second = submit.submit(
        user=alice, pk=a.pk, given={"ranking": [["B"], ["A"], ["C"]]}, client_key="k2", active_ms=1500
    )
    assert (second.version.number, second.version.action) == (2, "edit")
    figure = DailyFigure.objects.get()
    assert Item.objects.get().submitted == 1 and (figure.submitted, figure.active_ms) == (1, 1500)


def test_counters_state_and_events_follow(project, alice):
    bob = make_member(project, "annotator")
    item = make_item(project)
    work(project, alice)
    item.refresh_from_db()
    assert (item.submitted, item.state) == (1, "open")
    work(project, bob)
    item.refresh_from_db()
    assert (item.submitted, item.state) == (2, "done")
    assert -1 <= item.agreement <= 1
    assert list(Event.objects.filter(verb="submit").values_list("target_id", flat=True)) == [item.pk, item.pk]
    assert AnnotationVersion.objects.exclude(event_id__in=Event.objects.values("id")).count() == 0


def test_undo_takes_the_judgement_back_and_opens_it_with_its_text(project, alice):
    item = make_item(project)
    make_item(project)
    a, made = work(project, alice, {"ranking": [["B"], ["A"], ["C"]], "comment": "hm"})
    now_open = queue.claim(project=project, user=alice)
    back = submit.undo(user=alice, pk=a.pk)
    assert back.state == "open" and back.draft == {
        "schema": 1,
        "ranking": [["B"], ["A"], ["C"]],
        "comment": "hm",
    }
    now_open.refresh_from_db()
    assert now_open.state == "reserved"
    made.annotation.refresh_from_db()
    assert (made.annotation.state, made.annotation.head.action) == ("withdrawn", "undo")
    item.refresh_from_db()
    assert (item.submitted, item.held, DailyFigure.objects.get().submitted) == (0, 1, 0)
    again = submit.submit(user=alice, pk=a.pk, given={"ranking": [["A"], ["B"], ["C"]]}, client_key="k2")
    assert (again.version.number, again.version.action) == (3, "submit")
    item.refresh_from_db()
    assert item.submitted == 1


def test_a_stale_draft_is_refused_and_both_are_kept(project, alice):
    make_item(project)
    a = queue.claim(project=project, user=alice)
    assert submit.save_draft(user=alice, pk=a.pk, draft={"comment": "one"}, revision=0).revision == 1
    with pytest.raises(Conflict) as stale:
        submit.save_draft(user=alice, pk=a.pk, draft={"comment": "two"}, revision=0)
    assert stale.value.data["revision"] == 1 and stale.value.data["document"] == {"comment": "one"}
    # The same draft sent again (its answer was lost on the way) is no conflict.
    assert submit.save_draft(user=alice, pk=a.pk, draft={"comment": "one"}, revision=0).revision == 1


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "ranking"),
        ({"ranking": [["A"]]}, "ranking"),
        ({"ranking": [["A"], ["A"]]}, "ranking"),
        ({"ranking": [["D"]]}, "document"),
        ({"ranking": [["A"], ["B"]], "strength": [1, 2]}, "strength"),
        ({"ranking": [["A"], ["B"]], "strength": [4]}, "strength"),
        ({"ranking": [["A"], ["B"]], "acceptable": 3}, "acceptable"),
        ({"ranking": [["A"], ["B"]], "acceptable": True}, "acceptable"),
        ({"ranking": [["A"], ["B"]], "ratings": {"A": {"overall": 6}}}, "ratings"),
        ({"ranking": [["A"], ["B"]], "ratings": {"Z": {"overall": 5}}}, "document"),
        (
            {"ranking": [["A"], ["B"]], "corrections": [{"target": "response", "answer": "A", "text": "  "}]},
            "corrections",
        ),
        (
            {"ranking": [["A"], ["B"]], "corrections": [{"target": "turn", "turn": 0, "text": "x"}]},
            "corrections",
        ),
        ({"ranking": [["A"], ["B"]], "corrections": [{"target": "response", "text": "x"}]}, "corrections"),
        ({"ranking": [["A"], ["B"]], "spans": [{"answer": "A", "start": 3, "end": 2}]}, "spans"),
        ({"ranking": [["A"], ["B"]], "spans": [{"start": 0, "end": 2}]}, "spans"),
        ({"ranking": [["A"], ["B"]], "spans": [{"answer": "F", "start": 0, "end": 2}]}, "document"),
        ({"ranking": [["A"], ["B"]], "surprise": 1}, "surprise"),
        ({"ranking": "A>B"}, "ranking"),
        ([], "document"),
    ],
)
def test_a_document_that_says_too_little_or_contradicts_itself_names_its_field(
    project, alice, document, field
):
    make_item(project)
    a = queue.claim(project=project, user=alice)
    with pytest.raises(DomainError) as refused:
        submit.submit(user=alice, pk=a.pk, given=document, client_key="k")
    assert refused.value.field == field
    assert not AnnotationVersion.objects.exists()


@pytest.mark.parametrize(
    "document",
    [
        {"ranking": [["A"], ["B", "C"]]},
        {"ranking": [["A"]], "rest": "worse"},
        {"ranking": [["A", "B", "C"]]},
        {"acceptable": 0},
        {"ranking": [["B"]], "acceptable": 1},
        {
            "ranking": [["A"], ["B"]],
            "corrections": [
                {
                    "target": "response",
                    "answer": "B",
                    "text": "better",
                    "wording_only": True,
                    "evidence": "art. 188",
                }
            ],
        },
    ],
)
def test_what_may_be_said(project, alice, document):
    make_item(project)
    _a, made = work(project, alice, document)
    assert made.version.pk


def test_qa_wants_a_verdict_that_fits():
    project = make_project(kind="qa")
    user = make_member(project, "annotator")
    make_item(project, answers=["the answer"])
    a = queue.claim(project=project, user=user)
    fix = [{"target": "question", "text": "new question?"}]
    for document, field in (
        ({}, "verdict"),
        ({"verdict": "drop"}, "reasons"),
        ({"verdict": "fix"}, "corrections"),
        ({"verdict": "keep", "corrections": fix}, "verdict"),
    ):
        with pytest.raises(DomainError) as refused:
            submit.submit(user=user, pk=a.pk, given=document, client_key="k")
        assert refused.value.field == field
    assert submit.submit(
        user=user, pk=a.pk, given={"verdict": "fix", "corrections": fix}, client_key="k"
    ).version.pk


@pytest.mark.parametrize("name", sorted(documents.FORMS))
def test_a_field_of_another_form_is_told_what_it_must_look_like(name):
    with pytest.raises(DomainError, match="must look like this") as refused:
        check_shape({name: 3.5})
    assert refused.value.field == name and documents.FORMS[name] in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "document", "field"),
    [
        ("ranking", {"ranking": [["A"]], "acceptable": 1, "verdict": "keep"}, "verdict"),
        ("ranking", {"ranking": [["A"]], "acceptable": 1, "demonstration": "My own."}, "demonstration"),
        ("ranking", {"ranking": [["A"]], "acceptable": 1, "reasons": ["wrong_answer"]}, "reasons"),
        ("qa", {"verdict": "keep", "ranking": [["A"]]}, "ranking"),
        ("qa", {"verdict": "drop", "reasons": ["bad_question"], "acceptable": 0}, "acceptable"),
        ("qa", {"verdict": "keep", "ratings": {"A": {"overall": 5}}}, "ratings"),
        ("demonstration", {"demonstration": "My own.", "verdict": "keep"}, "verdict"),
        ("demonstration", {"demonstration": "My own.", "acceptable": 0}, "acceptable"),
    ],
)
def test_a_judgement_says_nothing_that_belongs_to_another_kind(kind, document, field):
    """Such a field would become a training row about whichever answer stands first."""
    project = make_project(kind=kind)
    make_item(project, answers={"ranking": ["one", "two"], "qa": ["one"], "demonstration": []}[kind])
    user = make_member(project, "annotator")
    a = queue.claim(project=project, user=user)
    with pytest.raises(DomainError) as refused:
        submit.submit(user=user, pk=a.pk, given=document, client_key="k")
    assert refused.value.field == field and not Annotation.objects.exists()
    sound = {name: value for name, value in document.items() if name != field}
    assert submit.submit(user=user, pk=a.pk, given=sound, client_key="k").version.pk


def test_a_turn_of_the_assistant_can_be_corrected(project, alice):
    messages = [
        {"role": "user", "content": "q1"},
        {"role": "assistant", "content": "a1"},
        {"role": "user", "content": "q2"},
    ]
    make_item(project, prompt=make_prompt(project, messages=messages))
    _a, made = work(
        project,
        alice,
        {"ranking": [["A"], ["B"]], "corrections": [{"target": "turn", "turn": 1, "text": "better a1"}]},
    )
    assert made.version.document["corrections"] == [{"target": "turn", "turn": 1, "text": "better a1"}]


def test_accept_closes_return_opens_settle_decides(project, alice, rex):
    item = make_item(project)
    a, made = work(project, alice)
    with pytest.raises(DomainError):
        review.return_(annotation=made.annotation, reviewer=rex, comment=" ")
    review.return_(annotation=made.annotation, reviewer=rex, comment="look at B again")
    made.annotation.refresh_from_db()
    item.refresh_from_db()
    assert made.annotation.state == "returned" and item.submitted == 0
    again = submit.submit(user=alice, pk=a.pk, given={"ranking": [["A"], ["B"], ["C"]]}, client_key="k2")
    assert again.version.action == "edit" and Item.objects.get().submitted == 1
    review.accept(annotation=again.annotation, reviewer=rex)
    with pytest.raises(Conflict) as closed:
        submit.submit(user=alice, pk=a.pk, given={"ranking": [["B"], ["A"], ["C"]]}, client_key="k3")
    assert closed.value.code == "reviewed"
    with pytest.raises(Conflict):
        submit.undo(user=alice, pk=a.pk)
    review.settle(item=item, version=again.version, reviewer=rex)
    assert Item.objects.get().state == "settled"
    with pytest.raises(Conflict):
        review.settle(item=item, version=again.version, reviewer=rex)
    review.unsettle(item=item, reviewer=rex)
    assert Item.objects.get().state == "open" and Consensus.objects.count() == 2


def test_nobody_reviews_their_own_work(project, rex):
    item = make_item(project)
    _a, made = work(project, rex)
    for act in (
        lambda: review.accept(annotation=made.annotation, reviewer=rex),
        lambda: review.return_(annotation=made.annotation, reviewer=rex, comment="x"),
        lambda: review.settle(item=item, version=made.version, reviewer=rex),
    ):
        with pytest.raises(DomainError) as refused:
            act()
        assert refused.value.status == 403


def test_annotators_and_strangers_cannot_review(project, alice):
    make_item(project)
    _a, made = work(project, alice)
    for user in (make_member(project, "annotator"), make_member(make_project(), "manager")):
        with pytest.raises(DomainError) as refused:
            review.accept(annotation=made.annotation, reviewer=user)
        assert refused.value.status == 404
    assert Annotation.objects.get().state == "submitted"


def test_superseded_version_cannot_be_settled(project, alice, rex):
    item = make_item(project)
    a, first = work(project, alice)
    submit.submit(user=alice, pk=a.pk, given={"ranking": [["B"], ["A"], ["C"]]}, client_key="k2")
    with pytest.raises(Conflict):
        review.settle(item=item, version=first.version, reviewer=rex)
    assert Assignment.objects.get().state == "submitted"
