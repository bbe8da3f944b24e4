"""Code for a key that was just made: how far the project is, and a file to take in."""

from django.urls import reverse
from django.utils.translation import gettext as _

from core.accounts.snippets import NewKey, Snippet, curl, rendered
from core.models import ApiKey, Project


def panel(request, project: Project) -> str:
    """The snippets for the key that this answer shows, as HTML; "" for one that opens one door only."""
    key: NewKey | None = getattr(request, "new_key", None)
    return rendered(of_key(key, project, request.build_absolute_uri("/"))) if key else ""


def of_key(key: NewKey, project: Project, base: str) -> list[Snippet]:
    """`base` is the address of this installation as the person reached it, with its slash."""
    if key.row.scope != ApiKey.Scope.ALL or key.row.role == "user":
        return []
    address = base.rstrip("/") + reverse("api_progress", args=[project.slug])
    return [Snippet("curl-progress", _("Progress of the project: curl"), curl(address, key.text))]
