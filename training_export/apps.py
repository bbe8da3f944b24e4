from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TrainingExportConfig(AppConfig):
    name = "training_export"

    def ready(self):
        from core import registry

        registry.register_nav("exports", _("Exports"), role="manager", order=70, group="data")
        registry.register_eraser("training_export.erasure", order=0)
