"""Saving a recipe, and finding what it says."""

import re

from django.db import transaction
from django.utils.translation import gettext as _

from core import events
from core.errors import DomainError
from core.models import Project, User
from training_export.models import Recipe, RecipeVersion
from training_export.recipes.document import RecipeDocument
from training_export.recipes.gather import projects_of

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")


def apply_recipe(
    *, project: Project, actor: User | None, name: str, document: RecipeDocument
) -> tuple[RecipeVersion, bool]:
    """(the version of the recipe `name` that says `document`, whether it is a new one): the newest, if it
    says the same already. DomainError "invalid_name", or "no_project" for a source that `actor` does not
    manage."""
    if not _NAME.fullmatch(name):
        raise DomainError(
            "invalid_name",
            _("A recipe's name has up to 80 small letters, digits and hyphens, the first of them no hyphen."),
            field="name",
        )
    projects_of(document, project, actor)
    said = document.as_dict()
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        recipe, _made = Recipe.objects.get_or_create(project=project, name=name)
        last = recipe.versions.order_by("-number").first()
        if last is not None and last.document == said:
            return last, False
        version = RecipeVersion.objects.create(
            recipe=recipe,
            number=(last.number if last else 0) + 1,
            document=said,
            created_by=actor if getattr(actor, "pk", None) else None,
        )
        events.append(
            project=project,
            actor=actor,
            verb="recipe",
            target=version,
            recipe=recipe.pk,
            version=version.number,
        )
    return version, True


def version_of(project: Project, name: str, number: int | None = None) -> RecipeVersion:
    """The version `number` of the project's recipe `name`, by default the newest; DomainError "no_recipe"."""
    found = RecipeVersion.objects.filter(recipe__project=project, recipe__name=name).select_related("recipe")
    if number is not None:
        found = found.filter(number=number)
    version = found.order_by("-number").first()
    if version is None:
        raise DomainError(
            "no_recipe",
            _("There is no recipe %(name)s.") % {"name": name[:80]}
            if number is None
            else _("There is no version %(number)s of a recipe %(name)s.")
            % {"number": number, "name": name[:80]},
            status=404,
            field="recipe",
        )
    return version
