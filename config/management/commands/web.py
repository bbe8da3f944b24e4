"""The web server alone."""

import os
import sys
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand

from config.processes import follow_parent


class Command(BaseCommand):
    help = "Run the web server alone (`serve` runs it with migrations and a worker)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser):
        parser.add_argument("--host", default=settings.HOST)
        parser.add_argument("--port", type=int, default=settings.PORT)
        parser.add_argument("--workers", type=int, default=settings.WEB_WORKERS)

    def handle(self, *args, host, port, workers, **options):
        follow_parent()
        # Become the server: this process has loaded all of Django for nothing, and the server's own is small.
        granian = str(Path(sys.executable).with_name("granian"))
        arguments = ["--interface=wsgi", f"--host={host}", f"--port={port}", f"--workers={workers}", f"--blocking-threads={settings.WEB_THREADS}"]
        arguments += ["--backlog=1024", "--backpressure=512", "--no-ws", "--http=1", "--log-level=warning", "--workers-kill-timeout=5"]
        arguments += ["--respawn-failed-workers", "config.wsgi:application"]
        sys.stdout.flush()
        os.execv(granian, [granian, *arguments])  # noqa: S606
