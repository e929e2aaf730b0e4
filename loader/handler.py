"""AWS Lambda entry point for scheduled events: an increment of the configured symbols, under a lease.

Environment: TICKERLAKE_PROVIDER, TICKERLAKE_SYMBOLS (default: the curated universe), TICKERLAKE_INTERVAL,
TICKERLAKE_DATASET, TICKERLAKE_SINK and the streams' names, TICKERLAKE_STATE_BUCKET (and _PREFIX) for state, archive and
dead letters; a function without a sink and a bucket that last refuses to start. An event may carry `symbols`,
`dataset`, or `shard: [k, n]`: schedules whose events count k from 0 to n-1 fan the symbols out. A key's variable with
the suffix `_SECRET` names where the key is: `ssm:/name` or `secretsmanager:name`; it is read once in ten minutes.
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from loader import reference, settings, store
from loader.fetching import check
from loader.jobs import Job
from loader.lease import Held, lease
from loader.secret import fetch_secret
from loader.sinks import choose
from tickerlake.errors import UserError

_LEASE_SECONDS = 900.0
"""As long as a function may run at most; see `lease_seconds`."""
_SECRET_SECONDS = 600
_secrets: dict[str, tuple[float, str]] = {}


def lambda_handler(event: Mapping[str, Any], context: object) -> dict[str, object]:
    """Run one increment and return its ledger record, `{"skipped": …}` when closed or overlapping.

    Every call is a new run with a new run_id. Raises UserError for what only a person can mend: the schedule's alarm
    rings then.
    """
    started = time.monotonic()
    configured = settings.read("/tmp/lake", None)  # noqa: S108 - the only folder a function may write
    settings.require_durable(configured)
    name = os.environ.get("TICKERLAKE_PROVIDER", "yahoo")
    environment = with_secrets(os.environ, fetch_secret)
    dataset = str(event.get("dataset") or os.environ.get("TICKERLAKE_DATASET") or "bars")
    interval = os.environ.get("TICKERLAKE_INTERVAL", "1min")
    symbols = shard(event, os.environ)
    kept = store.choose(configured.lake)
    sink = choose.sink(configured)
    say: Callable[[str], object] = lambda text: _log("warning", text)  # noqa: E731
    job = Job.build(name, symbols, dataset, interval, configured.lake, sink, kept, say, environment)
    check(interval, job.provider.source, symbols)
    holder = str(getattr(context, "aws_request_id", "local"))
    label = "-".join(["handler", job.provider.source, dataset, interval, *map(str, event.get("shard") or [])])
    try:
        with lease(kept, label, holder, lease_seconds(context)):
            days = int(os.environ.get("TICKERLAKE_DAYS", "1"))
            made = job.increment("lambda", timedelta(days=days))
    except Held:
        _log("info", "another run is under way")
        return {"skipped": "overlap"}
    if made is None:
        _log("info", "closed")
        return {"skipped": "closed"}
    _, report, ledger = made
    for symbol, _, why in report.missed:
        _log("warning", "missed", symbol=symbol, why=why)
    latency = (time.monotonic() - started) * 1000
    print(json.dumps(metrics(ledger, job.provider.source, latency, job.oldest_provisional(), job.now())))
    return ledger


def lease_seconds(context: object) -> float:
    """Give how long this call may live: a killed one blocks nobody for longer than it could have run."""
    left = getattr(context, "get_remaining_time_in_millis", None)
    return float(left()) / 1000 if left else _LEASE_SECONDS


def shard(event: Mapping[str, Any], environment: Mapping[str, str]) -> list[str]:
    """Give the symbols of this call: of the event, else the environment, else the universe; every n-th of them."""
    listed = event.get("symbols") or [one for one in environment.get("TICKERLAKE_SYMBOLS", "").split(",") if one]
    symbols = [str(symbol).strip() for symbol in listed] or reference.universe()
    part, parts = event.get("shard") or (0, 1)
    if not 0 <= int(part) < int(parts):
        raise UserError(f"shard {part} of {parts} does not exist: count from 0")
    return symbols[int(part) :: int(parts)]


def metrics(
    ledger: Mapping[str, Any], source: str, milliseconds: float, oldest_provisional: datetime | None, now: datetime
) -> dict[str, object]:
    """Word a run as one log line in CloudWatch's embedded metric format.

    `oldest_provisional_bar` is the age in seconds of the oldest landed bar that still waits for its final version, 0
    when none does: it grows as long as a vendor does not deliver.
    """
    counts: dict[str, float] = {name: ledger[name] for name in ("requests", "sent", "confirmed", "dead_lettered")}
    counts |= {f"outcome_{kind}": count for kind, count in ledger["outcomes"].items()}
    names = [{"Name": name, "Unit": "Count"} for name in counts]
    names += [{"Name": "latency", "Unit": "Milliseconds"}, {"Name": "oldest_provisional_bar", "Unit": "Seconds"}]
    age = (now - oldest_provisional).total_seconds() if oldest_provisional else 0.0
    measured = {"latency": milliseconds, "oldest_provisional_bar": age, **counts}
    directive = {"Namespace": "tickerlake", "Dimensions": [["source"]], "Metrics": names}
    described = {"Timestamp": int(now.timestamp() * 1000), "CloudWatchMetrics": [directive]}
    return {"_aws": described, "source": source, "run_id": ledger["run_id"], **measured}


def with_secrets(environment: Mapping[str, str], fetch: Callable[[str], str]) -> dict[str, str]:
    """Fill each `<NAME>_SECRET` in as `<NAME>`, from a cache that is renewed every ten minutes."""
    filled = dict(environment)
    for variable, place in environment.items():
        if not (variable.startswith("TICKERLAKE_") and variable.endswith("_KEY_SECRET")):
            continue
        read_at, secret = _secrets.get(place, (float("-inf"), ""))
        if time.monotonic() - read_at > _SECRET_SECONDS:
            secret = fetch(place)
            _secrets[place] = (time.monotonic(), secret)
        filled[variable.removesuffix("_SECRET")] = secret
    return filled


def _log(level: str, message: str, **details: object) -> None:
    print(json.dumps({"level": level, "message": message, **details}))
