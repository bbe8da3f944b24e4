"""Where a model is reached. Secrets are encrypted with a key from the environment and never leave the server."""

from django.db import models

from core.models import Project
from corpus.models import ModelVersion


class Endpoint(models.Model):
    """An OpenAI-compatible server: `base_url` up to and including /v1; `host` is checked against the allow-list."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="endpoints")
    name = models.CharField(max_length=80)
    base_url = models.URLField(max_length=500)
    model_name = models.CharField(max_length=200)
    model_version = models.ForeignKey(ModelVersion, null=True, on_delete=models.SET_NULL, related_name="endpoints")
    secret = models.BinaryField(null=True)
    parameters = models.JSONField(default=dict)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="endpoint_once")]
