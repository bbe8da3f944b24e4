"""Each message has the hash of the talk along its own path of parents. Those that came with `parent` had none, nor had answers of the chat; where
personal data is masked before storage, the hashes of what came by API or proxy were made before it was."""

from django.db import migrations, transaction
from django.db.models import Exists, OuterRef, Q

from core.db import bulk
from feedback.conversations import tree as talk

CONVERSATIONS = 200  # in one transaction


def hashes(apps, schema_editor):
    """Compute what is missing, some conversations at a time. Broken off, it goes on with what is left when it is called again."""
    Conversation, Message = apps.get_model("feedback", "Conversation"), apps.get_model("feedback", "Message")
    masked = apps.get_model("feedback", "ChatSettings").objects.filter(masking="storage").values("project_id")
    keys = dict(apps.get_model("core", "Project").objects.values_list("pk", "hash_key"))
    # Where no texts are kept, or not any more, there is nothing to compute from; what an empty answer is followed by went on from it.
    lacking = Message.objects.filter(Q(context_hash="") | Q(role="assistant", text="", extra__isnull=True), conversation=OuterRef("pk"))
    every = Conversation.objects.filter(keep=True, dropped_at=None).filter(Exists(lacking) | Q(project_id__in=masked)).order_by("pk")
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


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("feedback", "0006_choice_place")]
    operations = [migrations.RunPython(hashes, migrations.RunPython.noop, elidable=True)]
