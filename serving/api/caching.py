"""The response cache: conditional requests, compression, and responses kept in memory until the next release.

A response about published tables has the same bytes until the next release, so the cache keys it by address and
serves it without calling the application again. The application marks such a response by `mark_as_cacheable`.
"""

import gzip
from collections import OrderedDict
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.negotiation import accepts_gzip, choose_format, matches_tag
from serving.api.store import ReleaseStore

_RELEASE_TAG = "release_tag"
_MIN_GZIP_BYTES = 500
_CACHE_CONTROL = (b"cache-control", b"public, max-age=0, must-revalidate")
_COMMON_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"tickerlake-time-zone", b"UTC"),
    (b"vary", b"accept, accept-encoding"),
]
Address = tuple[str, bytes, str]
"""Path, query string, and the format that the Accept header chooses."""


def mark_as_cacheable(request: Request, release_tag: str) -> None:
    """Mark the response to this request as one that does not change within a release."""
    setattr(request.state, _RELEASE_TAG, release_tag)


@dataclass(frozen=True, slots=True)
class _CachedResponse:
    """A body, its gzip form (b"" when it is too short to compress), and its headers without the length."""

    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    gzip_body: bytes = b""

    @property
    def size(self) -> int:
        return len(self.body) + len(self.gzip_body)


@dataclass
class ResponseCache:
    """Responses of one release by address; beyond `max_bytes` the least recently used is evicted."""

    max_bytes: int
    release_tag: str = ""
    size: int = 0
    responses: OrderedDict[Address, _CachedResponse] = field(default_factory=OrderedDict)

    def get(self, release_tag: str, address: Address) -> _CachedResponse | None:
        """Return the cached response, or None. A tag of another release empties the cache."""
        if release_tag != self.release_tag:
            self.responses.clear()
            self.release_tag, self.size = release_tag, 0
        response = self.responses.get(address)
        if response:
            self.responses.move_to_end(address)
        return response

    def put(self, release_tag: str, address: Address, response: _CachedResponse) -> None:
        """Add a response, unless the address has one or the cache holds another release."""
        if release_tag != self.release_tag or address in self.responses:
            return
        self.responses[address] = response
        self.size += response.size
        while self.size > self.max_bytes and self.responses:
            _, evicted = self.responses.popitem(last=False)
            self.size -= evicted.size


class CachingMiddleware:
    """ASGI middleware that serves responses from the cache, and adds the ones that the application marks."""

    def __init__(self, app: ASGIApp, store: ReleaseStore, max_bytes: int = 64_000_000) -> None:
        self._app = app
        self._store = store
        self._cache = ResponseCache(max_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond from the cache, or pass the request on and record the response; HEAD is GET without the body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        responder = _CachingResponder(self._app, self._cache, scope, send)
        release = self._store.current
        cached = self._cache.get(release.tag, responder.address) if release and scope["method"] == "GET" else None
        if release and cached:
            await responder.send_cached(release.tag, cached)
        else:
            await responder.run(receive)


def _without_body(send: Send) -> Send:
    async def send_headers(message: Message) -> None:
        await send(message if message["type"] == "http.response.start" else {**message, "body": b""})

    return send_headers


class _CachingResponder:
    """The response to one request: from the cache, or from the application and then into the cache."""

    def __init__(self, app: ASGIApp, cache: ResponseCache, scope: Scope, send: Send) -> None:
        self._request_headers = Headers(scope=scope)
        self._format = choose_format(self._request_headers.get("accept", ""))
        self.address: Address = (scope["path"], scope["query_string"], self._format)
        self._app = app
        self._cache = cache
        self._scope = scope
        self._send = send
        self._state = scope.setdefault("state", {})
        self._headers: tuple[tuple[bytes, bytes], ...] | None = None
        self._body = bytearray()

    async def run(self, receive: Receive) -> None:
        """Call the application; buffer and cache the response if it is marked, else send it as it comes."""
        await self._app(self._scope, receive, self._on_message)

    async def _on_message(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if message["status"] == 200 and _RELEASE_TAG in self._state:
                self._headers = tuple(header for header in message["headers"] if header[0] != b"content-length")
                return
            message["headers"] = [*message["headers"], *_COMMON_HEADERS]
        elif self._headers is not None:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._cache_and_send(self._headers)
            return
        await self._send(message)

    async def _cache_and_send(self, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        body = bytes(self._body)
        gzip_body = gzip.compress(body, 5) if len(body) > _MIN_GZIP_BYTES else b""
        response = _CachedResponse(headers, body, gzip_body)
        release_tag = self._state[_RELEASE_TAG]
        self._cache.put(release_tag, self.address, response)
        await self.send_cached(release_tag, response)

    async def send_cached(self, release_tag: str, response: _CachedResponse) -> None:
        """Send a response of a release, as 304 without a body where the client has that release."""
        request_headers = self._request_headers
        tag = release_tag if self._format == "json" else f"{release_tag}-{self._format}"
        headers = [(b"etag", f'W/"{tag}"'.encode()), _CACHE_CONTROL, *_COMMON_HEADERS, *response.headers]
        if matches_tag(request_headers.get("if-none-match", ""), tag):
            headers = [header for header in headers if header[0] != b"content-type"]
            await self._send({"type": "http.response.start", "status": 304, "headers": headers})
            await self._send({"type": "http.response.body", "body": b""})
            return
        body = response.body
        if response.gzip_body and accepts_gzip(request_headers.get("accept-encoding", "")):
            body = response.gzip_body
            headers.append((b"content-encoding", b"gzip"))
        headers.append((b"content-length", str(len(body)).encode()))
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})
