"""manage.py import_feedback SLUG FILE [--map FIELD=COLUMN ...] [--model NAME] [--zero down|none] [--encoding E] [--delimiter D] --json

Prints the report; every refused row is in it. Exit status 0 also with refused rows, 1 when the file as a whole is refused."""

import json
import sys
import tempfile
from pathlib import Path

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from core.errors import DomainError
from core.models import Project
from feedback.import_feedback import import_log


class Command(BaseCommand):
    help = "Take a log of conversations and feedback into project SLUG: chat JSONL, ShareGPT, or a table with thumbs. Running it again adds nothing."

    def add_arguments(self, parser):
        parser.add_argument("slug")
        parser.add_argument("file")
        parser.add_argument("--map", action="append", default=[], metavar="FIELD=COLUMN", help="Our field and the file's column. Repeatable.")
        parser.add_argument("--model", default="", help="Who gave the answers, where the file does not say.")
        parser.add_argument("--zero", choices=["down", "none"], default="down", help="What 0 means in a column of thumbs: down, or nothing.")
        parser.add_argument("--encoding")
        parser.add_argument("--delimiter")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args, **options):
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="backslashreplace", prefix="import-") as refused_rows:
            try:
                report = self._run(options, lambda error: refused_rows.write(json.dumps(error, ensure_ascii=False) + "\n"))
            except DomainError as refused:
                if options["json"]:
                    self.stdout.write(json.dumps(refused.as_dict(), ensure_ascii=False))
                else:
                    self.stderr.write(str(refused.message))
                sys.exit(1)
            refused_rows.seek(0)
            (self._print_json if options["json"] else self._print)(report, refused_rows)

    def _run(self, options, refuse) -> dict:
        project = Project.objects.filter(slug=options["slug"]).first()
        if project is None:
            raise DomainError("no_project", _("There is no project %(slug)s.") % {"slug": options["slug"]})
        path = Path(options["file"])
        if not path.is_file():
            raise DomainError("no_file", _("There is no file %(path)s.") % {"path": path})
        return import_log(
            project=project,
            actor=None,
            path=path,
            mapping=dict(self._pair(text) for text in options["map"]),
            model=options["model"],
            zero=options["zero"],
            encoding=options["encoding"],
            delimiter=options["delimiter"],
            report_errors=refuse,
        )

    def _pair(self, text: str) -> tuple[str, str]:
        ours, equals, column = text.partition("=")
        if not equals or not ours:
            raise DomainError("mapping", _("%(text)s: expected FIELD=COLUMN.") % {"text": text})
        return ours, column

    def _print_json(self, report: dict, refused_rows) -> None:
        """One JSON object; the refused rows are copied from the file one by one, however many there are."""
        head = {k: v for k, v in report.items() if k != "errors"}
        self.stdout.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "errors": [', ending="")
        for i, line in enumerate(refused_rows):
            self.stdout.write((", " if i else "") + line.rstrip("\n"), ending="")
        self.stdout.write("]}")

    def _print(self, report: dict, refused_rows) -> None:
        self.stdout.write(_("Rows: %(read)d read, %(imported)d taken in, %(duplicates)d known already, %(refused)d refused") % report)
        new = _("New: %(conversations)d conversations, %(messages)d messages, %(reactions)d reactions, %(choices)d choices")
        self.stdout.write(new % report)
        for line in refused_rows:
            self.stdout.write(_("line %(line)d, %(field)s: %(reason)s") % json.loads(line))
