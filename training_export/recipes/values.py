"""What curation steps computed of texts, kept in the database: the next run computes what is new."""

import hashlib
from collections.abc import Mapping, Sequence

from core.models import Project
from training_export.models import StepValue
from training_export.steps.base import Cache

AT_ONCE = 500  # keys of one query: SQLite takes some thousand parameters


class StoredValues(Cache):
    """The values of one project's texts."""

    def __init__(self, project: Project):
        self._project = project

    def get(self, name: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """What is known of `keys` under `name`."""
        found: dict[bytes, bytes] = {}
        for start in range(0, len(keys), AT_ONCE):
            rows = StepValue.objects.filter(
                project=self._project, name=_digest(name), key__in=keys[start : start + AT_ONCE]
            )
            found.update((bytes(key), bytes(value)) for key, value in rows.values_list("key", "value"))
        return found

    def put(self, name: str, values: Mapping[bytes, bytes]) -> None:
        """Keep `values`; what another run has put there meanwhile is the same."""
        digest = _digest(name)
        rows = (StepValue(project=self._project, name=digest, key=k, value=v) for k, v in values.items())
        StepValue.objects.bulk_create(rows, batch_size=AT_ONCE, ignore_conflicts=True)


def _digest(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=16).digest()
