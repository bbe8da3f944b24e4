"""manage.py export_dataset SLUG --format F --out DIR [options] [--json]: build a snapshot and put a copy of its files in DIR."""

from pathlib import Path

from django.utils.translation import gettext as _

from core import jobs
from core.commands import ProjectCommand
from core.errors import DomainError
from core.models import User
from training_export.formats import FORMATS
from training_export.models import Bundle
from training_export.options import INCLUDE, ExportOptions, choices_of
from training_export.publish import snapshots

FLAGS = {
    "sft_top": "top-ranked answers are answers to learn, too",
    "binary_from_ratings": "overall rating 4 or 5 is good, 1 or 2 is bad",
    "all_corrections": "learn from every correction of a prompt, not from one",
    "cut_rejected": "answers that were cut off may be the worse side of a pair, or bad ones",
    "allow_template_tokens": "keep rows whose text holds a chat template's control tokens",
}
NUMBERS = {
    "max_pairs": "at most N pairs a prompt, drawn by seed (0: no limit)",
    "seed": "for splits and draws",
    "thumbs_per_user": "at most N thumbs of one end user (default 50; 0: no limit)",
    "as_of": "read the project as it stood at this Event",
}


class Command(ProjectCommand):
    help = "Build a numbered data set of a project and put a copy of its files in a folder. Runs to the end itself, without a worker."

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--format", required=True, choices=list(FORMATS))
        parser.add_argument("--out", required=True, metavar="DIR")
        for name, choices in choices_of().items():
            parser.add_argument("--" + name.replace("_", "-"), choices=choices)
        for name, text in NUMBERS.items():
            parser.add_argument("--" + name.replace("_", "-"), type=int, metavar="N", help=text)
        for name, text in FLAGS.items():
            parser.add_argument("--" + name.replace("_", "-"), action="store_true", default=None, help=text)
        parser.add_argument("--without-imported", dest="include_imported", action="store_false", default=None, help="leave out judgements found in files")
        parser.add_argument("--split", metavar="T,V,E", help="shares of train, validation and test, such as 80,10,10")
        parser.add_argument("--include", metavar="WHAT,…", help="of end users' words, as they are: " + ", ".join(INCLUDE))
        parser.add_argument("--thumbs-balance", metavar="GOOD:BAD", help="thin the thumbs to this proportion, such as 1:1")
        parser.add_argument("--alpha", type=float, help="regularisation of --margin bt")
        parser.add_argument("--name", help="prefix of data set names (LLaMA-Factory)")
        parser.add_argument("--as", dest="person", metavar="NAME", help="the account that the snapshot is made by")

    def handle(self, *args, **given):
        with self.refusals(given):
            result = self._export(given)
        if given["json"]:
            self.print_json(result)
            return
        for entry in result["files"]:
            self.stdout.write(f"{entry['rows']:>10}  {entry['path']}")
        for code, count in result["left_out"].items():
            self.stdout.write(f"{count:>10}  {_('left out')}: {snapshots.sentence_of(code)}")
        for note in result["notes"]:
            values = ", ".join(f"{k} {v}" for k, v in note.items() if k != "code")
            self.stdout.write(snapshots.sentence_of(note["code"]) + (f" {values}" if values else ""))

    def _export(self, given: dict) -> dict:
        project = self.project(given)
        person = None
        if given["person"]:
            person = User.objects.filter(username=given["person"]).first()
            if person is None:
                raise DomainError("not_found", _("There is no account named %(name)s.") % {"name": given["person"]}, field="as")
        names = ["format", *choices_of(), *NUMBERS, *FLAGS, "include_imported", "split", "include", "thumbs_balance", "alpha", "name"]
        options = ExportOptions.of({name: given[name] for name in names})
        job = jobs.start("export", project=project, actor=person, params={"options": options.as_dict()}, send=False)
        result = jobs.run_now(job).result
        out = snapshots.copy_to(Bundle.objects.get(pk=result["bundle"]), Path(given["out"]))
        placed = {name: [entry | {"path": str(out / entry["path"])} for entry in result[name]] for name in ("files", "side_files")}
        return result | placed | {"manifest": str(out / result["manifest"])}
