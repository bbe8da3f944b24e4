"""manage.py recipe apply SLUG FILE.yaml [--name NAME] [--json] · show SLUG NAME [--version N] · presets
[--json]."""

from pathlib import Path

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from core.commands import ProjectCommand
from core.errors import DomainError
from training_export.recipes import yaml_form
from training_export.recipes.actions import apply_recipe, version_of
from training_export.recipes.document import RecipeDocument
from training_export.recipes.presets import PRESETS


class Command(ProjectCommand):
    help = "Save a recipe of a data set from a file, show one, or list those to begin with."

    def add_arguments(self, parser):
        BaseCommand.add_arguments(self, parser)
        verbs = parser.add_subparsers(dest="verb", required=True)
        applied = verbs.add_parser("apply", help="save a recipe from a YAML file")
        applied.add_argument("slug")
        applied.add_argument("file")
        applied.add_argument("--name", help="the recipe's name; by default the file's, without its ending")
        shown = verbs.add_parser("show", help="print a recipe as YAML")
        shown.add_argument("slug")
        shown.add_argument("name")
        shown.add_argument("--version", type=int, dest="number")
        presets = verbs.add_parser("presets", help="recipes to begin with")
        for verb in (applied, shown, presets):
            verb.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args, **given):
        with self.refusals(given):
            getattr(self, "_" + given["verb"])(given)

    def _apply(self, given: dict) -> None:
        project = self.project(given)
        path = Path(given["file"])
        try:
            text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            raise DomainError(
                "no_file", _("There is no file %(path)s.") % {"path": path}, field="file"
            ) from None
        except UnicodeDecodeError:
            raise DomainError("not_utf8", _("The file is not UTF-8."), field="file") from None
        document = yaml_form.load(text)
        version, _new = apply_recipe(
            project=project, actor=None, name=given["name"] or path.stem, document=document
        )
        said = {"recipe": version.recipe.name, "version": version.number}
        if given["json"]:
            self.print_json(said)
        else:
            self.stdout.write(_("Recipe %(recipe)s, version %(version)s") % said)

    def _show(self, given: dict) -> None:
        version = version_of(self.project(given), given["name"], given["number"])
        if given["json"]:
            self.print_json(
                {"recipe": version.recipe.name, "version": version.number, "document": version.document}
            )
        else:
            self.stdout.write(yaml_form.dump(RecipeDocument.of(version.document)), ending="")

    def _presets(self, given: dict) -> None:
        if given["json"]:
            self.print_json({name: preset.as_dict() for name, preset in PRESETS.items()})
            return
        for name, preset in PRESETS.items():
            self.stdout.write(f"{name:16} {preset.label}: {preset.about}")
