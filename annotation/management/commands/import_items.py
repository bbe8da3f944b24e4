"""manage.py import_items SLUG FILE [--map K=COL ...] [--model NAME] [--join COL] [--encoding E] [--dry-run] --json

Prints the report; every refused row is in it. Exit status 0 also with refused rows, 1 when the file as a whole is refused."""

import json
import sys
import tempfile
from pathlib import Path

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from annotation import intake
from annotation.models import SavedMapping
from core.errors import DomainError
from core.models import Project


class Command(BaseCommand):
    help = "Take a file of prompts, answers and judgements into project SLUG. Running it again adds nothing."

    def add_arguments(self, parser):
        parser.add_argument("slug")
        parser.add_argument("file")
        parser.add_argument("--map", action="append", default=[], metavar="FIELD=COLUMN", help="Our field and the file's column. Repeatable.")
        parser.add_argument("--mapping", metavar="NAME", help="Use the saved mapping NAME; --map goes before it.")
        parser.add_argument("--save-mapping", metavar="NAME", help="Keep the mapping under NAME for the next file of this shape.")
        parser.add_argument("--model", help="Who gave the answers.")
        parser.add_argument("--join", metavar="COLUMN", help="The column holding the id of the prompt: answers go to prompts known already.")
        parser.add_argument("--encoding")
        parser.add_argument("--delimiter")
        parser.add_argument("--dry-run", action="store_true", help="Count what would come in; write nothing.")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args, **options):
        with tempfile.TemporaryDirectory(prefix="import-") as folder:
            try:
                report = self._run(options, Path(folder))
            except DomainError as refused:
                self._refused(refused, as_json=options["json"])
            errors = Path(folder) / intake.ERRORS_FILE
            (self._print_json if options["json"] else self._print)(report, errors)

    def _run(self, options, folder: Path) -> dict:
        project = Project.objects.filter(slug=options["slug"]).first()
        if project is None:
            raise DomainError("no_project", _("There is no project %(slug)s.") % {"slug": options["slug"]})
        path = Path(options["file"])
        if not path.is_file():
            raise DomainError("no_file", _("There is no file %(path)s.") % {"path": path})
        mapping = {}
        if options["mapping"]:
            saved = SavedMapping.objects.filter(project=project, name=options["mapping"]).first()
            if saved is None:
                raise DomainError("no_mapping", _("There is no saved mapping %(name)s.") % {"name": options["mapping"]})
            mapping = dict(saved.mapping)
        mapping |= dict(self._pair(text) for text in options["map"])
        report = intake.import_file(
            project=project,
            actor=None,
            path=path,
            name=path.name,
            mapping=mapping,
            model=options["model"],
            join=options["join"],
            encoding=options["encoding"],
            delimiter=options["delimiter"],
            dry_run=options["dry_run"],
            folder=folder,
        )
        if options["save_mapping"] and not options["dry_run"]:
            SavedMapping.objects.update_or_create(project=project, name=options["save_mapping"][:80], defaults={"mapping": mapping})
        return report

    def _pair(self, text: str) -> tuple[str, str]:
        ours, equals, column = text.partition("=")
        if not equals or not ours:
            raise DomainError("mapping", _("%(text)s: expected FIELD=COLUMN.") % {"text": text})
        return ours, column

    def _refused(self, refused: DomainError, *, as_json: bool):
        if as_json:
            self.stdout.write(json.dumps(refused.as_dict(), ensure_ascii=False))
        else:
            self.stderr.write(str(refused.message))
        sys.exit(1)

    def _print_json(self, report: dict, errors: Path) -> None:
        """One JSON object; the refused rows are copied from the file one by one, however many there are."""
        head = {k: v for k, v in report.items() if k not in {"errors", "errors_file"}}
        self.stdout.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "errors": [', ending="")
        with open(errors, encoding="utf-8") as lines:
            for i, line in enumerate(lines):
                self.stdout.write((", " if i else "") + line.rstrip("\n"), ending="")
        self.stdout.write("]}")

    def _print(self, report: dict, errors: Path) -> None:
        if report["dry_run"]:
            self.stdout.write(_("Nothing was written; this is what would come in."))
        self.stdout.write(_("Format: %(format)s, %(encoding)s") % report)
        self.stdout.write(_("Records: %(read)d read, %(imported)d taken in, %(duplicates)d known already, %(refused)d refused") % report)
        self.stdout.write(_("New: %(items)d items, %(responses)d answers, %(annotations)d judgements") % report)
        if report["personal_data"]:
            self.stdout.write(_("Likely personal data: %(personal_data)d records") % report)
        with open(errors, encoding="utf-8") as lines:
            for line in lines:
                self.stdout.write(_("line %(line)d, %(field)s: %(reason)s") % json.loads(line))
