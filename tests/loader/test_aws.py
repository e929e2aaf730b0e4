"""On moto's AWS: state in S3, secrets, the scheduled function, dead letters from end to end."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from loader import handler
from loader.__main__ import main
from loader.lease import LeaseHeldError, lease
from loader.outcome import Kind
from loader.providers import registry
from loader.secret import fetch_secret
from loader.sinks import UndeliveredLine, dead_letters
from loader.sinks.folder import FolderSink
from loader.store import ABSENT, FolderStore, S3Store, StateStore, VersionConflictError, store_from_environment
from loader.stream_handlers import kinesis_handler
from tests.loader import emulated
from tests.loader.raw_zone import read_landed
from tests.loader.scripted_provider import ScriptedProvider
from tickerlake.errors import UserError

STREAMS = ("bars", "daily_bars", "corporate_actions", "loader_runs")
NOW = datetime(2026, 3, 2, 21, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        emulated.create_firehose_streams(STREAMS)
        yield


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> ScriptedProvider:
    """Set up a function as it is deployed: Firehose, a bucket for state, a key in SSM, a scripted provider."""
    provider = ScriptedProvider(lambda *_: Kind.BARS)
    provider.key_variable = "TICKERLAKE_SCRIPTED_KEY"
    monkeypatch.setitem(registry.PROVIDERS, "scripted", lambda _: provider)
    boto3.client("ssm").put_parameter(Name="/scripted/key", Value="0123456789abcdef", Type="SecureString")
    variables = {
        "TICKERLAKE_PROVIDER": "scripted",
        "TICKERLAKE_SYMBOLS": "BTCUSD,EURUSD,TSLA",
        "TICKERLAKE_INTERVAL": "60min",
        "TICKERLAKE_SINK": "firehose",
        "TICKERLAKE_STATE_BUCKET": emulated.BUCKET,
        "TICKERLAKE_STATE_PREFIX": "own/",
        "TICKERLAKE_SCRIPTED_KEY_SECRET": "ssm:/scripted/key",
        "AWS_LAMBDA_FUNCTION_NAME": "loader",
        **{f"TICKERLAKE_STREAM_{name.upper()}": name for name in STREAMS},
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return provider


def folder_store(tmp_path: Path) -> StateStore:
    return FolderStore(tmp_path)


def s3_store(_: Path) -> StateStore:
    return S3Store(boto3.client("s3"), emulated.BUCKET, "below/")


@pytest.mark.parametrize("make", [folder_store, s3_store])
class TestStore:
    """The behaviour of both stores."""

    def test_state_is_written_only_over_the_version_that_was_read(self, make: Any, tmp_path: Path) -> None:
        store = make(tmp_path)
        assert store.read("state/x.json") is None
        version = store.write("state/x.json", b"1", ABSENT)
        latest = store.write("state/x.json", b"2", version)
        for stale in (ABSENT, version):
            with pytest.raises(VersionConflictError):
                store.write("state/x.json", b"3", stale)
        assert (store.read("state/x.json").content, store.read("state/x.json").version) == (b"2", latest)
        with pytest.raises(VersionConflictError):
            store.write("state/gone.json", b"3", version)

    def test_objects_are_listed_by_folder_and_removed(self, make: Any, tmp_path: Path) -> None:
        store = make(tmp_path)
        for key in ("a/2", "a/b/1", "c/3"):
            store.write(key, b"x", ABSENT)
        assert store.keys("a/") == ["a/2", "a/b/1"]
        for _ in range(2):
            store.delete("a/2")
        assert store.keys("a/") == ["a/b/1"]
        assert store.keys("none/") == []

    def test_a_lease_has_one_holder(self, make: Any, tmp_path: Path) -> None:
        store = make(tmp_path)
        with lease(store, "x", "one", 60) as renew:
            renew()
            with pytest.raises(LeaseHeldError), lease(store, "x", "two", 60):
                pass
        with lease(store, "x", "two", 60):
            pass


def test_a_bucket_that_is_missing_is_named() -> None:
    store = S3Store(boto3.client("s3"), "no-such-bucket")
    for attempt in (lambda: store.read("x"), lambda: store.write("x", b""), lambda: store.keys("x/")):
        with pytest.raises(UserError, match=r"s3://no-such-bucket/x.*NoSuchBucket"):
            attempt()


def test_secrets_come_from_ssm_and_secrets_manager() -> None:
    boto3.client("ssm").put_parameter(Name="/a/key", Value="from-ssm", Type="SecureString")
    boto3.client("secretsmanager").create_secret(Name="a-key", SecretString="from-manager")
    assert fetch_secret("ssm:/a/key") == "from-ssm"
    assert fetch_secret("secretsmanager:a-key") == "from-manager"
    for place in ("ssm:/none", "secretsmanager:none"):
        with pytest.raises(UserError, match=f"cannot read the secret {place}: "):
            fetch_secret(place)


def test_a_function_fans_out_in_shards_that_share_state_in_s3(
    deployed: ScriptedProvider, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loader.jobs.is_open", lambda *_: True)
    monkeypatch.setattr("loader.progress.is_open", lambda *_: True)
    ledgers = [handler.lambda_handler({"shard": [part, 2]}, None) for part in range(2)]
    assert sorted(symbol for symbol, _ in deployed.requests) == ["BTCUSD", "EURUSD", "TSLA"]
    lines = [json.loads(line) for line in emulated.firehose_lines("bars")]
    assert len(lines) == sum(int(str(ledger["confirmed"])) for ledger in ledgers) > 0
    runs = [json.loads(line) for line in emulated.firehose_lines("loader_runs")]
    assert sorted(run["run_id"] for run in runs) == sorted(str(ledger["run_id"]) for ledger in ledgers)
    store = S3Store(boto3.client("s3"), emulated.BUCKET, "own/")
    state = store.read("state/live/simulated-bars-60min.json")
    assert state is not None
    assert json.loads(state.content)["final_until"].keys() == {"BTCUSD", "EURUSD", "TSLA"}
    assert store.keys("state/quota/") == ["state/quota/simulated.json"]
    assert "0123456789abcdef" not in capsys.readouterr().out


def test_a_shard_is_not_run_twice_at_once_and_the_others_are(deployed: ScriptedProvider) -> None:
    store = S3Store(boto3.client("s3"), emulated.BUCKET, "own/")
    with lease(store, "handler-simulated-bars-60min-0-2", "another", 60):
        assert handler.lambda_handler({"shard": [0, 2]}, None) == {"skipped": "overlap"}
        assert "run_id" in handler.lambda_handler({"shard": [1, 2], "symbols": ["TSLA", "BTCUSD"]}, None)


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        ({"TICKERLAKE_STATE_BUCKET": ""}, "set TICKERLAKE_STATE_BUCKET"),
        ({"TICKERLAKE_SINK": "folder"}, "set TICKERLAKE_SINK to firehose or kinesis"),
        ({"TICKERLAKE_STREAM_BARS": ""}, "set TICKERLAKE_STREAM_BARS"),
    ],
)
def test_a_function_without_durable_storage_refuses_to_start(
    deployed: ScriptedProvider, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], remedy: str
) -> None:
    for name, value in change.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=remedy):
        handler.lambda_handler({}, None)
    with pytest.raises(UserError, match=remedy):
        kinesis_handler({"Records": []})
    assert deployed.requests == []


def test_the_oldest_provisional_bar_is_measured_until_its_final_version_lands(
    deployed: ScriptedProvider, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def age() -> float:
        handler.lambda_handler({"symbols": ["BTCUSD"]}, None)
        (metrics,) = [line for line in map(json.loads, capsys.readouterr().out.splitlines()) if "_aws" in line]
        assert {"Name": "oldest_provisional_bar", "Unit": "Seconds"} in metrics["_aws"]["CloudWatchMetrics"][0][
            "Metrics"
        ]
        return float(metrics["oldest_provisional_bar"])

    monkeypatch.setattr("loader.record.Bar.is_final", lambda *_: False)
    waiting = age()
    assert 23 * 3600 < waiting <= 24 * 3600 + 60
    for kind in (Kind.UNKNOWN, Kind.EMPTY):
        deployed.script = lambda *_, kind=kind: kind
        assert age() >= waiting, "a vendor that does not deliver makes nothing final"
    deployed.script = lambda *_: Kind.BARS
    monkeypatch.setattr("loader.record.Bar.is_final", lambda *_: True)
    assert age() == 0


def test_dead_letters_are_sent_again_until_none_is_left(
    deployed: ScriptedProvider, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_from_environment(tmp_path)
    assert isinstance(store, S3Store)
    lines = [b'{"run_id":"A","line_number":1}', b"", b"not json"]
    dead_letters.save(store, "bars", [UndeliveredLine(line, "throttled") for line in lines], "A")
    dead_letters.save(store, "loader_runs", [UndeliveredLine(b'{"run_id":"A"}', "throttled")], "A")
    monkeypatch.setenv("TICKERLAKE_STREAM_BARS", "no-such-stream")
    resend = ["resend-dead-letters", "--json", "--lake", str(tmp_path)]
    assert main(resend) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"confirmed": 1, "dead_lettered": 3}
    assert "3 lines not delivered: ResourceNotFoundException" in printed.err
    assert store.keys("dead_letters/") == ["dead_letters/bars/A.ndjson.gz"]
    monkeypatch.setenv("TICKERLAKE_STREAM_BARS", "bars")
    assert main(resend) == 0
    assert json.loads(capsys.readouterr().out) == {"confirmed": 3, "dead_lettered": 0}
    assert emulated.firehose_lines("bars") == lines
    assert main(resend) == 0
    assert emulated.firehose_lines("bars") == lines
    assert store.keys("dead_letters/") == []


def test_dead_letters_of_a_folder_land_in_the_raw_zone(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    dead_letters.save(store, "bars", [UndeliveredLine(b'{"run_id":"A"}', "throttled")], "A")
    FolderSink(tmp_path).deliver("bars", [b'{"run_id":"A","n":1}'], "A", NOW)
    assert dead_letters.resend(store, FolderSink(tmp_path), NOW) == (1, [])
    assert read_landed(tmp_path) == [{"run_id": "A", "n": 1}, {"run_id": "A"}]


def test_a_kinesis_consumer_sends_lines_to_firehose_and_dead_letters_what_is_too_large(
    deployed: ScriptedProvider,
) -> None:
    datas = [b'{"symbol": "TSLA"}\njunk', b"x" * (1_000 * 1024), b'{"symbol":"NVDA"}']
    records = [
        {"kinesis": {"sequenceNumber": str(at), "data": base64.b64encode(data).decode()}}
        for at, data in enumerate(datas)
    ]
    assert kinesis_handler({"Records": records}) == {"batchItemFailures": []}
    assert sorted(emulated.firehose_lines("bars")) == [b"junk", b'{"symbol":"NVDA"}', b'{"symbol":"TSLA"}']
    store = S3Store(boto3.client("s3"), emulated.BUCKET, "own/")
    assert store.keys("dead_letters/") == ["dead_letters/bars/kinesis-1.ndjson.gz"]
