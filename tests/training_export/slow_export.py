"""Makes an export slow enough to be killed in its middle: imported by a test's worker (`--include`)."""

import time

from training_export import snapshots

_examples_of = snapshots.examples_of


def _slowly(*args):
    time.sleep(0.2)
    return _examples_of(*args)


snapshots.examples_of = _slowly
