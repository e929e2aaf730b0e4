"""The Lambda function on the stream of bars, and its settings from the environment."""

import base64
import binascii
import csv
import logging
import os
import re
from collections import defaultdict
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from loader.stream_handlers import split_lines
from serving.alerts.bars import SIGNAL_TYPES, StreamBar, create_split_factor, parse
from serving.alerts.processor import AlertProcessor
from tickerlake.errors import UserError

LOGGER = logging.getLogger("tickerlake.alerts")


def consume(event: dict[str, Any], processor: AlertProcessor) -> dict[str, Any]:
    """Process a Kinesis batch; return the first record to deliver again (`batchItemFailures`).

    Kinesis repeats from that record on, which is safe because processing is idempotent. A line that is not a valid bar
    is skipped: the same stream lands it in the raw zone, and the warehouse quarantines it with its reasons.
    """
    bars_by_series: defaultdict[str, list[StreamBar]] = defaultdict(list)
    first_records: dict[str, str] = {}
    skipped = 0
    for record in event["Records"]:
        sequence = str(record["kinesis"]["sequenceNumber"])
        for line in _lines(record):
            bar = parse(line)
            if bar is None:
                skipped += 1
                continue
            bars_by_series[bar.series].append(bar)
            first_records.setdefault(bar.series, sequence)
    failed = []
    for series, bars in bars_by_series.items():
        try:
            processor.process(bars)
        except Exception:  # any error: Kinesis repeats the records, and the other series continue
            LOGGER.exception("series failed: %s", series)
            failed.append(first_records[series])
    count = sum(map(len, bars_by_series.values()))
    LOGGER.info("bars %d, skipped lines %d, failed series %d", count, skipped, len(failed))
    positions = {str(record["kinesis"]["sequenceNumber"]): index for index, record in enumerate(event["Records"])}
    return {"batchItemFailures": [{"itemIdentifier": min(failed, key=positions.__getitem__)}] if failed else []}


def _lines(record: dict[str, Any]) -> list[bytes]:
    try:
        return split_lines(base64.b64decode(record["kinesis"]["data"], validate=True))
    except (binascii.Error, ValueError, TypeError, KeyError):
        return [b""]


@cache
def processor_from_environment() -> AlertProcessor:
    """Return a processor with the settings TICKERLAKE_BARS_TABLE, TICKERLAKE_ALERTS_TABLE, TICKERLAKE_ALERTS_TOPIC,
    and optionally TICKERLAKE_COOL_DOWN_MINUTES (30), TICKERLAKE_ALERT_MAX_AGE_MINUTES (1440; 0 for any age),
    TICKERLAKE_ALERT_TYPES (crossover,volume_spike,anomaly) and TICKERLAKE_SPLITS (a file like seeds/split.csv).

    Its clients retry throttled calls up to ten times with exponential backoff. Raises UserError on a setting that is
    no number of minutes or no type.
    """
    import boto3
    from botocore.config import Config

    config = Config(retries={"mode": "standard", "total_max_attempts": 10})
    tables = boto3.resource("dynamodb", config=config)
    file = Path(os.environ.get("TICKERLAKE_SPLITS") or Path(__file__).parents[2] / "seeds" / "split.csv")
    with file.open(newline="") as splits:
        factor = create_split_factor(list(csv.DictReader(splits)))
    return AlertProcessor(
        bars=tables.Table(os.environ["TICKERLAKE_BARS_TABLE"]),
        alerts=tables.Table(os.environ["TICKERLAKE_ALERTS_TABLE"]),
        sns=boto3.client("sns", config=config),
        topic=os.environ["TICKERLAKE_ALERTS_TOPIC"],
        factor=factor,
        cool_down=_read_minutes("TICKERLAKE_COOL_DOWN_MINUTES", "30"),
        max_age=_read_minutes("TICKERLAKE_ALERT_MAX_AGE_MINUTES", "1440") or None,
        types=_read_types(),
    )


def _read_minutes(name: str, default: str) -> timedelta:
    text = os.environ.get(name) or default
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise UserError(f"{name} is '{text}'; set a whole number of minutes")
    return timedelta(minutes=int(text))


def _read_types() -> frozenset[str]:
    text = os.environ.get("TICKERLAKE_ALERT_TYPES") or ",".join(SIGNAL_TYPES)
    types = frozenset(part.strip() for part in text.split(",") if part.strip())
    if not types or not types <= set(SIGNAL_TYPES):
        raise UserError(f"TICKERLAKE_ALERT_TYPES is '{text}'; list some of {', '.join(SIGNAL_TYPES)}")
    return types


def lambda_handler(event: dict[str, Any], context: object = None) -> dict[str, Any]:
    """Process a batch of Lambda's event source mapping (with ReportBatchItemFailures)."""
    return consume(event, processor_from_environment())
