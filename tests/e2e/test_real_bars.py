"""Real recorded minutes, replayed and built, against an independent computation in pandas."""

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from loader.__main__ import main as loader_main
from testkit import realdata
from testkit.lake import Lake

SYMBOLS = ("TSLA", "NVDA")
ROWS = 68_984


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with TSLA's and NVDA's minutes of late 2020: END-labelled, New York time, extended hours."""
    files = [realdata.path(f"minute/av_1min_ext_2020q4/{symbol}.csv.gz") for symbol in SYMBOLS]
    lake = Lake(tmp_path_factory.mktemp("real") / "lake")
    arguments = ["replay", *map(str, files), "--provider", "alphavantage_csv", "--received-at", "2021-01-09T02:00:00Z"]
    assert loader_main([*arguments, "--lake", str(lake.folder)]) == 0
    lake.run()
    return lake


@pytest.fixture(scope="module")
def expected(built: Lake) -> pd.DataFrame:
    """The three tables from the CSV itself. Decimals as integers of 1e-8, so that sums are exact."""
    frames = []
    for symbol in SYMBOLS:
        path: Path = realdata.path(f"minute/av_1min_ext_2020q4/{symbol}.csv.gz")
        frame = pd.read_csv(path, dtype=str)
        frame["symbol"] = symbol
        end = pd.to_datetime(frame.pop("timestamp")).dt.tz_localize("America/New_York")
        frame["bar_start_at"] = (end - pd.Timedelta(minutes=1)).dt.tz_convert("UTC").dt.tz_localize(None)
        frame["bar_date"] = (end - pd.Timedelta(minutes=1)).dt.date
        frames.append(frame.sort_values("bar_start_at"))
    bars = pd.concat(frames, ignore_index=True)
    bars["units"] = [int(eight_places(text).scaleb(8)) for text in bars["close"]]
    bars["volume"] = bars["volume"].astype(float)
    series = bars.groupby("symbol", sort=False)
    previous = series["units"].shift()
    bars["price_change_units"] = bars["units"] - previous
    bars["price_change_pct"] = 100 * (bars["units"] - previous) / previous
    for length in (5, 20):
        bars[f"sum_{length}"] = series["units"].transform(lambda units, n=length: units.rolling(n).sum())
        bars[f"sma_{length}"] = bars[f"sum_{length}"] / length / 1e8
    above = bars["sum_5"] * 4 - bars["sum_20"]
    before = above.groupby(bars["symbol"], sort=False).shift()
    known = before.notna() & above.notna()
    bars["crossover"] = np.select(
        [~known, (above > 0) & (before <= 0), (above < 0) & (before >= 0)], ["", "BUY", "SELL"], "HOLD"
    )
    total = sum(series["volume"].shift(i) for i in (1, 2, 3))
    bars["avg_volume_baseline"] = total / 3
    bars["volume_spike"] = np.where(
        bars["avg_volume_baseline"].isna(),
        "",
        np.where(bars["volume"] > 2 * bars["avg_volume_baseline"], "SPIKE", "normal"),
    )
    return bars.sort_values(["symbol", "bar_start_at"], ignore_index=True)


def eight_places(text: str) -> Decimal:
    """A vendor's price as the warehouse keeps it; adjusted prices come with more digits than that."""
    return Decimal(text).quantize(Decimal("1e-8"), ROUND_HALF_UP)


def as_text(column: "pd.Series[str]") -> list[str]:
    return ["" if pd.isna(value) else value for value in column]


def stored(lake: Lake, columns: str, mart: str) -> pd.DataFrame:
    rows = lake.query(f"select {columns} from {mart} order by symbol, bar_start_at")
    return pd.DataFrame(rows, columns=[column.strip().rpartition(" ")[2] for column in columns.split(", ")])


def test_every_row_is_a_bar_with_the_vendors_digits(built: Lake, expected: pd.DataFrame) -> None:
    bars = stored(built, "symbol, bar_start_at, bar_date, open, high, low, close, volume", "fct_bar")
    assert len(bars) == len(expected) == ROWS
    for column in ("symbol", "bar_start_at", "bar_date"):
        assert (pd.to_datetime(bars[column]) if column == "bar_date" else bars[column]).tolist() == (
            pd.to_datetime(expected[column]) if column == "bar_date" else expected[column]
        ).tolist(), column
    for column in ("open", "high", "low", "close"):
        assert bars[column].tolist() == [eight_places(text) for text in expected[column]], column
    assert built.query("select count(*) from lake.tickerlake_audit.quarantined_record") == [(0,)]


def test_price_changes_equal_pandas(built: Lake, expected: pd.DataFrame) -> None:
    rows = stored(built, "symbol, bar_start_at, price_change, price_change_pct, is_anomaly", "fct_price_change")
    units = [None if change is None else int(change.scaleb(8)) for change in rows["price_change"]]
    assert units == [None if pd.isna(change) else int(change) for change in expected["price_change_units"]]
    assert_close(rows["price_change_pct"], expected["price_change_pct"])
    anomalies = expected["price_change_pct"].abs() > 5
    assert [bool(flag) for flag in rows["is_anomaly"]] == anomalies.tolist()


def test_moving_averages_equal_pandas(built: Lake, expected: pd.DataFrame) -> None:
    rows = stored(built, "symbol, bar_start_at, sma_5, sma_20, crossover", "fct_moving_average")
    assert_close(rows["sma_5"], expected["sma_5"])
    assert_close(rows["sma_20"], expected["sma_20"])
    assert as_text(rows["crossover"]) == expected["crossover"].tolist()


def test_volume_spikes_equal_pandas(built: Lake, expected: pd.DataFrame) -> None:
    rows = stored(built, "symbol, bar_start_at, avg_volume_baseline, volume_spike", "fct_volume_spike")
    assert_close(rows["avg_volume_baseline"], expected["avg_volume_baseline"])
    assert as_text(rows["volume_spike"]) == expected["volume_spike"].tolist()


def test_sessions_of_real_minutes_fall_where_trading_does(built: Lake) -> None:
    busiest = built.query("""
        select strftime(bar_start_at, '%H:%M') from fct_bar where symbol = 'TSLA' and bar_date = date '2020-12-18'
        and session = 'regular' order by volume desc limit 1
    """)
    assert busiest == [("20:59",)], "the closing minute of a rebalancing day"
    assert built.query(
        "select count(*), min(session) from fct_bar where bar_date = '2020-11-27' and session = 'regular'"
    ) == [(2 * 210, "regular")]


def test_dirty_files_end_in_quarantine_and_lose_nothing(lake: Lake) -> None:
    hcac = realdata.path("dirty/HCAC_1min_with_embedded_av_error.csv.gz")
    spy = realdata.path("dirty/SPY_yahoo_1m_2019_dups_unsorted_nulls.csv.gz")
    common = ["--lake", str(lake.folder), "--received-at", "2021-01-09T02:00:00Z"]
    assert loader_main(["replay", str(hcac), "--provider", "alphavantage_csv", *common]) == 0
    assert loader_main(["replay", str(spy), "--provider", "yahoo_csv", *common]) == 0
    lake.run()
    minutes = len(set(pd.read_csv(spy).dropna(subset=["Open"])["Datetime"]))
    assert minutes == 13_434 - 5_074
    stored_bars = lake.query("select symbol, count(*) from fct_bar group by 1 order by 1")
    assert stored_bars == [("HCAC", 12_065), ("SPY", minutes)]
    refused = lake.query("select line, reasons from lake.tickerlake_audit.quarantined_record")
    assert [reasons for _, reasons in refused] == ["bar_start_malformed,price_malformed,volume_malformed"]
    assert "Invalid API call" in refused[0][0]


def assert_close(actual: "pd.Series[float]", expected: "pd.Series[float]") -> None:
    left, right = actual.astype(float).to_numpy(), expected.astype(float).to_numpy()
    assert (np.isnan(left) == np.isnan(right)).all()
    known = ~np.isnan(left)
    assert np.allclose(left[known], right[known], rtol=1e-12, atol=1e-12)
