"""Members: invite by link, add by names, change role, remove, reset a password without e-mail."""

import re
import time
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from core.accounts import actions as people
from core.accounts import api_keys, invitations
from core.accounts.sign_in import ONE_TIME_ITERATIONS
from core.errors import Conflict, DomainError
from core.models import ApiKey, Event, Invite, Member, User
from tests.cast import make_member, make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast():
    project = make_project("p")
    manager = make_member(project, "manager")
    client = Client()
    client.force_login(manager)
    return project, manager, client


def test_an_invitation_brings_a_new_person_in_and_is_used_up(cast):
    project, _manager, client = cast
    html = client.post(
        "/p/p/members/invite/", {"role": "annotator", "days": "7", "uses": "1"}
    ).content.decode()
    path = re.search(r"http://testserver(/invite/[\w-]+/)", html)[1]
    invite = Invite.objects.get()
    assert path.split("/")[2] not in invite.token_hash
    guest = Client()
    assert "P" in guest.get(path).content.decode()
    joined = guest.post(path, {"username": "新人", "display_name": "New", "password": "a long enough phrase"})
    assert joined.status_code == 302
    assert Member.objects.get(user__username="新人").role == "annotator"
    assert guest.get("/p/p/guidelines/").status_code == 200
    assert Client().get(path).status_code == 410
    assert Client().post(path, {"username": "other", "password": "a long enough phrase"}).status_code == 410
    assert not User.objects.filter(username="other").exists()
    assert Event.objects.filter(project=project, verb="invite.accept").count() == 1


def test_an_invitation_never_shows_its_link_again(cast):
    _project, _manager, client = cast
    html = client.post(
        "/p/p/members/invite/", {"role": "annotator", "days": "7", "uses": "1"}
    ).content.decode()
    token = re.search(r"/invite/([\w-]+)/", html)[1]
    assert token not in client.get("/p/p/members/").content.decode()


@pytest.mark.parametrize(
    "spoil", [{"revoked": True}, {"uses_left": 0}, {"expires_at": timezone.now() - timedelta(seconds=1)}]
)
def test_a_spent_invitation_lets_nobody_in(cast, spoil):
    project, manager, _client = cast
    _invite, token = invitations.create_invite(project=project, role="manager", days=1, uses=5, actor=manager)
    Invite.objects.update(**spoil)
    stranger = make_user()
    with pytest.raises(Conflict):
        invitations.accept_invite(token=token, user=stranger)
    client = Client()
    client.force_login(stranger)
    assert client.post(f"/invite/{token}/").status_code == 410
    assert not Member.objects.filter(user=stranger).exists()


def test_a_member_keeps_the_stronger_role_and_spends_no_use(cast):
    project, manager, _client = cast
    reviewer, annotator = make_member(project, "reviewer"), make_member(project, "annotator")
    _invite, token = invitations.create_invite(
        project=project, role="reviewer", days=1, uses=1, actor=manager
    )
    assert invitations.accept_invite(token=token, user=reviewer).role == "reviewer"
    assert Invite.objects.get().uses_left == 1
    assert invitations.accept_invite(token=token, user=annotator).role == "reviewer"
    assert Invite.objects.get().uses_left == 0


def test_a_weak_password_makes_no_account(cast):
    project, manager, _client = cast
    _invite, token = invitations.create_invite(
        project=project, role="annotator", days=1, uses=1, actor=manager
    )
    response = Client().post(f"/invite/{token}/", {"username": "newcomer", "password": "12345678"})
    assert response.context["form"].errors["password"]
    assert not User.objects.filter(username="newcomer").exists()
    assert Invite.objects.get().uses_left == 1


def test_pasted_names_become_accounts_with_passwords_that_work_once(cast):
    project, _manager, client = cast
    known = make_user("known")
    already = make_member(project, "reviewer", make_user("already"))
    response = client.post(
        "/p/p/members/add/", {"names": "李医生\r\nknown\n\n already \n李医生", "role": "annotator"}
    )
    rows = {row["name"]: row for row in response.context["added"]}
    assert {name: row["state"] for name, row in rows.items()} == {
        "李医生": "created",
        "known": "added",
        "already": "already",
    }
    assert rows["known"]["password"] is None
    assert known.memberships.get().role == "annotator"
    assert already.memberships.get().role == "reviewer", "a pasted list lowers nobody"
    assert "One-time passwords" in response.content.decode()
    again = client.post("/p/p/members/add/", {"names": "known", "role": "annotator"}).content.decode()
    assert "was a member already" in again and "One-time passwords" not in again, "there is none to be copied"
    password = rows["李医生"]["password"]
    assert password in response.content.decode()
    assert password not in client.get("/p/p/members/").content.decode()
    assert "no-store" in response["Cache-Control"]
    person = Client()
    assert person.login(username="李医生", password=password)
    assert person.get("/")["Location"] == "/account/password/"


def test_one_bad_name_refuses_the_whole_list(cast):
    _project, _manager, client = cast
    response = client.post("/p/p/members/add/", {"names": "good\nbad name<script>", "role": "annotator"})
    assert response.status_code == 400
    assert "<script>" not in response.content.decode().split("</head>")[1].replace("&lt;script&gt;", "")
    assert not User.objects.filter(username="good").exists()


def test_a_shown_name_makes_no_second_account(cast):
    project, _manager, client = cast
    User.objects.filter(pk=make_member(project, "annotator", make_user("lin")).pk).update(first_name="林晓雯")
    response = client.post("/p/p/members/add/", {"names": "new\n林晓雯", "role": "annotator"})
    assert response.status_code == 400 and "lin" in response.context["people_form"].errors["names"][0]
    assert not User.objects.filter(username__in=["new", "林晓雯"]).exists()


def test_role_changes_and_removal_revokes_keys(cast):
    project, _manager, client = cast
    member = Member.objects.get(user=make_member(project, "annotator"))
    client.post(f"/p/p/members/{member.pk}/role/", {"role": "reviewer"})
    member.refresh_from_db()
    assert member.role == "reviewer"
    api_keys.create_api_key(project=project, user=member.user, role="annotator")
    client.post(f"/p/p/members/{member.pk}/remove/")
    assert not Member.objects.filter(pk=member.pk).exists()
    assert ApiKey.objects.get().revoked_at is not None
    assert list(
        Event.objects.filter(verb__startswith="member.").order_by("pk").values_list("verb", flat=True)
    ) == ["member.role", "member.remove"]


def test_the_last_manager_stays(cast):
    _project, manager, client = cast
    member = Member.objects.get(user=manager)
    client.post(f"/p/p/members/{member.pk}/role/", {"role": "user"})
    refused = client.post(f"/p/p/members/{member.pk}/remove/", follow=True)
    assert refused.redirect_chain == [("/p/p/members/", 302)] and "manager" in str(
        next(iter(refused.context["messages"]))
    )
    member.refresh_from_db()
    assert member.role == "manager"


def test_a_reset_password_is_shown_once_logged_and_must_be_changed(cast):
    project, _manager, client = cast
    user = make_member(project, "annotator")
    theirs = Client()
    theirs.force_login(user)
    response = client.post(f"/p/p/members/{Member.objects.get(user=user).pk}/password/")
    password = response.context["added"][0]["password"]
    user.refresh_from_db()
    assert user.check_password(password)
    assert user.password_must_change
    assert theirs.get("/").status_code == 302, "their older sessions end"
    event = Event.objects.get(verb="password.reset")
    assert password not in str(event.data)
    assert event.target_id == user.pk


@pytest.mark.parametrize("reach", ["superuser", "elsewhere"])
def test_a_manager_cannot_take_over_an_account_that_reaches_further(cast, reach):
    project, manager, client = cast
    user = make_member(project, "annotator", make_user(is_superuser=reach == "superuser"))
    if reach == "elsewhere":
        make_member(make_project(), "annotator", user)
    before = user.password
    client.post(f"/p/p/members/{Member.objects.get(user=user, project=project).pk}/password/")
    user.refresh_from_db()
    assert user.password == before
    with pytest.raises(DomainError, match="administrator"):
        people.reset_password(member=Member.objects.get(user=user, project=project), actor=manager)
    people.reset_password(
        member=Member.objects.get(user=user, project=project), actor=make_user(is_superuser=True)
    )


def test_the_other_language_asks_first_where_a_page_was_made_by_a_form(cast):
    _project, _manager, client = cast
    asks = re.compile(r'name="language"[^>]*data-confirm=')
    assert not asks.search(client.get("/p/p/members/").content.decode())
    made = client.post(
        "/p/p/members/invite/", {"role": "annotator", "days": "7", "uses": "1"}
    ).content.decode()
    assert "/invite/" in made and len(asks.findall(made)) == 2  # in the bar and, on a phone, in the menu


def test_members_of_another_project_are_out_of_reach(cast):
    _project, _manager, client = cast
    other = make_project()
    member = Member.objects.get(user=make_member(other, "annotator"))
    for action in ("role", "remove", "password"):
        assert client.post(f"/p/p/members/{member.pk}/{action}/", {"role": "manager"}).status_code == 404


@pytest.mark.parametrize(
    "path", ["add/", "invite/", "1/role/", "1/remove/", "1/password/", "invite/1/revoke/"]
)
def test_changes_take_a_post_and_the_managers_role(cast, path):
    project, _manager, client = cast
    assert client.get(f"/p/p/members/{path}").headers["Location"] == "/p/p/members/"
    assert client.put(f"/p/p/members/{path}").status_code == 405
    reviewer = Client()
    reviewer.force_login(make_member(project, "reviewer"))
    assert reviewer.post(f"/p/p/members/{path}").status_code == 403
    stranger = Client()
    stranger.force_login(make_user())
    assert stranger.post(f"/p/p/members/{path}").status_code == 404


def test_the_page_costs_the_same_for_many_members(cast, django_assert_num_queries):
    project, _manager, client = cast
    for _i in range(12):
        make_member(project, "annotator")
    # session, person, membership, members, invitations, switcher, whether there is a chat
    with django_assert_num_queries(7):
        client.get("/p/p/members/")


def test_hundreds_of_names_are_quick_and_their_hashes_are_made_strong_at_the_first_sign_in(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    project, before = make_project("many"), time.process_time()
    added = people.add_people(
        project=project, names=[f"name{i}" for i in range(60)], role="annotator", actor=None
    )
    assert time.process_time() - before < 6  # 60 full hashes take longer than that
    user = User.objects.get(username="name7")
    assert f"${ONE_TIME_ITERATIONS}$" in user.password
    assert Client().login(username="name7", password=added[7]["password"])
    user.refresh_from_db()
    assert f"${ONE_TIME_ITERATIONS}$" not in user.password


def test_who_manages_no_more_has_no_invitation_open():
    project = make_project("left")
    stays, goes, falls = (make_member(project, "manager") for _i in range(3))
    tokens = [
        invitations.create_invite(project=project, actor=who, role="manager", days=7, uses=9)[1]
        for who in (stays, goes, falls)
    ]
    people.remove_member(member=project.members.get(user=goes), actor=stays)
    people.set_member(project=project, user=falls, role="annotator", actor=stays)
    assert [invitations.find_invite(token) is not None for token in tokens] == [True, False, False]


def test_the_second_click_on_an_invitation_leads_where_the_first_did(client):
    project = make_project("twice")
    _invite, token = invitations.create_invite(
        project=project, actor=make_member(project, "manager"), role="annotator", days=7, uses=1
    )
    client.force_login(make_user("late"))
    first, second = client.post(f"/invite/{token}/"), client.post(f"/invite/{token}/")
    assert (first.status_code, second.status_code) == (302, 302) and first["Location"] == second["Location"]
    client.force_login(make_user("third"))
    assert client.post(f"/invite/{token}/").status_code == 410
