"""What end users said: conversations as trees of messages, reactions and choices. End users have no account."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.models import Project
from corpus.models import ModelVersion


class EndUser(models.Model):
    """A person who talks to the model; known only by the HMAC of the key the deployment gave them."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="end_users")
    key_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "key_hash"], name="end_user_once")]


class Conversation(models.Model):
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="conversations")
    end_user = models.ForeignKey(EndUser, null=True, on_delete=models.CASCADE, related_name="conversations")
    external_id = models.CharField(max_length=200, blank=True)
    system = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "external_id"], condition=~models.Q(external_id=""), name="conversation_external")]


class Message(models.Model):
    """A node of the tree: regenerations, edits and drafts are siblings under one parent."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="children")
    role = models.CharField(max_length=10)
    text = models.TextField(blank=True)
    extra = models.JSONField(null=True)
    draft_group = models.UUIDField(null=True)
    position = models.PositiveSmallIntegerField(default=0)
    complete = models.BooleanField(default=True)
    seen = models.BooleanField(default=False)
    model_version = models.ForeignKey(ModelVersion, null=True, on_delete=models.SET_NULL, related_name="+")
    external_id = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)


class Reaction(models.Model):
    """Append-only; one current per person, target and kind. `target_external` waits for a message that arrives later."""

    class Kind(models.TextChoices):
        THUMB = "thumb", _("Thumb")
        SCORE = "score", _("Score")
        CORRECTION = "correction", _("Correction")
        IMPLICIT = "implicit", _("Implicit signal")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="reactions")
    end_user = models.ForeignKey(EndUser, null=True, on_delete=models.CASCADE, related_name="reactions")
    message = models.ForeignKey(Message, null=True, on_delete=models.CASCADE, related_name="reactions")
    conversation = models.ForeignKey(Conversation, null=True, on_delete=models.CASCADE, related_name="reactions")
    target_external = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    value = models.SmallIntegerField(null=True)
    reasons = models.JSONField(default=list)
    text = models.TextField(blank=True)
    current = models.BooleanField(default=True)
    event_id = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)


class Choice(models.Model):
    """Which of several drafts was better; `shown` keeps what was on screen, in order."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="choices")
    end_user = models.ForeignKey(EndUser, null=True, on_delete=models.CASCADE, related_name="choices")
    parent = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="choices")
    chosen = models.ForeignKey(Message, null=True, on_delete=models.CASCADE, related_name="+")
    verdict = models.CharField(max_length=10)  # better · same · all_bad
    shown = models.JSONField(default=list)
    event_id = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
