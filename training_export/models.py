"""Recipes, the data sets made from them, and what was trained on those."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.models import Job, Project
from corpus.models import ModelVersion


class Recipe(models.Model):
    """A saved way to make a data set: the options of one export."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="recipes")
    name = models.CharField(max_length=80)
    options = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="recipe_once")]


class Snapshot(models.Model):
    """One immutable, numbered result, read as of one Event. `content_sha256` is over the sorted canonical
    rows."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="snapshots")
    recipe = models.ForeignKey(Recipe, null=True, on_delete=models.SET_NULL, related_name="snapshots")
    number = models.PositiveIntegerField()
    options = models.JSONField(default=dict)
    as_of = models.BigIntegerField()
    content_sha256 = models.CharField(max_length=64)
    counts = models.JSONField(default=dict)
    left_out = models.JSONField(default=dict)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="snapshot_number")]


class Bundle(models.Model):
    """A snapshot in one trainer's format: a folder under the project's exports, published by a rename."""

    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="bundles")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="bundles")
    format = models.CharField(max_length=40)
    folder = models.CharField(max_length=300)
    files = models.JSONField(default=list)
    manifest = models.JSONField(default=dict)
    withdrawn_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)


class TrainingRun(models.Model):
    """Snapshot → ModelVersion."""

    class State(models.TextChoices):
        PLANNED = "planned", _("Planned")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="training_runs")
    snapshot = models.ForeignKey(Snapshot, null=True, on_delete=models.SET_NULL, related_name="training_runs")
    model_version = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.SET_NULL, related_name="training_runs"
    )
    state = models.CharField(max_length=8, choices=State.choices, default=State.PLANNED)
    parameters = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)


class Deployment(models.Model):
    """ModelVersion → production."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="deployments")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="deployments")
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
