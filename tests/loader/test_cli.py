"""The command line: clear refusals, and live bars from a server that plays the vendor."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from loader.__main__ import main
from tests.loader.test_replay import YAHOO_1MIN, landed


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["replay", "{folder}/NONE.csv", "--provider", "alphavantage_csv"], "cannot read {folder}/NONE.csv"),
        (["replay", "{folder}/TSLA.csv", "--provider", "alphavantage_csv"], "not a text file"),
        (["replay", "{folder}/TSLA.gz", "--provider", "alphavantage_csv"], "cannot read {folder}/TSLA.gz"),
        (["replay", "{folder}/A.csv", "--provider", "alphavantage_csv"], "no header with a time column"),
        (["replay", "{folder}/A.csv", "--provider", "yahoo"], "not a chart answer"),
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
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage: python -m loader" in capsys.readouterr().err


class Vendor(BaseHTTPRequestHandler):
    """Plays Yahoo: one known symbol, one throttled, any other unknown."""

    def do_GET(self) -> None:
        if "/chart/TSLA" in self.path:
            status, body = 200, json.dumps(YAHOO_1MIN)
        elif "/chart/SLOW" in self.path:
            status, body = 429, "Too Many Requests"
        else:
            error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
            status, body = 404, json.dumps({"chart": {"result": None, "error": error}})
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = HTTPServer(("127.0.0.1", 0), Vendor)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("TICKERLAKE_YAHOO_URL", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.loopback
def test_fetch_lands_what_it_gets_and_says_what_it_did_not(
    tmp_path: Path, vendor: None, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["fetch", "--provider", "yahoo", "--symbols", "TSLA,SLOW,GONE", "--lake", str(tmp_path)]
    assert main(arguments) == 1
    printed = capsys.readouterr().err
    assert "SLOW: burst_limit: too many requests" in printed
    assert "GONE: unknown_symbol: No data found, symbol may be delisted" in printed
    assert len(landed(tmp_path)) == 2
    assert landed(tmp_path, "loader_runs")[0]["outcomes"] == {"bars": 1, "burst_limit": 1, "unknown_symbol": 1}
