"""Rows made of others, to count and search by; models.py names them among the room's models. Whatever is lost
here is made again of judgements and items."""

from django.db import models

from annotation.querysets import FacetQuerySet, OutcomeQuerySet
from core.models import Project
from corpus.models import ModelVersion, Prompt


class Outcome(models.Model):
    """What one version of a judgement says of two models whose answers it ranked: `result` 1 (a won), -1 (b
    won) or 0 (a tie). Made from the document (annotation.results.digest), so that nothing is counted by
    reading documents; a < b by id. In force only while its version is the head: OutcomeQuerySet.in_force."""

    # begins another index
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    item = models.ForeignKey("annotation.Item", on_delete=models.CASCADE, related_name="outcomes")
    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="+")
    annotation = models.ForeignKey("annotation.Annotation", on_delete=models.CASCADE, related_name="outcomes")
    version_id = models.BigIntegerField()
    source = models.CharField(max_length=10)  # an Annotator.Source
    a = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+", db_index=False)
    b = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    result = models.SmallIntegerField()
    longer = models.SmallIntegerField()  # 1: a's answer has more characters, -1: b's, 0: the same number
    first = models.SmallIntegerField()  # 1: a's answer was shown before b's, -1: after it, 0: not known
    language = models.CharField(max_length=2, blank=True)  # of the prompt's text: zh · en · "" for neither

    objects = OutcomeQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["project", "a", "b", "result"], name="outcome_pair"),
            models.Index(fields=["a"], name="outcome_a"),
        ]


class Facet(models.Model):
    """One thing that a version of a judgement has: "correction", "comment", "verdict:keep", "reason:…",
    "flag:…". Made and in force as an Outcome is. `model`: who gave the answer that a verdict or its reason
    is about; a row for each, where the same text came from several."""

    # begins another index
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    item = models.ForeignKey("annotation.Item", on_delete=models.CASCADE, related_name="facets")
    annotation = models.ForeignKey("annotation.Annotation", on_delete=models.CASCADE, related_name="facets")
    version_id = models.BigIntegerField()
    source = models.CharField(max_length=10)  # an Annotator.Source
    name = models.CharField(max_length=60)
    model = models.ForeignKey(ModelVersion, null=True, on_delete=models.CASCADE, related_name="+")

    objects = FacetQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["project", "name", "item"], name="facet_name")]


class ItemWords(models.Model):
    """The words of an item's prompt and answers, as the search looks for them (annotation.items.words), each
    once, with a space between. On PostgreSQL a GIN index stands on them, made by the migration."""

    item = models.OneToOneField(
        "annotation.Item", primary_key=True, on_delete=models.CASCADE, related_name="words"
    )
    # the search asks for the items of a project by words first
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    words = models.TextField()
