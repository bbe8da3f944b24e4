"""The bench: what is put before people, who holds it, what they said, what was decided."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotation.derived import Facet, ItemWords, Outcome  # noqa: F401 - models of this room
from annotation.querysets import (
    AnnotationQuerySet,
    AssignmentQuerySet,
    ItemQuerySet,
    unread,
    unsearchable,
)
from core.models import Project
from corpus.models import Prompt, Response


class Kind(models.TextChoices):
    RANKING = "ranking", _("Ranking")
    QA = "qa", _("QA check")
    DEMONSTRATION = "demonstration", _("Demonstration")


class GuidelineVersion(models.Model):
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="guidelines")
    number = models.PositiveIntegerField()
    text = models.TextField(blank=True)  # Markdown
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="guideline_number")]


class CriteriaVersion(models.Model):
    """`criteria` = [{"key", "en", "zh"}], rated 1–5; the key is what documents carry."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="criteria_versions")
    number = models.PositiveIntegerField()
    criteria = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="criteria_number")]


class BenchSettings(models.Model):
    """How a project's bench is set."""

    class Ratings(models.TextChoices):
        NONE = "none", _("No ratings")
        OVERALL = "overall", _("One overall rating per answer")
        ENDS = "ends", _("Each criterion, for the best and the worst answer")
        ALL = "all", _("Each criterion, for every answer")

    project = models.OneToOneField(Project, primary_key=True, on_delete=models.CASCADE, related_name="bench")
    kind = models.CharField(max_length=14, choices=Kind.choices, default=Kind.RANKING)
    overlap = models.PositiveSmallIntegerField(default=1)  # 1–16
    lease_seconds = models.PositiveIntegerField(default=1800)
    ratings = models.CharField(max_length=8, choices=Ratings.choices, default=Ratings.NONE)
    # per cent of items on which ratings are asked
    ratings_share = models.PositiveSmallIntegerField(default=100)
    guideline = models.ForeignKey(GuidelineVersion, null=True, on_delete=models.SET_NULL, related_name="+")
    criteria = models.ForeignKey(CriteriaVersion, null=True, on_delete=models.SET_NULL, related_name="+")
    pay_per_item = models.DecimalField(max_digits=8, decimal_places=2, null=True, blank=True)
    next_position = models.BigIntegerField(default=0)
    # a manager has put the list of first steps away
    checklist_closed = models.BooleanField(default=False)


class Annotator(models.Model):
    """Author of annotations: a person, an imported name (one per source column), or a model."""

    class Source(models.TextChoices):
        PERSON = "person", _("Person")
        IMPORTED = "imported", _("Imported")
        MODEL = "model", _("Model")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="annotators")
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.PERSON)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="annotators"
    )
    name = models.CharField(max_length=200, blank=True)  # of an imported annotator or model
    pseudonym = models.CharField(max_length=40)
    # Every item at or before this position is known to hold no work for this annotator; lowered when an item
    # is freed.
    queue_mark = models.BigIntegerField(default=-1)
    # number of the newest guideline version this person was shown; 0: none yet
    guideline_seen = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "user"], condition=Q(user__isnull=False), name="annotator_once"
            ),
            models.UniqueConstraint(
                fields=["project", "source", "name"],
                condition=Q(user__isnull=True) & ~Q(name=""),
                name="annotator_name_once",
            ),
            models.UniqueConstraint(fields=["project", "pseudonym"], name="annotator_pseudonym"),
        ]


class Item(models.Model):
    """A prompt put before annotators. Counters are kept by the verbs, so that pages need no counting.
    (`db_index=False`: see corpus.models.)"""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting for answers")  # a ranking item with fewer than two distinct answers
        OPEN = "open", _("Open")
        DONE = "done", _("Done")
        SETTLED = "settled", _("Settled")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="items", db_index=False)
    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="items", db_index=False)
    kind = models.CharField(max_length=14, choices=Kind.choices)
    # later answers to a frozen item make the next one
    generation = models.PositiveSmallIntegerField(default=0)
    previous = models.ForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    hidden = models.BooleanField(default=False)  # taken from everyone's sight until a manager decides
    frozen = models.BooleanField(default=False)  # answers froze at the first assignment
    position = models.BigIntegerField()  # order of the queue
    overlap = models.PositiveSmallIntegerField(default=1)
    slot_count = models.PositiveSmallIntegerField(default=0)  # distinct answers
    held = models.PositiveSmallIntegerField(default=0)  # assignments with a slot: live leases + submitted
    submitted = models.PositiveSmallIntegerField(default=0)  # submitted with a slot
    extras = models.PositiveSmallIntegerField(default=0)  # submitted late, without a slot
    agreement = models.FloatField(null=True)
    last_activity = models.DateTimeField(null=True)
    event_id = models.BigIntegerField(default=0)
    # `slot_count` when its words were last taken down (annotation.items.words); null: never
    words_slots = models.PositiveSmallIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ItemQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["prompt", "kind", "generation"], name="item_once")]
        indexes = [
            models.Index(
                fields=["project", "position"], condition=Q(state="open", hidden=False), name="item_queue"
            ),
            models.Index(fields=["project", "state"], name="item_state"),
            models.Index(fields=["previous"], condition=Q(previous__isnull=False), name="item_previous"),
            models.Index(fields=["project"], condition=unsearchable(), name="item_unsearchable"),
        ]


class ItemAnswer(models.Model):
    """A response on an item. Responses with equal text share `slot` (0…, in order of arrival), which is what
    is shown and judged."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="answers", db_index=False)
    response = models.ForeignKey(Response, on_delete=models.CASCADE, related_name="+")
    slot = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "response"], name="item_answer_once")]


class ItemTag(models.Model):
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=60)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "name"], name="item_tag_once")]
        indexes = [models.Index(fields=["name"], name="item_tag_name")]


class ItemFlag(models.Model):
    """Somebody pressed "contains personal data" or reported the item; a manager resolves it."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="reports")
    reason = models.CharField(max_length=30)
    comment = models.TextField(blank=True)
    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    outcome = models.CharField(max_length=20, blank=True)


class Assignment(models.Model):
    """One annotator's hold on one item. `slot` counts towards the overlap; no slot: freed, skipped, or an
    extra."""

    class State(models.TextChoices):
        RESERVED = "reserved", _("Reserved")
        OPEN = "open", _("Open")
        SUBMITTED = "submitted", _("Submitted")
        SKIPPED = "skipped", _("Skipped")
        RELEASED = "released", _("Released")
        EXPIRED = "expired", _("Expired")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="assignments")
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="assignments")
    annotator = models.ForeignKey(Annotator, on_delete=models.CASCADE, related_name="assignments")
    state = models.CharField(max_length=10, choices=State.choices)
    slot = models.PositiveSmallIntegerField(null=True)
    order = models.JSONField(default=list)  # answer slots in the order shown: letter A is order[0]
    lease_until = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)
    active_ms = models.BigIntegerField(default=0)
    draft = models.JSONField(null=True)  # by slot letters, as the browser sent it
    draft_revision = models.PositiveIntegerField(default=0)
    draft_at = models.DateTimeField(null=True)
    skip_reason = models.CharField(max_length=30, blank=True)
    skip_comment = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["item", "slot"], condition=Q(slot__isnull=False), name="assignment_slot"
            ),
            models.UniqueConstraint(fields=["item", "annotator"], name="assignment_once"),
            models.UniqueConstraint(
                fields=["annotator"], condition=Q(state="open"), name="assignment_one_open"
            ),
            models.UniqueConstraint(
                fields=["annotator"], condition=Q(state="reserved"), name="assignment_one_reserved"
            ),
        ]
        indexes = [
            models.Index(
                fields=["lease_until"], condition=Q(state__in=["open", "reserved"]), name="assignment_lease"
            ),
            models.Index(fields=["annotator", "-id"], name="assignment_recent"),
            models.Index(
                fields=["annotator", "-id"], condition=Q(state="skipped"), name="assignment_skipped"
            ),
        ]


class Annotation(models.Model):
    """What one annotator said of one item; `head` is the version in force."""

    class State(models.TextChoices):
        SUBMITTED = "submitted", _("Submitted")
        ACCEPTED = "accepted", _("Accepted")
        RETURNED = "returned", _("Returned")
        WITHDRAWN = "withdrawn", _("Withdrawn")  # undone by its author, not yet submitted again

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="annotations")
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="annotations")
    annotator = models.ForeignKey(Annotator, on_delete=models.CASCADE, related_name="annotations")
    head = models.ForeignKey("AnnotationVersion", null=True, on_delete=models.SET_NULL, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.SUBMITTED)
    practice = models.BooleanField(default=False)
    # a reviewer's own judgement, made to settle the item: no annotator's, so agreement leaves it out
    ruling = models.BooleanField(default=False)
    # the version of which Outcome and Facet rows were last made; another than the head: not yet read
    read_version = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = AnnotationQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "annotator"], name="annotation_once")]
        indexes = [
            models.Index(fields=["project", "state", "-id"], name="annotation_state_id"),
            models.Index(fields=["annotator", "state", "-id"], name="annotation_own_state"),
            models.Index(fields=["project"], condition=unread(), name="annotation_unread"),
        ]


class AnnotationVersion(models.Model):
    """Append-only. `document` as in annotation.document, by slot numbers. `client_key` makes a repeated
    submit harmless."""

    class Action(models.TextChoices):
        SUBMIT = "submit", _("Submitted")
        EDIT = "edit", _("Edited")
        UNDO = "undo", _("Undone")
        IMPORT = "import", _("Imported")
        RULING = "ruling", _("Ruled")

    annotation = models.ForeignKey(Annotation, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    action = models.CharField(max_length=8, choices=Action.choices, default=Action.SUBMIT)
    document = models.JSONField()
    schema = models.PositiveSmallIntegerField(default=1)
    guideline = models.ForeignKey(GuidelineVersion, null=True, on_delete=models.SET_NULL, related_name="+")
    criteria = models.ForeignKey(CriteriaVersion, null=True, on_delete=models.SET_NULL, related_name="+")
    order = models.JSONField(default=list)
    active_ms = models.BigIntegerField(default=0)
    client_key = models.CharField(max_length=64)
    late = models.BooleanField(default=False)  # arrived after its lease had gone to someone else: an extra
    event_id = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["annotation", "number"], name="version_number"),
            models.UniqueConstraint(fields=["annotation", "client_key"], name="version_client_key"),
        ]


class Review(models.Model):
    """A reviewer's decision on one version; never on own work."""

    class Decision(models.TextChoices):
        ACCEPT = "accept", _("Accept")
        RETURN = "return", _("Return")

    version = models.ForeignKey(AnnotationVersion, on_delete=models.CASCADE, related_name="reviews")
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="reviews"
    )
    decision = models.CharField(max_length=8, choices=Decision.choices)
    comment = models.TextField(blank=True)
    event_id = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)


class Consensus(models.Model):
    """The settled result of an item: one version, chosen by a reviewer who did not write it. The newest row
    is in force; `version` null = settlement withdrawn."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="settlements")
    version = models.ForeignKey(AnnotationVersion, null=True, on_delete=models.CASCADE, related_name="+")
    agreement = models.FloatField(null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    comment = models.TextField(blank=True)
    event_id = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)


class DailyFigure(models.Model):
    """One annotator's day (UTC), kept in the transaction of each submit and skip."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="daily_figures")
    annotator = models.ForeignKey(Annotator, on_delete=models.CASCADE, related_name="daily_figures")
    day = models.DateField()
    submitted = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    corrections = models.PositiveIntegerField(default=0)
    active_ms = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["annotator", "day"], name="daily_once")]
        indexes = [models.Index(fields=["project", "day"], name="daily_project")]


class SavedMapping(models.Model):
    """A column mapping kept for the next file of its shape."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="saved_mappings")
    name = models.CharField(max_length=80)
    mapping = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="mapping_once")]


class PromotionRule(models.Model):
    """Which turns of end users' conversations are put before experts, and how many a day."""

    class Kind(models.TextChoices):
        DOWN_COMMENT = "down_comment", _("Thumbs down with a comment")
        DOWN = "down", _("Thumbs down")
        RANDOM = "random", _("A random share of answers")
        ALL_BAD = "all_bad", _("Drafts that were all bad")
        LOW_SCORE = "low_score", _("Conversations with a low score")
        TAG = "tag", _("Feedback with a tag")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="promotion_rules")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=14, choices=Kind.choices)
    share = models.DecimalField(max_digits=5, decimal_places=2, default=5)  # per cent, of a random rule
    threshold = models.PositiveSmallIntegerField(default=2)  # low_score: this score or lower
    tag = models.CharField(max_length=60, blank=True)
    daily_cap = models.PositiveIntegerField(default=50)
    per_person_cap = models.PositiveIntegerField(default=5)  # turns of one end user a day
    active = models.BooleanField(default=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_run_at = models.DateTimeField(null=True)
    mark = models.BigIntegerField(default=0)  # of a random rule: every answer up to this id is decided
    # the newest Event when nothing was left to take; with none newer a run has nothing to do
    seen_event = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="promotion_rule_name")]


class Promotion(models.Model):
    """A turn that a rule took, or that somebody sent by hand: once, whichever rules it falls under. `message`
    is the answer (of drafts the first), by id, so that it outlives the text. What the end user said of it is
    shown to an annotator once they have judged."""

    class Outcome(models.TextChoices):
        ITEM = "item", _("Sent to experts")
        KNOWN = "known", _("Already with the experts")
        REFUSED = "refused", _("Cannot be judged")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="promotions")
    rule = models.ForeignKey(PromotionRule, null=True, on_delete=models.SET_NULL, related_name="promotions")
    item = models.ForeignKey(Item, null=True, on_delete=models.SET_NULL, related_name="promotions")
    message_id = models.BigIntegerField()
    end_user_id = models.BigIntegerField(null=True)
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    reason = models.CharField(max_length=40, blank=True)
    by_hand = models.BooleanField(default=False)
    event_id = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "message_id"], name="promotion_once")]
        indexes = [models.Index(fields=["rule", "created_at"], name="promotion_rule_day")]
