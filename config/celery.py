"""The Celery application. The web process imports it only when it first has a job to send."""

import os

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("touchstone", include=["core.tasks"])
app.config_from_object("django.conf:settings", namespace="CELERY")


def send(pk: int, queue: str) -> None:
    """Wake a worker for the job (core.jobs finds this function through settings.JOB_SENDER)."""
    from django.conf import settings

    app.send_task("core.run_job", args=[pk], queue=queue if settings.REDIS_URL else "default", retry=False)


@signals.worker_ready.connect
def _begin(**kwargs) -> None:
    from core import job_beat

    job_beat.begin()


@signals.worker_shutting_down.connect
def _end(**kwargs) -> None:
    from core import job_beat, job_control

    job_control.stop_runs()
    job_beat.end()
