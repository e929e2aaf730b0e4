"""Newest bars and alerts in DynamoDB, and the notifications to SNS.

Bars have the key (series, bar_start) and are overwritten by newer versions only. Alerts have the key (series,
bar_start|type|direction) and a `state`: pending, then sent; suppressed within the cool-down; historical on a bar that
was too old when it arrived; retracted when a corrected bar no longer has the signal.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import ConditionBase, Key
from botocore.exceptions import ClientError

from serving.alerts.bars import (
    SIGNAL_TYPES,
    MeasuredBar,
    Signal,
    SplitFactor,
    StreamBar,
    Thresholds,
    measure,
    read_thresholds,
)
from serving.alerts.notification import format_email

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_sns import SNSClient

_NUMBERS = ("open", "high", "low", "close", "volume")
_SUPPRESSED = ("suppressed", "historical", "quiet")
"""The states of an alert that was not sent; versions before 0.2.0 stored it as `quiet`."""
_MAX_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class AlertProcessor:
    """Stores the bars of the stream and sends the alerts of their signals.

    `cool_down` suppresses further alerts of a type in a series for that long after one was sent, in bar time.
    `retention` is how long a bar stays in the table. A bar that began longer than `max_age` ago (None: any) is history:
    its signals are stored and send nothing. Signals of other types than `types` are left out.
    """

    bars: "Table"
    alerts: "Table"
    sns: "SNSClient"
    topic: str
    factor: SplitFactor
    cool_down: timedelta = timedelta(0)
    retention: timedelta = timedelta(days=30)
    clock: Callable[[], float] = time.time
    max_age: timedelta | None = None
    types: frozenset[str] = frozenset(SIGNAL_TYPES)
    thresholds: Thresholds = field(default_factory=read_thresholds)

    def process(self, bars: Sequence[StreamBar]) -> None:
        """Store bars of one series, in any order, then send and withdraw the alerts that they cause.

        Safe to repeat after an error: no bar is lost, and no alert is sent twice.
        """
        newest: dict[str, StreamBar] = {}
        _merge(newest, bars)
        first = min(newest)
        measured = self._store(bars[0].series, newest)
        begin = next(index for index, item in enumerate(measured) if item.bar.start == first)
        end = max(index for index, item in enumerate(measured) if item.bar.start in newest) + self.thresholds.lookback
        self._reconcile(bars[0].series, measured[begin : end + 1])

    def _store(self, series: str, newest: dict[str, StreamBar]) -> list[MeasuredBar]:
        """Store the bars that are new or whose measures changed; return them measured among their neighbours.

        Starts again when another process has stored a newer version meanwhile.
        """
        for _ in range(_MAX_ATTEMPTS):
            stored = self._read_neighbourhood(series, min(newest), max(newest))
            merged = {bar.start: bar for bar in stored}
            _merge(merged, newest.values())
            measured = measure([merged[start] for start in sorted(merged)], self.factor, self.thresholds)
            versions = {bar.start: bar.version for bar in stored}
            changed = [
                item
                for index, item in enumerate(measured)
                # the bar after a new one changes too: its previous close is another
                if versions.get(item.bar.start) != item.bar.version
                or (index and measured[index - 1].bar.start in newest)
            ]
            if all(map(self._put_bar, changed)):
                return measured
        raise RuntimeError(f"{series}: another process keeps storing newer versions; retry the batch")

    def latest(self, series: str, count: int) -> list[dict[str, Any]]:
        """Return the newest bars of a series, newest first, without expired ones that DynamoDB has yet to delete."""
        response = self.bars.query(
            KeyConditionExpression=Key("series").eq(series), ScanIndexForward=False, Limit=count, ConsistentRead=True
        )
        items: list[dict[str, Any]] = response["Items"]
        return [item for item in items if item["expires_at"] > self.clock()]

    def _read_neighbourhood(self, series: str, first: str, last: str) -> list[StreamBar]:
        """Return every stored bar that bars from `first` to `last` depend on or affect.

        A signal depends on `lookback` bars, and its crossover on the side of the bar before: one more.
        """
        is_series = Key("series").eq(series)
        query, start = self.bars.query, Key("bar_start")
        before = _query_all(query, is_series & start.lt(first), limit=self.thresholds.lookback + 1, is_ascending=False)
        within = _query_all(query, is_series & start.between(first, last))
        after = _query_all(query, is_series & start.gt(last), limit=self.thresholds.lookback)
        return [_parse_item(item) for item in (*reversed(before), *within, *after)]

    def _put_bar(self, measured: MeasuredBar) -> bool:
        """Store a bar and return True; return False when the table has a newer version."""
        bar = measured.bar
        item = {
            "series": bar.series,
            "bar_start": bar.start,
            **{name: getattr(bar, name) for name in _NUMBERS},
            "is_final": bar.is_final,
            "version": bar.version,
            "price_basis": bar.price_basis,
            "price_change": measured.change,
            "price_change_pct": None if measured.change_pct is None else _to_decimal(measured.change_pct),
            "is_anomaly": any(signal.signal_type == "anomaly" for signal in measured.signals),
            "expires_at": int(self.clock() + self.retention.total_seconds()),
        }
        try:
            self.bars.put_item(
                Item=item,
                ConditionExpression="attribute_not_exists(series) OR version <= :version",
                ExpressionAttributeValues={":version": bar.version},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def _reconcile(self, series: str, measured: Sequence[MeasuredBar]) -> None:
        """Make the stored alerts of consecutive bars equal their signals: send new ones, withdraw the others."""
        first, last = measured[0].bar.start, measured[-1].bar.start
        since = datetime.fromisoformat(first) - self.cool_down
        stored = {item["alert"]: item for item in self._read_alerts(series, f"{since:%Y-%m-%dT%H:%M:%SZ}", last)}
        signals = {
            signal.key: (signal, item.bar)
            for item in measured
            for signal in item.signals
            if signal.signal_type in self.types
        }
        for key, alert in sorted(stored.items()):
            is_over = alert["bar_start"] >= first and key not in signals and alert["signal_type"] in self.types
            if is_over and alert["state"] != "retracted":
                self._retract(alert)
                stored[key] = alert | {"state": "retracted"}
        for key in sorted(signals):
            signal, bar = signals[key]
            previous = stored.get(key)
            if previous is None or previous["state"] == "retracted":
                stored[key] = self._create_alert(
                    series, signal, bar, self._first_state(signal, stored.values()), previous
                )
            elif (previous["value"], previous["threshold"]) != _amounts(signal):
                self._update(previous, previous["state"], *_amounts(signal))  # other amounts send no alert
            if stored[key]["state"] == "pending":
                self._send(stored[key], "signal")
                stored[key] = stored[key] | {"state": "sent"}

    def _first_state(self, signal: Signal, alerts: Iterable[dict[str, Any]]) -> str:
        age = self.clock() - datetime.fromisoformat(signal.start).timestamp()
        if self.max_age is not None and age > self.max_age.total_seconds():
            return "historical"
        return "suppressed" if self._is_within_cool_down(signal, alerts) else "pending"

    def _is_within_cool_down(self, signal: Signal, alerts: Iterable[dict[str, Any]]) -> bool:
        at = datetime.fromisoformat(signal.start)
        return any(
            alert["signal_type"] == signal.signal_type
            and alert["state"] in ("sent", "pending")
            and timedelta(0) <= at - datetime.fromisoformat(alert["bar_start"]) < self.cool_down
            for alert in alerts
        )

    def _read_alerts(self, series: str, first: str, last: str) -> list[dict[str, Any]]:
        return _query_all(self.alerts.query, Key("series").eq(series) & Key("alert").between(first, f"{last}|~"))

    def _create_alert(
        self, series: str, signal: Signal, bar: StreamBar, state: str, previous: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Store an alert before it is sent: after a crash in between it is sent late instead of never."""
        value, threshold = _amounts(signal)
        alert = {
            "series": series,
            "alert": signal.key,
            "bar_start": signal.start,
            "signal_type": signal.signal_type,
            "direction": signal.direction,
            "value": value,
            "threshold": threshold,
            "close": bar.close,
            "state": state,
            "revision": (previous["revision"] if previous else 0) + 1,
        }
        if previous is None:
            self.alerts.put_item(Item=alert, ConditionExpression="attribute_not_exists(series)")
        else:
            self.alerts.put_item(
                Item=alert,
                ConditionExpression="#s = :retracted AND revision = :revision",
                ExpressionAttributeNames={"#s": "state"},
                ExpressionAttributeValues={":retracted": "retracted", ":revision": previous["revision"]},
            )
        return alert

    def _retract(self, alert: dict[str, Any]) -> None:
        if alert["state"] not in _SUPPRESSED:  # a pending one may have been sent
            self._send(alert, "retraction")
        self._update(alert, "retracted", alert["value"], alert["threshold"])

    def _send(self, alert: dict[str, Any], kind: str) -> None:
        symbol, interval, source = alert["series"].split("|")
        message = {
            "kind": kind,
            "alert_id": f"{alert['series']}|{alert['alert']}|{alert['revision']}",
            "symbol": symbol,
            "bar_interval": interval,
            "source": source,
            "bar_start_at": alert["bar_start"],
            "signal_type": alert["signal_type"],
            "direction": alert["direction"],
            "value": float(alert["value"]),
            "threshold": float(alert["threshold"]),
            "close": float(alert["close"]),
            "time_zone": "UTC",
        }
        email = format_email(message, self.thresholds)
        deduplication_id = hashlib.sha256(f"{kind}|{message['alert_id']}".encode()).hexdigest()
        fifo: dict[str, Any] = {"MessageGroupId": alert["series"], "MessageDeduplicationId": deduplication_id}
        self.sns.publish(
            TopicArn=self.topic,
            Subject=email.split("\n")[0][:100],
            Message=json.dumps({"default": json.dumps(message), "email": email}),
            MessageStructure="json",
            MessageAttributes={
                name: {"DataType": "String", "StringValue": str(message[name])}
                for name in ("kind", "symbol", "signal_type", "direction")
            },
            **(fifo if self.topic.endswith(".fifo") else {}),
        )
        if kind == "signal":
            self._update(alert, "sent", alert["value"], alert["threshold"])

    def _update(self, alert: dict[str, Any], state: str, value: Decimal, threshold: Decimal) -> None:
        self.alerts.update_item(
            Key={"series": alert["series"], "alert": alert["alert"]},
            UpdateExpression="SET #s = :s, #v = :v, threshold = :t",
            ExpressionAttributeNames={"#s": "state", "#v": "value"},
            ExpressionAttributeValues={":s": state, ":v": value, ":t": threshold},
        )


def _merge(bars: dict[str, StreamBar], arrivals: Iterable[StreamBar]) -> None:
    """Add each arrival to bars by start, unless they hold a version that is as new."""
    for bar in arrivals:
        if bar.start not in bars or bar.version > bars[bar.start].version:
            bars[bar.start] = bar


def _query_all(
    query: Callable[..., Any], condition: ConditionBase, *, limit: int | None = None, is_ascending: bool = True
) -> list[dict[str, Any]]:
    """Return the first `limit` items of a table's query (None: all), over as many pages as it has."""
    items: list[dict[str, Any]] = []
    options: dict[str, Any] = {"Limit": limit} if limit else {}
    while True:
        response = query(
            KeyConditionExpression=condition, ScanIndexForward=is_ascending, ConsistentRead=True, **options
        )
        items += response["Items"]
        if (limit and len(items) >= limit) or "LastEvaluatedKey" not in response:
            return items[:limit]
        options["ExclusiveStartKey"] = response["LastEvaluatedKey"]


def _amounts(signal: Signal) -> tuple[Decimal, Decimal]:
    return _to_decimal(signal.value), _to_decimal(signal.threshold)


def _to_decimal(value: float) -> Decimal:
    return Decimal(repr(value))


def _parse_item(item: dict[str, Any]) -> StreamBar:
    symbol, interval, source = item["series"].split("|")
    opened, high, low, close, volume = (item[name] for name in _NUMBERS)
    return StreamBar(
        symbol,
        interval,
        source,
        item["bar_start"],
        opened,
        high,
        low,
        close,
        volume,
        item["is_final"],
        item["version"],
        item["price_basis"],
    )
