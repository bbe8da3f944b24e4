"""No way into the operator's own network: a second real server stands for what is inside, and nothing may
reach it."""

import datetime
import ipaddress
import socket
import ssl

import pytest

from core.errors import DomainError
from inference import allowlist, client, endpoints, transport
from inference.client import UpstreamError, stream_chat
from tests.cast import make_project
from tests.inference import faulty

ASK = [{"role": "user", "content": "hi"}]


@pytest.fixture
def inside():
    """What must not be reached."""
    with faulty.serve() as server:
        yield server
        assert server.connections == 0, "the server inside was reached"


def names(monkeypatch, **addresses):
    """Stand in for the name server: the names lead where `addresses` says; a list is changed from under a
    saved endpoint."""

    def found(host, port, **kwargs):
        if host not in addresses:
            raise socket.gaierror("no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in addresses[host]]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    return addresses


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(model, inside, upstream, status):
    model.behaviours["go"] = lambda h: h.json(status, {}, {"Location": f"{inside.url}/chat/completions"})
    with pytest.raises(UpstreamError) as caught:
        list(stream_chat(upstream("go"), ASK))
    assert (caught.value.code, caught.value.status) == ("refused", status) and str(
        inside.port
    ) not in caught.value.message
    raw = client.open_raw(upstream("go"), "/chat/completions", body=b'{"model": "go"}')
    assert raw.status == status
    raw.close()


@pytest.mark.django_db
def test_a_name_that_is_led_elsewhere_later_is_not_followed(model, inside, monkeypatch, settings):
    """DNS rebinding: the name passes the check, then leads inside."""
    settings.ENDPOINT_HOSTS = [f"models.example:{model.port}"]
    leads = names(monkeypatch, **{"models.example": ["127.0.0.1"]})
    endpoint = endpoints.save(
        project=make_project(),
        actor=None,
        name="M",
        base_url=f"http://models.example:{model.port}/v1",
        model_name="ok",
    )
    assert endpoint.address == "127.0.0.1"
    leads["models.example"] = ["127.9.9.9"]
    found = endpoints.probe(endpoint)
    assert (
        found["ok"]
        and found["address_changed"]
        and found["now"] == ["127.9.9.9"]
        and found["address"] == "127.0.0.1"
    )
    assert model.requests[-1].headers["host"] == f"models.example:{model.port}"
    leads["models.example"] = ["169.254.169.254"]
    assert endpoints.probe(endpoint)["ok"]  # still the pinned one
    with pytest.raises(DomainError) as caught:  # and saving again does not take it
        endpoints.save(
            project=endpoint.project,
            actor=None,
            pk=endpoint.pk,
            name="M",
            base_url=endpoint.base_url,
            model_name="ok",
        )
    assert caught.value.code == "address_not_allowed"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "form",
    [
        "http://127.0.0.1:{inside}/v1",
        "http://localhost:{inside}/v1",
        "http://[::ffff:127.0.0.1]:{inside}/v1",
        "http://2130706433:{inside}/v1",
        "http://127.1:{inside}/v1",
        "http://0.0.0.0:{inside}/v1",
        "http://127.0.0.1:{model}@127.0.0.1:{inside}/v1",
        "http://127.0.0.1:{model}#@127.0.0.1:{inside}/v1",
        "http://127.0.0.1:{model}\\@127.0.0.1:{inside}/v1",
        "http://listed.example:{inside}/v1",
        "http://127.0.0.1.nip.example:{inside}/v1",
    ],
)
def test_no_spelling_leads_inside(model, inside, monkeypatch, settings, form):
    settings.ENDPOINT_HOSTS = [f"127.0.0.1:{model.port}", f"listed.example:{model.port}"]
    names(
        monkeypatch,
        **{
            "listed.example": ["127.0.0.1"],
            "127.0.0.1.nip.example": ["127.0.0.1"],
            "localhost": ["127.0.0.1"],
        },
    )
    url = form.format(inside=inside.port, model=model.port)
    project = make_project()
    with pytest.raises(DomainError):
        endpoints.save(project=project, actor=None, name="M", base_url=url, model_name="ok")
    assert not project.endpoints.exists()


@pytest.mark.django_db
def test_a_row_that_was_tampered_with_is_not_called(model, inside, settings):
    settings.ENDPOINT_HOSTS = [f"127.0.0.1:{model.port}"]
    endpoint = endpoints.save(
        project=make_project(), actor=None, name="M", base_url=model.url, model_name="ok"
    )
    endpoint.base_url = inside.url
    found = endpoints.probe(endpoint)
    assert (found["ok"], found["code"]) == (False, "not_allowed")


def test_two_addresses_of_one_name_share_no_connection(model, upstream):
    list(stream_chat(upstream("ok"), ASK))
    key = ("http", "127.0.0.1", model.port, "127.0.0.1")
    assert (
        transport.take((*key[:3], "127.0.0.2")) is None
        and transport.take((*key[:1], "localhost", *key[2:])) is None
        and transport.take(key)
    )


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A certificate authority of the house and a server's context with its certificate for models.example."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    folder = tmp_path_factory.mktemp("ca")
    now = datetime.datetime.now(datetime.timezone.utc)  # noqa: UP017
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "House CA")])

    def certificate(name, subject_key, issuer, signer, extension, critical):
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer)
            .public_key(subject_key.public_key())
            .serial_number(x509.random_serial_number())
        )
        made = made.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(
            now + datetime.timedelta(days=1)
        )
        made = made.add_extension(extension, critical=critical)
        made = made.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(subject_key.public_key()), critical=False
        )
        made = made.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        return made.sign(signer, hashes.SHA256())

    ca = certificate(ca_name, ca_key, ca_name, ca_key, x509.BasicConstraints(ca=True, path_length=None), True)
    alternatives = x509.SubjectAlternativeName(
        [x509.DNSName("models.example"), x509.IPAddress(ipaddress.ip_address("127.0.0.9"))]
    )
    leaf = certificate(x509.Name([]), key, ca_name, ca_key, alternatives, True)
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(private + leaf.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return folder / "ca.pem", context


def secure(port, host, name="ok"):
    target = allowlist.Target("https", host, port, "127.0.0.1", "/v1")
    return client.Upstream(target, name, first_token_seconds=5, idle_seconds=2, total_seconds=10, retries=0)


def test_tls_asks_for_the_certificate_of_the_name(authority, settings):
    ca_file, context = authority
    with faulty.serve(tls=context) as server:
        with pytest.raises(UpstreamError) as caught:
            list(stream_chat(secure(server.port, "models.example"), ASK))
        assert caught.value.code == "unreachable" and "certificate" in caught.value.message, (
            "an unknown authority"
        )
        settings.ENDPOINT_CA_FILE = str(ca_file)
        for _ in range(2):
            pieces = list(stream_chat(secure(server.port, "models.example"), ASK))
            assert pieces[-1].finish == "stop" and "".join(p.text for p in pieces) == server.answer(
                "ok", "hi"
            )
        for other in ("other.example", "127.0.0.1", "localhost"):
            with pytest.raises(UpstreamError) as caught:
                list(stream_chat(secure(server.port, other), ASK))
            assert caught.value.code == "unreachable" and "certificate" in caught.value.message
        assert len(server.requests) == 2


def test_limits_and_cancel_hold_under_tls(authority, settings):
    import threading
    import time

    settings.ENDPOINT_CA_FILE = str(authority[0])
    with faulty.serve(tls=authority[1]) as server:
        up = secure(server.port, "models.example", "long")
        with pytest.raises(UpstreamError) as caught:
            list(stream_chat(up, ASK))
        assert caught.value.code == "too_long"
        cancel = threading.Event()
        threading.Timer(0.3, cancel.set).start()
        begun = time.monotonic()
        with pytest.raises(UpstreamError) as caught:
            list(stream_chat(secure(server.port, "models.example", "stall-first"), ASK, cancel=cancel))
        assert caught.value.code == "cancelled" and time.monotonic() - begun < 0.8
    with faulty.serve() as plain:  # no TLS at the other end
        with pytest.raises(UpstreamError) as caught:
            list(stream_chat(secure(plain.port, "models.example"), ASK))
        assert caught.value.code == "unreachable"
