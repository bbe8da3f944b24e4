"""manage.py export_dataset SLUG --format F --out DIR [options] [--json]: build a snapshot and put a copy of
its files in DIR."""

from pathlib import Path

from django.utils.translation import gettext as _

from core import jobs
from core.commands import ProjectCommand
from training_export.models import Bundle
from training_export.option import Kind, Option
from training_export.options import OPTIONS, ExportOptions
from training_export.publish import copies
from training_export.reasons import sentence_of


def add_option(parser, one: Option) -> None:
    """Ask for an option on the command line; what is not said is None."""
    if one.kind is Kind.FLAG:
        parser.add_argument(
            one.flag,
            dest=one.name,
            action="store_false" if one.default else "store_true",
            default=None,
            help=one.help,
        )
    elif one.kind is Kind.CHOICE:
        parser.add_argument(
            one.flag, dest=one.name, required=one.required, choices=list(one.choices), help=one.help
        )
    else:
        names = ": " + ", ".join(one.choices) if one.choices else ""
        parse = {Kind.INTEGER: int, Kind.NUMBER: float}.get(one.kind, str)
        parser.add_argument(
            one.flag,
            dest=one.name,
            type=parse,
            metavar=one.metavar,
            help=one.help.removesuffix("." if names else "") + names,
        )


class Command(ProjectCommand):
    help = (
        "Build a numbered data set of a project and put a copy of its files in a folder. Runs to the end "
        "itself, without a worker."
    )

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--out", required=True, metavar="DIR")
        for one in OPTIONS.values():
            add_option(parser, one)
        parser.add_argument(
            "--as", dest="person", metavar="NAME", help="the account that the snapshot is made by"
        )

    def handle(self, *args, **given):
        with self.refusals(given):
            result = self._export(given)
        if given["json"]:
            self.print_json(result)
            return
        for entry in result["files"]:
            self.stdout.write(f"{entry['rows']:>10}  {entry['path']}")
        for code, count in result["left_out"].items():
            self.stdout.write(f"{count:>10}  {_('left out')}: {sentence_of(code)}")
        for note in result["notes"]:
            values = ", ".join(f"{k} {v}" for k, v in note.items() if k != "code")
            self.stdout.write(sentence_of(note["code"]) + (f" {values}" if values else ""))

    def _export(self, given: dict) -> dict:
        project = self.project(given)
        person = self.person(given["person"])
        options = ExportOptions.of({name: given[name] for name in OPTIONS})
        job = jobs.start(
            "export", project=project, actor=person, params={"options": options.as_dict()}, send=False
        )
        result = jobs.run_now(job).result
        out = copies.copy_to(Bundle.objects.get(pk=result["bundle"]), Path(given["out"]))
        placed = {
            name: [entry | {"path": str(out / entry["path"])} for entry in result[name]]
            for name in ("files", "side_files")
        }
        return result | placed | {"manifest": str(out / result["manifest"])}
