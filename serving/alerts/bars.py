"""Bars in the lines of the stream, and their signals by the definitions of the marts."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

THRESHOLDS = Path(__file__).parent / "thresholds.json"
SIGNAL_TYPES = ("crossover", "volume_spike", "anomaly")
_SHORT_BARS, _LONG_BARS = 5, 20  # the averages of a crossover

_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9.=^/-]{0,19}")
_INTERVALS = ("1min", "5min", "15min", "30min", "60min")
_BASES = ("raw", "split_adjusted", "total_return_adjusted")

SplitFactor = Callable[[str, date], Decimal]
"""The product of a symbol's split ratios that are effective on a date."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The project's vars of these names, as in the marts. Each is strict: exactly the threshold is no signal."""

    anomaly_pct: float
    spike_bars: int
    spike_factor: float

    @property
    def lookback(self) -> int:
        """The bars before a bar that its signals depend on."""
        return max(_LONG_BARS, self.spike_bars)


@cache
def read_thresholds() -> Thresholds:
    """Read the thresholds that `make contract` wrote from dbt_project.yml."""
    return Thresholds(**json.loads(THRESHOLDS.read_text()))


@dataclass(frozen=True, slots=True)
class StreamBar:
    """A bar of a series. `version` sorts the versions of the same bar as the marts do; times are ISO-8601 UTC."""

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
    """A signal as in fct_signal: its type, direction and value, and the threshold that the value crossed."""

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
class MeasuredBar:
    """A bar with its change from the bar before (None on the first bar) and its signals."""

    bar: StreamBar
    change: Decimal | None
    change_pct: float | None
    signals: tuple[Signal, ...]


def parse(line: bytes) -> StreamBar | None:
    """Return the bar of a line, or None for one that the warehouse quarantines.

    The rules are those of macros/validation/bar_rules.sql, except those that need the seeds (source, asset class).
    """
    try:
        record = json.loads(line, parse_float=str, parse_int=str)
        prices = [_parse_decimal(record[name]) for name in ("open", "high", "low", "close")]
        volume = None if record.get("volume") is None else _parse_decimal(record["volume"])
        start, received = _parse_utc(record["bar_start"]), _parse_utc(record["received_at"])
        line_number = int(record["line_number"])
        is_final = record["is_final"]
        is_valid = (
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
    if not is_valid:
        return None
    version = f"{int(is_final)}|{received:%Y-%m-%dT%H:%M:%S.%f}|{record['run_id']}|{line_number:012d}"
    opened, high, low, close = prices
    return StreamBar(
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


def _parse_decimal(value: Any) -> Decimal:
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise ValueError(value)
    return Decimal(value)


def _parse_utc(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.utcoffset() != timedelta(0):
        raise ValueError(text)
    return at


def create_split_factor(splits: Sequence[Mapping[str, str]]) -> SplitFactor:
    """Return the factor of splits, given as rows of seeds/split.csv."""

    def factor(symbol: str, day: date) -> Decimal:
        product = Decimal(1)
        for split in splits:
            if split["symbol"] == symbol and date.fromisoformat(split["effective_date"]) <= day:
                product *= Decimal(split["new_shares"]) / Decimal(split["old_shares"])
        return product

    return factor


def measure(
    bars: Sequence[StreamBar],
    factor: SplitFactor = lambda symbol, day: Decimal(1),
    thresholds: Thresholds | None = None,
) -> list[MeasuredBar]:
    """Measure the bars of a series, given in time order; the first 20 bars have no crossover.

    The definitions are those of fct_moving_average, fct_volume_spike and fct_price_change: sums of decimals are exact
    and decide ties between averages, and only a final bar has signals.
    """
    thresholds = thresholds or read_thresholds()
    factors = [_bar_factor(bar, factor) for bar in bars]
    closes = [bar.close * bar_factor for bar, bar_factor in zip(bars, factors, strict=True)]
    sides = [_compare_averages(closes, index) for index in range(len(bars))]
    measured = []
    for index, bar in enumerate(bars):
        change = change_pct = None
        signals: list[Signal] = []
        if index:
            is_same_basis = factors[index] == factors[index - 1]
            previous = bars[index - 1].close if is_same_basis else closes[index - 1] / factors[index]
            change = bar.close - previous
            change_pct = 100 * float(change) / float(previous)
            if abs(change_pct) > thresholds.anomaly_pct:
                direction = "UP" if change_pct > 0 else "DOWN"
                signals.append(Signal(bar.start, "anomaly", direction, change_pct, float(thresholds.anomaly_pct)))
        side, previous_side = sides[index], sides[index - 1] if index else None
        if side is not None and previous_side is not None and side not in (0, previous_side):
            averages = [
                float(sum(closes[index - length + 1 : index + 1])) / length / float(factors[index])
                for length in (_SHORT_BARS, _LONG_BARS)
            ]
            signals.append(Signal(bar.start, "crossover", "BUY" if side > 0 else "SELL", *averages))
        mean_volume = _mean_volume(bars, factors, index, thresholds.spike_bars)
        if mean_volume is not None and bar.volume is not None:
            volume, threshold = float(bar.volume), thresholds.spike_factor * mean_volume
            if volume > threshold:
                signals.append(Signal(bar.start, "volume_spike", "UP", volume, threshold))
        measured.append(MeasuredBar(bar, change, change_pct, tuple(signals) if bar.is_final else ()))
    return measured


def _bar_factor(bar: StreamBar, factor: SplitFactor) -> Decimal:
    if bar.price_basis != "raw":
        return Decimal(1)
    # the exchange day begins at 04:00 in New York, which is 08:00 or 09:00 UTC
    return factor(bar.symbol, (datetime.fromisoformat(bar.start) - timedelta(hours=8)).date())


def _compare_averages(closes: Sequence[Decimal], index: int) -> int | None:
    """Return 1, 0 or -1: the mean of 5 closes is above, equal to or below that of 20; None before the 20th close."""
    if index < _LONG_BARS - 1:
        return None
    # compared as sums, which are exact, of the same number of terms
    short = sum(closes[index - _SHORT_BARS + 1 : index + 1]) * (_LONG_BARS // _SHORT_BARS)
    long = sum(closes[index - _LONG_BARS + 1 : index + 1])
    return (short > long) - (short < long)


def _mean_volume(bars: Sequence[StreamBar], factors: Sequence[Decimal], index: int, length: int) -> float | None:
    """Return the mean volume of the `length` bars before, in shares of this bar; None when one is unknown."""
    if index < length:
        return None
    volumes = [bar.volume for bar in bars[index - length : index] if bar.volume is not None]
    if len(volumes) < length:
        return None
    previous_factors = factors[index - length : index]
    if all(factor == factors[index] for factor in previous_factors):
        return float(sum(volumes)) / length
    unadjusted = sum(float(volume) / float(factor) for volume, factor in zip(volumes, previous_factors, strict=True))
    return unadjusted * float(factors[index]) / length
