"""manage.py diff_snapshots SLUG A B [--json]: what is different between two data sets."""

from core.commands import ProjectCommand
from training_export.publish.snapshot_files import snapshot_or_refused
from training_export.recipes.diff import difference


class Command(ProjectCommand):
    help = "Compare two data sets that recipes made: rows in, out, changed and flipped, with reasons."

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("earlier", type=int)
        parser.add_argument("later", type=int)

    def handle(self, *args, **given):
        with self.refusals(given):
            project = self.project(given)
            earlier = snapshot_or_refused(project, given["earlier"])
            found = difference(earlier, snapshot_or_refused(project, given["later"])).as_dict()
        if given["json"]:
            self.print_json(found)
            return
        reasons = found.pop("by_reason")
        for name, count in (found | reasons).items():
            self.stdout.write(f"{count:>10}  {name}")
