"""Every answer of a vendor is one of a few typed outcomes; nothing is guessed."""

from dataclasses import dataclass, field
from enum import StrEnum

from loader.record import Bar, CorporateAction, DailyBar


class Kind(StrEnum):
    """What a vendor's answer amounts to. Absence of data is recognised first, the vendor's wording second."""

    BARS = "bars"
    EMPTY = "empty"
    UNKNOWN_SYMBOL = "unknown_symbol"
    BAD_REQUEST = "bad_request"
    BAD_KEY = "bad_key"
    BURST_LIMIT = "burst_limit"
    DAILY_QUOTA = "daily_quota"
    ENTITLEMENT = "entitlement"
    TRANSPORT = "transport"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The parsed answer to one request.

    `null_rows` counts rows in which the vendor gave a time but no prices: they are no bars, and the run ledger keeps
    their number. `message` says in one redacted line why there are no bars.
    """

    kind: Kind
    bars: list[Bar] = field(default_factory=list)
    null_rows: int = 0
    message: str = ""
    daily_bars: list[DailyBar] = field(default_factory=list)
    actions: list[CorporateAction] = field(default_factory=list)

    @property
    def is_failure(self) -> bool:
        """True when the request should be looked at: neither bars nor an honest "no data"."""
        return self.kind not in (Kind.BARS, Kind.EMPTY)
