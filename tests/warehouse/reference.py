"""Indicators by plain recursion over rows, the tests' own reference."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

Values = list[float | None]


@dataclass(frozen=True)
class Bars:
    """Columns of a series in time order."""

    high: Sequence[float]
    low: Sequence[float]
    close: Sequence[float]
    volume: Sequence[float]


def recursive(values: Sequence[float], alpha: float, first: int, length: int) -> Values:
    """e += alpha (x - e), seeded at index `first` with the mean of the last `length` values; None before."""
    out: Values = [None] * min(first, len(values))
    if len(values) <= first:
        return out
    state = math.fsum(values[first - length + 1 : first + 1]) / length
    out.append(state)
    for value in values[first + 1 :]:
        state += alpha * (value - state)
        out.append(state)
    return out


def indicators(bars: Bars) -> dict[str, Values]:
    """Return every column of fct_technical_indicator that depends on the series alone (not VWAP, relative volume)."""
    close = bars.close
    ema_12 = recursive(close, 2 / 13, 11, 12)
    ema_26 = recursive(close, 2 / 27, 25, 26)
    macd: Values = [f - s if f is not None and s is not None else None for f, s in zip(ema_12, ema_26, strict=True)]
    warm_up: Values = [None] * min(25, len(close))
    macd_signal = warm_up + recursive([m for m in macd if m is not None], 0.2, 8, 9)
    moves = [0.0] + [after - before for before, after in itertools.pairwise(close)]
    gains = recursive([max(move, 0.0) for move in moves], 1 / 14, 14, 14)
    losses = recursive([max(-move, 0.0) for move in moves], 1 / 14, 14, 14)
    before = [None, *close[:-1]]
    ranges = [
        high - low if last is None else max(high, last) - min(low, last)
        for high, low, last in zip(bars.high, bars.low, before, strict=True)
    ]
    means: Values = [None] * len(close)
    stddevs: Values = [None] * len(close)
    for i in range(19, len(close)):
        window = close[i - 19 : i + 1]
        mean = math.fsum(window) / 20
        means[i], stddevs[i] = mean, math.sqrt(math.fsum((x - mean) ** 2 for x in window) / 20)
    bands = list(zip(means, stddevs, strict=True))
    return {
        "ema_12": ema_12,
        "ema_26": ema_26,
        "macd": macd,
        "macd_signal": macd_signal,
        "macd_histogram": [
            m - s if m is not None and s is not None else None for m, s in zip(macd, macd_signal, strict=True)
        ],
        "rsi_14": [_rsi(g, x, c) for g, x, c in zip(gains, losses, close, strict=True)],
        "bollinger_upper": [m + 2 * d if m is not None and d is not None else None for m, d in bands],
        "bollinger_middle": means,
        "bollinger_lower": [m - 2 * d if m is not None and d is not None else None for m, d in bands],
        "atr_14": recursive(ranges, 1 / 14, 13, 14),
    }


def _rsi(gain: float | None, loss: float | None, close: float) -> float | None:
    if gain is None or loss is None:
        return None
    return 100.0 if gain + loss <= 1e-8 * close else 100 * gain / (gain + loss)
