"""The choices of a batch between drafts: those given as texts, those known by id, and those whose drafts have
yet to come."""

import uuid
from datetime import datetime

from django.utils.translation import gettext as _

from feedback.conversations.privacy import PrivacyPolicy
from feedback.ingest import existing as known
from feedback.ingest.conversations import Counts, Talks
from feedback.ingest.rows import ChoiceIn, RowError
from feedback.models import Message
from feedback.reactions.choice_writer import ChoiceWriter


class Choices:
    """The choices of a batch."""

    def __init__(
        self,
        project,
        policy: PrivacyPolicy,
        people: known.People,
        places: known.Places,
        talks: Talks,
        now: datetime,
        counts: Counts,
    ):
        self._policy, self._people, self._places, self._talks, self._now, self._counts = (
            policy,
            people,
            places,
            talks,
            now,
            counts,
        )
        self._writer = ChoiceWriter(project, now)

    @property
    def any(self) -> bool:
        return self._writer.any

    def add(self, row: ChoiceIn) -> tuple[int, bool]:
        """(its id, whether it waits for its drafts)."""
        user = self._people.of(row.user)
        policy, places = self._policy, self._places
        there = [places.message(policy.external(d.external)) if d.external else None for d in row.drafts]
        unknown = [d.text for d, place in zip(row.drafts, there, strict=True) if place is None]
        waits = None in unknown
        for i, (draft, place) in enumerate(zip(row.drafts, there, strict=True)):
            if place is None and draft.text is None and any(text is not None for text in unknown):
                raise RowError(
                    f"drafts.{i}",
                    "unknown_draft",
                    _("No answer with this id is known: give the texts of all new drafts, or of none."),
                )
            if place and place.role != "assistant":
                raise RowError(f"drafts.{i}", "not_an_answer", _("Only answers can be judged."))
        parents: set = {place.parent for place in there if place}
        known_drafts = [place.pk for place in there if place]
        asked = parents or waits or row.talk.messages
        if len(parents) > 1 or None in parents or len(set(known_drafts)) < len(known_drafts) or not asked:
            raise RowError("drafts", "bad_drafts", _("Drafts are answers to one question."))
        if waits:
            return self._wait(row, user), True
        if parents:
            parent = parents.pop()
            conversation = next(place.conversation for place in there if place)
        else:
            conversation, path = self._talks.add(row.talk, user)
            parent = path[-1]
        at = row.at or self._now
        user = user or places.person(conversation)
        group = uuid.uuid4() if all(place is None for place in there) else None
        answers = [
            place.pk if place else self._talks.draft(draft, i, row, conversation, parent, group, at)
            for i, (draft, place) in enumerate(zip(row.drafts, there, strict=True))
        ]
        shown = [
            {
                "message": pk,
                "position": i,
                "complete": d.complete and (place is None or place.state in Message.ENDED),
                "seen": d.seen,
            }
            for i, (pk, d, place) in enumerate(zip(answers, row.drafts, there, strict=True))
        ]
        chosen = None if row.chosen is None else answers[row.chosen]
        if chosen:
            self._talks.look_at(conversation, chosen, at)
        pk = self._writer.add(
            user=user,
            parent=parent,
            chosen=chosen,
            verdict=row.verdict,
            regenerated=row.regenerated,
            shown=shown,
            place=row.chosen,
            at=row.at,
        )
        self._counts.choices += 1
        return pk, False

    def _wait(self, row: ChoiceIn, user: int | None) -> int:
        """Keep a choice whose drafts are not all known. Which are is asked again when one of them arrives."""
        names = [self._policy.external(draft.external) for draft in row.drafts]
        shown = [
            {"external": name, "position": i, "complete": d.complete, "seen": d.seen}
            for i, (name, d) in enumerate(zip(names, row.drafts, strict=True))
        ]
        self._counts.choices += 1
        return self._writer.add(
            user=user,
            parent=None,
            chosen=None,
            verdict=row.verdict,
            regenerated=row.regenerated,
            shown=shown,
            place=row.chosen,
            at=row.at,
        )

    def write(self, *, event: int) -> None:
        self._writer.write(event=event)
