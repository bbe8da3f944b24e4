"""The OpenAPI document turned on the API itself: what schemathesis makes of it, valid and not, with a key of
each role, is never answered with a crash.

Bounded: a few examples each, the same ones every time. test_hostile_input.py goes deeper into single
values."""

import json
from urllib.parse import quote, urlencode

import pytest
import schemathesis
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.core import NOT_SET

from core.api.auth import new_key
from tests.core.pages.test_role_matrix import house  # noqa: F401 - a fixture

EXAMPLES = 8
REAL = {"slug": "clinic", "number": 1}  # so that more than 404 is met


@pytest.fixture
def schema(house):  # noqa: F811
    return schemathesis.openapi.from_dict(Client().get("/api/schema/?format=json").json())


@pytest.mark.parametrize("role", ["annotator", "manager"])
def test_no_operation_crashes(house, schema, role):  # noqa: F811
    project, people, ids, _given = house
    _row, key = new_key(user=people[role], project=project, role=role)
    client, crashed, asked, answers = Client(raise_request_exception=False), [], {}, set()

    def ask(case):
        known = REAL | {"id": ids["api"] if "/assignments/" in case.path else ids["job"]}
        # Every other time an existing row, else what was made up.
        asked[case.path] = asked.get(case.path, 0) + 1
        if asked[case.path] % 2 and case.path_parameters:
            case.path_parameters = {k: known.get(k, v) for k, v in case.path_parameters.items()}
        body = (
            case.body
            if isinstance(case.body, bytes | str)
            else json.dumps(case.body)
            if case.body is not NOT_SET
            else ""
        )
        path = (
            quote(case.formatted_path, safe="/%")
            + "?"
            + urlencode(dict(case.query or {}), doseq=True, errors="replace")
        )
        with transaction.atomic():
            response = client.generic(
                case.method,
                path,
                body,
                content_type="application/json",
                headers={"Authorization": f"Bearer {key}"},
            )
            response.close()
            transaction.set_rollback(True)
        answers.add(response.status_code)
        if response.status_code >= 500:
            crashed.append(
                (
                    case.method,
                    case.formatted_path[:200],
                    str(case.query)[:200],
                    str(case.body)[:300],
                    response.status_code,
                )
            )

    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path == "/api/schema/":
            continue
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            if mode == GenerationMode.NEGATIVE and not operation.body and not operation.query:
                continue
            bounded = settings(
                max_examples=EXAMPLES,
                database=None,
                deadline=None,
                derandomize=True,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            bounded(given(case=operation.as_strategy(generation_mode=mode))(lambda case: ask(case)))()
    assert crashed == [], "\n".join(map(str, crashed))
    assert len(asked) > 15 and {200, 400, 404} <= answers
