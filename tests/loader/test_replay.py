"""Recorded responses in every format, landed as lines in the raw zone."""

import gzip
import json
from pathlib import Path

import pytest

from loader.__main__ import main
from loader.archive import sha256
from testkit import realdata
from tests.loader.raw_zone import read_landed
from tests.loader.vendor_server import YAHOO_1MIN


def replay(lake: Path, *arguments: str) -> int:
    return main(["replay", *arguments, "--lake", str(lake)])


def test_alphavantage_json_keeps_digits_and_translates_end_labels(tmp_path: Path) -> None:
    payload = realdata.path("payloads/alphavantage/romel_mock_time_series.json")
    arguments = ["--provider", "alphavantage", "--symbol", "MSFT", "--received-at", "2017-12-18T20:00:00Z"]
    assert replay(tmp_path, str(payload), *arguments) == 0
    bars = read_landed(tmp_path)
    assert len(bars) == 100
    assert bars[0] | {"run_id": "", "payload_sha256": ""} == {
        "schema_version": 1,
        "source": "alphavantage_adjusted",
        "symbol": "MSFT",
        "bar_interval": "1min",
        "bar_start": "2017-12-18T19:55:00Z",
        "vendor_label": "2017-12-18 14:56:00",
        "open": "86.4900",
        "high": "86.5000",
        "low": "86.4750",
        "close": "86.5000",
        "volume": "10494",
        "price_basis": "total_return_adjusted",
        "currency": "USD",
        "is_final": False,
        "received_at": "2017-12-18T20:00:00Z",
        "run_id": "",
        "line_number": 1,
        "payload_sha256": "",
    }
    assert bars[0]["payload_sha256"] == sha256(payload.read_bytes())


def test_yahoo_chart_counts_null_rows_and_keeps_digits(tmp_path: Path) -> None:
    file = tmp_path / "TSLA.json"
    file.write_text(json.dumps(YAHOO_1MIN).replace("100.4,", "100.4000244140625,"))
    lake = tmp_path / "lake"
    assert replay(lake, str(file), "--provider", "yahoo", "--archive", "all") == 0
    bars = read_landed(lake)
    assert [(bar["bar_start"], bar["close"]) for bar in bars] == [
        ("2026-03-02T14:30:00Z", "100.4000244140625"),
        ("2026-03-02T14:32:00Z", "100.25"),
    ]
    (ledger,) = read_landed(lake, "loader_runs")
    expected = {"parsed": 3, "null_rows": 1, "sent": 2, "confirmed": 2, "dead_lettered": 0, "outcomes": {"bars": 1}}
    assert {name: ledger[name] for name in expected} == expected
    digest = sha256(file.read_bytes())
    assert gzip.decompress((lake / "payloads" / digest[:2] / f"{digest}.gz").read_bytes()) == file.read_bytes()


def test_a_yahoo_range_without_bars_is_empty_not_an_error(tmp_path: Path) -> None:
    body = realdata.path(
        "payloads/yahoo_chart_v8/chart-AAPL-2025-02-01-to-2025-02-02-includePrePost-false-interval-1m.body.json"
    )
    file = tmp_path / "AAPL.json"
    file.write_text(json.dumps(json.loads(body.read_text())["body"]))
    assert replay(tmp_path / "lake", str(file), "--provider", "yahoo") == 0
    assert read_landed(tmp_path / "lake") == []
    assert read_landed(tmp_path / "lake", "loader_runs")[0]["outcomes"] == {"empty": 1}


def test_start_labelled_recordings_are_not_shifted(tmp_path: Path) -> None:
    file = realdata.path("minute/yahoo_1m_2019/SCHG.csv")
    assert replay(tmp_path, str(file), "--provider", "yahoo_csv") == 0
    starts = {bar["bar_start"] for bar in read_landed(tmp_path)}
    assert "2019-12-18T14:30:00Z" in starts
    assert "2019-12-18T21:00:00Z" not in starts


@pytest.mark.parametrize("wrong", ["start", "end"])
def test_a_label_that_the_volumes_contradict_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    path, provider = {
        "start": ("minute/av_1min_ext_2020q4/NVDA.csv.gz", "alphavantage_csv"),
        "end": ("minute/yahoo_1m_2019/QQQ.csv", "yahoo_csv"),
    }[wrong]
    file = str(realdata.path(path))
    assert replay(tmp_path / "lake", file, "--provider", provider, "--label", wrong) == 2
    printed = capsys.readouterr().err
    right = {"start": "end", "end": "start"}[wrong]
    assert f"pass --label {right}, or --trust-label" in printed
    assert len(printed.splitlines()) == 1
    assert not (tmp_path / "lake").exists()
    assert replay(tmp_path / "lake", file, "--provider", provider, "--label", wrong, "--trust-label") == 0


def test_an_object_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    assert main(["simulate", "--symbols", "TSLA", "--sessions", "1", "--lake", str(tmp_path)]) == 2
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
