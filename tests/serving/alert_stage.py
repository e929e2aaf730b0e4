"""The alert processor on moto with a queue that receives its alerts, lines of bars, and batches of Kinesis records."""

import base64
import json
import random
from collections.abc import Sequence
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from serving.alerts.handler import processor_from_environment
from testkit.lake import bar


class AlertStage:
    """The processor on moto, a queue that receives every alert, and the environment of the Lambda function."""

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
        self.queue = self.sqs.create_queue(QueueName="received")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
        for variable, value in {
            "TICKERLAKE_BARS_TABLE": "bars",
            "TICKERLAKE_ALERTS_TABLE": "alerts",
            "TICKERLAKE_ALERTS_TOPIC": self.topic,
            "TICKERLAKE_COOL_DOWN_MINUTES": str(cool_down),
            "TICKERLAKE_ALERT_MAX_AGE_MINUTES": "0",  # the bars of the tests are of one day in 2026
        }.items():
            monkeypatch.setenv(variable, value)
        processor_from_environment.cache_clear()
        self.processor = processor_from_environment()

    def receive(self) -> list[dict[str, Any]]:
        """The alerts that arrived since the last call."""
        received: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                received.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return received

    def alerts(self) -> list[dict[str, Any]]:
        return self.processor.alerts.scan()["Items"]

    def active(self) -> set[tuple[str, str]]:
        """The alerts that are not retracted, as (series, bar|type|direction)."""
        return {(item["series"], item["alert"]) for item in self.alerts() if item["state"] != "retracted"}


def kinesis_event(lines: Sequence[dict[str, Any] | bytes], size: int = 1) -> dict[str, Any]:
    """A Kinesis batch of records of `size` lines."""
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    records = [b"\n".join(texts[at : at + size]) for at in range(0, len(texts), size)]
    return {
        "Records": [
            {"kinesis": {"sequenceNumber": str(1_000 + at), "data": base64.b64encode(data).decode()}}
            for at, data in enumerate(records)
        ]
    }


def quiet_lines(count: int, **fields: Any) -> list[dict[str, Any]]:
    """Minute bars that rise by a cent each: they have no signal."""
    return [
        bar(
            minute=f"2026-03-02T{15 + at // 60}:{at % 60:02d}:00Z",
            close=f"{100 + at / 100:.2f}",
            line_number=at + 1,
            **fields,
        )
        for at in range(count)
    ]


def jump_line(at: int = 24, **fields: Any) -> dict[str, Any]:
    """A bar 10 percent up."""
    return quiet_lines(at + 1)[at] | dict.fromkeys(("open", "high", "low", "close"), "110") | fields


class FailingClient:
    """A table or topic whose calls fail at random, before or after they take effect, as throttles and timeouts do."""

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
