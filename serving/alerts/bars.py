"""Bars as lines of the stream hold them, and the signals that the marts would find in them."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

REACH = 20  # bars before a bar that its signals depend on, and after it that depend on it
ANOMALY_PCT = 5  # the vars of dbt_project.yml: anomaly_pct, spike_bars, spike_factor
SPIKE_BARS = 3
SPIKE_FACTOR = 2

_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9.=^/-]{0,19}")
_INTERVALS = ("1min", "5min", "15min", "30min", "60min")
_BASES = ("raw", "split_adjusted", "total_return_adjusted")

Factor = Callable[[str, date], Decimal]
"""Product of the split ratios of a symbol that are effective on a date."""


@dataclass(frozen=True, slots=True)
class HotBar:
    """One bar of a series. `version` orders the versions of the same bar as the marts do; times are ISO-8601 UTC."""

    symbol: str
    bar_interval: str
    source: str
    start: str
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal | None
    is_final: bool
    version: str
    price_basis: str

    @property
    def series(self) -> str:
        """The key of its series."""
        return f"{self.symbol}|{self.bar_interval}|{self.source}"


@dataclass(frozen=True, slots=True)
class Signal:
    """One row as of fct_signal: type, direction, the value and what it was compared with."""

    start: str
    signal_type: str
    direction: str
    value: float
    threshold: float

    @property
    def key(self) -> str:
        """Its key within the series."""
        return f"{self.start}|{self.signal_type}|{self.direction}"


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of a bar among its neighbours. `change` and `change_pct` are None on the first bar."""

    bar: HotBar
    change: Decimal | None
    change_pct: float | None
    signals: tuple[Signal, ...]


def parse(line: bytes) -> HotBar | None:
    """Read a line, or give None for one that the warehouse refuses (and keeps: nothing is lost by passing it over).

    The rules are those of macros/validation/bar_rules.sql, but for those that need the seeds (source, asset class).
    """
    try:
        record = json.loads(line, parse_float=str, parse_int=str)
        prices = [_decimal(record[name]) for name in ("open", "high", "low", "close")]
        volume = None if record.get("volume") is None else _decimal(record["volume"])
        start, received = _instant(record["bar_start"]), _instant(record["received_at"])
        line_number = int(record["line_number"])
        is_final = record["is_final"]
        is_good = (
            str(record["schema_version"]) == "1"
            and _SYMBOL.fullmatch(record["symbol"])
            and record["bar_interval"] in _INTERVALS
            and record["price_basis"] in _BASES
            and re.fullmatch("[A-Z]{3}", record["currency"])
            and isinstance(is_final, bool)
            and isinstance(record["run_id"], str)
            and isinstance(record["source"], str)
            and start.second == start.microsecond == 0
            and datetime(1970, 1, 1, tzinfo=UTC) <= start < datetime(2050, 1, 1, tzinfo=UTC)
            and start <= received + timedelta(minutes=5)
            and min(prices) > 0
            and max(prices) == prices[1]
            and min(prices) == prices[2]
            and (volume is None or volume >= 0)
        )
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError):
        return None
    if not is_good:
        return None
    version = f"{int(is_final)}|{received:%Y-%m-%dT%H:%M:%S.%f}|{record['run_id']}|{line_number:012d}"
    opened, high, low, close = prices
    return HotBar(
        record["symbol"],
        record["bar_interval"],
        record["source"],
        f"{start:%Y-%m-%dT%H:%M:%SZ}",
        opened,
        high,
        low,
        close,
        volume,
        is_final,
        version,
        record["price_basis"],
    )


def _decimal(value: Any) -> Decimal:
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise ValueError(value)
    return Decimal(value)


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.utcoffset() != timedelta(0):
        raise ValueError(text)
    return found


def split_factors(splits: Sequence[Mapping[str, str]]) -> Factor:
    """Make a factor from rows as of seeds/split.csv (symbol, effective_date, new_shares, old_shares)."""

    def factor(symbol: str, day: date) -> Decimal:
        product = Decimal(1)
        for split in splits:
            if split["symbol"] == symbol and date.fromisoformat(split["effective_date"]) <= day:
                product *= Decimal(split["new_shares"]) / Decimal(split["old_shares"])
        return product

    return factor


def measure(bars: Sequence[HotBar], factor: Factor = lambda symbol, day: Decimal(1)) -> list[Measured]:
    """Measure each of a series' bars, given in time order; the first REACH of them know too little for a crossover.

    The definitions are those of fct_moving_average, fct_volume_spike and fct_price_change: sums of decimals are exact,
    ties between averages are decided on them, and a signal is of a final bar.
    """
    factors = [_factor(bar, factor) for bar in bars]
    closes = [bar.close * own for bar, own in zip(bars, factors, strict=True)]
    sides = [_side(closes, i) for i in range(len(bars))]
    measured = []
    for i, bar in enumerate(bars):
        change = pct = None
        signals: list[Signal] = []
        if i:
            previous = bars[i - 1].close if factors[i] == factors[i - 1] else closes[i - 1] / factors[i]
            change = bar.close - previous
            pct = 100 * float(change) / float(previous)
            if abs(pct) > ANOMALY_PCT:
                signals.append(Signal(bar.start, "anomaly", "UP" if pct > 0 else "DOWN", pct, float(ANOMALY_PCT)))
        side, before = sides[i], sides[i - 1] if i else None
        if side is not None and before is not None and side != 0 and side != before:
            averages = [float(sum(closes[i - n + 1 : i + 1])) / n / float(factors[i]) for n in (5, 20)]
            signals.append(Signal(bar.start, "crossover", "BUY" if side > 0 else "SELL", *averages))
        usual = _usual_volume(bars, factors, i)
        if usual is not None and bar.volume is not None and float(bar.volume) > SPIKE_FACTOR * usual:
            signals.append(Signal(bar.start, "volume_spike", "UP", float(bar.volume), SPIKE_FACTOR * usual))
        measured.append(Measured(bar, change, pct, tuple(signals) if bar.is_final else ()))
    return measured


def _factor(bar: HotBar, factor: Factor) -> Decimal:
    if bar.price_basis != "raw":
        return Decimal(1)
    # the exchange day begins at 04:00 New York: 08:00 or 09:00 UTC
    return factor(bar.symbol, (datetime.fromisoformat(bar.start) - timedelta(hours=8)).date())


def _side(closes: Sequence[Decimal], at: int) -> int | None:
    """Tell whether the mean of 5 closes lies above (1), on (0) or below (-1) that of 20; None before the 20th."""
    if at < 19:
        return None
    short, long = sum(closes[at - 4 : at + 1]) * 4, sum(closes[at - 19 : at + 1])
    return (short > long) - (short < long)


def _usual_volume(bars: Sequence[HotBar], factors: Sequence[Decimal], at: int) -> float | None:
    if at < SPIKE_BARS:
        return None
    volumes = [bar.volume for bar in bars[at - SPIKE_BARS : at]]
    known = [volume for volume in volumes if volume is not None]
    if len(known) < SPIKE_BARS:
        return None
    if all(own == factors[at] for own in factors[at - SPIKE_BARS : at]):
        return float(sum(known)) / SPIKE_BARS
    own = factors[at - SPIKE_BARS : at]
    return sum(float(v) / float(f) for v, f in zip(known, own, strict=True)) * float(factors[at]) / SPIKE_BARS
