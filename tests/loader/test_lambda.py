"""What runs in Lambda: the scheduled handler, the functions on the streams, and the package."""

import base64
import json
import random
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from loader import handler, package
from loader.outcome import Kind
from loader.providers import registry
from loader.secret import fetch_secret
from loader.settings import Settings
from loader.sinks import Delivery, UndeliveredLine
from loader.sinks.folder import FolderSink
from loader.store import FolderStore
from loader.stream_handlers import consume, normalise_line, transform
from tests.loader.raw_zone import read_landed
from tests.loader.scripted_provider import ScriptedProvider
from tickerlake.errors import UserError
from tickerlake.lake import PROJECT


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_the_transformation_returns_one_record_for_each_and_keeps_the_lines_beside_a_malformed_one() -> None:
    records = [
        {"recordId": "1", "data": encoded(b'{"symbol": "TSLA", "close": 1.50}\r\nnot json\n{"symbol":"\xc3\xa9"}\n\n')},
        {"recordId": "2", "data": "not base64!"},
        {"recordId": "3", "data": encoded(b"\n \n")},
        {"recordId": "4", "data": encoded(b"\xff\xfe")},
        {"recordId": "5", "data": encoded(b"[" * 100_000)},
    ]
    response = transform({"records": records})["records"]
    assert [(record["recordId"], record["result"]) for record in response] == [
        ("1", "Ok"),
        ("2", "ProcessingFailed"),
        ("3", "Dropped"),
        ("4", "Ok"),
        ("5", "Ok"),
    ]
    assert base64.b64decode(response[0]["data"]).splitlines() == [
        b'{"symbol":"TSLA","close":"1.50"}',
        b"not json",
        b'{"symbol":"\\u00e9"}',
    ]
    assert base64.b64decode(response[3]["data"]) == b"\xff\xfe\n"


def test_a_thousand_mixed_records_lose_no_line() -> None:
    rng = random.Random(16)
    lines = [b'{"symbol":"TSLA","close":"1.5"}', b'{ "symbol" : 7 }', b"oops", b"\xff", b"[]", b"\\N", b'{"a":']
    batches = [[rng.choice(lines) for _ in range(rng.randrange(1, 9))] for _ in range(1000)]
    records = [{"recordId": str(at), "data": encoded(b"\n".join(batch))} for at, batch in enumerate(batches)]
    response = transform({"records": records})["records"]
    assert [(record["recordId"], record["result"]) for record in response] == [(str(at), "Ok") for at in range(1000)]
    for record, batch in zip(response, batches, strict=True):
        assert base64.b64decode(record["data"]) == b"".join(normalise_line(line) + b"\n" for line in batch)


def test_a_line_of_the_loader_passes_the_transformation_unchanged() -> None:
    line = b'{"schema_version":1,"symbol":"TSLA","close":"1.50","line_number":7,"bar_start":null}'
    assert normalise_line(line) == line


def event(*datas: str) -> dict[str, Any]:
    return {"Records": [{"kinesis": {"sequenceNumber": str(at), "data": data}} for at, data in enumerate(datas)]}


def test_a_poison_record_never_blocks_the_shard_and_lands_as_text(tmp_path: Path) -> None:
    now = datetime(2026, 3, 2, 21, tzinfo=UTC)
    batch = event(encoded(b'{"a":1}\n'), "!!!", encoded(b'junk\n{"a":2}'))
    for _ in range(2):  # delivered twice: the same objects again
        assert consume(batch, FolderSink(tmp_path), FolderStore(tmp_path), "bars", lambda: now) == {
            "batchItemFailures": []
        }
    lines = (tmp_path / "raw" / "bars" / "dt=2026-03-02" / "hr=21").iterdir()
    assert len(list(lines)) == 3


@pytest.mark.parametrize("how", ["raises", "dead"])
def test_a_failed_record_and_those_after_it_are_delivered_again(how: str, tmp_path: Path) -> None:
    handled = []

    class Failing:
        def deliver(self, dataset: str, lines: Any, name: str, arrived_at: datetime) -> Delivery:
            handled.append(name)
            if name == "kinesis-1":
                if how == "raises":
                    raise OSError("disk")
                return Delivery(0, (UndeliveredLine(b"", "throttled"),))
            return Delivery(len(lines))

    response = consume(
        event(*[encoded(b"{}")] * 3), Failing(), FolderStore(tmp_path), "bars", lambda: datetime.now(UTC)
    )
    assert response == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert handled == ["kinesis-0", "kinesis-1"]


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScriptedProvider:
    provider = ScriptedProvider(lambda *_: Kind.BARS)
    monkeypatch.setitem(registry.PROVIDERS, "scripted", lambda _: provider)
    for name, value in {
        "PROVIDER": "scripted",
        "SYMBOLS": "BTCUSD,EURUSD",
        "INTERVAL": "60min",
        "SINK": "folder",
    }.items():
        monkeypatch.setenv(f"TICKERLAKE_{name}", value)
    monkeypatch.setattr("loader.settings.read_settings", lambda *_: Settings(tmp_path))
    return provider


def test_the_handler_lands_an_increment_with_metrics_and_a_new_run_each_time(
    tmp_path: Path, deployed: ScriptedProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    first = handler.lambda_handler({"symbols": ["BTCUSD"]}, None)
    assert first["sent"] == len(read_landed(tmp_path)) > 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (metrics,) = [line for line in printed if "_aws" in line]
    directive = metrics["_aws"]["CloudWatchMetrics"][0]
    assert all(metric["Name"] in metrics for metric in directive["Metrics"])
    assert (metrics["sent"], metrics["outcome_bars"], metrics["source"]) == (first["sent"], 1, "simulated")
    second = handler.lambda_handler({"symbols": ["BTCUSD"]}, None)
    assert second["run_id"] != first["run_id"]


def test_a_concurrent_run_and_a_closed_exchange_are_skipped(
    tmp_path: Path, deployed: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = tmp_path / "state" / "lease" / "handler-simulated-bars-60min.json"
    lease.parent.mkdir(parents=True)
    lease.write_text(json.dumps({"holder": "x", "until": 1e11}))
    assert handler.lambda_handler({}, None) == {"skipped": "overlap"}
    lease.unlink()
    monkeypatch.setattr("loader.progress.is_open", lambda *_: False)
    assert handler.lambda_handler({}, None) == {"skipped": "closed"}
    assert deployed.requests == []


def test_shards_cover_the_universe_once() -> None:
    environment = {"TICKERLAKE_SYMBOLS": "A,B,C,D,E"}
    shards = [handler.shard({"shard": [part, 2]}, environment) for part in range(2)]
    assert shards == [["A", "C", "E"], ["B", "D"]]
    with pytest.raises(UserError, match="shard 2 of 2"):
        handler.shard({"shard": [2, 2]}, environment)


def test_secrets_are_read_once_and_an_unreadable_one_is_named() -> None:
    calls = []

    def fetch(place: str) -> str:
        calls.append(place)
        return "0123456789"

    environment = {"TICKERLAKE_RAPIDAPI_KEY_SECRET": "ssm:/test/once", "HOME_KEY_SECRET": "x"}
    for _ in range(3):
        assert handler.with_secrets(environment, fetch)["TICKERLAKE_RAPIDAPI_KEY"] == "0123456789"
    assert calls == ["ssm:/test/once"]
    with pytest.raises(UserError, match="'vault:x': write ssm:/name"):
        fetch_secret("vault:x")


@pytest.mark.parametrize("module", ["loader.handler", "loader.stream_handlers"])
def test_a_function_does_not_import_click(module: str) -> None:
    code = f"import sys; sys.modules['click'] = None; import {module}"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PROJECT)


def test_the_package_is_small_reproducible_and_needs_no_environment(tmp_path: Path) -> None:
    first, second = tmp_path / "a.zip", tmp_path / "b.zip"
    assert package.build(first) <= 5 * 1024 * 1024
    package.build(second)
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "task")
    needed = {"loader/handler.py", "serving/__init__.py", "serving/alerts/handler.py"}
    assert needed | {"seeds/symbol.csv", "seeds/source_label.csv", "seeds/split.csv"} <= set(names)
    assert not [name for name in names if name.split("/")[0] in ("boto3", "botocore", "click", "pandas", "numpy")]
    assert not [name for name in names if name.startswith("loader/commands") or name == "loader/__main__.py"]
    code = (
        f"import sys; sys.path = [{str(tmp_path / 'task')!r}, *[p for p in sys.path if 'site-packages' not in p]]\n"
        "import loader.handler, loader.stream_handlers\n"
        "from loader.reference import universe; from loader.calendar import sessions; import serving.alerts.bars\n"
        "assert loader.handler.__file__.startswith(sys.path[0]) and 'boto3' not in sys.modules\n"
        "print(len(universe()))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("10", "")
