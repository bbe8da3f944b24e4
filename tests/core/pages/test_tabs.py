"""The tabs of a project: few side by side, many in menus, the current one marked in either."""

import re

import pytest
from django.test import Client

from core import registry
from core.access import entry_url, tabs_for
from core.models import Project
from feedback.models import ChatSettings
from tests.cast import make_member, make_project

pytestmark = pytest.mark.django_db


def tabs(role: str, page: str = "guidelines/") -> str:
    project = make_project("p")
    client = Client()
    client.force_login(make_member(project, role))
    html = client.get(f"/p/p/{page}").content.decode()
    return re.search(r'<nav class="tabs".*?</nav>', html, re.S)[0]  # type: ignore[index]


def test_a_manager_finds_every_page_in_a_menu():
    shown = tabs("manager", "members/")
    menus = dict(
        re.findall(
            r"<summary><span>(.*?)</span></summary>\s*<div class=\"menu-body\">(.*?)</div>", shown, re.S
        )
    )
    assert list(menus) == ["Labelling", "End users", "Data", "Setup"]
    there = re.findall(r'href="([^"]*)"', shown)
    assert sorted(there) == sorted(tab["url"] for tab in tabs_for(Project.objects.get(slug="p"), "manager"))
    assert '<a href="/p/p/members/" aria-current="page">Members</a>' in menus["Setup"]
    assert re.findall(r'class="menu( current)?"', shown) == ["", "", "", " current"]


def test_an_annotator_sees_them_side_by_side():
    shown = tabs("annotator")
    assert "<details" not in shown
    assert re.findall(r">([^<>]+)</a>", shown) == ["Bench", "My work", "Guidelines", "Work statement"]
    assert '<a href="/p/p/guidelines/" aria-current="page">' in shown


@pytest.mark.parametrize("enabled", [None, False, True])
def test_the_chat_stands_among_the_tabs_where_it_is_open(enabled, django_assert_num_queries):
    made = make_project("p")
    if enabled is not None:
        ChatSettings.objects.create(project=made, enabled=enabled)
    for role, shown in (
        ("user", True),
        ("annotator", bool(enabled)),
        ("reviewer", bool(enabled)),
        ("manager", enabled is not None),
    ):
        project = Project.objects.get(slug="p")
        with django_assert_num_queries(0):  # the project switcher asks for every project
            landing = entry_url(project, role)
        with django_assert_num_queries(0 if role == "user" else 1):
            tabs = tabs_for(project, role)
        assert ("chat" in [tab["name"] for tab in tabs]) == shown
        assert tabs[0]["url"] == landing


def test_a_group_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="nowhere"):
        registry.register_nav("project", "x", role="manager", order=1, group="nowhere")
