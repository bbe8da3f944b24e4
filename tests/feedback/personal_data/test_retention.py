"""Texts kept for some days only: gone from the rows, and on SQLite from the file; what was said by pressing a
button stays."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from core.models import Event
from feedback.conversations import end_users
from feedback.ingest import batch as ingest
from feedback.models import ChatSettings, Conversation, Message, Reaction
from feedback.personal_data import retention
from tests.cast import make_project

pytestmark = pytest.mark.django_db
NOW = timezone.now()
SECRET = "我在第三人民医院心内科住院"


def talk(project, name: str, *, days: int):
    at = (NOW - timedelta(days=days)).isoformat()
    row = {
        "type": "conversation",
        "conversation": name,
        "user": "zhang",
        "title": f"{SECRET} {name}",
        "system": SECRET,
        "tools": [{"name": SECRET}],
        "at": at,
        "messages": [
            {"role": "user", "content": f"{SECRET}。" * 300, "at": at},
            {
                "role": "assistant",
                "content": f"知道了，{SECRET}",
                "id": f"{name}-a",
                "sources": [{"text": SECRET}],
                "at": at,
                "tool_calls": [{"function": {"arguments": SECRET}}],
                "reactions": [
                    {"kind": "thumb", "value": "down", "comment": SECRET, "at": at},
                    {"kind": "correction", "text": SECRET, "at": at},
                ],
            },
        ],
        "reactions": [{"kind": "score", "value": 2, "comment": SECRET, "at": at}],
    }
    outcome = ingest.take(project=project, rows=[row])
    assert outcome.number("accepted") == 1, outcome.results
    return Conversation.objects.get(project=project, external_id=name)


def kept(project, days: int = 90, keep: str = "days"):
    ChatSettings.objects.create(project=project, keep=keep, keep_days=days)


def test_old_texts_go_and_values_stay():
    project = make_project()
    kept(project)
    old, young = talk(project, "old", days=91), talk(project, "young", days=89)
    assert retention.drop_old(NOW) == 1
    old.refresh_from_db()
    assert (old.title, old.system, old.tools, old.dropped_at, old.external_id) == ("", "", None, NOW, "old")
    assert [(m.role, m.text, m.extra, m.sources) for m in old.messages.order_by("pk")] == [
        ("user", "", None, []),
        ("assistant", "", None, []),
    ]
    said = Reaction.objects.filter(message__conversation=old) | Reaction.objects.filter(conversation=old)
    assert sorted((r.kind, r.value, r.text) for r in said) == [
        ("correction", None, ""),
        ("score", 2, ""),
        ("thumb", -1, ""),
    ]
    young.refresh_from_db()
    assert SECRET in young.title
    assert young.messages.first().text.startswith(SECRET)
    assert Reaction.objects.exclude(text="").count() == 3
    assert Event.objects.filter(verb="retention.drop").values_list("data", flat=True).get() == {
        "conversations": 1,
        "reactions": 0,
    }


def test_again_it_does_nothing_and_goes_on_where_it_was_broken_off():
    project = make_project()
    kept(project)
    for i in range(5):
        talk(project, f"t{i}", days=100 + i)
    assert retention.drop_old(NOW, batch=2, most=1) == 2
    assert Message.objects.exclude(text="").values("conversation").distinct().count() == 3
    assert retention.drop_old(NOW, batch=2) == 3
    assert retention.drop_old(NOW) == 0
    assert not Message.objects.exclude(text="").exists()


def test_a_talk_that_goes_on_is_old_again_later():
    project = make_project()
    kept(project)
    old = talk(project, "t", days=100)
    retention.drop_old(NOW)
    Message.objects.create(project=project, conversation=old, role="user", text=SECRET)
    Conversation.objects.filter(pk=old.pk).update(updated_at=NOW + timedelta(seconds=1))
    assert retention.drop_old(NOW + timedelta(days=89)) == 0
    assert retention.drop_old(NOW + timedelta(days=91)) == 1
    assert not Message.objects.exclude(text="").exists()


def test_reactions_that_still_wait_are_emptied_too():
    project = make_project()
    kept(project)
    zhang = end_users.of_key(project, "zhang")
    row = Reaction.objects.create(
        project=project, end_user=zhang, kind="thumb", value=-1, text=SECRET, target_external="never"
    )
    Reaction.objects.update(created_at=NOW - timedelta(days=91))
    retention.drop_old(NOW)
    row.refresh_from_db()
    assert (row.text, row.value) == ("", -1)


@pytest.mark.parametrize("keep", ["content", "ids"])
def test_other_projects_are_left_alone(keep):
    project = make_project()
    talk(project, "t", days=1000)
    kept(project, keep=keep)
    assert retention.drop_old(NOW) == 0
    assert Message.objects.exclude(text="").count() == 2


@pytest.mark.django_db(transaction=True)
def test_the_file_forgets(tmp_path):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL forgets at its VACUUM")
    project = make_project()
    kept(project)
    for i in range(20):
        talk(project, f"t{i}", days=100)
    name = (
        settings.DATABASES["default"]["TEST"]["NAME"]
        if "TEST" in settings.DATABASES["default"]
        else connection.settings_dict["NAME"]
    )

    def bytes_on_disk() -> bytes:
        connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
        out = b""
        for end in ("", "-wal"):
            try:
                with open(f"{name}{end}", "rb") as file:
                    out += file.read()
            except FileNotFoundError:
                continue
        return out

    assert SECRET.encode() in bytes_on_disk()
    assert retention.drop_old(NOW, batch=7) == 20
    assert SECRET.encode() not in bytes_on_disk()


def test_a_worker_does_it_now_and_then():
    from core import jobs

    assert "retention" in jobs.periodics()
