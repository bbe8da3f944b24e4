"""What end users said: conversations as trees of messages, reactions, choices and signals. End users have no
account of their own here."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.models import Project
from corpus.models import ModelVersion
from feedback.querysets import ConversationQuerySet, MessageQuerySet
from inference.models import Endpoint


class ChatSettings(models.Model):
    """How a project's chat page and its feedback are set."""

    class Drafts(models.TextChoices):
        NEVER = "never", _("Never")
        ALWAYS = "always", _("On every turn")
        SHARE = "share", _("On a share of turns")
        REGENERATE = "regenerate", _("When an answer is asked for again")

    class Arms(models.TextChoices):
        TURN = "turn", _("Per turn")
        PERSON = "person", _("Per person")

    class Keep(models.TextChoices):
        CONTENT = "content", _("Keep the texts")
        IDS = "ids", _("Keep no texts, only who reacted how to which turn")
        DAYS = "days", _("Drop the texts after some days")

    class Masking(models.TextChoices):
        OFF = "off", _("Off")
        STORAGE = "storage", _("Before anything is stored")
        PROMOTION = "promotion", _("Before a turn is shown to experts")

    class Replies(models.TextChoices):
        OFF = "off", _("No")
        WRITTEN = "written", _("Replies that a reviewer or manager writes")
        SETTLED = "settled", _("These, and what experts settled, by itself")

    project = models.OneToOneField(Project, primary_key=True, on_delete=models.CASCADE, related_name="chat")
    enabled = models.BooleanField(default=False)
    welcome = models.TextField(blank=True)
    system = models.TextField(blank=True)
    consent = models.TextField(blank=True)  # asked for once per person and text; "" asks nothing
    consent_version = models.PositiveIntegerField(default=1)
    drafts = models.CharField(max_length=10, choices=Drafts.choices, default=Drafts.NEVER)
    draft_share = models.PositiveSmallIntegerField(default=20)  # per cent of turns
    draft_count = models.PositiveSmallIntegerField(default=2)  # 2–4
    draft_from_arms = models.BooleanField(default=False)  # from different arms, else sampled from one
    assign = models.CharField(max_length=6, choices=Arms.choices, default=Arms.PERSON)
    up_reasons = models.JSONField(default=list)  # [{"key", "en", "zh"}]
    down_reasons = models.JSONField(default=list)
    keep = models.CharField(max_length=8, choices=Keep.choices, default=Keep.CONTENT)
    keep_days = models.PositiveIntegerField(default=90)
    masking = models.CharField(max_length=10, choices=Masking.choices, default=Masking.OFF)
    mask_kinds = models.JSONField(default=list)  # of corpus.personal_data.KINDS; [] means the default set
    origins = models.JSONField(default=list)  # sites that may carry the widget: ["https://example.org"]
    turns_per_minute = models.PositiveIntegerField(default=20)  # a person's
    # whether a specialist's reply reaches the end user's talk
    replies = models.CharField(max_length=8, choices=Replies.choices, default=Replies.OFF)
    updated_at = models.DateTimeField(auto_now=True)


class Arm(models.Model):
    """An endpoint that answers in this project's chat, with its share of turns or people."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="arms")
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="arms")
    weight = models.PositiveIntegerField(default=1)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "endpoint"], name="arm_once")]


class ChatLink(models.Model):
    """A link that lets its holder chat without an account. Only the hash of its token is kept."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="chat_links")
    label = models.CharField(max_length=80, blank=True)
    token_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    revoked = models.BooleanField(default=False)
    people = models.PositiveIntegerField(default=0)  # who came by it
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)


class EndUser(models.Model):
    """A person who talks to the model; known only by the keyed hash of what the deployment calls them
    (feedback.conversations.end_users)."""

    # begins another index
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="end_users", db_index=False)
    key_hash = models.CharField(max_length=64)
    # a member who chats
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="end_users"
    )
    consent_version = models.PositiveIntegerField(default=0)
    consented_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "key_hash"], name="end_user_once")]


class Conversation(models.Model):
    class Source(models.TextChoices):
        CHAT = "chat", _("Chat page")
        PROXY = "proxy", _("Proxy")
        API = "api", _("API")
        IMPORT = "import", _("Imported log")
        WIDGET = "widget", _("Widget")  # of reactions; a talk is brought by the API

    # begins another index
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="conversations", db_index=False
    )
    end_user = models.ForeignKey(EndUser, null=True, on_delete=models.CASCADE, related_name="conversations")
    source = models.CharField(max_length=8, choices=Source.choices, default=Source.CHAT)
    external_id = models.CharField(max_length=200, blank=True)
    title = models.CharField(max_length=120, blank=True)
    system = models.TextField(blank=True)
    tools = models.JSONField(null=True)
    # the leaf of the branch last looked at
    head = models.ForeignKey("Message", null=True, on_delete=models.SET_NULL, related_name="+")
    keep = models.BooleanField(default=True)  # False: no text of it is stored
    dropped_at = models.DateTimeField(null=True)  # its texts were dropped
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "external_id"], condition=~Q(external_id=""), name="conversation_external"
            )
        ]
        indexes = [
            models.Index(fields=["end_user", "-updated_at"], name="conversation_recent"),
            models.Index(fields=["project", "updated_at"], name="conversation_age"),
        ]


class Message(models.Model):
    """A node of the tree: regenerations, edits and drafts are siblings under one parent. An answer's text
    grows while it streams."""

    class State(models.TextChoices):
        STREAMING = "streaming", _("Being written")
        COMPLETE = "complete", _("Complete")
        CUT = "cut", _("Cut off")
        STOPPED = "stopped", _("Stopped by the user")
        FAILED = "failed", _("Broken off")

    # the model's server said where the answer ends: by itself, or at a limit
    ENDED = (State.COMPLETE, State.CUT)

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="messages")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="children")
    role = models.CharField(max_length=10)  # user · assistant · tool
    text = models.TextField(blank=True)
    extra = models.JSONField(null=True)  # tool_calls, tool_call_id, name
    # what the endpoint says the answer rests on: [{title, text, url?}]
    sources = models.JSONField(default=list)
    draft_group = models.UUIDField(null=True)
    position = models.PositiveSmallIntegerField(default=0)  # place on screen among the drafts of its group
    state = models.CharField(max_length=10, choices=State.choices, default=State.COMPLETE)
    # code of what broke it off; of a cut answer "length" or "content_filter", if that is known
    error = models.CharField(max_length=40, blank=True)
    seen = models.BooleanField(default=False)
    arm = models.ForeignKey(Arm, null=True, on_delete=models.SET_NULL, related_name="+")
    model_version = models.ForeignKey(ModelVersion, null=True, on_delete=models.SET_NULL, related_name="+")
    parameters = models.JSONField(null=True)
    external_id = models.CharField(max_length=200, blank=True)
    # of the turns up to and with this one, keyed: finds the parent of a logged exchange
    context_hash = models.CharField(max_length=64, blank=True)
    first_token_ms = models.PositiveIntegerField(null=True)
    # until the end; while it streams, until it was last known to be read
    total_ms = models.PositiveIntegerField(null=True)
    event_id = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "external_id"], condition=~Q(external_id=""), name="message_external"
            )
        ]
        indexes = [
            models.Index(
                fields=["project", "context_hash"], condition=~Q(context_hash=""), name="message_context"
            ),
            models.Index(
                fields=["project", "model_version", "created_at"],
                condition=Q(role="assistant"),
                name="message_of_model",
            ),
            # Figures by day and model are counted from it alone, without going by long texts.
            models.Index(
                fields=["project", "created_at", "model_version", "draft_group", "state"],
                condition=Q(role="assistant", extra__isnull=True),
                name="message_answers",
            ),
            models.Index(fields=["created_at"], condition=Q(state="streaming"), name="message_streaming"),
        ]


class OtherName(models.Model):
    """A second name of an answer beside its external id (feedback.conversations.other_names)."""

    # begins another index
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=200)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="other_name_once")]


class Reaction(models.Model):
    """Append-only; one current per person, target and kind. `target_external` waits for a message or
    conversation that arrives later. `message` is an answer; for a score it is null and `conversation` the
    target."""

    class Kind(models.TextChoices):
        THUMB = "thumb", _("Thumb")
        SCORE = "score", _("Score")
        CORRECTION = "correction", _("Correction")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="reactions")
    end_user = models.ForeignKey(EndUser, null=True, on_delete=models.CASCADE, related_name="reactions")
    # begins reaction_said
    message = models.ForeignKey(
        Message, null=True, on_delete=models.CASCADE, related_name="reactions", db_index=False
    )
    conversation = models.ForeignKey(
        Conversation, null=True, on_delete=models.CASCADE, related_name="reactions"
    )
    target_external = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    # thumb: 1 up, -1 down, 0 taken back · score: 1–5, 0 taken back
    value = models.SmallIntegerField(null=True)
    reasons = models.JSONField(default=list)  # keys of the project's list
    text = models.TextField(blank=True)  # a comment; of a correction: what should have been said
    tags = models.JSONField(default=list)
    source = models.CharField(
        max_length=8, choices=Conversation.Source.choices, default=Conversation.Source.CHAT
    )
    current = models.BooleanField(default=True)
    event_id = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["message", "end_user"], name="reaction_said"),
            models.Index(fields=["project", "id"], condition=Q(current=True), name="reaction_current"),
            models.Index(
                fields=["project", "target_external"],
                condition=Q(message=None, conversation=None),
                name="reaction_waiting",
            ),
            # the inbox goes by it, newest first
            models.Index(
                fields=["project", "-created_at", "-id"], condition=Q(current=True), name="reaction_inbox"
            ),
        ]


class Choice(models.Model):
    """Which of several drafts was better; `shown` keeps what was on screen, in order: [{"message",
    "position", "complete", "seen"}]. One that came before its drafts has no `parent`, is not current, and
    names them in `shown` by "external" instead of "message" (feedback.conversations.late_targets)."""

    class Verdict(models.TextChoices):
        BETTER = "better", _("This one is better")
        SAME = "same", _("About the same")
        ALL_BAD = "all_bad", _("All bad")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="choices")
    end_user = models.ForeignKey(EndUser, null=True, on_delete=models.CASCADE, related_name="choices")
    # the user's turn
    parent = models.ForeignKey(Message, null=True, on_delete=models.CASCADE, related_name="choices")
    chosen = models.ForeignKey(Message, null=True, on_delete=models.CASCADE, related_name="+")
    place = models.PositiveSmallIntegerField(null=True)  # of the chosen one in `shown`
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    # an answer against the one asked for again, not drafts side by side
    regenerated = models.BooleanField(default=False)
    shown = models.JSONField(default=list)
    current = models.BooleanField(default=True)
    event_id = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["project", "id"], condition=Q(current=True), name="choice_current"),
            models.Index(
                fields=["project", "-created_at", "-id"], condition=Q(current=True), name="choice_inbox"
            ),
        ]


class WaitingDraft(models.Model):
    """A draft that a choice names by the deployment's id and that is not known yet."""

    # begins another index
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    choice = models.ForeignKey(Choice, on_delete=models.CASCADE, related_name="waiting_drafts")
    external = models.CharField(max_length=200)

    class Meta:
        indexes = [models.Index(fields=["project", "external"], name="draft_waiting")]


class Signal(models.Model):
    """What somebody did with an answer without judging it. A class of its own: never a label."""

    class Name(models.TextChoices):
        COPY = "copy", _("Copied")
        REGENERATE = "regenerate", _("Asked again")
        EDIT = "edit", _("Edited the question")
        STOP = "stop", _("Stopped")

    # begins signal_inbox
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="signals", db_index=False)
    end_user = models.ForeignKey(EndUser, null=True, on_delete=models.CASCADE, related_name="signals")
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="signals")
    name = models.CharField(max_length=10, choices=Name.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["project", "-created_at", "-id"], name="signal_inbox")]


class Look(models.Model):
    """Somebody of the project opened what was said of an answer."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    # begins look_once
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="looks", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "user"], name="look_once")]


class Reply(models.Model):
    """A specialist's word on an answer, for the person who got it. Append-only; one of an answer is current.
    `verdict` and `corrected` are of a settled judgement, `text` is what a person wrote."""

    class Origin(models.TextChoices):
        WRITTEN = "written", _("Written")
        SETTLED = "settled", _("From what experts settled")

    class Verdict(models.TextChoices):
        GOOD = "good", _("good")
        BAD = "bad", _("not good")
        NONE = "", _("says nothing about it")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="replies")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    origin = models.CharField(max_length=8, choices=Origin.choices, default=Origin.WRITTEN)
    verdict = models.CharField(max_length=4, choices=Verdict.choices, blank=True)
    text = models.TextField(blank=True)
    corrected = models.TextField(blank=True)  # what the answer should have been
    current = models.BooleanField(default=True)
    event_id = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["message"], condition=Q(current=True), name="reply_in_force")
        ]


class Received(models.Model):
    """A row of feedback that came in with an idempotency key: it is taken once. `digest` tells another body
    under the same key."""

    # begins another index
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="received", db_index=False)
    key = models.CharField(max_length=100)
    digest = models.CharField(max_length=64)
    table = models.CharField(max_length=12)  # reaction · choice · conversation
    row = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "key"], name="received_once")]


class Lost(models.Model):
    """Exchanges that were answered but could not be logged, counted per day."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="lost")
    day = models.DateField()
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "day"], name="lost_day")]
