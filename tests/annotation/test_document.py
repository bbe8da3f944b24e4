"""The read-view of a judgement."""

from dataclasses import FrozenInstanceError

import pytest

from annotation.document import OVERALL, Claim, Correction, Judgement

WHOLE = {
    "ranking": [[2], [0, 3]],
    "strength": [3],
    "rest": "worse",
    "acceptable": 1,
    "ratings": {"2": {"overall": 5}},
    "answer_flags": {"0": ["harmful"]},
    "corrections": [
        {"target": "response", "answer": 0, "text": "better", "wording_only": True, "evidence": "page 3"},
        {"target": "question", "text": "why?"},
        {"target": "turn", "turn": 1, "text": "earlier"},
    ],
    "claims": [{"text": "one", "state": "supported"}],
    "comment": "a comment",
    "evidence": "a page",
    "flags": ["nonsense"],
}


def test_everything_that_a_document_says_is_read():
    said = Judgement(WHOLE)
    assert said.is_ranking() and said.groups() == [[2], [0, 3]] and said.strengths() == [3]
    assert said.rest(range(5)) == [1, 4] and said.rest_is_worse() and said.acceptable() == 1
    assert said.ratings() == {"2": {OVERALL: 5}} and said.answer_flags() == {"0": ["harmful"]}
    assert said.has_corrections()
    assert said.corrections() == [
        Correction("response", "better", 0, wording_only=True, evidence="page 3"),
        Correction("question", "why?"),
        Correction("turn", "earlier", turn=1),
    ]
    assert [(c.of_answer, c.of_question, c.of_turn) for c in said.corrections()] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]
    assert said.claims() == [Claim("one", "supported")] and said.flags() == ["nonsense"]
    assert said.comment() == "a comment" and said.evidence() == "a page"
    dropped = Judgement({"verdict": "drop", "reasons": ["wrong_answer", "bad_question"]})
    assert dropped.verdict() == "drop" and dropped.reason_kinds() == {"answer", "question"}
    assert Judgement({"demonstration": "x"}).demonstration() == "x"


def test_what_was_not_said_is_empty():
    said = Judgement({})
    assert not said.is_ranking() and not said.groups() and said.rest(range(2)) == [0, 1]
    assert not said.rest_is_worse() and said.acceptable() is None and not said.strengths()
    assert not said.ratings() and not said.answer_flags() and not said.has_corrections()
    assert said.corrections() == [] and not said.has_demonstration() and said.demonstration() == ""
    assert said.verdict() is None and not said.reasons() and said.reason_kinds() == set()
    assert said.claims() == [] and said.comment() == said.evidence() == "" and not said.flags()


def test_it_is_read_by_letters_and_the_document_stays_as_it_is():
    said = Judgement(
        {"ranking": [[2], [0]], "corrections": [{"target": "response", "answer": 2, "text": "x"}]}
    )
    letters = said.by_letters([2, 0, 1])
    assert letters.groups() == [["A"], ["B"]] and letters.corrections()[0].answer == "A"
    assert said.groups() == [[2], [0]]


def test_it_is_made_of_what_it_says():
    assert Judgement.of(groups=[[0]], acceptable=1) == Judgement({"ranking": [[0]], "acceptable": 1})
    assert Judgement.of(groups=[[1]], rest_is_worse=True) == Judgement({"ranking": [[1]], "rest": "worse"})
    assert Judgement.of(groups=[], acceptable=0).is_ranking()
    corrected = Judgement.of(corrected_answers=[(0, "x")])
    assert corrected.corrections() == [Correction("response", "x", 0)] and not corrected.is_ranking()


def test_it_is_frozen():
    with pytest.raises(FrozenInstanceError):
        Judgement({})._document = {}
