from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0004_job_language")]

    operations = [
        migrations.AddField(
            model_name="project", name="demo", field=models.BooleanField(default=False, db_default=False)
        ),
    ]
