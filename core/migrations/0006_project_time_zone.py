from django.db import migrations, models

import core.local_time


class Migration(migrations.Migration):

    dependencies = [
        ("core", "0005_project_demo"),
    ]

    operations = [
        migrations.AddField(
            model_name="project",
            name="time_zone",
            field=models.CharField(default=core.local_time.installation, max_length=64),
        ),
    ]
