"""The list of first steps: what is open, each with its way there; gone when done."""

import re

import pytest
from django.core.cache import cache

from annotation.models import BenchSettings
from annotation.projects import actions as projects
from annotation.projects import checklist
from annotation.work import queue, submit
from core.models import Member
from tests import cast as rows
from training_export.models import Snapshot

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_figures():
    cache.clear()


@pytest.fixture
def lead(client):
    user = rows.make_user("lead", is_superuser=True)
    client.force_login(user)
    return user


def steps(client, page="/p/ward/") -> list[str]:
    """The addresses that the list's open steps lead to."""
    html = client.get(page).content.decode()
    found = re.search(r'<section class="section card checklist".*?</section>', html, re.S)
    return re.findall(r'<li><a href="([^"]+)"', found[0]) if found else []


def judge(project, user):
    work = queue.claim(project=project, user=user)
    submit.submit(
        user=user, pk=work.pk, given={"ranking": [["A"], ["B"]], "acceptable": 1}, client_key=f"k{work.pk}"
    )


def test_each_step_goes_when_it_is_done(client, lead):
    project = projects.create(actor=lead, slug="ward", title="Ward", kind="ranking")
    base = "/p/ward"
    all_of_them = [
        f"{base}/import/",
        f"{base}/guidelines/?edit",
        f"{base}/members/",
        f"{base}/bench/",
        f"{base}/bench/",
        f"{base}/exports/",
    ]
    assert steps(client) == all_of_them
    assert all(client.get(address).status_code == 200 for address in all_of_them)
    for _n in range(2):
        rows.make_item(project)
    cache.clear()
    assert steps(client) == all_of_them[1:]
    projects.save_guidelines(project=project, actor=lead, text="Be exact.")
    assert steps(client) == all_of_them[2:]
    bob = rows.make_member(project, "annotator", rows.make_user("bob"))
    assert steps(client) == all_of_them[3:]
    judge(project, bob)
    assert steps(client) == all_of_them[4:]  # somebody has begun
    judge(project, lead)
    assert steps(client) == all_of_them[5:]
    Snapshot.objects.create(project=project, number=1, as_of=0, content_sha256="")
    assert steps(client) == []


def test_nobody_needs_to_try_one_when_the_work_is_under_way(client, lead):
    project = projects.create(actor=lead, slug="ward", title="Ward", kind="ranking")
    rows.make_item(project)
    judge(project, rows.make_member(project, "annotator", rows.make_user("bob")))
    for _n in range(checklist.UNDER_WAY - 2):
        rows.make_item(project, state="settled")
    assert "/p/ward/bench/" in steps(client)
    rows.make_item(project, state="done")
    assert "/p/ward/bench/" not in steps(client)


def test_it_can_be_put_away(client, lead):
    project = projects.create(actor=lead, slug="ward", title="Ward", kind="ranking")
    assert client.post("/p/ward/checklist/close/").status_code == 302
    assert BenchSettings.objects.get(project=project).checklist_closed
    page = client.get("/p/ward/").content.decode()
    assert steps(client) == [] and "No items yet" in page  # the empty project still says what to do


def test_only_for_managers(client, lead):
    project = projects.create(actor=lead, slug="ward", title="Ward", kind="ranking")
    client.force_login(rows.make_member(project, "reviewer", rows.make_user("dan")))
    assert steps(client) == [] and client.post("/p/ward/checklist/close/").status_code == 403
    assert Member.objects.filter(project=project).count() == 2


def test_costs_a_handful_of_queries(client, lead, django_assert_max_num_queries):
    projects.create(actor=lead, slug="ward", title="Ward", kind="ranking")
    client.get("/p/ward/")
    with django_assert_max_num_queries(14):
        client.get("/p/ward/")
