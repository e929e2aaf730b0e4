"""A server on 127.0.0.1 in place of a vendor, for tests that are marked `loopback`."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from threading import Thread
from types import TracebackType
from urllib.parse import parse_qsl, urlsplit

import pytest

HANG_UP = 0
"""A status: the length of the whole body is sent, half of the body follows, and the connection ends."""


@dataclass
class ReceivedRequest:
    """One request as it arrived."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    connection: tuple[str, int]


@dataclass
class VendorServer:
    """Responds to every GET by `respond` (status and body) and records the requests."""

    respond: Callable[[ReceivedRequest], tuple[int, bytes]]
    requests: list[ReceivedRequest] = field(default_factory=list)
    tls: SSLContext | None = None

    def __enter__(self) -> "VendorServer":
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = ReceivedRequest(parts.path, dict(parse_qsl(parts.query)), headers, self.client_address)
                server.requests.append(request)
                status, body = server.respond(request)
                self.send_response(status or 200)
                if status in (301, 302):
                    self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body if status else body[: len(body) // 2])
                self.close_connection = not status

            def log_message(self, *_: object) -> None:
                """Stay quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"


YAHOO_1MIN = {
    "chart": {
        "result": [
            {
                "meta": {"currency": "USD", "symbol": "TSLA", "dataGranularity": "1m"},
                "timestamp": [1772461800, 1772461860, 1772461920],
                "indicators": {
                    "quote": [
                        {
                            "open": [100.10, None, 100.3],
                            "high": [100.5, None, 100.35],
                            "low": [100.0, None, 100.2],
                            "close": [100.40, None, 100.25],
                            "volume": [1200, None, 0],
                        }
                    ]
                },
            }
        ],
        "error": None,
    }
}
"""Yahoo's response for three minutes of TSLA: two bars and a null row."""


def respond_as_yahoo(request: ReceivedRequest) -> tuple[int, bytes]:
    """Serve TSLA, throttle SLOW, and report every other symbol as unknown."""
    if request.path.endswith("/chart/TSLA"):
        return 200, json.dumps(YAHOO_1MIN).encode()
    if request.path.endswith("/chart/SLOW"):
        return 429, b"Too Many Requests"
    error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
    return 404, json.dumps({"chart": {"result": None, "error": error}}).encode()


@contextmanager
def serve_yahoo(monkeypatch: pytest.MonkeyPatch) -> Iterator[VendorServer]:
    """Run a server in place of Yahoo, and point the loader at it."""
    with VendorServer(respond_as_yahoo) as server:
        monkeypatch.setenv("TICKERLAKE_YAHOO_URL", server.url)
        yield server
