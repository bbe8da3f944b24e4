"""A project and its signed-in manager, for tests that say nothing else of them."""

import pytest

from tests import cast


@pytest.fixture
def project():
    return cast.make_project()


@pytest.fixture
def manager(client, project):
    user = cast.make_member(project, "manager")
    client.force_login(user)
    return user
