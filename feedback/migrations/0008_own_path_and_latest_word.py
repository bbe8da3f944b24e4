"""Each message has the hash of the talk along its own path of parents. Those that came with `parent` had none, nor had answers of the chat; where
personal data is masked before storage, the hashes of what came by API or proxy were made before it was; a system text that was sent later on, or an
answer that says nothing, went into those of what followed.

Of each person and target the word that was said last is in force. Choices that came by API were put in force by their arrival, and a clock that
ran ahead dated words later than they were heard."""

from datetime import timedelta
from itertools import groupby

from django.db import migrations, transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, OuterRef, Subquery

from core.db import bulk
from feedback.conversations import tree as talk
from feedback.reactions.in_force import choice_about, latest, reaction_about

CONVERSATIONS = 200  # in one transaction


def hashes(apps, schema_editor):
    """Compute them all, some conversations at a time; only what differs is written. Broken off, it may be called again."""
    Conversation, Message = apps.get_model("feedback", "Conversation"), apps.get_model("feedback", "Message")
    keys = dict(apps.get_model("core", "Project").objects.values_list("pk", "hash_key"))
    # Where no texts are kept, or not any more, there is nothing to compute from.
    every = Conversation.objects.filter(keep=True, dropped_at=None).order_by("pk")
    last = 0
    while rows := list(every.filter(pk__gt=last).values_list("pk", "project_id", "system")[:CONVERSATIONS]):
        last = rows[-1][0]
        roots = {pk: talk.root_hash(bytes(keys[project]), system) for pk, project, system in rows}
        key_of = {pk: bytes(keys[project]) for pk, project, _system in rows}
        with transaction.atomic():
            found = Message.objects.filter(conversation__in=list(roots)).exclude(state="streaming").order_by("pk")
            fields = ("pk", "conversation_id", "parent_id", "role", "text", "extra", "context_hash")
            changed = _changed(found.values_list(*fields), roots, key_of)
            bulk.update(Message, ("context_hash",), changed)


def _changed(messages, roots: dict, key_of: dict) -> list[tuple[int, str]]:
    below: dict = {}
    for message in messages:
        below.setdefault(message[2], []).append(message)
    out = []
    waiting = [(message, roots[message[1]]) for message in below.get(None, [])]
    while waiting:
        (pk, conversation, _parent, role, text, extra, stored), before = waiting.pop()
        now = talk.hash_after(key_of[conversation], before, {"role": role, "content": text, **(extra or {})})
        if now != stored:
            out.append((pk, now))
        waiting += [(message, now) for message in below.get(pk, [])]
    return out


def words(apps, schema_editor):
    """Nothing is said later than it is heard, and `current` is what was said last."""
    Reaction, Choice, Event = (apps.get_model(*name) for name in (("feedback", "Reaction"), ("feedback", "Choice"), ("core", "Event")))
    heard = Subquery(Event.objects.filter(pk=OuterRef("event_id")).values("at")[:1])
    for model in (Reaction, Choice):
        ahead = ExpressionWrapper(F("created_at") - timedelta(minutes=1), output_field=DateTimeField())
        model.objects.annotate(ahead=ahead).filter(ahead__gt=heard).update(created_at=heard)

    def said(row) -> tuple:
        return row["created_at"], row["pk"]

    names = ("pk", "end_user", "current", "created_at")
    rows = Reaction.objects.filter(end_user__isnull=False).order_by("end_user")
    _settle(Reaction, rows.values(*names, "message", "conversation", "target_external", "kind"), _reaction_about, said)
    rows = Choice.objects.filter(end_user__isnull=False, parent__isnull=False).order_by("end_user")
    _settle(Choice, rows.values(*names, "parent", "regenerated", "shown"), _choice_about, said)


def _reaction_about(row: dict) -> tuple:
    return reaction_about(
        row["pk"], end_user=row["end_user"], message=row["message"], conversation=row["conversation"], external=row["target_external"], kind=row["kind"]
    )


def _choice_about(row: dict) -> tuple:
    shown = [draft["message"] for draft in row["shown"]]
    return choice_about(row["pk"], end_user=row["end_user"], parent=row["parent"], regenerated=row["regenerated"], shown=shown)


def _settle(model, rows, about, said) -> None:
    for _person, of_person in groupby(rows.iterator(chunk_size=2000), key=lambda row: row["end_user"]):
        given = list(of_person)
        in_force = {row["pk"] for row in latest(given, about=about, said=said).values()}
        wrong = [(row["pk"], not row["current"]) for row in given if row["current"] != (row["pk"] in in_force)]
        with transaction.atomic():
            bulk.update(model, ("current",), wrong)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("feedback", "0007_cut_answers_and_other_names")]
    operations = [
        migrations.RunPython(hashes, migrations.RunPython.noop, elidable=True),
        migrations.RunPython(words, migrations.RunPython.noop, elidable=True),
    ]
