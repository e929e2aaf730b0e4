"""Limits of a request: a client's rate, and the length of the address."""

import time
from collections import OrderedDict

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.api.problems import ProblemError

MAX_ADDRESS_BYTES = 4_096
_MAX_CLIENTS = 10_000


class RateLimiter:
    """Token buckets by client address: `rate` requests a second on average, a burst of four seconds' worth.

    A rate of 0 means no limit.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._burst = 4 * rate
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # client: tokens, and when counted

    def acquire(self, client: str) -> float:
        """Take a token and return 0; without one, return the seconds until the next."""
        if not self._rate:
            return 0.0
        now = time.monotonic()
        tokens, counted_at = self._buckets.pop(client, (self._burst, now))
        tokens = min(self._burst, tokens + (now - counted_at) * self._rate)
        is_allowed = tokens >= 1
        self._buckets[client] = (tokens - 1 if is_allowed else tokens, now)
        if len(self._buckets) > _MAX_CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if is_allowed else (1 - tokens) / self._rate


class LimitsMiddleware:
    """ASGI middleware that responds with 429 above the rate limit, and with 414 to a too long address."""

    def __init__(self, app: ASGIApp, rate: float = 0) -> None:
        self._app = app
        self._limiter = RateLimiter(rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reject the request or pass it on."""
        app = self._check(scope) if scope["type"] == "http" else None
        await (app or self._app)(scope, receive, send)

    def _check(self, scope: Scope) -> ASGIApp | None:
        """Return the response that rejects the request; None when it is within the limits."""
        wait = self._limiter.acquire(scope["client"][0] if scope["client"] else "")
        if wait:
            problem = ProblemError(429, f"too many requests: retry in {wait:.1f} s")
            return problem.response({"Retry-After": str(int(wait) + 1)})
        path = scope.get("raw_path") or scope["path"].encode()  # a server may leave raw_path out
        if len(path) + len(scope["query_string"]) > MAX_ADDRESS_BYTES:
            return ProblemError(414, f"the address is longer than {MAX_ADDRESS_BYTES} bytes: shorten it").response()
        return None
