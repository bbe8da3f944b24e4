"""manage.py make_snapshot SLUG RECIPE [--as-of EVENT] [--recipe-version N] [--json]"""

from core import jobs
from core.commands import ProjectCommand
from training_export.collect.consistent_read import check_event
from training_export.reasons import sentence_of
from training_export.recipes.actions import version_of
from training_export.steps import STEPS


class Command(ProjectCommand):
    help = "Make the next numbered data set of a project by one of its recipes. Runs to the end itself."

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("recipe")
        parser.add_argument(
            "--recipe-version", type=int, dest="number", help="of the recipe; by default the newest"
        )
        parser.add_argument("--as-of", type=int, metavar="EVENT", help="read as it stood at this Event")

    def handle(self, *args, **given):
        with self.refusals(given):
            project = self.project(given)
            version = version_of(project, given["recipe"], given["number"])
            check_event(given["as_of"])
            params = {"version": version.pk, "as_of": given["as_of"]}
            job = jobs.start("snapshot", project=project, actor=None, params=params, send=False)
            result = jobs.run_now(job).result
        if given["json"]:
            self.print_json(result)
            return
        for kind, count in result["counts"].items():
            self.stdout.write(f"{count:>10}  {kind}")
        for step, reasons in result["dropped"].items():
            for reason, count in reasons.items():
                told = STEPS[step].reasons[reason] if step in STEPS else sentence_of(reason)
                self.stdout.write(f"{count:>10}  {step}: {told}")
        for code, count in result["left_out"].items():
            self.stdout.write(f"{count:>10}  {sentence_of(code)}")
        self.stdout.write(result["folder"])
