"""Whose address counts behind proxies: never one that a client wrote itself."""

from types import SimpleNamespace

import pytest
from django.test import override_settings

from core.web.client_ip import client_ip


def seen(peer: str, forwarded: str | None = None) -> str:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return client_ip(SimpleNamespace(META={"REMOTE_ADDR": peer}, headers=headers))


def networks(*names: str):
    import ipaddress

    return [ipaddress.ip_network(name) for name in names]


def test_without_a_proxy_nothing_that_is_sent_counts():
    assert seen("8.8.4.4", "198.51.100.1") == "8.8.4.4"


@pytest.mark.parametrize(
    ("peer", "forwarded", "right"),
    [
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.1.2.3", "6.6.6.6, 198.51.100.1", "198.51.100.1"),  # the client wrote 6.6.6.6, the proxy appended
        ("127.0.0.1", "10.0.0.8, 10.0.0.9", "10.0.0.9"),  # one hop only, however private the next
        ("8.8.4.4", "198.51.100.1", "8.8.4.4"),  # past the proxy: not believed
        ("127.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("127.0.0.1", "[2001:db8::1]:443", "2001:db8::1"),
        ("::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "me, I am new each time", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("", "198.51.100.1", "198.51.100.1"),  # a server behind a socket file
    ],
)
@override_settings(BEHIND_PROXY=True, TRUSTED_PROXIES=[])
def test_the_last_hop_of_one_proxy_is_believed(peer, forwarded, right):
    assert seen(peer, forwarded) == right


@override_settings(BEHIND_PROXY=True, TRUSTED_PROXIES=networks("10.0.0.0/8", "8.8.4.4"))
def test_a_row_of_proxies_is_walked_to_its_beginning():
    assert seen("10.0.0.1", "6.6.6.6, 198.51.100.1, 8.8.4.4") == "198.51.100.1"
    assert seen("127.0.0.1", "198.51.100.1") == "127.0.0.1", "named proxies are the only ones"


@pytest.mark.django_db
@override_settings(BEHIND_PROXY=True, TRUSTED_PROXIES=[])
def test_addresses_made_up_anew_do_not_get_round_the_limit_of_sign_ins(client):
    from tests.cast import make_user

    make_user("ann")
    answers = [
        client.post(
            "/login/",
            {"username": "ann", "password": "no"},
            REMOTE_ADDR="8.8.4.4",
            headers={"X-Forwarded-For": f"198.51.100.{i}"},
        )
        for i in range(9)
    ]
    assert [a.status_code for a in answers] == [400] * 8 + [429]


@pytest.mark.django_db
def test_many_addresses_do_not_get_round_it_and_lock_nobody_out_at_home(client):
    from core.accounts import login_limit
    from tests.cast import make_user

    make_user("ann")

    def sign_in(address: str, password: str):
        return client.post(
            "/login/", {"username": "ann", "password": password}, REMOTE_ADDR=address
        ).status_code

    assert sign_in("192.0.2.1", "correct horse battery") == 302
    client.post("/logout/")
    answers = [
        sign_in(f"198.51.{i // 250}.{i % 250}", "no") for i in range(login_limit.PER_NAME_ANYWHERE + 5)
    ]
    assert answers.count(429) == 5 and answers[-1] == 429
    assert sign_in("192.0.2.1", "correct horse battery") == 302


@pytest.mark.django_db
def test_the_old_password_is_not_guessed_without_end(client):
    from tests.cast import make_user

    client.force_login(make_user("ann"))
    form = {"old_password": "no", "new_password": "another one 9", "again": "another one 9"}
    answers = [client.post("/account/password/", form).status_code for _i in range(10)]
    assert answers == [200] * 8 + [429] * 2
