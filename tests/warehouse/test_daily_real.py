"""Daily marts on recorded days, against pandas, and on vendors' own events and adjusted closes."""

import csv
import itertools
import json
import math
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from loader.providers import yahoo
from loader.providers.parse_context import ParseContext
from loader.run import Run
from testkit import realdata
from testkit.daily import action, day, land
from testkit.lake import Lake
from testkit.recorded_days import RECEIVED, RECORDED, read_rows, recorded_days
from tests.warehouse.reference import Bars, indicators

pytestmark = pytest.mark.slow

PAYLOADS = {  # symbol: a recorded response of Yahoo
    "NVDA": "payloads/yahoo_chart_v8/historical-via-chart-NVDA-split-2021-02-01-to-2022-01-31.csv.body.json",
    "MSFT": "payloads/yahoo_chart_v8/historical-via-chart-MSFT-dividends-2021-02-01-to-2022-01-31.csv.body.json",
    "AAPL": "payloads/yahoo_chart_v8/chart-AAPL-2020-08-31-to-2020-11-07.body.json",
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Build recorded days: Yahoo's, NVDA's as a raw feed delivers them, and a feed that is already adjusted."""
    built = Lake(tmp_path_factory.mktemp("daily_real") / "lake")
    for symbol in RECORDED:
        land(built, "daily_bars", recorded_days(symbol), name=symbol)
    land(built, "daily_bars", raw_lines("NVDA"), name="NVDA-raw")
    land(built, "corporate_actions", implied_dividends("AAPL"), name="AAPL")
    land(built, "daily_bars", adjusted_lines("MSFT"), name="MSFT-adjusted")
    built.run()
    return built


@pytest.fixture(scope="module")
def vendor_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Build recorded responses alone, through the loader's own parser."""
    built = Lake(tmp_path_factory.mktemp("vendor") / "lake")
    received = datetime(2025, 2, 21, 21, tzinfo=UTC)
    run = Run(built.folder, "replay", "yahoo", received)
    for symbol, path in PAYLOADS.items():
        payload = json.dumps(json.loads(realdata.path(path).read_text())["body"]).encode()
        run.add_response(
            yahoo.parse_daily(payload, ParseContext.build("yahoo", symbol, "1min", received.date())), payload, received
        )
    run.finish(received)
    built.run()
    return built


def raw_lines(symbol: str) -> list[dict[str, Any]]:
    """Return the recorded days without their split adjustments."""
    splits = {
        date(2000, 6, 27): 2,
        date(2001, 9, 17): 2,
        date(2006, 4, 7): 2,
        date(2007, 9, 11): 1.5,
        date(2021, 7, 20): 4,
        date(2024, 6, 10): 10,
    }
    records = []
    for line in recorded_days(symbol):
        later = math.prod(r for at, r in splits.items() if at > date.fromisoformat(line["session_date"]))
        prices = {name: f"{float(line[name]) * later:.8f}" for name in ("open", "high", "low", "close")}
        volume = f"{float(line['volume']) / later:.4f}"
        records.append(line | prices | {"volume": volume, "source": "alphavantage", "price_basis": "raw"})
    return records


def adjusted_lines(symbol: str) -> list[dict[str, Any]]:
    """Return a year of days that the vendor has adjusted for dividends too."""
    path = realdata.path(f"daily/yahoo_orb_2025/{symbol}_1d.csv")
    with path.open() as file:
        return [
            day(
                symbol,
                row["Date"][:10],
                **{n.lower(): float(row[n]) for n in ("Open", "High", "Low", "Close")},
                volume=row["Volume"],
                source="alphavantage_adjusted",
                price_basis="total_return_adjusted",
                received_at="2025-09-27T12:00:00.000Z",
                line_number=number,
            )
            for number, row in enumerate(csv.DictReader(file))
        ]


def implied_dividends(symbol: str) -> list[dict[str, Any]]:
    """Return the dividends that the vendor's adjusted closes hold, in today's shares; a smaller one is rounding."""
    rows = list(read_rows(symbol))
    events = []
    for number, (before, row) in enumerate(itertools.pairwise(rows)):
        close, adjusted = float(before["Close"]), float(before["Adj Close"])
        share = 1 - (adjusted / close) / (float(row["Adj Close"]) / float(row["Close"]))
        if share > 5e-5:
            events.append(
                action(
                    symbol,
                    "dividend",
                    row["Date"][:10],
                    round(close * share, 6),
                    source="yahoo",
                    received_at=RECEIVED,
                    line_number=number,
                )
            )
    return events


def frame(symbol: str) -> pd.DataFrame:
    """Return the recorded days in pandas, the last of a date's rows."""
    table = pd.DataFrame(read_rows(symbol)).rename(columns={"Datetime": "Date"})
    table = table.assign(Date=pd.to_datetime(table["Date"])).set_index("Date")
    numbers = table[["Open", "High", "Low", "Close", "Volume"]].astype(float)
    numbers = numbers.round(dict.fromkeys(("Open", "High", "Low", "Close"), 8))
    return numbers[~numbers.index.duplicated(keep="last")]


def mart(
    lake: Lake, name: str, symbol: str, columns: list[str], source: str = "yahoo", order: str = "session_date"
) -> pd.DataFrame:
    rows = lake.query(
        f"select {order}, {', '.join(columns)} from {name} where symbol = '{symbol}' and source = '{source}' order by 1"
    )
    table = pd.DataFrame(rows, columns=["at", *columns])
    return table.assign(at=pd.to_datetime(table["at"])).set_index("at")


def agree(what: str, ours: Any, theirs: Any, tolerance: float = 1e-9) -> None:
    """Assert that two columns are equal and NULL alike; the difference is relative to the greater of value and 1."""
    left, right = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    assert len(left) == len(right), f"{what}: {len(left)} rows against {len(right)}"
    apart = np.flatnonzero(np.isnan(left) != np.isnan(right))
    assert not len(apart), f"{what}: NULL on one side at rows {apart[:5]}"
    known = ~np.isnan(left)
    assert known.any(), what
    greatest = float(np.max(np.abs(left - right)[known] / np.maximum(1, np.abs(right[known]))))
    print(f"{what}: {known.sum()} values, greatest difference {greatest:.1e}")  # shown by pytest -s, and in the report
    assert greatest <= tolerance, f"{what}: {greatest:.3g} apart"


@pytest.mark.parametrize("symbol", ["MSFT", "QQQ", "AAPL"])
def test_returns_agree_with_pandas(lake: Lake, symbol: str) -> None:
    expected = frame(symbol)
    ours = mart(
        lake,
        "fct_daily_return",
        symbol,
        [
            "simple_return",
            "log_return",
            "overnight_return",
            "intraday_return",
            "year",
            "quarter",
            "month",
            "day",
            "weekday",
        ],
    )
    before = expected["Close"].shift()
    agree(f"{symbol} simple_return", ours["simple_return"], expected["Close"].pct_change())
    agree(f"{symbol} log_return", ours["log_return"], np.log(expected["Close"] / before))
    agree(f"{symbol} overnight_return", ours["overnight_return"], expected["Open"] / before - 1)
    agree(f"{symbol} intraday_return", ours["intraday_return"], expected["Close"] / expected["Open"] - 1)
    dates = pd.DatetimeIndex(expected.index)
    for name, values in {
        "year": dates.year,
        "quarter": dates.quarter,
        "month": dates.month,
        "day": dates.day,
        "weekday": dates.weekday + 1,
    }.items():
        agree(f"{symbol} {name}", ours[name], values, 0)


@pytest.mark.parametrize("symbol", ["VOO", "SCHG"])
def test_indicators_agree_with_a_recursion_and_pandas(lake: Lake, symbol: str) -> None:
    days = frame(symbol)
    close = days["Close"]
    names = ["sma_5", "sma_20", "crossover", "relative_volume", "high_52w", "low_52w", "drawdown_52w", "beta"]
    by_recursion = indicators(Bars(*(days[name].tolist() for name in ("High", "Low", "Close", "Volume"))))
    ours = mart(lake, "fct_daily_indicator", symbol, [*names, *by_recursion])
    for name, values in by_recursion.items():
        agree(f"{symbol} {name}", ours[name], [np.nan if v is None else v for v in values])
    sma_5, sma_20 = close.rolling(5).mean(), close.rolling(20).mean()
    agree(f"{symbol} sma_5", ours["sma_5"], sma_5)
    agree(f"{symbol} sma_20", ours["sma_20"], sma_20)
    agree(
        f"{symbol} relative_volume", ours["relative_volume"], days["Volume"] / days["Volume"].shift().rolling(20).mean()
    )
    agree(f"{symbol} high_52w", ours["high_52w"], days["High"].rolling(252).max())
    agree(f"{symbol} low_52w", ours["low_52w"], days["Low"].rolling(252).min())
    agree(f"{symbol} drawdown_52w", ours["drawdown_52w"], close / close.rolling(252, min_periods=1).max() - 1)
    market = frame("VOO")["Close"].reindex(days.index)
    own, its = close.pct_change(), market.pct_change(fill_method=None)
    agree(f"{symbol} beta", ours["beta"], own.rolling(252).cov(its) / its.rolling(252).var().where(own.notna()), 1e-8)
    crossed = ((sma_5 > sma_20) & (sma_5.shift() <= sma_20.shift())).sum()
    assert abs((ours["crossover"] == "BUY").sum() - crossed) <= 1  # pandas' averages may differ in the last bit


@pytest.mark.parametrize("symbol", ["MSFT", "VOO"])
def test_volatility_agrees_with_pandas(lake: Lake, symbol: str) -> None:
    days = frame(symbol)
    returns = days["Close"].pct_change()
    ours = mart(
        lake,
        "fct_volatility",
        symbol,
        ["volatility_20", "volatility_60", "volatility_volume_correlation_100", "return_size_volume_correlation_100"],
    )
    agree(f"{symbol} volatility_20", ours["volatility_20"], returns.rolling(20).std() * math.sqrt(252))
    agree(f"{symbol} volatility_60", ours["volatility_60"], returns.rolling(60).std() * math.sqrt(252))
    for name, moved in (("volatility", returns.rolling(20).std()), ("return_size", returns.abs())):
        expected = moved.rolling(100).corr(days["Volume"])
        agree(f"{symbol} {name} and volume", ours[f"{name}_volume_correlation_100"], expected, 1e-7)


@pytest.mark.parametrize("period", ["week", "month", "quarter", "year"])
def test_periods_agree_with_pandas(lake: Lake, period: str) -> None:
    days = frame("MSFT")
    rule = {"week": "W-SUN", "month": "ME", "quarter": "QE", "year": "YE"}[period]
    expected = (
        days.resample(rule)
        .agg({"Open": "first", "High": "max", "Low": "min", "Close": "last", "Volume": "sum"})
        .dropna()
    )
    names = ["open", "high", "low", "close", "volume", "period_return", "average_daily_return"]
    periods = f"(select * from fct_period_summary where period = '{period}')"
    ours = mart(lake, periods, "MSFT", names, order="period_start")
    for name in ("Open", "High", "Low", "Close", "Volume"):
        agree(f"MSFT {period} {name}", ours[name.lower()], expected[name])
    agree(f"MSFT {period} return", ours["period_return"], expected["Close"].pct_change())
    mean = days["Close"].pct_change().resample(rule).mean().loc[lambda column: column.index.isin(expected.index)]
    agree(f"MSFT {period} average_daily_return", ours["average_daily_return"], mean)


def test_the_return_index_agrees_with_pandas(lake: Lake) -> None:
    close = frame("VOO")["Close"]
    ours = mart(lake, "fct_return_index", "VOO", ["price_level", "drawdown"])
    agree("VOO price_level", ours["price_level"], close / close.iloc[0])
    agree("VOO drawdown", ours["drawdown"], close / close.cummax() - 1)


@pytest.mark.parametrize("lag_sessions", [-1, 0, 1])
def test_correlations_agree_with_pandas(lake: Lake, lag_sessions: int) -> None:
    both = pd.concat(
        [frame("QQQ")["Close"].pct_change(), frame("VOO")["Close"].pct_change()], axis=1, join="inner"
    ).dropna()
    left, right = (
        both.iloc[:, 0].shift(1 if lag_sessions == -1 else 0),
        both.iloc[:, 1].shift(1 if lag_sessions == 1 else 0),
    )
    values = lake.query(f"""
        select correlation_20, correlation_60 from fct_return_correlation
        where symbol = 'QQQ' and other_symbol = 'VOO' and lag_sessions = {lag_sessions} order by session_date
    """)
    for i, rows in enumerate((20, 60)):
        agree(
            f"QQQ VOO lag {lag_sessions} over {rows}", [row[i] for row in values], left.rolling(rows).corr(right), 1e-8
        )


def test_a_portfolio_agrees_with_pandas(lake: Lake) -> None:
    held = {"VOO": (20, "2023-06-01"), "NVDA": (10, "2023-06-01"), "MSFT": (15, "2023-09-01")}
    until = "2024-08-28"
    values = pd.DataFrame({s: frame(s)["Close"].truncate(start, until) * n for s, (n, start) in held.items()})
    # the primary series of NVDA is the raw one: ten shares before the split, a hundred after it
    values["NVDA"] *= 10
    profit = values.diff().fillna(0).sum(axis=1)
    returns = (values.diff().sum(axis=1) / values.shift()[values.notna()].sum(axis=1)).iloc[1:]
    level = (1 + returns).cumprod()
    rows = lake.query(f"""
        select value, profit, daily_return, drawdown, value_at_risk_95 from fct_portfolio_daily
        where session_date <= date '{until}' order by session_date
    """)
    agree("portfolio value", [row[0] for row in rows], values.sum(axis=1))
    agree("portfolio profit", [row[1] for row in rows], profit.cumsum(), 1e-7)
    agree("portfolio return", [row[2] for row in rows][1:], returns, 1e-8)
    agree("portfolio drawdown", [row[3] for row in rows][1:], level / level.cummax().clip(lower=1) - 1, 1e-8)
    worst = returns.rolling(250).apply(lambda window: np.sort(window)[12])
    agree("portfolio value at risk", [row[4] for row in rows][1:], -worst, 1e-8)
    weights = lake.query("select sum(weight) from fct_portfolio_position group by session_date")
    assert all(abs(weight - 1) < 1e-12 for (weight,) in weights)


def test_a_raw_feed_and_an_adjusted_one_give_the_same_returns(lake: Lake) -> None:
    for name in ("simple_return", "overnight_return"):
        raw = mart(lake, "fct_daily_return", "NVDA", [name], "alphavantage")
        agree(f"NVDA raw {name}", raw[name], mart(lake, "fct_daily_return", "NVDA", [name])[name], 2e-6)
    raw = mart(lake, "v_daily_bar_adjusted", "NVDA", ["close", "volume"], "alphavantage")
    agree("NVDA adjusted close", raw["close"], frame("NVDA")["Close"], 1e-8)
    agree("NVDA adjusted volume", raw["volume"], frame("NVDA")["Volume"], 1e-5)


def yahoo_levels(lake: Lake, symbol: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the product of close / (previous close - dividend), Yahoo's rule, of the stored days and dividends."""
    rows = lake.query(f"""
        select coalesce(cast(close as double) / (previous_close - dividend), 1) from fct_daily_return
        where symbol = '{symbol}' and source = 'yahoo' order by session_date
    """)
    return np.array([row[0] for row in rows], dtype=np.float64).cumprod(dtype=np.float64)


def test_the_vendor_s_own_adjusted_closes_come_out_of_its_dividends(lake: Lake) -> None:
    """By Yahoo's rule; our total return adds the dividend to the close, as Alpha Vantage and Tiingo do."""
    theirs = np.array([float(row["Adj Close"]) for row in read_rows("AAPL")])
    levels = yahoo_levels(lake, "AAPL")
    ratio = levels / levels[-1] * theirs[-1] / theirs
    print(f"AAPL adjusted close: {len(ratio)} days, ratio {ratio.min():.6f} to {ratio.max():.6f}")
    assert 0.9995 < ratio.min() <= ratio.max() < 1.0005
    ours = mart(lake, "fct_daily_return", "AAPL", ["close", "previous_close", "dividend", "total_return"]).astype(float)
    expected = (ours["close"] + ours["dividend"]) / ours["previous_close"] - 1
    agree("AAPL total_return", ours["total_return"], expected)
    level = np.asarray(mart(lake, "v_daily_bar_adjusted", "AAPL", ["total_return_close"])["total_return_close"], float)
    print(f"AAPL both rules over {len(level)} days: {level[0] / (levels[0] / levels[-1] * level[-1]) - 1:.1e}")
    agree("AAPL total_return_close", level / level[0], np.cumprod(1 + expected.fillna(0)), 1e-9)


def test_a_feed_that_is_adjusted_already_is_not_adjusted_again(lake: Lake) -> None:
    assert lake.query("""
        select distinct split_factor, dividend from fct_daily_bar where source in ('yahoo', 'alphavantage_adjusted')
            and symbol in ('NVDA', 'MSFT', 'QQQ')
    """) == [(1, 0)]
    ours = mart(lake, "v_daily_bar_adjusted", "MSFT", ["close", "total_return_close"], "alphavantage_adjusted")
    agree("MSFT adjusted already", ours["close"], ours["total_return_close"], 1e-12)


@pytest.mark.parametrize("symbol", PAYLOADS)
def test_recorded_events_explain_the_vendor_s_adjusted_closes(vendor_lake: Lake, symbol: str) -> None:
    ours = vendor_lake.query(f"""
        select bar.adjusted_close, adjusted.close, bar.close
        from v_daily_bar_adjusted as adjusted inner join fct_daily_bar as bar using (symbol, source, session_date)
        where symbol = '{symbol}' order by session_date
    """)
    ratio = yahoo_levels(vendor_lake, symbol) / np.array([float(vendors) for vendors, _, _ in ours])
    print(f"{symbol} recorded: {len(ratio)} days, ratio to the vendor's moves by {ratio.max() / ratio.min() - 1:.1e}")
    # the vendor's answer on NVDA has no dividends, its adjusted closes do: four of 0.004 each on prices near 20
    assert ratio.max() / ratio.min() - 1 < (1e-3 if symbol == "NVDA" else 1e-6)
    assert [row[1] for row in ours] == pytest.approx([float(row[2]) for row in ours])


def test_recorded_events_are_listed_once(vendor_lake: Lake) -> None:
    actions = vendor_lake.query("""
        select symbol, kind, cast(effective_date as varchar), source, ratio, amount from dim_corporate_action
        where year(effective_date) = case symbol when 'AAPL' then 2020 when 'NVDA' then 2021 when 'MSFT' then 2021 end
        order by 1, 3
    """)
    assert [(*row[:4], float(row[4] or row[5])) for row in actions] == [
        ("AAPL", "split", "2020-08-31", "seed", 4.0),
        ("AAPL", "dividend", "2020-11-06", "yahoo", 0.205),
        ("MSFT", "dividend", "2021-02-17", "yahoo", 0.56),
        ("MSFT", "dividend", "2021-05-19", "yahoo", 0.56),
        ("MSFT", "dividend", "2021-08-18", "yahoo", 0.56),
        ("MSFT", "dividend", "2021-11-17", "yahoo", 0.62),
        ("NVDA", "split", "2021-07-20", "seed", 4.0),
    ]


def test_what_is_provisional_or_impossible_is_handled_and_counted(lake: Lake) -> None:
    assert lake.query("select count(*) from fct_daily_bar where symbol = 'FB'") == [(0,)]
    assert lake.query("select count(*), min(session_date) from fct_daily_bar where symbol = 'META'") == [
        (1258, date(2012, 8, 13))
    ]
    # two days of QQQ are recorded twice, with another volume
    assert lake.query("select count(*) from fct_daily_bar where symbol = 'QQQ'") == [(6410,)]
    assert lake.query("select sum(missing_lines) from lake.tickerlake_audit.fct_load_audit") == [(0,)]


def test_screens_show_the_newest_session_once(lake: Lake) -> None:
    movers = lake.query("select direction, mover_rank, symbol from screen_top_movers")
    assert len({symbol for _, _, symbol in movers}) == len(movers)
    latest = lake.query("select symbol, session_date from screen_latest order by 1")
    assert [symbol for symbol, _ in latest] == ["AAPL", "META", "MSFT", "NVDA", "QQQ", "SCHG", "VOO"]


def test_a_vendor_s_days_agree_with_its_minutes_as_far_as_they_can(lake: Lake, tmp_path: Any) -> None:
    from loader.__main__ import main as loader_main

    built = Lake(tmp_path / "lake")
    files = sorted(realdata.path("minute/av_eqker_2019").glob("*_1min.csv"))
    common = [
        "--provider",
        "alphavantage_csv",
        "--source",
        "alphavantage",
        "--received-at",
        "2019-02-17T12:00:00Z",
        "--lake",
        str(built.folder),
    ]
    assert loader_main(["replay", *map(str, files), *common]) == 0
    days = []
    for file in sorted(realdata.path("minute/av_eqker_2019").glob("*_daily.csv")):
        for number, row in enumerate(csv.DictReader(file.open())):
            prices: dict[str, Any] = {name: row[name] for name in ("open", "high", "low", "close", "volume")}
            days.append(
                day(
                    file.name.split("_")[0],
                    row["datetime"][:10],
                    **prices,
                    source="alphavantage",
                    received_at="2019-02-17T12:00:00.000Z",
                    line_number=number,
                )
            )
    land(built, "daily_bars", days)
    built.run()
    findings = dict(built.query("select finding, count(*) from fct_daily_reconciliation group by 1"))
    print(f"minutes against days: {findings}")
    assert sum(findings.values()) == 24 * 5
    assert findings["agrees"] >= 60
    assert "restated" not in findings
