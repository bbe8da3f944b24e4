"""What judgements say as rows (Outcome, Facet), and the words of items; both are filled by the worker
(annotation.results.digest, annotation.items.words), not here."""

import django.db.models.deletion
from django.db import migrations, models

WORDS = "CREATE INDEX item_words_gin ON annotation_itemwords USING gin (array_to_tsvector(string_to_array(words, ' ')))"


def index_words(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(WORDS)


class Migration(migrations.Migration):

    dependencies = [
        ('annotation', '0010_rulings'),
        ('core', '0004_job_language'),
        ('corpus', '0005_answers_cut_off'),
    ]

    operations = [
        migrations.CreateModel(
            name='Facet',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version_id', models.BigIntegerField()),
                ('source', models.CharField(max_length=10)),
                ('name', models.CharField(max_length=60)),
            ],
        ),
        migrations.CreateModel(
            name='ItemWords',
            fields=[
                ('item', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='words', serialize=False, to='annotation.item')),
                ('words', models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name='Outcome',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version_id', models.BigIntegerField()),
                ('source', models.CharField(max_length=10)),
                ('result', models.SmallIntegerField()),
                ('longer', models.SmallIntegerField()),
                ('first', models.SmallIntegerField()),
                ('language', models.CharField(blank=True, max_length=2)),
            ],
        ),
        migrations.AddField(
            model_name='annotation',
            name='read_version',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='item',
            name='words_slots',
            field=models.PositiveSmallIntegerField(null=True),
        ),
        migrations.AddIndex(
            model_name='annotation',
            index=models.Index(condition=models.Q(('head__isnull', False), models.Q(('read_version__isnull', True), ('read_version__lt', models.F('head')), ('read_version__gt', models.F('head')), _connector='OR')), fields=['project'], name='annotation_unread'),
        ),
        migrations.AddIndex(
            model_name='item',
            index=models.Index(condition=models.Q(('words_slots__isnull', True), ('words_slots__lt', models.F('slot_count')), ('words_slots__gt', models.F('slot_count')), _connector='OR'), fields=['project'], name='item_unsearchable'),
        ),
        migrations.AddField(
            model_name='facet',
            name='annotation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='facets', to='annotation.annotation'),
        ),
        migrations.AddField(
            model_name='facet',
            name='item',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='facets', to='annotation.item'),
        ),
        migrations.AddField(
            model_name='facet',
            name='model',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='corpus.modelversion'),
        ),
        migrations.AddField(
            model_name='facet',
            name='project',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='core.project'),
        ),
        migrations.AddField(
            model_name='itemwords',
            name='project',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='core.project'),
        ),
        migrations.AddField(
            model_name='outcome',
            name='a',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='corpus.modelversion'),
        ),
        migrations.AddField(
            model_name='outcome',
            name='annotation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='outcomes', to='annotation.annotation'),
        ),
        migrations.AddField(
            model_name='outcome',
            name='b',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='corpus.modelversion'),
        ),
        migrations.AddField(
            model_name='outcome',
            name='item',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='outcomes', to='annotation.item'),
        ),
        migrations.AddField(
            model_name='outcome',
            name='project',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='core.project'),
        ),
        migrations.AddField(
            model_name='outcome',
            name='prompt',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='corpus.prompt'),
        ),
        migrations.AddIndex(
            model_name='facet',
            index=models.Index(fields=['project', 'name', 'item'], name='facet_name'),
        ),
        migrations.AddIndex(
            model_name='outcome',
            index=models.Index(fields=['project', 'a', 'b', 'result'], name='outcome_pair'),
        ),
        migrations.AddIndex(
            model_name='outcome',
            index=models.Index(fields=['a'], name='outcome_a'),
        ),
        migrations.RunPython(index_words, migrations.RunPython.noop),
    ]
