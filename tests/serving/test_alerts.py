"""The stream finds the signals of the marts, sends each once, and withdraws those that a correction cancels."""

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from loader.__main__ import main as loader
from serving.alerts import __main__ as command
from serving.alerts.bars import create_split_factor, measure, parse, read_thresholds
from serving.alerts.handler import consume, lambda_handler, processor_from_environment
from serving.alerts.notification import ADVICE
from serving.alerts.processor import AlertProcessor
from testkit import realdata
from testkit.lake import Lake, bar
from tests.serving.alert_stage import AlertStage, FailingClient, jump_line, kinesis_event, quiet_lines
from tickerlake.errors import UserError

SERIES = "TSLA|1min|simulated"


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[AlertStage]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield AlertStage(monkeypatch)
    processor_from_environment.cache_clear()


def test_an_anomaly_is_sent_once_for_programs(stage: AlertStage) -> None:
    lines = [*quiet_lines(24), jump_line()]
    assert lambda_handler(kinesis_event(lines)) == {"batchItemFailures": []}
    received = stage.receive()
    anomaly = next(alert for alert in received if alert["signal_type"] == "anomaly")
    assert anomaly["kind"] == "signal"
    assert anomaly["bar_start_at"] == "2026-03-02T15:24:00Z"
    assert (anomaly["direction"], anomaly["threshold"]) == ("UP", 5.0)
    assert anomaly["value"] == 100 * 9.77 / 100.23
    for _ in range(3):
        lambda_handler(kinesis_event(lines))
    assert stage.receive() == []
    item = stage.processor.latest(SERIES, 1)[0]
    assert (item["price_change"], item["is_anomaly"]) == (Decimal("9.77"), True)


def test_an_email_has_symbol_signal_time_amount_and_the_disclaimer(
    stage: AlertStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, Any]] = []
    processor = AlertProcessor(
        stage.processor.bars,
        stage.processor.alerts,
        type("Sns", (), {"publish": lambda _, **m: sent.append(m)})(),
        "t",
        stage.processor.factor,
    )
    processor.process([b for line in [*quiet_lines(24), jump_line()] if (b := parse(json.dumps(line).encode()))])
    text = next(json.loads(m["Message"])["email"] for m in sent if "anomaly" in m["Subject"])
    for expected in ("TSLA: anomaly UP", "2026-03-02 15:24:00 UTC", "+9.75 %", "more than 5 %", "110.0000", ADVICE):
        assert expected in text
    assert all(len(m["Subject"]) <= 100 and "\n" not in m["Subject"] for m in sent)


def test_a_provisional_bar_is_stored_and_sends_no_alert(stage: AlertStage) -> None:
    consume(kinesis_event([*quiet_lines(24), jump_line(is_final=False)]), stage.processor)
    assert stage.receive() == []
    assert stage.processor.latest(SERIES, 1)[0]["close"] == 110
    consume(kinesis_event([jump_line(received_at="2026-03-03T00:01:00.000Z")]), stage.processor)
    assert "anomaly" in {alert["signal_type"] for alert in stage.receive()}


def test_an_older_version_never_replaces_a_newer(stage: AlertStage) -> None:
    consume(kinesis_event([jump_line(received_at="2026-03-03T00:05:00.000Z")]), stage.processor)
    older = jump_line(close="109", low="109", received_at="2026-03-03T00:04:00.000Z")
    provisional = jump_line(close="108", low="108", is_final=False, received_at="2026-03-03T00:09:00.000Z")
    for line in (older, provisional):
        assert consume(kinesis_event([line]), stage.processor) == {"batchItemFailures": []}
    assert stage.processor.latest(SERIES, 1)[0]["close"] == 110


def test_a_correction_withdraws_an_alert_once(stage: AlertStage) -> None:
    consume(kinesis_event([*quiet_lines(24), jump_line()]), stage.processor)
    sent = {alert["alert_id"] for alert in stage.receive()}
    corrected = quiet_lines(25)[24] | {"received_at": "2026-03-03T01:00:00.000Z"}
    for _ in range(2):
        consume(kinesis_event([corrected]), stage.processor)
    withdrawn = stage.receive()
    assert {alert["kind"] for alert in withdrawn} == {"retraction"}
    assert {alert["alert_id"] for alert in withdrawn} == sent
    assert len(withdrawn) == len(sent)
    assert stage.active() == set()


def test_a_late_bar_changes_the_signals_after_it(stage: AlertStage) -> None:
    """The bar of minute 23 arrives after that of minute 24, whose change is then measured from it."""
    lines = quiet_lines(24)
    late = lines[23] | dict.fromkeys(("open", "high", "low", "close"), "109.5")
    consume(kinesis_event([*lines[:23], jump_line()]), stage.processor)
    assert (SERIES, "2026-03-02T15:24:00Z|anomaly|UP") in stage.active()
    consume(kinesis_event([late]), stage.processor)
    assert (SERIES, "2026-03-02T15:24:00Z|anomaly|UP") not in stage.active()
    assert (SERIES, "2026-03-02T15:23:00Z|anomaly|UP") in stage.active()
    assert stage.processor.latest(SERIES, 1)[0]["price_change"] == Decimal("0.5")


@pytest.mark.parametrize("state", ["suppressed", "quiet"])
def test_a_suppressed_alert_is_withdrawn_without_a_message_also_as_older_versions_stored_it(
    stage: AlertStage, state: str
) -> None:
    consume(kinesis_event([*quiet_lines(24), jump_line()]), stage.processor)
    stage.receive()
    for alert in stage.alerts():
        stage.processor.alerts.put_item(Item=alert | {"state": state})
    consume(kinesis_event([quiet_lines(25)[24] | {"received_at": "2026-03-03T01:00:00.000Z"}]), stage.processor)
    assert stage.receive() == []
    assert stage.active() == set()


@pytest.mark.slow
def test_a_cool_down_suppresses_alerts_and_stores_them(monkeypatch: pytest.MonkeyPatch, stage: AlertStage) -> None:
    processor = AlertProcessor(
        stage.processor.bars,
        stage.processor.alerts,
        stage.sns,
        stage.topic,
        stage.processor.factor,
        timedelta(minutes=10),
    )
    sawtooth = [
        bar(minute=f"2026-03-02T15:{at:02d}:00Z", close="100" if at % 2 else "110", line_number=at + 1)
        for at in range(30)
    ]
    for line in sawtooth:
        consume(kinesis_event([line]), processor)
    minutes = sorted(alert["bar_start_at"][14:16] for alert in stage.receive() if alert["signal_type"] == "anomaly")
    assert minutes == ["01", "11", "21"]
    states = [alert["state"] for alert in stage.alerts() if alert["signal_type"] == "anomaly"]
    assert (states.count("sent"), states.count("suppressed")) == (3, 26)


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_a_backfill_stores_its_signals_and_sends_nothing(stage: AlertStage) -> None:
    """Days of bars that all arrive now, among them one that is new: only that one is worth a message."""
    processor = replace(stage.processor, max_age=timedelta(hours=1), clock=lambda: at("2026-03-02T16:30:00+00:00"))
    history = [
        bar(
            minute=f"2026-02-{day:02d}T15:{minute:02d}:00Z",
            close="110" if minute % 2 else "100",
            line_number=minute + 1,
        )
        for day in (3, 4, 5)
        for minute in range(4)
    ]
    assert consume(kinesis_event([*history, *quiet_lines(24), jump_line()]), processor) == {"batchItemFailures": []}
    stored = {alert["bar_start"]: alert["state"] for alert in stage.alerts() if alert["signal_type"] == "anomaly"}
    assert stored.pop("2026-03-02T15:24:00Z") == "historical", "66 minutes old"
    assert len(stored) > 9
    assert set(stored.values()) == {"historical"}
    assert stage.receive() == []
    consume(kinesis_event([*quiet_lines(49)[25:], jump_line(49, received_at="2026-03-02T16:29:00.000Z")]), processor)
    received = stage.receive()
    assert {alert["bar_start_at"] for alert in received if alert["signal_type"] == "anomaly"} == {
        "2026-03-02T15:49:00Z"
    }
    assert min(alert["bar_start_at"] for alert in received) >= "2026-03-02T15:30:00Z"
    corrected = [line | {"close": "100", "high": "100", "received_at": "2026-03-03T01:00:00.000Z"} for line in history]
    consume(kinesis_event(corrected), processor)
    assert stage.receive() == [], "what was never sent is withdrawn without a message"


def test_the_function_has_a_maximum_age_a_cool_down_and_every_type_by_default(
    stage: AlertStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TICKERLAKE_COOL_DOWN_MINUTES", "TICKERLAKE_ALERT_MAX_AGE_MINUTES"):
        monkeypatch.delenv(name)
    processor_from_environment.cache_clear()
    processor = processor_from_environment()
    assert (processor.cool_down, processor.max_age) == (timedelta(minutes=30), timedelta(days=1))
    assert processor.types == {"crossover", "volume_spike", "anomaly"}
    consume(kinesis_event([*quiet_lines(24), jump_line()]), processor)  # of a day long ago
    assert stage.receive() == []


@pytest.mark.parametrize("kind", ["crossover", "anomaly", "volume_spike"])
def test_only_the_chosen_types_are_sent(stage: AlertStage, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setenv("TICKERLAKE_ALERT_TYPES", f" {kind} ")
    processor_from_environment.cache_clear()
    falling = [
        line | dict.fromkeys(("open", "high", "low", "close"), f"{100 - i}") for i, line in enumerate(quiet_lines(24))
    ]
    rising = jump_line(volume="900000") | dict.fromkeys(("open", "high", "low", "close"), "400")
    lambda_handler(kinesis_event([*falling, rising]))
    assert {alert["signal_type"] for alert in stage.receive()} == {kind}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TICKERLAKE_ALERT_TYPES", "anomaly,spike"),
        ("TICKERLAKE_ALERT_TYPES", ","),
        ("TICKERLAKE_COOL_DOWN_MINUTES", "-5"),
        ("TICKERLAKE_ALERT_MAX_AGE_MINUTES", "1 day"),
    ],
)
def test_an_impossible_setting_names_the_value(
    stage: AlertStage, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    processor_from_environment.cache_clear()
    with pytest.raises(UserError, match=f"{name} is '{value}'"):
        processor_from_environment()


def test_thresholds_decide_signals_and_are_named_in_the_email(stage: AlertStage) -> None:
    volumes = [100, 100, 100, 100, 100, 100, 250, 100]
    lines = [line | {"volume": str(volume)} for line, volume in zip(quiet_lines(8), volumes, strict=True)]
    bars = [parsed for line in [*lines, jump_line(8, volume="100")] if (parsed := parse(json.dumps(line).encode()))]

    def find_thresholds(**changed: Any) -> dict[str, Any]:
        signals = measure(bars, thresholds=replace(read_thresholds(), **changed))
        return {signal.signal_type: signal.threshold for measured in signals for signal in measured.signals}

    assert find_thresholds() == {"volume_spike": 200, "anomaly": 5}
    assert find_thresholds(anomaly_pct=12) == {"volume_spike": 200}
    assert find_thresholds(anomaly_pct=7.5) == {"volume_spike": 200, "anomaly": 7.5}
    assert find_thresholds(spike_factor=2.5) == {"anomaly": 5}, "exactly the threshold is no spike"
    assert find_thresholds(spike_factor=2.4)["volume_spike"] == 240
    assert find_thresholds(spike_bars=7) == {"anomaly": 5}, "the bar of 250 is the seventh"
    sent: list[dict[str, Any]] = []
    topic: Any = type("Sns", (), {"publish": lambda _, **message: sent.append(message)})()
    thresholds = replace(read_thresholds(), spike_factor=1.5, spike_bars=4)
    replace(stage.processor, sns=topic, thresholds=thresholds).process(bars)
    text = next(json.loads(message["Message"])["email"] for message in sent if "spike" in message["Subject"])
    assert "volume 250 is more than 1.5 times the mean of the 4 bars before, which makes 150" in text


def test_a_baseline_longer_than_the_averages_is_read_in_full(stage: AlertStage) -> None:
    """A bar at a time, so that each is measured with what the table returns."""
    thresholds = replace(read_thresholds(), spike_bars=30, spike_factor=1.5)
    processor = replace(stage.processor, thresholds=thresholds)
    for line in [*quiet_lines(31), jump_line(31, volume="900000")]:
        consume(kinesis_event([line]), processor)
    assert "volume_spike" in {alert["signal_type"] for alert in stage.receive()}


def test_an_invalid_line_blocks_no_other(stage: AlertStage) -> None:
    lines: list[dict[str, Any] | bytes] = [*quiet_lines(24), jump_line()]
    invalid_bars: list[dict[str, Any]] = [
        {"close": "NaN"},
        {"high": "1"},
        {"low": "111", "high": "112"},
        {"volume": "-1"},
        {"symbol": None},
    ]
    invalid_lines = [b"{", b"[]", b"null", b"\xff", b"{}", b"[" * 100_000]
    invalid_lines += [json.dumps(jump_line(**fields)).encode() for fields in invalid_bars]
    mixed = [*(item for line in lines for item in (line, random.Random(1).choice(invalid_lines))), *invalid_lines]
    batch = kinesis_event(mixed)
    batch["Records"].append({"kinesis": {"sequenceNumber": "1", "data": "***"}})
    assert consume(batch, stage.processor) == {"batchItemFailures": []}
    assert "anomaly" in {alert["signal_type"] for alert in stage.receive()}
    assert len(stage.processor.latest(SERIES, 99)) == 25


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_faults_duplicates_and_disorder_lose_no_alert_and_send_none_twice(stage: AlertStage, seed: int) -> None:
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
    expected = {(SERIES, signal.key) for measured in measure(bars) for signal in measured.signals}
    assert len(expected) > 20
    delivered = lines + chance.sample(lines, 20)
    bars_table: Any = FailingClient(stage.processor.bars, seed, ("put_item", "query"), after=seed % 2 == 0)
    alerts_table: Any = FailingClient(stage.processor.alerts, seed + 1, ("put_item", "query"), after=seed % 2 == 0)
    sns: Any = FailingClient(stage.sns, seed + 2, ("publish",), after=False)
    processor = AlertProcessor(bars_table, alerts_table, sns, stage.topic, stage.processor.factor)
    chance.shuffle(delivered)
    for at in range(0, len(delivered), 9):
        batch = kinesis_event(delivered[at : at + 9])
        while failures := consume(batch, processor)["batchItemFailures"]:
            sequences = [record["kinesis"]["sequenceNumber"] for record in batch["Records"]]
            batch["Records"] = batch["Records"][sequences.index(failures[0]["itemIdentifier"]) :]
    assert stage.active() == expected
    balance: dict[str, int] = {}
    for alert in stage.receive():
        key = f"{alert['bar_start_at']}|{alert['signal_type']}|{alert['direction']}"
        balance[key] = balance.get(key, 0) + (1 if alert["kind"] == "signal" else -1)
        assert balance[key] in (0, 1), f"{key} was sent twice, or withdrawn twice"
    assert {(SERIES, key) for key, count in balance.items() if count} == expected


def test_a_split_is_neither_anomaly_nor_spike(stage: AlertStage) -> None:
    factor = create_split_factor(
        [{"symbol": "TSLA", "effective_date": "2026-03-03", "new_shares": "10", "old_shares": "1"}]
    )
    after = bar(minute="2026-03-03T14:30:00Z", close="10.02", volume="10000", received_at="2026-03-04T00:00:00Z")
    bars = [b for line in [*quiet_lines(24), after] if (b := parse(json.dumps(line).encode()))]
    assert [signal for measured in measure(bars, factor) for signal in measured.signals] == []
    assert {signal.signal_type for measured in measure(bars) for signal in measured.signals} == {
        "anomaly",
        "volume_spike",
        "crossover",
    }


def test_an_expired_bar_is_not_returned(stage: AlertStage) -> None:
    consume(kinesis_event(quiet_lines(3)), stage.processor)
    assert len(stage.processor.latest(SERIES, 9)) == 3
    later = AlertProcessor(
        stage.processor.bars, stage.processor.alerts, stage.sns, stage.topic, stage.processor.factor, clock=lambda: 9e9
    )
    assert later.latest(SERIES, 9) == []


def test_addresses_are_listed_and_deleted(stage: AlertStage, capsys: pytest.CaptureFixture[str]) -> None:
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
def test_real_days_through_the_stream_have_the_signals_of_the_batch(
    stage: AlertStage, lake: Lake, tmp_path: Path
) -> None:
    """Three recorded days of two symbols, delivered out of order and partly twice, compared with fct_signal."""
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
    for at in range(0, len(delivered) - 1, 150):  # swap neighbouring batches
        if at % 900 == 0:
            delivered[at : at + 300] = delivered[at + 150 : at + 300] + delivered[at : at + 150]
    for at in range(0, len(delivered), 150):
        assert consume(kinesis_event(delivered[at : at + 150], size=5), stage.processor) == {"batchItemFailures": []}
    items: dict[Any, Any] = {}
    more: dict[str, Any] = {}
    while True:
        response = stage.processor.alerts.scan(**more)
        items.update(
            {(item["series"], item["alert"]): item for item in response["Items"] if item["state"] != "retracted"}
        )
        if "LastEvaluatedKey" not in response:
            break
        more = {"ExclusiveStartKey": response["LastEvaluatedKey"]}
    assert set(items) == set(batch)
    for key, (value, threshold) in batch.items():
        assert float(items[key]["value"]) == pytest.approx(value, rel=1e-12)
        assert float(items[key]["threshold"]) == pytest.approx(threshold, rel=1e-12)
