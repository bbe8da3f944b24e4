"""The job's page, its moving part, and its API: who sees what."""

import pytest
from django.urls import reverse

from core import jobs
from core.api.auth import new_key
from core.models import Job, Member
from tests.cast import make_member, make_project, make_user


@jobs.job_kind("test.page", label="Counting", result_url=lambda job: f"/result/{job.pk}/")
def _nothing(job, ctl):
    return {}


@pytest.fixture
def project(db):
    return make_project("p")


@pytest.fixture
def owner(project):
    return make_member(project, "annotator")


@pytest.fixture
def job(project, owner):
    return jobs.start("test.page", project=project, actor=owner)


def page(client, user, job, query=""):
    client.force_login(user)
    return client.get(reverse("job", args=["p", job.pk]) + query)


def test_roles(client, project, owner, job):
    api = reverse("api_job", args=[job.pk])
    expected = {
        owner: 200,
        make_member(project, "manager"): 200,
        make_member(project, "reviewer"): 404,
        make_member(project, "annotator"): 404,
        make_member(make_project("other"), "manager"): 404,
        make_user(is_superuser=True): 200,
    }
    for user, status in expected.items():
        assert page(client, user, job).status_code == status
        assert client.get(api).status_code == status
    client.logout()
    assert client.get(api).status_code == 401
    assert page(client, owner, job).status_code == 200
    Member.objects.filter(user=owner).delete()
    assert page(client, owner, job).status_code == 404 and client.get(api).status_code == 404


def test_a_key_sees_its_projects_jobs_only_and_others_only_as_manager(client, project, owner, job):
    lead = make_member(project, "manager")
    other = make_project("other")
    make_member(other, "manager", lead)
    for key_project, role, status in [
        (project, "manager", 200),
        (project, "annotator", 404),
        (other, "manager", 404),
    ]:
        _row, text = new_key(user=lead, project=key_project, role=role)
        assert (
            client.get(
                reverse("api_job", args=[job.pk]), headers={"Authorization": f"Bearer {text}"}
            ).status_code
            == status
        )


def test_the_part_polls_while_the_job_goes_on_and_says_when_it_ends(client, owner, job):
    Job.objects.filter(pk=job.pk).update(state="running", done=5, total=20)
    going = page(client, owner, job, "?part")
    assert b'hx-trigger="every 1s"' in going.content and b'max="20" value="5"' in going.content
    assert "HX-Trigger" not in going.headers and b"<html" not in going.content
    Job.objects.filter(pk=job.pk).update(state="failed", error="Line 3 <b>is</b> not JSON.")
    ended = page(client, owner, job, "?part")
    assert b"hx-get" not in ended.content and b"&lt;b&gt;" in ended.content
    assert ended.headers["HX-Trigger"] == "job-ended"


def test_the_page_names_the_kind_and_leads_to_the_result(client, owner, job):
    assert b"/result/" not in page(client, owner, job).content
    jobs.run_now(job)
    shown = page(client, owner, job).content.decode()
    assert "Counting" in shown and f"/result/{job.pk}/" in shown
    # The moving part brings the way to the result with it on the job's own page, and nowhere else.
    assert f"/result/{job.pk}/" in page(client, owner, job, "?part=page").content.decode()
    assert b"/result/" not in page(client, owner, job, "?part").content


def test_stop_by_page_and_by_api(client, owner, project, job):
    client.force_login(owner)
    assert client.get(reverse("job_cancel", args=["p", job.pk])).headers["Location"] == reverse(
        "job", args=["p", job.pk]
    )
    job.refresh_from_db()
    assert job.active
    stopped = client.post(reverse("job_cancel", args=["p", job.pk]), headers={"HX-Request": "true"})
    assert stopped.status_code == 200 and b"hx-get" not in stopped.content
    # already ended: shown, no error
    assert client.post(reverse("job_cancel", args=["p", job.pk])).status_code == 302
    again = client.post(reverse("api_job_cancel", args=[job.pk]))
    assert (again.status_code, again.json()["error"]["code"]) == (409, "finished")
    second = jobs.start("test.page", project=project, actor=owner)
    assert client.post(reverse("api_job_cancel", args=[second.pk])).json()["state"] == "cancelled"


def test_the_api_shows_all_that_a_script_needs(client, owner, job):
    jobs.run_now(job)
    client.force_login(owner)
    shown = client.get(reverse("api_job", args=[job.pk])).json()
    assert (shown["id"], shown["project"], shown["state"], shown["result"], shown["error"]) == (
        job.pk,
        "p",
        "done",
        {},
        "",
    )
