"""What a record costs in the hot path: `python -m benchmarks.alerts --records 100000`.

A day of 390 minutes is delivered as Lambda gets it: batches of 100 records, each minute one of every symbol, at most
256 symbols a shard. The tables are dictionaries that answer at once: the seconds are the function's own, to which
DynamoDB's few milliseconds a call are to be added. A record is done when its batch is, so a batch's seconds are its
records'. Memory is the process's peak, the dictionaries of one shard included.
"""

import argparse
import base64
import json
import os
import platform
import random
import resource
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from serving.alerts.handler import consume
from serving.alerts.processor import AlertProcessor

MINUTES, SHARD, BATCH = 390, 256, 100
OPENED = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


class Table:
    """A DynamoDB table in memory, as far as the hot path asks it: keys in order, conditional writes."""

    def __init__(self, sort: str) -> None:
        self.sort = sort
        self.items: defaultdict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        self.calls = 0

    def query(self, KeyConditionExpression: Any, **options: Any) -> dict[str, Any]:  # noqa: N803
        """Return items by key, in order."""
        self.calls += 1
        partition, bound = (operand.get_expression() for operand in KeyConditionExpression.get_expression()["values"])
        items, limits = self.items[partition["values"][1]], bound["values"][1:]
        conditions = {
            "<": lambda key: key < limits[0],
            ">": lambda key: key > limits[0],
            "BETWEEN": lambda key: limits[0] <= key <= limits[1],
        }[bound["operator"]]
        keys = sorted(filter(conditions, items), reverse=not options.get("ScanIndexForward", True))
        return {"Items": [items[key] for key in keys[: options.get("Limit")]]}

    def put_item(self, Item: dict[str, Any], **_: Any) -> None:  # noqa: N803
        """Store an item unless a newer version exists."""
        self.calls += 1
        items = self.items[Item["series"]]
        before = items.get(Item[self.sort])
        if before and before.get("version", "") > Item.get("version", ""):
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "PutItem")
        items[Item[self.sort]] = Item
        while len(items) > 50:  # more than any query asks for: the day's memory is not the function's
            del items[next(iter(items))]

    def update_item(self, Key: Any, ExpressionAttributeValues: Any, **_: Any) -> None:  # noqa: N803
        """Set an alert's state."""
        self.calls += 1
        self.items[Key["series"]][Key["alert"]]["state"] = ExpressionAttributeValues[":s"]


class Topic:
    """Counts what is published."""

    published = 0

    def publish(self, **_: Any) -> None:
        """Count one."""
        self.published += 1


def batches(symbols: range) -> Iterator[dict[str, Any]]:
    """The day of some symbols: prices that wander by up to half a percent, in Kinesis batches."""
    chance = random.Random(symbols.start)
    prices = dict.fromkeys(symbols, 100.0)
    records: list[dict[str, Any]] = []
    for minute in range(MINUTES):
        at = OPENED + timedelta(minutes=minute)
        for symbol in symbols:
            opened = prices[symbol]
            prices[symbol] = closed = round(opened * (1 + chance.uniform(-0.005, 0.005)), 2)
            line = {
                "schema_version": "1",
                "source": "simulated",
                "symbol": f"S{symbol}",
                "bar_interval": "1min",
                "bar_start": f"{at:%Y-%m-%dT%H:%M:%SZ}",
                "open": opened,
                "high": max(opened, closed),
                "low": min(opened, closed),
                "close": closed,
                "volume": chance.randrange(500, 2_000),
                "price_basis": "raw",
                "currency": "USD",
                "is_final": True,
                "run_id": "01J00000000000000000000001",
                "received_at": f"{at + timedelta(minutes=1):%Y-%m-%dT%H:%M:%S.000Z}",
                "line_number": minute + 1,
            }
            data = base64.b64encode(json.dumps(line).encode()).decode()
            records.append({"kinesis": {"sequenceNumber": str(minute), "data": data}})
            if len(records) == BATCH:
                yield {"Records": records}
                records = []
    yield {"Records": records}


def measure(count: int) -> dict[str, Any]:
    """Send about `count` records through the function."""
    topic, seconds, records, calls = Topic(), [], 0, 0
    symbols = round(count / MINUTES)
    for first in range(0, symbols, SHARD):
        bars, alerts = Table("bar_start"), Table("alert")
        processor = AlertProcessor(bars, alerts, topic, "arn", lambda symbol, day: 1)  # type: ignore[arg-type, return-value]
        for event in batches(range(first, min(first + SHARD, symbols))):
            started = time.perf_counter()
            answer = consume(event, processor)
            seconds.append(time.perf_counter() - started)
            records += len(event["Records"])
            if answer["batchItemFailures"]:
                raise RuntimeError(f"records failed: {answer}")
        calls += bars.calls + alerts.calls
    seconds.sort()
    return {
        "records": records,
        "symbols": symbols,
        "alerts": topic.published,
        "calls_a_record": round(calls / records, 1),
        "batch_p50_ms": round(1_000 * seconds[len(seconds) // 2], 1),
        "batch_p99_ms": round(1_000 * seconds[int(0.99 * len(seconds))], 1),
        "records_a_second": round(records / sum(seconds)),
        "needed_a_second": round(records / MINUTES / 60, 1),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, nargs="+", default=[100_000])
    days = [measure(count) for count in parser.parse_args().records]
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    figures = {"measured_at": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine, "load": os.getloadavg()[0]}
    print(json.dumps(figures | {"batch": BATCH, "days": days}, indent=2))


if __name__ == "__main__":
    main()
