"""Simulated bars: seeded, deterministic, and shaped like real ones, with every delivery fault on request.

Volume is U-shaped over the session and thin outside it, prices are a random walk with overnight
gaps, illiquid symbols skip minutes, and the seed's splits are on their real dates. The faults are counted, so that a
test can account for every line.
"""

import json
import math
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count, islice

from ulid import ULID

from loader import reference
from loader.calendar import Session, sessions
from loader.providers import simulate_days
from loader.providers.parse_context import ParseContext
from loader.record import Bar, CorporateAction, Stamp, bar_line, corporate_action_line, daily_bar_line

_TYPICAL = {  # price in dollars as traded in mid 2024, shares in a busy regular minute
    "TSLA": (178.0, 220_000),
    "NVDA": (1200.0, 120_000),
    "VOO": (491.0, 12_000),
    "QQQ": (456.0, 90_000),
    "SCHG": (98.0, 900),
    "AAPL": (194.0, 150_000),
    "AMZN": (185.0, 100_000),
    "GOOGL": (175.0, 70_000),
    "META": (493.0, 35_000),
    "MSFT": (424.0, 50_000),
}
_MALFORMED = (b'{"schema_version":1,"source":"simulated","symbol":"TS', b"not json at all", b"[1,2]", b"\\N", b'"text"')


@dataclass(frozen=True, slots=True)
class SimulatedDelivery:
    """One delivery: rendered lines, and their counts.

    `counts` has a number of lines per kind. Every bar is delivered once as `bars` or `late`; further lines are
    `provisional` and `correction` (other versions of a bar), `duplicate`, `malformed` and `impossible`. `days` and
    `actions` are lines of daily bars and corporate actions, where a history was requested.
    """

    run_id: str
    lines: list[bytes]
    counts: Counter[str] = field(default_factory=Counter)
    days: list[bytes] = field(default_factory=list)
    actions: list[bytes] = field(default_factory=list)


def simulate(
    symbols: list[str],
    first: date,
    days: int,
    seed: int,
    *,
    parts: int = 1,
    faults: bool = False,
    history: int = 0,
) -> list[SimulatedDelivery]:
    """Generate `days` sessions of 1-minute bars from `first` on, split by time into `parts` deliveries.

    Equal arguments produce equal bytes. With `faults` (and at least two parts for the late ones), about one
    line in fifty is a fault. With `history`, the first delivery has daily bars of so many sessions before, and each
    delivery those of its own sessions as they end, with their splits and dividends.
    """
    days_of = {mic: list(_sessions(mic, first, days)) for mic in {reference.get_instrument(s).mic for s in symbols}}
    bars = [bar for symbol in symbols for bar in _bars(symbol, days_of[reference.get_instrument(symbol).mic], seed)]
    bars.sort(key=lambda bar: (bar.bar_start, bar.symbol))
    rng = random.Random(f"faults/{seed}")
    deliveries: list[list[tuple[Bar, str]]] = [[] for _ in range(parts)]
    for position, bar in enumerate(bars):
        part = position * parts // len(bars)
        fate = rng.random() if faults else 1.0
        if fate < 0.003 and part + 1 < parts:
            deliveries[part + 1].append((bar, "late"))
        elif fate < 0.006:
            deliveries[part].append((replace(bar, close=bar.open), "provisional"))
            deliveries[min(part + 1, parts - 1)].append((bar, "bars"))
        else:
            deliveries[part].append((bar, "bars"))
            if fate < 0.009:
                later = rng.randrange(part, parts)
                deliveries[later].append(
                    (replace(bar, close=bar.high, volume=str(int(bar.volume or 0) + 1)), "correction")
                )
    ended_at = bars[-1].bar_start or datetime.min.replace(tzinfo=UTC)
    rendered = [_render(delivery, part, ended_at, seed, rng, faults) for part, delivery in enumerate(deliveries)]
    if history:
        for number, delivery in enumerate(rendered):
            start, stop = (len(bars) * n // parts for n in (number, number + 1))
            _add_days(delivery, bars[:stop], start, symbols, days_of, history if number == 0 else 0, seed)
    return rendered


def _add_days(
    part: SimulatedDelivery,
    bars: list[Bar],
    start: int,
    symbols: list[str],
    sessions_of: dict[str, list[Session]],
    history: int,
    seed: int,
) -> None:
    """Add the days that a delivery changes: those of its minutes (from `start` on), and `history` before them."""
    until = (bars[-1].bar_start or datetime.min.replace(tzinfo=UTC)) + timedelta(minutes=1)
    since = (bars[start].bar_start or until).date()
    stamp = Stamp(until + timedelta(hours=1), part.run_id, "")
    numbers = count(len(part.lines) + 1)
    for symbol in symbols:
        mic = reference.get_instrument(symbol).mic
        own_sessions = sessions_of[mic]
        days = [
            day
            for day in simulate_days.days_of((bar for bar in bars if bar.symbol == symbol), own_sessions, until, seed)
            if day.session_date and day.session_date >= since
        ]
        events: list[CorporateAction] = []
        if history:
            lookback = timedelta(days=2 * history + 14)
            first = own_sessions[0].session_date
            before = list(sessions(mic, first - lookback, first - timedelta(days=1)))[-history:]
            price, busy = _start(symbol, seed)
            start_of_minutes = simulate_days.History(symbol, price, busy * 390 * 0.4)
            days = [*simulate_days.days_before(start_of_minutes, before, own_sessions[0], seed), *days]
            events = simulate_days.actions(symbol, before[0].session_date, own_sessions[-1].session_date)
        part.days.extend(daily_bar_line(day, stamp, next(numbers)) for day in days)
        part.actions.extend(corporate_action_line(event, stamp, next(numbers)) for event in events)
    part.counts.update({"days": len(part.days), "actions": len(part.actions)})


def _render(
    delivery: list[tuple[Bar, str]], part: int, ended_at: datetime, seed: int, rng: random.Random, faults: bool
) -> SimulatedDelivery:
    """Render one delivery's bars as lines, then add the faults of whole lines."""
    received_at = ended_at + timedelta(hours=1 + part)
    run_id = str(ULID.from_bytes(int(received_at.timestamp() * 1000).to_bytes(6, "big") + _digest(seed, part)))
    counts: Counter[str] = Counter()
    lines: list[bytes] = []
    provisional: set[tuple[str, datetime | None]] = set()
    for bar, fate in delivery:
        key = (bar.symbol, bar.bar_start)
        moment = received_at + timedelta(milliseconds=len(lines))
        if fate == "provisional":
            moment = (bar.bar_start or received_at) + timedelta(seconds=30)
            provisional.add(key)
        stamp = Stamp(moment, run_id, "")
        lines.append(bar_line(bar, stamp, len(lines) + 1))
        counts[fate] += 1
    if faults:
        total = len(lines)
        for _ in range(max(1, total // 500)):
            lines.append(lines[rng.randrange(total)])
            counts["duplicate"] += 1
        for _ in range(max(1, total // 1000)):
            lines.append(rng.choice(_MALFORMED))
            counts["malformed"] += 1
            record = json.loads(lines[rng.randrange(total)])
            record["line_number"] = len(lines) + 1
            field_name, value = rng.choice([("low", "-1.00"), ("high", "0.01"), ("volume", "-5"), ("close", "n/a")])
            lines.append(json.dumps(record | {field_name: value}, separators=(",", ":")).encode())
            counts["impossible"] += 1
    return SimulatedDelivery(run_id, lines, counts)


def _digest(seed: int, part: int) -> bytes:
    return random.Random(f"run/{seed}/{part}").randbytes(10)


def _sessions(mic: str, first: date, days: int) -> Iterator[Session]:
    return islice(sessions(mic, first, first + timedelta(days=2 * days + 14)), days)


def _bars(symbol: str, days: list[Session], seed: int) -> Iterator[Bar]:
    """Yield one symbol's bars of its sessions, a random walk."""
    rng = random.Random(f"bars/{seed}/{symbol}")
    price, busy = _TYPICAL.get(symbol, (50.0 + rng.random() * 200, 20_000))
    context = ParseContext.build("simulated", symbol, "1min", date(2020, 1, 1))
    splits = dict(reference.split_ratios(symbol))
    for number, day in enumerate(days):
        if number:
            price *= math.exp(rng.gauss(0, 0.008)) / splits.get(day.session_date, 1.0)
            busy = int(busy * splits.get(day.session_date, 1.0))
        at = day.pre_opens_at
        while at < day.post_closes_at:
            is_in_session = day.opens_at <= at < day.closes_at
            expected = busy * _activity(at, day) if is_in_session else busy * 0.004
            if rng.random() < min(1.0, expected / 400) * (1.0 if is_in_session else 0.3):
                open_ = price
                price *= math.exp(rng.gauss(0, 0.0006 if is_in_session else 0.0003))
                high = max(open_, price) * (1 + abs(rng.gauss(0, 0.0002)))
                low = min(open_, price) * (1 - abs(rng.gauss(0, 0.0002)))
                burst = 6 if rng.random() < 0.004 else 1
                volume = max(1, int(expected * rng.lognormvariate(0, 0.5) * burst))
                open_text, high_text, low_text, close_text = (f"{value:.4f}" for value in (open_, high, low, price))
                label = at.replace(tzinfo=None).isoformat() + "Z"
                yield context.bar(label, open_text, high_text, low_text, close_text, str(volume))
            at += timedelta(minutes=1)


def _start(symbol: str, seed: int) -> tuple[float, int]:
    """Return the price and the shares of a busy minute at the start of the walk of `_bars`."""
    return _TYPICAL.get(symbol, (50.0 + random.Random(f"bars/{seed}/{symbol}").random() * 200, 20_000))


def _activity(at: datetime, day: Session) -> float:
    """Return the share of the busiest minute's volume: a U over the session, highest at the open."""
    share = (at - day.opens_at) / (day.closes_at - day.opens_at)
    return 0.25 + 0.75 * (2 * share - 1) ** 4 + (0.5 if share < 0.01 else 0.0)
