"""Lambda functions on the streams: Firehose's transformation, and a Kinesis consumer that lands lines.

A record holds several lines. Each line is looked at alone: a bad one is passed on as it is, for the warehouse to
quarantine with its text, and never takes its neighbours with it.
"""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from loader.record import to_line
from loader.sinks import TOO_LARGE, Sink, dead_letters
from loader.store import Store


def normalised(line: bytes) -> bytes:
    """Give a line as this project writes it: compact ASCII JSON. What is no JSON object comes back untouched."""
    try:
        record = json.loads(line, parse_float=str, parse_int=_integer)
        return to_line(record) if isinstance(record, dict) else line
    except (ValueError, RecursionError):
        return line


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) < 19 else digits


def lines_of(data: bytes) -> list[bytes]:
    """Split a record into its lines, without empty ones; carriage returns and a byte order mark are dropped."""
    lines = (line.removesuffix(b"\r") for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n"))
    return [line for line in lines if line.strip()]


def transform(event: dict[str, Any], context: object = None) -> dict[str, Any]:
    """Answer Firehose's transformation: one record out for each in, with the same id, every line on its own.

    A record whose transport encoding is broken comes back as `ProcessingFailed`, which Firehose keeps in its error
    prefix; one without any line is `Dropped`.
    """
    return {"records": [_transformed(record) for record in event["records"]]}


def _transformed(record: dict[str, Any]) -> dict[str, str]:
    try:
        data = base64.b64decode(record["data"], validate=True)
    except (binascii.Error, ValueError, TypeError, KeyError):
        return {"recordId": record["recordId"], "result": "ProcessingFailed", "data": str(record.get("data", ""))}
    lines = lines_of(data)
    if not lines:
        return {"recordId": record["recordId"], "result": "Dropped", "data": ""}
    out = b"".join(normalised(line) + b"\n" for line in lines)
    return {"recordId": record["recordId"], "result": "Ok", "data": base64.b64encode(out).decode()}


def consume(
    event: dict[str, Any], sink: Sink, store: Store, dataset: str, now: Callable[[], datetime]
) -> dict[str, Any]:
    """Land a Kinesis batch and name the records to be delivered again (`batchItemFailures`).

    Kinesis takes the lowest failed sequence number as its checkpoint, so records land in order and the first failure
    ends the batch. Poison blocks nobody: a record that cannot even be decoded is landed as text, a line that no stream
    can take goes to the dead letters in `store`.
    """
    for record in event["Records"]:
        sequence = str(record["kinesis"]["sequenceNumber"])
        name = f"kinesis-{sequence}"
        try:
            delivery = sink.deliver(dataset, _lines(record), name, now())
            failed = any(item.reason != TOO_LARGE for item in delivery.dead)
            if delivery.dead and not failed:
                dead_letters.keep(store, dataset, delivery.dead, name)
        except Exception:  # whatever it is, the record must come again, and none before it
            failed = True
        if failed:
            return {"batchItemFailures": [{"itemIdentifier": sequence}]}
    return {"batchItemFailures": []}


def _lines(record: dict[str, Any]) -> Sequence[bytes]:
    data = record["kinesis"].get("data")
    try:
        return [normalised(line) for line in lines_of(base64.b64decode(data, validate=True))]
    except (binascii.Error, ValueError, TypeError):
        return [json.dumps({"undecodable": str(data)}).encode("ascii")]


def kinesis_handler(event: dict[str, Any], context: object = None) -> dict[str, Any]:
    """Consume from Kinesis into the sink that the environment names (TICKERLAKE_SINK, …)."""
    import os

    from loader import settings, store
    from loader.sinks import choose

    configured = settings.read(None)
    settings.require_durable(configured)
    dataset = os.environ.get("TICKERLAKE_DATASET", "bars")
    return consume(event, choose.sink(configured), store.choose(configured.lake), dataset, lambda: datetime.now(UTC))
