"""The stream finds the signals that the marts find, tells each once, and takes back what a correction cancels."""

import base64
import gzip
import json
import random
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from loader.__main__ import main as loader
from serving.alerts import __main__ as command
from serving.alerts.bars import measure, parse, split_factors
from serving.alerts.handler import consume, from_environment, lambda_handler
from serving.alerts.hot import ADVICE, HotPath
from testkit import realdata
from testkit.lake import Lake, bar

SERIES = "TSLA|1min|simulated"


class Stage:
    """The hot path on moto, a queue that hears every alert, and the environment of the Lambda function."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cool_down: int = 0) -> None:
        dynamodb, self.sns, self.sqs = boto3.client("dynamodb"), boto3.client("sns"), boto3.client("sqs")
        for name, sort in (("bars", "bar_start"), ("alerts", "alert")):
            dynamodb.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                KeySchema=[{"AttributeName": "series", "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("series", sort)],
            )
        self.topic = self.sns.create_topic(Name="alerts")["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName="heard")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
        for variable, value in {
            "TICKERLAKE_BARS_TABLE": "bars",
            "TICKERLAKE_ALERTS_TABLE": "alerts",
            "TICKERLAKE_ALERTS_TOPIC": self.topic,
            "TICKERLAKE_COOL_DOWN_MINUTES": str(cool_down),
        }.items():
            monkeypatch.setenv(variable, value)
        from_environment.cache_clear()
        self.path = from_environment()

    def heard(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    def alerts(self) -> list[dict[str, Any]]:
        return self.path.alerts.scan()["Items"]  # type: ignore[no-any-return]

    def standing(self) -> set[tuple[str, str]]:
        """The alerts that are not taken back, as (series, bar|type|direction)."""
        return {(item["series"], item["alert"]) for item in self.alerts() if item["state"] != "retracted"}


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield Stage(monkeypatch)
    from_environment.cache_clear()


def event(lines: Sequence[dict[str, Any] | bytes], size: int = 1) -> dict[str, Any]:
    """A Kinesis batch of records of `size` lines."""
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    packed = [b"\n".join(texts[at : at + size]) for at in range(0, len(texts), size)]
    return {
        "Records": [
            {"kinesis": {"sequenceNumber": str(1_000 + at), "data": base64.b64encode(data).decode()}}
            for at, data in enumerate(packed)
        ]
    }


def calm(count: int, **fields: Any) -> list[dict[str, Any]]:
    """Bars of one minute that rise by a cent: nothing to see but the crossover that never comes."""
    return [
        bar(
            minute=f"2026-03-02T{15 + at // 60}:{at % 60:02d}:00Z",
            close=f"{100 + at / 100:.2f}",
            line_number=at + 1,
            **fields,
        )
        for at in range(count)
    ]


def jump(at: int = 24, **fields: Any) -> dict[str, Any]:
    """A bar 10 percent up."""
    return calm(at + 1)[at] | dict.fromkeys(("open", "high", "low", "close"), "110") | fields


def test_an_anomaly_is_told_once_in_words_and_for_machines(stage: Stage) -> None:
    lines = [*calm(24), jump()]
    assert lambda_handler(event(lines)) == {"batchItemFailures": []}
    heard = stage.heard()
    anomaly = next(one for one in heard if one["signal_type"] == "anomaly")
    assert anomaly["kind"] == "signal"
    assert anomaly["bar_start_at"] == "2026-03-02T15:24:00Z"
    assert (anomaly["direction"], anomaly["threshold"]) == ("UP", 5.0)
    assert anomaly["value"] == 100 * 9.77 / 100.23
    for _ in range(3):
        lambda_handler(event(lines))
    assert stage.heard() == []
    item = stage.path.latest(SERIES, 1)[0]
    assert (item["price_change"], item["is_anomaly"]) == (Decimal("9.77"), True)


def test_an_email_says_what_where_by_how_much_and_that_it_is_no_advice(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, Any]] = []
    path = HotPath(
        stage.path.bars,
        stage.path.alerts,
        type("Sns", (), {"publish": lambda _, **m: sent.append(m)})(),
        "t",
        stage.path.factor,
    )
    path.take([b for line in [*calm(24), jump()] if (b := parse(json.dumps(line).encode()))])
    text = next(json.loads(m["Message"])["email"] for m in sent if "anomaly" in m["Subject"])
    for expected in ("TSLA: anomaly UP", "2026-03-02 15:24:00 UTC", "+9.75 %", "more than 5 %", "110.0000", ADVICE):
        assert expected in text
    assert all(len(m["Subject"]) <= 100 and "\n" not in m["Subject"] for m in sent)


def test_a_provisional_bar_is_stored_and_not_told(stage: Stage) -> None:
    consume(event([*calm(24), jump(is_final=False)]), stage.path)
    assert stage.heard() == []
    assert stage.path.latest(SERIES, 1)[0]["close"] == 110
    consume(event([jump(received_at="2026-03-03T00:01:00.000Z")]), stage.path)
    assert "anomaly" in {one["signal_type"] for one in stage.heard()}


def test_an_older_version_never_replaces_a_newer(stage: Stage) -> None:
    consume(event([jump(received_at="2026-03-03T00:05:00.000Z")]), stage.path)
    older = jump(close="109", low="109", received_at="2026-03-03T00:04:00.000Z")
    provisional = jump(close="108", low="108", is_final=False, received_at="2026-03-03T00:09:00.000Z")
    for line in (older, provisional):
        assert consume(event([line]), stage.path) == {"batchItemFailures": []}
    assert stage.path.latest(SERIES, 1)[0]["close"] == 110


def test_a_correction_takes_an_alert_back_once(stage: Stage) -> None:
    consume(event([*calm(24), jump()]), stage.path)
    told = {one["alert_id"] for one in stage.heard()}
    mended = calm(25)[24] | {"received_at": "2026-03-03T01:00:00.000Z"}
    for _ in range(2):
        consume(event([mended]), stage.path)
    withdrawn = stage.heard()
    assert {one["kind"] for one in withdrawn} == {"retraction"}
    assert {one["alert_id"] for one in withdrawn} == told
    assert len(withdrawn) == len(told)
    assert stage.standing() == set()


def test_a_late_bar_changes_what_comes_after_it(stage: Stage) -> None:
    """The 24th minute comes after the 25th: the jump is measured from it, and what was wrong is taken back."""
    lines = calm(24)
    late = lines[23] | dict.fromkeys(("open", "high", "low", "close"), "109.5")
    consume(event([*lines[:23], jump()]), stage.path)
    assert (SERIES, "2026-03-02T15:24:00Z|anomaly|UP") in stage.standing()
    consume(event([late]), stage.path)
    assert (SERIES, "2026-03-02T15:24:00Z|anomaly|UP") not in stage.standing()
    assert (SERIES, "2026-03-02T15:23:00Z|anomaly|UP") in stage.standing()
    assert stage.path.latest(SERIES, 1)[0]["price_change"] == Decimal("0.5")


@pytest.mark.slow
def test_a_cool_down_is_quiet_and_keeps_count(monkeypatch: pytest.MonkeyPatch, stage: Stage) -> None:
    path = HotPath(stage.path.bars, stage.path.alerts, stage.sns, stage.topic, stage.path.factor, timedelta(minutes=10))
    saw = [
        bar(minute=f"2026-03-02T15:{at:02d}:00Z", close="100" if at % 2 else "110", line_number=at + 1)
        for at in range(30)
    ]
    for line in saw:
        consume(event([line]), path)
    told = sorted(one["bar_start_at"][14:16] for one in stage.heard() if one["signal_type"] == "anomaly")
    assert told == ["01", "11", "21"]
    assert len([1 for item in stage.alerts() if item["signal_type"] == "anomaly"]) == 29


def test_poison_blocks_nobody(stage: Stage) -> None:
    lines: list[dict[str, Any] | bytes] = [*calm(24), jump()]
    broken: list[dict[str, Any]] = [
        {"close": "NaN"},
        {"high": "1"},
        {"low": "111", "high": "112"},
        {"volume": "-1"},
        {"symbol": None},
    ]
    poison = [b"{", b"[]", b"null", b"\xff", b"{}", b"[" * 100_000]
    poison += [json.dumps(jump(**fields)).encode() for fields in broken]
    mixed = [one for line in lines for one in (line, random.Random(1).choice(poison))] + poison
    batch = event(mixed)
    batch["Records"].append({"kinesis": {"sequenceNumber": "1", "data": "***"}})
    assert consume(batch, stage.path) == {"batchItemFailures": []}
    assert "anomaly" in {one["signal_type"] for one in stage.heard()}
    assert len(stage.path.latest(SERIES, 99)) == 25


class Failing:
    """A table or topic that fails at random, before or after it has done its work, as throttles and time-outs do."""

    def __init__(self, real: Any, seed: int, calls: Sequence[str], *, after: bool) -> None:
        self._real, self._calls, self._after = real, calls, after
        self._random = random.Random(seed)

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name not in self._calls:
            return real

        def call(**arguments: Any) -> Any:
            if self._random.random() < 0.15:
                if self._after:
                    real(**arguments)
                raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, name)
            return real(**arguments)

        return call


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_faults_duplicates_and_disorder_lose_nothing_and_tell_nothing_twice(stage: Stage, seed: int) -> None:
    chance = random.Random(seed)
    price, lines = Decimal(100), []
    for at in range(70):
        price *= Decimal(chance.choice(["0.93", "0.99", "1.00", "1.01", "1.08"]))
        line = bar(
            minute=f"2026-03-02T{15 + at // 60}:{at % 60:02d}:00Z",
            close=f"{price:.2f}",
            volume=str(chance.randrange(100, 2_000)),
            line_number=at + 1,
        )
        lines.append(line)
    bars = [b for line in lines if (b := parse(json.dumps(line).encode()))]
    expected = {(SERIES, signal.key) for one in measure(bars) for signal in one.signals}
    assert len(expected) > 20
    delivered = lines + chance.sample(lines, 20)
    path = HotPath(
        Failing(stage.path.bars, seed, ("put_item", "query"), after=seed % 2 == 0),
        Failing(stage.path.alerts, seed + 1, ("put_item", "query"), after=seed % 2 == 0),
        Failing(stage.sns, seed + 2, ("publish",), after=False),
        stage.topic,
        stage.path.factor,
    )
    chance.shuffle(delivered)
    for at in range(0, len(delivered), 9):
        batch = event(delivered[at : at + 9])
        while failures := consume(batch, path)["batchItemFailures"]:
            sequences = [record["kinesis"]["sequenceNumber"] for record in batch["Records"]]
            batch["Records"] = batch["Records"][sequences.index(failures[0]["itemIdentifier"]) :]
    assert stage.standing() == expected
    balance: dict[str, int] = {}
    for one in stage.heard():
        key = f"{one['bar_start_at']}|{one['signal_type']}|{one['direction']}"
        balance[key] = balance.get(key, 0) + (1 if one["kind"] == "signal" else -1)
        assert balance[key] in (0, 1), f"{key} was told twice, or taken back twice"
    assert {(SERIES, key) for key, told in balance.items() if told} == expected


def test_a_split_is_neither_anomaly_nor_spike(stage: Stage) -> None:
    factor = split_factors([{"symbol": "TSLA", "effective_date": "2026-03-03", "new_shares": "10", "old_shares": "1"}])
    after = bar(minute="2026-03-03T14:30:00Z", close="10.02", volume="10000", received_at="2026-03-04T00:00:00Z")
    bars = [b for line in [*calm(24), after] if (b := parse(json.dumps(line).encode()))]
    assert [signal for one in measure(bars, factor) for signal in one.signals] == []
    assert {signal.signal_type for one in measure(bars) for signal in one.signals} == {
        "anomaly",
        "volume_spike",
        "crossover",
    }


def test_what_has_expired_is_not_shown(stage: Stage) -> None:
    consume(event(calm(3)), stage.path)
    assert len(stage.path.latest(SERIES, 9)) == 3
    later = HotPath(stage.path.bars, stage.path.alerts, stage.sns, stage.topic, stage.path.factor, clock=lambda: 9e9)
    assert later.latest(SERIES, 9) == []


def test_addresses_are_listed_and_deleted(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    for address in ("one@example.org", "two@example.org"):
        stage.sns.subscribe(TopicArn=stage.topic, Protocol="email", Endpoint=address)
    assert command.main(["list"]) == 0
    assert "one@example.org" in capsys.readouterr().out
    assert command.main(["delete", "ONE@example.org"]) == 0
    assert command.main(["list"]) == 0
    listed = capsys.readouterr().out
    assert "one@example.org" not in listed
    assert "two@example.org" in listed
    assert command.main(["delete", "one@example.org"]) == 1


@pytest.mark.slow
def test_a_real_day_through_the_stream_gives_the_signals_of_the_batch(stage: Stage, lake: Lake, tmp_path: Path) -> None:
    """Three recorded days of two symbols, delivered in disorder and in part twice, against fct_signal."""
    for symbol in ("TSLA", "AAPL"):
        recorded = gzip.decompress(realdata.path(f"minute/av_1min_ext_2020q4/{symbol}.csv.gz").read_bytes()).decode()
        header, *rows = recorded.splitlines()
        days = [row for row in rows if "2020-10-28" <= row[:10] <= "2020-10-30"]
        (tmp_path / f"{symbol}.csv").write_text("\n".join([header, *days]) + "\n")
    files = [str(tmp_path / f"{symbol}.csv") for symbol in ("TSLA", "AAPL")]
    options = ["--provider", "alphavantage_csv", "--received-at", "2021-01-09T02:00:00Z", "--lake", str(lake.folder)]
    assert loader(["replay", *files, *options]) == 0
    lines = [
        line
        for path in sorted((lake.folder / "raw" / "bars").rglob("*.gz"))
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]
    assert len(lines) > 4_000
    lake.run()
    batch = {
        (f"{symbol}|{interval}|{source}", f"{at:%Y-%m-%dT%H:%M:%SZ}|{kind}|{direction}"): (value, threshold)
        for symbol, interval, source, at, kind, direction, value, threshold in lake.query(
            "select symbol, bar_interval, source, bar_start_at, signal_type, direction, value, threshold "
            "from fct_signal"
        )
    }
    assert {key[1].split("|")[1] for key in batch} >= {"crossover", "volume_spike"}
    chance = random.Random(1)
    delivered = sorted(
        lines + chance.sample(lines, 200), key=lambda line: (json.loads(line)["bar_start"], chance.random())
    )
    for at in range(0, len(delivered) - 1, 150):  # neighbouring batches change places
        if at % 900 == 0:
            delivered[at : at + 300] = delivered[at + 150 : at + 300] + delivered[at : at + 150]
    for at in range(0, len(delivered), 150):
        assert consume(event(delivered[at : at + 150], size=5), stage.path) == {"batchItemFailures": []}
    items = {}
    more: dict[str, Any] = {}
    while True:
        answer = stage.path.alerts.scan(**more)
        items.update(
            {(item["series"], item["alert"]): item for item in answer["Items"] if item["state"] != "retracted"}
        )
        if "LastEvaluatedKey" not in answer:
            break
        more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
    assert set(items) == set(batch)
    for key, (value, threshold) in batch.items():
        assert float(items[key]["value"]) == pytest.approx(value, rel=1e-12)
        assert float(items[key]["threshold"]) == pytest.approx(threshold, rel=1e-12)
