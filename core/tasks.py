"""The one Celery task: everything else is in the Job row."""

from celery import shared_task

from core import jobs


@shared_task(name="core.run_job", ignore_result=True)
def run_job(job_pk: int) -> None:
    jobs.run_queued(job_pk)
