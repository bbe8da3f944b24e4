"""A person's data, handed out and erased: byte by byte nothing of theirs is left, and of others
everything."""

import io
import json
import sqlite3
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client

from annotation.models import Annotation, Annotator, Item
from core import events
from core.models import Event
from corpus.models import Prompt, PromptOrigin, Response
from feedback.conversations.end_users import label, of_key, of_member
from feedback.conversations.tree import context_hash, context_of
from feedback.models import Choice, Conversation, EndUser, Message, Reaction
from feedback.reactions.actions import choose, react, signal
from tests import cast, processes
from tests.training_export import judged
from training_export.models import Bundle, TrainingRun
from training_export.options import ExportOptions
from training_export.publish import downloads, snapshots

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "my daughter Zuzanna fell from the red ladder behind the mill"
REPLY = "Zuzanna should be seen by a surgeon, since the fall was from a height"
COMMENT = "no surgeon would say so about such a little fall in the yard"
BETTER = "Watch her for a day, and come at once if she vomits or sleeps too deep"
TITLE = "About my daughter behind the mill"
SHARED = "How many days may I take paracetamol in a row?"
SHARED_REPLY = "Three days for fever, five for pain, not longer without a doctor."


def talk_of(project, who, question, answers, *, title=""):
    """One turn, its answers written as a stream writes them: piece by piece into the same row."""
    talk = Conversation.objects.create(project=project, end_user=who, title=title)
    asked = Message.objects.create(project=project, conversation=talk, role="user", text=question)
    Message.objects.filter(pk=asked.pk).update(context_hash=context_hash(project, context_of(asked)))
    made = []
    for i, text in enumerate(answers):
        row = Message.objects.create(
            project=project,
            conversation=talk,
            parent=asked,
            role="assistant",
            position=i,
            seen=True,
            state="streaming",
        )
        for end in (len(text) // 3, 2 * len(text) // 3, len(text)):
            # its end on a page of its own, which the next write lets go
            Message.objects.filter(pk=row.pk).update(text=" " * 5000 + text[:end])
        Message.objects.filter(pk=row.pk).update(text=text, state="complete")
        row.refresh_from_db()
        made.append(row)
    return asked, made


def promoted(project, asked, answers):
    """The turn as promotion puts it before experts, judged by one of them."""
    event = events.append(project=project, actor=None, verb="promotion")
    prompt = Prompt.objects.filter(project=project, messages=context_of(asked)).first() or cast.make_prompt(
        project, messages=context_of(asked)
    )
    PromptOrigin.objects.create(prompt=prompt, turn_id=answers[0].pk)
    Prompt.objects.filter(pk=prompt.pk).update(event_id=event.pk)
    item = Item.objects.filter(prompt=prompt).first()
    if item is None:
        item = judged.item(project, [a.text for a in answers], kind="qa", prompt=prompt)
        for answer in answers:
            Response.objects.filter(prompt=prompt, text=answer.text).update(
                external_id=f"message:{answer.pk}"
            )
        doctor = Annotator.objects.get_or_create(project=project, pseudonym="X")[0]
        judged.judge(
            item,
            doctor,
            {
                "schema": 1,
                "verdict": "fix",
                "corrections": [{"target": "response", "answer": 0, "text": "Better: " + answers[0].text}],
            },
        )
    return prompt, item


@pytest.fixture
def house():
    project = cast.make_project("ward")
    ann, bob = of_key(project, "ann"), of_key(project, "bob")
    asked, answers = talk_of(project, ann, SECRET, [REPLY, "No idea."], title=TITLE)
    react(project=project, end_user=ann, kind="thumb", value=-1, message=answers[0], text=COMMENT)
    react(project=project, end_user=ann, kind="correction", message=answers[0], text=BETTER)
    choose(
        project=project,
        end_user=ann,
        parent=asked,
        verdict="better",
        chosen=answers[1],
        shown=[{"message": a.pk, "seen": True} for a in answers],
    )
    react(project=project, end_user=ann, kind="score", value=1, conversation=asked.conversation, text=COMMENT)
    signal(project=project, end_user=ann, message=answers[0], name="copy")
    own, _item = promoted(project, asked, answers[:1])
    both = []
    for who in (ann, bob):
        turn, replies = talk_of(project, who, SHARED, [SHARED_REPLY])
        react(project=project, end_user=who, kind="thumb", value=1, message=replies[0])
        both.append((turn, replies))
    shared, _item = promoted(project, *both[0])
    other, more = talk_of(
        project, bob, "What does the law say of a broken lease?", ["It may be ended, with a month's notice."]
    )
    react(
        project=project,
        end_user=bob,
        kind="thumb",
        value=1,
        message=more[0],
        text="thank you so much for this",
    )
    return {"project": project, "ann": ann, "bob": bob, "own": own, "shared": shared, "bobs": other}


def pieces(text: str) -> list[bytes]:
    """Every piece of 20 characters."""
    return [text[i : i + 20].encode() for i in range(len(text) - 19)]


def postgres_files() -> list[Path]:
    """The files of the tables and indexes of this database, as they stand on the disk now."""
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        cursor.execute("SHOW data_directory")
        home = Path(cursor.fetchone()[0])
        cursor.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
        return sorted((home / "base" / str(cursor.fetchone()[0])).iterdir())


def places_of(text: str) -> list[str]:
    """Files of the database and of FILES_DIR that hold a piece of `text`; on PostgreSQL the tables whose rows
    do."""
    found = []
    files = (
        [p for p in Path(settings.FILES_DIR).rglob("*") if p.is_file()]
        if Path(settings.FILES_DIR).exists()
        else []
    )
    if connection.vendor == "sqlite":
        name = connection.settings_dict["NAME"]
        files += [p for p in (Path(name), Path(f"{name}-wal")) if p.exists()]
    else:
        with connection.cursor() as cursor:
            for table in connection.introspection.table_names(cursor):
                cursor.execute(f'SELECT t::text FROM "{table}" t')
                if any(piece.decode() in row for (row,) in cursor.fetchall() for piece in pieces(text)):
                    found.append(table)
        files += postgres_files()
    for path in files:
        data = processes.bytes_of(path)
        if any(piece in data for piece in pieces(text)):
            found.append(str(path))
    return found


def export(project, form="jsonl"):
    options = {"format": form, "include": "draft-choices,thumbs,corrections"}
    return snapshots.build(project=project, actor=None, options=ExportOptions.of(options))


def command(*args):
    out = io.StringIO()
    call_command("person_data", *args, "--json", stdout=out)
    return json.loads(out.getvalue())


ALL_OF_ANN = (SECRET, REPLY, COMMENT, BETTER, TITLE)


def test_nothing_of_the_person_is_left_and_nothing_of_others_is_lost(house):
    project = house["project"]
    old = export(project)
    untouched = snapshots.build(
        project=cast_other(), actor=None, options=ExportOptions.of({"format": "jsonl"})
    )
    model = cast.ModelVersion.objects.create(project=project, name="tuned-1")
    TrainingRun.objects.create(project=project, snapshot=old.snapshot, model_version=model)
    for text in ALL_OF_ANN[:4]:
        assert places_of(text), f"the search itself finds nothing of {text!r}"
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")  # as the server does by itself: samples of texts go into its statistics
    result = command("ward", "--key", "ann", "--erase", "--yes")
    for text in ALL_OF_ANN:
        assert places_of(text) == [], text
    assert result["withdrawn"] == [old.snapshot.number] and result["models"] == ["tuned-1"]
    assert (
        result["counts"]["conversations"] == 2
        and result["counts"]["items"] == 1
        and result["counts"]["prompts"] == 1
    )
    assert not EndUser.objects.filter(pk=house["ann"].pk).exists()
    # What somebody else asked as well lives on, with its judgement, and leads back to them.
    assert not Prompt.objects.filter(pk=house["own"].pk).exists()
    assert (
        Prompt.objects.filter(pk=house["shared"].pk).exists()
        and Annotation.objects.filter(item__prompt=house["shared"]).count() == 1
    )
    origin = PromptOrigin.objects.get(prompt=house["shared"])
    assert Message.objects.get(pk=origin.turn_id).conversation.end_user == house["bob"]
    assert (
        Conversation.objects.filter(end_user=house["bob"]).count() == 2
        and Reaction.objects.filter(end_user=house["bob"]).count() == 2
    )
    assert not Choice.objects.exists()
    # The old data set is closed, another project's is not; a new one holds nothing of the person.
    assert Bundle.objects.get(pk=old.pk).withdrawn_at and not snapshots.folder_of(old).exists()
    with pytest.raises(downloads.Http404):
        downloads.bundle_or_404(project, old.snapshot.number)
    assert snapshots.folder_of(untouched).exists()
    fresh = export(project)
    text = "".join(p.read_text() for p in snapshots.folder_of(fresh).rglob("*") if p.is_file())
    assert not any(piece.decode() in text for secret in ALL_OF_ANN for piece in pieces(secret))
    assert SHARED_REPLY in text
    event = Event.objects.get(verb="person.erase")
    assert event.data["withdrawn"] == [old.snapshot.number] and SECRET not in json.dumps(event.data)


def cast_other():
    other = cast.make_project("elsewhere")
    item = judged.item(other)
    judged.judge(
        item,
        Annotator.objects.create(project=other, pseudonym="Y"),
        {"schema": 1, "ranking": [[0], [1], [2]], "acceptable": 1},
    )
    return other


def test_erasing_again_does_no_harm_and_a_stranger_s_name_is_an_error(house):
    command("ward", "--pseudonym", label(house["ann"]).lower(), "--erase", "--yes")
    for way, name in (
        ("--key", "ann"),
        ("--key", "nobody"),
        ("--member", "nobody"),
        ("--pseudonym", "U-AAAAAA"),
    ):
        with pytest.raises(SystemExit):
            command("ward", way, name, "--erase", "--yes")
    with pytest.raises(SystemExit):
        command("no-such-project", "--key", "bob", "--erase", "--yes")
    assert EndUser.objects.filter(pk=house["bob"].pk).exists()


def test_an_answer_that_only_the_person_got_goes_from_a_prompt_that_lives_on(house):
    project, ann = house["project"], house["ann"]
    asked, answers = talk_of(
        project, ann, "Is the moon made of cheese?", ["Dear Zuzanna's mother, of course it is not."]
    )
    prompt, item = promoted(project, asked, answers)
    talk_of(project, house["bob"], "Is the moon made of cheese?", ["It is made of rock."])
    command("ward", "--key", "ann", "--erase", "--yes")
    assert Prompt.objects.filter(pk=prompt.pk).exists()
    assert (
        not Item.objects.filter(pk=item.pk).exists() and not Response.objects.filter(prompt=prompt).exists()
    )
    assert places_of("Dear Zuzanna's mother, of course it is not.") == []


def test_the_person_s_data_are_handed_out_whole(house, tmp_path):
    command("ward", "--key", "ann", "--export", str(tmp_path / "ann.json"))
    data = json.loads((tmp_path / "ann.json").read_text())
    texts = [m["text"] for c in data["feedback"]["conversations"] for m in c["messages"]]
    assert texts == [SECRET, REPLY, "No idea.", SHARED, SHARED_REPLY]
    assert {r["text"] for r in data["feedback"]["reactions"]} == {COMMENT, BETTER, ""}
    assert "broken lease" not in json.dumps(data)


def test_of_a_member_the_talk_goes_and_the_judgements_stay_by_pseudonym():
    project = cast.make_project("ward")
    member = cast.make_member(project, "annotator")
    annotator = cast.make_annotator(project, member, pseudonym="P9")
    item = judged.item(project)
    judged.judge(item, annotator, {"schema": 1, "ranking": [[0], [1], [2]]})
    talk_of(project, of_member(project, member), SECRET, [REPLY])
    command("ward", "--member", member.username, "--erase", "--yes")
    annotator.refresh_from_db()
    assert (
        annotator.user is None
        and annotator.pseudonym == "P9"
        and Annotation.objects.filter(annotator=annotator).exists()
    )
    assert not Conversation.objects.exists() and places_of(SECRET) == []


def test_the_manager_looks_up_downloads_and_erases_on_the_page(house):
    project = house["project"]
    client = Client()
    client.force_login(cast.make_member(project, "manager"))
    export(project)
    page = client.get("/p/ward/people/", {"way": "key", "name": "ann"})
    assert page.status_code == 200 and label(house["ann"]) in page.content.decode()
    assert SECRET not in page.content.decode()
    assert client.get("/p/ward/people/", {"way": "key", "name": "nobody"}).status_code == 400
    got = client.post("/p/ward/people/export/", {"way": "key", "name": "ann"})
    assert SECRET in b"".join(got.streaming_content).decode()
    from core import jobs

    assert client.post("/p/ward/people/erase/", {"way": "key", "name": "ann"}).status_code == 302
    job = jobs.Job.objects.get(kind="erase")
    jobs.run_now(job)
    assert not EndUser.objects.filter(pk=house["ann"].pk).exists()
    assert "No. 1" in client.get("/p/ward/people/").content.decode()
    assert "No. 1, jsonl, withdrawn" in client.get("/p/ward/exports/").content.decode()


def test_a_guest_takes_their_data_along_and_has_them_erased(monkeypatch):
    from core import jobs
    from tests.feedback.talks import Browser, make_chat, make_link

    project = make_chat("open")
    _link, path = make_link(project)
    guest, other = Browser(project), Browser(project)
    for one in (guest, other):
        assert one.join(path).status_code == 302
    mine, theirs = EndUser.objects.order_by("pk")
    talk_of(project, mine, SECRET, [REPLY])
    talk_of(project, theirs, "Something of another person altogether", [SHARED_REPLY])
    got = b"".join(guest.client.get("/chat/open/data/").streaming_content).decode()
    assert SECRET in got and "another person" not in got
    page = guest.client.post("/chat/open/erase/")
    assert page.status_code == 200
    jobs.run_now(jobs.Job.objects.get(kind="erase"))
    assert list(EndUser.objects.all()) == [theirs] and places_of(SECRET) == []
    assert guest.get("conversations/").status_code == 401  # the visit has ended
    assert len(other.get("conversations/").json()["conversations"]) == 1


@pytest.mark.skipif("sqlite" not in settings.DATABASES["default"]["ENGINE"], reason="the file of SQLite")
def test_a_copy_of_the_database_file_can_still_be_read_after_the_purge(house, tmp_path):
    command("ward", "--key", "ann", "--erase", "--yes")
    copy = sqlite3.connect(connection.settings_dict["NAME"])
    assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    copy.close()


@pytest.mark.skipif("sqlite" not in settings.DATABASES["default"]["ENGINE"], reason="the file of SQLite")
def test_pages_that_an_earlier_change_let_go_are_written_over_as_well(house):
    """Long before anybody asks for erasure: SQLite leaves such pages as they were."""
    secret = "of which only a page that nobody uses any more still tells"
    _asked, (answer, _other) = talk_of(house["project"], house["ann"], "Once more?", ["Yes.", "No."])
    Message.objects.filter(pk=answer.pk).update(text=" " * 200_000 + secret)
    Message.objects.filter(pk=answer.pk).update(text="Yes.")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.fetchall()
    assert places_of(secret), "nothing was left behind: this test proves nothing"
    command("ward", "--key", "ann", "--erase", "--yes")
    assert places_of(secret) == []


@pytest.mark.servers
def test_a_table_in_use_is_named_and_the_page_says_so(house, client, monkeypatch):
    """Somebody reads messages in a long transaction meanwhile: the erasure does not wait for them, and does
    not keep silent."""
    import psycopg

    from core import erasure
    from core.erasure import Person
    from tests.cast import make_member

    monkeypatch.setattr(erasure, "LOCK_SECONDS", 1)
    given = connection.get_connection_params()
    with psycopg.connect(
        **{k: given[k] for k in ("dbname", "user", "host", "port") if given.get(k)}
    ) as reader:
        reader.execute("SELECT count(*) FROM feedback_message")
        done = erasure.erase(Person(house["project"], end_users=[house["ann"].pk]), actor=None)
    assert done["unwritten"] == ["feedback_message"]
    client.force_login(make_member(house["project"], "manager"))
    assert "VACUUM FULL" in client.get("/p/ward/people/").content.decode()
    assert erasure.erase(Person(house["project"], end_users=[house["ann"].pk]), actor=None)["unwritten"] == []
    assert "VACUUM FULL" not in client.get("/p/ward/people/").content.decode()
