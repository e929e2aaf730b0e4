"""AWS Lambda entry point for scheduled events: an increment of the configured symbols, under a lease.

Environment: TICKERLAKE_PROVIDER, TICKERLAKE_SYMBOLS (default: the curated universe), TICKERLAKE_INTERVAL,
TICKERLAKE_DATASET, TICKERLAKE_SINK and the streams' names, TICKERLAKE_STATE_BUCKET (and _PREFIX) for state, archive
and dead letters, TICKERLAKE_DEPLOYMENT (the stack's name, a dimension of the metrics); without a stream sink and a
bucket the function refuses to start. An event may have `symbols`, `dataset`, or `shard: [k, n]`: schedules whose
events count k from 0 to n-1 distribute the symbols. A key's variable with the suffix `_SECRET` names the place of the
key: `ssm:/name` or `secretsmanager:name`; it is read once in ten minutes.
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from loader import reference, settings
from loader.jobs import FetchJob
from loader.lease import LeaseHeldError, lease
from loader.secret import fetch_secret
from tickerlake.errors import UserError

_LEASE_SECONDS = 900.0
"""The longest time that a function may run; see `lease_seconds`."""
_SECRET_SECONDS = 600
_secrets: dict[str, tuple[float, str]] = {}


def lambda_handler(event: Mapping[str, Any], context: object) -> dict[str, object]:
    """Run one increment and return its ledger record, `{"skipped": …}` when closed or overlapping.

    Every call is a new run with a new run_id. Raises UserError for what needs manual action: the failed invocation
    raises the schedule's alarm.
    """
    started = time.monotonic()
    configured = settings.read_settings("/tmp/lake", None)  # noqa: S108 - the only writable folder of a function
    settings.require_durable(configured)
    name = os.environ.get("TICKERLAKE_PROVIDER", "yahoo")
    dataset = str(event.get("dataset") or os.environ.get("TICKERLAKE_DATASET") or "bars")
    interval = os.environ.get("TICKERLAKE_INTERVAL", "1min")
    environment = with_secrets(os.environ, fetch_secret)
    job = FetchJob.build(configured, name, shard(event, os.environ), dataset, interval, _log_warning, environment)
    holder = str(getattr(context, "aws_request_id", "local"))
    lease_name = "-".join(["handler", job.provider.source, dataset, interval, *map(str, event.get("shard") or [])])
    try:
        with lease(job.store, lease_name, holder, lease_seconds(context)):
            lookback = timedelta(days=int(os.environ.get("TICKERLAKE_DAYS", "1")))
            result = job.fetch_increment("lambda", lookback)
    except LeaseHeldError:
        _log("info", "skipped: another run holds the lease")
        return {"skipped": "overlap"}
    if result is None:
        _log("info", "skipped: every exchange is closed")
        return {"skipped": "closed"}
    for symbol, _, reason in result.report.missed:
        _log_warning("request missed", symbol=symbol, reason=reason)
    latency = (time.monotonic() - started) * 1000
    print(json.dumps(metrics(result.ledger, job.provider.source, latency, job.oldest_provisional(), job.now())))
    return result.ledger


def lease_seconds(context: object) -> float:
    """Return how long this call may run: the lease of a killed call expires after that time."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return float(remaining()) / 1000 if remaining else _LEASE_SECONDS


def shard(event: Mapping[str, Any], environment: Mapping[str, str]) -> list[str]:
    """Return the symbols of this call: of the event, else the environment, else the universe; every n-th of them.

    Raises UserError for a shard that does not exist.
    """
    listed = event.get("symbols") or [name for name in environment.get("TICKERLAKE_SYMBOLS", "").split(",") if name]
    symbols = [str(symbol).strip() for symbol in listed] or reference.universe()
    part, parts = event.get("shard") or (0, 1)
    if not 0 <= int(part) < int(parts):
        raise UserError(f"shard {part} of {parts} does not exist: count from 0")
    return symbols[int(part) :: int(parts)]


def metrics(
    ledger: Mapping[str, Any], source: str, milliseconds: float, oldest_provisional: datetime | None, now: datetime
) -> dict[str, object]:
    """Return the metrics of a run as a log record in CloudWatch's embedded metric format.

    `oldest_provisional_bar` is the age in seconds of the oldest landed bar that waits for its final version, 0 when
    there is none: it grows as long as a vendor does not deliver. The dimension `deployment` keeps two deployments of
    one account apart, so that neither rings the other's alarms.
    """
    counts: dict[str, float] = {name: ledger[name] for name in ("requests", "sent", "confirmed", "dead_lettered")}
    counts |= {f"outcome_{kind}": count for kind, count in ledger["outcomes"].items()}
    names = [{"Name": name, "Unit": "Count"} for name in counts]
    names += [{"Name": "latency", "Unit": "Milliseconds"}, {"Name": "oldest_provisional_bar", "Unit": "Seconds"}]
    age = (now - oldest_provisional).total_seconds() if oldest_provisional else 0.0
    values = {"latency": milliseconds, "oldest_provisional_bar": age, **counts}
    directive = {"Namespace": "tickerlake", "Dimensions": [["source", "deployment"]], "Metrics": names}
    metadata = {"Timestamp": int(now.timestamp() * 1000), "CloudWatchMetrics": [directive]}
    deployment = os.environ.get("TICKERLAKE_DEPLOYMENT") or "none"  # a dimension must have a value
    return {"_aws": metadata, "source": source, "deployment": deployment, "run_id": ledger["run_id"], **values}


def with_secrets(environment: Mapping[str, str], fetch: Callable[[str], str]) -> dict[str, str]:
    """Return the environment with each `<NAME>_SECRET` resolved as `<NAME>`, cached for ten minutes."""
    resolved = dict(environment)
    for variable, place in environment.items():
        if not (variable.startswith("TICKERLAKE_") and variable.endswith("_KEY_SECRET")):
            continue
        read_at, secret = _secrets.get(place, (float("-inf"), ""))
        if time.monotonic() - read_at > _SECRET_SECONDS:
            secret = fetch(place)
            _secrets[place] = (time.monotonic(), secret)
        resolved[variable.removesuffix("_SECRET")] = secret
    return resolved


def _log_warning(message: str, **details: object) -> None:
    _log("warning", message, **details)


def _log(level: str, message: str, **details: object) -> None:
    print(json.dumps({"level": level, "message": message, **details}))
