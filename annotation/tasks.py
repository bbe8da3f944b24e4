"""Job kinds and periodic work of this room, found by core.jobs on first use."""

from annotation import (
    import_jobs,  # noqa: F401  - registers "import"
    queue,
)
from core import jobs


@jobs.periodic("expire leases", 30)
def expire_leases() -> int:
    """Free the places of leases that ran out, in every project."""
    return queue.expire()
