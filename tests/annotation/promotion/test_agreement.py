"""How often experts agreed with the thumb: whose word counts, and what it says of an answer."""

import pytest
from django.urls import reverse
from django.utils import timezone

from annotation.document import Judgement
from annotation.models import Annotation, Item
from annotation.promotion import panel as feedback_panel
from annotation.promotion import rules as promotion
from annotation.work import queue, review, submit
from feedback.quality import intervals
from tests.annotation.promotion.promoted_talks import make_answer, make_chat, make_talk, thumb
from tests.cast import make_member, make_project

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("document", "kind", "slot", "said"),
    [
        ({"verdict": "keep"}, "qa", 0, "good"),
        ({"verdict": "drop", "reasons": ["wrong_answer"]}, "qa", 0, "bad"),
        ({"verdict": "drop", "reasons": ["unsupported"]}, "qa", 0, "bad"),
        ({"verdict": "drop", "reasons": ["bad_question"]}, "qa", 0, ""),
        (
            {"verdict": "fix", "corrections": [{"target": "response", "answer": 0, "text": "x"}]},
            "qa",
            0,
            "bad",
        ),
        (
            {
                "verdict": "fix",
                "corrections": [{"target": "response", "answer": 0, "text": "x", "wording_only": True}],
            },
            "qa",
            0,
            "",
        ),
        ({"verdict": "fix", "corrections": [{"target": "question", "text": "x"}]}, "qa", 0, ""),
        ({"ranking": [[1], [0]]}, "ranking", 0, ""),
        ({"ranking": [[1], [0]], "acceptable": 1}, "ranking", 1, "good"),
        ({"ranking": [[1], [0]], "acceptable": 1}, "ranking", 0, "bad"),
        ({"ranking": [[1], [0]], "acceptable": 2}, "ranking", 0, "good"),
        ({"ranking": [], "acceptable": 0}, "ranking", 0, "bad"),
        ({"ranking": [[1]], "acceptable": 1, "rest": "worse"}, "ranking", 0, "bad"),
        ({"ranking": [[1]], "acceptable": 1}, "ranking", 0, ""),
        ({"demonstration": "x"}, "demonstration", 0, ""),
    ],
)
def test_what_a_judgement_says_of_an_answer(document, kind, slot, said):
    assert feedback_panel.verdict(Judgement(document), kind, slot) == said


def test_the_majority_has_it_and_a_tie_says_nothing():
    keep = ("qa", Judgement({"verdict": "keep"}))
    drop = ("qa", Judgement({"verdict": "drop", "reasons": ["wrong_answer"]}))
    assert [feedback_panel.word(found, 0) for found in ([keep], [keep, drop], [keep, drop, drop], [])] == [
        "good",
        "",
        "bad",
        "",
    ]


@pytest.fixture
def project(db):
    project = make_project("clinic", overlap=2)
    make_chat(project)
    for kind in ("down", "random"):
        promotion.create(
            project=project, actor=None, name=kind, kind=kind, share=100, daily_cap=1000, per_person_cap=1000
        )
    return project


def figures(project):
    today = timezone.now().date()
    return feedback_panel.figures(project, today, today)


def judge(project, who, given):
    """Judge the next item: `given` by the text of its only answer."""
    assignment = queue.claim(project=project, user=who)
    text = assignment.item.answers.get().response.text
    return submit.submit(user=who, pk=assignment.pk, given=given[text], client_key=f"{who.pk}").annotation


def test_agreement_counts_settled_before_accepted_before_submitted(project):
    keep, drop = {"verdict": "keep"}, {"verdict": "drop", "reasons": ["wrong_answer"]}
    said = {"bad one": -1, "good one": 1, "contested": -1, "silent": 0, "unjudged": -1}
    for text, value in said.items():
        answer = make_talk(project, (f"{text}?", text))[0]
        if value:
            thumb(answer, value)
    promotion.run(project)
    assert figures(project)["agreed"] is None
    experts = [make_member(project, "annotator") for _i in range(2)]
    reviewer = make_member(project, "reviewer")
    first = {"bad one": drop, "good one": keep, "contested": keep, "silent": keep, "unjudged": None}
    second = first | {"contested": drop}
    for who, given in zip(experts, (first, second), strict=True):
        for _i in range(5):
            assignment = queue.claim(project=project, user=who)
            text = assignment.item.answers.get().response.text
            if given[text] is None:
                queue.skip(user=who, pk=assignment.pk, reason="unclear")
            else:
                submit.submit(user=who, pk=assignment.pk, given=given[text], client_key="k")
    found = figures(project)
    assert (found["answers"], found["put"]) == (5, 5)
    assert found["table"] == {(-1, "bad"): 1, (1, "good"): 1, (-1, ""): 1}
    assert found["agreed"] == intervals.wilson(2, 2)
    # A reviewer's word on the contested one: accepted stands above submitted, settled above both.
    contested = Annotation.objects.filter(item__answers__response__text="contested").order_by("pk")
    review.accept(annotation=contested[0], reviewer=reviewer)
    assert figures(project)["table"][-1, "good"] == 1
    review.settle(item=contested[1].item, version=contested[1].head, reviewer=reviewer)
    found = figures(project)
    assert found["table"] == {(-1, "bad"): 2, (1, "good"): 1} and found["agreed"] == intervals.wilson(3, 3)
    assert {row["item"] for row in found["rows"]} <= set(Item.objects.values_list("pk", flat=True))


def test_the_thumbs_of_several_people_on_one_item_count_each_for_its_answer(project):
    first = make_talk(project, ("How much?", "50 mg"))[0]
    other = make_answer(first.parent, "5 mg")
    thumb(first, -1)
    thumb(other, 1)
    promotion.run(project)
    who = make_member(project, "annotator")
    assignment = queue.claim(project=project, user=who)
    slots = {a.slot: a.response.text for a in assignment.item.answers.select_related("response")}
    good = "ABCDEFGHIJ"[[slots[s] for s in assignment.order].index("5 mg")]
    bad = "B" if good == "A" else "A"
    submit.submit(
        user=who, pk=assignment.pk, given={"ranking": [[good], [bad]], "acceptable": 1}, client_key="k"
    )
    assert figures(project)["table"] == {(-1, "bad"): 1, (1, "good"): 1}


def test_the_panel_stands_on_the_page_and_links_to_the_items(client, project):
    thumb(make_talk(project, ("q?", "bad one"))[0], -1)
    promotion.run(project)
    client.force_login(make_member(project, "reviewer"))
    address = reverse("feedback", args=["clinic"])
    assert "No expert has judged any of them yet." in client.get(address).content.decode()
    judge(
        project,
        make_member(project, "annotator"),
        {"bad one": {"verdict": "drop", "reasons": ["wrong_answer"]}},
    )
    text = client.get(address).content.decode()
    assert "100% (21–100)" in text and reverse("review_item", args=["clinic", Item.objects.get().pk]) in text
