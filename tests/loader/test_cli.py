"""The command line: clear errors, and live bars from a server in place of the vendor."""

import gzip
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from loader.__main__ import cli, main
from loader.sinks import UndeliveredLine, dead_letters
from loader.store import FolderStore
from tests.loader.raw_zone import read_landed
from tests.loader.vendor_server import ReceivedRequest, VendorServer


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["replay", "{folder}/NONE.csv", "--provider", "alphavantage_csv"], "cannot read {folder}/NONE.csv"),
        (["replay", "{folder}/TSLA.csv", "--provider", "alphavantage_csv"], "not a text file"),
        (["replay", "{folder}/TSLA.gz", "--provider", "alphavantage_csv"], "cannot read {folder}/TSLA.gz"),
        (
            ["replay", "{folder}/A.csv", "--provider", "alphavantage_csv"],
            "no column 'timestamp' for time: it has one, two",
        ),
        (["replay", "{folder}/A.csv", "--provider", "yahoo"], "not a chart response"),
        (
            ["replay", "{folder}/A.csv", "--provider", "alphavantage_csv", "--interval", "2min"],
            "unknown interval '2min'",
        ),
        (["replay", "{folder}/A.csv", "--provider", "alphavantage_csv", "--label", "middle"], "unknown label 'middle'"),
        (["replay", "{folder}/A.csv", "--provider", "alphavantage_csv", "--timezone", "Mars/X"], "unknown time zone"),
        (["replay", "{folder}/A.csv", "--provider", "alphavantage_csv", "--source", "x"], "unknown source 'x'"),
        (["simulate", "--sessions", "1", "--symbols", "TSLA", "--lake", "/proc/lake"], "cannot write /proc/lake/raw"),
        (["simulate", "--sessions", "1", "--lake", "{folder}/A.csv"], "is a file: choose a folder"),
    ],
)
def test_bad_input_is_one_line_that_names_it_and_lands_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    (tmp_path / "TSLA.csv").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "TSLA.gz").write_bytes(b"no gzip")
    (tmp_path / "A.csv").write_text("one,two\n1,2\n")
    lake = [] if "--lake" in arguments else ["--lake", str(tmp_path / "lake")]
    assert main([argument.format(folder=tmp_path) for argument in arguments] + lake) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert expected.format(folder=tmp_path) in printed
    assert len(printed.splitlines()) == 1
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize(
    "arguments", [["replay", "x.csv", "--provider", "bloomberg"], ["simulate", "--part", "3/2"], []]
)
def test_wrong_usage_exits_with_2_and_names_the_choice(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert "Usage: python -m loader" in capsys.readouterr().err


def help_of(command: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main([*command, "--help"]) == 0
    return capsys.readouterr().out


def test_every_commands_help_has_examples_that_parse_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    overall = help_of([], capsys)
    commands = list(cli.commands)
    assert {"fetch", "watch", "resend-dead-letters"} <= set(commands)
    assert all(re.search(rf"^  {name} ", overall, re.M) for name in commands)
    for text, name in [(overall, ""), *((help_of([name], capsys), name) for name in commands)]:
        examples = re.findall(r"^ +python -m loader (.+)$", text, re.M)
        assert examples, name
        assert all(example.startswith(name) for example in examples), name
        for example in examples:
            command, *options = shlex.split(example)
            assert cli.commands[command].make_context(command, options)
        assert "Exit codes:" in text
        assert "130  stopped by Ctrl-C" in text


@pytest.mark.loopback
def test_fetch_lands_what_it_gets_and_reports_what_it_did_not(
    tmp_path: Path, yahoo_server: VendorServer, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["fetch", "--provider", "yahoo", "--symbols", "TSLA,SLOW,GONE", "--lake", str(tmp_path)]
    assert main(arguments) == 1
    printed = capsys.readouterr().err
    assert "SLOW: burst_limit: too many requests" in printed
    assert "GONE: unknown_symbol: No data found, symbol may be delisted" in printed
    assert len(read_landed(tmp_path)) == 2
    assert read_landed(tmp_path, "loader_runs")[0]["outcomes"] == {"bars": 1, "burst_limit": 1, "unknown_symbol": 1}
    archived = [gzip.decompress(path.read_bytes()) for path in (tmp_path / "payloads").rglob("*.gz")]
    assert sorted(body[:9] for body in archived) == [b"Too Many ", b'{"chart":'], (
        "the failures' responses, and no others"
    )


FOUR_WEEKS = [
    f"--{option}={datetime.now(UTC).date() - timedelta(days=days)}" for option, days in (("from", 28), ("to", 2))
]
BACKFILL = ["backfill", "--provider", "yahoo", "--symbols", "TSLA,NVDA,VOO,QQQ,AAPL,SPY", *FOUR_WEEKS]
"""24 requests: four of each symbol, inside the 30 days that Yahoo serves."""


def chart(request: ReceivedRequest) -> bytes:
    """Return a bar at noon of the first requested day."""
    symbol, first = request.path.rpartition("/")[2], int(request.query["period1"])
    quote = {name: [1] for name in ("open", "high", "low", "close", "volume")}
    meta = {"symbol": symbol, "currency": "USD", "dataGranularity": "1m"}
    result = {"meta": meta, "timestamp": [first + 12 * 3600], "indicators": {"quote": [quote]}}
    return json.dumps({"chart": {"result": [result]}}).encode()


@pytest.mark.loopback
def test_ctrl_c_leaves_a_back_fill_that_the_same_command_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[subprocess.Popen[str]] = []

    def respond(request: ReceivedRequest) -> tuple[int, bytes]:
        if len(server.requests) == 15:
            started[0].send_signal(signal.SIGINT)
        return 200, chart(request)

    with VendorServer(respond) as server:
        environment = {"TICKERLAKE_YAHOO_URL": server.url, "TICKERLAKE_YAHOO_LIMITS": "none"}
        command = [sys.executable, "-m", "loader", *BACKFILL, "--lake", str(tmp_path)]
        started.append(
            subprocess.Popen(
                command, env=os.environ | environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        )
        _, errors = started[0].communicate(timeout=60)
        assert (started[0].returncode, errors) == (130, "stopped by Ctrl-C\n")
        assert len(read_landed(tmp_path)) == 10
        server.respond = lambda request: (200, chart(request))
        server.requests.clear()
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        assert main([*BACKFILL, "--lake", str(tmp_path), "--json"]) == 0
    bars = [(bar["symbol"], bar["bar_start"]) for bar in read_landed(tmp_path)]
    assert len(bars) == len(set(bars)) == 24
    assert json.loads(capsys.readouterr().out) == {"requests": 14, "done": 14, "missed": 0, "landed": 14}


@pytest.mark.loopback
def test_a_back_fill_shows_its_progress_on_a_terminal_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with VendorServer(lambda request: (200, chart(request))) as server:
        monkeypatch.setenv("TICKERLAKE_YAHOO_URL", server.url)
        monkeypatch.setenv("TICKERLAKE_YAHOO_LIMITS", "none")
        assert main([*BACKFILL, "--lake", str(tmp_path / "a")]) == 0
        assert capsys.readouterr().err == ""
        monkeypatch.setattr("sys.stderr.isatty", lambda: True)
        assert main([*BACKFILL, "--lake", str(tmp_path / "b")]) == 0
        shown = capsys.readouterr().err.split("\r")[1:]
        assert main([*BACKFILL, "--lake", str(tmp_path / "c"), "--json"]) == 0
        assert capsys.readouterr().err == ""
    assert [line.strip().partition("] ")[2] for line in shown] == [f"{done}/24 requests" for done in (10, 20, 24)]
    assert shown[-1].startswith("[" + "#" * 30 + "]")


@pytest.mark.loopback
def test_watch_polls_from_the_first_provisional_bar_and_reports_what_it_landed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def respond(request: ReceivedRequest) -> tuple[int, bytes]:
        until = int(request.query["period2"]) // 60 * 60
        quote = {name: [1, 2] for name in ("open", "high", "low", "close", "volume")}
        meta = {"symbol": "BTC-USD", "currency": "USD", "dataGranularity": "1m"}
        result = {"meta": meta, "timestamp": [until - 3600, until - 60], "indicators": {"quote": [quote]}}
        return 200, json.dumps({"chart": {"result": [result]}}).encode()

    with VendorServer(respond) as server:
        monkeypatch.setenv("TICKERLAKE_YAHOO_URL", server.url)
        watch = ["watch", "--provider", "yahoo", "--symbols", "BTCUSD", "--rounds", "2", "--every", "0s", "--json"]
        assert main([*watch, "--lake", str(tmp_path)]) == 0
    ledgers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [ledger["confirmed"] for ledger in ledgers] == [2, 2]
    assert ledgers[0]["run_id"] != ledgers[1]["run_id"]
    first, second = (request.query for request in server.requests)
    assert int(second["period1"]) == int(first["period2"]) // 60 * 60 - 60
    assert [bar["is_final"] for bar in read_landed(tmp_path)][:2] == [True, False]


def test_doctor_reports_what_is_broken_and_the_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = ["--lake", str(tmp_path)]
    assert main(["doctor", *lake]) == 0
    assert "missing  last run               try: python -m loader fetch --provider yahoo" in capsys.readouterr().out
    dead_letters.save(FolderStore(tmp_path), "bars", [UndeliveredLine(b"{}", "throttled")], "A")
    broken = tmp_path / "raw" / "loader_runs" / "dt=2026-03-02" / "hr=21" / "A.ndjson.gz"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"no gzip")
    assert main(["doctor", *lake]) == 1
    printed = capsys.readouterr().out
    assert f"broken   last run               cannot read {broken}" in printed
    assert "broken   dead letters           1 files; to land them: python -m loader resend-dead-letters" in printed
    assert main(["resend-dead-letters", *lake]) == 0
    assert capsys.readouterr().out == "landed 1 dead letters, 0 left\n"


def test_doctor_names_what_lies_in_the_raw_zone_and_is_not_read_as_it_should_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    doctor, now = ["doctor", "--lake", str(tmp_path)], datetime.now(UTC)
    ahead = now + timedelta(days=2)
    objects = {
        f"dt={now:%Y-%m-%d}/hr={now:%H}/good.ndjson.gz": gzip.compress(b"{}"),
        f"dt={now:%Y-%m-%d}/hr={now:%H}/cut.ndjson.gz": gzip.compress(b"{}")[:-4],
        f"dt={ahead:%Y-%m-%d}/hr={ahead:%H}/early.ndjson.gz": gzip.compress(b"{}"),
        "dt=foo/hr=00/stray.ndjson.gz": gzip.compress(b"{}"),
    }
    expected = ["ok       raw zone               1 objects", "cut.ndjson.gz (18 bytes): Compressed file ended"]
    expected += ["its arrival hour is still to come", "raw/bars/dt=foo"]
    for (name, content), finding in zip(objects.items(), expected, strict=True):
        path = tmp_path / "raw" / "bars" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        assert main(doctor) == 0
        assert finding in capsys.readouterr().out
        if path.name != "good.ndjson.gz":
            path.unlink()


def ending(monkeypatch: pytest.MonkeyPatch, end: date) -> None:
    """Let every exchange calendar end on a date."""
    monkeypatch.setattr("loader.reference.calendar_ends", lambda: {"XNYS": end, "XLON": end + timedelta(days=1)})


def test_doctor_says_how_far_the_exchange_calendars_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    doctor = ["doctor", "--lake", str(tmp_path)]
    assert main(doctor) == 0
    assert "ok       calendar               exchange sessions are known until 2039-12-31" in capsys.readouterr().out
    today = datetime.now(UTC).date()
    ending(monkeypatch, today + timedelta(days=366))
    assert main(doctor) == 0
    assert "warning" not in capsys.readouterr().out
    ending(monkeypatch, end := today + timedelta(days=364))
    assert main(doctor) == 0
    shown = capsys.readouterr().out
    assert f"warning  calendar               the calendar of XNYS ends on {end}, within 12 months; " in shown
    assert "run `make seeds`" in shown


@pytest.mark.parametrize(
    ("dataset", "line", "late"),
    [
        ("bars", {"symbol": "TSLA", "bar_start": "2026-07-01T14:30:00Z"}, "TSLA has a bar of 2026-07-01"),
        ("daily_bars", {"symbol": "TSLA", "session_date": "2026-07-01"}, "TSLA has a bar of 2026-07-01"),
        ("bars", {"symbol": "TSLA", "bar_start": "2026-07-01T00:30:00Z"}, ""),  # the evening of 2026-06-30 in New York
        ("bars", {"symbol": "BTC-USD", "bar_start": "2026-07-01T14:30:00Z"}, ""),
        ("bars", {"symbol": "TSLA", "bar_start": "soon"}, ""),
        ("bars", {}, ""),
    ],
)
def test_doctor_names_a_bar_after_the_end_of_its_exchange_calendar(
    dataset: str,
    line: dict[str, str],
    late: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ending(monkeypatch, date(2026, 6, 30))
    path = tmp_path / "raw" / dataset / "dt=2026-07-02" / "hr=00" / "A.ndjson.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(b"no json\n[]\n" + json.dumps(line).encode() + b"\n"))
    assert main(["doctor", "--lake", str(tmp_path)]) == int(bool(late))
    shown = capsys.readouterr().out
    if late:
        assert f"broken   calendar               {late}, after the calendar of XNYS ends on 2026-06-30; " in shown
        assert "run `make seeds`" in shown
    else:
        assert "has a bar" not in shown


def test_closed_exchanges_are_reported_as_json_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("loader.progress.is_open", lambda *_: False)
    fetch = ["fetch", "--provider", "yahoo", "--symbols", "TSLA", "--incremental", "--lake", str(tmp_path)]
    assert main([*fetch, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"skipped": "closed"}
    assert main(fetch) == 0
    assert "closed" in capsys.readouterr().out
