"""One run at a time: a lease in `state/` that expires by itself when its holder dies."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from loader.store import ABSENT, Conflict, Store


class Held(Exception):  # noqa: N818 - an answer to handle, not a failure
    """Another run holds the lease."""


@contextmanager
def lease(
    store: Store, name: str, holder: str, seconds: float, clock: Callable[[], float] = time.time
) -> Iterator[Callable[[], None]]:
    """Hold `state/lease/<name>.json` for the block, and give what renews it. Raises Held when another holds it."""
    key = f"state/lease/{name}.json"
    found = store.read(key)
    try:
        held = json.loads(found.content) if found else {}
        until = float(held["until"]) if held else 0.0
    except (ValueError, KeyError, TypeError):
        until = 0.0
    if until > clock():
        raise Held(name)
    try:
        taken = json.dumps({"holder": holder, "until": clock() + seconds}).encode()
        version = store.write(key, taken, found.version if found else ABSENT)
    except Conflict:
        raise Held(name) from None
    versions = [version]

    def renew() -> None:
        later = json.dumps({"holder": holder, "until": clock() + seconds}).encode()
        try:
            versions.append(store.write(key, later, versions[-1]))
        except Conflict:
            raise Held(name) from None

    try:
        yield renew
    finally:
        with suppress(Conflict):
            store.write(key, b"{}", versions[-1])
