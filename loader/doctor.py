"""What is there, what is missing, and what to do next; asks no vendor."""

import gzip
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from loader import store
from loader.providers import registry
from loader.quota import Quota
from loader.settings import Settings
from loader.sinks import dead_letters
from loader.store import Store
from tickerlake.errors import UserError


def examine(settings: Settings, environment: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield one finding a line: what was examined, `ok`, `missing` or `broken`, and the figure or the remedy."""
    yield _lake(settings.lake)
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
