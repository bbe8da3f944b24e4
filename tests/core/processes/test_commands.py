"""manage.py create_user, create_api_key, create_project: the names scripts rely on."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from annotation.models import BenchSettings
from core.models import Member, Project, User
from tests.cast import make_member, make_project, make_user

pytestmark = pytest.mark.django_db


def run(*args) -> str:
    out = StringIO()
    call_command(*args, stdout=out)
    return out.getvalue()


def test_create_user():
    run("create_user", "王医生", "--password", "p")
    assert User.objects.get(username="王医生").check_password("p")
    run("create_user", "root", "--password", "p", "--superuser")
    assert User.objects.get(username="root").is_superuser
    name, password = run("create_user", "boss", "--superuser").split()
    boss = User.objects.get(username=name)
    assert boss.check_password(password) and boss.password_must_change and boss.is_superuser
    with pytest.raises(CommandError, match="already an account"):
        run("create_user", "root", "--password", "p")
    with pytest.raises(CommandError):
        run("create_user", "no spaces", "--password", "p")


def test_create_project_with_members():
    make_user("ann")
    make_user("li:na".replace(":", "."))
    run(
        "create_project",
        "heart",
        "--title",
        "心脏",
        "--kind",
        "qa",
        "--overlap",
        "3",
        "--member",
        "ann:manager",
        "--member",
        "li.na:annotator",
    )
    project = Project.objects.get(slug="heart")
    bench = BenchSettings.objects.get(project=project)
    assert (project.title, bench.kind, bench.overlap) == ("心脏", "qa", 3)
    assert [c["key"] for c in bench.criteria.criteria] == ["correctness", "compliance", "safety", "fluency"]
    assert [c["zh"] for c in bench.criteria.criteria] == ["正确性", "遵从性", "安全性", "流畅性"]
    assert sorted(project.members.values_list("user__username", "role")) == [
        ("ann", "manager"),
        ("li.na", "annotator"),
    ]


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["taken", "--title", "T", "--kind", "qa"], "already a project"),
        (["Not A Slug", "--title", "T", "--kind", "qa"], "address"),
        (["new", "--title", "T", "--kind", "qa", "--overlap", "17"], "1 to 16"),
        (["new", "--title", "T", "--kind", "qa", "--member", "ghost:annotator"], "no account"),
        (["new", "--title", "T", "--kind", "qa", "--member", "ann:boss"], "NAME:ROLE"),
        (["new", "--title", "T", "--kind", "poetry"], "invalid choice"),
    ],
)
def test_create_project_refuses_in_words_and_leaves_nothing(args, reason):
    make_project("taken")
    make_user("ann")
    with pytest.raises(CommandError, match=reason):
        run("create_project", *args)
    assert not Project.objects.filter(slug="new").exists()
    assert not Member.objects.exists()


def test_create_api_key_prints_json_that_opens_the_api():
    project = make_project("p")
    make_member(project, "annotator", make_user("ann"))
    key = json.loads(run("create_api_key", "ann", "p", "--role", "annotator", "--json"))["key"]
    assert Client().get("/api/v1/projects/p/progress/", HTTP_AUTHORIZATION=f"Bearer {key}").status_code == 200
    for args, reason in ((("ghost", "p"), "no account"), (("ann", "nowhere"), "no project")):
        with pytest.raises(CommandError, match=reason):
            run("create_api_key", *args, "--role", "annotator")
    with pytest.raises(CommandError, match="stronger role"):
        run("create_api_key", "ann", "p", "--role", "manager")
