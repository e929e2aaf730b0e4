"""Daily bars and corporate actions: which version wins, which report counts, and continuity over splits."""

import math
import random
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from testkit.daily import action, day, land, plain
from testkit.lake import Lake, assert_equal_marts, bar, project_copy

SPLITS = [  # real ratios and dates, from the seed
    ("NVDA", "2021-07-20", 4.0),
    ("NVDA", "2024-06-10", 10.0),
    ("AAPL", "2020-08-31", 4.0),
    ("TSLA", "2020-08-31", 5.0),
    ("TSLA", "2022-08-25", 3.0),
    ("GOOGL", "2022-07-18", 20.0),
]


def weekdays(first: str, count: int) -> list[date]:
    sessions: list[date] = []
    at = date.fromisoformat(first)
    while len(sessions) < count:
        if at.weekday() < 5:
            sessions.append(at)
        at += timedelta(days=1)
    return sessions


def walk(seed: str, count: int) -> list[float]:
    """Return closes in one unit throughout, with daily moves of at most 3 %."""
    rng, price, closes = random.Random(seed), 100.0, []
    for _ in range(count):
        price *= 1 + rng.uniform(-0.03, 0.03)
        closes.append(price)
    return closes


def raw_days(symbol: str, days: list[date], closes: list[float], splits: dict[date, float]) -> list[dict[str, Any]]:
    """Return a raw feed's days of continuous closes (in units of the last day): before a split, its ratio higher."""
    rows = []
    for number, (at, close) in enumerate(zip(days, closes, strict=True)):
        later = math.prod(ratio for effective, ratio in splits.items() if effective > at)
        price = close * later
        rows.append(
            day(
                symbol,
                at,
                price,
                volume=plain(1_000_000 / later),
                received_at="2026-01-01T00:00:00.000Z",
                line_number=number,
                high=price * 2,
                low=price / 2,
            )
        )
    return rows


@pytest.fixture(scope="module")
def split_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Build raw series over every real split, a reverse split, two splits in a window, a split with a dividend."""
    lake = Lake(tmp_path_factory.mktemp("splits") / "lake")
    lines: list[dict[str, Any]] = []
    for symbol, effective, _ in SPLITS:
        days = weekdays(str(date.fromisoformat(effective) - timedelta(days=45)), 60)
        ratios = {date.fromisoformat(e): r for s, e, r in SPLITS if s == symbol and days[0] <= date.fromisoformat(e)}
        ratios = {at: r for at, r in ratios.items() if at <= days[-1]}
        lines += raw_days(symbol, days, walk(effective + symbol, 60), ratios)
    days = weekdays("2025-02-03", 60)
    both = {days[30]: 2.0, days[38]: 3.0}
    lines += raw_days("TWICE", days, walk("TWICE", 60), both)
    lines += raw_days("BACK", days, walk("BACK", 60), {days[30]: 0.1})
    lines += raw_days("PAID", days, walk("PAID", 60), {days[30]: 4.0})
    lines += raw_days("SOON", days, walk("SOON", 60), {})
    land(lake, "daily_bars", lines)
    land(
        lake,
        "corporate_actions",
        [
            *(action("TWICE", "split", at, ratio, line_number=i) for i, (at, ratio) in enumerate(both.items())),
            action("BACK", "split", days[30], "0.1", line_number=3),
            action("PAID", "split", days[30], "4", line_number=4),
            action("PAID", "dividend", days[30], "1.5", line_number=5),
            action("SOON", "split", days[-1] + timedelta(days=30), "10", line_number=6),
        ],
    )
    minutes = []
    for number in range(60):  # NVDA's last split at one minute: half an hour before it and half an hour after
        start = f"2024-06-07T19:{30 + number:02d}" if number < 30 else f"2024-06-10T13:{number:02d}"
        price = plain((1200 if number < 30 else 120) * (1 + number % 7 / 1000))
        shares = str(100 if number < 30 else 1000)
        minutes.append(bar("NVDA", f"{start}:00Z", price, volume=shares, line_number=number))
    lake.land(minutes)
    lake.run()
    return lake


@pytest.mark.slow
def test_no_return_no_signal_and_no_volume_spike_comes_from_a_split(split_lake: Lake) -> None:
    jumps = split_lake.query("""
        select symbol, session_date, simple_return from fct_daily_return
        where abs(simple_return) > 0.0300001 and source = 'simulated'
            and not (symbol in ('NVDA', 'TSLA', 'AAPL', 'GOOGL') and previous_close is null)
            -- the series of one symbol over two splits are years apart
            and (symbol, session_date) not in (select symbol, min(session_date) from fct_daily_return
                where year in (2022, 2024) group by symbol, year)
    """)
    assert jumps == []
    assert split_lake.query("select count(*) from fct_daily_indicator where volume_spike = 'SPIKE'") == [(0,)]
    assert split_lake.query("select count(*) from fct_daily_return where simple_return is not null") != [(0,)]
    crossing = split_lake.query("""
        select bar_start_at, is_anomaly, volume_spike, crossover
        from fct_price_change inner join fct_volume_spike using (symbol, bar_interval, source, bar_start_at)
        inner join fct_moving_average using (symbol, bar_interval, source, bar_start_at)
        where symbol = 'NVDA' and is_anomaly or volume_spike = 'SPIKE'
    """)
    assert crossing == []
    assert split_lake.query("select distinct split_factor from fct_bar order by 1") == [(48,), (480,)]


@pytest.mark.slow
@pytest.mark.parametrize("symbol", ["TWICE", "BACK", "PAID", "SOON"])
def test_the_adjusted_view_gives_back_the_continuous_series(split_lake: Lake, symbol: str) -> None:
    rows = split_lake.query(f"""
        select close, volume from v_daily_bar_adjusted where symbol = '{symbol}' order by session_date
    """)
    expected = walk(symbol, 60)
    assert [row[0] for row in rows] == pytest.approx(expected, rel=1e-7)
    assert [row[1] for row in rows] == pytest.approx([1_000_000] * 60, rel=1e-5)


@pytest.mark.slow
def test_a_dividend_on_the_day_of_a_split_counts_in_new_shares(split_lake: Lake) -> None:
    closes = walk("PAID", 60)
    ((total, price),) = split_lake.query("""
        select total_return, simple_return from fct_daily_return where symbol = 'PAID' and dividend > 0
    """)
    assert total == pytest.approx((closes[30] + 1.5) / closes[29] - 1, rel=1e-6)
    assert price == pytest.approx(closes[30] / closes[29] - 1, rel=1e-6)


@pytest.mark.slow
def test_an_announced_split_is_listed_and_changes_nothing_before_its_date(split_lake: Lake) -> None:
    assert split_lake.query("select ratio, price_factor from dim_corporate_action where symbol = 'SOON'") == [(10, 10)]
    assert split_lake.query("select distinct split_factor from fct_daily_bar where symbol = 'SOON'") == [(1,)]


@pytest.mark.slow
def test_a_later_revision_wins_a_provisional_day_never_and_an_action_learned_late_restates(lake: Lake) -> None:
    days = weekdays("2026-03-02", 30)
    closes = [100 + i % 5 for i in range(30)]
    first = [day("TSLA", at, str(close), line_number=i) for i, (at, close) in enumerate(zip(days, closes, strict=True))]
    provisional = first[-1] | {"is_final": False, "close": "150", "high": "150", "received_at": "2026-06-02T00:00:00Z"}
    land(lake, "daily_bars", [*first[:-1], provisional])
    lake.run()
    assert lake.query("select close, is_final from fct_daily_bar order by session_date desc limit 1") == [(150, False)]
    land(lake, "daily_bars", [first[-1], day("TSLA", days[3], "-1", line_number=99)], "2026-03-03 15")
    lake.run()
    assert lake.query("select close, is_final from fct_daily_bar order by session_date desc limit 1") == [(104, True)]
    land(lake, "daily_bars", [provisional | {"received_at": "2026-06-09T00:00:00Z"}], "2026-03-04 15")
    revised = first[5] | {"volume": "7", "received_at": "2026-06-03T00:00:00.000Z", "run_id": "01K"}
    land(lake, "daily_bars", [revised], "2026-03-04 15", "revised")
    land(lake, "corporate_actions", [action("TSLA", "dividend", days[9], "1")], "2026-03-04 15")
    lake.run()
    assert lake.query("select close, is_final from fct_daily_bar order by session_date desc limit 1") == [(104, True)]
    assert lake.query("select session_date, volume from fct_daily_bar where volume <> 1000") == [(days[5], 7)]
    assert lake.query("select session_date, dividend from fct_daily_bar where dividend <> 0") == [(days[9], 1)]
    land(lake, "corporate_actions", [action("TSLA", "split", days[20], "2", line_number=2)], "2026-03-05 15")
    lake.run()
    written = lake.query("""
        select min(session_date), count(*) from fct_daily_bar
        where batch_id = (select max(batch_id) from fct_daily_bar)
    """)
    assert written == [(days[20], 10)], "a new split changes no row before it"
    assert_equal_marts(lake, lake.refreshed())
    assert lake.query("""
        select sum(landed_lines), sum(winning_lines), sum(quarantined_lines), sum(missing_lines)
        from lake.tickerlake_audit.fct_load_audit
    """) == [(36, 32, 1, 0)]


@pytest.mark.slow
def test_a_corrected_benchmark_rewrites_the_betas_whose_window_holds_it(lake: Lake) -> None:
    days = weekdays("2024-01-01", 320)
    lines = {
        symbol: [
            day(symbol, at, close, line_number=i)
            for i, (at, close) in enumerate(zip(days, walk(symbol, 320), strict=True))
        ]
        for symbol in ("TSLA", "VOO")
    }
    land(lake, "daily_bars", [*lines["TSLA"], *lines["VOO"]])
    lake.run()
    before = lake.query("select beta from fct_daily_indicator where symbol = 'TSLA' order by session_date")
    corrected = lines["VOO"][150] | {
        "received_at": "2026-07-01T00:00:00Z",
        "open": "150",
        "high": "150",
        "close": "150",
    }
    land(lake, "daily_bars", [corrected], "2026-03-03 15")
    lake.run()
    after = lake.query("select beta from fct_daily_indicator where symbol = 'TSLA' order by session_date")
    assert [i for i, (old, new) in enumerate(zip(before, after, strict=True)) if old != new] == list(range(252, 320))
    written = (
        "select count(*) from fct_daily_indicator where batch_id = (select max(batch_id) from fct_daily_indicator)"
    )
    assert lake.query(written) == [(2 * 170,)], "what lies before the change is not written again"
    assert_equal_marts(lake, lake.refreshed())


@pytest.mark.slow
def test_minutes_roll_up_to_a_day_beside_the_vendor_s(lake: Lake) -> None:
    minutes = []
    for number in range(390):
        start = f"2026-03-02T{14 + (30 + number) // 60:02d}:{(30 + number) % 60:02d}:00Z"
        close = plain(100 + number / 100)
        minutes.append(bar("TSLA", start, close, high=plain(101 + number / 100), line_number=number))
    early = bar("TSLA", "2026-03-02T13:00:00Z", "99", line_number=500)
    late = bar("TSLA", "2026-03-02T21:30:00Z", "110", line_number=501)
    lake.land([*minutes[:200], early])
    land(
        lake, "daily_bars", [day("TSLA", "2026-03-02", "103.9", open="100", high="104.89", low="100", volume="400000")]
    )
    lake.run()
    assert lake.query("select finding, missing_minutes from fct_daily_reconciliation") == [("missing_minutes", 190)]
    lake.land([*minutes[200:], late], "2026-03-02 22")
    lake.run()
    assert lake.query("""
        select open, high, low, close, volume, minutes, pre_market_close, post_market_close, is_final
        from fct_daily_bar where source = 'simulated:resampled'
    """) == [(100, Decimal("104.89"), 100, Decimal("103.89"), 390_000, 390, 99, 110, True)]
    assert lake.query("select finding, missing_minutes from fct_daily_reconciliation") == [("agrees", 0)]
    ((change,),) = lake.query("select post_market_change from fct_daily_return where source = 'simulated'")
    assert change == pytest.approx(110 / 103.89 - 1)
    restated = day("TSLA", "2026-03-02", "51.95", open="50", high="52.45", low="50", received_at="2026-07-01T00:00:00Z")
    land(lake, "daily_bars", [restated], "2026-03-03 01")
    again = minutes[-1] | {"received_at": "2026-07-02T00:00:00.000Z", "run_id": "01K00000000000000000000001"}
    lake.land([again], "2026-03-03 01")  # the same minute of a later run: lineage, and nothing else
    lake.run()
    assert lake.query("select cast(received_at as date) from fct_daily_bar where minutes > 0") == [(date(2026, 3, 3),)]
    assert lake.query("select finding from fct_daily_reconciliation") == [("restated",)]
    assert_equal_marts(lake, lake.refreshed())


@pytest.mark.slow
def test_an_override_replaces_what_the_others_say(lake: Lake, tmp_path: Any) -> None:
    ours = replace(lake, project=project_copy(tmp_path / "project"))
    seed = ours.project / "seeds" / "corporate_action_override.csv"
    seed.write_text(seed.read_text() + "TSLA,split,2026-03-04,1,1,,,a spin-off that the vendor took for a split\n")
    land(ours, "daily_bars", [day("TSLA", at, "100", line_number=i) for i, at in enumerate(weekdays("2026-03-02", 5))])
    land(ours, "corporate_actions", [action("TSLA", "split", "2026-03-04", "3")])
    ours.run()
    assert ours.query("select distinct split_factor from fct_daily_bar") == [(15,)]
    assert ours.query("select source, ratio, reason from dim_corporate_action where reason is not null") == [
        ("override", 1, "a spin-off that the vendor took for a split")
    ]


@pytest.mark.slow
def test_a_former_symbol_is_today_s_within_its_dates_only(lake: Lake) -> None:
    dates = ["2012-05-17", "2012-05-18", "2022-06-08", "2022-06-09"]
    land(lake, "daily_bars", [day("FB", at, "30", line_number=i) for i, at in enumerate(dates)])
    lake.run()
    assert lake.query("select symbol, cast(session_date as varchar) from fct_daily_bar order by 2") == [
        ("FB", "2012-05-17"),
        ("META", "2012-05-18"),
        ("META", "2022-06-08"),
        ("FB", "2022-06-09"),
    ]
    assert lake.query("select former_symbol, traded_since from dim_symbol where symbol = 'META'") == [
        ("FB", date(2022, 6, 9))
    ]


@pytest.mark.slow
def test_what_follows_a_signal_changes_neither_the_signal_nor_what_lies_further_off(lake: Lake) -> None:
    rng = random.Random(3)
    closes = [100 + rng.uniform(-8, 8) for _ in range(120)]

    def bars(prices: list[float]) -> list[dict[str, Any]]:
        return [
            bar(
                "TSLA",
                f"2026-03-02T{14 + (30 + i) // 60:02d}:{(30 + i) % 60:02d}:00Z",
                plain(p),
                line_number=i,
                volume=str(1000 + 37 * i % 900),
            )
            for i, p in enumerate(prices)
        ]

    def outcomes(other: Lake) -> dict[str, tuple[Any, ...]]:
        rows = other.query("""
            select signal_id, return_1, return_5, return_20,
                (date_diff('minute', timestamp '2026-03-02 14:30:00', bar_start_at)) as number
            from fct_signal_outcome
        """)
        return {row[0]: row[1:] for row in rows}

    lake.land(bars(closes))
    lake.run()
    shifted = replace(lake, folder=lake.folder.parent / "shifted")
    cut = 90  # from here on, another future
    shifted.land(bars([*closes[:cut], *(price * 1.5 for price in closes[cut:])]))
    shifted.run()
    before, after = outcomes(lake), outcomes(shifted)
    compared = 0
    for signal, (*returns, number) in before.items():
        if number < cut:
            assert signal in after
        for value, other, bars_after in zip(returns, after.get(signal, (None,) * 3), (1, 5, 20), strict=False):
            if number + bars_after < cut:
                assert value == other == pytest.approx(closes[number + bars_after] / closes[number] - 1, abs=1e-9)
                compared += 1
    assert compared > 20
    assert {signal for signal, row in after.items() if row[-1] < cut} <= before.keys()
