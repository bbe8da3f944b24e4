"""Recipes, the data sets made from them, and what was trained on those."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.models import Job, Project
from corpus.models import ModelVersion


class Recipe(models.Model):
    """A saved way to make a data set, known by its name; what it says is its newest version's."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="recipes")
    name = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="recipe_once")]


class RecipeVersion(models.Model):
    """What a recipe said from then on (recipes.document, as JSON). Never changed."""

    recipe = models.ForeignKey(Recipe, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    document = models.JSONField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["recipe", "number"], name="recipe_version_once")]


class Snapshot(models.Model):
    """One immutable, numbered result, read as of one Event. `content_sha256` is over the sorted canonical
    rows. Made by a recipe it has a `folder` of its own, with rows in no trainer's format, and a `manifest`;
    made by a single export it has one Bundle and neither."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="snapshots")
    recipe_version = models.ForeignKey(
        RecipeVersion, null=True, on_delete=models.SET_NULL, related_name="snapshots"
    )
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="snapshots")
    number = models.PositiveIntegerField()
    options = models.JSONField(default=dict)
    as_of = models.BigIntegerField()
    content_sha256 = models.CharField(max_length=64)
    counts = models.JSONField(default=dict)
    left_out = models.JSONField(default=dict)
    folder = models.CharField(max_length=300, blank=True)
    manifest = models.JSONField(default=dict)
    successor_of = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="successors")
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_why = models.TextField(blank=True)
    # withdrawn by the erasure of a person in it: its files are gone or are going
    erased = models.BooleanField(default=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="snapshot_number")]


class SignOff(models.Model):
    """A person answers for a data set by name. Append-only."""

    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="sign_offs")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    note = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)


class Bundle(models.Model):
    """A snapshot in one trainer's format: a folder under the project's exports, published by a rename. `key`:
    of format and options, by which a bundle that was made before is found again."""

    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="bundles")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="bundles")
    format = models.CharField(max_length=40)
    key = models.CharField(max_length=64, blank=True)
    folder = models.CharField(max_length=300)
    files = models.JSONField(default=list)
    manifest = models.JSONField(default=dict)
    withdrawn_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)


class StepValue(models.Model):
    """What a curation step computed of one text, kept so that the next run need not: `name` is the digest of
    step, version and parameters, `key` that of the text."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="step_values")
    name = models.BinaryField(max_length=16)
    key = models.BinaryField(max_length=16)
    value = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name", "key"], name="step_value_once")]


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
