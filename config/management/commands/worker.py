"""A Celery worker with the periodic work in it."""

import os
import signal
import warnings
from importlib import import_module

from django.conf import settings
from django.core.management.base import BaseCommand

from config.celery import app
from config.processes import follow_parent


class Command(BaseCommand):
    help = (
        "Run a worker. `serve` starts one; teams start as many as they like (with REDIS_URL), e.g. one "
        "with --queues heavy."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser):
        parser.add_argument(
            "--queues",
            default="default,heavy",
            help="default, heavy, or both (with REDIS_URL; without it there is one queue)",
        )
        parser.add_argument(
            "--concurrency", type=int, default=2, help="jobs at once; at most one heavy one per process"
        )
        parser.add_argument("--pool", default="threads", choices=["threads", "prefork", "solo"])
        parser.add_argument("--include", action="append", default=[], help="a further module with job kinds")

    def handle(self, *args, queues, concurrency, pool, include, **options):
        follow_parent(signal.SIGTERM)
        os.environ.setdefault("CELERY_SKIP_CHECKS", "1")  # they load every URL and view, for nothing here
        for module in include:
            import_module(module)
        level = "INFO" if options["verbosity"] > 1 else "WARNING"
        # Celery warns of root because of pickled messages; ours are JSON
        warnings.filterwarnings("ignore", message="You're running the worker with superuser privileges")
        arguments = ["--quiet"] if level == "WARNING" else []
        arguments += [
            "worker",
            f"--pool={pool}",
            f"--concurrency={concurrency}",
            f"--queues={queues if settings.REDIS_URL else 'default'}",
        ]
        arguments += [f"--loglevel={level}", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        app.worker_main(arguments)
