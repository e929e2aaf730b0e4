"""fct_technical_indicator against a plain recursion, TA-Lib, and tables that others have published."""

import csv
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import talib

from loader.__main__ import main as loader_main
from testkit import realdata
from testkit.lake import Lake, bar
from tests.warehouse.reference import Bars, Values, indicators

NEW_YORK = ZoneInfo("America/New_York")
# a liquid name and a sparse one, October 2020 to January 2021: a clock change, two early closes
REAL = ("TSLA", "BRK.B")
EARLY_CLOSES = {date(2020, 11, 27), date(2020, 12, 24)}

Row = dict[str, Any]


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Row]]:
    """Return rows of the mart, with its bar's columns, by symbol: published tables fed as minutes, and real minutes."""
    lake = Lake(tmp_path_factory.mktemp("indicators") / "lake")
    for symbol, rows in _published().items():
        lake.land(_as_minutes(symbol, rows), name=symbol)
    lake.land(_intraday(), name="SPY")
    files = [realdata.path(f"minute/av_1min_ext_2020q4/{name}.csv.gz") for name in ("TSLA", "BRK-B")]
    arguments = ["replay", *map(str, files), "--provider", "alphavantage_csv", "--received-at", "2021-01-09T02:00:00Z"]
    assert loader_main([*arguments, "--lake", str(lake.folder)]) == 0
    lake.run("--select", "+fct_technical_indicator")
    columns = "bar.session, bar.open, bar.high, bar.low, bar.volume, indicator.*"
    rows_by_symbol: dict[str, list[Row]] = defaultdict(list)
    names = [row[0] for row in lake.query("describe fct_technical_indicator")]
    for values in lake.query(f"""
        select {columns} from fct_technical_indicator as indicator
        inner join fct_bar as bar using (symbol, bar_interval, source, bar_start_at, bar_date) order by bar_start_at
    """):
        row = dict(zip(["session", "open", "high", "low", "volume", *names], values, strict=True))
        rows_by_symbol[row["symbol"]].append(row)
    return rows_by_symbol


def test_a_ramp_has_the_values_that_a_calculation_by_hand_gives(lake: Lake) -> None:
    """Closes 1 to 40, each bar with high = close, low = close - 1 and volume 1."""
    start = datetime(2026, 3, 2, 14, 30)  # noqa: DTZ001
    lake.land(
        bar(
            minute=f"{start + timedelta(minutes=i):%Y-%m-%dT%H:%M:%SZ}",
            close=f"{i + 1}",
            low=f"{i or 0.5}",
            volume="1",
            line_number=i,
        )
        for i in range(40)
    )
    lake.run("--select", "+fct_technical_indicator")
    rows = sorted(lake.mart("fct_technical_indicator").values(), key=lambda row: row["bar_start_at"])
    stddev = math.sqrt((20**2 - 1) / 12)  # of 20 consecutive integers
    by_hand: dict[str, tuple[int, Callable[[int], float]]] = {
        "ema_12": (12, lambda n: n - 5.5),  # an average of weight a lags a ramp by (1 - a) / a bars
        "ema_26": (26, lambda n: n - 12.5),
        "macd": (26, lambda n: 7),
        "macd_signal": (34, lambda n: 7),
        "macd_histogram": (34, lambda n: 0),
        "rsi_14": (15, lambda n: 100),
        "bollinger_upper": (20, lambda n: n - 9.5 + 2 * stddev),
        "bollinger_middle": (20, lambda n: n - 9.5),
        "bollinger_lower": (20, lambda n: n - 9.5 - 2 * stddev),
        "atr_14": (14, lambda n: 1 - 0.5 / 14 * (13 / 14) ** (n - 14)),  # the first low is 0.5: its range is 0.5
        "vwap": (1, lambda n: (n + 1) / 2 - 1 / 3 + 0.5 / 3 / n),
    }
    for name, (first, value) in by_hand.items():
        expected: Values = [value(n) if n >= first else None for n in range(1, 41)]
        _agree(f"ramp {name}", _column(rows, name), expected, 1e-9, _column(rows, "close"))


@pytest.mark.parametrize("symbol", ["SPYD", "SREF", *REAL])
def test_every_average_agrees_with_a_plain_recursion(series: dict[str, list[Row]], symbol: str) -> None:
    rows = series[symbol]
    bars = Bars(*([float(row[name]) for row in rows] for name in ("high", "low", "close", "volume")))
    for name, expected in indicators(bars).items():
        _agree(f"recursion {symbol} {name}", _column(rows, name), expected, 1e-12, _column(rows, "close"))


@pytest.mark.parametrize("symbol", ["SPYD", *REAL])
def test_ta_lib_agrees(series: dict[str, list[Row]], symbol: str) -> None:
    rows = series[symbol]
    high, low, close = (np.array([float(row[name]) for row in rows]) for name in ("high", "low", "close"))
    scale = _column(rows, "close")
    rsi = [None if row["rsi_14"] == 100 else row["rsi_14"] for row in rows]
    upper, middle, lower = talib.BBANDS(close, 20, 2, 2)
    macd, signal, histogram = talib.MACD(close, 12, 26, 9)
    pairs: list[tuple[str, Values, Any, float, int]] = [
        ("ema_12", _column(rows, "ema_12"), talib.EMA(close, 12), 1e-12, 0),
        ("ema_26", _column(rows, "ema_26"), talib.EMA(close, 26), 1e-12, 0),
        ("rsi_14", rsi, talib.RSI(close, 14), 1e-9, 0),
        ("bollinger_middle", _column(rows, "bollinger_middle"), middle, 1e-9, 0),
        # TA-Lib takes the root of a difference of sums: right to half the digits when the bands are narrow
        ("bollinger_upper", _column(rows, "bollinger_upper"), upper, 1e-6, 0),
        ("bollinger_lower", _column(rows, "bollinger_lower"), lower, 1e-6, 0),
        # TA-Lib seeds these otherwise: the seeds have faded after some hundred bars
        ("macd", _column(rows, "macd"), macd, 1e-9, 400),
        ("macd_signal", _column(rows, "macd_signal"), signal, 1e-9, 400),
        ("macd_histogram", _column(rows, "macd_histogram"), histogram, 1e-9, 400),
        ("atr_14", _column(rows, "atr_14"), talib.ATR(high, low, close, 14), 1e-9, 400),
    ]
    for name, ours, theirs, tolerance, skip in pairs:
        expected = [None if math.isnan(value) else float(value) for value in theirs]
        if name == "rsi_14":
            expected = [None if mine is None else value for mine, value in zip(ours, expected, strict=True)]
        _agree(f"TA-Lib {symbol} {name}", ours[skip:], expected[skip:], tolerance, scale[skip:])


def test_skender_agrees(series: dict[str, list[Row]]) -> None:
    rows, table = series["SPYD"], _read("oracles/skender/spy_daily_2017_2018_expected.csv")
    names = {
        "ema_12": "ema12",
        "ema_26": "ema26",
        "rsi_14": "rsi14",
        "macd": "macd",
        "macd_signal": "macd_signal",
        "macd_histogram": "macd_hist",
        "bollinger_upper": "bb20_upper",
        "bollinger_middle": "bb20_mid",
        "bollinger_lower": "bb20_lower",
    }
    for ours, theirs in names.items():
        _agree(f"Skender {ours}", _column(rows, ours), _texts(table, theirs), 1e-9, _column(rows, "close"))


def test_skenders_vwap_of_a_real_session_agrees(series: dict[str, list[Row]]) -> None:
    table = {row["date"]: row for row in _read("oracles/skender/spy_1m_20201215_vwap_expected.csv")}
    rows = series["SPY"]
    expected: Values = []
    for row in rows:
        local = _local(row["bar_start_at"])
        # their file ends with the closing auction at 16:00, after the regular session
        expected.append(None if row["session"] == "post" else float(table[f"{local:%Y-%m-%d %H:%M:%S}"]["VWAP"]))
    assert len(rows) == 391
    _agree("Skender vwap", _column(rows, "vwap"), expected, 1e-9, _column(rows, "close"))


def test_lean_agrees(series: dict[str, list[Row]]) -> None:
    rows, table = series["DJIA"], _read("oracles/lean/spy_with_indicators.txt")
    _agree("LEAN rsi_14", _column(rows, "rsi_14"), _texts(table, "RSI 14 Wilder"), 1e-3, None, mask=False)
    _agree("LEAN macd", _column(rows, "macd"), _texts(table, "MACD 12 26"), 1e-2, None, mask=False)
    rows, table = series["SPYB"], _read("oracles/lean/spy_bollinger_bands.txt")
    for ours, theirs in (("bollinger_middle", "Moving Average 20"), ("bollinger_upper", "Bollinger Bands® 20 2 Top")):
        _agree(f"LEAN {ours}", _column(rows, ours), _texts(table, theirs), 1e-3, None)
    rows, table = series["SPYX"], _read("oracles/lean/spy_with_macd.txt")
    for ours, theirs in (("macd", "MACD"), ("macd_signal", "Signal"), ("macd_histogram", "Histogram")):
        _agree(f"LEAN monthly {ours}", _column(rows, ours), _texts(table, theirs), 1e-4, None, mask=False)


def test_ta_libs_own_regression_values_agree(series: dict[str, list[Row]]) -> None:
    names = {
        ("rsi", "14"): "rsi_14",
        ("bb_upper", "20;2;population"): "bollinger_upper",
        ("bb_mid", "20;2"): "bollinger_middle",
        ("bb_lower", "20;2;population"): "bollinger_lower",
    }
    compared = 0
    for row in _read("oracles/talib_regtest/expected_values.csv"):
        name = names.get((row["indicator"], row["params"]))
        if name:
            ours = series["SREF"][int(row["bar_index_0_based"])][name]
            assert abs(ours - float(row["expected"])) <= float(row["abs_tolerance"]), row
            compared += 1
    assert compared == 7


def test_stockcharts_examples_agree(series: dict[str, list[Row]]) -> None:
    table = _read("oracles/stockcharts_rsi/rsi14.csv")
    _agree("StockCharts rsi_14", _column(series["SCRSI"], "rsi_14"), _texts(table, "rsi14"), 0.00501, None)
    table = _read("oracles/stockcharts_vwap/vwap_hlc3.csv")
    _agree("StockCharts vwap", _column(series["SCVWAP"], "vwap"), _texts(table, "vwap"), 0.00501, None)


@pytest.mark.parametrize("symbol", REAL)
def test_vwap_and_relative_volume_follow_the_exchange_s_clock(series: dict[str, list[Row]], symbol: str) -> None:
    rows = series[symbol]
    value = volume = 0.0
    day: date | None = None
    vwap: Values = []
    usual: Values = []
    dates = sorted({_local(row["bar_start_at"]).date() for row in rows})
    number = {day: i for i, day in enumerate(dates)}
    at_minute: dict[tuple[int, int], list[tuple[int, float]]] = defaultdict(list)
    for row in rows:
        local = _local(row["bar_start_at"])
        if local.date() != day:
            day, value, volume = local.date(), 0.0, 0.0
        closes = 13 * 60 if day in EARLY_CLOSES else 16 * 60
        is_regular = 9 * 60 + 30 <= local.hour * 60 + local.minute < closes
        if is_regular:
            value += float(row["high"] + row["low"] + row["close"]) / 3 * float(row["volume"])
            volume += float(row["volume"])
        vwap.append(value / volume if is_regular and volume else None)
        seen = at_minute[local.hour, local.minute]
        window = [v for n, v in seen if n >= number[day] - 20]
        mean = math.fsum(window) / len(window) if len(window) >= 5 else 0
        usual.append(float(row["volume"]) / mean if mean else None)
        seen.append((number[day], float(row["volume"])))
    assert sum(1 for value in vwap if value is not None) > 1000
    assert sum(1 for value in usual if value is not None) > 1000
    _agree(f"sessions {symbol} vwap", _column(rows, "vwap"), vwap, 1e-12, _column(rows, "close"))
    _agree(f"sessions {symbol} relative_volume", _column(rows, "relative_volume"), usual, 1e-12, usual)


def _agree(
    what: str, ours: Values, theirs: Values, tolerance: float, scale: Values | None, *, mask: bool = True
) -> None:
    """Assert that two columns agree to `tolerance` (of `scale` where given) and, with `mask`, are NULL alike."""
    assert len(ours) == len(theirs), f"{what}: {len(ours)} rows against {len(theirs)}"
    if mask:
        apart = [i for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) if (a is None) != (b is None)]
        assert not apart, f"{what}: NULL on one side at rows {apart[:5]}"
    greatest, compared = 0.0, 0
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if a is not None and b is not None:
            size = max(scale[i] or 0.0, abs(b), 1e-30) if scale else 1.0
            greatest, compared = max(greatest, abs(a - b) / size), compared + 1
    print(f"{what}: {compared} values, greatest difference {greatest:.1e}")  # shown by pytest -s, and in the report
    assert compared
    assert greatest <= tolerance, f"{what}: {greatest:.3g} apart"


def _published() -> dict[str, list[Row]]:
    spy = [
        {name: row[name] for name in ("open", "high", "low", "close", "volume")}
        for row in _read("oracles/skender/quotes/default.csv")
    ]
    sref = [
        dict(zip(("open", "high", "low", "close", "volume"), row.values(), strict=True))
        for row in _read("oracles/talib_regtest/ta_sref_daily_252.csv")
    ]
    vwap = _read("oracles/stockcharts_vwap/vwap_hlc3.csv")
    only_close = {
        "DJIA": [row["Close"] for row in _read("oracles/lean/spy_with_indicators.txt")],
        "SPYB": [row["Close"] for row in _read("oracles/lean/spy_bollinger_bands.txt")],
        "SPYX": [row["Close"] for row in _read("oracles/lean/spy_with_macd.txt")],
        "SCRSI": [row["close"] for row in _read("oracles/stockcharts_rsi/rsi14.csv")],
    }
    tables: dict[str, list[Row]] = {
        name: [{"open": c, "high": c, "low": c, "close": c, "volume": "1"} for c in closes]
        for name, closes in only_close.items()
    }
    tables["SCVWAP"] = [row | {"open": row["close"]} for row in vwap]
    return tables | {"SPYD": spy, "SREF": sref}


def _as_minutes(symbol: str, rows: Sequence[Mapping[str, str]]) -> Iterator[Row]:
    """Yield each row as one minute from 14:30 UTC of a winter day on."""
    first = datetime(2020, 1, 6, 14, 30)  # noqa: DTZ001
    for number, row in enumerate(rows):
        prices = {name: _plain(row[name]) for name in ("open", "high", "low", "close")}
        # the tables' highs and lows are not always the extremes
        low = min(prices.values(), key=float)
        high = max(prices.values(), key=float)
        fields: Row = prices | {"low": low, "high": high, "volume": _plain(row["volume"]), "line_number": number}
        yield bar(symbol, f"{first + timedelta(minutes=number):%Y-%m-%dT%H:%M:%SZ}", **fields)


def _intraday() -> list[Row]:
    lines = []
    for number, row in enumerate(_read("oracles/skender/spy_1m_20201215_vwap_expected.csv")):
        start = datetime.fromisoformat(row["date"]).replace(tzinfo=NEW_YORK).astimezone(ZoneInfo("UTC"))
        fields: Row = {name: _plain(row[name]) for name in ("open", "high", "low", "close", "volume")}
        lines.append(bar("SPY", f"{start:%Y-%m-%dT%H:%M:%SZ}", **fields, line_number=number))
    return lines


def _plain(text: str) -> str:
    """Return a number without an exponent, as the record contract requires."""
    return f"{float(text):.8f}".rstrip("0").rstrip(".")


def _read(relative: str) -> list[dict[str, str]]:
    path: Path = realdata.path(relative)
    with path.open(encoding="utf-8-sig") as file:
        return [{(key or "").strip(): value for key, value in row.items()} for row in csv.DictReader(file)]


def _column(rows: Sequence[Row], name: str) -> Values:
    return [None if row[name] is None else float(row[name]) for row in rows]


def _texts(rows: Sequence[Mapping[str, str]], name: str) -> Values:
    return [float(row[name]) if row[name] not in ("", "NaN") else None for row in rows]


def _local(moment: datetime) -> datetime:
    return moment.replace(tzinfo=ZoneInfo("UTC")).astimezone(NEW_YORK)
