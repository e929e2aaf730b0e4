"""The hot store in DynamoDB, and what is sent to SNS of what is found there.

Bars: key (series, bar_start), written only where the version is newer. Alerts: key (series, bar_start|type|direction),
`state` pending → sent, quiet (within the cool-down) or, when a correction takes the signal back, retracted.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from serving.alerts.bars import REACH, Factor, HotBar, Measured, Signal, measure

_NUMBERS = ("open", "high", "low", "close", "volume")
ADVICE = "Computed from data that may be late, wrong or incomplete: this is not trading advice."


@dataclass(frozen=True, slots=True)
class HotPath:
    """The tables (boto3 Table resources), the topic, and what bounds them.

    `cool_down` silences further alerts of one type in one series for that long after one was sent, by bars' time.
    `keep` is how long a bar stays in the store.
    """

    bars: Any
    alerts: Any
    sns: Any
    topic: str
    factor: Factor
    cool_down: timedelta = timedelta(0)
    keep: timedelta = timedelta(days=30)
    clock: Callable[[], float] = time.time

    def take(self, arrived: Sequence[HotBar]) -> None:
        """Take bars of one series, in any order and however often: store them, then send what their signals ask for.

        What fails raises and may be repeated: nothing that was done is done twice, and nothing is left out.
        """
        newest: dict[str, HotBar] = {}
        for bar in arrived:
            if bar.start not in newest or bar.version > newest[bar.start].version:
                newest[bar.start] = bar
        first, last = min(newest), max(newest)
        for attempt in range(5):
            stored = self._around(arrived[0].series, first, last)
            merged = {bar.start: bar for bar in stored}
            for bar in newest.values():
                if bar.start not in merged or bar.version > merged[bar.start].version:
                    merged[bar.start] = bar
            measured = measure([merged[start] for start in sorted(merged)], self.factor)
            position = next(i for i, one in enumerate(measured) if one.bar.start == first)
            known = {bar.start: bar.version for bar in stored}
            changed = [
                one
                for i, one in enumerate(measured)
                # the bar after a new one changes too: its previous close is another
                if known.get(one.bar.start) != one.bar.version or (i and measured[i - 1].bar.start in newest)
            ]
            if all(map(self._put, changed)):
                break
            if attempt == 4:
                raise RuntimeError(f"{arrived[0].series}: somebody else keeps writing newer versions")
        end = max(i for i, one in enumerate(measured) if one.bar.start in newest) + REACH
        self._settle(arrived[0].series, measured[position : end + 1])

    def latest(self, series: str, count: int) -> list[dict[str, Any]]:
        """Read a series' newest bars, newest first, without those that have expired but are not deleted yet."""
        answer = self.bars.query(
            KeyConditionExpression=Key("series").eq(series), ScanIndexForward=False, Limit=count, ConsistentRead=True
        )
        return [item for item in answer["Items"] if item["expires_at"] > self.clock()]

    def _around(self, series: str, first: str, last: str) -> list[HotBar]:
        """Read the bars from twice the reach before the first to the reach after the last: all that can be touched."""
        own = Key("series").eq(series)
        before = self._read(own & Key("bar_start").lt(first), REACH + 1, is_forward=False)
        within = self._read(own & Key("bar_start").between(first, last), None, is_forward=True)
        after = self._read(own & Key("bar_start").gt(last), REACH, is_forward=True)
        return [_bar(item) for item in (*reversed(before), *within, *after)]

    def _read(self, condition: Any, limit: int | None, *, is_forward: bool) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        more: dict[str, Any] = {"Limit": limit} if limit else {}
        while True:
            answer = self.bars.query(
                KeyConditionExpression=condition, ScanIndexForward=is_forward, ConsistentRead=True, **more
            )
            found += answer["Items"]
            if (limit and len(found) >= limit) or "LastEvaluatedKey" not in answer:
                return found[:limit]
            more["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _put(self, one: Measured) -> bool:
        """Store a bar unless a newer version is there. Gives False then."""
        bar = one.bar
        item = {
            "series": bar.series,
            "bar_start": bar.start,
            **{name: getattr(bar, name) for name in _NUMBERS},
            "is_final": bar.is_final,
            "version": bar.version,
            "price_basis": bar.price_basis,
            "price_change": one.change,
            "price_change_pct": None if one.change_pct is None else _number(one.change_pct),
            "is_anomaly": any(signal.signal_type == "anomaly" for signal in one.signals),
            "expires_at": int(self.clock() + self.keep.total_seconds()),
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

    def _settle(self, series: str, touched: Sequence[Measured]) -> None:
        """Send what is new among the touched bars' signals, and take back what is gone."""
        since = datetime.fromisoformat(touched[0].bar.start) - self.cool_down
        known = {
            item["alert"]: item for item in self._alerts(series, f"{since:%Y-%m-%dT%H:%M:%SZ}", touched[-1].bar.start)
        }
        found = {signal.key: (signal, one) for one in touched for signal in one.signals}
        for key, item in sorted(known.items()):
            if item["bar_start"] >= touched[0].bar.start and key not in found and item["state"] != "retracted":
                self._retract(item)
                known[key] = item | {"state": "retracted"}
        for key in sorted(found):
            signal, one = found[key]
            before = known.get(key)
            if before is None or before["state"] == "retracted":
                state = "quiet" if self._is_quiet(signal, known.values()) else "pending"
                known[key] = self._claim(series, signal, one, state, before)
            elif (before["value"], before["threshold"]) != (_number(signal.value), _number(signal.threshold)):
                self._set(before, before["state"], signal)  # the same signal by another amount: nobody is told
            if known[key]["state"] == "pending":
                self._send(known[key], "signal")
                known[key] = known[key] | {"state": "sent"}

    def _is_quiet(self, signal: Signal, known: Iterable[dict[str, Any]]) -> bool:
        at = datetime.fromisoformat(signal.start)
        return any(
            item["signal_type"] == signal.signal_type
            and item["state"] in ("sent", "pending")
            and timedelta(0) <= at - datetime.fromisoformat(item["bar_start"]) < self.cool_down
            for item in known
        )

    def _alerts(self, series: str, first: str, last: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        more: dict[str, Any] = {}
        while True:
            answer = self.alerts.query(
                KeyConditionExpression=Key("series").eq(series) & Key("alert").between(first, f"{last}|~"),
                ConsistentRead=True,
                **more,
            )
            found += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return found
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _claim(
        self, series: str, signal: Signal, one: Measured, state: str, before: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Write the alert before it is sent, so that a crash in between sends it later instead of never."""
        item = {
            "series": series,
            "alert": signal.key,
            "bar_start": signal.start,
            "signal_type": signal.signal_type,
            "direction": signal.direction,
            "value": _number(signal.value),
            "threshold": _number(signal.threshold),
            "close": one.bar.close,
            "state": state,
            "revision": (before["revision"] if before else 0) + 1,
        }
        if before is None:
            self.alerts.put_item(Item=item, ConditionExpression="attribute_not_exists(series)")
        else:
            self.alerts.put_item(
                Item=item,
                ConditionExpression="#s = :retracted AND revision = :revision",
                ExpressionAttributeNames={"#s": "state"},
                ExpressionAttributeValues={":retracted": "retracted", ":revision": before["revision"]},
            )
        return item

    def _retract(self, item: dict[str, Any]) -> None:
        if item["state"] != "quiet":  # pending too: it may have been sent
            self._send(item, "retraction")
        self._set(item, "retracted")

    def _send(self, item: dict[str, Any], kind: str) -> None:
        symbol, interval, source = item["series"].split("|")
        machine = {
            "kind": kind,
            "alert_id": f"{item['series']}|{item['alert']}|{item['revision']}",
            "symbol": symbol,
            "bar_interval": interval,
            "source": source,
            "bar_start_at": item["bar_start"],
            "signal_type": item["signal_type"],
            "direction": item["direction"],
            "value": float(item["value"]),
            "threshold": float(item["threshold"]),
            "close": float(item["close"]),
            "time_zone": "UTC",
        }
        text = words(machine)
        once = hashlib.sha256(f"{kind}|{machine['alert_id']}".encode()).hexdigest()
        is_ordered = self.topic.endswith(".fifo")
        ordered = {"MessageGroupId": item["series"], "MessageDeduplicationId": once} if is_ordered else {}
        self.sns.publish(
            TopicArn=self.topic,
            Subject=text.split("\n")[0][:100],
            Message=json.dumps({"default": json.dumps(machine), "email": text}),
            MessageStructure="json",
            MessageAttributes={
                name: {"DataType": "String", "StringValue": str(machine[name])}
                for name in ("kind", "symbol", "signal_type", "direction")
            },
            **ordered,
        )
        if kind == "signal":
            self._set(item, "sent")

    def _set(self, item: dict[str, Any], state: str, amount: Signal | None = None) -> None:
        value, threshold = (
            (_number(amount.value), _number(amount.threshold)) if amount else (item["value"], item["threshold"])
        )
        self.alerts.update_item(
            Key={"series": item["series"], "alert": item["alert"]},
            UpdateExpression="SET #s = :s, #v = :v, threshold = :t",
            ExpressionAttributeNames={"#s": "state", "#v": "value"},
            ExpressionAttributeValues={":s": state, ":v": value, ":t": threshold},
        )


def words(machine: dict[str, Any]) -> str:
    """Say an alert as an e-mail: what, where, by how much; its first line is the subject."""
    value, threshold = machine["value"], machine["threshold"]
    said = {
        "crossover": f"the mean of its last 5 closes, {value:,.4f}, has crossed that of its last 20, {threshold:,.4f} "
        f"({'from below' if machine['direction'] == 'BUY' else 'from above'})",
        "volume_spike": f"its volume, {value:,.0f}, is more than twice the mean of the 3 bars before (twice that is "
        f"{threshold:,.0f})",
        "anomaly": f"it moved {value:+.2f} % from the bar before, more than {threshold:g} %",
    }[machine["signal_type"]]
    name = machine["signal_type"].replace("_", " ")
    what = f"{machine['symbol']}: {name} {machine['direction']}"
    at = machine["bar_start_at"].replace("T", " ").replace("Z", " UTC")
    if machine["kind"] == "retraction":
        return (
            f"Withdrawn: {what}\n\nThe {name} of {machine['symbol']} at {at} ({machine['bar_interval']} bar, "
            f"{machine['source']}) is taken back: a corrected bar no longer shows it.\n\n{ADVICE}\n"
        )
    return (
        f"{what}\n\n{machine['symbol']} at {at} ({machine['bar_interval']} bar, {machine['source']}), closing at "
        f"{machine['close']:,.4f}: {said}.\n\n{ADVICE}\n"
    )


def _number(value: float) -> Decimal:
    return Decimal(repr(value))


def _bar(item: dict[str, Any]) -> HotBar:
    symbol, interval, source = item["series"].split("|")
    opened, high, low, close, volume = (item[name] for name in _NUMBERS)
    return HotBar(
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
