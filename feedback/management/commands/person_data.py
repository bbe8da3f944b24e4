"""manage.py person_data SLUG (--key ID | --member NAME | --pseudonym U-…) (--export FILE | --erase --yes)
[--json]"""

from pathlib import Path

from django.utils.translation import gettext as _

from core import erasure, jobs
from core.commands import ProjectCommand
from core.errors import DomainError
from feedback.personal_data import export as people_data


class Command(ProjectCommand):
    help = (
        "Write all that is kept of a person to a file, or erase it from every table, index, file and data "
        "set of a project."
    )

    def add_arguments(self, parser):
        super().add_arguments(parser)
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument(
            "--key", metavar="ID", help="the id that the deployment's own system sends for the person"
        )
        who.add_argument("--member", metavar="NAME", help="the name of an account")
        who.add_argument("--pseudonym", metavar="U-…", help="as pages and exports name the person")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--export", metavar="FILE")
        what.add_argument("--erase", action="store_true")
        parser.add_argument("--yes", action="store_true", help="erase without asking")

    def handle(self, *args, **given):
        with self.refusals(given):
            result = self._do(given)
        if given["json"]:
            self.print_json(result)
            return
        for table, n in result.get("counts", {}).items():
            self.stdout.write(f"{n:>10}  {table}")
        for number in result.get("withdrawn", ()):
            self.stdout.write(_("Data set %(n)s is withdrawn.") % {"n": number})
        for name in result.get("models", ()):
            self.stdout.write(_("The model %(name)s was trained on a withdrawn data set.") % {"name": name})

    def _do(self, given: dict) -> dict:
        project = self.project(given)
        way = next(w for w in people_data.WAYS if given[w] is not None)
        person = people_data.person_by(project=project, way=way, name=given[way])
        if given["export"]:
            with open(Path(given["export"]), "w", encoding="utf-8") as out:
                for piece in people_data.exported(person):
                    out.write(piece)
            return {"file": given["export"]}
        if not given["yes"]:
            erasure.find(person)
            asked = _("Erase %(n)s conversations for good? Type yes: ") % {
                "n": len(person.ids("conversations"))
            }
            if input(asked) != "yes":
                raise DomainError("not_confirmed", _("Nothing was erased."))
        params = {"end_users": person.end_users, "user": person.user.pk if person.user else None}
        return jobs.run_now(
            jobs.start("erase", project=project, actor=None, params=params, queue="heavy", send=False)
        ).result
