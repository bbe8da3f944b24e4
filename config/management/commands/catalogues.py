"""Message catalogues: compile, update, check."""

import sys

from django.conf import settings
from django.core.management.base import BaseCommand

from core import catalogues


class Command(BaseCommand):
    help = (
        "Compile the message catalogues; --update brings the .po in line with the code, --check lists "
        "what is missing."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser):
        parser.add_argument("--update", action="store_true")
        parser.add_argument("--check", action="store_true")

    def handle(self, *args, update, check, **options):
        if update:
            counts = catalogues.update(settings.BASE_DIR)
            self.stdout.write(" · ".join(f"{name} {n}" for name, n in counts.items()))
        if check:
            found = catalogues.problems(settings.BASE_DIR) + catalogues.untranslatable(settings.BASE_DIR)
            for line in found:
                self.stdout.write(line)
            sys.exit(1 if found else 0)
        for path in catalogues.compile_stale(settings.BASE_DIR / "locale"):
            self.stdout.write(f"compiled {path.relative_to(settings.BASE_DIR)}")
