"""manage.py import_feedback SLUG FILE [--map FIELD=COLUMN ...] [--model NAME] [--zero down|none] [--encoding
E] [--delimiter D] --json

Prints the report; every refused row is in it. Exit status 0 also with refused rows, 1 when the file as a
whole is refused."""

import json
import tempfile

from django.utils.translation import gettext as _

from core.commands import ImportCommand
from feedback.ingest.import_log import import_log


class Command(ImportCommand):
    help = (
        "Take a log of conversations and feedback into project SLUG: chat JSONL, ShareGPT, or a table "
        "with thumbs. Running it again adds nothing."
    )

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--model", default="", help="Who gave the answers, where the file does not say.")
        parser.add_argument(
            "--zero",
            choices=["down", "none"],
            default="down",
            help="What 0 means in a column of thumbs: down, or nothing.",
        )

    def handle(self, *args, **options):
        with tempfile.TemporaryFile(
            "w+", encoding="utf-8", errors="backslashreplace", prefix="import-"
        ) as refused_rows:
            with self.refusals(options):
                report = self._run(
                    options, lambda error: refused_rows.write(json.dumps(error, ensure_ascii=False) + "\n")
                )
            refused_rows.seek(0)
            (self.print_report if options["json"] else self._print)(report, refused_rows)

    def _run(self, options, refuse) -> dict:
        project, path = self.project(options), self.file(options)
        return import_log(
            project=project,
            actor=None,
            path=path,
            mapping=self.mapping(options),
            model=options["model"],
            zero=options["zero"],
            encoding=options["encoding"],
            delimiter=options["delimiter"],
            report_errors=refuse,
        )

    def _print(self, report: dict, refused_rows) -> None:
        self.stdout.write(
            _("Rows: %(read)d read, %(imported)d imported, %(duplicates)d known already, %(refused)d refused")
            % report
        )
        new = _(
            "New conversations: %(conversations)d, messages: %(messages)d, reactions: %(reactions)d, "
            "choices: %(choices)d"
        )
        self.stdout.write(new % report)
        if not report["feedback_columns"] and not report["reactions"] and not report["choices"]:
            self.stdout.write(
                _("No column of this file was recognised as feedback. To name one: --map thumb=COLUMN")
            )
        if report["not_taken"]:
            named = ", ".join(f"{column} ({rows})" for column, rows in report["not_taken"].items())
            self.stdout.write(
                _("Left out, with the number of rows that had a value: %(columns)s") % {"columns": named}
            )
        self.tell_refused(refused_rows)
