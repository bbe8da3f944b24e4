from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


def _home_panel(request, project):
    # Pages are imported when the first is asked for, not by every command.
    from annotation.projects.home import home_panel

    return home_panel(request, project)


def _home_action(request, project):
    from annotation.projects.home import home_action

    return home_action(request, project)


def _feedback_panel(request, project):
    from annotation.promotion.panel import panel

    return panel(request, project)


def _step(name: str):
    def render(request, project):
        from annotation.projects import checklist

        return getattr(checklist, name)(request, project)

    return render


def _snippets(request, project):
    from annotation.projects.snippets import panel

    return panel(request, project)


class AnnotationConfig(AppConfig):
    name = "annotation"

    def ready(self):
        from core import registry

        registry.register_nav("project", _("Overview"), role="reviewer", order=0)
        registry.register_nav("results", _("Results"), role="manager", order=5)
        registry.register_nav("bench", _("Bench"), role="annotator", order=10, group="labelling")
        registry.register_nav("mine", _("My work"), role="annotator", order=20, group="labelling")
        registry.register_nav("review", _("Review"), role="reviewer", order=30, group="labelling")
        registry.register_nav("items", _("Items"), role="reviewer", order=40, group="labelling")
        registry.register_nav("guidelines", _("Guidelines"), role="annotator", order=50, group="labelling")
        registry.register_nav("import", _("Import"), role="manager", order=60, group="data")
        registry.register_nav("promotion", _("Rules"), role="manager", order=65, group="end_users")
        registry.register_nav("work", _("Work statement"), role="annotator", order=70, group="labelling")
        registry.register_nav("project_settings", _("Settings"), role="manager", order=85, group="setup")
        registry.register_panel("home.project", role="user", order=0, render=_home_panel)
        registry.register_panel("feedback.quality", role="reviewer", order=0, render=_feedback_panel)
        registry.register_part("feedback.experts", "annotation.promotion.inbox")
        registry.register_action(
            "feedback.inbox", url_name="promotion_send", label=_("Send to experts"), role="manager"
        )
        registry.register_panel("home.actions", role="manager", order=0, render=_home_action)
        for order, step in enumerate(("bring_in", "guidelines", "people", "try_one", "start")):
            registry.register_panel("project.steps", role="manager", order=order, render=_step(step))
        registry.register_panel("keys.snippets", role="annotator", order=10, render=_snippets)
        registry.register_eraser("annotation.erasure", order=10)
