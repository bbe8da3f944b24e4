"""Where a model is reached. Secrets are encrypted with a key from the environment and never leave the
server."""

from django.db import models

from core.models import Project
from corpus.models import ModelVersion


class Endpoint(models.Model):
    """An OpenAI-compatible server: `base_url` up to and including /v1. Its host:port must be on the
    operator's list (ENDPOINT_HOSTS), and connections go to `address`, what the name meant when the
    endpoint was saved, wherever the name leads later."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="endpoints")
    name = models.CharField(max_length=80)
    base_url = models.URLField(max_length=500)
    address = models.CharField(max_length=45, blank=True)  # IPv4 or IPv6
    model_name = models.CharField(max_length=200)  # as the server calls it
    model_version = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.SET_NULL, related_name="endpoints"
    )
    secret = models.BinaryField(null=True)  # the API key, encrypted
    # or the environment variable that holds it (ENDPOINT_KEY_…)
    secret_variable = models.CharField(max_length=80, blank=True)
    parameters = models.JSONField(default=dict)  # sent with every request: temperature, max_tokens …
    first_token_seconds = models.PositiveSmallIntegerField(default=60)
    idle_seconds = models.PositiveSmallIntegerField(default=30)  # between two pieces
    total_seconds = models.PositiveSmallIntegerField(default=600)
    retries = models.PositiveSmallIntegerField(default=2)  # before the first piece only
    max_characters = models.PositiveIntegerField(default=200_000)  # of one answer; then it is broken off
    # the practice server of this installation: labelled as such wherever it answers
    practice = models.BooleanField(default=False)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="endpoint_once")]
