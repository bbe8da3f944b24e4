"""The chat over HTTP, for its own page: JSON in and out, the session's own talk and nobody else's. What is
answered is told in feedback.chat.serialize, the lines of a stream in feedback.chat.stream_events."""

import logging

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, Subquery
from django.http import Http404, StreamingHttpResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from core import events
from core.errors import DomainError
from core.text import whole_number
from core.web import limits
from feedback.chat import ask as asking
from feedback.chat import branches, serialize, stream_events, stream_places, streaming
from feedback.chat.requests import (
    LARGEST,
    bad_value,
    chat_view,
    conversation_of,
    id_of,
    list_of,
    message_of,
    text_of,
)
from feedback.chat.turn_rows import check_text
from feedback.models import Choice, Conversation, EndUser, Message, Reaction, Reply
from feedback.reactions import actions as reactions

log = logging.getLogger(__name__)
LISTED = 100
MAX_QUERY = 100
SEARCHES = 120


# Own talks.


@chat_view("GET")
def conversations(visitor, query):
    """{"conversations": [{id, title, updated_at, score, replied}], "more"}: newest first; `q` searches titles
    and texts, `before` goes on after a page."""
    rows = Conversation.objects.visible_to(visitor.known).filter(project=visitor.project)
    words, before = query.get("q", "").strip(), query.get("before", "")
    if words:
        check_text(words, field="q", most=MAX_QUERY)
        limits.take(
            "chat-search",
            str(visitor.known.pk if visitor.known else visitor.project.pk),
            limit=SEARCHES,
            seconds=60,
        )
        said = Message.objects.filter(conversation=OuterRef("pk"), text__icontains=words)
        rows = rows.filter(Q(title__icontains=words) | Exists(said))
    if before:
        if (known := whole_number(before)) is None:
            raise bad_value("before")
        last = (
            Conversation.objects.visible_to(visitor.known)
            .filter(pk=known)
            .values_list("updated_at", flat=True)
            .first()
        )
        rows = (
            rows.none()
            if last is None
            else rows.filter(Q(updated_at__lt=last) | Q(updated_at=last, pk__lt=int(before)))
        )
    score = Reaction.objects.filter(
        conversation=OuterRef("pk"), end_user=visitor.known, kind=Reaction.Kind.SCORE, current=True
    ).values("value")[:1]
    reply = Reply.objects.filter(message__conversation=OuterRef("pk"), current=True)
    found = list(
        rows.order_by("-updated_at", "-pk")
        .annotate(score=Subquery(score), replied=Exists(reply))
        .values("pk", "title", "updated_at", "score", "replied")[: LISTED + 1]
    )
    listed = [
        {
            "id": r["pk"],
            "title": r["title"],
            "updated_at": r["updated_at"].isoformat(),
            "score": r["score"] or None,
            "replied": r["replied"],
        }
        for r in found[:LISTED]
    ]
    return {"conversations": listed, "more": len(found) > LISTED}


@chat_view("GET")
def conversation(visitor, query, pk):
    return serialize.talk_json(visitor, conversation_of(visitor, pk))


@chat_view("POST", act=True)
def branch(visitor, given, pk):
    """The branch through `message`, which is then the one last looked at."""
    found, through = conversation_of(visitor, pk), id_of(given, "message")
    if not Message.objects.filter(pk=through, conversation=found).exists():
        raise Http404
    out = serialize.talk_json(visitor, found, through)
    Conversation.objects.filter(pk=pk).update(head=out["messages"][-1]["id"])
    return out


@chat_view("POST", act=True)
def delete(visitor, given, pk):
    """The talk and all that was said of it are gone: rows, not marks."""
    found = conversation_of(visitor, pk)
    with transaction.atomic():
        # Locked, so that no turn is on its way; its answers are broken off as soon as their readers find no
        # row.
        if not Conversation.objects.select_for_update().filter(pk=pk).values_list("pk").first():
            raise Http404
        events.append(
            project=visitor.project,
            actor=visitor.user,
            verb="chat.delete",
            target=found,
            end_user=visitor.known.pk,
        )
        writing = list(
            Message.objects.filter(conversation=found, state=Message.State.STREAMING).values_list(
                "pk", flat=True
            )
        )
        found.delete()
    for message in writing:
        if live := streaming.find(message):
            live.stop()
    return {"deleted": True}


# A turn.


def _streamed(visitor, ask) -> StreamingHttpResponse:
    """The lines of the turn that `ask()` begins, or joins, from a place for it."""
    place = stream_places.take(project=visitor.project.pk, person=visitor.key or str(visitor.user.pk))
    try:
        asked = ask()
        if asked.turn:  # a reader who goes away does not end it, and may not ask again and again for that
            place.hold()
            asked.turn.when_over(place.release)
        here = {a.pk for a in asked.turn.answers} if asked.turn else set()
        rows = [m for m in asked.answers if m.pk not in here]
        told = stream_events.of_turn(asked.begin(), asked.turn, rows, translation.get_language() or "en")
        response = StreamingHttpResponse(place.over(told), content_type="application/x-ndjson; charset=utf-8")
    except BaseException:
        place.release()
        raise
    response["X-Accel-Buffering"] = "no"
    return response


@chat_view("POST")
def turn(visitor, given):
    """{conversation, parent, text, client_key, history?} → the lines of the turn."""
    asked = {
        "conversation_pk": id_of(given, "conversation", optional=True),
        "parent_pk": id_of(given, "parent", optional=True),
        "text": text_of(given, "text"),
        "client_key": text_of(given, "client_key"),
        "history": given.get("history"),
        "address": visitor.address,
    }
    return _streamed(visitor, lambda: asking.ask(visitor=visitor, **asked))


@chat_view("POST")
def regenerate(visitor, given):
    """{message, client_key, history?} → the lines of another answer to the same question."""
    asked = {
        "message_pk": id_of(given, "message"),
        "client_key": text_of(given, "client_key"),
        "history": given.get("history"),
        "address": visitor.address,
    }
    return _streamed(visitor, lambda: asking.ask_again(visitor=visitor, **asked))


@chat_view("GET")
def message(visitor, query, pk):
    """As it is now; of an answer that this process is reading, all that has come."""
    found, live = message_of(visitor, pk), streaming.find(pk)
    if live is not None and live.policy.keeps and found.state == Message.State.STREAMING:
        found.text = live.text()
    return serialize.one_json(visitor, found)


@chat_view("POST", act=True)
def stop(visitor, given, pk):
    found = asking.stop(visitor=visitor, message=message_of(visitor, pk, role="assistant"))
    return serialize.one_json(visitor, found)


# What is said of answers.


@chat_view("POST", act=True)
def react(visitor, given, pk):
    """{kind: thumb · correction, value, reasons, text} → {thumb, correction} as they are now."""
    kind = text_of(given, "kind")
    if kind not in ("thumb", "correction"):
        raise bad_value("kind")
    found = message_of(visitor, pk)
    made = reactions.react(
        project=visitor.project,
        end_user=visitor.end_user(),
        kind=kind,
        value=given.get("value") if kind == "thumb" else None,
        message=found,
        reasons=list_of(given, "reasons") if kind == "thumb" else (),
        text=text_of(given, "text", ""),
    )
    other = (
        Reaction.objects.filter(project=visitor.project, end_user=visitor.known, message=found, current=True)
        .exclude(kind=kind)
        .first()
    )
    said = {r.kind: r for r in (made, other) if r is not None}
    thumb, correction = said.get("thumb"), said.get("correction")
    return {
        "thumb": {"value": thumb.value, "reasons": thumb.reasons, "text": thumb.text}
        if thumb and thumb.value
        else None,
        "correction": correction.text if correction and correction.text else None,
    }


@chat_view("POST", act=True)
def score(visitor, given, pk):
    """{value: 1–5, or 0 to take it back; text} → {"score": {value, text} or null}."""
    found = conversation_of(visitor, pk)
    made = reactions.react(
        project=visitor.project,
        end_user=visitor.end_user(),
        kind="score",
        value=given.get("value"),
        text=text_of(given, "text", ""),
        conversation=found,
    )
    return {"score": {"value": made.value, "text": made.text} if made.value else None}


@chat_view("POST", act=True)
def choose(visitor, given):
    """{user, verdict, chosen, shown: [{message, seen}]} → the answer the talk goes on from: the chosen one,
    else the first that is complete (of an old and a new answer, the new one)."""
    question = message_of(visitor, id_of(given, "user"), role="user")
    chosen_pk, verdict = id_of(given, "chosen", optional=True), text_of(given, "verdict")
    chosen = message_of(visitor, chosen_pk, parent=question) if chosen_pk else None
    shown = list_of(given, "shown", 8)
    answers = {
        m.pk: m
        for m in Message.objects.filter(parent=question, role="assistant").select_related(
            "conversation", "arm__endpoint"
        )
    }
    pks = [
        s["message"]
        for s in shown
        if isinstance(s, dict) and isinstance(s.get("message"), int) and s["message"] in answers
    ]
    drafts = {answers[pk].draft_group for pk in pks}
    regenerated = bool(pks) and (len(drafts) > 1 or None in drafts)
    better = chosen if verdict == Choice.Verdict.BETTER else None
    reactions.choose(
        project=visitor.project,
        end_user=visitor.end_user(),
        parent=question,
        verdict=verdict,
        chosen=better,
        shown=shown,
        regenerated=regenerated,
    )
    group = [answers[pk] for pk in pks] or list(answers.values())
    on = chosen or (
        max(group, key=lambda m: m.pk) if regenerated else branches.to_go_on_from(group) or group[0]
    )
    Conversation.objects.filter(pk=question.conversation_id).update(head=on)
    on.conversation = question.conversation
    return serialize.one_json(visitor, on)


@chat_view("POST", act=True)
def signal(visitor, given, pk):
    """{name}: copy, edit … What the server sees by itself (asked again, edited, stopped) it has noted
    already."""
    name = text_of(given, "name")
    made = reactions.signal(
        project=visitor.project,
        end_user=visitor.end_user(),
        message=message_of(visitor, pk, role="assistant"),
        name=name,
    )
    return {"name": made.name}


@chat_view("POST", act=True)
def seen(visitor, given):
    """{ids}: answers that were on screen."""
    ids = list_of(given, "ids")
    if not all(isinstance(pk, int) and not isinstance(pk, bool) and 0 < pk <= LARGEST for pk in ids):
        raise bad_value("ids")
    own = Message.objects.visible_to(visitor.known).filter(
        project=visitor.project, pk__in=ids, role="assistant", seen=False
    )
    return {"seen": Message.objects.filter(pk__in=list(own.values_list("pk", flat=True))).update(seen=True)}


@chat_view("POST", act=True)
def consent(visitor, given):
    """{version}: agreed to the text in this version; 409 when there is a newer one by now."""
    version = id_of(given, "version")
    if version != visitor.chat.consent_version:
        data = {"consent": visitor.chat.consent, "version": visitor.chat.consent_version}
        raise DomainError("consent", _("The text has changed. Read it again, please."), status=409, data=data)
    agree(visitor)
    return {"version": version}


def agree(visitor) -> None:
    """The person agrees to the consent text as it is now."""
    end_user = visitor.end_user()
    with transaction.atomic():
        EndUser.objects.filter(pk=end_user.pk).update(
            consent_version=visitor.chat.consent_version, consented_at=timezone.now()
        )
        events.append(
            project=visitor.project,
            actor=visitor.user,
            verb="chat.consent_given",
            target=end_user,
            version=visitor.chat.consent_version,
        )
    end_user.consent_version = visitor.chat.consent_version
