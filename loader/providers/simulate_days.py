"""Simulated days: a history before simulated minutes, the days of those minutes, splits and dividends.

Returns share a market's move, and their volatility is clustered; volume grows with the size of the move, as it does in
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
from loader.providers.parse_context import ParseContext
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
"""Deviation of a fund's daily return from the market's; a share's is 0.013."""
_AUCTION_SHARE = 0.15
"""Share of a day's volume that is traded outside the minutes: auctions, odd lots, late prints."""


@dataclass(frozen=True, slots=True)
class History:
    """The price and the regular session's volume of a symbol at the start of its simulated minutes."""

    symbol: str
    price: float
    volume: float


def days_before(history: History, sessions: Sequence[Session], first: Session, seed: int) -> list[DailyBar]:
    """Return the days of `sessions`, oldest first: a random walk back from the first simulated minute."""
    rng = random.Random(f"days/{seed}/{history.symbol}")
    context = ParseContext.build("simulated", history.symbol, "1min", date(2020, 1, 1))
    splits = dict(reference.split_ratios(history.symbol))
    market = _market(len(sessions), seed)
    beta, deviation = _BETAS.get(history.symbol, 1.1), _FUNDS.get(history.symbol, 0.013)
    close, volume, following = history.price, history.volume, first
    days = []
    for session, (move, volatility) in zip(reversed(sessions), market, strict=True):
        ratio = splits.get(following.session_date, 1.0)
        own = rng.gauss(0, deviation * volatility)
        change = beta * move + own
        close, volume, following = close * ratio, volume / ratio, session
        open_ = close / math.exp(change) * math.exp(rng.gauss(0, 0.004 * volatility))
        high = max(open_, close) * (1 + abs(rng.gauss(0, 0.004 * volatility)))
        low = min(open_, close) * (1 - abs(rng.gauss(0, 0.004 * volatility)))
        traded = volume * (0.7 + 20 * abs(change)) * rng.lognormvariate(0, 0.2)
        prices = [f"{value:.4f}" for value in (open_, high, low, close)]
        days.append(context.daily_bar(str(session.session_date), prices, None, str(int(traded))))
        close /= math.exp(change)
    return days[::-1]


def days_of(bars: Iterable[Bar], sessions: Sequence[Session], until: datetime, seed: int) -> Iterator[DailyBar]:
    """Yield the daily bar of each session of one symbol's minutes; one that is not over at `until` is live."""
    minutes: dict[date, list[Bar]] = defaultdict(list)
    session_of = {session.session_date: session for session in sessions}
    for bar in bars:
        for day, session in session_of.items():
            if bar.bar_start and session.opens_at <= bar.bar_start < session.closes_at:
                minutes[day].append(bar)
    for day, own_bars in minutes.items():
        rng = random.Random(f"auction/{seed}/{own_bars[0].symbol}/{day}")
        context = ParseContext.build("simulated", own_bars[0].symbol, "1min", date(2020, 1, 1))
        high, low = max(float(bar.high or 0) for bar in own_bars), min(float(bar.low or 0) for bar in own_bars)
        close = min(high, max(low, float(own_bars[-1].close or 0) * (1 + rng.gauss(0, 0.0003))))
        volume = int(sum(int(bar.volume or 0) for bar in own_bars) / (1 - _AUCTION_SHARE))
        prices = [own_bars[0].open, f"{high:.4f}", f"{low:.4f}", f"{close:.4f}"]
        daily_bar = context.daily_bar(str(day), prices, None, str(volume))
        yield replace(daily_bar, is_live=session_of[day].closes_at > until)


def actions(symbol: str, first: date, last: date) -> list[CorporateAction]:
    """List the symbol's splits and dividends from `first` to `last`, both included."""
    context = ParseContext.build("simulated", symbol, "1min", date(2020, 1, 1))
    events = [context.action("split", str(day), ratio, None) for day, ratio in reference.split_ratios(symbol)]
    events += [context.action("dividend", day, None, amount) for day, amount in _DIVIDENDS.get(symbol, {}).items()]
    return [event for event in events if event.effective_date and first <= event.effective_date <= last]


def _market(days: int, seed: int) -> list[tuple[float, float]]:
    """Return the market's move and volatility of each day, newest first; 1 is the usual volatility."""
    rng = random.Random(f"market/{seed}")
    volatility, days_newest_first = 1.0, []
    for _ in range(days):
        volatility = math.exp(0.97 * math.log(volatility) + rng.gauss(0, 0.1))
        days_newest_first.append((rng.gauss(0.0005, 0.008 * volatility), volatility))
    return days_newest_first
