"""Diagnosis of one machine's set-up: what works, what is missing, how to fix it. Makes no request to a vendor.

A new check is a function of a `Setup` that yields findings, and an entry in `CHECKS`.
"""

import gzip
import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from loader import reference
from loader.providers import registry
from loader.quota import Quota
from loader.rules import Acceptance
from loader.settings import Settings
from loader.sinks import dead_letters
from loader.store import StateStore, store_from_environment
from tickerlake import raw_zone
from tickerlake.errors import UserError

_EXAMINED_OBJECTS = 20


@dataclass(frozen=True)
class Finding:
    """The result of one check: its subject, `ok`, `missing`, `warning` or `broken`, and the figure or the remedy."""

    what: str
    state: str
    detail: str


@dataclass(frozen=True)
class Setup:
    """What checks examine."""

    settings: Settings
    store: StateStore
    environment: Mapping[str, str]


def examine(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the findings of every check."""
    setup = Setup(settings, store_from_environment(settings.lake, environment), environment)
    for check in CHECKS:
        yield from check(setup)


def check_lake(setup: Setup) -> Iterator[Finding]:
    """Check that the lake's folder is writable."""
    lake = setup.settings.lake
    existing = next(folder for folder in (lake, *lake.absolute().parents) if folder.exists())
    if not os.access(existing, os.W_OK):
        remedy = "choose another with --lake or TICKERLAKE_LAKE"
        yield Finding("lake", "broken", f"{existing} is not writable: {remedy}")
    else:
        yield Finding("lake", "ok", str(lake) if lake.exists() else f"{lake} (created by the first run)")


def check_calendar(setup: Setup) -> Iterator[Finding]:
    """Check that the exchange calendars go on for 12 months, and that no landed bar lies beyond them."""
    ends = reference.calendar_ends()
    mic, end = min(ends.items(), key=lambda item: item[1])
    remedy = "raise var calendar_until in dbt_project.yml and run `make seeds`"
    if late := next(_late_bars(setup.settings.lake, ends), None):
        yield Finding("calendar", "broken", f"{late}; {remedy}")
    elif end < datetime.now(UTC).date() + timedelta(days=365):
        yield Finding("calendar", "warning", f"the calendar of {mic} ends on {end}, within 12 months; {remedy}")
    else:
        yield Finding("calendar", "ok", f"exchange sessions are known until {end}")


def check_raw_zone(setup: Setup) -> Iterator[Finding]:
    """Check the names in the raw zone, and its newest objects: what no build will read, or reads under a wrong hour."""
    raw = setup.settings.lake / "raw"
    next_hour = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%d %H}"
    objects, problems = 0, []
    for entry in raw_zone.list_objects(raw):
        objects += 1
        problem = entry.problem
        if not problem and f"{entry.dt} {entry.hr}" > next_hour:
            problem = "its arrival hour is still to come: move it to the hour in which it arrived"
        elif not problem and entry.dt >= f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%d}":
            problem = raw_zone.inspect(raw / entry.path).problem
        if problem:
            problems.append(f"raw/{entry.path} ({entry.size_bytes} bytes): {problem}")
    if problems:
        others = f", and {len(problems) - 1} others: see unreadable_object" if problems[1:] else ""
        yield Finding("raw zone", "warning", problems[0] + others)
    elif objects:
        yield Finding("raw zone", "ok", f"{objects} objects")


def check_sink(setup: Setup) -> Iterator[Finding]:
    """Report the sink."""
    yield Finding("sink", "ok", setup.settings.sink)


def check_providers(setup: Setup) -> Iterator[Finding]:
    """Check each provider's keys, and the requests that they have left today."""
    described = [name for name in registry.described_apis() if f"TICKERLAKE_{name.upper()}_KEY" in setup.environment]
    for name in [*registry.PROVIDERS, *described]:
        try:
            provider = registry.build_provider(name, setup.environment)
            keys = registry.read_keys(provider, setup.environment)
            limits = registry.resolve_limits(name, provider, setup.environment)
        except UserError as error:
            yield Finding(name, "missing", str(error))
            continue
        remaining = Quota(setup.store, provider.source, limits, keys).remaining_today()
        detail = f"{len(keys)} key(s)" if provider.key_variable else "needs no key"
        yield Finding(name, "ok", detail if remaining is None else f"{detail}, {remaining} requests left today")


def check_last_run(setup: Setup) -> Iterator[Finding]:
    """Check the ledger of the newest run in a folder's raw zone."""
    ledger = _newest_ledger(setup.settings.lake)
    if ledger is None:
        yield Finding("last run", "missing", "try: python -m loader fetch --provider yahoo --symbols TSLA")
        return
    try:
        run = json.loads(gzip.decompress(ledger.read_bytes()).splitlines()[0])
        detail = f"{run['command']} of {run['finished_at']}: {run['confirmed']:,} lines, {run['outcomes']}"
        yield Finding("last run", "broken" if run["dead_lettered"] else "ok", detail)
    except (OSError, EOFError, ValueError, KeyError, IndexError, TypeError):
        yield Finding("last run", "broken", f"cannot read {ledger}")


def check_dead_letters(setup: Setup) -> Iterator[Finding]:
    """Check that no line waits to be sent again."""
    files = setup.store.keys(dead_letters.FOLDER)
    if files:
        detail = f"{len(files)} files; to land them: python -m loader resend-dead-letters"
        yield Finding("dead letters", "broken", detail)


def _late_bars(lake: Path, ends: Mapping[str, date]) -> Iterator[str]:
    """Yield the landed bars that are dated after the end of their exchange's calendar.

    A bar arrives after its date, so only what arrived after the earliest end is read.
    """
    first = f"dt={min(ends.values())}"
    for path in sorted((lake / "raw").glob("*bars/dt=*/hr=*/*.ndjson.gz")):
        if path.parent.parent.name > first:
            for line in _lines(path):
                symbol = reference.to_canonical_symbol(str(line.get("symbol")))
                mic = reference.get_instrument(symbol).mic
                day = _exchange_date(line, mic)
                if day and mic in ends and day > ends[mic]:
                    yield f"{symbol} has a bar of {day}, after the calendar of {mic} ends on {ends[mic]}"


def _newest_ledger(lake: Path) -> Path | None:
    return max((lake / "raw" / "loader_runs").glob("dt=*/hr=*/*.ndjson.gz"), default=None)


def _texts(path: Path) -> list[bytes]:
    """Return the lines of an object; none of one that cannot be read, which the build names."""
    try:
        return gzip.decompress(path.read_bytes()).splitlines()
    except (OSError, EOFError, zlib.error):
        return []


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for text in _texts(path):
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
    return moment.astimezone(reference.get_exchange(mic).zone).date()


def check_acceptance(setup: Setup) -> Iterator[Finding]:
    """Check what the warehouse will accept of the newest run's lines, by its rules."""
    ledger = _newest_ledger(setup.settings.lake)
    if ledger is None:
        return
    run_id = ledger.name.partition(".")[0]
    acceptance = Acceptance()
    for path in sorted((setup.settings.lake / "raw").glob(f"*/dt=*/hr=*/{run_id}-*.ndjson.gz"))[:_EXAMINED_OBJECTS]:
        acceptance.add_lines(path.parts[-4], _texts(path))
    if acceptance.accepted or acceptance.refused:
        state = "broken" if not acceptance.accepted else "warning" if acceptance.refused else "ok"
        yield Finding("its lines", state, acceptance.sentence())


def check_next_step(setup: Setup) -> Iterator[Finding]:
    """Report what to do next, with nothing landed, with landed lines, and with a published lake."""
    lake = setup.settings.lake
    if (lake / "published.ducklake").exists():
        step = 'make serve, then open the page; or python -m pipeline sql "select * from screen_top_movers"'
    elif any((lake / "raw").glob("*/dt=*/hr=*/*.ndjson.gz")):
        step = "make build"
    else:
        keys = [name for name in setup.environment if name.startswith("TICKERLAKE_") and name.endswith("_KEY")]
        names = {_provider_of(name) for name in keys} - {""}
        provider = sorted(names)[0] if names else "yahoo"
        step = (
            f"python -m loader fetch --provider {provider} --symbols TSLA; with files: python -m loader describe FILE; "
            "with neither: make demo"
        )
    yield Finding("next step", "ok", step)


def _provider_of(variable: str) -> str:
    name = variable.removeprefix("TICKERLAKE_").removesuffix("_KEY").lower()
    return name if name in registry.PROVIDERS or name in registry.described_apis() else ""


CHECKS: tuple[Callable[[Setup], Iterator[Finding]], ...] = (
    check_lake,
    check_calendar,
    check_raw_zone,
    check_sink,
    check_providers,
    check_last_run,
    check_acceptance,
    check_dead_letters,
    check_next_step,
)
