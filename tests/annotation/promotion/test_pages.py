"""The manager's pages of promotion, and that nobody who has yet to judge an item learns what the end user
said of it."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotation.models import Item, Promotion, PromotionRule
from annotation.promotion import rules as promotion
from annotation.work import queue, submit
from core import jobs
from core.models import Job
from feedback.conversations import end_users
from feedback.models import EndUser, Message
from feedback.reactions import actions as reactions
from tests.annotation.promotion.promoted_talks import make_answer, make_chat, make_talk, score, thumb
from tests.cast import make_member, make_project

pytestmark = pytest.mark.django_db
WORDS = "ten times too much, Herr Doktor"
FORM = {
    "name": "Downs",
    "kind": "down",
    "share": "5",
    "threshold": "2",
    "tag": "",
    "daily_cap": "50",
    "per_person_cap": "5",
    "active": "on",
}


@pytest.fixture
def project(db, settings):
    settings.JOB_SENDER = "tests.core.pages.test_role_matrix.nobody_listens"
    project = make_project("clinic", overlap=2)
    make_chat(project)
    return project


@pytest.fixture
def promoted(project):
    """An item that came from a thumb down with a comment, a reason, a correction and a score."""
    answer = make_talk(project, ("How much?", "50 mg"))[0]
    thumb(answer, -1, WORDS, reasons=["wrong"])
    reactions.react(
        project=project,
        end_user=answer.conversation.end_user,
        kind="correction",
        text="5 mg, of course",
        message=answer,
    )
    score(answer, 1, "never again")
    promotion.create(project=project, actor=None, name="Downs", kind="down")
    promotion.run(project)
    return Item.objects.get()


SECRETS = (WORDS, "5 mg, of course", "never again", "Not correct", "Thumb down", "feedback:down", "U-")


def open_to(client, person, project, assignment) -> str:
    """All that an annotator can fetch about the item, as one text."""
    client.force_login(person)
    slug = [project.slug]
    out = [client.get(reverse("api_assignment", args=[assignment.pk]), {"html": "1"}).content.decode()]
    out += [
        client.get(reverse(name, args=slug)).content.decode()
        for name in ("bench", "mine", "guidelines", "work")
    ]
    out.append(
        client.post(
            reverse("api_next", args=slug), {"html": True}, content_type="application/json"
        ).content.decode()
    )
    return json.dumps(json.loads(out[0]), ensure_ascii=False) + "".join(out)


def test_an_annotator_learns_what_the_user_said_only_after_judging(client, project, promoted):
    first, second = make_member(project, "annotator"), make_member(project, "annotator")
    mine, theirs = (queue.claim(project=project, user=who) for who in (first, second))
    for who, assignment in ((first, mine), (second, theirs)):
        seen = open_to(client, who, project, assignment)
        assert "50 mg" in seen
        assert [s for s in SECRETS if s in seen] == []
    submit.submit(
        user=first, pk=mine.pk, given={"verdict": "drop", "reasons": ["wrong_answer"]}, client_key="k"
    )
    client.force_login(first)
    payload = client.get(reverse("api_assignment", args=[mine.pk])).json()
    label = end_users.label(promoted_by(promoted))
    assert [(line["who"], line["kind"], line["text"], line["reasons"]) for line in payload["feedback"]] == [
        (label, "down", WORDS, ["Not correct"]),
        (label, "correction", "5 mg, of course", []),
        (label, "score", "never again", []),
    ]
    text = client.get(reverse("mine", args=[project.slug])).content.decode()
    assert WORDS in text and label in text
    # The colleague who has not judged yet still knows nothing.
    assert [s for s in SECRETS if s in open_to(client, second, project, theirs)] == []


def promoted_by(item):
    return EndUser.objects.get(pk=Promotion.objects.get(item=item).end_user_id)


def test_after_an_undo_they_have_seen_it_and_still_do(client, project, promoted):
    who = make_member(project, "annotator")
    assignment = queue.claim(project=project, user=who)
    submit.submit(user=who, pk=assignment.pk, given={"verdict": "keep"}, client_key="k")
    submit.undo(user=who, pk=assignment.pk)
    client.force_login(who)
    assert "feedback" in client.get(reverse("api_assignment", args=[assignment.pk])).json()


def test_a_draft_is_no_judgement(client, project, promoted):
    who = make_member(project, "annotator")
    assignment = queue.claim(project=project, user=who)
    submit.save_draft(user=who, pk=assignment.pk, draft={"verdict": "keep"}, revision=0)
    client.force_login(who)
    assert "feedback" not in client.get(reverse("api_assignment", args=[assignment.pk])).json()


def test_a_reviewer_sees_it_but_not_while_holding_the_item(client, project, promoted):
    reviewer = make_member(project, "reviewer")
    client.force_login(reviewer)
    for name in ("item", "review_item"):
        assert WORDS in client.get(reverse(name, args=[project.slug, promoted.pk])).content.decode()
    assignment = queue.claim(project=project, user=reviewer)
    for name in ("item", "review_item"):
        assert WORDS not in client.get(reverse(name, args=[project.slug, promoted.pk])).content.decode()
    submit.submit(user=reviewer, pk=assignment.pk, given={"verdict": "keep"}, client_key="k")
    assert WORDS in client.get(reverse("item", args=[project.slug, promoted.pk])).content.decode()


def test_what_was_taken_back_or_deleted_is_not_told(client, project, promoted):
    client.force_login(make_member(project, "reviewer"))
    answer = end_user_answer(promoted)
    thumb(answer, 0)
    text = client.get(reverse("item", args=[project.slug, promoted.pk])).content.decode()
    assert WORDS not in text and "never again" in text
    answer.conversation.delete()
    text = client.get(reverse("item", args=[project.slug, promoted.pk])).content.decode()
    assert "never again" not in text


def end_user_answer(item):
    return Message.objects.select_related("conversation__end_user", "project").get(
        pk=Promotion.objects.get(item=item).message_id
    )


def test_answers_of_a_ranking_are_named_by_the_letters_each_reader_has(client, project):
    first = make_talk(project, ("How much?", "50 mg"))[0]
    make_answer(first.parent, "5 mg")
    thumb(first, -1, WORDS)
    promotion.create(project=project, actor=None, name="Downs", kind="down")
    promotion.run(project)
    who = make_member(project, "annotator")
    assignment = queue.claim(project=project, user=who)
    submit.submit(user=who, pk=assignment.pk, given={"ranking": [["A"], ["B"]]}, client_key="k")
    client.force_login(who)
    payload = client.get(reverse("api_assignment", args=[assignment.pk])).json()
    letter = next(a["letter"] for a in payload["item"]["answers"] if a["text"] == "50 mg")
    assert [line["letter"] for line in payload["feedback"]] == [letter]


def test_words_are_masked_for_experts_as_set(client, project, promoted):
    thumb(end_user_answer(promoted), -1, "call me: 13800138000")
    project.chat.masking = "promotion"
    project.chat.save()
    client.force_login(make_member(project, "reviewer"))
    text = client.get(reverse("item", args=[project.slug, promoted.pk])).content.decode()
    assert "call me: [" in text and "13800138000" not in text


def test_what_the_answer_was_given_stands_beside_it(client, project):
    answer = make_talk(project, ("How much?", "50 mg"))[0]
    Message.objects.filter(pk=answer.pk).update(
        sources=[{"title": "Leaflet", "text": "5 mg at most.", "url": "https://example.org/"}]
    )
    thumb(answer)
    promotion.create(project=project, actor=None, name="Downs", kind="down")
    promotion.run(project)
    who = make_member(project, "annotator")
    assignment = queue.claim(project=project, user=who)
    client.force_login(who)
    (source,) = client.get(reverse("api_assignment", args=[assignment.pk])).json()["item"]["sources"]
    assert (source["title"], source["text"]) == ("Leaflet", "5 mg at most.")
    client.force_login(make_member(project, "reviewer"))
    assert (
        "5 mg at most."
        in client.get(reverse("item", args=[project.slug, assignment.item_id])).content.decode()
    )


# -- the manager's pages -------------------------------------------------------------------------------------


@pytest.fixture
def lead(client, project):
    person = make_member(project, "manager")
    client.force_login(person)
    return person


def url(name, *args):
    return reverse(name, args=["clinic", *args])


def test_a_rule_is_made_previewed_changed_switched_off_and_removed(client, project, lead):
    answer = make_talk(project, ("How much?", "50 mg"))[0]
    thumb(answer, -1, WORDS)
    text = client.post(url("promotion_new"), FORM | {"action": "preview"}).content.decode()
    assert "How much?" in text and "50 mg" in text and WORDS in text and "<strong>1</strong> turn" in text
    assert not PromotionRule.objects.exists() and not Promotion.objects.exists()
    assert client.post(url("promotion_new"), FORM).status_code == 302
    rule = PromotionRule.objects.get()
    assert (rule.kind, rule.daily_cap, rule.created_by) == ("down", 50, lead)
    assert (
        "<strong>1</strong> turn" in client.get(url("promotion_rule", rule.pk) + "?preview").content.decode()
    )
    client.post(url("promotion_rule", rule.pk), FORM | {"daily_cap": "7", "kind": "random", "share": "12.5"})
    rule.refresh_from_db()
    assert (rule.daily_cap, rule.kind, str(rule.share)) == (7, "random", "12.50")
    assert "12.5% of answers at random" in client.get(url("promotion")).content.decode()
    suggested = client.get(url("promotion_new") + "?kind=random").context["form"]["name"].value()
    client.post(
        url("promotion_rule", rule.pk), FORM | {"name": str(suggested), "kind": "random", "share": "50"}
    )
    rule.refresh_from_db()
    assert rule.name == "50% of answers at random"
    client.post(url("promotion_switch", rule.pk), {"active": "0"})
    rule.refresh_from_db()
    assert not rule.active
    client.post(url("promotion_remove", rule.pk))
    assert not PromotionRule.objects.exists()


def test_the_preview_shows_an_answer_without_the_marks_of_its_markdown(client, project, lead):
    thumb(make_talk(project, ("How much?", "## Dose\n\n- **50 mg** of `x`\n> not 2 * 3"))[0], -1, WORDS)
    text = client.post(url("promotion_new"), FORM | {"action": "preview"}).content.decode()
    assert "Dose 50 mg of x not 2 * 3" in text
    assert "Equal questions with equal answers become one item. The newest of them:" in text


def test_a_wrong_field_is_named_and_nothing_saved(client, project, lead):
    answer = client.post(url("promotion_new"), FORM | {"kind": "tag"})
    assert answer.status_code == 400 and "Name the tag." in answer.content.decode()
    assert client.post(url("promotion_new"), FORM | {"daily_cap": "0"}).status_code == 400
    assert not PromotionRule.objects.exists()


def test_run_now_is_a_job_and_the_log_links_to_its_items(client, project, lead):
    thumb(make_talk(project)[0])
    broken = make_talk(project)[0]
    thumb(broken)
    type(broken).objects.filter(pk=broken.pk).update(state="failed")
    client.post(url("promotion_new"), FORM)
    answer = client.post(url("promotion_run"), {"rule": PromotionRule.objects.get().pk})
    job = jobs.run_now(Job.objects.get(kind="promotion"))
    assert answer["Location"] == url("job", job.pk) and (job.result["item"], job.result["refused"]) == (1, 1)
    text = client.get(url("promotion")).content.decode()
    assert url("item", Item.objects.get().pk) in text and "The answer broke off." in text and "1 / 50" in text
    assert "The answer broke off." not in client.get(url("promotion"), {"outcome": "item"}).content.decode()
    assert client.get(url("job", job.pk)).status_code == 200


def test_another_projects_rule_is_not_there(client, project, lead):
    other = make_project("other")
    rule = promotion.create(project=other, actor=None, name="theirs", kind="down")
    for name in ("promotion_rule", "promotion_switch", "promotion_remove"):
        assert client.post(url(name, rule.pk), FORM).status_code == 404
    assert client.post(url("promotion_run"), {"rule": rule.pk}).status_code == 404
    rule.refresh_from_db()
    assert rule.active and rule.name == "theirs"


def test_the_page_asks_as_often_for_much_as_for_little(client, project, lead):
    def count():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url("promotion")).status_code == 200
        return len(queries)

    thumb(make_talk(project)[0])
    promotion.create(project=project, actor=None, name="Downs", kind="down")
    promotion.run(project)
    before = count()
    for _i in range(20):
        thumb(make_talk(project)[0])
    promotion.create(project=project, actor=None, name="Random", kind="random", share=50)
    promotion.run(project)
    assert count() == before
