"""What a file is believed to be: its interval, its zone, its symbols and its basis; contradictions are refused."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from loader import reference
from loader.__main__ import main
from loader.calendar import sessions
from loader.commands.replay import symbol_of
from testkit import realdata
from tests.loader.raw_zone import read_landed
from tickerlake.errors import UserError

CSV = ["--provider", "alphavantage_csv"]
RAW = [*CSV, "--source", "alphavantage"]
HEADER = "timestamp,open,high,low,close,volume\n"


def replay(lake: Path, file: Path, *options: str) -> int:
    return main(["replay", str(file), *options, "--lake", str(lake)])


def write_sessions(file: Path, zone: str, step: int = 1, days: int = 5) -> Path:
    """Write regular sessions of New York on the wall clock of a zone, busiest at the open."""
    rows = []
    for session in sessions("XNYS", date(2024, 6, 3), date(2024, 6, 2 + days)):
        at = session.opens_at
        while at < session.closes_at:
            volume = 9000 if at == session.opens_at else 1000
            rows.append(f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S},100,101,99,100,{volume}")
            at += timedelta(minutes=step)
    file.write_text(HEADER + "\n".join(rows) + "\n")
    return file


def test_the_interval_of_a_csv_is_detected_and_a_wrong_claim_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = realdata.case("files/AMD_5min.csv")
    assert replay(tmp_path / "a", file, *RAW) == 0
    assert {bar["bar_interval"] for bar in read_landed(tmp_path / "a")} == {"5min"}
    for claim in ("1min", "15min"):
        assert replay(tmp_path / "b", file, *RAW, "--interval", claim) == 2
        assert f"the bars are 5min apart, not {claim}: pass --interval 5min, or --trust" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()
    assert replay(tmp_path / "b", file, *RAW, "--interval", "1min", "--trust") == 0


@pytest.mark.parametrize("minutes", [2, 1440])
def test_an_interval_that_is_not_accepted_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], minutes: int
) -> None:
    first = datetime(2024, 6, 3, 10, tzinfo=UTC)
    rows = [f"{first + timedelta(minutes=at * minutes):%Y-%m-%d %H:%M},1,1,1,1,1" for at in range(20)]
    (tmp_path / "TSLA.csv").write_text(HEADER + "\n".join(rows))
    assert replay(tmp_path / "lake", tmp_path / "TSLA.csv", *RAW) == 2
    assert f"the bars are {minutes:,} minutes apart, not 1min" in capsys.readouterr().err


def test_minutes_of_a_quiet_symbol_are_still_minutes(tmp_path: Path) -> None:
    first = datetime(2024, 6, 3, 10, tzinfo=UTC)
    rows = [f"{first + timedelta(minutes=at):%Y-%m-%d %H:%M},1,1,1,1,1" for at in (0, 5, 12, 17, 23, 31, 32, 40)]
    (tmp_path / "TSLA.csv").write_text(HEADER + "\n".join(rows))
    assert replay(tmp_path / "lake", tmp_path / "TSLA.csv", *RAW, "--interval", "1min") == 0
    assert replay(tmp_path / "lake", tmp_path / "TSLA.csv", *RAW) == 0


@pytest.mark.parametrize(
    ("zone", "claimed", "fitting"),
    [
        ("Asia/Kolkata", "America/New_York", "Asia/Kolkata"),
        ("UTC", "America/New_York", "UTC"),
        ("America/Chicago", "America/New_York", "America/Chicago"),
        ("America/New_York", "UTC", "America/New_York"),
        ("Asia/Karachi", "Asia/Kolkata", "Asia/Karachi"),  # half an hour apart
    ],
)
@pytest.mark.parametrize("step", [1, 15])
def test_a_zone_that_the_volumes_contradict_is_refused_with_the_zone_that_fits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], zone: str, claimed: str, fitting: str, step: int
) -> None:
    file = write_sessions(tmp_path / "TSLA.csv", zone, step)
    assert replay(tmp_path / "lake", file, *RAW, "--timezone", claimed) == 2
    printed = capsys.readouterr().err
    assert f"the times are not in {claimed}" in printed
    assert f"pass --timezone {fitting}, or --trust" in printed
    assert not (tmp_path / "lake").exists()
    assert replay(tmp_path / "lake", file, *RAW, "--timezone", zone) == 0
    assert replay(tmp_path / "trusted", file, *RAW, "--timezone", claimed, "--trust") == 0


def test_a_file_in_indian_time_is_refused_as_new_york(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = realdata.case("files/IBM_ist.csv.gz")
    assert replay(tmp_path / "lake", file, *RAW, "--timezone", "America/New_York") == 2
    assert "pass --timezone Asia/Kolkata" in capsys.readouterr().err
    assert replay(tmp_path / "lake", file, *RAW, "--timezone", "Asia/Kolkata") == 0


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("TSLA.csv", "TSLA"),
        ("TSLA_1min.csv", "TSLA"),
        ("BRK-B.csv.gz", "BRK.B"),
        ("SPY_yahoo_1m_2019_dups.csv.gz", "SPY"),
        ("BTCUSD_fall.csv", "BTCUSD"),
        ("NASDAQ_AAPL, 1.csv", "AAPL"),
        ("7203.T.json", "7203.T"),
        ("T.csv", "T"),
        ("Tesla.csv", None),
        ("tesla.csv", None),
        ("META_prices.csv", None),
        ("NASDAQ_aapl.csv", None),
        ("2024-06-05.csv", None),
        ("aapl_us_d.csv", None),
        ("AAPL MSFT.csv", None),
    ],
)
def test_a_file_name_is_a_symbol_only_when_all_of_it_is_one(name: str, symbol: str | None) -> None:
    if symbol:
        assert symbol_of(Path(name)) == symbol
    else:
        with pytest.raises(UserError, match="pass --symbol"):
            symbol_of(Path(name))


def test_a_column_of_symbols_decides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = realdata.case("files/KAGGLE.csv")
    assert replay(tmp_path / "a", file, *RAW) == 0
    assert {(bar["symbol"], bar["open"]) for bar in read_landed(tmp_path / "a")} == {("AAPL", "100"), ("MSFT", "400")}
    assert replay(tmp_path / "b", file, *RAW, "--symbol", "MSFT") == 0
    assert {bar["symbol"] for bar in read_landed(tmp_path / "b")} == {"MSFT"}
    assert replay(tmp_path / "c", file, *RAW, "--symbol", "TSLA") == 2
    assert "no rows of TSLA in the symbol column: it has AAPL, MSFT" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "symbol"), [("^VIX", "VIX"), ("btc-usd", "BTCUSD"), ("tsla", "TSLA"), ("A/B", "A/B"), ("BRK-B", "BRK.B")]
)
def test_symbols_resolve_through_the_seeds(name: str, symbol: str) -> None:
    assert reference.resolve_symbol(name) == symbol


@pytest.mark.parametrize("name", ["^GSPC", "^gspc", "unheard"])
def test_a_symbol_that_no_seed_resolves_names_the_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    file = write_sessions(tmp_path / "TSLA.csv", "America/New_York", 15)
    assert replay(tmp_path / "lake", file, *RAW, "--symbol", name) == 2
    assert "seeds/symbol_alias.csv" in capsys.readouterr().err
    assert main(["fetch", "--provider", "yahoo", "--symbols", name, "--lake", str(tmp_path / "lake")]) == 2
    assert "seeds/symbol_alias.csv" in capsys.readouterr().err


def test_the_price_basis_of_an_unknown_csv_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_sessions(tmp_path / "TSLA.csv", "America/New_York", 15)
    assert replay(tmp_path / "lake", file, *CSV) == 2
    assert "the file does not say its price basis" in capsys.readouterr().err
    assert not (tmp_path / "lake").exists()
    assert replay(tmp_path / "lake", file, *RAW) == 0
    header, *rows = file.read_text().splitlines()
    file.write_text("\n".join([header, *rows[::-1]]) + "\n")
    assert replay(tmp_path / "newest_first", file, *CSV) == 0
    assert {bar["price_basis"] for bar in read_landed(tmp_path / "newest_first")} == {"total_return_adjusted"}


def test_every_recorded_file_agrees_with_its_right_convention(tmp_path: Path) -> None:
    received = ["--received-at", "2021-01-09T02:00:00Z"]
    for name in ("TSLA", "USD", "BRK-B", "QQQ"):
        file = realdata.path(f"minute/av_1min_ext_2020q4/{name}.csv.gz")
        assert replay(tmp_path / "lake", file, *CSV, *received) == 0
    for file in sorted(realdata.path("minute/av_eqker_2019").glob("*_15min.csv")):
        assert replay(tmp_path / "lake", file, *CSV, "--received-at", "2019-02-17T12:00:00Z") == 0
