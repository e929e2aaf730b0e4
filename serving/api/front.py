"""What stands before every request: limits, conditional requests, compression, and answers kept in memory.

An answer about published tables is the same bytes until the next release, so it is kept under its address and served
without touching the application again.
"""

import gzip
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.problems import ProblemError
from serving.api.store import Store

MAX_ADDRESS = 4_096
CACHED = "public, max-age=0, must-revalidate"  # the marker of an answer that stays until the next release
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"tickerlake-time-zone", b"UTC"),
    (b"vary", b"accept-encoding"),
]


@dataclass(slots=True)
class _Kept:
    media_type: bytes
    plain: bytes
    packed: bytes = b""
    extra: tuple[tuple[bytes, bytes], ...] = ()


@dataclass
class Memory:
    """Answers by address, of one release, the least recently used dropped beyond `limit` bytes."""

    limit: int
    tag: str = ""
    size: int = 0
    answers: OrderedDict[tuple[str, bytes], _Kept] = field(default_factory=OrderedDict)

    def get(self, tag: str, address: tuple[str, bytes]) -> _Kept | None:
        """Look an answer up; a new release forgets all of the one before."""
        if tag != self.tag:
            self.answers.clear()
            self.tag, self.size = tag, 0
        found = self.answers.get(address)
        if found:
            self.answers.move_to_end(address)
        return found

    def keep(self, tag: str, address: tuple[str, bytes], answer: _Kept) -> None:
        """Keep an answer of the release at hand, in place of what is there."""
        if tag != self.tag or address in self.answers:
            return
        self.answers[address] = answer
        self.size += len(answer.plain) + len(answer.packed)
        while self.size > self.limit and self.answers:
            _, dropped = self.answers.popitem(last=False)
            self.size -= len(dropped.plain) + len(dropped.packed)


class Buckets:
    """Token buckets by client address: `rate` requests a second on average, four seconds' worth at once."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._burst = 4 * rate
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str) -> float:
        """Take one token. Gives 0, or the seconds after which one will be there. A rate of 0 is no limit."""
        if not self._rate:
            return 0.0
        now = time.monotonic()
        left, at = self._left.pop(client, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        is_allowed = left >= 1
        self._left[client] = (left - 1 if is_allowed else left, now)
        if len(self._left) > 10_000:
            self._left.popitem(last=False)
        return 0.0 if is_allowed else (1 - left) / self._rate


class Front:
    """ASGI middleware around the application."""

    def __init__(self, app: ASGIApp, store: Store, rate: float = 0, memory_bytes: int = 64_000_000) -> None:
        self._app = app
        self._store = store
        self._buckets = Buckets(rate)
        self._memory = Memory(memory_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from memory, refuse, or pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wait = self._buckets.wait(scope["client"][0] if scope["client"] else "")
        if wait:
            problem = ProblemError(429, f"more than the allowed requests a second: try again in {wait:.1f} s")
            await problem.response({"Retry-After": str(int(wait) + 1)})(scope, receive, send)
            return
        path = scope.get("raw_path") or scope["path"].encode()  # which ASGI allows a server to leave out
        if len(path) + len(scope["query_string"]) > MAX_ADDRESS:
            await ProblemError(414, f"the address is longer than {MAX_ADDRESS} bytes").response()(scope, receive, send)
            return
        headers = Headers(scope=scope)
        accepts_gzip = "gzip" in headers.get("accept-encoding", "")
        asked = headers.get("if-none-match", "")
        address = (scope["path"], scope["query_string"])
        if scope["method"] == "GET" and (release := self._store.current):
            kept = self._memory.get(release.tag, address)
            if kept:
                await _answer(send, release.tag, kept, accepts_gzip=accepts_gzip, asked=asked)
                return
        await self._app(scope, receive, _Recorder(send, self._memory, address, accepts_gzip=accepts_gzip, asked=asked))


class _Recorder:
    """Stands in for `send`: an answer that may be kept is gathered, kept, and sent as it will be from memory."""

    def __init__(
        self, send: Send, memory: Memory, address: tuple[str, bytes], *, accepts_gzip: bool, asked: str
    ) -> None:
        self._send = send
        self._memory = memory
        self._address = address
        self._accepts_gzip = accepts_gzip
        self._asked = asked
        self._start: Message | None = None
        self._parts: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = Headers(raw=message["headers"])
            if message["status"] == 200 and headers.get("cache-control") == CACHED:
                self._start = message
            else:
                message["headers"] = [*message["headers"], *_HEADERS]
                await self._send(message)
            return
        if self._start is None:
            await self._send(message)
            return
        self._parts.append(message.get("body", b""))
        if message.get("more_body"):
            return
        headers = Headers(raw=self._start["headers"])
        tag = headers["etag"][3:-1]
        plain = b"".join(self._parts)
        packed = gzip.compress(plain, 5) if len(plain) > 500 else b""
        own = tuple(header for header in self._start["headers"] if header[0].startswith(b"tickerlake-"))
        kept = _Kept(headers["content-type"].encode(), plain, packed, own)
        self._memory.keep(tag, self._address, kept)
        await _answer(self._send, tag, kept, accepts_gzip=self._accepts_gzip, asked=self._asked)


async def _answer(send: Send, tag: str, kept: _Kept, *, accepts_gzip: bool, asked: str) -> None:
    etag = f'W/"{tag}"'
    headers = [(b"etag", etag.encode()), (b"cache-control", CACHED.encode()), *_HEADERS, *kept.extra]
    if asked and (asked == "*" or etag in asked):
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    is_packed = accepts_gzip and bool(kept.packed)
    body = kept.packed if is_packed else kept.plain
    headers += [(b"content-type", kept.media_type), (b"content-length", str(len(body)).encode())]
    if is_packed:
        headers.append((b"content-encoding", b"gzip"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
