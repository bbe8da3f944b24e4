"""What is configured, reachable, missing."""

import json
import sys

from django.core.management.base import BaseCommand

from config import health
from core import registry

SIGNS = {"ok": "✓", "warning": "!", "error": "✗"}


class Command(BaseCommand):
    help = (
        "Say what is configured, reachable and missing. Exit status 1 when something is in error; "
        "warnings do not count."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser):
        parser.add_argument(
            "--json",
            action="store_true",
            help='{"findings": [{"check", "level", "message"}], "errors": n, "warnings": n}',
        )

    def handle(self, *args, **options):
        findings: list[dict[str, str]] = []
        for name, check in {**health.CHECKS, **registry.checks()}.items():
            failed = {f["check"] for f in findings if f["level"] == "error"}
            if "database" in failed and name in health.NEED_DATABASE:
                continue
            if failed & {"database", "migrations"} and name not in health.CHECKS:  # they read tables
                continue
            try:
                for level, message in check():
                    findings.append({"check": name, "level": level, "message": str(message)})
            except Exception as exc:  # a check that breaks is a finding, not the end of the others
                findings.append(
                    {"check": name, "level": "error", "message": f"{type(exc).__name__}: {exc}"[:300]}
                )
        counts = {level: sum(f["level"] == level for f in findings) for level in SIGNS}
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {"findings": findings, "errors": counts["error"], "warnings": counts["warning"]},
                    ensure_ascii=False,
                )
            )
        else:
            style = {"ok": str, "warning": self.style.WARNING, "error": self.style.ERROR}
            for f in findings:
                self.stdout.write(style[f["level"]](f"{SIGNS[f['level']]} {f['check']:<10} {f['message']}"))
        sys.exit(1 if counts["error"] else 0)
