"""Lambda functions on the streams: Firehose's transformation, and a Kinesis consumer that lands lines.

A record has several lines. Each line is processed alone: a malformed one is passed on unchanged, for the warehouse to
quarantine with its text, and never affects the other lines.
"""

import base64
import binascii
import json
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from loader.record import to_line
from loader.settings import read_settings, require_durable
from loader.sinks import TOO_LARGE, Sink, dead_letters
from loader.sinks.factory import sink_from_settings
from loader.store import StateStore, store_from_environment


def normalise_line(line: bytes) -> bytes:
    """Return a line as this project writes it: compact ASCII JSON. Other than JSON objects is returned unchanged."""
    try:
        record = json.loads(line, parse_float=str, parse_int=_parse_integer)
        return to_line(record) if isinstance(record, dict) else line
    except (ValueError, RecursionError):
        return line


def _parse_integer(digits: str) -> int | str:
    return int(digits) if len(digits) < 19 else digits


def split_lines(data: bytes) -> list[bytes]:
    """Split a record into its lines, without empty ones; carriage returns and a byte order mark are dropped."""
    lines = (line.removesuffix(b"\r") for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n"))
    return [line for line in lines if line.strip()]


def transform(event: dict[str, Any], context: object = None) -> dict[str, Any]:
    """Transform a Firehose batch: one record out for each record in, with the same id.

    A record whose transport encoding is invalid is returned as `ProcessingFailed`, which Firehose writes to its error
    prefix; one without any line is `Dropped`.
    """
    return {"records": [_transform_record(record) for record in event["records"]]}


def _transform_record(record: dict[str, Any]) -> dict[str, str]:
    try:
        data = base64.b64decode(record["data"], validate=True)
    except (binascii.Error, ValueError, TypeError, KeyError):
        return {"recordId": record["recordId"], "result": "ProcessingFailed", "data": str(record.get("data", ""))}
    lines = split_lines(data)
    if not lines:
        return {"recordId": record["recordId"], "result": "Dropped", "data": ""}
    out = b"".join(normalise_line(line) + b"\n" for line in lines)
    return {"recordId": record["recordId"], "result": "Ok", "data": base64.b64encode(out).decode()}


def consume(
    event: dict[str, Any], sink: Sink, store: StateStore, dataset: str, now: Callable[[], datetime]
) -> dict[str, Any]:
    """Land a Kinesis batch and return the records to be delivered again (`batchItemFailures`).

    Kinesis uses the lowest failed sequence number as its checkpoint, so records land in order and the first failure
    ends the batch. A poison record never blocks the shard: one that cannot be decoded lands as text, and a line that is
    too large for a stream becomes a dead letter in `store`.
    """
    for record in event["Records"]:
        sequence = str(record["kinesis"]["sequenceNumber"])
        name = f"kinesis-{sequence}"
        try:
            delivery = sink.deliver(dataset, _decode_lines(record), name, now())
            has_failed = any(item.reason != TOO_LARGE for item in delivery.undelivered)
            if delivery.undelivered and not has_failed:
                dead_letters.save(store, dataset, delivery.undelivered, name)
        except Exception:  # of any kind: the record must be delivered again, and none before it
            has_failed = True
        if has_failed:
            return {"batchItemFailures": [{"itemIdentifier": sequence}]}
    return {"batchItemFailures": []}


def _decode_lines(record: dict[str, Any]) -> Sequence[bytes]:
    data = record["kinesis"].get("data")
    try:
        return [normalise_line(line) for line in split_lines(base64.b64decode(data, validate=True))]
    except (binascii.Error, ValueError, TypeError):
        return [json.dumps({"undecodable": str(data)}).encode("ascii")]


def kinesis_handler(event: dict[str, Any], context: object = None) -> dict[str, Any]:
    """Consume from Kinesis into the sink that the environment names (TICKERLAKE_SINK, …)."""
    settings = read_settings(None)
    require_durable(settings)
    dataset = os.environ.get("TICKERLAKE_DATASET", "bars")
    store = store_from_environment(settings.lake)
    return consume(event, sink_from_settings(settings), store, dataset, lambda: datetime.now(UTC))
