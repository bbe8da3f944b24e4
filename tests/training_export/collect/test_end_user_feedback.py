"""What end users said, as rows: computed by hand for each kind of word, and through the whole export."""

from collections import Counter
from itertools import count

import pytest

from annotation.models import Annotator, Promotion
from corpus.models import ModelVersion, PromptOrigin
from feedback.conversations.end_users import label, of_key
from feedback.conversations.tree import context_hash, context_of
from feedback.models import Conversation, Message
from feedback.reactions.actions import choose, react
from tests.cast import make_project
from tests.training_export import judged
from tests.training_export.exports import exported, said
from training_export.collect.thinning import Thinning
from training_export.curate.splits import Splitter
from training_export.publish import snapshots

pytestmark = pytest.mark.django_db
_n = count(1)


@pytest.fixture
def project():
    return make_project("ward")


def ask(
    project,
    who,
    *turns,
    answers=("It is safe.",),
    system="",
    states=None,
    models=("m-a", "m-b", "m-c"),
    seen=True,
):
    """A talk of `who`: `turns` alternate (question, answer, question …), and `answers` stand under the last
    question. (question, answers)."""
    talk = Conversation.objects.create(project=project, end_user=of_key(project, who), system=system)
    parent = None
    for i, text in enumerate(turns):
        parent = Message.objects.create(
            project=project,
            conversation=talk,
            parent=parent,
            role="assistant" if i % 2 else "user",
            text=text,
        )
        Message.objects.filter(pk=parent.pk).update(context_hash=context_hash(project, context_of(parent)))
        parent.refresh_from_db()
    made = []
    for i, text in enumerate(answers):
        version = ModelVersion.objects.get_or_create(project=project, name=models[i])[0]
        state = (states or ["complete"] * len(answers))[i]
        made.append(
            Message.objects.create(
                project=project,
                conversation=talk,
                parent=parent,
                role="assistant",
                text=text,
                position=i,
                state=state,
                seen=seen,
                model_version=version,
            )
        )
    return parent, made


def thumb(project, who, message, value, **fields):
    return react(
        project=project, end_user=of_key(project, who), kind="thumb", value=value, message=message, **fields
    )


def correct(project, who, message, text):
    return react(
        project=project, end_user=of_key(project, who), kind="correction", message=message, text=text
    )


def pick(project, who, question, answers, chosen=None, verdict="better", unseen=(), **fields):
    Message.objects.filter(pk__in=[answers[i].pk for i in unseen]).update(seen=False)
    shown = [{"message": m.pk, "seen": i not in unseen} for i, m in enumerate(answers)]
    chosen = None if chosen is None else answers[chosen]
    return choose(
        project=project,
        end_user=of_key(project, who),
        parent=question,
        verdict=verdict,
        chosen=chosen,
        shown=shown,
        **fields,
    )


def ranked_by_an_expert(project, question, answers):
    """A prompt of whose two answers an expert prefers the first, which alone is acceptable."""
    doctor, _made = Annotator.objects.get_or_create(project=project, pseudonym="X")
    prompt = judged.cast.make_prompt(project, question)
    judged.judge(
        judged.item(project, answers, prompt=prompt),
        doctor,
        {"schema": 1, "ranking": [[0], [1]], "acceptable": 1},
    )
    return prompt


def test_a_chosen_draft_stands_above_each_other_one_that_was_seen(project):
    question, answers = ask(
        project, "ann", "Is it safe?", answers=("Yes, up to 4 g.", "Perhaps.", "No idea.")
    )
    pick(project, "ann", question, answers, chosen=0, unseen=[2])
    rows, sides, left_out = exported(project, "trl-preference")
    assert [(said(r, "chosen"), said(r, "rejected")) for r in rows["train"]] == [
        ("Yes, up to 4 g.", "Perhaps.")
    ]
    assert rows["train"][0]["prompt"] == [{"role": "user", "content": "Is it safe?"}]
    side = sides["train"][0]
    assert (side["status"], side["reason"], side["positions"], side["models"]) == (
        "end_user",
        "choice",
        [[0, 1]],
        ["m-a", "m-b"],
    )
    assert side["annotators"] == [label(of_key(project, "ann"))]
    assert side["origins"] == [{"conversation": question.conversation_id, "turn": question.pk}]
    assert side["origin"] == {"chosen": "model:m-a", "rejected": "model:m-b"}
    assert not left_out.get("draft_not_seen")


def test_what_was_broken_off_or_not_seen_is_no_rejected_answer(project):
    question, answers = ask(
        project, "ann", "Is it safe?", answers=("Yes.", "Perh"), states=["complete", "stopped"]
    )
    pick(project, "ann", question, answers, chosen=0)
    other, more = ask(project, "ann", "And at night?", answers=("Yes, too.", "No."), seen=False)
    pick(project, "ann", other, more, chosen=1, unseen=[0])
    third, both = ask(project, "ann", "By day?", answers=("Yes, by day.", "Never."))
    pick(project, "ann", third, both, chosen=0)
    rows, _sides, left_out = exported(project, "trl-preference")
    assert [said(r, "chosen") for r in rows["train"]] == ["Yes, by day."]
    assert left_out["draft_not_seen"] == 2


def test_about_the_same_gives_nothing_and_all_bad_says_that_every_draft_is_bad(project):
    question, answers = ask(project, "ann", "Is it safe?", answers=("Yes.", "No."))
    pick(project, "ann", question, answers, verdict="same")
    other, more = ask(project, "ann", "And at night?", answers=("Sleep.", "Wake."))
    pick(project, "ann", other, more, verdict="all_bad")
    _question, good = ask(project, "bob", "By day?", answers=("By day it is.",))
    thumb(project, "bob", good[0], 1)
    rows, sides, _left_out = exported(project, "trl-kto")
    found = {
        (said(r, "completion"), r["label"], s["reason"])
        for r, s in zip(rows["train"], sides["train"], strict=True)
    }
    assert found == {
        ("Sleep.", False, "choice"),
        ("Wake.", False, "choice"),
        ("By day it is.", True, "thumb"),
    }


def test_a_thumb_is_a_label_of_the_person_s_last_mind(project):
    _q, (first,) = ask(project, "ann", "Is it safe?")
    thumb(project, "ann", first, 1)
    thumb(project, "ann", first, -1)
    _q, (second,) = ask(project, "ann", "And at night?", answers=("At night too.",))
    thumb(project, "ann", second, 1)
    thumb(project, "ann", second, 0)
    _q, (third,) = ask(project, "ann", "By day?", answers=("By day too.",))
    before = thumb(project, "ann", third, 1).event_id
    thumb(project, "ann", third, -1)
    rows, sides, _left_out = exported(project, "trl-kto")
    assert {(said(r, "completion"), r["label"]) for r in rows["train"]} == {
        ("It is safe.", False),
        ("By day too.", False),
    }
    assert all(
        s["reason"] == "thumb" and s["versions"] == [] and s["responses"] == [] for s in sides["train"]
    )
    rows, _sides, _left_out = exported(project, "trl-kto", as_of=before)
    assert {(said(r, "completion"), r["label"]) for r in rows["train"]} == {
        ("It is safe.", False),
        ("By day too.", True),
    }


def test_people_who_got_the_same_answer_to_the_same_question_are_heard_together(project):
    for who, value in (("ann", 1), ("bob", 1), ("cem", -1)):
        _q, (answer,) = ask(project, who, "Is it safe?")
        thumb(project, who, answer, value)
    # another context: not the same prompt
    _q, (other,) = ask(project, "ann", "Is it safe?", system="Be brief.")
    thumb(project, "ann", other, 1)
    rows, _sides, left_out = exported(project, "trl-kto")
    assert [(r["prompt"][0]["role"], r["label"]) for r in rows["train"]] == [("system", True)]
    assert left_out["conflicting_labels"] == 1
    rows, sides, _left_out = exported(project, "trl-kto", annotators="majority")
    assert sorted((r["prompt"][0]["role"], r["label"]) for r in rows["train"]) == [
        ("system", True),
        ("user", True),
    ]
    people = {len(s["annotators"]) for s in sides["train"]}
    assert people == {1, 2}


def test_a_correction_is_an_answer_to_learn_and_a_pair(project):
    _q, (answer,) = ask(project, "ann", "How much?", "Of what?", "Paracetamol.", answers=("5 g a day.",))
    correct(project, "ann", answer, "4 g a day.")
    rows, sides, _left_out = exported(project, "trl-preference")
    assert [(said(r, "chosen"), said(r, "rejected"), len(r["prompt"])) for r in rows["train"]] == [
        ("4 g a day.", "5 g a day.", 3)
    ]
    assert sides["train"][0]["origin"] == {"chosen": "corrected", "rejected": "model:m-a"}
    rows, sides, _left_out = exported(project, "trl-sft")
    assert [said(r, "completion") for r in rows["train"]] == ["4 g a day."]
    assert sides["train"][0]["reason"] == "correction" and sides["train"][0]["status"] == "end_user"


def test_only_what_is_asked_for_is_taken(project):
    question, answers = ask(project, "ann", "Is it safe?", answers=("Yes.", "No."))
    pick(project, "ann", question, answers, chosen=0)
    correct(project, "ann", answers[1], "Not at all.")
    thumb(project, "ann", answers[0], 1)
    rows, _sides, _left_out = exported(project, "trl-preference", include="corrections")
    assert [said(r, "chosen") for r in rows["train"]] == ["Not at all."]
    with pytest.raises(snapshots.DomainError) as nothing:
        exported(project, "trl-preference", include="")
    assert nothing.value.code == "no_rows"


def test_an_expert_s_word_stands_in_the_place_of_an_end_user_s(project):
    _q, (answer,) = ask(project, "ann", "Is it safe?")
    thumb(project, "ann", answer, 1)
    _q, (other,) = ask(project, "bob", "And at night?", answers=("At night too.",))
    thumb(project, "bob", other, 1)
    prompt = judged.cast.make_prompt(project, "Is it safe?")
    item = judged.item(project, ["It is safe."], kind="qa", prompt=prompt)
    doctor = Annotator.objects.create(project=project, pseudonym="X")
    judged.judge(item, doctor, {"schema": 1, "verdict": "drop", "reasons": ["unsafe_answer"]})
    rows, sides, left_out = exported(project, "trl-kto")
    found = {
        (said(r, "completion"), r["label"], s["status"])
        for r, s in zip(rows["train"], sides["train"], strict=True)
    }
    assert found == {("It is safe.", False, "raw"), ("At night too.", True, "end_user")}
    assert left_out["expert_judged"] == 1


def test_one_person_s_thumbs_are_capped_and_the_rest_thinned_to_the_balance(project):
    for i in range(12):
        _q, (answer,) = ask(project, "keen", f"Question {i}?", answers=(f"Answer {i}.",))
        thumb(project, "keen", answer, 1)
    for i in range(3):
        _q, (answer,) = ask(project, f"other{i}", f"Other {i}?", answers=(f"Reply {i}.",))
        thumb(project, f"other{i}", answer, -1)
    rows, _sides, left_out = exported(project, "trl-kto", thumbs_per_user=7)
    assert Counter(r["label"] for r in rows["train"]) == {True: 7, False: 3}
    assert left_out["person_cap"] == 5
    rows, _sides, left_out = exported(project, "trl-kto", thumbs_per_user=0, thumbs_balance="1:1")
    again, _sides, _left_out = exported(project, "trl-kto", thumbs_per_user=0, thumbs_balance="1:1")
    assert Counter(r["label"] for r in rows["train"]) == {True: 3, False: 3} and rows == again
    assert left_out["thinned"] == 9


@pytest.mark.parametrize(
    ("given", "balance", "kept"),
    [
        ((10, 4), (1, 1), (4, 4)),
        ((10, 4), (2, 1), (8, 4)),
        ((3, 9), (1, 2), (3, 6)),
        ((5, 0), (1, 1), (0, 0)),
    ],
)
def test_thinning_keeps_exactly_the_proportion(given, balance, kept):
    thinning = Thinning(balance)
    numbers = {
        True: [n * 7919 % 104729 for n in range(given[0])],
        False: [n * 6101 % 104729 for n in range(given[1])],
    }
    for side, values in numbers.items():
        for n in values:
            thinning.count(n, side)
    thinning.decide()
    assert tuple(sum(thinning.keeps(n, side) for n in numbers[side]) for side in (True, False)) == kept


def test_no_person_stands_on_two_sides_of_a_split(project):
    for i in range(40):
        for k in range(3):
            _q, (answer,) = ask(project, f"person {i}", f"Question {i}.{k}?", answers=(f"Answer {i}.{k}.",))
            thumb(project, f"person {i}", answer, 1 if (i + k) % 2 else -1)
    # what several asked has several people
    for who in ("person 1", "person 2", "person 3", "person 4", "person 5"):
        _q, (answer,) = ask(project, who, "Shared?", answers=("Shared answer.",))
        thumb(project, who, answer, 1)
    rows, sides, left_out = exported(project, "trl-kto", split="60,20,20", split_by="user")
    people = {name: {p for s in found for p in s["annotators"]} for name, found in sides.items()}
    assert len(people) == 3 and all(people.values())
    assert not (
        people["train"] & people["validation"]
        or people["train"] & people["test"]
        or people["validation"] & people["test"]
    )
    assert sum(map(len, rows.values())) + left_out.get("split_bridge", 0) == 121


def test_of_a_prompt_on_a_hidden_item_no_word_is_taken(project):
    """Known by what it says, or, where it stands on the item in other words, as the turn that was
    promoted."""
    for n in range(3):
        _question, (answer,) = ask(project, "ann", f"Question {n}?")
        thumb(project, "ann", answer, 1)
        if n < 2:
            text = "Question 0?" if n == 0 else "[masked]?"
            item = judged.item(project, ["Yes."], prompt=judged.cast.make_prompt(project, text), hidden=True)
            if n == 1:
                Promotion.objects.create(project=project, item=item, message_id=answer.pk, outcome="item")
    rows, _sides, left_out = exported(project, "trl-kto")
    assert [r["prompt"][0]["content"] for r in rows["train"]] == ["Question 2?"]
    assert left_out["hidden_words"] == 2 and left_out["hidden"] == 2


def test_retrieved_passages_that_differ_make_no_pair(project):
    question, answers = ask(project, "ann", "Is it safe?", answers=("Yes.", "No."))
    Message.objects.filter(pk=answers[0].pk).update(sources=[{"title": "Label", "text": "Safe."}])
    pick(project, "ann", question, answers, chosen=0)
    other, more = ask(project, "ann", "And at night?", answers=("Sleep.", "Wake."))
    pick(project, "ann", other, more, chosen=0)
    rows, _sides, left_out = exported(project, "trl-preference")
    assert [said(r, "chosen") for r in rows["train"]] == ["Sleep."]
    assert left_out["context_differs"] == 1


def test_the_number_of_queries_does_not_grow_with_the_words(project, django_assert_max_num_queries):
    for i in range(30):
        question, answers = ask(project, f"p{i}", f"Question {i}?", answers=("Yes.", "No."))
        pick(project, f"p{i}", question, answers, chosen=0)
        thumb(project, f"p{i}", answers[1], -1)
    with django_assert_max_num_queries(40):
        exported(project, "trl-kto")


def test_a_turn_that_several_people_asked_stands_on_a_side_only_if_all_of_them_do(project):
    """An expert's judgement of a shared question belongs to everybody who asked it."""
    for n in range(12):
        prompt = ranked_by_an_expert(project, f"Shared {n}?", [f"Yes {n}.", f"No {n}."])
        for who in ("left", "right", f"own {n}"):
            _q, (answer,) = ask(project, who, f"Shared {n}?", answers=(f"Yes {n}.",))
            PromptOrigin.objects.create(prompt=prompt, turn_id=answer.pk)
    splitter = Splitter((50, 50, 0), 0)
    sides = {
        who: splitter.side({f"user end-user {of_key(project, who).key_hash}"})
        for who in ("left", "right", *(f"own {n}" for n in range(12)))
    }
    together = [n for n in range(12) if sides["left"] == sides["right"] == sides[f"own {n}"]]
    if not together:  # the two stand apart: no shared question may be written at all
        with pytest.raises(snapshots.DomainError):
            exported(project, "trl-preference", include="", split="50,50,0", split_by="user")
        return
    rows, _sides, left_out = exported(project, "trl-preference", include="", split="50,50,0", split_by="user")
    assert sum(map(len, rows.values())) == len(together) and left_out.get("split_bridge", 0) == 12 - len(
        together
    )


def test_what_users_and_experts_say_of_one_prompt_stands_on_one_side(project):
    """One person's turn was promoted; another asked the same and was told something else."""
    for n in range(12):
        prompt = ranked_by_an_expert(project, f"Shared {n}?", [f"Yes {n}.", f"No {n}."])
        _q, (answer,) = ask(project, f"first {n}", f"Shared {n}?", answers=(f"Yes {n}.",))
        PromptOrigin.objects.create(prompt=prompt, turn_id=answer.pk)
        _q, (other,) = ask(project, f"second {n}", f"Shared {n}?", answers=(f"Perhaps {n}.",))
        thumb(project, f"second {n}", other, 1)
    rows, _sides, left_out = exported(project, "trl-kto", include="thumbs", split="50,50,0", split_by="user")
    side_of: dict[str, set] = {}
    for side, found in rows.items():
        for row in found:
            side_of.setdefault(row["prompt"][0]["content"], set()).add(side)
    assert len(side_of) == 12 and all(len(sides) == 1 for sides in side_of.values())
    users = Splitter((50, 50, 0), 0)
    of = {
        who: users.side({f"user end-user {of_key(project, who).key_hash}"})
        for who in (f"{w} {n}" for n in range(12) for w in ("first", "second"))
    }
    assert left_out["split_bridge"] == sum(of[f"first {n}"] != of[f"second {n}"] for n in range(12)) > 0
