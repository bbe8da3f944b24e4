"""Judgements that flag an answer are taken down again: the list of items now finds them by that flag."""

from django.db import migrations


def read_again(apps, schema_editor):
    Annotation = apps.get_model("annotation", "Annotation")
    Annotation.objects.filter(head__document__has_key="answer_flags").update(read_version=None)


class Migration(migrations.Migration):

    dependencies = [("annotation", "0013_desk_order")]

    operations = [migrations.RunPython(read_again, migrations.RunPython.noop)]
