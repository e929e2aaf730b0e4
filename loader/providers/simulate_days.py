"""Days of no vendor: a history that leads up to simulated minutes, the days of those minutes, splits and dividends.

Returns share a market's move and come in calm and nervous spells; volume grows with the size of the move, as it does in
real markets. The splits are the seed's, and the dividends real ones, on their real dates.
"""

import math
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from loader import reference
from loader.calendar import Session
from loader.providers.context import Context
from loader.record import Bar, CorporateAction, DailyBar

_DIVIDENDS = {  # ex-date and dollars per share as traded then
    "AAPL": {"2023-05-12": 0.24, "2023-08-11": 0.24, "2023-11-10": 0.24, "2024-02-09": 0.24, "2024-05-10": 0.25},
    "MSFT": {"2023-05-17": 0.68, "2023-08-16": 0.68, "2023-11-15": 0.75, "2024-02-14": 0.75, "2024-05-15": 0.75},
    "NVDA": {"2023-06-07": 0.04, "2023-09-06": 0.04, "2023-12-05": 0.04, "2024-03-05": 0.04, "2024-06-11": 0.01},
    "META": {"2024-02-21": 0.5, "2024-06-14": 0.5},
    "GOOGL": {"2024-06-10": 0.2},
}
_BETAS = {"TSLA": 1.9, "NVDA": 1.8, "AMZN": 1.3, "META": 1.3, "QQQ": 1.15, "SCHG": 1.15, "VOO": 1.0}
_FUNDS = {"VOO": 0.0005, "QQQ": 0.002, "SCHG": 0.002}
"""How far a fund's day strays from the market's; a share's strays by 0.013."""
_AUCTION_SHARE = 0.15
"""Share of a day's volume that is traded outside the minutes: auctions, odd lots, late prints."""


@dataclass(frozen=True, slots=True)
class History:
    """The price and the regular session's volume of a symbol at the start of its simulated minutes, to lead up to."""

    symbol: str
    price: float
    volume: float


def days_before(history: History, sessions: Sequence[Session], first: Session, seed: int) -> list[DailyBar]:
    """Walk back from the first simulated minute through `sessions`, oldest first in what comes out."""
    rng = random.Random(f"days/{seed}/{history.symbol}")
    context = Context.build("simulated", history.symbol, "1min", date(2020, 1, 1))
    splits = dict(reference.split_ratios(history.symbol))
    market = _market(len(sessions), seed)
    beta, stray = _BETAS.get(history.symbol, 1.1), _FUNDS.get(history.symbol, 0.013)
    close, volume, following = history.price, history.volume, first
    found = []
    for session, (move, mood) in zip(reversed(sessions), market, strict=True):
        ratio = splits.get(following.session_date, 1.0)
        own = rng.gauss(0, stray * mood)
        change = beta * move + own
        close, volume, following = close * ratio, volume / ratio, session
        open_ = close / math.exp(change) * math.exp(rng.gauss(0, 0.004 * mood))
        high = max(open_, close) * (1 + abs(rng.gauss(0, 0.004 * mood)))
        low = min(open_, close) * (1 - abs(rng.gauss(0, 0.004 * mood)))
        traded = volume * (0.7 + 20 * abs(change)) * rng.lognormvariate(0, 0.2)
        prices = [f"{value:.4f}" for value in (open_, high, low, close)]
        found.append(context.daily_bar(str(session.session_date), prices, None, str(int(traded))))
        close /= math.exp(change)
    return found[::-1]


def days_of(bars: Iterable[Bar], sessions: Sequence[Session], until: datetime, seed: int) -> Iterator[DailyBar]:
    """Sum up each session of one symbol's minutes as a vendor would; one that is not over at `until` is live."""
    minutes: dict[date, list[Bar]] = defaultdict(list)
    session_of = {session.session_date: session for session in sessions}
    for bar in bars:
        for day, session in session_of.items():
            if bar.bar_start and session.opens_at <= bar.bar_start < session.closes_at:
                minutes[day].append(bar)
    for day, within in minutes.items():
        rng = random.Random(f"auction/{seed}/{within[0].symbol}/{day}")
        context = Context.build("simulated", within[0].symbol, "1min", date(2020, 1, 1))
        high, low = max(float(bar.high or 0) for bar in within), min(float(bar.low or 0) for bar in within)
        close = min(high, max(low, float(within[-1].close or 0) * (1 + rng.gauss(0, 0.0003))))
        volume = int(sum(int(bar.volume or 0) for bar in within) / (1 - _AUCTION_SHARE))
        prices = [within[0].open, f"{high:.4f}", f"{low:.4f}", f"{close:.4f}"]
        found = context.daily_bar(str(day), prices, None, str(volume))
        yield replace(found, is_live=session_of[day].closes_at > until)


def actions(symbol: str, first: date, last: date) -> list[CorporateAction]:
    """List the symbol's splits and dividends from `first` to `last`, both included."""
    context = Context.build("simulated", symbol, "1min", date(2020, 1, 1))
    found = [context.action("split", str(day), ratio, None) for day, ratio in reference.split_ratios(symbol)]
    found += [context.action("dividend", day, None, amount) for day, amount in _DIVIDENDS.get(symbol, {}).items()]
    return [event for event in found if event.effective_date and first <= event.effective_date <= last]


def _market(days: int, seed: int) -> list[tuple[float, float]]:
    """The market's move and mood of each day, newest first: a mood of 1 is usual, above it is nervous."""
    rng = random.Random(f"market/{seed}")
    mood, found = 1.0, []
    for _ in range(days):
        mood = math.exp(0.97 * math.log(mood) + rng.gauss(0, 0.1))
        found.append((rng.gauss(0.0005, 0.008 * mood), mood))
    return found
