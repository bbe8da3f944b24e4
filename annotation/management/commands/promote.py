"""manage.py promote SLUG [--rule NAME] [--json]

Puts before experts what the project's active promotion rules (or the one named, also if it is switched
off) take now. Running it again takes nothing twice. Exit status 1 when there is no such project or rule."""

from django.utils.translation import gettext as _

from annotation.models import PromotionRule
from annotation.promotion import rules as promotion
from core.commands import ProjectCommand
from core.errors import DomainError


class Command(ProjectCommand):
    help = "Put turns of end users' conversations before experts, as the promotion rules of project SLUG say."

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--rule", metavar="NAME", help="This rule only.")

    def handle(self, *args, **options):
        with self.refusals(options):
            report = self._run(options)
        if options["json"]:
            self.print_json(report)
            return
        for rule in report["rules"]:
            self.stdout.write(
                _(
                    "%(name)s: new items: %(item)d, already with the experts: %(known)d, cannot be judged: "
                    "%(refused)d"
                )
                % rule
            )
        if not report["rules"]:
            self.stdout.write(_("No rule is switched on."))

    def _run(self, options) -> dict:
        project = self.project(options)
        rule = None
        if options["rule"] is not None:
            rule = (
                PromotionRule.objects.select_related("project")
                .filter(project=project, name=options["rule"])
                .first()
            )
            if rule is None:
                raise DomainError("no_rule", _("There is no rule %(name)s.") % {"name": options["rule"]})
        return promotion.run(project, rule)
