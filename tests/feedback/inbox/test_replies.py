"""A specialist's reply: who may write one, whom it reaches, what is made of a settled result, and where it
goes when texts go."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from annotation.models import Annotation, Item
from annotation.promotion import by_hand
from annotation.work import queue, review, submit
from core import erasure
from core.errors import DomainError
from core.models import Event
from feedback.conversations import end_users
from feedback.inbox import looks, replies
from feedback.models import ChatSettings, Conversation, Look, Message, Reply
from feedback.personal_data import export as people_data
from feedback.personal_data.retention import drop_old
from tests.annotation.promotion.promoted_talks import make_chat, make_talk, thumb
from tests.cast import make_cast
from tests.feedback.talks import Browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast(db):
    cast = make_cast("clinic", kind="qa")
    make_chat(cast.project, replies="settled")
    return cast


@pytest.fixture
def answer(cast):
    """An answer that ute got in the chat, with a thumb down."""
    who = end_users.of_member(cast.project, cast.ute)
    answer = make_talk(cast.project, ("How much?", "50 mg"), who=who)[0]
    thumb(answer, -1, "too much")
    return Message.objects.select_related("project", "conversation").get(pk=answer.pk)


def allow(project, value):
    ChatSettings.objects.filter(project=project).update(replies=value)


def reads(cast, answer) -> dict | None:
    """What ute's chat says of the answer."""
    talk = Browser(cast.project, cast.ute).talk(answer.conversation_id)
    return next(m["reply"] for m in talk["messages"] if m["id"] == answer.pk)


def listed(cast) -> bool:
    """Whether ute's list of talks says that an expert answered."""
    (row,) = Browser(cast.project, cast.ute).get("conversations/").json()["conversations"]
    return row["replied"]


def settle(cast, answer, document):
    """The answer is sent, judged by bob and settled by dan."""
    by_hand.send(project=cast.project, actor=cast.alice, messages=[answer.pk])
    held = queue.claim(project=cast.project, user=cast.bob)
    submit.submit(user=cast.bob, pk=held.pk, given=document, client_key="k")
    head = Annotation.objects.get().head
    review.settle(item=Item.objects.get(), version=head, reviewer=cast.dan)


def test_a_reply_stands_in_the_persons_talk_without_a_name(cast, answer, client):
    client.force_login(cast.dan)
    page = reverse("inbox_answer", args=["clinic", answer.pk])
    assert not listed(cast)
    assert client.post(page, {"text": "It is *five*.", "corrected": "**5 mg**"}).status_code == 302
    assert listed(cast)
    found = reads(cast, answer)
    assert found["text"] == "It is *five*." and "<strong>5 mg</strong>" in found["corrected"]
    assert "dan" not in json.dumps(found) and found["words"] == ""
    assert Event.objects.filter(verb="feedback.reply").get().data == {"corrected": True}
    assert Look.objects.filter(message=answer, user=cast.dan).exists()
    assert "It is *five*." in client.get(page).content.decode()
    client.post(page, {"text": "Again."})
    assert reads(cast, answer)["text"] == "Again." and Reply.objects.count() == 2
    client.post(reverse("inbox_take_back", args=["clinic", answer.pk]))
    assert reads(cast, answer) is None and not listed(cast)


def test_nothing_reaches_anybody_unless_the_project_allows_it(cast, answer, client):
    replies.write(message=answer, author=cast.dan, text="Five.")
    allow(cast.project, "off")
    assert reads(cast, answer) is None
    with pytest.raises(DomainError, match="sends no replies"):
        replies.write(message=answer, author=cast.dan, text="Five.")
    client.force_login(cast.dan)
    page = client.get(reverse("inbox_answer", args=["clinic", answer.pk])).content.decode()
    assert "sends no replies" in page and 'name="corrected"' not in page
    switch = reverse("chat_settings", args=["clinic"]) + "#replies"
    assert switch not in page  # which a reviewer may not open
    client.force_login(cast.alice)
    assert switch in client.get(reverse("inbox_answer", args=["clinic", answer.pk])).content.decode()
    allow(cast.project, "written")
    client.force_login(cast.ute)
    assert "An expert may read an answer" in client.get(reverse("chat", args=["clinic"])).content.decode()


def test_a_new_project_sends_no_replies(db):
    from feedback.chat.settings import actions as verbs
    from tests.cast import make_project

    assert verbs.of(make_project()).replies == "off"


@pytest.mark.parametrize(
    ("talk", "code"),
    [
        ({"source": "api"}, "elsewhere"),
        ({"keep": False}, "not_kept"),
        ({"dropped_at": timezone.now()}, "not_kept"),
        ({"end_user": None}, "nobody"),
    ],
)
def test_what_could_not_reach_the_person_is_refused(cast, answer, talk, code):
    Conversation.objects.filter(pk=answer.conversation_id).update(**talk)
    answer = Message.objects.select_related("project", "conversation").get(pk=answer.pk)
    with pytest.raises(DomainError) as refused:
        replies.write(message=answer, author=cast.dan, text="Five.")
    assert refused.value.code == code and not Reply.objects.exists()


@pytest.mark.parametrize("name", ["bob", "ute", "eve"])
def test_nobody_below_a_reviewer_replies(cast, answer, client, name):
    person = getattr(cast, name)
    with pytest.raises(DomainError):
        replies.write(message=answer, author=person, text="Five.")
    client.force_login(person)
    for page, given in (
        (reverse("inbox_answer", args=["clinic", answer.pk]), {"text": "x"}),
        (reverse("inbox_look", args=["clinic"]), {"message": answer.pk}),
    ):
        assert client.post(page, given).status_code in (403, 404)
    assert not Reply.objects.exists() and not Look.objects.exists()


def test_an_empty_reply_is_refused(cast, answer, client):
    client.force_login(cast.dan)
    page = client.post(reverse("inbox_answer", args=["clinic", answer.pk]), {"text": " "})
    assert page.status_code == 400 and "Write something first." in page.content.decode()


def test_a_settled_correction_reaches_the_person_and_goes_with_the_settlement(cast, answer):
    corrections = [{"target": "response", "answer": "A", "text": "5 mg", "wording_only": False}]
    settle(cast, answer, {"verdict": "fix", "corrections": corrections})
    found = reads(cast, answer)
    assert found["words"] == "An expert checked this answer and corrected it."
    assert found["corrected_text"] == "5 mg"
    review.unsettle(item=Item.objects.get(), reviewer=cast.dan)
    assert reads(cast, answer) is None


def test_the_words_of_a_settled_reply_are_the_readers(cast, answer):
    settle(cast, answer, {"verdict": "keep"})
    assert reads(cast, answer)["words"] == "An expert checked this answer and found it good."
    browser = Browser(cast.project, cast.ute, HTTP_ACCEPT_LANGUAGE="zh-Hans")
    messages = browser.talk(answer.conversation_id)["messages"]
    assert messages[-1]["reply"]["words"] == "专家已核对此回答，认为没有问题。"


def test_an_equal_turn_sent_later_gets_what_is_settled(cast, answer):
    settle(cast, answer, {"verdict": "drop", "reasons": ["wrong_answer"]})
    other = make_talk(cast.project, ("How much?", "50 mg"))[0]
    thumb(other, -1)
    by_hand.send(project=cast.project, actor=cast.alice, messages=[other.pk])
    assert Reply.objects.get(message=other).verdict == "bad"


@pytest.mark.parametrize("allowed", ["off", "written"])
def test_nothing_is_made_of_a_settlement_where_that_is_not_allowed(cast, answer, allowed):
    allow(cast.project, allowed)
    settle(cast, answer, {"verdict": "keep"})
    assert not Reply.objects.exists()


def test_what_somebody_wrote_stays_above_what_is_settled(cast, answer):
    replies.write(message=answer, author=cast.dan, text="Five.")
    settle(cast, answer, {"verdict": "keep"})
    assert reads(cast, answer)["text"] == "Five."


def test_replies_are_masked_before_they_are_stored(cast, answer):
    ChatSettings.objects.filter(project=cast.project).update(masking="storage")
    made = replies.write(message=answer, author=cast.dan, text="Call 13800138000.")
    assert "13800138000" not in made.text


def test_replies_go_with_the_texts_of_their_talk(cast, answer):
    replies.write(message=answer, author=cast.dan, text="Five.", corrected="5 mg")
    ChatSettings.objects.filter(project=cast.project).update(keep="days", keep_days=30)
    Conversation.objects.filter(pk=answer.conversation_id).update(
        updated_at=timezone.now() - timedelta(days=31)
    )
    assert drop_old(timezone.now()) == 1
    row = Reply.objects.get()
    assert (row.text, row.corrected) == ("", "") and reads(cast, answer) is None


def test_a_persons_data_has_their_replies_and_erasing_takes_them(cast, answer):
    replies.write(message=answer, author=cast.dan, text="Five.")
    looks.look(project=cast.project, user=cast.dan, messages=[answer.pk])
    ute = people_data.of_account(cast.project, cast.ute)
    assert "Five." in "".join(people_data.exported(ute))
    dan = people_data.of_account(cast.project, cast.dan)
    told = json.loads("".join(people_data.exported(dan)))["feedback"]
    assert told["replies_written"][0]["text"] == "Five." and told["looked_at"][0]["message_id"] == answer.pk
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(erasure, "purge", list)
        assert erasure.erase(dan, actor=cast.alice)["counts"]["looks"] == 1
        assert Reply.objects.get().author is None and reads(cast, answer)["text"] == "Five."
        ute = people_data.of_account(cast.project, cast.ute)
        assert erasure.erase(ute, actor=cast.alice)["counts"]["replies"] == 1
    assert not Reply.objects.exists()
