"""Who answers a request: the endpoint that it names, or an arm that is drawn."""

from django.utils.translation import gettext as _

from core.models import Project
from feedback.chat.arms import by_weight, for_person
from feedback.conversations import end_users
from feedback.models import Arm, ChatSettings
from feedback.proxy.refusals import Refused, no_model
from inference.models import Endpoint

DEFAULT_MODELS = {"", "auto", "default"}


def endpoints_of(project_id: int) -> list[Endpoint]:
    """The project's endpoints that may answer, with their model versions, by name."""
    rows = Endpoint.objects.filter(project=project_id, active=True)
    return list(rows.select_related("model_version").order_by("name"))


def arms_of(project_id: int) -> list[Arm]:
    """The project's arms that are drawn, the oldest first."""
    rows = Arm.objects.filter(project=project_id, active=True, weight__gt=0, endpoint__active=True)
    return list(rows.order_by("pk"))


def choose(project: Project, name: str, person: str) -> tuple[Endpoint, Arm | None]:
    """Who answers: the endpoint of that name, else of that model version, else the one whose server calls its
    model so; for no name, "auto", "default" or the project's own, the arms are drawn by their weights, per
    turn or per `person`. Refused 404."""
    endpoints, arms = endpoints_of(project.pk), arms_of(project.pk)
    by_endpoint = {arm.endpoint_id: arm for arm in arms}
    for same in (
        lambda e: e.name == name,
        lambda e: e.model_version is not None and e.model_version.name == name,
        lambda e: e.model_name == name,
    ):
        if found := [e for e in endpoints if same(e)]:
            drawn = _draw(project, [by_endpoint[e.pk] for e in found if e.pk in by_endpoint], person)
            endpoint = next((e for e in found if drawn is not None and e.pk == drawn.endpoint_id), found[0])
            return endpoint, by_endpoint.get(endpoint.pk)
    if name not in DEFAULT_MODELS | {project.slug}:
        raise no_model(name)
    drawn = _draw(project, arms, person)
    if drawn is not None:
        return next(e for e in endpoints if e.pk == drawn.endpoint_id), drawn
    if len(endpoints) != 1:
        raise Refused(
            404,
            "model_not_found",
            _("This project has no model that answers by itself: name one of those that /v1/models lists."),
        )
    return endpoints[0], None


def _draw(project: Project, arms: list[Arm], person: str) -> Arm | None:
    if len(arms) < 2:
        return arms[0] if arms else None
    chat = ChatSettings.objects.filter(project=project).only("assign").first()
    if not person or chat is None or chat.assign != ChatSettings.Arms.PERSON:
        return by_weight(arms)
    # by the hash of their key: their row may not have been made yet
    return for_person(project, end_users.key_hash(project, person), arms)
