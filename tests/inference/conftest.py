import pytest

from inference import allowed, client, wire
from tests.inference import faulty


@pytest.fixture
def model():
    """A faulty server of its own for one test."""
    wire.forget()
    with faulty.serve() as server:
        yield server
    wire.forget()


@pytest.fixture
def upstream(model):
    """`upstream("behaviour", idle_seconds=…)`: what the client needs to meet that behaviour. Patient for half a second at each step."""

    def make(name: str, **fields) -> client.Upstream:
        patience = {"first_token_seconds": 0.5, "idle_seconds": 0.4, "total_seconds": 5, "key": "sk-secret-1234"}
        return client.Upstream(allowed.Target("http", "127.0.0.1", model.port, "127.0.0.1", "/v1"), name, **(patience | fields))

    return make
