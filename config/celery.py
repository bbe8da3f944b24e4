"""The Celery application. The web process imports it only when it first has a job to send."""

import os

from celery import Celery, signals
from django.conf import settings
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
TRANSPORT_ALIASES["filesystem"] = "config.broker:Transport"
app = Celery("touchstone", include=["core.tasks"])
app.config_from_object("django.conf:settings", namespace="CELERY")

if not settings.REDIS_URL:
    for folder in ("messages", "control"):
        (settings.DATA_DIR / "broker" / folder).mkdir(parents=True, exist_ok=True)


def send(pk: int, queue: str) -> None:
    """Wake a worker for the job (core.jobs finds this function through settings.JOB_SENDER)."""
    app.send_task("core.run_job", args=[pk], queue=queue if settings.REDIS_URL else "default", retry=False)


@signals.worker_ready.connect
def _begin(**kwargs) -> None:
    from core.jobs import beat

    beat.begin()


@signals.worker_shutting_down.connect
def _end(**kwargs) -> None:
    from core.jobs import beat, control

    control.stop_runs()
    beat.end()
