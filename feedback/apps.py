from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


def _lost(request, project) -> str:
    from feedback.proxy import log as proxy_log

    return proxy_log.attention(request, project)


def _snippets(request, project) -> str:
    from feedback.keys import snippets

    return snippets.panel(request, project)


def _chat_shows(project, role: str) -> bool:
    from feedback.chat import access

    return role == "user" or access.is_open(project, role)  # the one has nothing else here


def _end() -> None:
    from feedback.chat import streaming

    streaming.stop_all()


class FeedbackConfig(AppConfig):
    name = "feedback"

    def ready(self):
        from core import registry

        registry.register_nav("chat", _("Chat"), role="user", order=15, group="end_users", shows=_chat_shows)
        registry.register_nav(
            "inbox", _("Feedback"), role="reviewer", order=45, group="end_users", also=("feedback",)
        )
        registry.register_nav(
            "chat_settings", _("Chat settings"), role="manager", order=80, group="end_users"
        )
        registry.register_nav("people_data", _("Personal data"), role="manager", order=88, group="end_users")
        registry.register_eraser("feedback.erasure", order=20)
        registry.register_panel("project.attention", role="manager", order=20, render=_lost)
        registry.register_panel("keys.snippets", role="annotator", order=0, render=_snippets)
        registry.register_ending(_end)
