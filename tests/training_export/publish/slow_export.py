"""Makes an export slow enough to be killed in its middle, and large enough for a second process: imported by
a test's worker (`--include`)."""

import time

from training_export.collect import examples
from training_export.publish import checking

_examples_of = examples.examples_of


def _slowly(*args):
    time.sleep(0.2)
    return _examples_of(*args)


examples.examples_of = _slowly
checking.MANY = 0
checking._processors = lambda: 2
