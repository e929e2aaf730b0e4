"""A lease in `state/` that admits one run at a time and expires when its holder dies."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from loader.store import ABSENT, StateStore, VersionConflictError
from tickerlake.errors import UserError


class LeaseHeldError(UserError):
    """Another run has the lease."""

    def __init__(self, name: str) -> None:
        super().__init__(f"another run holds the lease '{name}': wait, or delete state/lease/{name}.json")


@contextmanager
def lease(
    store: StateStore, name: str, holder: str, seconds: float, clock: Callable[[], float] = time.time
) -> Iterator[Callable[[], None]]:
    """Acquire `state/lease/<name>.json` for the block and yield the function that renews it.

    Raises LeaseHeldError while another holder's lease has not expired, and from the renewal when it was lost.
    """
    key = f"state/lease/{name}.json"

    def record_until(moment: float) -> bytes:
        return json.dumps({"holder": holder, "until": moment}).encode()

    current = store.read(key)
    try:
        record = json.loads(current.content) if current else {}
        expires_at = float(record["until"]) if record else 0.0
    except (ValueError, KeyError, TypeError):
        expires_at = 0.0
    if expires_at > clock():
        raise LeaseHeldError(name)
    try:
        version = store.write(key, record_until(clock() + seconds), current.version if current else ABSENT)
    except VersionConflictError:
        raise LeaseHeldError(name) from None
    versions = [version]

    def renew() -> None:
        try:
            versions.append(store.write(key, record_until(clock() + seconds), versions[-1]))
        except VersionConflictError:
            raise LeaseHeldError(name) from None

    try:
        yield renew
    finally:
        with suppress(VersionConflictError):
            store.write(key, b"{}", versions[-1])
