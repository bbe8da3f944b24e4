from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FeedbackConfig(AppConfig):
    name = "feedback"

    def ready(self):
        from core import registry

        registry.register_nav("chat", _("Chat"), role="user", order=15)
        registry.register_nav("chat_settings", _("Chat settings"), role="manager", order=80)
