"""The list of one's projects, and the frame around every page."""

import re

import pytest
from django.core.cache import cache

from annotation.models import Annotation
from annotation.statistics import daily
from core import local_time
from feedback.models import ChatSettings
from tests.cast import make_annotator, make_item, make_member, make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_figures():
    cache.clear()


def test_a_stranger_signs_in_first(client):
    assert client.get("/")["Location"] == "/login/?next=/"


def test_without_projects_it_says_what_to_do(client):
    client.force_login(make_user())
    html = client.get("/").content.decode()
    assert "invitation link" in html
    assert "/projects/new/" not in html


def test_shows_progress_start_and_what_came_back(client):
    project = make_project("p", kind="ranking")
    user = make_member(project, "annotator")
    make_item(project, state="done", submitted=1)
    item = make_item(project)
    make_item(project, hidden=True)
    annotator = make_annotator(project, user)
    Annotation.objects.create(project=project, item=item, annotator=annotator, state="returned")
    daily.add(project_id=project.pk, annotator_id=annotator.pk, day=local_time.today(project), submitted=1)
    Annotation.objects.create(
        project=project,
        item=make_item(project),
        annotator=make_annotator(project, make_user()),
        state="submitted",
    )
    make_project("other")
    client.force_login(user)
    html = client.get("/").content.decode()
    assert "1 of 3 items done" in html
    assert "1 judged by you" in html  # not what others did
    assert 'href="/p/p/bench/"' in html
    assert re.search(r'<a[^>]* href="/p/p/mine/\?state=returned">1 of yours came back', html)
    assert "/p/other/" not in html
    assert 'href="/p/p/members/"' not in html


def test_a_manager_may_make_a_project_and_opens_the_overview(client):
    client.force_login(make_member(make_project("p"), "manager"))
    html = client.get("/").content.decode()
    assert 'href="/projects/new/"' in html
    assert 'href="/p/p/"' in html


def test_an_end_user_is_led_to_the_chat_and_hears_nothing_of_the_queue(client):
    user = make_user()
    for slug, is_open in (("open", True), ("shut", False)):
        project = make_project(slug, kind="ranking")
        ChatSettings.objects.create(project=project, enabled=is_open)
        make_item(project)
        make_member(project, "user", user)
    client.force_login(user)
    shut, opened = client.get("/").content.decode().split("<article")[1:]
    assert re.search(r'<a class="button primary" href="/chat/open/">Chat</a>', opened)
    assert "There is no chat in this project at the moment." in shut
    assert "button" not in shut.split("</article>")[0]
    assert "items done" not in shut + opened
    assert "Ranking" not in shut + opened


def test_costs_the_same_for_many_projects(client, django_assert_num_queries):
    user = make_user()
    for _i in range(7):
        project = make_project()
        make_annotator(project, make_member(project, "annotator", user))
        make_item(project)
    client.force_login(user)
    # session, person, memberships, annotators, their days, returned, kinds, figures, switcher
    with django_assert_num_queries(9):
        client.get("/")


def test_tabs_follow_the_role(client):
    project = make_project("p")
    shown = {}
    for role in ("annotator", "reviewer", "manager"):
        client.force_login(make_member(project, role))
        html = client.get("/p/p/guidelines/").content.decode()
        nav = html[html.index('class="tabs"') : html.index("</nav>")]
        shown[role] = {
            name
            for name in ("bench", "mine", "review", "items", "members", "settings", "import", "work")
            if f'"/p/p/{name}/"' in nav
        }
    assert shown["annotator"] == {"bench", "mine", "work"}
    assert shown["reviewer"] == {"bench", "mine", "work", "review", "items"}
    assert shown["manager"] == {"bench", "mine", "work", "review", "items", "members", "settings", "import"}


def test_no_page_carries_inline_script_or_style(client):
    project = make_project("p")
    client.force_login(make_member(project, "manager"))
    for path in (
        "/",
        "/account/",
        "/p/p/",
        "/p/p/members/",
        "/p/p/settings/",
        "/p/p/items/",
        "/p/p/guidelines/?edit",
        "/nothing/",
    ):
        response = client.get(path)
        html = response.content.decode()
        assert " style=" not in html, path
        assert "<style" not in html, path
        assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", html), path
        assert not re.search(r"\son[a-z]+=", html), path
        assert "script-src 'self'" in response["Content-Security-Policy"]
