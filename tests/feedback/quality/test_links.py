"""Every number on the page Quality leads to the inbox, to exactly the rows that it counts; and shares,
plurals and labels are written one way."""

import re
from html.parser import HTMLParser

import pytest
from django.http import QueryDict
from django.urls import reverse

from annotation.models import Annotation, Item
from annotation.promotion import by_hand
from annotation.work import queue, submit
from core.rendering import charts
from core.text import percent
from feedback.inbox import rows
from feedback.inbox.filters import InboxFilter
from feedback.models import Message, Signal
from feedback.reactions import actions as reactions
from tests.annotation.promotion.promoted_talks import make_chat, make_end_user, make_talk, score, thumb
from tests.cast import make_cast
from tests.feedback.inbox.test_rows import correct, make_choice

pytestmark = pytest.mark.django_db


class Links(HTMLParser):
    """[(address, number it stands for, what it counts)] of a page's links to the inbox."""

    def __init__(self, page: str):
        super().__init__()
        self.found: list[tuple[str, int, str]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag != "a" or "/inbox/?" not in given.get("href", ""):
            return
        n, label = given.get("data-n"), given.get("aria-label") or ""
        if n is None and label:  # a mark of a chart: "Not correct: 3 (60%)", "Nov 30: 62% (…) of 5 thumbs"
            n = re.search(r": (\d+)(?: \(|$)| of (\d+) thumb", label)
            n = n[1] or n[2]
        if n is not None:
            self.found.append((given["href"], int(n), given.get("data-counts", "rows")))


@pytest.fixture
def cast(db):
    cast = make_cast("clinic", kind="qa")
    make_chat(cast.project)
    project = cast.project
    heavy = make_end_user(project, "heavy")
    for i in range(24):
        answer = make_talk(project, who=heavy if i % 2 else None)[0]
        thumb(
            answer, -1 if i % 3 else 1, "why" if i % 4 == 0 else "", reasons=["wrong"] if i % 3 else ["clear"]
        )
        if i % 5 == 0:
            correct(answer, "otherwise")
        if i % 6 == 0:
            score(answer, 1 + i // 6)
    second = make_talk(project)[0]
    thumb(second, 1)
    thumb(second, -1, who=make_end_user(project), reasons=["unclear", "wrong"])
    taken_back = make_talk(project)[0]
    thumb(taken_back, 1)
    thumb(taken_back, 0)
    correct(make_talk(project)[0], "alone")
    for i in range(7):
        make_choice(project, ("better", "same", "all_bad")[i % 3], chosen=i % 2)
    reactions.react(
        project=project, end_user=make_end_user(project), kind="thumb", value=1, target_external="later"
    )
    for name in ("copy", "copy", "stop"):
        other = make_talk(project)[0]
        who = other.conversation.end_user
        Signal.objects.create(project=project, message=other, end_user=who, name=name)
    return cast


def judge(cast, answer, document):
    by_hand.send(project=cast.project, actor=cast.alice, messages=[answer])
    held = queue.claim(project=cast.project, user=cast.bob)
    submit.submit(user=cast.bob, pk=held.pk, given=document, client_key=f"key-{answer}")


def listed(cast, address) -> list:
    form = InboxFilter(QueryDict(address.split("?", 1)[1]), project=cast.project)
    asked, out, after = form.asked(), [], None
    assert not form.errors, (address, form.errors)
    while True:
        page = rows.listed(cast.project, asked, user=cast.alice, after=after)
        out += page.rows
        after = page.next
        if after is None:
            return out


def test_every_number_leads_to_exactly_the_rows_it_counts(cast, client):
    downs = [
        row for row in rows.listed(cast.project, {"thumb": "down"}, user=cast.alice).rows if row.message_id
    ]
    judge(cast, downs[0].message_id, {"verdict": "drop", "reasons": ["wrong_answer"]})
    judge(cast, downs[1].message_id, {"verdict": "keep"})
    assert Annotation.objects.count() == Item.objects.count() == 2
    client.force_login(cast.alice)
    found = Links(client.get(reverse("feedback", args=["clinic"])).content.decode()).found
    assert len(found) > 25
    counted = {
        "rows": len,
        "answers": lambda found: len({row.message_id for row in found}),
        "people": lambda found: len({row.end_user_id for row in found if row.end_user_id}),
    }
    wrong = [
        (address, n, kind, counted[kind](lines))
        for address, n, kind in found
        if counted[kind](lines := listed(cast, address)) != n
    ]
    assert not wrong
    for about in ("thumb", "correction", "choice", "score", "signal", "waiting"):
        assert any(f"about={about}" in address and n for address, n, _kind in found), about
    assert any("expert=" in address and n for address, n, _kind in found)
    assert client.get(found[0][0]).status_code == 200


def test_one_of_a_thing_is_said_in_the_singular(cast, client):
    Message.objects.all().delete()
    answer = make_talk(cast.project)[0]
    thumb(answer, -1, "why")
    correct(answer, "5 mg")
    client.force_login(cast.alice)
    text = client.get(reverse("feedback", args=["clinic"])).content.decode()
    plain = " ".join(re.sub(r"<[^>]+>", " ", text).split())
    assert "1 comment " in plain and "1 correction " in plain and "1 person reacted in all." in plain
    assert "of 1 thumb" in text
    for wrong in ("1 corrections", "1 comments", "1 people", "of 1 thumbs"):
        assert wrong not in plain and wrong not in text


def test_shares_are_written_one_way(cast, client):
    assert [percent(x) for x in (None, 0, 0.004, 0.62, 0.996, 1)] == [
        "–",
        "0%",
        "<1%",
        "62%",
        ">99%",
        "100%",
    ]
    client.force_login(cast.alice)
    text = client.get(reverse("feedback", args=["clinic"])).content.decode()
    assert not re.search(r"\d [%％]|\d\.\d%", text)


@pytest.mark.parametrize(
    "label", ["Something is missing", "Did not answer my question", "不该拒绝却拒绝了", "W" * 60]
)
def test_a_label_has_room_beside_its_bar(label):
    drawn = str(charts.bars("Reasons", [charts.Mark(label, 3, "", "", "3 (100%)"), ("Short", 1)]))
    x, words = re.search(r'chart-label" x="(\d+)" y="16" text-anchor="end">([^<]*)<', drawn).groups()
    assert charts._wide(words) <= int(x)
    assert words == label or (words.endswith("…") and len(label) > 30)
    value, shown = re.search(r'chart-value" x="([\d.]+)" y="16">([^<]*)<', drawn).groups()
    assert float(value) + charts._wide(shown) <= charts._WIDTH
