from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


def _check():
    # What the check needs is imported when `doctor` asks, not by every process.
    from inference.doctor import findings

    return findings()


class InferenceConfig(AppConfig):
    name = "inference"

    def ready(self):
        from core import registry

        registry.register_nav("endpoints", _("Models"), role="manager", order=75, group="setup")
        registry.register_check("models", _check)
