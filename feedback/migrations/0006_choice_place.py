"""Where the chosen draft stood, from what was on screen."""

from django.db import migrations


def places(apps, schema_editor):
    Choice = apps.get_model("feedback", "Choice")
    batch = []
    for choice in Choice.objects.filter(chosen__isnull=False, place__isnull=True).only("chosen_id", "shown").iterator(chunk_size=1000):
        shown = [draft.get("message") for draft in choice.shown]
        if choice.chosen_id in shown:
            choice.place = shown.index(choice.chosen_id)
            batch.append(choice)
        if len(batch) == 1000:
            Choice.objects.bulk_update(batch, ["place"])
            batch.clear()
    Choice.objects.bulk_update(batch, ["place"])


class Migration(migrations.Migration):
    dependencies = [("feedback", "0005_waiting_choices")]
    operations = [migrations.RunPython(places, migrations.RunPython.noop, elidable=True)]
