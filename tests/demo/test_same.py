"""One seed makes one demo, whatever day it is."""

from datetime import date, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from config import demo_content
from core.web import limits
from tests.demo import digest
from tests.demo.conftest import PASSWORDS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def practice(settings):
    settings.PRACTICE_ADDRESS = "127.0.0.1:9"


def make(today: date, seed: object = 7) -> dict:
    """A demo made as if it were that day, as the digest's rows; nothing of it stays."""
    limits.clear()
    with transaction.atomic():
        demo_content.create_demo(passwords=PASSWORDS, today=today, seed=seed)
        found = digest.rows(today)
        transaction.set_rollback(True)
    return found


def test_one_seed_makes_one_demo_whatever_day_it_is():
    today = timezone.now().date()
    first, again, earlier = make(today), make(today), make(today - timedelta(days=37))
    assert first["annotation.AnnotationVersion"]
    for table, rows in first.items():
        assert again[table] == rows, table
        assert earlier[table] == rows, f"{table}, made on another day"
    other = make(today, seed=8)
    assert first["annotation.AnnotationVersion"] != other["annotation.AnnotationVersion"]
