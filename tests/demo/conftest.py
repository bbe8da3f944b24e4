"""One demo for all tests that look at it: making it is the slow part."""

import pytest
from django.db import transaction
from django.test import override_settings

from config import demo_content
from core.models import Project
from core.web import limits

PASSWORDS = {name: f"demo-{name}" for name in demo_content.PEOPLE}


@pytest.fixture(scope="module")
def _made(django_db_setup, django_db_blocker):
    with (
        django_db_blocker.unblock(),
        override_settings(PRACTICE_ADDRESS="127.0.0.1:9"),
        transaction.atomic(),
    ):
        limits.clear()
        demo_content.create_demo(passwords=PASSWORDS)
        yield
        transaction.set_rollback(True)


@pytest.fixture
def demo(_made, db, settings):
    """{last word of the address: project} of the demo's projects, with their history."""
    settings.PRACTICE_ADDRESS = "127.0.0.1:9"
    found = {p.slug.removeprefix("demo-"): p for p in Project.objects.filter(demo=True)}
    assert set(found) == {"ranking", "qa", "demonstration", "chat"}
    return found
