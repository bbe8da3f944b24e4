"""manage.py sign_off SLUG N --note T [--as NAME] [--json]: somebody answers for a data set."""

from django.utils.translation import gettext as _

from core.commands import ProjectCommand
from training_export.publish.snapshot_files import snapshot_or_refused
from training_export.recipes.standing import sign_off


class Command(ProjectCommand):
    help = "Sign a data set off: somebody answers for it."

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("number", type=int)
        parser.add_argument("--note", required=True)
        parser.add_argument("--as", dest="person", metavar="NAME", help="the account that answers for it")

    def handle(self, *args, **given):
        with self.refusals(given):
            snapshot = snapshot_or_refused(self.project(given), given["number"])
            person = self.person(given["person"])
            made = sign_off(snapshot=snapshot, actor=person, note=given["note"])
        said = {
            "number": snapshot.number,
            "person": person.username if person else None,
            "at": made.created_at.isoformat(),
        }
        if given["json"]:
            self.print_json(said)
        else:
            self.stdout.write(_("Data set %(number)s is signed off.") % said)
