"""Unit tests of the loader run with sockets off; the one that needs a server asks for loopback."""

import pytest
from pytest_socket import disable_socket, enable_socket


@pytest.fixture(autouse=True)
def no_network(request: pytest.FixtureRequest) -> object:
    """Refuse every socket, unless the test is marked to talk to a server of its own on 127.0.0.1."""
    if "loopback" not in request.keywords:
        disable_socket(allow_unix_socket=True)
    yield
    enable_socket()
