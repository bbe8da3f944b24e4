"""Rules take the turns they say, once, within their caps, and refuse what cannot be judged."""

import uuid
from collections import Counter

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.models import Item, ItemTag, Promotion, PromotionRule
from annotation.promotion import candidates
from annotation.promotion import messages as promotion_turns
from annotation.promotion import rules as promotion
from annotation.work import queue, review, submit
from core.errors import DomainError
from core.models import Event
from corpus.models import PromptOrigin, Response
from feedback.models import Conversation, Message, Reaction
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


def make_rule(project, kind="down", **values):
    return promotion.create(
        project=project, actor=None, name=values.pop("name", f"rule {kind}"), kind=kind, **values
    )


def drafts(project, *texts, verdict="all_bad"):
    """A turn answered by several drafts side by side, and what was said of them."""
    first = make_talk(project, ("Which dose?", texts[0]))[0]
    group = uuid.uuid4()
    Message.objects.filter(pk=first.pk).update(draft_group=group)
    answers = [first] + [
        make_answer(first.parent, t, draft_group=group, position=i) for i, t in enumerate(texts[1:], 1)
    ]
    shown = [{"message": a.pk, "seen": True} for a in answers]
    chosen = answers[1] if verdict == "better" else None
    reactions.choose(
        project=project,
        end_user=first.conversation.end_user,
        parent=first.parent,
        verdict=verdict,
        chosen=chosen,
        shown=shown,
    )
    return answers


def test_a_thumb_down_with_a_comment_becomes_a_qa_item_with_its_context(project):
    _first, second = make_talk(
        project, ("What is it?", "A fever."), ("How much?", "50 mg."), system="You are careful."
    )
    Message.objects.filter(pk=second.pk).update(sources=[{"title": "Leaflet", "text": "5 mg at most."}])
    thumb(second, text="ten times too much")
    thumb(make_talk(project)[0])  # without a comment: not this rule's
    report = promotion.run(project, make_rule(project, "down_comment"))
    assert {k: report[k] for k in ("item", "known", "refused")} == {"item": 1, "known": 0, "refused": 0}
    item = Item.objects.select_related("prompt").get()
    assert (item.kind, item.state, item.slot_count) == ("qa", "open", 1)
    assert item.prompt.messages == [
        {"role": "system", "content": "You are careful."},
        {"role": "user", "content": "What is it?"},
        {"role": "assistant", "content": "A fever."},
        {"role": "user", "content": "How much?"},
    ]
    response = Response.objects.get()
    assert (response.text, response.origin, response.model_version.name, response.external_id) == (
        "50 mg.",
        "model",
        "talk-model",
        f"message:{second.pk}",
    )
    assert response.given == {"sources": [{"title": "Leaflet", "text": "5 mg at most."}]}
    assert not response.is_target
    origin = PromptOrigin.objects.get()
    assert (origin.turn_id, origin.line, origin.batch_id) == (second.pk, None, None)
    made = Promotion.objects.get()
    assert (made.message_id, made.item_id, made.outcome, made.end_user_id) == (
        second.pk,
        item.pk,
        "item",
        second.conversation.end_user_id,
    )
    assert set(ItemTag.objects.values_list("name", flat=True)) == {
        "feedback",
        "feedback:down_comment",
        "rule:rule down_comment",
    }
    assert made.event_id == item.event_id == response.event_id == Event.objects.get(verb="promote").pk


def test_running_again_takes_nothing_more(project):
    for _i in range(3):
        thumb(make_talk(project)[0])
    rule = make_rule(project)
    assert promotion.run(project, rule)["item"] == 3
    before = (
        Item.objects.count(),
        Response.objects.count(),
        Promotion.objects.count(),
        ItemTag.objects.count(),
    )
    again = promotion.run(project)
    assert (again["item"], again["known"], again["refused"]) == (0, 0, 0)
    assert (
        Item.objects.count(),
        Response.objects.count(),
        Promotion.objects.count(),
        ItemTag.objects.count(),
    ) == before


def test_ten_people_with_one_question_and_one_answer_make_one_item(project):
    answers = [make_talk(project, ("Same question?", "Same answer."))[0] for _i in range(10)]
    for answer in answers:
        thumb(answer)
    report = promotion.run(project, make_rule(project))
    assert (report["item"], report["known"]) == (1, 9)
    item = Item.objects.get()
    assert (item.slot_count, Response.objects.count()) == (1, 10)
    assert {o.turn_id for o in PromptOrigin.objects.all()} == {a.pk for a in answers}
    assert set(Promotion.objects.values_list("item_id", flat=True)) == {item.pk}


def test_drafts_that_are_all_bad_become_a_ranking_and_stand_in_their_own_order(project):
    answers = drafts(project, "one", "two", "three")
    report = promotion.run(project, make_rule(project, "all_bad"))
    assert report["item"] == 1
    item = Item.objects.get()
    assert (item.kind, item.slot_count, item.state) == ("ranking", 3, "open")
    assert Promotion.objects.get().message_id == answers[0].pk
    # A thumb on another draft of the same turn finds the item that is there.
    thumb(answers[1])
    assert promotion.run(project, make_rule(project, "down"))["known"] == 1
    assert Item.objects.count() == 1


def test_a_regenerated_answer_stands_beside_the_first_and_a_broken_one_does_not(project):
    answer = make_talk(project, ("How much?", "50 mg"))[0]
    other = make_answer(answer.parent, "5 mg", model="newer")
    make_answer(answer.parent, "5", state=Message.State.FAILED)
    make_answer(answer.parent, "50 mg", model="third")
    thumb(answer)
    promotion.run(project, make_rule(project))
    item = Item.objects.get()
    assert (item.kind, item.slot_count) == ("ranking", 2)
    assert sorted(Response.objects.values_list("model_version__name", flat=True)) == [
        "newer",
        "talk-model",
        "third",
    ]
    thumb(other)
    assert promotion.run(project)["known"] == 1
    assert set(PromptOrigin.objects.values_list("turn_id", flat=True)) == {answer.pk, other.pk}


def test_only_current_feedback_counts(project):
    answer = make_talk(project)[0]
    thumb(answer)
    thumb(answer, 0)
    assert promotion.run(project, make_rule(project))["item"] == 0
    thumb(answer, -1)
    assert promotion.run(project)["item"] == 1


def test_low_scores_bring_the_answers_with_a_thumb_down_or_else_the_last(project):
    plain = make_talk(project, ("a?", "a1"), ("b?", "b1"))
    score(plain[0], 2)
    marked = make_talk(project, ("c?", "c1"), ("d?", "d1"))
    thumb(marked[0])
    score(marked[0], 1)
    good = make_talk(project)
    score(good[0], 3)
    promotion.run(project, make_rule(project, "low_score", threshold=2))
    assert set(Promotion.objects.values_list("message_id", flat=True)) == {plain[1].pk, marked[0].pk}
    assert promotion.run(project)["item"] == 0


@pytest.mark.parametrize("tag", ["urgent", "急", 'say "so"'])
def test_a_tag_brings_its_turns_and_no_others(project, tag):
    wanted, other = make_talk(project)[0], make_talk(project)[0]
    thumb(wanted, 1, tags=[tag])
    thumb(other, 1, tags=[f"not {tag}", "x"])
    talked = make_talk(project, ("a?", "a1"), ("b?", "b1"))
    Reaction.objects.create(
        project=project,
        end_user=talked[0].conversation.end_user,
        conversation=talked[0].conversation,
        kind="score",
        value=5,
        tags=[tag],
        current=True,
    )
    promotion.run(project, make_rule(project, "tag", tag=tag))
    assert set(Promotion.objects.values_list("message_id", flat=True)) == {wanted.pk, talked[1].pk}


def test_a_random_share_is_decided_once_for_ever(project):
    answers = [make_talk(project)[0] for _i in range(120)]
    key = bytes(project.hash_key)
    expected = {a.pk for a in answers if candidates.falls_in_share(key, a.pk, 20)}
    assert 8 <= len(expected) <= 45
    rule = make_rule(project, "random", share=20, daily_cap=1000, per_person_cap=1000)
    seen = promotion.preview(rule)
    promotion.run(project, rule)
    taken = set(Promotion.objects.values_list("message_id", flat=True))
    assert taken == expected and seen["count"] == len(expected)
    promotion.run(project, rule)
    assert set(Promotion.objects.values_list("message_id", flat=True)) == taken
    assert {a.pk for a in answers if candidates.falls_in_share(key, a.pk, 40)} > expected


def test_caps_hold_per_rule_and_per_person_and_the_rest_comes_another_day(project):
    heavy = make_end_user(project, "heavy")
    for _i in range(4):
        thumb(make_talk(project, who=heavy)[0])
    for _i in range(4):
        thumb(make_talk(project)[0])
    rule = make_rule(project, daily_cap=5, per_person_cap=2)
    assert promotion.preview(rule)["count"] == 5
    report = promotion.run(project, rule)
    assert report["item"] == 5 and report["rules"][0]["capped"]
    assert promotion.run(project, rule)["item"] == 0
    assert Promotion.objects.filter(end_user_id=heavy.pk).count() <= 2
    Promotion.objects.update(created_at="2020-01-01T00:00Z")
    assert promotion.run(project, rule)["item"] == 2  # of what is left, two are one person's: both fit
    Promotion.objects.update(created_at="2020-01-01T00:00Z")
    assert promotion.run(project, rule)["item"] + Promotion.objects.filter(created_at__year=2020).count() == 8


@pytest.mark.parametrize(
    ("reason", "spoil"),
    [
        ("failed", lambda a: Message.objects.filter(pk=a.pk).update(state="failed")),
        ("stopped", lambda a: Message.objects.filter(pk=a.pk).update(state="stopped")),
        (
            "dropped",
            lambda a: Conversation.objects.filter(pk=a.conversation_id).update(
                dropped_at="2026-01-01T00:00Z"
            ),
        ),
        ("not_kept", lambda a: Conversation.objects.filter(pk=a.conversation_id).update(keep=False)),
        ("no_text", lambda a: Message.objects.filter(pk=a.pk).update(text="")),
        ("no_question", lambda a: Message.objects.filter(pk=a.pk).update(parent=None)),
        ("not_kept", lambda a: Message.objects.filter(pk=a.parent_id).update(text="")),
    ],
)
def test_what_cannot_be_judged_is_refused_with_its_reason_and_once(project, reason, spoil):
    answer = make_talk(project)[0]
    thumb(answer)
    spoil(answer)
    rule = make_rule(project)
    assert promotion.preview(rule)["turns"][0]["turn"].refused == reason
    assert promotion.run(project, rule)["refused"] == 1
    assert (Promotion.objects.get().reason, Item.objects.count()) == (reason, 0)
    assert promotion.run(project, rule)["refused"] == 0
    assert reason in promotion_turns.REFUSALS


def test_an_answer_that_is_being_written_waits(project):
    answer = make_talk(project)[0]
    thumb(answer)
    Message.objects.filter(pk=answer.pk).update(state="streaming")
    rule = make_rule(project)
    assert promotion.run(project, rule)["item"] == 0 and not Promotion.objects.exists()
    Message.objects.filter(pk=answer.pk).update(state="complete")
    assert promotion.run(project, rule)["item"] == 1


def test_personal_data_is_masked_before_experts_see_it_and_marked_otherwise(project):
    def one():
        answer = make_talk(project, ("Call 13800138000?", "Yes, or write to li@hospital-mail.cn."))[0]
        thumb(answer)
        return answer

    one()
    rule = make_rule(project)
    assert promotion.preview(rule)["turns"][0]["marks"] == ["mobile", "email"]
    promotion.run(project, rule)
    assert ItemTag.objects.filter(name="personal-data:mobile").exists()
    project.chat.masking = "promotion"
    project.chat.save()
    answer = one()
    assert promotion.preview(rule)["turns"][0]["marks"] == []
    promotion.run(project, rule)
    item = Item.objects.select_related("prompt").latest("pk")
    assert "13800138000" not in str(item.prompt.messages)
    assert "hospital-mail" not in Response.objects.get(external_id=f"message:{answer.pk}").text
    assert "13800138000" in Message.objects.get(pk=answer.parent_id).text  # what is stored stays


def test_a_preview_takes_nothing(project):
    for _i in range(3):
        thumb(make_talk(project)[0], text="why")
    rule = promotion.draft(project, name="trial", kind="down_comment")
    events = Event.objects.count()
    found = promotion.preview(rule)
    assert (found["count"], found["waiting"], len(found["turns"])) == (3, 0, 3)
    assert found["turns"][0]["who"].startswith("U-")
    assert (
        not Promotion.objects.exists()
        and not Item.objects.exists()
        and not PromotionRule.objects.exists()
        and Event.objects.count() == events
    )


def test_the_beat_is_one_query_when_nothing_is_new(project):
    thumb(make_talk(project)[0])
    make_rule(project)
    make_rule(project, "random", share=100)
    assert promotion.run_due() == 1
    promotion.run_due()  # sees its own events, and finds nothing left
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert promotion.run_due() == 0
    assert len(queries) == 1
    thumb(make_talk(project)[0])
    assert promotion.run_due() == 1


def test_the_beat_passes_over_rules_that_are_off_and_archived_projects(project):
    thumb(make_talk(project)[0])
    rule = make_rule(project)
    promotion.update(rule=rule, actor=None, active=False)
    assert promotion.run_due() == 0
    promotion.update(rule=rule, actor=None, active=True)
    project.archived = True
    project.save()
    assert promotion.run_due() == 0
    project.archived = False
    project.save()
    assert promotion.run_due() == 1


def test_a_random_rule_looks_only_at_what_is_new(project):
    for _i in range(5):
        make_talk(project)
    Message.objects.update(created_at="2026-01-01T00:00Z")
    rule = make_rule(project, "random", share=100)
    assert promotion.run(project, rule)["item"] == 5
    rule.refresh_from_db()
    assert rule.mark == Message.objects.latest("pk").pk
    make_talk(project)
    assert promotion.run(project, rule)["item"] == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("kind", "no"),
        ("share", 0),
        ("share", 101),
        ("threshold", 0),
        ("threshold", 6),
        ("daily_cap", 0),
        ("per_person_cap", 10**9),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_by_field(project, field, value):
    with pytest.raises(DomainError) as refused:
        promotion.create(project=project, actor=None, **{"name": "n", "kind": "down"} | {field: value})
    assert refused.value.field == field


def test_a_tag_rule_needs_its_tag_and_names_are_taken_once(project):
    with pytest.raises(DomainError) as refused:
        make_rule(project, "tag")
    assert refused.value.field == "tag"
    make_rule(project, name="one")
    with pytest.raises(DomainError) as refused:
        make_rule(project, name="one")
    assert (refused.value.code, refused.value.field) == ("taken", "name")


def test_a_rule_goes_and_what_it_took_stays_taken(project):
    thumb(make_talk(project)[0])
    rule = make_rule(project)
    promotion.run(project, rule)
    promotion.remove(rule=rule, actor=None)
    assert Promotion.objects.get().rule_id is None
    assert promotion.run(project, make_rule(project))["item"] == 0


def test_promoted_items_are_judged_in_a_project_of_either_kind(project):
    thumb(make_talk(project)[0])
    drafts(project, "one", "two")
    make_rule(project)
    make_rule(project, "all_bad")
    promotion.run(project)
    assert project.bench.kind == "ranking"
    expert = make_member(project, "annotator")
    kinds = Counter()
    for given in ({"verdict": "keep"}, {"ranking": [["A"], ["B"]]}):
        assignment = queue.claim(project=project, user=expert)
        kinds[assignment.item.kind] += 1
        submit.submit(
            user=expert,
            pk=assignment.pk,
            given=given if assignment.item.kind == "qa" else {"ranking": [["A"], ["B"]]},
            client_key="k",
        )
    assert kinds == {"qa": 1, "ranking": 1}
    project.bench.refresh_from_db()
    assert project.bench.kind == "ranking"


def test_judged_messages_are_those_whose_turn_an_expert_has_judged(project):
    answers = drafts(project, "one", "two")
    lone = make_talk(project)[0]
    thumb(lone)
    for kind in ("all_bad", "down"):
        make_rule(project, kind)
    promotion.run(project)
    expert, reviewer = make_member(project, "annotator"), make_member(project, "reviewer")
    assert promotion.judged_messages(project) == set()
    before = Event.objects.latest("pk").pk
    done = {}
    for _i in range(2):
        assignment = queue.claim(project=project, user=expert)
        given = (
            {"verdict": "drop", "reasons": ["wrong_answer"]}
            if assignment.item.kind == "qa"
            else {"ranking": [["A"], ["B"]]}
        )
        done[assignment.item.kind] = submit.submit(user=expert, pk=assignment.pk, given=given, client_key="k")
    assert promotion.judged_messages(project) == {lone.pk, *(a.pk for a in answers)}
    assert promotion.judged_messages(project, before) == set()
    now = Event.objects.latest("pk").pk
    review.return_(annotation=done["qa"].annotation, reviewer=reviewer, comment="look again")
    assert promotion.judged_messages(project) == {a.pk for a in answers}
    assert promotion.judged_messages(project, now) == {lone.pk, *(a.pk for a in answers)}


def test_the_command_runs_one_rule_by_name(project, capsys):
    thumb(make_talk(project)[0])
    make_rule(project, name="mine")
    make_rule(project, "random", name="other", share=100)
    call_command("promote", "clinic", "--rule", "mine", "--json")
    import json

    report = json.loads(capsys.readouterr().out)
    assert (report["item"], [r["name"] for r in report["rules"]]) == (1, ["mine"])
    with pytest.raises(SystemExit):
        call_command("promote", "clinic", "--rule", "nobody", "--json")
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "no_rule"
