"""What is there, what is missing, and what to do next; asks no vendor."""

import gzip
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from loader import reference, store
from loader.providers import registry
from loader.quota import Quota
from loader.settings import Settings
from loader.sinks import dead_letters
from loader.store import Store
from tickerlake.errors import UserError


def examine(settings: Settings, environment: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield one finding a line: what was examined, `ok`, `missing`, `warning` or `broken`, and the figure or remedy."""
    yield _lake(settings.lake)
    yield _calendar(settings.lake, datetime.now(UTC).date())
    yield "sink", "ok", settings.sink
    kept = store.choose(settings.lake, environment)
    for name in registry.PROVIDERS:
        yield _provider(name, kept, environment)
    runs = sorted((settings.lake / "raw" / "loader_runs").glob("dt=*/hr=*/*.ndjson.gz"))
    if not runs:
        yield "last run", "missing", "try: python -m loader fetch --provider yahoo --symbols TSLA"
    else:
        yield _last_run(runs[-1])
    buried = kept.keys(dead_letters.FOLDER)
    if buried:
        yield "dead letters", "broken", f"{len(buried)} files; to land them: python -m loader resend-dead-letters"


def _lake(lake: Path) -> tuple[str, str, str]:
    existing = next(folder for folder in (lake, *lake.absolute().parents) if folder.exists())
    if not os.access(existing, os.W_OK):
        return "lake", "broken", f"{existing} cannot be written: choose another with --lake or TICKERLAKE_LAKE"
    return "lake", "ok", str(lake) if lake.exists() else f"{lake} (made by the first run)"


def _calendar(lake: Path, today: date) -> tuple[str, str, str]:
    ends = reference.calendar_ends()
    mic, end = min(ends.items(), key=lambda item: item[1])
    remedy = "raise var calendar_until in dbt_project.yml and run `make seeds`"
    if late := next(_late_bars(lake, ends), None):
        return "calendar", "broken", f"{late}; {remedy}"
    if end < today + timedelta(days=365):
        return "calendar", "warning", f"the calendar of {mic} ends on {end}, within 12 months; {remedy}"
    return "calendar", "ok", f"exchange sessions are known until {end}"


def _late_bars(lake: Path, ends: Mapping[str, date]) -> Iterator[str]:
    """Yield the landed bars that are dated after the end of their exchange's calendar.

    A bar arrives after its date, so only what arrived after the earliest end is read.
    """
    first = f"dt={min(ends.values())}"
    for path in sorted((lake / "raw").glob("*bars/dt=*/hr=*/*.ndjson.gz")):
        if path.parent.parent.name > first:
            for line in _lines(path):
                symbol = reference.canonical_symbol(str(line.get("symbol")))
                mic = reference.instrument(symbol).mic
                day = _exchange_date(line, mic)
                if day and mic in ends and day > ends[mic]:
                    yield f"{symbol} has a bar of {day}, after the calendar of {mic} ends on {ends[mic]}"


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        texts = gzip.decompress(path.read_bytes()).splitlines()
    except (OSError, EOFError, zlib.error):
        return  # the build names it
    for text in texts:
        try:
            line = json.loads(text)
        except ValueError:
            continue  # the warehouse quarantines it
        if isinstance(line, dict):
            yield line


def _exchange_date(line: Mapping[str, Any], mic: str) -> date | None:
    try:
        if "session_date" in line:
            return date.fromisoformat(line["session_date"])
        moment = datetime.fromisoformat(line["bar_start"])
    except (KeyError, TypeError, ValueError):
        return None
    return moment.astimezone(ZoneInfo(reference.exchange(mic)["timezone"])).date()


def _provider(name: str, kept: Store, environment: Mapping[str, str]) -> tuple[str, str, str]:
    try:
        made = registry.provider(name, environment)
        keys = registry.keys(made, environment)
        quota = Quota(kept, made.source, registry.limits(name, made, environment), keys)
    except UserError as error:
        return name, "missing", str(error)
    left = quota.left_today()
    owned = f"{len(keys)} key(s)" if made.key_variable else "needs no key"
    return name, "ok", owned if left is None else f"{owned}, {left} requests left today"


def _last_run(path: Path) -> tuple[str, str, str]:
    try:
        ledger = json.loads(gzip.decompress(path.read_bytes()).splitlines()[0])
        text = f"{ledger['command']} of {ledger['finished_at']}: {ledger['confirmed']:,} lines, {ledger['outcomes']}"
    except (OSError, EOFError, ValueError, KeyError, IndexError, TypeError):
        return "last run", "broken", f"cannot read {path}"
    return "last run", "ok" if not ledger["dead_lettered"] else "broken", text
