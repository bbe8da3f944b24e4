"""What two demos must have in common: everything but dates (counted from the day they were made), ids (told
by the order of rows), random keys, and what is made of those."""

import hashlib
import json
import re
from datetime import date, datetime, timedelta

from django.apps import apps
from django.db import models

from feedback.models import EndUser

ROOMS = ("core", "corpus", "annotation", "feedback", "training_export", "inference")
# secrets, random names, and what is computed from them or from ids
LEFT_OUT = {
    *("password", "date_joined", "last_login", "hash_key", "pseudonym", "token_hash", "key_hash", "secret"),
    *("content_hash", "text_hash", "identity_hash", "context_hash", "content_sha256", "digest", "data"),
    *("draft_group", "manifest", "files", "folder", "address", "base_url"),
}
EVENTS = {"event_id", "as_of", "mark", "seen_event"}
POINTS = {  # plain numbers that name rows of another table
    "message_id": "feedback.Message",
    "turn_id": "feedback.Message",
    "end_user_id": "feedback.EndUser",
    "target_id": "",
    "row": "",
    "queue_mark": "",
}


def rows(today: date) -> dict[str, list]:
    """{table: its rows in order}, as they must be the same in every demo of one seed."""
    tables = [m for m in apps.get_models() if m._meta.app_label in ROOMS and not m._meta.auto_created]
    place = {
        m._meta.label: {pk: i for i, pk in enumerate(m.objects.order_by("pk").values_list("pk", flat=True))}
        for m in tables
    }
    # People of one batch are stored in the order of their keyed hashes: here in that of their first talk.
    talks = EndUser.objects.annotate(first=models.Min("conversations")).order_by("first")
    place["feedback.EndUser"] = {pk: i for i, pk in enumerate(talks.values_list("pk", flat=True))}
    found = {}
    for m in tables:
        here = place[m._meta.label]
        ordered = sorted(m.objects.all(), key=lambda one, here=here: here[one.pk])
        found[m._meta.label] = [_row(one, place, today) for one in ordered]
    return found


def of(today: date) -> str:
    """One digest of all rows."""
    return hashlib.sha256(json.dumps(rows(today), sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _row(one: models.Model, place: dict, today: date) -> dict:
    found = {}
    for f in one._meta.concrete_fields:
        value = getattr(one, f.attname)
        if f.primary_key or f.name in LEFT_OUT:
            continue
        if f.attname in POINTS:
            value = place[POINTS[f.attname]].get(value) if POINTS[f.attname] else None
        elif f.name in EVENTS:
            value = place["core.Event"].get(value)
        elif f.is_relation:
            label = f.related_model._meta.label
            value = place[label].get(value) if label in place else None
        found[f.attname] = _plain(value, place, today)
    return found


def _plain(value, place: dict, today: date):
    if isinstance(value, datetime):
        return (value.replace(tzinfo=None) - datetime(today.year, today.month, today.day)) / timedelta(
            seconds=1
        )
    if isinstance(value, date):
        return (value - today).days
    if isinstance(value, dict):
        return {
            k: place["core.Event"].get(v)
            if k == "as_of"
            else place["feedback.Message"].get(v)
            if k == "message"
            else _plain(v, place, today)
            for k, v in value.items()
        }
    if isinstance(value, list):
        return [_plain(v, place, today) for v in value]
    if isinstance(value, str) and re.fullmatch(r"message:\d+|turn:\d+:[\w-]+", value):
        return re.sub(r"\d+", "", value, count=1)
    if isinstance(value, int | float | str | None):
        return value
    return str(value)
