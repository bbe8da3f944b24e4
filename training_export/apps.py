from django.apps import AppConfig
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


def _export_step(request, project):
    from annotation.projects.checklist import step
    from training_export.models import Snapshot

    if Snapshot.objects.filter(project=project).exists():
        return ""
    return step(
        reverse("exports", args=[project.slug]),
        _("Export training data"),
        _("for TRL, LLaMA-Factory and others, as soon as something is judged"),
    )


class TrainingExportConfig(AppConfig):
    name = "training_export"

    def ready(self):
        from core import registry

        registry.register_nav("exports", _("Exports"), role="manager", order=70, group="data")
        registry.register_panel("project.steps", role="manager", order=90, render=_export_step)
        registry.register_eraser("training_export.erasure", order=0)
