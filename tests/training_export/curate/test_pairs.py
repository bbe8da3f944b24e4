"""Rules of pairs.py and targets.py, by example and by property (hypothesis). Without a database."""

import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.document import Judgement
from training_export.curate.assemble import examples_of
from training_export.curate.examples import Answer, Binary, Preference, PromptOnly, RankedList, Sft
from training_export.curate.judged_prompts import AttributedJudgement, Judged, JudgedAnswer, JudgedPrompt
from training_export.curate.pairs import pairs_of
from training_export.curate.rules import CurationRules
from training_export.curate.substantive_edits import always_substantive, sensitive
from training_export.options import choices_of

MESSAGES = [{"role": "user", "content": "question"}]


def prompt_of(texts, judgements, **fields):
    return JudgedPrompt(
        MESSAGES,
        "group",
        [JudgedAnswer(Answer(t, origin="model:m"), t, [i], ["m"]) for i, t in enumerate(texts)],
        judgements,
        **fields,
    )


def by(name, document, n, *, event=1, status="raw", item=1):
    return AttributedJudgement(name, Judged(event), event, status, Judgement(document), item, tuple(range(n)))


def checked(name, document, answer, *, event=1, status="raw", item=0):
    """A QA judgement of one answer, on an item of its own."""
    says = Judgement(document)
    return AttributedJudgement(name, Judged(event), event, status, says, item or answer + 1, (answer,))


def saying(judgement, document):
    """`judgement`, as if it had said `document`."""
    return AttributedJudgement(
        judgement.annotator,
        judgement.source,
        judgement.event,
        judgement.status,
        Judgement(document),
        judgement.item,
        judgement.slots,
    )


def stored(judgement):
    return judgement.says._document


def without_corrections(judgement):
    stored(judgement).pop("corrections", None)


def written(prompt, **rules):
    pairs, out = pairs_of(prompt, prompt.judgements, CurationRules(**rules))
    return {(p.chosen.text, p.rejected.text) for p in pairs}, +out


def to(text, answer, **more):
    return {"target": "response", "answer": answer, "text": text, **more}


# --- by example ---------------------------------------------------------------------------------------------


def test_one_person_on_two_items_of_a_prompt_has_one_vote_the_later_one():
    prompt = prompt_of(
        "AB",
        [
            by("X", {"ranking": [[0], [1]]}, 2, item=1),
            by("X", {"ranking": [[1], [0]]}, 2, event=2, item=2),
        ],
    )
    assert written(prompt) == ({("B", "A")}, {})


def cut(prompt, *places):
    for place in places:
        prompt.answers[place].cut = True
    return prompt


def test_a_cut_answer_is_on_no_better_side_and_on_the_worse_one_only_by_choice():
    ranked = [by("X", {"ranking": [[0], [1], [2]], "acceptable": 2}, 3)]
    assert written(cut(prompt_of("ABC", ranked), 1)) == ({("A", "C")}, {"cut_pair": 2})
    assert written(cut(prompt_of("ABC", ranked), 1), cut_rejected=True) == (
        {("A", "B"), ("A", "C")},
        {"cut_pair": 1},
    )
    assert written(cut(prompt_of("ABC", ranked), 0), pairs="best-worst") == ({("B", "C")}, {"cut_pair": 2}), (
        "best and worst of the whole ones"
    )


def test_a_cut_answer_is_no_answer_to_learn_and_no_good_one():
    takes = frozenset({Sft, Binary, RankedList})
    ranked = [by("X", {"ranking": [[0], [1], [2]], "acceptable": 1}, 3)]

    def found(place, **rules):
        rows, out = examples_of(
            cut(prompt_of("ABC", ranked), place), CurationRules(sft_top=True, **rules), takes
        )
        said = [
            (type(r).__name__, r.target.text)
            if type(r) is Sft
            else (r.label, r.answer.text)
            if type(r) is Binary
            else [g[0].text for g in r.groups]
            for r in rows
        ]
        return said, out["cut_answer"]

    assert found(0) == ([(False, "B"), (False, "C"), ["B", "C"]], 3)
    assert found(0, cut_rejected=True) == ([(False, "B"), (False, "C"), ["B", "C"]], 3)
    assert found(2) == ([("Sft", "A"), (True, "A"), (False, "B"), ["A", "B"]], 2)
    assert found(2, cut_rejected=True) == (
        [("Sft", "A"), (True, "A"), (False, "B"), (False, "C"), ["A", "B", "C"]],
        0,
    )


def test_a_fix_of_a_cut_answer_is_learnt():
    prompt = cut(prompt_of("A", [by("X", {"verdict": "fix", "corrections": [to("A whole.", 0)]}, 1)]), 0)
    rows, out = examples_of(prompt, CurationRules(), frozenset({Sft}))
    assert [r.target.text for r in rows] == ["A whole."] and not out
    kept = cut(prompt_of("A", [by("X", {"verdict": "keep"}, 1)]), 0)
    assert examples_of(kept, CurationRules(), frozenset({Sft})) == ([], Counter(cut_answer=1, no_target=1))
    offered = cut(prompt_of("A", []), 0)
    offered.answers[0].targets = [1]
    assert examples_of(offered, CurationRules(), frozenset({Sft})) == ([], Counter(cut_answer=1))


def test_a_question_that_had_a_picture_makes_no_row():
    prompt = prompt_of("AB", [by("X", {"ranking": [[0], [1]], "acceptable": 1}, 2)])
    prompt.messages = [
        {"role": "user", "content": "What is this?", "missing": [{"kind": "image"}]},
        {"role": "assistant", "content": "A cat."},
        *MESSAGES,
    ]
    assert examples_of(
        prompt, CurationRules(), frozenset({Sft, Preference, Binary, RankedList, PromptOnly})
    ) == ([], Counter(not_text=1))


def test_a_settled_judgement_on_another_item_of_the_prompt_outweighs_raw_ones():
    judgements = [by("X", {"ranking": [[0], [1]]}, 2, item=1, status="settled")]
    judgements += [by(name, {"ranking": [[1], [0]]}, 2, event=2, item=2) for name in "YZ"]
    assert written(prompt_of("AB", judgements), annotators="majority") == ({("A", "B")}, {})


def test_a_settled_judgement_is_not_replaced_by_a_later_raw_one_of_the_same_person():
    judgements = [
        by("X", {"ranking": [[0], [1]], "acceptable": 1}, 2, item=1, status="settled"),
        by("X", {"ranking": [[1], [0]], "acceptable": 1}, 2, event=2, item=2),
    ]
    for mode in ("each", "majority"):
        assert written(prompt_of("AB", judgements), annotators=mode) == ({("A", "B")}, {})
        rows, _ = examples_of(
            prompt_of("AB", judgements), CurationRules(annotators=mode), frozenset({Binary})
        )
        assert {(r.answer.text, r.label, r.provenance["status"]) for r in rows} == {
            ("A", True, "settled"),
            ("B", False, "settled"),
        }
    later = by("X", {"ranking": [[1], [0]], "acceptable": 1}, 2, event=2, item=2, status="settled")
    assert written(prompt_of("AB", [judgements[0], later])) == ({("B", "A")}, {})


def test_a_correction_equal_to_an_answer_that_its_author_ranked_lower_counts_for_neither():
    prompt = prompt_of("AB", [by("X", {"ranking": [[0], [1]], "corrections": [to("B", 0)]}, 2)])
    assert written(prompt) == (set(), {"opposite_votes": 1})


def test_a_correction_equal_to_an_answer_is_that_answers_vote():
    prompt = prompt_of("ABC", [by("X", {"ranking": [[0], [2]], "corrections": [to("B", 0)]}, 3)])
    assert written(prompt) == ({("A", "C"), ("B", "A")}, {"unjudged": 1})


def test_the_later_judgement_is_heard_whole_and_no_circle_of_one_person_comes_out():
    """A fourth answer came later: what was said before of B, which the later judgement leaves out, would
    close a circle with it."""
    first = by("X", {"ranking": [[0], [1], [2]]}, 4, item=1)
    later = by("X", {"ranking": [[2], [3], [0]]}, 4, event=2, item=2)
    for mode in ("each", "majority"):
        pairs, out = written(prompt_of("ABCD", [first, later]), annotators=mode)
        assert pairs == {("C", "D"), ("D", "A"), ("C", "A")}
        assert out == {"superseded_judgement": 2, "unjudged": 1}
    lists, out = examples_of(prompt_of("ABCD", [first, later]), CurationRules(), frozenset({RankedList}))
    assert [[a.text for g in r.groups for a in g] for r in lists] == [["C", "D", "A"]] and out == {
        "superseded_ranking": 1
    }


def test_what_goes_together_with_the_later_judgement_is_still_heard():
    first, later = (
        by("X", {"ranking": [[0], [1], [2]]}, 4, item=1),
        by("X", {"ranking": [[2], [3]]}, 4, event=2, item=2),
    )
    assert written(prompt_of("ABCD", [first, later])) == (
        {("A", "B"), ("A", "C"), ("B", "C"), ("C", "D")},
        {"unjudged": 2},
    )
    lists, _ = examples_of(prompt_of("ABCD", [first, later]), CurationRules(), frozenset({RankedList}))
    assert len(lists) == 2


def test_a_superseded_comparison_of_one_leaves_the_word_to_others():
    judgements = [
        by("X", {"ranking": [[0], [1], [2]]}, 3, item=1),
        by("X", {"ranking": [[2], [0]]}, 3, event=2, item=2),
    ]
    judgements.append(by("Y", {"ranking": [[1], [0]]}, 3, event=3, item=1))
    assert written(prompt_of("ABC", judgements)) == ({("C", "A"), ("B", "A")}, {"superseded_judgement": 1})


def test_an_equal_rank_holds_a_circle_together_with_what_was_said_later():
    judgements = [
        by("X", {"ranking": [[0, 1], [2]]}, 3, item=1),
        by("X", {"ranking": [[2], [0]]}, 3, event=2, item=2),
    ]
    assert written(prompt_of("ABC", judgements)) == ({("C", "A")}, {"superseded_judgement": 2})


@pytest.mark.parametrize("ranking", [[[0], [1]], [[1], [0]], [[0, 1]], [[2], [3]]])
def test_two_corrections_that_name_each_other_s_answers_count_for_neither_in_either_order(ranking):
    both = [to("B", 0), to("A", 1)]
    out = [
        written(prompt_of("ABCD", [by("X", {"ranking": ranking, "corrections": said}, 4)]))
        for said in (both, both[::-1])
    ]
    assert out[0] == out[1]
    assert not {("A", "B"), ("B", "A")} & out[0][0] and out[0][1]["opposite_votes"] == 1


def test_corrections_that_run_in_a_circle_with_their_author_s_ranking_count_for_nothing():
    document = {"ranking": [[0], [1]], "corrections": [to("C", 0), to("B", 2)]}  # A > B, C > A, B > C
    assert written(prompt_of("ABCD", [by("X", document, 4)])) == (
        set(),
        {"opposite_votes": 3, "unjudged": 3},
    )


def test_a_correction_equal_up_to_normal_form_and_line_ends_is_no_correction():
    prompt = prompt_of(
        ["caf\u00e9\n", "B"],
        [by("X", {"ranking": [[0], [1]], "corrections": [to("cafe\u0301\r\n", 0)]}, 2)],
    )
    assert written(prompt) == ({("caf\u00e9\n", "B")}, {"equal_text": 1})


def test_a_correction_beats_at_most_two_more_on_request():
    prompt = prompt_of(
        "ABCDE",
        [by("X", {"ranking": [[0], [1], [2], [3], [4]], "corrections": [to("B better", 1)]}, 5)],
    )
    pairs, _ = written(prompt, correction_beats="ranked")
    assert {p for p in pairs if p[0] == "B better"} == {
        ("B better", "B"),
        ("B better", "C"),
        ("B better", "D"),
    }


def test_a_correction_beats_no_answer_that_was_given_other_material():
    prompt = prompt_of("ABC", [by("X", {"ranking": [[0], [1], [2]], "corrections": [to("A better", 0)]}, 3)])
    for answer, named in zip(prompt.answers, ("one", "two", "one"), strict=True):
        answer.givens = {named: {"sources": [{"text": named}]}}
    pairs, out = written(prompt, correction_beats="ranked")
    assert pairs == {("A better", "A"), ("A better", "C"), ("A", "C")} and out == {"context_differs": 2}


def test_a_settled_fix_stands_against_a_raw_drop_beside_another_answer():
    fix, drop = (
        {"verdict": "fix", "corrections": [to("A better", 0)]},
        {"verdict": "drop", "reasons": ["bad_question"]},
    )
    for mode in ("each", "majority"):
        judgements = [checked("Y", fix, 0, status="settled"), checked("X", drop, 1, event=2)]
        rows, _ = examples_of(prompt_of("AB", judgements), CurationRules(annotators=mode), frozenset({Sft}))
        assert [r.target.text for r in rows] == ["A better"]
    judgements = [
        checked("Y", fix, 0),
        checked("Z", fix, 0, event=2),
        checked("X", drop, 0, event=3),
        checked("X", drop, 1, event=4),
    ]
    rows, out = examples_of(
        prompt_of("AB", judgements), CurationRules(annotators="majority"), frozenset({Sft})
    )
    assert [r.target.text for r in rows] == ["A better"]  # two people against one, who has one vote
    rows, out = examples_of(prompt_of("AB", judgements), CurationRules(), frozenset({Sft}))
    assert rows == [] and out["conflicting_verdicts"] == 2


def test_two_directions_in_one_circle_leave_the_rest_alone():
    """Three people, a circle over A, B, C, and D below it all; each's own view of D stands."""
    orders = [[0, 1, 2, 3], [1, 2, 0, 3], [2, 0, 1, 3]]
    prompt = prompt_of(
        "ABCD",
        [by("XYZ"[i], {"ranking": [[s] for s in order]}, 4, event=i) for i, order in enumerate(orders)],
    )
    assert written(prompt, annotators="majority") == ({("A", "D"), ("B", "D"), ("C", "D")}, {"cycle": 3})


def test_strength_is_summed_between_groups_capped_and_averaged_over_votes():
    prompt = prompt_of(
        "ABC",
        [
            by("X", {"ranking": [[0], [1], [2]], "strength": [1, 3]}, 3),
            by("Y", {"ranking": [[0], [1]], "strength": [2]}, 3, event=2),
        ],
    )
    pairs, _ = pairs_of(prompt, prompt.judgements, CurationRules(margin="strength"))
    assert {(p.chosen.text, p.rejected.text): p.margin for p in pairs} == {
        ("A", "B"): 0.5,
        ("A", "C"): 1.0,
        ("B", "C"): 1.0,
    }


def test_no_strength_towards_the_rest_or_a_correction():
    document = {"ranking": [[0], [1]], "strength": [1], "rest": "worse", "corrections": [to("A better", 0)]}
    pairs, _ = pairs_of(prompt_of("ABC", []), [by("X", document, 3)], CurationRules(margin="strength"))
    assert {(p.chosen.text, p.rejected.text): p.margin for p in pairs} == {
        ("A better", "A"): None,
        ("A", "B"): 0.333333,
        ("A", "C"): None,
        ("B", "C"): None,
    }


def test_bradley_terry_margins_grow_with_distance_and_are_on_every_pair():
    prompt = prompt_of("ABC", [by("X", {"ranking": [[0], [1], [2]], "corrections": [to("A better", 0)]}, 3)])
    pairs, _ = pairs_of(prompt, prompt.judgements, CurationRules(margin="bt"))
    margin = {(p.chosen.text, p.rejected.text): p.margin for p in pairs}
    assert margin["A", "C"] > margin["A", "B"] > 0 and margin["A better", "A"] > 0


def test_the_cap_keeps_corrections_and_draws_by_seed():
    prompt = prompt_of(
        "ABCDE",
        [by("X", {"ranking": [[0], [1], [2], [3], [4]], "corrections": [to("E better", 4)]}, 5)],
    )
    draws = [written(prompt, max_pairs=3, seed=seed) for seed in range(8)]
    assert all(
        len(pairs) == 3 and ("E better", "E") in pairs and out == {"max_pairs": 8} for pairs, out in draws
    )
    assert len({frozenset(pairs) for pairs, _ in draws}) > 1
    assert draws[0] == written(prompt, max_pairs=3, seed=0)


def test_the_pairs_of_a_corrected_turn_are_capped_and_share_one_weight():
    messages = [*MESSAGES, {"role": "assistant", "content": "old"}, {"role": "user", "content": "and then?"}]

    def turned(**rules):
        documents = [
            {"ranking": [[0], [1]], "corrections": [{"target": "turn", "turn": 1, "text": text}]}
            for text in ("new", "new", "newer", "newest")
        ]
        prompt = prompt_of(
            "AB", [by("XYZW"[i], document, 2, event=i) for i, document in enumerate(documents)]
        )
        prompt.messages = messages
        rows, out = examples_of(prompt, CurationRules(**rules), frozenset({Preference}))
        return [(r.chosen.text, r.n_for, r.weight) for r in rows if r.context == MESSAGES], out["max_pairs"]

    assert turned() == ([("new", 2, 1 / 3), ("newer", 1, 1 / 3), ("newest", 1, 1 / 3)], 0)
    draws = [turned(max_pairs=2, seed=seed) for seed in range(8)]
    assert all(
        len(rows) == 2 and {weight for *_, weight in rows} == {1 / 2} and out == 1 for rows, out in draws
    )
    assert len({tuple(rows) for rows, _ in draws}) > 1 and draws[0] == turned(max_pairs=2, seed=0)


def test_best_random_draws_one_of_the_rest():
    prompt = prompt_of("ABCD", [by("X", {"ranking": [[0], [1], [2], [3]]}, 4)])
    draws = {frozenset(written(prompt, pairs="best-random", seed=seed)[0]) for seed in range(30)}
    assert draws == {frozenset({("A", other)}) for other in "BCD"}


def test_answers_with_different_material_beyond_the_prompt_make_no_pair():
    prompt = prompt_of("ABC", [by("X", {"ranking": [[0], [1], [2]]}, 3)])
    prompt.answers[0].givens = {'{"system":"S"}': {"system": "S"}}
    prompt.answers[1].givens = {'{"system":"S"}': {"system": "S"}}
    assert written(prompt) == ({("A", "B")}, {"context_differs": 2})
    rows, _ = examples_of(prompt, CurationRules(), frozenset({Preference}))
    assert rows[0].context == [{"role": "system", "content": "S"}, *MESSAGES]


def test_labels_by_rating_only_when_asked():
    document = {
        "ranking": [[0], [1], [2]],
        "ratings": {"0": {"overall": 4}, "1": {"overall": 3}, "2": {"overall": 2}},
    }
    prompt = prompt_of("ABC", [by("X", document, 3)])
    rows, out = examples_of(prompt, CurationRules(), frozenset({Binary}))
    assert (rows, out) == ([], {"no_line": 1, "no_label": 1})
    rows, out = examples_of(prompt, CurationRules(binary_from_ratings=True), frozenset({Binary}))
    assert [(r.answer.text, r.label) for r in rows] == [("A", True), ("C", False)] and out == {
        "unlabelled": 1
    }


def test_one_correction_is_learnt_settled_before_accepted_before_the_latest():
    def target(*standings):
        judgements = [
            by(
                "XYZ"[i],
                {"ranking": [[0], [1]], "corrections": [to(f"by {'XYZ'[i]}", 0)]},
                2,
                event=i,
                status=standing,
                item=i,
            )
            for i, standing in enumerate(standings)
        ]
        rows, out = examples_of(prompt_of("AB", judgements), CurationRules(), frozenset({Sft}))
        return [r.target.text for r in rows], out["superseded_correction"]

    assert target("raw", "raw", "raw") == (["by Z"], 2)
    assert target("accepted", "raw", "raw") == (["by X"], 2)
    assert target("accepted", "settled", "raw") == (["by Y"], 2)


def test_a_fix_stands_against_a_drop_of_the_answer_but_not_of_the_question():
    fix = {"verdict": "fix", "corrections": [to("A fixed", 0)]}

    def targets(reason, **rules):
        judgements = [
            by("X", fix, 1),
            by("Y", {"verdict": "drop", "reasons": [reason]}, 1, event=2),
        ]
        return [
            r.target.text
            for r in examples_of(prompt_of("A", judgements), CurationRules(**rules), frozenset({Sft}))[0]
        ]

    assert targets("wrong_answer") == ["A fixed"]
    assert targets("bad_question") == []
    assert targets("bad_question", annotators="majority") == []


def test_a_fix_falls_with_its_question_but_not_with_another_answer_of_it():
    """Two answers to one question, each on an item of its own: the second is a duplicate, which says nothing
    of the first."""
    fix = checked("X", {"verdict": "fix", "corrections": [to("A fixed", 0)]}, 0, item=1)

    def targets(*drops, **rules):
        judgements = [
            fix,
            *(
                checked("YZ"[i], {"verdict": "drop", "reasons": [reason]}, on, item=2, event=2 + i)
                for i, (reason, on) in enumerate(drops)
            ),
        ]
        return [
            r.target.text
            for r in examples_of(prompt_of("AB", judgements), CurationRules(**rules), frozenset({Sft}))[0]
        ]

    for mode in ("each", "majority"):
        assert (
            targets(("duplicate", 1), annotators=mode)
            == targets(("source_outdated", 1), annotators=mode)
            == ["A fixed"]
        )
        assert (
            targets(("duplicate", 0), annotators=mode) == targets(("bad_question", 1), annotators=mode) == []
        )
    assert targets(("duplicate", 1), ("source_outdated", 1), annotators="majority") == ["A fixed"]


def test_a_correction_for_a_new_question_does_not_stand_against_one_for_the_old():
    anew = {
        "ranking": [[0], [1]],
        "corrections": [to("for the new one", 0), {"target": "question", "text": "new question"}],
    }
    judgements = [
        by("X", anew, 2, event=1),
        by("Y", {"ranking": [[0], [1]], "corrections": [to("for the old one", 0)]}, 2, event=2),
    ]
    rows, out = examples_of(prompt_of("AB", judgements), CurationRules(), frozenset({Sft}))
    assert {(r.context[-1]["content"], r.target.text) for r in rows} == {
        ("new question", "for the new one"),
        ("question", "for the old one"),
    }
    assert "superseded_correction" not in out


def test_the_top_of_the_rankings_is_counted_by_people():
    def tops(*judgements, **rules):
        return [
            r.target.text
            for r in examples_of(
                prompt_of("ABC", list(judgements)), CurationRules(sft_top=True, **rules), frozenset({Sft})
            )[0]
        ]

    first, later = (
        by("X", {"ranking": [[0], [1]]}, 3, item=1),
        by("X", {"ranking": [[1], [0], [2]]}, 3, event=2, item=2),
    )
    assert tops(first, later) == tops(first, later, annotators="majority") == ["B"]
    other = by("Y", {"ranking": [[2], [0]]}, 3, event=3, item=2)
    assert tops(later, other) == tops(later, other, annotators="majority") == []
    settled = by("X", {"ranking": [[0], [1]]}, 3, item=1, status="settled")
    assert tops(settled, later, other) == ["A"]


def test_an_edit_called_wording_keeps_its_target_and_loses_its_pair():
    prompt = prompt_of(
        "AB",
        [by("X", {"ranking": [[0], [1]], "corrections": [to("A, said better", 0, wording_only=True)]}, 2)],
    )
    rows, out = examples_of(prompt, CurationRules(), frozenset({Sft, Preference}))
    assert [(type(r).__name__, getattr(r, "target", None) and r.target.text) for r in rows] == [
        ("Sft", "A, said better"),
        ("Preference", None),
    ]
    assert out == {"wording_only": 1}


def test_every_way_to_learn_stands_once_even_if_two_say_it():
    prompt = prompt_of("A", [by(name, {"verdict": "keep"}, 1, event=i) for i, name in enumerate("XY")])
    (row,), _ = examples_of(prompt, CurationRules(), frozenset({Sft}))
    assert row.provenance["annotators"] == ["X", "Y"]


def test_hidden_cases_give_nothing_at_all():
    prompt = prompt_of("AB", [by("X", {"ranking": [[0], [1]]}, 2)], hidden=[1])
    for takes in ({Preference}, {Sft}, {Binary}, {RankedList}, {PromptOnly}):
        assert examples_of(prompt, CurationRules(), frozenset(takes)) == ([], {"hidden": 1})


def test_ranked_lists_keep_ties_and_the_rest():
    prompt = prompt_of("ABCD", [by("X", {"ranking": [[2], [0, 1]], "rest": "worse"}, 4)])
    (row,), _ = examples_of(prompt, CurationRules(), frozenset({RankedList}))
    assert [[a.text for a in group] for group in row.groups] == [["C"], ["A", "B"], ["D"]]


@pytest.mark.parametrize(
    ("old", "new", "substantive"),
    [
        ("take 5 mg daily", "take 50 mg daily", True),
        ("5 mg", "5 mcg", True),
        ("5 Mg", "5 mg", True),
        ("10⁹ cells", "109 cells", True),
        ("do not take", "do take", True),
        ("You can't stop", "You can stop", True),
        ("≥ 5", "≤ 5", True),
        ("$5", "€5", True),
        ("10 mg A and 5 mg B", "5 mg A and 10 mg B", True),
        ("每日三次", "每日两次", True),
        ("不宜使用", "宜使用", True),
        ("可使用", "禁使用", True),
        ("第三条", "第四条", True),
        ("百分之五", "百分之十", True),
        ("三年", "三个月", True),
        ("5毫克", "5毫升", True),
        ("The cat sat", "A cat sat", False),
        ("非常好", "很好", False),
        ("一些患者", "若干患者", False),
        ("没有区别", "没有差别", False),
        ("1,000 元", "1000 元", False),
        ("５毫克", "5毫克", False),
        ("It isn’t so", "It isn't so", False),
        ("about 5 g of salt", "roughly 5 g of salt", False),
        ("5 mg/kg", "5 mg", True),
        ("5 mg/kg", "5 mg/d", True),
        ("5 mmol/L", "5 mmol/dL", True),
        ("take .5 mg", "take 5 mg", True),
        ("每次.5片", "每次5片", True),
        ("每日3次", "每周3次", True),
        ("每日三次", "每周三次", True),
        ("10 mg per day", "10 mg per week", True),
        ("5㎎", "5㎍", True),
        ("5ｍｇ", "5ｇ", True),
        ("five mg", "five g", True),
        ("三分之一", "二分之一", True),
        ("一百二十", "一百三十", True),
        ("Ⅲ期", "Ⅱ期", True),
        ("3次/日", "3次/周", True),
        ("stage II", "stage III", True),
        ("at least 5", "at most 5", True),
        ("half a tablet", "a tablet", True),
        ("one g", "one mg", True),
        ("5-mg", "5-g", True),
        ("twice daily", "twice weekly", True),
        ("several days", "several weeks", True),
        ("零点五克", "一点五克", True),
        ("两侧", "三侧", True),
        ("10 cells/μL", "10 cells/mL", True),
        ("每公斤5毫克", "每次5毫克", True),
        ("III期", "II期", True),
        ("大于5", "小于5", True),
        ("5 x 10^9/L", "5 x 10^12/L", True),
        ("6.5%", "6.5‰", True),
        ("①", "②", True),
        ("每8小时", "每6小时", True),
        ("q8h", "q6h", True),
        ("5μg", "5ug", True),
        ("5 mg bid", "5 mg tid", True),
        ("5 mg、5 g", "5 mg", True),
        ("取一半", "取全部", True),
        ("每次five mg", "每次five g", True),
        ("٥ mg", "٦ mg", True),
        ("5 mg/kg", "5 mg / kg", False),
        ("5 mg per kg", "5 mg/kg", False),
        ("twice daily", "twice a day", False),
        ("每天3次", "每日3次", False),
        ("5 mg", "5mg", False),
        ("５ｍｇ", "5 mg", False),
        ("Take it.", "Take it!", False),
        ("5 days", "5 Days", False),
        ("It is very good", "It is good", False),
        ("万一发烧", "如果发烧", False),
        ("十分重要", "很重要", False),
        ("5 mg, daily.", "5 mg daily", False),
        ("千万别停", "千万别停药", False),
        ("0.5 mg", ".5 mg", False),
        ("1，000 元", "1000元", False),
        ("One should rest", "You should rest", False),
        ("First, rest", "To begin, rest", False),
        ("一般来说", "通常来说", False),
        ("一定要休息", "务必要休息", False),
        ("Kindly take it.", "Please take it.", False),
        ("每个月一次", "每月一次", False),
        ("take 5 mg; rest", "take 5 mg, and rest", False),
        ("对青霉素过敏", "对青霉素不过敏", True),
        ("应与华法林同时服用", "应与华法林不同时服用", True),
        ("属常规剂量", "属非常规剂量", True),
        ("家属同意手术", "家属不同意手术", True),
        ("患者来院", "患者未来院", True),
        ("该药管用", "该药不管用", True),
        ("剂量减为十分之一", "剂量减为全量", True),
        ("toxic", "non-toxic", True),
        ("safe in pregnancy", "Unsafe in pregnancy", True),
        ("compatible with warfarin", "incompatible with warfarin", True),
        ("不过，要注意", "但要注意", False),
        ("不同的做法", "各异的做法", False),
        ("将来", "未来", False),
        ("Under one understanding, until now unique", "In one view, till now special", False),
    ],
)
def test_digits_units_and_negations_are_always_substantive(old, new, substantive):
    assert always_substantive(old, new) is substantive, (sensitive(old), sensitive(new))


def test_long_texts_without_an_end_take_no_long_time():
    """A search that begins again at every character of a word would take minutes."""
    for text in (
        "a" * 200_000,
        "5" + " " * 200_000,
        "5" + "/ " * 100_000,
        "百" * 200_000,
        "1,." * 60_000,
        "5 mg/" * 40_000,
    ):
        started = time.monotonic()
        sensitive(text)
        assert time.monotonic() - started < 10


# --- by property --------------------------------------------------------------------------------------------

TEXTS = "ABCDE"


@st.composite
def rankings(draw, n):
    """A random document over n answers: groups, the rest, a line, corrections."""
    order = draw(st.permutations(range(n)))
    order = order[: draw(st.integers(0, n))]
    groups: list = []
    for slot in order:
        if groups and draw(st.booleans()):
            groups[-1].append(slot)
        else:
            groups.append([slot])
    document = {"ranking": groups} if groups else {}
    document["acceptable"] = draw(st.none() | st.integers(0, len(groups)))
    if draw(st.booleans()):
        document["rest"] = "worse"
    corrected = draw(st.lists(st.integers(0, n - 1), unique=True, max_size=2))
    texts = st.sampled_from([*TEXTS[:n], "better", "best", "take 5 mg", "take 50 mg"])
    if corrected:
        document["corrections"] = [
            to(draw(texts), slot, wording_only=draw(st.booleans())) for slot in corrected
        ]
    return document


@st.composite
def judged_prompts(draw):
    n = draw(st.integers(2, 5))
    people = draw(st.integers(1, 4))
    status = st.sampled_from(["raw", "accepted", "imported", "returned", "withdrawn"])
    judgements = [by("XYZW"[i], draw(rankings(n)), n, event=i, status=draw(status)) for i in range(people)]
    if draw(st.integers(0, 4)) == 0:
        judgements[-1].status = "settled"
    return prompt_of(TEXTS[:n], judgements)


@st.composite
def prompts_of_one(draw):
    """One person, several items of a prompt, each with some of its answers."""
    n = draw(st.integers(2, 5))
    judgements = []
    for i in range(draw(st.integers(1, 4))):
        shown = draw(st.permutations(range(n)))[: draw(st.integers(2, n))]
        status = draw(st.sampled_from(["raw", "raw", "accepted", "settled"]))
        plain = st.permutations(range(len(shown))).map(lambda order: {"ranking": [[slot] for slot in order]})
        says = Judgement(draw(plain | rankings(len(shown))))
        judgements.append(AttributedJudgement("X", Judged(i), i, status, says, i, tuple(shown)))
    return prompt_of(TEXTS[:n], judgements)


MODES = st.builds(
    CurationRules,
    pairs=st.sampled_from(choices_of()["pairs"]),
    annotators=st.sampled_from(choices_of()["annotators"]),
    correction_beats=st.sampled_from(choices_of()["correction_beats"]),
    max_pairs=st.sampled_from([0, 0, 1, 3]),
    seed=st.integers(0, 3),
)
ALL = frozenset({Sft, Preference, Binary})


@settings(max_examples=300, deadline=None)
@given(judged_prompts(), MODES)
def test_no_pair_in_both_directions_none_of_equals_and_weights_sum_to_one(prompt, rules):
    rows, _ = examples_of(prompt, rules, frozenset({Preference}))
    pairs = [(r.chosen.text, r.rejected.text) for r in rows]
    assert len(pairs) == len(set(pairs))
    assert not {(b, a) for a, b in pairs} & set(pairs)
    assert all(a != b for a, b in pairs)
    assert all(r.n_for > r.n_against for r in rows)
    if rows:
        assert abs(sum(r.weight for r in rows) - 1) < 1e-9


@settings(max_examples=500, deadline=None)
@given(prompts_of_one(), st.sampled_from(["each", "majority"]))
def test_what_one_person_says_never_runs_in_a_circle(prompt, mode):
    rows, out = examples_of(prompt, CurationRules(annotators=mode), frozenset({Preference}))
    below: dict = {}
    for row in rows:
        below.setdefault(row.chosen.text, set()).add(row.rejected.text)
    left = set(below)
    while left:  # take away whoever stands above nobody, until none is left
        free = {a for a in left if not below[a] & left}
        assert free, f"a circle among {left}"
        left -= free
    assert "cycle" not in out


@settings(max_examples=300, deadline=None)
@given(prompts_of_one())
def test_the_last_settled_else_the_last_judgement_is_heard_whole(prompt):
    for one in prompt.judgements:
        without_corrections(one)
    last = max(prompt.judgements, key=lambda v: (v.status == "settled", v.event))
    for mode in ("each", "majority"):
        pairs = {
            (r.chosen.text, r.rejected.text)
            for r in examples_of(prompt, CurationRules(annotators=mode), frozenset({Preference}))[0]
        }
        groups = [[TEXTS[a] for a in group] for group in last.groups()]
        assert {
            (a, b)
            for i, group in enumerate(groups)
            for a in group
            for lower in groups[i + 1 :]
            for b in lower
        } <= pairs
        assert not any((a, b) in pairs for group in groups for a in group for b in group)


@settings(max_examples=300, deadline=None)
@given(judged_prompts() | prompts_of_one(), MODES)
def test_the_order_in_which_corrections_stand_changes_nothing(prompt, rules):
    def outcome(of):
        rows, out = examples_of(of, rules, ALL)
        parts = ("chosen", "rejected", "target", "answer")
        return {
            (type(r).__name__, *(getattr(r, part).text for part in parts if hasattr(r, part))) for r in rows
        }, out

    turned = [
        stored(v) | {"corrections": stored(v)["corrections"][::-1]} if v.says.has_corrections() else stored(v)
        for v in prompt.judgements
    ]
    judgements = [saying(v, d) for v, d in zip(prompt.judgements, turned, strict=True)]
    assert outcome(prompt) == outcome(prompt_of([a.answer.text for a in prompt.answers], judgements))


@settings(max_examples=300, deadline=None)
@given(judged_prompts(), MODES)
def test_one_label_for_each_answer(prompt, rules):
    rows, _ = examples_of(prompt, rules, frozenset({Binary}))
    assert max(Counter(r.answer.text for r in rows).values(), default=1) == 1


@settings(max_examples=200, deadline=None)
@given(judged_prompts())
def test_ties_make_no_pair_when_all_say_tie(prompt):
    everyone = {"ranking": [list(range(len(prompt.answers)))]}
    for one in prompt.judgements:
        one.says, one.status = Judgement(everyone), "raw"
    for mode in ("each", "majority"):
        assert written(prompt, annotators=mode) == (
            set(),
            {"tie": len(prompt.answers) * (len(prompt.answers) - 1) // 2},
        )


@settings(max_examples=300, deadline=None)
@given(judged_prompts())
def test_undisputed_pairs_of_each_are_majority_pairs_or_stand_in_a_circle(prompt):
    """Among answers as they came: what nobody contradicts has a majority, too."""
    for one in prompt.judgements:
        without_corrections(one)
    each, _ = examples_of(prompt, CurationRules(annotators="each"), frozenset({Preference}))
    majority, out = examples_of(prompt, CurationRules(annotators="majority"), frozenset({Preference}))
    missing = {(r.chosen.text, r.rejected.text) for r in each} - {
        (r.chosen.text, r.rejected.text) for r in majority
    }
    assert len(missing) <= out["cycle"]
    assert {(r.chosen.text, r.rejected.text) for r in majority if not r.n_against} <= {
        (r.chosen.text, r.rejected.text) for r in each
    }


@settings(max_examples=300, deadline=None)
@given(judged_prompts(), MODES, st.randoms())
def test_the_order_in_which_answers_came_changes_nothing(prompt, rules, random):
    n = len(prompt.answers)
    moved = list(range(n))
    random.shuffle(moved)

    def renamed(document):
        out = dict(document)
        if "ranking" in out:
            out["ranking"] = [[moved[s] for s in group] for group in out["ranking"]]
        if "corrections" in out:
            out["corrections"] = [c | {"answer": moved[c["answer"]]} for c in out["corrections"]]
        return out

    texts = [""] * n
    for old, new in enumerate(moved):
        texts[new] = TEXTS[old]
    other = prompt_of(
        texts,
        [saying(v, renamed(stored(v))) for v in prompt.judgements],
    )

    def outcome(of):
        rows, out = examples_of(of, rules, frozenset({Preference, Binary}))
        return (
            sorted(
                (r.chosen.text, r.rejected.text, r.n_for, r.n_against, r.weight)
                for r in rows
                if isinstance(r, Preference)
            ),
            sorted((r.answer.text, r.label) for r in rows if isinstance(r, Binary)),
            out,
        )

    assert outcome(prompt) == outcome(other)


@settings(max_examples=300, deadline=None)
@given(judged_prompts(), st.sampled_from(choices_of()["annotators"]), st.booleans())
def test_every_pair_of_answers_is_written_or_counted_once(prompt, mode, of_one):
    """Pairs among the answers as they came, and the reasons that count pairs, add up to all pairs that were
    shown to a speaking judge."""
    for one in prompt.judgements:
        without_corrections(one)
        one.annotator = "X" if of_one else one.annotator
    rows, out = examples_of(prompt, CurationRules(annotators=mode), frozenset({Preference}))
    counted = len(rows) + sum(
        out[c] for c in ("tie", "unjudged", "opposite_votes", "cycle", "superseded_judgement")
    )
    n = len(prompt.answers)
    assert counted in (0, n * (n - 1) // 2)
