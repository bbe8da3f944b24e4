"""Recipes over HTTP: a key opens its own project only."""

import pytest
from rest_framework.test import APIClient

from core.api import auth
from tests import cast
from tests.training_export.recipes.filled import filled, recipe
from training_export.models import RecipeVersion

pytestmark = pytest.mark.django_db
BOTH = {"kinds": ["preference"], "sources": [{}, {"project": "theirs"}]}


@pytest.fixture
def client_and_key():
    mine, theirs = filled(2, slug="mine"), filled(2, slug="theirs")
    lead = cast.make_member(mine, "manager")
    cast.make_member(theirs, "manager", user=lead)
    return mine, lead


def test_a_person_may_take_rows_of_all_projects_they_manage_a_key_of_its_own(client_and_key):
    mine, lead = client_and_key
    person = APIClient()
    person.force_login(lead)
    asked = {"name": "both", "document": BOTH}
    address = "/api/v1/projects/mine/"
    assert person.post(f"{address}recipes/", asked, format="json").status_code == 201
    assert person.post(f"{address}recipes/", asked, format="json").status_code == 200
    _row, key = auth.new_key(user=lead, project=mine, role="manager")
    by_key = APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")
    refused = by_key.post(f"{address}recipes/", asked | {"name": "mine-now"}, format="json")
    assert refused.status_code == 400 and refused.json()["error"]["code"] == "no_project"
    refused = by_key.post(f"{address}snapshots/", {"recipe": "both"}, format="json")
    assert refused.status_code == 400 and refused.json()["error"]["field"] == "sources[1].project"
    assert RecipeVersion.objects.count() == 1
    recipe(mine, name="own")
    assert by_key.post(f"{address}snapshots/", {"recipe": "own"}, format="json").status_code == 202
