"""manage.py promote SLUG [--rule NAME] [--json]

Puts before experts what the project's active promotion rules (or the one named, also if it is switched off) take now. Running it again takes
nothing twice. Exit status 1 when there is no such project or rule."""

import json
import sys

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from annotation import promotion
from annotation.models import PromotionRule
from core.errors import DomainError
from core.models import Project


class Command(BaseCommand):
    help = "Put turns of end users' conversations before experts, as the promotion rules of project SLUG say."

    def add_arguments(self, parser):
        parser.add_argument("slug")
        parser.add_argument("--rule", metavar="NAME", help="This rule only.")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args, **options):
        try:
            report = self._run(options)
        except DomainError as refused:
            if options["json"]:
                self.stdout.write(json.dumps(refused.as_dict(), ensure_ascii=False))
            else:
                self.stderr.write(str(refused.message))
            sys.exit(1)
        if options["json"]:
            self.stdout.write(json.dumps(report, ensure_ascii=False))
            return
        for rule in report["rules"]:
            self.stdout.write(_("%(name)s: %(item)d new items, %(known)d already before experts, %(refused)d cannot be judged") % rule)
        if not report["rules"]:
            self.stdout.write(_("No rule is switched on."))

    def _run(self, options) -> dict:
        project = Project.objects.filter(slug=options["slug"]).first()
        if project is None:
            raise DomainError("no_project", _("There is no project %(slug)s.") % {"slug": options["slug"]})
        rule = None
        if options["rule"] is not None:
            rule = PromotionRule.objects.select_related("project").filter(project=project, name=options["rule"]).first()
            if rule is None:
                raise DomainError("no_rule", _("There is no rule %(name)s.") % {"name": options["rule"]})
        return promotion.run(project, rule)
