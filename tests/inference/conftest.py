import pytest

from inference import allowlist, client, transport
from tests.inference import faulty


@pytest.fixture
def model():
    """A faulty server of its own for one test."""
    transport.close_idle()
    with faulty.serve() as server:
        yield server
    transport.close_idle()


@pytest.fixture
def upstream(model):
    """`upstream("behaviour", idle_seconds=…)`: what the client needs to meet that behaviour. Patient for half
    a second at each step."""

    def make(name: str, **fields) -> client.Upstream:
        patience = {
            "first_token_seconds": 0.5,
            "idle_seconds": 0.4,
            "total_seconds": 5,
            "key": "sk-secret-1234",
        }
        return client.Upstream(
            allowlist.Target("http", "127.0.0.1", model.port, "127.0.0.1", "/v1"), name, **(patience | fields)
        )

    return make
