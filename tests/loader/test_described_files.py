"""Every shipped description of files reads a file of its shape exactly; whatever contradicts one is refused whole."""

import gzip
import json
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from loader import landing
from loader.__main__ import main
from loader.providers import description
from loader.rules import find_reasons
from testkit import realdata
from tests.loader.raw_zone import read_landed

RAW = ["--source", "file_raw"]
BARS = "2024-06-05T13:30:00Z"
TIMES = [f"2024-06-05T13:3{minute}:00Z" for minute in range(3)]
DAYS = ["2024-06-03", "2024-06-04", "2024-06-05"]
EPOCH = 1717594200


def replay(lake: Path, *arguments: object) -> int:
    return main(["replay", *map(str, arguments), "--lake", str(lake)])


def lines(head: str, *rows: str) -> str:
    return "\n".join([*([head] if head else []), *rows]) + "\n"


def each(row: str, times: list[str]) -> list[str]:
    return [row.format(time) for time in times]


WALL = [f"2024-06-05 09:3{minute}:00" for minute in range(3)]
MINUTES: dict[str, tuple[str, str, list[str]]] = {
    "firstrate": ("AAPL_1min_firstratedata.txt", lines("", *each("{},1.50,1.75,1.25,1.60,10", WALL)), RAW),
    "kibot": ("AAPL_kibot.txt", lines("", *each("06/05/2024,09:3{},1.50,1.75,1.25,1.60,10", list("012"))), RAW),
    "stooq": (
        "aapl.us.txt",
        lines(
            "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>",
            *each("AAPL.US,1,20240605,153{}00,1.50,1.75,1.25,1.60,10,0", list("012")),
        ),
        RAW,
    ),
    "massive_flat_file": (
        "2024-06-05.csv",
        lines(
            "ticker,volume,open,close,high,low,window_start,transactions",
            *(f"AAPL,10,1.50,1.60,1.75,1.25,{EPOCH + 60 * at}000000000,3" for at in range(3)),
        ),
        [],
    ),
    "databento": (
        "xnas.csv",
        lines(
            "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol",
            *(
                f"{EPOCH + 60 * at}000000000,33,2,38,1500000000,1750000000,1250000000,1600000000,10,AAPL"
                for at in range(3)
            ),
        ),
        [],
    ),
    "databento_pretty": (
        "xnas.csv",
        lines(
            "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol",
            *each("2024-06-05T13:3{}:00.000000000Z,33,2,38,1.50,1.75,1.25,1.60,10,AAPL", list("012")),
        ),
        [],
    ),
    "histdata": (
        "DAT_ASCII_AAPL_M1_2024.csv",
        lines("", *each("20240605 083{}00;1.50;1.75;1.25;1.60;10", list("012"))),
        [],
    ),
    "dukascopy": (
        "AAPL_Candlestick_1_M_BID_05.06.2024-06.06.2024.csv",
        lines(
            "Gmt time,Open,High,Low,Close,Volume", *each("05.06.2024 13:3{}:00.000,1.50,1.75,1.25,1.60,10", list("012"))
        ),
        [],
    ),
    "metatrader5": (
        "AAPL_M1_202406050930_202406051559.csv",
        lines(
            "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>",
            *each("2024.06.05\t16:3{}:00\t1.50\t1.75\t1.25\t1.60\t99\t10\t1", list("012")),
        ),
        [*RAW, "--timezone", "Europe/Athens"],
    ),
    "tradingview": (
        "NASDAQ_AAPL, 1.csv",
        lines(
            "time,open,high,low,close,Volume,Volume MA",
            *each("2024-06-05T09:3{}:00-04:00,1.50,1.75,1.25,1.60,10,1", list("012")),
        ),
        [],
    ),
    "tradingview_epoch": (
        "NASDAQ_AAPL, 1.csv",
        lines("time,open,high,low,close,Volume", *(f"{EPOCH + 60 * at},1.50,1.75,1.25,1.60,10" for at in range(3))),
        [],
    ),
    "interactive_brokers": (
        "AAPL.csv",
        lines(
            ",date,open,high,low,close,volume,average,barCount",
            "0,2024-06-05 09:30:00-04:00,1.50,1.75,1.25,1.60,10,1.5,3",
            "1,20240605 09:31:00 US/Eastern,1.50,1.75,1.25,1.60,10,1.5,3",
            "2,20240605  09:32:00 America/New_York,1.50,1.75,1.25,1.60,10,1.5,3",
        ),
        [],
    ),
    "interactive_brokers_local": (
        "AAPL.csv",
        lines("date,open,high,low,close,volume", *each("20240605  15:3{}:00,1.50,1.75,1.25,1.60,10", list("012"))),
        ["--timezone", "Europe/Berlin"],
    ),
    "yfinance_history": (
        "AAPL.csv",
        lines(
            "Datetime,Open,High,Low,Close,Volume,Dividends,Stock Splits",
            *each("2024-06-05 09:3{}:00-04:00,1.50,1.75,1.25,1.60,10,0.0,0.0", list("012")),
        ),
        [],
    ),
    "yfinance_download": (
        "any.csv",
        lines(
            "Price,Close,High,Low,Open,Volume",
            "Ticker,AAPL,AAPL,AAPL,AAPL,AAPL",
            "Datetime,,,,,",
            *each("2024-06-05 13:3{}:00+00:00,1.60,1.75,1.25,1.50,10", list("012")),
        ),
        [],
    ),
    "kaggle": (
        "all.csv",
        lines("date,open,high,low,close,volume,Name", *each("{},1.50,1.75,1.25,1.60,10,AAPL", WALL)),
        RAW,
    ),
    "alphavantage_csv": (
        "AAPL.csv",
        lines("timestamp,open,high,low,close,volume", *each("{},1.50,1.75,1.25,1.60,10", WALL)),
        ["--source", "alphavantage"],
    ),
    "yahoo_csv": (
        "AAPL.csv",
        lines("time,open,high,low,close,volume", *each("{},1.50,1.75,1.25,1.60,10", WALL)),
        [],
    ),
}
for _unit, _digits in (("", "000"), ("_us", "000000")):
    for _suffix in ("", "_header"):
        MINUTES[f"binance_klines{_unit}{_suffix}"] = (
            "AAPL-1m-2024-06-05.csv",
            lines(
                "open_time,open,high,low,close,volume,close_time,quote_volume,count,tbv,tbq,ignore" if _suffix else "",
                *(
                    f"{EPOCH + 60 * at}{_digits},1.50,1.75,1.25,1.60,10,{EPOCH + 60 * at + 59}{_digits},1,1,1,1,0"
                    for at in range(3)
                ),
            ),
            [],
        )

DAILY: dict[str, tuple[str, str, list[str]]] = {
    "stooq_daily": (
        "aapl_us_d.csv",
        lines("Date,Open,High,Low,Close,Volume", *each("{},1.50,1.75,1.25,1.60,10", DAYS)),
        RAW,
    ),
    "stooq_daily_bulk": (
        "aapl.us.txt",
        lines(
            "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>",
            *each("AAPL.US,D,2024060{},000000,1.50,1.75,1.25,1.60,10,0", list("345")),
        ),
        RAW,
    ),
    "massive_flat_file_daily": (
        "2024.csv",
        lines(
            "ticker,volume,open,close,high,low,window_start,transactions",
            *(f"AAPL,10,1.50,1.60,1.75,1.25,{1717387200 + 86400 * at}000000000,3" for at in range(3)),
        ),
        [],
    ),
    "metatrader5_daily": (
        "AAPL_Daily_202406030000_202406050000.csv",
        lines(
            "<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>",
            *each("2024.06.0{}\t1.50\t1.75\t1.25\t1.60\t99\t10\t1", list("345")),
        ),
        RAW,
    ),
    "nasdaq_daily": (
        "HistoricalData.csv",
        lines("Date,Close/Last,Volume,Open,High,Low", *each("06/0{}/2024,$1.60,10,$1.50,$1.75,$1.25", list("345"))),
        ["--symbol", "AAPL"],
    ),
    "yfinance_history_daily": (
        "AAPL.csv",
        lines(
            "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits",
            "2024-06-03 00:00:00-04:00,1.50,1.75,1.25,1.60,10,0.25,0.0",
            "2024-06-04 00:00:00-04:00,1.50,1.75,1.25,1.60,10,0.0,4.0",
            "2024-06-05 00:00:00-04:00,1.50,1.75,1.25,1.60,10,0.0,0.0",
        ),
        [],
    ),
    "yfinance_history_daily_unadjusted": (
        "AAPL.csv",
        lines(
            "Date,Open,High,Low,Close,Adj Close,Volume,Dividends,Stock Splits",
            *each("{} 00:00:00-04:00,1.50,1.75,1.25,1.60,1.55,10,0.0,0.0", DAYS),
        ),
        [],
    ),
    "yfinance_download_daily": (
        "any.csv",
        lines(
            "Price,Close,High,Low,Open,Volume",
            "Ticker,AAPL,AAPL,AAPL,AAPL,AAPL",
            "Date,,,,,",
            *each("{},1.60,1.75,1.25,1.50,10", DAYS),
        ),
        [],
    ),
    "kaggle_daily": (
        "all_stocks.csv",
        lines("date,open,high,low,close,volume,Name", *each("{},1.50,1.75,1.25,1.60,10,AAPL", DAYS)),
        RAW,
    ),
    "alphavantage_daily_csv": (
        "daily_AAPL.csv",
        lines("timestamp,open,high,low,close,volume", *each("{},1.50,1.75,1.25,1.60,10", DAYS)),
        ["--symbol", "AAPL"],
    ),
    "alphavantage_daily_adjusted_csv": (
        "AAPL.csv",
        lines(
            "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient",
            *each("{},1.50,1.75,1.25,1.60,1.55,10,0.0000,1.0", DAYS),
        ),
        [],
    ),
}


@pytest.mark.parametrize("name", MINUTES)
def test_minutes_are_read_exactly(tmp_path: Path, name: str) -> None:
    file, content, options = MINUTES[name]
    (tmp_path / file).write_text(content)
    assert replay(tmp_path / "lake", tmp_path / file, "--provider", name, *options) == 0
    bars = read_landed(tmp_path / "lake")
    assert [bar["bar_start"] for bar in bars] == TIMES
    numbers = ("open", "high", "low", "close")
    assert {tuple(Decimal(bar[field]) for field in numbers) for bar in bars} == {
        tuple(map(Decimal, ("1.5", "1.75", "1.25", "1.6")))
    }
    assert {(bar["symbol"], bar["volume"], bar["bar_interval"], bar["is_final"]) for bar in bars} == {
        ("AAPL", "10", "1min", True)
    }
    if name != "databento":
        assert {bar["open"] for bar in bars} == {"1.50"}, "the vendor's digits"


@pytest.mark.parametrize("name", DAILY)
def test_days_are_read_exactly(tmp_path: Path, name: str) -> None:
    file, content, options = DAILY[name]
    (tmp_path / file).write_text(content)
    assert replay(tmp_path / "lake", tmp_path / file, "--provider", name, *options) == 0
    days = read_landed(tmp_path / "lake", "daily_bars")
    assert [day["session_date"] for day in days] == DAYS
    assert {(day["symbol"], day["open"], day["high"], day["low"], day["close"], day["volume"]) for day in days} == {
        ("AAPL", "1.50", "1.75", "1.25", "1.60", "10")
    }
    actions = read_landed(tmp_path / "lake", "corporate_actions")
    expected = [("dividend", "2024-06-03", None, "0.25"), ("split", "2024-06-04", "4.0", None)]
    shown = [(action["kind"], action["effective_date"], action["ratio"], action["amount"]) for action in actions]
    assert shown == (expected if name == "yfinance_history_daily" else [])


def test_every_shipped_description_of_files_has_a_file_of_its_shape() -> None:
    others = {"alphavantage_splits_csv", "alphavantage_dividends_csv", "alphavantage_weekly_csv", "metatrader4"}
    described = {name for name in description.names() if not description.load(name).url}
    assert described == {*MINUTES, *DAILY, *others, "parquet", "parquet_daily"}


def test_minutes_without_volume_of_a_pair_and_actions_are_read(tmp_path: Path) -> None:
    (tmp_path / "EURUSD1.csv").write_text("2024.06.05,09:30,1.08,1.09,1.07,1.085,77\n")
    assert replay(tmp_path / "a", tmp_path / "EURUSD1.csv", "--provider", "metatrader4", "--timezone", "+03:00") == 0
    (bar,) = read_landed(tmp_path / "a")
    assert (bar["symbol"], bar["bar_start"], bar["volume"]) == ("EURUSD", "2024-06-05T06:30:00Z", None)
    (tmp_path / "NVDA.csv").write_text("effective_date,split_factor\n2024-06-10,10.0000\n2021-07-20,4:1\n")
    assert replay(tmp_path / "b", tmp_path / "NVDA.csv", "--provider", "alphavantage_splits_csv") == 0
    ratios = [action["ratio"] for action in read_landed(tmp_path / "b", "corporate_actions")]
    assert ratios == ["10.0000", "4"]
    (tmp_path / "NVDA.csv").write_text("ex_dividend_date,declaration_date,amount\n2024-06-11,None,0.01\n")
    assert replay(tmp_path / "c", tmp_path / "NVDA.csv", "--provider", "alphavantage_dividends_csv") == 0
    (dividend,) = read_landed(tmp_path / "c", "corporate_actions")
    assert (dividend["kind"], dividend["amount"]) == ("dividend", "0.01")


def test_parquet_is_read_exactly(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "copy (select timestamptz '2024-06-05 13:30:00+00' + to_minutes(n) as timestamp, 'AAPL' as symbol, 1.5 as "
            f"open, 1.75 as high, 1.25 as low, 0.1::double + 1.5 as close, 10 as volume from range(3) as r(n)) "
            f"to '{tmp_path}/a.parquet'"
        )
    assert replay(tmp_path / "lake", tmp_path / "a.parquet", "--provider", "parquet", *RAW) == 0
    bars = read_landed(tmp_path / "lake")
    assert [(bar["bar_start"], bar["close"]) for bar in bars] == [(time, "1.6") for time in TIMES]
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-20])
    assert replay(tmp_path / "cut", tmp_path / "cut.parquet", "--provider", "parquet", *RAW) == 2


@pytest.mark.parametrize("packing", ["gz", "zip", "zst", "utf-16", "crlf"])
def test_a_file_is_read_however_it_is_packed(tmp_path: Path, packing: str) -> None:
    file, content, options = MINUTES["kibot"]
    path = tmp_path / file
    if packing == "gz":
        path.write_bytes(gzip.compress(content.encode()))
    elif packing == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("inside.txt", content)
    elif packing == "zst":
        plain = tmp_path / "plain.csv"
        plain.write_text(content)
        with duckdb.connect() as connection:
            connection.execute(
                f"copy (select * from read_csv('{plain}', columns = {{'l': 'VARCHAR'}}, delim = '\x01', "
                f"header = false, quote = '')) to '{path}' "
                "(format csv, compression zstd, header false, quote '', delimiter '\x01')"
            )
    else:
        path.write_bytes(content.encode("utf-16") if packing == "utf-16" else content.replace("\n", "\r\n").encode())
    assert replay(tmp_path / "lake", path, "--provider", "kibot", *options) == 0
    assert [bar["bar_start"] for bar in read_landed(tmp_path / "lake")] == TIMES


def write_description(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


EXCEL = (
    "format: csv\nsource: file_raw\nzone: America/New_York\nlabel: start\ntime_format: '%m/%d/%Y %H:%M'\n"
    "fields: {time: timestamp, open: open, high: high, low: low, close: close, volume: volume}\n"
)
EUROPEAN = (
    "format: csv\nsource: file_raw\nzone: America/New_York\nlabel: start\nseparator: ;\ndecimal: ','\n"
    "fields: {time: timestamp, open: open, high: high, low: low, close: close, volume: volume}\n"
)
CASES: dict[str, tuple[str, list[str], str]] = {
    "2024-06-05.csv": ("massive_flat_file", [], "AAPL"),
    "AAPL_1min_firstratedata.txt": ("firstrate", RAW, "AAPL"),
    "AAPL_excel.csv": (EXCEL, ["--symbol", "AAPL"], "AAPL"),
    "AAPL_kibot.txt": ("kibot", RAW, "AAPL"),
    "AAPL_yf_multi.csv": ("yfinance_download", [], "AAPL"),
    "BTCUSDT-1m-2025-01-01.csv": ("binance_klines_us", [], "BTCUSDT"),
    "EURUSD_Candlestick_1_M_BID_05.06.2024-06.06.2024.csv": ("dukascopy", [], "EURUSD"),
    "KAGGLE.csv": ("kaggle", RAW, "AAPL"),
    "NASDAQ_AAPL, 1.csv": ("tradingview", [], "AAPL"),
    "SAP_eu.csv": (EUROPEAN, ["--symbol", "SAP"], "SAP"),
    "Tesla.csv": ("kaggle", [*RAW, "--symbol", "TSLA"], "TSLA"),
    "aapl.us.txt": ("stooq", RAW, "AAPL"),
    "xnas-itch-20240605.ohlcv-1m.csv": ("databento", [], "AAPL"),
}
FIRST = {
    "BTCUSDT-1m-2025-01-01.csv": "2025-01-01T00:00:00Z",
    "EURUSD_Candlestick_1_M_BID_05.06.2024-06.06.2024.csv": "2024-06-05T09:30:00Z",
}
OPEN = {"BTCUSDT-1m-2025-01-01.csv": "93576.00", "EURUSD_Candlestick_1_M_BID_05.06.2024-06.06.2024.csv": "1.08712"}


@pytest.mark.parametrize("name", CASES)
def test_the_files_of_users_are_read_exactly(tmp_path: Path, name: str) -> None:
    provider, options, symbol = CASES[name]
    if "\n" in provider:
        provider = str(write_description(tmp_path / "mine.yml", provider))
    assert replay(tmp_path / "lake", realdata.case(f"files/{name}"), "--provider", provider, *options) == 0
    first = read_landed(tmp_path / "lake")[0]
    expected = {
        "symbol": symbol,
        "bar_start": FIRST.get(name, BARS),
        "bar_interval": "5min" if "us.txt" in name else "1min",
    }
    assert {field: first[field] for field in expected} == expected
    assert Decimal(first["open"]) == Decimal(OPEN.get(name, "100"))


@pytest.mark.parametrize(
    ("name", "provider", "options"),
    [
        ("AAPL_nasdaq.csv", "nasdaq_daily", []),
        ("aapl_us_d.csv", "stooq_daily", RAW),
        ("NTES_daily.json", "alphavantage", ["--dataset", "daily_bars", "--source", "alphavantage"]),
    ],
)
def test_the_daily_files_of_users_are_read_exactly(
    tmp_path: Path, name: str, provider: str, options: list[str]
) -> None:
    assert replay(tmp_path / "lake", realdata.case(f"files/{name}"), "--provider", provider, *options) == 0
    days = read_landed(tmp_path / "lake", "daily_bars")
    first = min(days, key=lambda day: str(day["session_date"]))
    expected: dict[str, Any] = {"AAPL": ("2024-06-03", "100", "1000"), "NTES": ("2020-05-26", "380", "1000")}
    assert (first["session_date"], first["open"], first["volume"]) == expected[first["symbol"]]


@pytest.mark.parametrize(
    ("name", "provider", "options", "message"),
    [
        ("AAPL_kibot.txt", "firstrate", RAW, "the time '06/05/2024' is not ISO 8601: write its time_format"),
        ("AAPL_kibot.txt", "kibot", [], "does not say the price basis: pass --source file_raw"),
        ("BTCUSDT-1m-2025-01-01.csv", "binance_klines", [], "looks like microseconds: write time_unit: microseconds"),
        ("AAPL_excel.csv", "kaggle", RAW, "the time '6/5/2024 9:30' is not ISO 8601"),
        ("SAP_eu.csv", "kaggle", RAW, "no column 'timestamp' for time: it has timestamp;open;high"),
        ("aapl_us_d.csv", "kaggle", RAW, "the time '2024-06-03' is not ISO 8601"),
        ("IBM_ist.csv.gz", "kaggle", RAW, "the times are not in America/New_York"),
        ("AMD_5min.csv", "kaggle", [*RAW, "--interval", "1min"], "the bars are 5min apart, not 1min"),
        ("BTCUSD_spring.csv", "kaggle", RAW, "local time 02:00 does not exist on 2024-03-10"),
        ("Tesla.csv", "kaggle", RAW, "no symbol in the file name 'Tesla.csv': pass --symbol"),
        ("KAGGLE.csv", "binance_klines_header", [], "no column 'open_time' for time: it has timestamp, symbol"),
        ("2024-06-05.csv", "massive_flat_file_daily", ["--dataset", "bars", "--label", "x"], "unknown label 'x'"),
    ],
)
def test_what_contradicts_a_description_is_refused_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, provider: str, options: list[str], message: str
) -> None:
    assert replay(tmp_path / "lake", realdata.case(f"files/{name}"), "--provider", provider, *options) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "lake").exists()


def test_numbers_of_another_notation_are_never_read_as_another_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = write_description(tmp_path / "mine.yml", EUROPEAN + "thousands: '.'\n")
    head = "timestamp;open;high;low;close;volume\n"
    (tmp_path / "SAP.csv").write_text(head + "2024-06-05 09:30:00;1.100,5;1.200,0;1.000,0;1.150,25;12.000\n")
    assert replay(tmp_path / "lake", tmp_path / "SAP.csv", "--provider", mine) == 0
    (bar,) = read_landed(tmp_path / "lake")
    assert (bar["open"], bar["close"], bar["volume"]) == ("1100.5", "1150.25", "12000")
    plain = write_description(tmp_path / "plain.yml", EUROPEAN)
    assert replay(tmp_path / "b", tmp_path / "SAP.csv", "--provider", plain) == 2
    assert "has a point, and the description has decimal: ','" in capsys.readouterr().err
    (tmp_path / "SAP.csv").write_text(head + "2024-06-05 09:30:00;1.10,5;1.200,0;1.000,0;1.150,25;12.000\n")
    assert replay(tmp_path / "b", tmp_path / "SAP.csv", "--provider", mine) == 2
    assert "is not grouped by '.' in thousands" in capsys.readouterr().err


def test_what_will_come_of_the_lines_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [*each("{},1.50,1.75,1.25,1.60,10", WALL), "06/05/2024 9:30,1,1,1,1,1", "2024-06-05 09:33:00,1,2,3,1,1"]
    file = tmp_path / "AAPL.csv"
    file.write_text(lines("timestamp,open,high,low,close,volume", *rows))
    assert replay(tmp_path / "lake", file, "--provider", "kaggle", *RAW) == 0
    printed = capsys.readouterr().out
    assert "landed 5 lines" in printed
    assert "3 will be accepted, 2 refused (" in printed
    assert 'bar_start_malformed 1: "06/05/2024 9:30"' in printed
    file.write_text(lines("timestamp,open,high,low,close,volume", *each("{},0,0,0,0,10", WALL)))
    assert replay(tmp_path / "lake", file, "--provider", "kaggle", *RAW) == 1
    assert "0 will be accepted, 3 refused (price_not_positive 3" in capsys.readouterr().out


def test_a_cut_last_line_is_not_final(tmp_path: Path) -> None:
    (tmp_path / "AAPL.csv").write_text(MINUTES["alphavantage_csv"][1][:-1])
    assert replay(tmp_path / "lake", tmp_path / "AAPL.csv", "--provider", "kaggle", *RAW) == 0
    assert [bar["is_final"] for bar in read_landed(tmp_path / "lake")] == [True, True, False]


def test_weeks_are_never_landed_as_days(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weeks = [f"2024-0{month}-{day:02d}" for month in (5, 6) for day in (3, 10, 17, 24)]
    file = tmp_path / "AAPL.csv"
    file.write_text(lines("timestamp,open,high,low,close,volume", *each("{},1,1,1,1,1", weeks)))
    assert replay(tmp_path / "lake", file, "--provider", "alphavantage_daily_csv") == 2
    assert "7 days apart, so they are no days" in capsys.readouterr().err
    assert replay(tmp_path / "lake", file, "--provider", "alphavantage_weekly_csv") == 2
    assert "bars of 1week have no dataset" in capsys.readouterr().err


def test_folders_patterns_and_blocks_land_every_row_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing, "BLOCK_ROWS", 100)
    monkeypatch.setattr("loader.sinks.spool._LINES_PER_BLOCK", 150)
    folder = tmp_path / "in"
    folder.mkdir()
    for symbol in ("AAPL", "MSFT"):
        rows = [
            f"2024-06-0{day} {hour:02d}:{minute:02d}:00,1.50,1.75,1.25,1.60,10"
            for day in (4, 5)
            for hour in (10, 11)
            for minute in range(60)
        ]
        (folder / f"{symbol}.csv").write_text(lines("timestamp,open,high,low,close,volume", *rows))
    assert replay(tmp_path / "a", folder, "--provider", "kaggle", *RAW) == 0
    assert replay(tmp_path / "b", folder / "*.csv", "--provider", "kaggle", *RAW) == 0
    for lake in (tmp_path / "a", tmp_path / "b"):
        bars = read_landed(lake)
        assert len({(bar["symbol"], bar["bar_start"]) for bar in bars}) == 480 == len(bars)
        assert sorted(bar["line_number"] for bar in bars) == list(range(1, 481))
        assert [path.name for path in lake.iterdir()] == ["raw"]


def test_a_fault_late_in_a_file_lands_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing, "BLOCK_ROWS", 2)
    monkeypatch.setattr(landing, "SAMPLED_ROWS", 2)
    file = tmp_path / "AAPL.csv"
    file.write_text(
        lines("timestamp,open,high,low,close,volume", *each("{},1,1,1,1,1", [*WALL, "2024-03-10 02:30:00"]))
    )
    assert replay(tmp_path / "lake", file, "--provider", "kaggle", *RAW) == 2
    assert not (tmp_path / "lake").exists()


def test_the_short_way_and_the_long_way_give_the_same_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zones = ["America/New_York", "Asia/Kolkata", "UTC", "-03:30"]
    labels = [
        f"2024-{day} {hour:02d}:{minute:02d}:00"
        for day in ("03-08", "11-03", "11-04")
        for hour in (0, 1, 3)
        for minute in (0, 1, 31, 59)
    ]
    file = tmp_path / "AAPL.csv"
    file.write_text(lines("timestamp,open,high,low,close,volume", *each("{},1.50,1.75,1.25,1.60,10", sorted(labels))))
    for zone in zones:
        for label in ("start", "end"):
            options = [
                "--provider",
                "kaggle",
                *RAW,
                "--timezone",
                zone,
                "--label",
                label,
                "--trust",
                "--received-at",
                "2025-01-01",
            ]
            assert replay(tmp_path / f"{zone}{label}", file, *options) == 0
            with monkeypatch.context() as patch:
                patch.setattr(landing.FileLanding, "_table", lambda *_: ({}, ""))
                assert replay(tmp_path / f"{zone}{label}slow", file, *options) == 0
            ways = [
                [bar | {"run_id": ""} for bar in read_landed(tmp_path / f"{zone}{label}{way}")] for way in ("", "slow")
            ]
            assert ways[0] == ways[1]


def test_minutes_are_never_landed_as_days(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "AAPL.csv").write_text(MINUTES["alphavantage_csv"][1])
    assert replay(tmp_path / "lake", tmp_path / "AAPL.csv", "--provider", "alphavantage_daily_csv") == 2
    assert "3 bars have 1 dates, so they are no days: pass --dataset bars" in capsys.readouterr().err


@pytest.mark.parametrize("name", [*MINUTES, *DAILY])
def test_a_guess_finds_the_description_that_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    file, content, _ = (MINUTES | DAILY)[name]
    (tmp_path / file).write_text(content)
    code = main(["describe", str(tmp_path / file)])
    printed = capsys.readouterr().out
    if name in ANYBODYS:
        assert "format: csv" in printed
        assert "# price_basis: raw, split_adjusted" in printed
        assert code == int("daily" not in name), "the zone of minutes is asked for"
    else:
        assert f"fits the shipped description '{name}'" in printed
        assert code == 0


ANYBODYS = {"alphavantage_csv", "alphavantage_daily_csv", "yahoo_csv", "interactive_brokers_local"}


def test_a_guess_is_a_description_once_it_is_completed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = {"SAP_eu.csv": "", "AAPL_excel.csv": "time_format: '%m/%d/%Y %H:%M'\n", "Tesla.csv": "", "AMD_5min.csv": ""}
    for name, added in cases.items():
        file = realdata.case(f"files/{name}")
        assert main(["describe", str(file)]) == 1
        guess = capsys.readouterr().out
        mine = write_description(tmp_path / "mine.yml", guess + added + "zone: America/New_York\nprice_basis: raw\n")
        assert replay(tmp_path / name, file, "--provider", mine, "--symbol", "AMD") == 0, guess
        first = read_landed(tmp_path / name)[0]
        assert Decimal(first["open"]) == 100
        assert first["source"] == "file_raw"
        capsys.readouterr()


@pytest.mark.parametrize("content", [b"", b"hello", b"\x00\xff" * 50, b"{}", b"[1]", b"a,b\n1,2\n", b"<html></html>"])
def test_a_file_without_prices_is_not_described(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    assert main(["describe", str(tmp_path / "x.csv")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_no_body_breaks_the_readers_of_described_sources() -> None:
    from tests.loader.fuzz_described import fuzz  # it uses the files of this module

    counts = fuzz(800, log=lambda _: None)
    assert counts["description refused"] > 50
    assert counts["file bars"] > 20


@pytest.mark.parametrize("name", [*CASES, "AMD_5min.csv", "BTCUSD_fall.csv", "IBM_ist.csv.gz"])
def test_a_damaged_file_of_a_user_lands_whole_or_not_at_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    provider, options, _ = CASES.get(name, ("kaggle", RAW, "IBM"))
    if "\n" in provider:
        provider = str(write_description(tmp_path / "mine.yml", provider))
    content = realdata.case(f"files/{name}").read_bytes()
    whole = {json.dumps(bar["bar_start"]) for bar in land_content(tmp_path / "whole", content, name, provider, options)}
    plain = gzip.decompress(content) if name.endswith(".gz") else content
    damaged = {
        "cut": content[: len(content) * 2 // 3],
        "cut in a number": content[:-4],
        "utf-16": plain.decode().encode("utf-16"),
        "utf-16 without a mark": plain.decode().encode("utf-16-le"),
        "zeros": content[:50] + b"\x00" * 50 + content[50:],
        "page": b"<html>sign in</html>",
        "empty": b"",
        "doubled": plain + plain,
    }
    for number, (damage, body) in enumerate(damaged.items()):
        bars = land_content(tmp_path / str(number), body, name, provider, options)
        printed = capsys.readouterr().err
        assert "Traceback" not in printed, damage
        starts = {json.dumps(bar["bar_start"]) for bar in bars} - {"null"}
        assert starts <= whole, (damage, printed)
        for bar in bars:
            is_cut = damage.startswith("cut") and not bar["is_final"]
            assert is_cut or find_reasons("bars", bar) or bar["high"] in content_text(plain), damage


def content_text(plain: bytes) -> str:
    return plain.decode().replace(",", ".") + " 100.2"


def land_content(lake: Path, content: bytes, name: str, provider: str, options: list[str]) -> list[dict[str, Any]]:
    folder = lake / "in"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(content)
    code = replay(lake / "lake", folder / name, "--provider", provider, *options, "--trust")
    bars = read_landed(lake / "lake")
    assert code in (0, 1, 2)
    assert code != 2 or not bars
    return bars


def test_a_number_beyond_any_exponent_is_left_to_the_warehouse(tmp_path: Path) -> None:
    file, content, options = MINUTES["databento"]
    (tmp_path / file).write_text(content.replace("1500000000", "1e999999999999999999"))
    assert replay(tmp_path / "lake", tmp_path / file, "--provider", "databento", *options) == 1
    assert {bar["open"] for bar in read_landed(tmp_path / "lake")} == {"1e999999999999999999"}
