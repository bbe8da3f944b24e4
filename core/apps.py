from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    name = "core"

    def ready(self):
        from core import registry

        registry.register_nav("members", _("Members"), role="manager", order=90, group="setup")
        registry.register_nav(
            "keys", _("API keys"), role="manager", order=95, group="setup", also=("key_rotate",)
        )
