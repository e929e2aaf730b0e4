"""The Lambda function on the stream, and the settings that it reads from its environment."""

import base64
import binascii
import csv
import logging
import os
from collections import defaultdict
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from loader.stream_handlers import split_lines
from serving.alerts.bars import HotBar, parse, split_factors
from serving.alerts.hot import HotPath

LOGGER = logging.getLogger("tickerlake.alerts")


def consume(event: dict[str, Any], path: HotPath) -> dict[str, Any]:
    """Take a Kinesis batch; name the first record that must come again (`batchItemFailures`).

    Kinesis delivers again from there on, which is harmless: what was done is not done twice. A line that is no valid
    bar is passed over: the same stream lands it in the raw zone, where it is kept with its reasons.
    """
    arrived: defaultdict[str, list[HotBar]] = defaultdict(list)
    records: dict[str, str] = {}
    passed_over = 0
    for record in event["Records"]:
        sequence = str(record["kinesis"]["sequenceNumber"])
        for line in _lines(record):
            bar = parse(line)
            if bar is None:
                passed_over += 1
                continue
            arrived[bar.series].append(bar)
            records.setdefault(bar.series, sequence)
    failed = []
    for series, bars in arrived.items():
        try:
            path.take(bars)
        except Exception:  # whatever it is: the records come again, and other series go on
            LOGGER.exception("series failed: %s", series)
            failed.append(records[series])
    LOGGER.info("bars %d, passed over %d, failed series %d", sum(map(len, arrived.values())), passed_over, len(failed))
    order = {str(record["kinesis"]["sequenceNumber"]): at for at, record in enumerate(event["Records"])}
    return {"batchItemFailures": [{"itemIdentifier": min(failed, key=lambda s: order[s])}] if failed else []}


def _lines(record: dict[str, Any]) -> list[bytes]:
    try:
        return split_lines(base64.b64decode(record["kinesis"]["data"], validate=True))
    except (binascii.Error, ValueError, TypeError, KeyError):
        return [b""]


@cache
def from_environment() -> HotPath:
    """Make the hot path of TICKERLAKE_BARS_TABLE, TICKERLAKE_ALERTS_TABLE, TICKERLAKE_ALERTS_TOPIC, and the optional
    TICKERLAKE_COOL_DOWN_MINUTES (0) and TICKERLAKE_SPLITS (a file as seeds/split.csv).

    The clients repeat what is throttled, up to ten times with growing pauses.
    """
    import boto3
    from botocore.config import Config

    config = Config(retries={"mode": "standard", "total_max_attempts": 10})
    tables = boto3.resource("dynamodb", config=config)
    file = Path(os.environ.get("TICKERLAKE_SPLITS") or Path(__file__).parents[2] / "seeds" / "split.csv")
    with file.open(newline="") as splits:
        factor = split_factors(list(csv.DictReader(splits)))
    return HotPath(
        bars=tables.Table(os.environ["TICKERLAKE_BARS_TABLE"]),
        alerts=tables.Table(os.environ["TICKERLAKE_ALERTS_TABLE"]),
        sns=boto3.client("sns", config=config),
        topic=os.environ["TICKERLAKE_ALERTS_TOPIC"],
        factor=factor,
        cool_down=timedelta(minutes=int(os.environ.get("TICKERLAKE_COOL_DOWN_MINUTES", "0"))),
    )


def lambda_handler(event: dict[str, Any], context: object = None) -> dict[str, Any]:
    """Answer Lambda's event source mapping (with ReportBatchItemFailures)."""
    return consume(event, from_environment())
