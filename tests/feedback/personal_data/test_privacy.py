"""Masking before storage: what was masked is in no table, no file of the database, no log and no export,
searched byte for byte."""

import io
import json
import logging
import subprocess
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connection

from feedback.conversations import end_users
from feedback.conversations.privacy import privacy_policy
from feedback.conversations.record_exchange import record_exchange
from feedback.ingest import batch as ingest
from feedback.models import ChatSettings, Choice, Conversation, Message, Reaction
from feedback.reactions import actions as reactions
from tests import processes
from tests.cast import make_project
from tests.corpus.test_personal_data import id_card
from tests.feedback.ingest.ingesting import Sender, choice, talk, thumb

MOBILE, EMAIL, CARD, PERSON = (
    "13812345678",
    "zhang.san@hospital.cn",
    "6228480402564890018",
    id_card("11010519491231002"),
)
ALL = f"电话{MOBILE}，邮箱{EMAIL}，卡号{CARD}，身份证{PERSON}。"
MASKED = "电话[mobile]，邮箱[email]，卡号[bank_card]，身份证[id_card]。"


@pytest.mark.django_db
def test_the_privacy_policy_does_as_the_project_says():
    project = make_project()
    assert (privacy_policy(project).text(ALL), privacy_policy(project).shown(ALL)) == (ALL, ALL)
    chat = ChatSettings.objects.create(project=project, masking="storage")
    policy = privacy_policy(project)
    assert (policy.keeps, policy.text(ALL), policy.tree({"a": [ALL]}), policy.label(EMAIL)) == (
        True,
        MASKED,
        {"a": [MASKED]},
        "[email]",
    )
    assert policy.external("m-1") == "m-1"
    assert policy.external(MOBILE) == privacy_policy(project).external(MOBILE) != MOBILE
    ChatSettings.objects.update(mask_kinds=["email"])
    assert privacy_policy(project).text(f"{MOBILE} {EMAIL}") == f"{MOBILE} [email]"
    ChatSettings.objects.update(masking="promotion", mask_kinds=[])
    policy = privacy_policy(project)
    assert (policy.text(ALL), policy.shown(ALL), policy.shown_tree([ALL])) == (ALL, MASKED, [MASKED])
    for kept, said in (("ids", ""), ("days", ALL), ("content", ALL)):
        chat.keep, chat.masking = kept, "off"
        chat.save()
        policy = privacy_policy(project)
        assert (policy.text(ALL), policy.tree([ALL]), policy.listed([ALL])) == (
            (said, [said], [said]) if said else ("", None, [])
        )


def everything_in_the_database() -> str:
    """All rows of all tables."""
    out = []
    for model in apps.get_models():
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')
            out.append(str(cursor.fetchall()))
    return "\n".join(out)


def files_of_the_database() -> bytes:
    if connection.vendor == "sqlite":
        connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
        name = str(connection.settings_dict["NAME"])
        return b"".join(
            processes.bytes_of(name + end) for end in ("", "-wal", "-shm") if Path(name + end).exists()
        )
    values = connection.settings_dict
    command = [
        "pg_dump",
        "-h",
        values["HOST"],
        "-p",
        str(values["PORT"]),
        "-U",
        values["USER"],
        "--inserts",
        values["NAME"],
    ]
    try:
        return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    except FileNotFoundError:
        return everything_in_the_database().encode()


@pytest.mark.django_db(transaction=True)
def test_what_is_masked_is_nowhere(tmp_path):
    """By every door: reactions, choices, conversations, the proxy's log, the chat's verbs, an imported file;
    with ids, tags, titles, tools and sources that hold it; rows that are refused; and what is exported or
    logged afterwards."""
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    logging.getLogger().addHandler(handler)
    for name in ("django", "django.db.backends", "feedback", "core"):
        logging.getLogger(name).setLevel(logging.INFO)
    try:
        sender = Sender()
        project = sender.project
        ChatSettings.objects.create(project=project, masking="storage", enabled=True)
        arguments = json.dumps({"phone": int(MOBILE), "mail": EMAIL})
        whole = talk(
            "q",
            "a",
            conversation=f"talk {MOBILE}",
            user=EMAIL,
            title=ALL,
            system=ALL,
            tools=[{"description": ALL, EMAIL: 1}],
            model=f"model of {EMAIL}",
            id=EMAIL,
        )
        whole["messages"] = [
            {"role": "user", "content": ALL, "id": MOBILE, "name": EMAIL},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": arguments}}],
            },
            {"role": "tool", "content": json.dumps({"found": ALL}), "tool_call_id": CARD},
            {
                "role": "assistant",
                "content": [{"type": "text", "text": ALL}],
                "id": f"a-{MOBILE}",
                "sources": [{"title": ALL, "text": ALL, "url": f"mailto:{EMAIL}"}],
                "reactions": [
                    {"kind": "thumb", "value": 1, "comment": ALL, "tags": [EMAIL]},
                    {"kind": "correction", "text": ALL, "user": MOBILE},
                ],
            },
        ]
        whole["reactions"] = [{"kind": "score", "value": 1, "comment": ALL}]
        sender.taken(
            [
                whole,
                thumb(target=f"a-{MOBILE}", user=CARD, comment=ALL, id=MOBILE),
                thumb(target=EMAIL, comment=ALL, tags=[MOBILE]),
            ]
        )
        sender.taken(
            choice(
                drafts=[{"text": ALL}, {"text": f"second {ALL}", "id": PERSON}],
                messages=[{"role": "user", "content": ALL}],
                user=MOBILE,
            )
        )
        assert sender.post(thumb(comment=ALL, value=ALL, user=EMAIL, id=MOBILE))[0] == 400
        assert sender.post(None, raw=f'{{"type": "{ALL}'.encode())[0] == 400
        zhang = end_users.of_key(project, EMAIL)
        told = [
            {"role": "system", "content": ALL},
            {"role": "user", "content": [{"type": "text", "text": ALL}]},
        ]
        row = record_exchange(
            project=project,
            end_user=zhang,
            messages=told,
            answer=ALL,
            sources=[{"text": ALL}],
            parameters={"user": EMAIL},
            external_id=EMAIL,
        )
        reactions.react(
            project=project, end_user=zhang, kind="correction", text=ALL, message=row, tags=[EMAIL]
        )
        log = tmp_path / "log.jsonl"
        log.write_text(
            json.dumps(
                {
                    "messages": [{"role": "user", "content": ALL}, {"role": "assistant", "content": ALL}],
                    "feedback": "up",
                    "comment": ALL,
                }
            )
        )
        call_command("import_feedback", project.slug, str(log), "--json", stdout=io.StringIO())
        # the same id is found under its stand-in
        assert Reaction.objects.filter(message__external_id__startswith="masked:").exists()
        assert MASKED in Message.objects.get(pk=row.pk).text
        assert (Conversation.objects.count(), Choice.objects.count()) == (4, 1)
        made = tmp_path / "made"
        call_command(
            "export_dataset",
            project.slug,
            format="jsonl",
            out=str(made),
            include="draft-choices,thumbs,corrections",
            json=True,
            stdout=io.StringIO(),
        )
        assert MASKED in (made / "train.jsonl").read_text(encoding="utf-8")
    finally:
        logging.getLogger().removeHandler(handler)
    places = {
        "tables": everything_in_the_database().encode(),
        "files": files_of_the_database(),
        "log": heard.getvalue().encode(),
    }
    places["export"] = b"".join(
        p.read_bytes() for p in Path(django_settings.FILES_DIR).rglob("*") if p.is_file()
    )
    assert MASKED.encode() in places["files"]
    for name, held in places.items():
        for secret in (MOBILE, EMAIL, CARD, PERSON, "zhang.san"):
            at = held.find(secret.encode())
            assert at < 0, (name, held[max(0, at - 150) : at + 50])


@pytest.mark.django_db
def test_old_ids_are_found_under_their_stand_in():
    project = make_project()
    ChatSettings.objects.create(project=project, masking="storage")
    for _ in range(2):
        outcome = ingest.take(project=project, rows=[talk("q", "a", conversation=MOBILE, id=EMAIL)])
    assert outcome.results[0].status == "duplicate"
    assert (
        ingest.take(project=project, rows=[talk("q", "a", "q2", "b", conversation=MOBILE)]).counts.messages
        == 2
    )
