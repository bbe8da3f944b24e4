"""Job kinds and periodic work of this room, found by core.jobs on first use."""

from django.urls import reverse
from django.utils.translation import gettext_lazy

from annotation.imports import jobs as import_jobs  # noqa: F401  - registers "import"
from annotation.items import words
from annotation.models import PromotionRule
from annotation.promotion import rules as promotion
from annotation.results import digest
from annotation.work import queue
from core import jobs
from core.models import Job


@jobs.periodic("expire leases", 30)
def expire_leases() -> int:
    """Free the places of leases that ran out, in every project."""
    return queue.expire()


def _promotions(job: Job) -> str:
    return reverse("promotion", args=[job.project.slug])


@jobs.job_kind("promotion", label=gettext_lazy("From feedback to experts"), result_url=_promotions)
def promote(job: Job, ctl) -> dict:
    """Run one rule (`params["rule"]`) or every active one. Result: the report of `promotion.run`."""
    rule = None
    if job.params.get("rule") is not None:
        rule = (
            PromotionRule.objects.select_related("project")
            .filter(project=job.project, pk=job.params["rule"])
            .first()
        )
        if rule is None:  # removed since
            return {"item": 0, "known": 0, "refused": 0, "rules": []}
    return promotion.run(job.project, rule, actor=job.created_by, ctl=ctl)


@jobs.periodic("promotion", 60)
def promote_due() -> int:
    """What fell under an active rule since the last look."""
    return promotion.run_due()


@jobs.periodic("read judgements", 60)
def read_judgements() -> int:
    """What judgements say, as rows that results and lists of items are counted from."""
    return digest.catch_up_all()


@jobs.periodic("take down words", 60)
def take_down_words() -> int:
    """The words of new items, for the search."""
    return words.catch_up_all()
