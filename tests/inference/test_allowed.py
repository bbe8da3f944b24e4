"""Where an endpoint may lead: every rule of inference.allowlist."""

import socket

import pytest

from core.errors import DomainError
from inference import allowlist


@pytest.fixture
def hosts(settings):
    def listed(*entries):
        settings.ENDPOINT_HOSTS = list(entries)

    return listed


def code_of(url: str) -> str:
    with pytest.raises(DomainError) as caught:
        allowlist.target_of(url)
    assert caught.value.field == "base_url"
    return caught.value.code


@pytest.mark.parametrize(
    ("url", "entry", "target"),
    [
        ("http://10.0.0.5:8000/v1", "10.0.0.5:8000", ("http", "10.0.0.5", 8000, "10.0.0.5", "/v1")),
        ("http://10.0.0.5:8000/v1/", "10.0.0.5:8000", ("http", "10.0.0.5", 8000, "10.0.0.5", "/v1")),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", ("http", "127.0.0.1", 8000, "127.0.0.1", "")),
        ("HTTP://LocalHost:8000/v1", "localhost:8000", ("http", "localhost", 8000, "127.0.0.1", "/v1")),
        ("https://[::1]:8443/openai/v1", "[::1]:8443", ("https", "::1", 8443, "::1", "/openai/v1")),
        ("https://[0:0::0:1]/v1", "[::1]:443", ("https", "::1", 443, "::1", "/v1")),
        ("http://[fd00::5]:80/v1", "[FD00::5]:80", ("http", "fd00::5", 80, "fd00::5", "/v1")),
        ("https://1.1.1.1/v1", "1.1.1.1:443", ("https", "1.1.1.1", 443, "1.1.1.1", "/v1")),
    ],
)
def test_what_the_list_names_is_reached(hosts, url, entry, target):
    hosts(entry)
    found = allowlist.target_of(url)
    assert (found.scheme, found.host, found.port, found.address, found.path) == target


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "//127.0.0.1:8000/v1",
        "127.0.0.1:8000/v1",
        "http://",
        "http:///v1",
        "http://:8000/v1",
        "ftp://127.0.0.1:8000/v1",
        "file:///etc/passwd",
        "gopher://127.0.0.1:8000/",
        "javascript:alert(1)",
        "http://user@127.0.0.1:8000/v1",
        "http://user:pass@127.0.0.1:8000/v1",
        "http://127.0.0.1:8000@evil.example/v1",
        "http://@127.0.0.1:8000/v1",
        "http://127.0.0.1:8000/v1?x=1",
        "http://127.0.0.1:8000/v1?",
        "http://127.0.0.1:8000/v1#x",
        "http://127.0.0.1:8000/v1#",
        "http://127.0.0.1:/v1",
        "http://127.0.0.1:0/v1",
        "http://127.0.0.1:65536/v1",
        "http://127.0.0.1:8000x/v1",
        "http://127.0.0.1:８０００/v1",
        "http://127.0.0.1:+8000/v1",
        "http://127.0.0.1:8_0/v1",
        "http://127.0.0.1:8000:8000/v1",
        "http://2130706433:8000/v1",
        "http://0x7f000001:8000/v1",
        "http://0x7f.1:8000/v1",
        "http://017700000001:8000/v1",
        "http://0177.0.0.1:8000/v1",
        "http://127.1:8000/v1",
        "http://127.0.0.01:8000/v1",
        "http://127.0.0.1.:8000/v1",
        "http://localhost.:8000/v1",
        "http://a..b:8000/v1",
        "http://127.0.0.256:8000/v1",
        "http://0:8000/v1",
        "http://1.2.3.4.5:8000/v1",
        "http://models.0x7f:8000/v1",
        "http://[::1:8000/v1",
        "http://::1:8000/v1",
        "http://[fe80::1%25eth0]:8000/v1",
        "http://[::1%eth0]:8000/v1",
        "http://[127.0.0.1]:8000/v1",
        "http://[::1]x:8000/v1",
        "http://[v1.x]:8000/v1",
        "http://①②⑦.⓪.⓪.①:8000/v1",
        "http://127。0。0。1:8000/v1",
        "http://lоcalhost:8000/v1",
        "http://模型.example:8000/v1",
        "http://ｌocalhost:8000/v1",
        "http://local host:8000/v1",
        "http://localhost:8000/v1 ",
        "http://local\thost:8000/v1",
        "http://localhost:8000/v1\r\nX: y",
        "http://localhost\\@evil:8000/",
        "http://localhost%2eevil:8000/v1",
        "http://%6cocalhost:8000/v1",
        "http://localhost:8000/%2e%2e/",
        "http://-x:8000/v1",
        "http://x-:8000/v1",
        "http://localhost:8000/v1/../admin",
        "http://localhost:8000//v1",
        "http://localhost:8000/v1/./x",
        f"http://{'a' * 64}.example/v1",
        "http://localhost:8000/v1/chat/completions",
        "http://localhost:8000/v1/models",
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(hosts, url):
    hosts("127.0.0.1:8000", "localhost:8000", "localhost:80", "[::1]:8000", "evil.example:80", "127.0.0.1:80")
    assert code_of(url) == "bad_url"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8001/v1",
        "https://127.0.0.1/v1",
        "http://127.0.0.2:8000/v1",
        "http://localhost:8000/v1",
        "http://[::1]:8000/v1",
    ],
)
def test_host_and_port_must_both_be_listed(hosts, url):
    hosts("127.0.0.1:8000", "127.0.0.1:80")
    assert code_of(url) == "host_not_allowed"


def test_an_empty_list_allows_nothing(hosts):
    hosts()
    assert code_of("https://api.openai.com/v1") == "host_not_allowed"
    assert allowlist.shown() == []


def test_a_name_of_another_script_is_listed_as_it_is_sent(hosts, monkeypatch):
    hosts("xn--9iqr81h.example:443")
    leads_to(monkeypatch, "203.0.113.7")
    assert allowlist.target_of("https://XN--9IQR81H.example/v1").host == "xn--9iqr81h.example"


def test_entries_that_say_nothing_are_told(hosts):
    hosts(
        "a.example",
        "a.example:99999",
        "http://a.example:80",
        ":80",
        "b.example:8000",
        "[::1]:1",
        "*:80",
        "127.1:80",
    )
    good, bad = allowlist.entries()
    assert good == {("b.example", 8000), ("::1", 1)}
    assert bad == ["a.example", "a.example:99999", "http://a.example:80", ":80", "*:80", "127.1:80"]
    assert allowlist.shown() == ["[::1]:1", "b.example:8000"]


NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "169.254.0.1",
    "224.0.0.1",
    "239.255.255.255",
    "255.255.255.255",
    "240.0.0.1",
    "::",
    "fe80::1",
    "ff02::1",
    "fec0::1",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "::ffff:224.0.0.1",
    "::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::169.254.169.254",
    "2002:a9fe:a9fe::1",
]


@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_are_never_connected_to(hosts, monkeypatch, address):
    assert not allowlist.may_connect(address)
    literal = f"[{address}]" if ":" in address else address
    hosts(f"{literal}:80", "models.example:80")
    assert code_of(f"http://{literal}/v1") == "address_not_allowed", "not even when the operator lists it"
    leads_to(monkeypatch, address)
    assert code_of("http://models.example/v1") == "address_not_allowed"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "::1",
        "10.1.2.3",
        "192.168.0.9",
        "172.16.5.5",
        "fd00::1",
        "8.8.8.8",
        "2606:4700::1111",
        "::ffff:10.0.0.1",
    ],
)
def test_loopback_and_private_are_the_operators_decision(hosts, address):
    assert allowlist.may_connect(address)
    literal = f"[{address}]" if ":" in address else address
    hosts(f"{literal}:8000")
    assert allowlist.target_of(f"http://{literal}:8000/v1").address
    hosts("elsewhere.example:8000")
    assert code_of(f"http://{literal}:8000/v1") == "host_not_allowed"


def test_one_bad_address_spoils_a_name(hosts, monkeypatch):
    hosts("models.example:80")
    leads_to(monkeypatch, "203.0.113.7", "169.254.169.254")
    assert code_of("http://models.example/v1") == "address_not_allowed"


def test_a_name_that_leads_nowhere(hosts, monkeypatch):
    hosts("models.example:80")

    def nothing(*args, **kwargs):
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", nothing)
    assert code_of("http://models.example/v1") == "address_not_allowed"


def test_the_older_address_family_comes_first(hosts, monkeypatch):
    hosts("models.example:80")
    leads_to(monkeypatch, "2001:db8::1", "203.0.113.7")
    assert allowlist.target_of("http://models.example/v1").address == "203.0.113.7"


def leads_to(monkeypatch, *addresses):
    """Stand in for the name server: no test has one of its own."""

    def found(host, port, **kwargs):
        return [
            (socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port))
            for a in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", found)
