"""The web server of this folder's browser tests may reach a model server that behaves well or badly, as the
model's name says."""

import pytest

from tests import processes
from tests.browser import Site
from tests.inference import faulty


@pytest.fixture(scope="session")
def upstream():
    """The model server (tests/inference/faulty.py)."""
    with faulty.serve() as server:
        yield server


@pytest.fixture(scope="session")
def _web_server(upstream, django_db_setup, django_db_blocker, tmp_path_factory):
    log = tmp_path_factory.mktemp("web") / "web.log"
    with (
        django_db_blocker.unblock(),
        processes.web(log=log, ENDPOINT_HOSTS=f"127.0.0.1:{upstream.port}") as (_process, url),
    ):
        yield Site(url, log)
