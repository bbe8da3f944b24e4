"""The same feedback sent by several programs at once: one row, one person, one talk, on both databases."""

import pytest
from django.db import OperationalError, ProgrammingError, connection, transaction

from core.db import one_go
from feedback.conversations.record_exchange import record_exchange
from feedback.ingest import batch as ingest
from feedback.ingest import existing
from feedback.models import Conversation, EndUser, Message, Reaction, Received
from tests.cast import make_project
from tests.feedback.ingest.ingesting import talk, thumb
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def together(project, rows, times: int = 6) -> list[str]:
    statuses: list[str] = []

    def send():
        statuses.extend(r.status for r in ingest.take(project=project, rows=rows).results)

    errors = at_once(*[send] * times)
    assert errors == []
    return statuses


def test_one_key_is_taken_once():
    project = make_project()
    for i in range(4):
        statuses = together(project, [thumb(id=f"k{i}", user=f"new{i}", target=f"t{i}")])
        assert sorted(statuses) == ["accepted"] + ["duplicate"] * 5
    assert (Reaction.objects.count(), Received.objects.count(), EndUser.objects.count()) == (4, 4, 4)


def test_batches_with_the_same_keys_in_another_order():
    project = make_project()
    rows = [thumb(id=f"k{i}", user=f"u{i % 7}", target=f"t{i}") for i in range(50)]

    def send(mine):
        return lambda: ingest.take(project=project, rows=mine)

    assert at_once(*[send(rows[i:] + rows[:i]) for i in (0, 10, 25, 40)], send(rows[::-1])) == []
    assert (Reaction.objects.count(), Received.objects.count(), EndUser.objects.count()) == (50, 50, 7)


def test_one_talk_sent_at_once_is_one():
    project = make_project()
    for i in range(3):
        row = talk("q", "a", "more", "b", conversation=f"c{i}", model=f"m{i}")
        for message in row["messages"]:
            if "id" in message:
                message["id"] += f"-{i}"
        assert sorted(together(project, [row], 4)) == ["accepted", "duplicate", "duplicate", "duplicate"]
    assert (Conversation.objects.count(), Message.objects.count()) == (3, 12)


def test_a_thumb_and_its_answer_never_miss_each_other():
    project = make_project()
    for i in range(8):
        rows = [thumb(target=f"x{i}", user=f"u{j}") for j in range(3)]
        message = {"role": "user", "content": f"q{i}"}
        jobs = [lambda row=row: ingest.take(project=project, rows=[row]) for row in rows]
        jobs.append(
            lambda m=message, i=i: record_exchange(
                project=project, end_user=None, messages=[m], answer="a", external_id=f"x{i}"
            )
        )
        assert at_once(*jobs) == []
    assert Reaction.objects.count() == 24
    assert not Reaction.objects.filter(message=None).exists()


def test_two_minds_at_once_leave_one_current():
    project = make_project()
    ingest.take(project=project, rows=[talk("q", "a")])
    jobs = [
        lambda v=v: ingest.take(project=project, rows=[thumb(value=v)])
        for v in ("up", "down", "none", "up", "down")
    ]
    assert at_once(*jobs) == []
    assert Reaction.objects.filter(current=True).count() == 1


def test_lost_plans_lose_nothing():
    """A pooler between us and PostgreSQL may hand every transaction another connection, which knows nothing
    of what was prepared."""
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL keeps plans")
    project = make_project()
    ingest.take(project=project, rows=[thumb(id="k0")])
    connection.cursor().execute("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$")
    try:
        for i in range(3):
            assert (
                ingest.take(project=project, rows=[thumb(id=f"k{i + 1}", user=f"u{i}")]).results[0].status
                == "accepted"
            )
        assert one_go._plans_are_kept is False
    finally:
        one_go._plans_are_kept = True
    assert Reaction.objects.count() == 4


def test_a_write_that_fails_leaves_nothing_behind(monkeypatch):
    """BEGIN and COMMIT travel with the statements; what goes wrong between them is undone all the same."""
    project = make_project()
    ingest.take(project=project, rows=[talk("q", "a")])
    whole = ingest.events.append_statement

    def torn(**given):
        sql, values = whole(**given)
        return sql.replace("core_event", "no_such_table"), values

    monkeypatch.setattr(ingest.events, "append_statement", torn)
    for _time in range(2):
        with pytest.raises((ProgrammingError, OperationalError)):
            ingest.take(project=project, rows=[thumb(id="k")])
        assert (
            Reaction.objects.count(),
            Received.objects.count(),
            connection.in_atomic_block,
            connection.get_autocommit(),
        ) == (0, 0, False, True)
    monkeypatch.undo()
    with transaction.atomic():
        assert ingest.take(project=project, rows=[thumb(id="k")]).results[0].status == "accepted"
        transaction.set_rollback(True)
    assert Reaction.objects.count() == 0
    assert ingest.take(project=project, rows=[thumb(id="k")]).results[0].status == "accepted"
    with transaction.atomic():
        transaction.set_rollback(True)
    assert (Reaction.objects.count(), Received.objects.count()) == (1, 1)


def test_of_a_popular_answer_only_ones_own_thumb_is_read():
    project = make_project()
    ingest.take(
        project=project,
        rows=[
            talk("q", "a"),
            *(thumb(user=f"u{i}") for i in range(30)),
            *(thumb(user=f"u{i}", target="later") for i in range(30)),
        ],
    )
    answer = Reaction.objects.exclude(message=None).first().message_id
    two = [r.end_user_id for r in Reaction.objects.filter(message=answer)][3:5]
    found = existing.earlier_of(project, {(answer, user) for user in two}, {("later", user) for user in two})
    assert len(found) == 4 and {(row[1], row[2], row[4]) for row in found} == {
        (u, m, t) for u in two for m, t in ((answer, "a1"), (None, "later"))
    }
    results = ingest.take(
        project=project,
        rows=[
            thumb(user="u3", value="down"),
            thumb(user="u4"),
            thumb(user="u5", target="later", value="down"),
        ],
    ).results
    assert [r.status for r in results] == ["accepted", "duplicate", "accepted"]
    assert Reaction.objects.filter(current=False).count() == 2
