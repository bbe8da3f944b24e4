"""The three weeks that the demo has behind it: the same for one seed on any day, everything there that is
promised, and nothing left of the simulation in the process."""

import ast
import threading
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from annotation.models import (
    Annotation,
    AnnotationVersion,
    Assignment,
    Consensus,
    DailyFigure,
    Item,
    Promotion,
    PromotionRule,
    Review,
)
from annotation.statistics import project as figures
from config import demo_content
from config.demo_history import DAYS, clock, texts
from core.models import Event, Invite, Project, User
from core.rendering.language import guess
from feedback.models import Choice, Conversation, Message, Reaction
from tests.demo import digest
from tests.demo.conftest import PASSWORDS
from training_export.models import Bundle, Snapshot
from training_export.publish.snapshots import folder_of

pytestmark = pytest.mark.django_db


def test_everything_that_is_promised_is_there(demo):
    ranking, qa, chat = demo["ranking"], demo["qa"], demo["chat"]
    # six people whose skill differs
    judges = Counter(
        Annotation.objects.filter(project=ranking).values_list("annotator__user__username", flat=True)
    )
    assert set(judges) == {"expert", "expert2", "expert3", "expert4", "expert5", "expert6"}
    names = [User.objects.get(username=n).shown_name for n in judges]
    assert {guess(name) for name in names} == {"zh", "en"}
    # rankings with ties, lines, disagreements, corrections
    heads = [
        a.head.document
        for a in Annotation.objects.filter(project=ranking, annotator__user__isnull=False).select_related(
            "head"
        )
    ]
    assert sum(any(len(group) > 1 for group in d["ranking"]) for d in heads) >= 5
    assert sum("acceptable" in d for d in heads) >= 60
    assert sum("corrections" in d for d in heads) >= 4
    # returns: done again, and one that waits for `expert`
    assert Review.objects.filter(decision="return", version__annotation__project=ranking).count() >= 3
    assert AnnotationVersion.objects.filter(annotation__project=ranking, number=2).count() >= 2
    returned = Annotation.objects.filter(project=ranking, state="returned")
    assert [a.annotator.user.username for a in returned] == ["expert"]
    assert not returned[0].head.document.get("corrections")  # which is what the reviewer asks for
    # settled, and three disputes left for `reviewer`
    assert Consensus.objects.filter(item__project=ranking, version__isnull=False).exists()
    assert figures.attention(ranking)["disputes"] == 3
    # QA kept, fixed and dropped
    verdicts = Counter(a.head.document["verdict"] for a in Annotation.objects.filter(project=qa))
    assert set(verdicts) == {"keep", "fix", "drop"} and min(verdicts.values()) >= 3
    # an invitation, a rule and its twenty turns
    assert Invite.objects.get(project=ranking).expires_at > timezone.now()
    rule = PromotionRule.objects.get(project=chat)
    assert Promotion.objects.filter(rule=rule, outcome="item").count() == 20
    assert Annotation.objects.filter(project=chat).count() == 14
    # work that is left
    for project in demo.values():
        assert Item.objects.filter(project=project, state="open").count() >= 3


def test_two_hundred_talks_with_all_that_people_say(demo):
    chat = demo["chat"]
    talks = Conversation.objects.filter(project=chat)
    assert talks.count() == 200
    first = Message.objects.filter(project=chat, role="user", parent=None).values_list("text", flat=True)
    assert len(set(first)) == 200
    assert Counter(guess(text) for text in first)["zh"] >= 60 <= Counter(guess(text) for text in first)["en"]
    assert talks.filter(source="chat", end_user__user__username="user").count() == 10
    said = Counter(Reaction.objects.filter(project=chat).values_list("kind", flat=True))
    assert said["thumb"] >= 90 and said["score"] >= 30 and said["correction"] >= 8
    thumbs = Reaction.objects.filter(project=chat, kind="thumb")
    assert {1, -1} == set(thumbs.values_list("value", flat=True))
    assert thumbs.exclude(reasons=[]).count() >= 40
    assert thumbs.exclude(text="").count() == 20
    assert Choice.objects.filter(project=chat).count() == 40
    drafts = Message.objects.filter(project=chat, draft_group__isnull=False)
    assert drafts.count() == 80


def test_two_data_sets_differ(demo):
    first, second = Snapshot.objects.filter(project=demo["ranking"]).order_by("number")
    assert first.options | {"as_of": 0} == second.options | {"as_of": 0}
    assert first.counts["rows"] + 20 <= second.counts["rows"]
    texts_of = [
        {line for path in folder_of(b).glob("train*.jsonl") for line in path.read_text().splitlines()}
        for b in Bundle.objects.order_by("pk")
    ]
    assert texts_of[1] - texts_of[0] and texts_of[0] - texts_of[1]
    assert all(b.manifest["demo"] is True for b in Bundle.objects.all())


def test_every_moment_lies_in_the_three_weeks_and_in_order(demo):
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    since = midnight - timedelta(days=DAYS)
    moments = [
        *Event.objects.filter(project__demo=True).values_list("at", flat=True),
        *Annotation.objects.values_list("created_at", flat=True),
        *Annotation.objects.values_list("updated_at", flat=True),
        *Message.objects.values_list("created_at", flat=True),
        *Reaction.objects.values_list("created_at", flat=True),
        *Snapshot.objects.values_list("created_at", flat=True),
        *Project.objects.filter(demo=True).values_list("created_at", flat=True),
        *Promotion.objects.values_list("created_at", flat=True),
    ]
    assert len(moments) > 800
    assert all(since <= at < midnight for at in moments)
    events = list(Event.objects.filter(project__demo=True).order_by("pk").values_list("at", flat=True))
    assert events == sorted(events)
    assert not Assignment.objects.live().exists(), "no hold is left that would run out"
    days = Counter()
    first = AnnotationVersion.objects.filter(action="submit", number=1)
    for at, annotator in first.values_list("created_at", "annotation__annotator"):
        days[annotator, at.date()] += 1
    kept = DailyFigure.objects.filter(submitted__gt=0).values_list("annotator", "day", "submitted")
    assert {(annotator, day): n for annotator, day, n in kept} == days


def test_what_an_expert_gets_right_follows_their_skill(demo):
    """The careful one is nearer to what the answers are worth than the careless one."""
    from config.demo_history import experts

    far: dict[str, list[float]] = {}
    known = Annotation.objects.filter(project=demo["ranking"]).select_related("head", "annotator__user")
    for a in known:
        by_slot = dict(a.item.answers.values_list("slot", "response__text"))
        answers = [by_slot[slot] for slot in sorted(by_slot)]
        far.setdefault(a.annotator.user.username, []).append(experts.distance(a.head.document, answers))
    mean = {name: sum(found) / len(found) for name, found in far.items()}
    assert mean["expert"] < mean["expert5"] and mean["expert"] < mean["expert6"]


def test_made_twice_is_made_once(demo):
    before = digest.rows(timezone.now().date())
    demo_content.create_demo(passwords=PASSWORDS)
    assert digest.rows(timezone.now().date()) == before


def test_a_project_missing_beside_others_comes_back_without_a_history(demo):
    demo["qa"].delete()
    demo_content.create_demo(passwords=PASSWORDS)
    assert Item.objects.filter(project__slug="demo-qa", state="open").count() == 16
    assert not Annotation.objects.filter(project__slug="demo-qa").exists()


def test_one_project_is_clean_and_not_marked(demo):
    own = Project.objects.get(slug="own-file")
    assert not own.demo and not Item.objects.filter(project=own).exists()
    assert {m.user.username: m.role for m in own.members.all()} == {
        "expert": "annotator", "expert2": "annotator", "reviewer": "reviewer", "manager": "manager",
    }  # fmt: skip
    assert Project.objects.filter(demo=True).count() == 4


def test_colleagues_cannot_sign_in(demo, client):
    for name in demo_content.COLLEAGUES:
        assert not User.objects.get(username=name).has_usable_password()
        assert not client.login(username=name, password="-")


def test_the_pages_say_that_it_is_a_demo(demo, client):
    client.force_login(User.objects.get(username="manager"))
    mark = 'class="chip gold" title="'
    for path in ("/p/demo-ranking/", "/p/demo-chat/feedback/", "/p/demo-qa/review/", "/chat/demo-chat/"):
        assert mark in client.get(path).content.decode(), path
    assert mark not in client.get("/p/own-file/").content.decode()
    assert client.get("/").content.decode().count('<span class="chip gold">') == 4


def test_the_clock_is_set_for_its_own_thread_only_and_put_right_again():
    told = {}
    with clock.lived(date(2026, 3, 1), 1) as lived:
        lived.at(-1, 9, 30)
        assert timezone.now() == lived.moment(-1, 9, 30)
        other = threading.Thread(target=lambda: told.update(now=timezone.now()))
        other.start()
        other.join()
        assert abs(told["now"] - clock._system()) < timedelta(minutes=1)
    assert timezone.now is clock._system
    with pytest.raises(ZeroDivisionError), clock.lived(date(2026, 3, 1), 1):
        raise ZeroDivisionError
    assert timezone.now is clock._system


def test_nothing_but_the_demo_knows_of_the_clock():
    """A page or a task could not set it by mistake: nobody outside imports it."""
    root = Path(__file__).parents[2]
    users = set()
    for path in root.rglob("*.py"):
        parts = path.relative_to(root).parts
        if parts[0].startswith(".") or parts[0] == "tests":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else names
            if any(name.startswith("config.demo_") for name in names):
                users.add("/".join(parts))
    assert {u for u in users if not u.startswith("config/demo_history/")} == {
        "config/demo_content.py",
        "config/management/commands/demo.py",
    }


def test_the_talks_are_whole():
    rows = texts.lines("talks.jsonl")
    assert len({q.text for q in texts.questions()}) == len(texts.questions()) >= 200
    for row in rows:
        assert row["slip"][0] in row["good"] and row["slip"][1] not in row["good"], row["id"]
        assert {guess(text) for text in [*row["asks"], row["good"]]} == {row["language"]}, row["id"]
        assert len(row["short"]) * 2 < len(row["good"]), row["id"]
