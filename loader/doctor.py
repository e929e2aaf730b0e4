"""Diagnosis of one machine's set-up: what works, what is missing, how to fix it. Makes no request to a vendor.

A new check is a function of a `Setup` that yields findings, and an entry in `CHECKS`.
"""

import gzip
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from loader.providers import registry
from loader.quota import Quota
from loader.settings import Settings
from loader.sinks import dead_letters
from loader.store import StateStore, store_from_environment
from tickerlake.errors import UserError


@dataclass(frozen=True)
class Finding:
    """The result of one check: its subject, `ok`, `missing` or `broken`, and the figure or the remedy."""

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


def check_sink(setup: Setup) -> Iterator[Finding]:
    """Report the sink."""
    yield Finding("sink", "ok", setup.settings.sink)


def check_providers(setup: Setup) -> Iterator[Finding]:
    """Check each provider's keys, and the requests that they have left today."""
    for name in registry.PROVIDERS:
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
    ledgers = sorted((setup.settings.lake / "raw" / "loader_runs").glob("dt=*/hr=*/*.ndjson.gz"))
    if not ledgers:
        yield Finding("last run", "missing", "try: python -m loader fetch --provider yahoo --symbols TSLA")
        return
    try:
        run = json.loads(gzip.decompress(ledgers[-1].read_bytes()).splitlines()[0])
        detail = f"{run['command']} of {run['finished_at']}: {run['confirmed']:,} lines, {run['outcomes']}"
        yield Finding("last run", "broken" if run["dead_lettered"] else "ok", detail)
    except (OSError, EOFError, ValueError, KeyError, IndexError, TypeError):
        yield Finding("last run", "broken", f"cannot read {ledgers[-1]}")


def check_dead_letters(setup: Setup) -> Iterator[Finding]:
    """Check that no line waits to be sent again."""
    files = setup.store.keys(dead_letters.FOLDER)
    if files:
        detail = f"{len(files)} files; to land them: python -m loader resend-dead-letters"
        yield Finding("dead letters", "broken", detail)


CHECKS: tuple[Callable[[Setup], Iterator[Finding]], ...] = (
    check_lake,
    check_sink,
    check_providers,
    check_last_run,
    check_dead_letters,
)
