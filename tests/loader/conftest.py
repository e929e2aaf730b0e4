"""Tests of the loader run without sockets; those that need a server of their own are marked `loopback`."""

from collections.abc import Callable, Iterator

import pytest
from pytest_socket import disable_socket, enable_socket

from loader.providers import registry
from tests.loader.scripted_provider import Script, ScriptedProvider
from tests.loader.vendor_server import VendorServer, serve_yahoo


@pytest.fixture(autouse=True)
def no_network(request: pytest.FixtureRequest) -> object:
    """Disable every socket, unless the test is marked to use a server of its own on 127.0.0.1."""
    if "loopback" not in request.keywords:
        disable_socket(allow_unix_socket=True)
    yield
    enable_socket()


@pytest.fixture
def yahoo_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[VendorServer]:
    """Run a server in place of Yahoo."""
    with serve_yahoo(monkeypatch) as server:
        yield server


@pytest.fixture
def script_provider(monkeypatch: pytest.MonkeyPatch) -> Callable[[Script], ScriptedProvider]:
    """Register a scripted provider as `scripted`; waits take no time."""

    def register(script: Script) -> ScriptedProvider:
        provider = ScriptedProvider(script)
        monkeypatch.setitem(registry.PROVIDERS, "scripted", lambda _: provider)
        monkeypatch.setattr("time.sleep", lambda _: None)
        return provider

    return register
