from django.db import migrations, models


def those_at_their_length(apps, schema_editor):
    """Answers of the chat that reached their greatest length were kept as complete, with that as their error."""
    answers = apps.get_model("feedback", "Message").objects.filter(role="assistant", state="complete", error="length")
    answers.update(state="cut")


class Migration(migrations.Migration):
    dependencies = [("feedback", "0006_choice_place")]

    operations = [
        migrations.AlterField(
            model_name="message",
            name="state",
            field=models.CharField(
                choices=[("streaming", "Being written"), ("complete", "Complete"), ("cut", "Cut off"), ("stopped", "Stopped by the user"), ("failed", "Broken off")],
                default="complete",
                max_length=10,
            ),
        ),
        migrations.RunPython(those_at_their_length, migrations.RunPython.noop),
        migrations.RemoveIndex(model_name="message", name="message_answers"),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("extra__isnull", True), ("role", "assistant")),
                fields=["project", "created_at", "model_version", "draft_group", "state"],
                name="message_answers",
            ),
        ),
        migrations.CreateModel(
            name="OtherName",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200)),
                ("message", models.ForeignKey(on_delete=models.deletion.CASCADE, related_name="+", to="feedback.message")),
                ("project", models.ForeignKey(db_index=False, on_delete=models.deletion.CASCADE, related_name="+", to="core.project")),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("project", "name"), name="other_name_once")]},
        ),
    ]
