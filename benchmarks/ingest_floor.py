"""Settings of the house with one URL more, for bench_ingest.py."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.ingest_floor_urls"
INGEST_ROWS_PER_MINUTE = 10**7
