"""manage.py make_bundle SLUG N --format F --out DIR [--option K=V …] [--json]: a data set for one trainer."""

from pathlib import Path

from django.utils.translation import gettext as _

from core import jobs
from core.commands import ProjectCommand
from core.errors import DomainError
from training_export.bundles.make import form_named, options_for
from training_export.models import Bundle
from training_export.publish.copies import copy_to
from training_export.publish.snapshot_files import snapshot_or_refused
from training_export.reasons import sentence_of


class Command(ProjectCommand):
    help = "Put a data set that a recipe made into one trainer's form, in a folder. Runs to the end itself."

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("number", type=int)
        parser.add_argument("--format", required=True)
        parser.add_argument("--out", required=True, metavar="DIR")
        parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", dest="said")

    def handle(self, *args, **given):
        with self.refusals(given):
            project = self.project(given)
            form = form_named(given["format"])
            said = options_of_words(given["said"])
            options_for(form, said)
            snapshot_or_refused(project, given["number"])
            params = {"number": given["number"], "format": form.name, "options": said}
            job = jobs.start("bundle", project=project, actor=None, params=params, send=False)
            result = jobs.run_now(job).result
            out = copy_to(Bundle.objects.get(pk=result.pop("bundle")), Path(given["out"]))
            result["files"] = [entry | {"path": str(out / entry["path"])} for entry in result["files"]]
        if given["json"]:
            self.print_json(result)
            return
        for entry in result["files"]:
            self.stdout.write(f"{entry['rows']:>10}  {entry['path']}")
        for code, count in result["left_out"].items():
            self.stdout.write(f"{count:>10}  {_('left out')}: {sentence_of(code)}")


def options_of_words(words: list[str]) -> dict:
    """{name: value} of NAME=VALUE words; "true" and "false" are such. DomainError "invalid_option"."""
    found: dict = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise DomainError(
                "invalid_option",
                _("Write an option as NAME=VALUE, not as %(word)s.") % {"word": word[:60]},
                field="option",
            )
        found[name] = {"true": True, "false": False}.get(value, value)
    return found
