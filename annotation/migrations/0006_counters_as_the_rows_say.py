"""Agreement was not counted anew when work was returned, and letting go of late work that had been taken back gave a place back that it
did not have: both are set right where they differ."""

from django.db import migrations
from django.db.models import Count, F, OuterRef, Subquery
from django.db.models.functions import Coalesce

from annotation.statistics.agreement import of_documents

COUNTED = ("submitted", "accepted")


def recount(apps, schema_editor):
    Item, Assignment, Annotation = (apps.get_model("annotation", name) for name in ("Item", "Assignment", "Annotation"))
    database = schema_editor.connection.alias
    slots = Assignment.objects.filter(item=OuterRef("pk"), slot__isnull=False).order_by().values("item").annotate(n=Count("pk")).values("n")
    holds = Coalesce(Subquery(slots), 0)
    Item.objects.using(database).annotate(holds=holds).exclude(held=F("holds")).update(held=holds)
    returned = Annotation.objects.using(database).filter(state__in=["returned", "withdrawn"]).values("item")
    touched = Item.objects.using(database).filter(agreement__isnull=False, pk__in=returned).only("kind", "slot_count", "agreement")
    for item in touched.iterator(chunk_size=1000):
        heads = Annotation.objects.using(database).filter(item=item, annotator__source="person", state__in=COUNTED)
        agreement = of_documents(item.kind, list(heads.values_list("head__document", flat=True)), item.slot_count)
        if agreement != item.agreement:
            Item.objects.using(database).filter(pk=item.pk).update(agreement=agreement)


class Migration(migrations.Migration):
    dependencies = [("annotation", "0005_one_index_per_key")]

    operations = [migrations.RunPython(recount, migrations.RunPython.noop, elidable=True)]
