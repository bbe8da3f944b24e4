"""A person's words go out of every data set that a recipe made, other projects' included; it is made again
without them."""

import json

import pytest

from core import jobs
from core.models import Job
from tests import cast
from tests.feedback.personal_data.test_erasure import SECRET, command, house, places_of
from tests.training_export.recipes.filled import recipe
from training_export.bundles.make import form_named, make_bundle, options_for
from training_export.models import Snapshot, StepValue
from training_export.publish.snapshot_files import folder_of_snapshot
from training_export.recipes.make import make_snapshot

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["house"]
WORDS = {"kinds": ["sft", "preference", "binary"], "sources": [{"include": ["thumbs", "corrections"]}]}


def texts_of(snapshot: Snapshot) -> str:
    files = folder_of_snapshot(snapshot).rglob("*")
    return "".join(p.read_bytes().decode(errors="ignore") for p in files if p.is_file())


def test_a_data_set_is_purged_and_made_again_without_the_person(house):
    project = house["project"]
    other = cast.make_project("elsewhere")
    mine = make_snapshot(project=project, actor=None, version=recipe(project, **WORDS))
    theirs = make_snapshot(
        project=other,
        actor=None,
        version=recipe(other, kinds=["sft"], sources=[{"project": "ward"}]),
    )
    form = form_named("trl-sft")
    bundle = make_bundle(snapshot=mine, actor=None, form=form, options=options_for(form, {}))
    StepValue.objects.create(project=project, name=b"n" * 16, key=b"k" * 16, value=b"v")
    assert places_of(SECRET)
    told = command("ward", "--key", "ann", "--erase", "--yes")
    assert mine.number in told["withdrawn"]
    for closed in (mine, theirs, bundle):
        closed.refresh_from_db()
        assert closed.withdrawn_at is not None
    assert not folder_of_snapshot(mine).exists() and not folder_of_snapshot(theirs).exists()
    assert mine.manifest["counts"] and SECRET not in json.dumps(mine.manifest)
    assert not StepValue.objects.exists() and places_of(SECRET) == []
    for job in Job.objects.filter(kind="snapshot").order_by("pk"):
        jobs.run_now(job)
    successor = Snapshot.objects.get(successor_of=mine)
    assert successor.number > mine.number and successor.withdrawn_at is None
    assert sum(successor.counts.values()) < sum(mine.counts.values())
    assert "Zuzanna" not in texts_of(successor) and places_of(SECRET) == []
