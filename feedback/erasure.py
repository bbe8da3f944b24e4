"""A person's part in this room: their conversations, reactions, choices and signals."""

from core.erasure import Person
from feedback.models import (
    Choice,
    Conversation,
    EndUser,
    Look,
    Message,
    Reaction,
    Received,
    Reply,
    Signal,
)


def find(person: Person) -> None:
    """The person's end users (an account's own are added), conversations, and messages in them."""
    if person.user is not None:
        own = EndUser.objects.filter(project=person.project, user=person.user).values_list("pk", flat=True)
        person.end_users = sorted({*person.end_users, *own})
    people = EndUser.objects.filter(project=person.project, pk__in=person.end_users)
    person.ids("end_users").update(people.values_list("pk", flat=True))
    person.ids("conversations").update(
        Conversation.objects.filter(end_user__in=people).values_list("pk", flat=True)
    )
    messages = Message.objects.filter(conversation__end_user__in=people)
    person.ids("messages").update(messages.values_list("pk", flat=True))
    _twins(person, people)


def _twins(person: Person, people) -> None:
    """What the person asked and somebody else asked as well, after the same talk."""
    own = Message.objects.filter(conversation__end_user__in=people, role="user").exclude(context_hash="")
    others = Message.objects.filter(
        project=person.project, role="user", context_hash__in=own.values("context_hash")
    ).exclude(text="")
    others = others.exclude(conversation__end_user__in=people)
    fields = ("pk", "parent__context_hash", "text")
    theirs: dict[str, dict[str, int]] = {}
    for pk, context, text in (
        Message.objects.filter(parent__in=others, role="assistant").order_by("-pk").values_list(*fields)
    ):
        theirs.setdefault(context, {})[text] = pk
    if not theirs:
        return
    mine = Message.objects.filter(
        conversation__end_user__in=people, role="assistant", parent__context_hash__in=list(theirs)
    )
    for pk, context, text in mine.values_list(*fields):
        person.twins[pk] = theirs[context].get(text) or next(iter(theirs[context].values()))
        if text in theirs[context]:
            person.same[pk] = theirs[context][text]


def erase(person: Person) -> dict[str, int]:
    """Everything of the person, with the rows that stand for them."""
    people = sorted(person.ids("end_users"))
    reactions = Reaction.objects.filter(end_user__in=people) | Reaction.objects.filter(
        message__conversation__end_user__in=people
    )
    reactions |= Reaction.objects.filter(conversation__end_user__in=people)
    choices = Choice.objects.filter(end_user__in=people) | Choice.objects.filter(
        parent__conversation__end_user__in=people
    )
    taken = {
        "reaction": set(reactions.values_list("pk", flat=True)),
        "choice": set(choices.values_list("pk", flat=True)),
        "conversation": person.ids("conversations"),
    }
    received = 0
    for table, pks in taken.items():
        received += Received.objects.filter(
            project=person.project, table=table, row__in=sorted(pks)
        ).delete()[0]
    counts = {"received": received, "signals": Signal.objects.filter(end_user__in=people).count()}
    counts["replies"] = Reply.objects.filter(message__conversation__end_user__in=people).count()
    if person.user is not None:  # what an account wrote to others stays with them, without a name
        Reply.objects.filter(project=person.project, author=person.user).update(author=None)
        looked = Look.objects.filter(project=person.project, user=person.user)
        counts["looks"] = looked.delete()[0]
    counts |= {"reactions": len(taken["reaction"]), "choices": len(taken["choice"])}
    counts |= {
        "conversations": len(person.ids("conversations")),
        "messages": len(person.ids("messages")),
        "people": len(people),
    }
    Conversation.objects.filter(pk__in=person.ids("conversations")).update(head=None)
    Choice.objects.filter(pk__in=taken["choice"]).delete()
    Reaction.objects.filter(pk__in=taken["reaction"]).delete()
    EndUser.objects.filter(pk__in=people).delete()
    return counts


def export(person: Person) -> dict:
    """Conversations with their messages, what the person said of them and what specialists replied; of an
    account also the replies that it wrote, and what it looked at."""
    people = sorted(person.ids("end_users"))
    talks = []
    for talk in Conversation.objects.filter(end_user__in=people).order_by("pk").iterator(chunk_size=200):
        fields = ("id", "parent_id", "role", "text", "extra", "sources", "state", "external_id", "created_at")
        talks.append(
            {
                "id": talk.pk,
                "title": talk.title,
                "source": talk.source,
                "external_id": talk.external_id,
                "system": talk.system,
                "created_at": talk.created_at,
                "messages": list(talk.messages.order_by("pk").values(*fields)),
            }
        )
    return {
        "conversations": talks,
        "reactions": list(
            Reaction.objects.filter(end_user__in=people)
            .order_by("pk")
            .values(
                "id",
                "message_id",
                "conversation_id",
                "target_external",
                "kind",
                "value",
                "reasons",
                "text",
                "tags",
                "current",
                "created_at",
            )
        ),
        "choices": list(
            Choice.objects.filter(end_user__in=people)
            .order_by("pk")
            .values("id", "parent_id", "chosen_id", "verdict", "shown", "created_at")
        ),
        "replies": list(
            Reply.objects.filter(message__conversation__end_user__in=people)
            .order_by("pk")
            .values("id", "message_id", "origin", "verdict", "text", "corrected", "current", "created_at")
        ),
        "signals": list(
            Signal.objects.filter(end_user__in=people)
            .order_by("pk")
            .values("id", "message_id", "name", "created_at")
        ),
        **_of_account(person),
    }


def _of_account(person: Person) -> dict:
    if person.user is None:
        return {}
    mine = Reply.objects.filter(project=person.project, author=person.user).order_by("pk")
    looked = Look.objects.filter(project=person.project, user=person.user).order_by("pk")
    return {
        "replies_written": list(mine.values("id", "message_id", "text", "corrected", "created_at")),
        "looked_at": list(looked.values("message_id", "created_at")),
    }
