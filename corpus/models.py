"""What was asked and what was answered. Rows here are immutable; a change is a new row.

`db_index=False`: a unique constraint begins with that key, and a second index on it would only make every
import slower."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.models import Project


class ModelVersion(models.Model):
    """Who answered."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="model_versions")
    name = models.CharField(max_length=200)
    note = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="model_version_once")]


class ImportBatch(models.Model):
    """One file (or API call) that brought records in; `sha256` is of its bytes as received."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="import_batches")
    job_id = models.BigIntegerField(null=True)
    name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)


class Prompt(models.Model):
    """`messages` ([{role, content, tool_calls?, name?, tool_call_id?}], the last not the assistant's),
    `tools` and `sources` ([{title, text, url?}], what an answer must rest on). `content_hash` =
    HMAC-SHA256 of the canonical form (corpus.canonical) under the project's key, hex."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="prompts", db_index=False)
    messages = models.JSONField()
    tools = models.JSONField(null=True)
    sources = models.JSONField(default=list)
    metadata = models.JSONField(default=dict)
    language = models.CharField(max_length=8, blank=True)
    content_hash = models.CharField(max_length=64)
    event_id = models.BigIntegerField(default=0)  # the Event it came with
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "content_hash"], name="prompt_once")]


class PromptOrigin(models.Model):
    """Where a prompt came from: a row of a file (line 1-based, physical) or, later, a turn of a conversation.
    Its own row, so that erasing one source never removes another's."""

    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="origins", db_index=False)
    batch = models.ForeignKey(ImportBatch, null=True, on_delete=models.CASCADE, related_name="origins")
    line = models.BigIntegerField(null=True)
    external_id = models.CharField(max_length=200, blank=True)
    turn_id = models.BigIntegerField(null=True)  # feedback.Message, by id: that room is above this one
    event_id = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["prompt", "batch", "line"], name="prompt_origin_once")]
        indexes = [models.Index(fields=["external_id"], name="origin_external")]


class Response(models.Model):
    """One answer to a prompt. `turns` holds tool calls and observations before the final `text`, when there
    are any ([{role, content, ...}] without the last assistant text). `given` is what this answer had
    beyond the Prompt. `text_hash` is of the text after NFC with line ends unified (what "equal" means);
    `identity_hash` makes a re-imported answer recognisable."""

    class Origin(models.TextChoices):
        MODEL = "model", _("Model")
        HUMAN = "human", _("Human")
        SYNTHETIC = "synthetic", _("Synthetic")
        IMPORTED = "imported", _("Imported")

    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="responses", db_index=False)
    text = models.TextField()
    turns = models.JSONField(null=True)
    origin = models.CharField(max_length=10, choices=Origin.choices)
    model_version = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.SET_NULL, related_name="responses", db_index=False
    )
    parameters = models.JSONField(null=True)
    given = models.JSONField(null=True)
    external_id = models.CharField(max_length=200, blank=True)
    is_target = models.BooleanField(default=False)  # the file offered it as the answer to learn (SFT)
    # why it ends before its end (corpus.endings), "" for an answer that does not
    cut = models.CharField(max_length=16, blank=True, db_default="")
    text_hash = models.CharField(max_length=64)
    identity_hash = models.CharField(max_length=64)
    event_id = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["prompt", "identity_hash"], name="response_once")]
        indexes = [
            models.Index(
                fields=["model_version"],
                condition=models.Q(model_version__isnull=False),
                name="response_model",
            )
        ]
