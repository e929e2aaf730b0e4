"""One contract for every sink, also when the destination fails: no line is lost, every line is accounted for."""

import gzip
import json
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from loader.__main__ import main
from loader.outcome import Kind, Outcome
from loader.providers.parse_context import ParseContext
from loader.providers.simulate import simulate
from loader.run import Run
from loader.settings import read_settings
from loader.sinks import Sink, packing
from loader.sinks.folder import FolderSink
from loader.sinks.stream import Backoff, FirehoseService, KinesisService, StreamSink
from tests.loader import emulated
from tests.loader.faulty_client import FaultyClient
from tickerlake.errors import UserError

NOW = datetime(2026, 3, 2, 21, 5, tzinfo=UTC)
STREAMS = {name: name for name in ("bars", "daily_bars", "corporate_actions", "loader_runs")}
FEW, MANY = 5, 400
SEEDS = range(MANY if os.environ.get("TICKERLAKE_SOAK") else FEW)
DAY = simulate(["TSLA", "NVDA", "SCHG"], date(2024, 6, 7), 1, seed=3, faults=True)[0].lines


def backoff(attempts: int = 12, waits: list[float] | None = None) -> Backoff:
    return Backoff(attempts=attempts, sleep=(waits if waits is not None else []).append, rng=random.Random(1))


def folder(tmp_path: Path) -> tuple[Sink, Callable[[str], list[bytes]]]:
    def lines(dataset: str) -> list[bytes]:
        objects = sorted((tmp_path / "raw" / dataset).glob("dt=2026-03-02/hr=21/*.ndjson.gz"))
        return [line for path in objects for line in gzip.decompress(path.read_bytes()).splitlines()]

    return FolderSink(tmp_path), lines


def firehose(_: Path) -> tuple[Sink, Callable[[str], list[bytes]]]:
    client = FaultyClient()
    return StreamSink(FirehoseService(client), STREAMS, backoff()), client.lines


def kinesis(_: Path) -> tuple[Sink, Callable[[str], list[bytes]]]:
    client = FaultyClient()
    return StreamSink(KinesisService(client), STREAMS, backoff()), client.lines


def emulated_firehose(_: Path) -> tuple[Sink, Callable[[str], list[bytes]]]:
    emulated.create_firehose_streams(STREAMS)
    return StreamSink(FirehoseService(boto3.client("firehose")), STREAMS, backoff()), emulated.firehose_lines


def emulated_kinesis(_: Path) -> tuple[Sink, Callable[[str], list[bytes]]]:
    emulated.create_kinesis_streams(STREAMS)
    return StreamSink(KinesisService(boto3.client("kinesis")), STREAMS, backoff()), emulated.kinesis_lines


def by_symbol(lines: list[bytes]) -> dict[str, list[bytes]]:
    groups: dict[str, list[bytes]] = {}
    for line in lines:
        groups.setdefault(packing.partition_key(line), []).append(line)
    return groups


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("make", [folder, firehose, kinesis, emulated_firehose, emulated_kinesis])
class TestContract:
    """The behaviour of every sink."""

    def test_lands_the_same_lines_in_order_of_each_symbol(
        self, tmp_path: Path, make: Callable[[Path], tuple[Sink, Callable[[str], list[bytes]]]]
    ) -> None:
        sink, landed = make(tmp_path)
        delivery = sink.deliver("bars", DAY, "RUN", NOW)
        assert (delivery.confirmed, delivery.undelivered) == (len(DAY), ())
        assert by_symbol(landed("bars")) == by_symbol(DAY)

    def test_keeps_datasets_apart_and_accepts_no_lines(
        self, tmp_path: Path, make: Callable[[Path], tuple[Sink, Callable[[str], list[bytes]]]]
    ) -> None:
        sink, landed = make(tmp_path)
        assert sink.deliver("bars", [], "RUN", NOW).confirmed == 0
        sink.deliver("loader_runs", [b'{"run_id":"R"}'], "RUN", NOW)
        assert landed("bars") == []
        assert landed("loader_runs") == [b'{"run_id":"R"}']

    def test_lines_that_are_no_records_land_beside_their_neighbours(
        self, tmp_path: Path, make: Callable[[Path], tuple[Sink, Callable[[str], list[bytes]]]]
    ) -> None:
        sink, landed = make(tmp_path)
        odd = [b"not json", b"[1]", b'{"symbol":7}', b'{"symbol":""}', b'{"symbol":"TSLA"}', b"[" * 5000]
        assert sink.deliver("bars", odd, "RUN", NOW).confirmed == len(odd)
        assert sorted(landed("bars")) == sorted(odd)

    def test_a_run_ends_with_its_ledger_in_the_same_sink(
        self, tmp_path: Path, make: Callable[[Path], tuple[Sink, Callable[[str], list[bytes]]]]
    ) -> None:
        sink, landed = make(tmp_path)
        run = Run(tmp_path, "simulate", "simulate", NOW, sink=sink)
        run.add_lines(DAY)
        run.finish(NOW)
        (ledger,) = map(json.loads, landed("loader_runs"))
        assert (ledger["sent"], ledger["confirmed"], ledger["dead_lettered"]) == (len(DAY), len(DAY), 0)
        assert len(landed("bars")) == len(DAY)


def test_a_kinesis_record_holds_one_symbol_which_is_its_partition_key() -> None:
    client = FaultyClient()
    StreamSink(KinesisService(client), STREAMS, backoff()).deliver("bars", DAY, "RUN", NOW)
    for key, data in client.accepted["bars"]:
        assert {packing.partition_key(line) for line in data.splitlines()} == {key}


def test_records_are_filled_to_the_billing_increment() -> None:
    lines = [b"x" * size for size in random.Random(5).choices(range(300, 420), k=20_000)]
    records, too_large = packing.pack(lines)
    payload = sum(len(line) + 1 for line in lines)
    assert too_large == []
    assert [line for record in records for line in record.lines] == lines
    assert sum(map(packing.billed_bytes, records)) <= 1.05 * payload
    live, _ = packing.pack(lines[:10])
    assert sum(map(packing.billed_bytes, live)) - sum(len(line) + 1 for line in lines[:10]) < packing.INCREMENT


def test_batches_keep_the_limits_and_one_record_of_a_symbol() -> None:
    records = [packing.Record((b"x" * 99,), f"S{number % 300}") for number in range(2100)]
    records += [packing.Record((b"y" * 1_000_000,), "") for _ in range(9)]
    grouped = list(packing.batches(records))
    assert sorted(map(id, (record for batch in grouped for record in batch))) == sorted(map(id, records))
    for batch in grouped:
        keys = [record.key for record in batch if record.key]
        assert len(batch) <= packing.MAX_BATCH_RECORDS
        assert sum(record.size for record in batch) <= packing.MAX_BATCH_BYTES
        assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("load", "shards"), [((10.0,), 1), ((1000.0,), 1), ((1001.0,), 2), ((10_000.0, 400.0, 10.0), 4)]
)
def test_shards_follow_the_larger_of_bytes_and_records(load: tuple[float, ...], shards: int) -> None:
    assert packing.shard_count(*load) == shards


@pytest.mark.parametrize("service", [FirehoseService, KinesisService])
def test_a_line_larger_than_a_record_is_dead_lettered_and_its_neighbours_land(service: Any, tmp_path: Path) -> None:
    client = FaultyClient()
    lines = [b"before", b"x" * (1_000 * 1024), b"after"]
    run = Run(tmp_path, "simulate", "simulate", NOW, sink=StreamSink(service(client), STREAMS, backoff()))
    run.add_lines(lines)
    ledger = run.finish(NOW)
    assert client.lines("bars") == [b"before", b"after"]
    assert (ledger["confirmed"], ledger["dead_lettered"]) == (2, 1)
    (dead_letter,) = (tmp_path / "dead_letters" / "bars").iterdir()
    assert gzip.decompress(dead_letter.read_bytes()) == lines[1] + b"\n"


@pytest.mark.parametrize("service", [FirehoseService, KinesisService])
@pytest.mark.parametrize("seed", SEEDS)
def test_conservation_holds_whatever_the_destination_does(service: Any, seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    client = FaultyClient(seed, partial=0.1, throttle=rng.random() * 0.3, lost_response=rng.random() * 0.2)
    if seed % 3 == 0:
        client.poison = b'"NVDA"'
    run = Run(
        tmp_path, "t", "t", NOW, sink=StreamSink(service(client), STREAMS, backoff(attempts=rng.choice([1, 3, 12])))
    )
    context = ParseContext.build("yahoo", "TSLA", "1min", NOW.date())
    bars = [context.bar(f"2026-03-02T14:{minute:02d}:00Z", *"11111") for minute in range(60)]
    run.add_response(Outcome(Kind.BARS, bars, null_rows=rng.randrange(5)), b"", NOW)
    run.add_lines(DAY)
    ledger: Any = run.finish(NOW)
    assert ledger["parsed"] == ledger["sent"] + ledger["null_rows"]
    assert ledger["sent"] == ledger["confirmed"] + ledger["dead_lettered"]
    sent = list(run._lines["bars"])
    counts = Counter(sent)
    landed = client.lines("bars")
    assert set(landed) <= set(sent)
    dead = [gzip.decompress(path.read_bytes()) for path in tmp_path.glob("dead_letters/bars/*")]
    dead_lettered = [line for content in dead for line in content.splitlines()]
    assert len(dead_lettered) == ledger["dead_lettered"]
    assert set(sent) == set(landed) | set(dead_lettered)
    assert set(landed) >= set(sent) - set(dead_lettered)
    for key, lines in by_symbol(landed).items() if service is KinesisService else ():
        order = {line: at for at, line in enumerate(sent) if counts[line] == 1}
        firsts = [order[line] for line in dict.fromkeys(lines) if line in order]
        assert firsts == sorted(firsts), key


@pytest.mark.parametrize("service", [FirehoseService, KinesisService])
def test_a_tenth_of_faults_leaves_999_lines_of_1000_delivered(service: Any) -> None:
    client = FaultyClient(9, partial=0.1, throttle=0.1, lost_response=0.1)
    sink = StreamSink(service(client), STREAMS, Backoff(sleep=lambda _: None, rng=random.Random(9)))
    confirmed = sum(sink.deliver("bars", DAY[at : at + 10], "RUN", NOW).confirmed for at in range(0, len(DAY), 10))
    assert confirmed >= 0.999 * len(DAY)
    assert client.calls > 1.2 * len(DAY) / 10


def test_only_failed_records_are_sent_again_and_the_waits_are_capped() -> None:
    client = FaultyClient(seed=1)
    client.poison = b"bad"
    waits: list[float] = []
    lines = [b'{"symbol":"OK"}', b'{"symbol":"bad"}']
    delivery = StreamSink(KinesisService(client), STREAMS, backoff(9, waits)).deliver("bars", lines, "RUN", NOW)
    assert client.lines("bars") == [lines[0]]
    assert [item.reason for item in delivery.undelivered] == ["ProvisionedThroughputExceededException after 9 attempts"]
    assert client.calls == 9
    assert len(waits) == 8
    assert max(waits) <= 5.0
    assert len(set(waits)) == 8


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "AccessDeniedException"])
def test_a_permanent_error_is_not_retried(code: str) -> None:
    class Refusing:
        calls = 0

        def put_record_batch(self, **_: object) -> None:
            self.calls += 1
            raise ClientError({"Error": {"Code": code, "Message": ""}}, "PutRecordBatch")

    client: Any = Refusing()
    delivery = StreamSink(FirehoseService(client), STREAMS, backoff()).deliver("bars", [b"a", b"b"], "RUN", NOW)
    assert (client.calls, delivery.confirmed, {item.reason for item in delivery.undelivered}) == (1, 0, {code})


def test_an_unreachable_endpoint_is_retried_then_dead_lettered() -> None:
    class Unreachable:
        def put_records(self, **_: object) -> None:
            raise EndpointConnectionError(endpoint_url="https://stream")

    client: Any = Unreachable()
    delivery = StreamSink(KinesisService(client), STREAMS, backoff(3)).deliver("bars", [b"a"], "RUN", NOW)
    assert delivery.undelivered[0].reason == "Transport:EndpointConnectionError after 3 attempts"


def test_a_response_of_the_wrong_length_confirms_nothing() -> None:
    class Short:
        def put_record_batch(self, **_: object) -> dict[str, object]:
            return {"FailedPutCount": 0, "RequestResponses": []}

    client: Any = Short()
    delivery = StreamSink(FirehoseService(client), STREAMS, backoff(2)).deliver("bars", [b"a"], "RUN", NOW)
    assert (delivery.confirmed, len(delivery.undelivered)) == (0, 1)


def test_a_stream_sink_without_stream_names_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="TICKERLAKE_STREAM_BARS, TICKERLAKE_STREAM_DAILY_BARS"):
        read_settings(str(tmp_path), "firehose", {})
    with pytest.raises(UserError, match="unknown sink 'tape'"):
        read_settings(str(tmp_path), None, {"TICKERLAKE_SINK": "tape"})
    assert main(["simulate", "--sessions", "1", "--sink", "kinesis", "--lake", str(tmp_path)]) == 2


def test_a_run_with_dead_letters_reports_them_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = FaultyClient()
    client.poison = b'"TSLA"'
    sink = StreamSink(FirehoseService(client), STREAMS, backoff(1))
    monkeypatch.setattr("loader.sinks.factory.sink_from_settings", lambda _: sink)
    monkeypatch.setenv("TICKERLAKE_SINK", "folder")
    assert main(["simulate", "--symbols", "TSLA", "--sessions", "1", "--lake", str(tmp_path)]) == 1
    assert "lines were not delivered" in capsys.readouterr().err
    assert list(tmp_path.glob("dead_letters/bars/*.ndjson.gz"))
