"""The one Celery task, everything else being in the Job row; and the periodic work of this room."""

from celery import shared_task

from core import jobs
from core.accounts import sessions


@shared_task(name="core.run_job", ignore_result=True)
def run_job(job_pk: int) -> None:
    jobs.run_queued(job_pk)


@jobs.periodic("expired sessions", 6 * 3600)
def clear_expired_sessions() -> None:
    """Sign-ins that ran out are rows nobody reads again."""
    sessions.clear_expired()
