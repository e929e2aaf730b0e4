"""The typed outcomes of a request to a vendor; nothing is guessed."""

from dataclasses import dataclass, field
from enum import StrEnum

from loader.record import Bar, CorporateAction, DailyBar


class Kind(StrEnum):
    """The kind of a response. Missing data is recognised first, the vendor's message second."""

    BARS = "bars"
    EMPTY = "empty"
    UNKNOWN_SYMBOL = "unknown_symbol"
    BAD_REQUEST = "bad_request"
    BAD_KEY = "bad_key"
    BURST_LIMIT = "burst_limit"
    DAILY_QUOTA = "daily_quota"
    ENTITLEMENT = "entitlement"
    TRANSPORT = "transport"
    UNREADABLE = "unreadable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The parsed response to one request.

    `null_rows` counts rows with a time and no prices: they are no bars, and the run ledger records their number.
    `message` is the reason, in one redacted line, why there are no bars.
    """

    kind: Kind
    bars: list[Bar] = field(default_factory=list)
    null_rows: int = 0
    message: str = ""
    daily_bars: list[DailyBar] = field(default_factory=list)
    actions: list[CorporateAction] = field(default_factory=list)

    @property
    def is_failure(self) -> bool:
        """Whether the request failed: the response has neither bars nor a valid "no data"."""
        return self.kind not in (Kind.BARS, Kind.EMPTY)
