"""Rate limits of a vendor: no window of a second, a minute or a day has more requests of a key than allowed.

Windows slide, so that the hour at which a vendor starts its day does not matter. A request is recorded before it is
made: a kill wastes a request and never exceeds the limit. Keys are stored as digests.
"""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from loader.providers.base import Limits
from loader.store import ABSENT, StateStore, VersionConflictError

_DAY = 86_400.0
_MINUTE = 60.0
_SECOND = 1.0


@dataclass
class Quota:
    """Rations the keys of one provider. `clock` in epoch seconds; `max_wait_seconds` limits the wait for a key."""

    store: StateStore
    provider: str
    limits: Limits
    keys: Sequence[str]
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], object] = time.sleep
    max_wait_seconds: float = 70.0
    refused: set[str] = field(default_factory=set)

    def acquire_key(self) -> str | None:
        """Wait until a key may be used, record the use and return the key; None when the wait would be too long.

        Several processes may share the state: after a conflicting write the choice is made again.
        """
        deadline = self.clock() + self.max_wait_seconds
        while True:
            used, version = self._read()
            now = self.clock()
            free_at, key = min(
                ((self._free_at(used.get(_digest(key), []), now), key) for key in self.keys if key not in self.refused),
                default=(float("inf"), ""),
            )
            if free_at > deadline:
                return None
            if free_at > now:
                self.sleep(free_at - now)
                continue
            if self._record_use(used, _digest(key), now, version):
                return key

    def mark_exhausted(self, key: str) -> None:
        """Record that the vendor reported the key's daily quota as used up: the key is not used for an hour."""
        while True:
            used, version = self._read()
            blocked = [self.clock() - _DAY + 3600.0] * (self.limits.per_day or 0)
            if not blocked:
                self.refused.add(key)
                return
            used[_digest(key)] = sorted(blocked + used.get(_digest(key), []))
            if self._save(used, version):
                return

    def mark_refused(self, key: str) -> None:
        """Exclude a key that the vendor does not accept for the rest of this process."""
        self.refused.add(key)

    def remaining_today(self) -> int | None:
        """Return how many requests all keys have left in their day; None without a daily limit."""
        if self.limits.per_day is None:
            return None
        used, _ = self._read()
        since = self.clock() - _DAY
        spent = [sum(moment > since for moment in used.get(_digest(key), [])) for key in self.keys]
        return sum(max(0, self.limits.per_day - count) for count in spent)

    def _free_at(self, used: list[float], now: float) -> float:
        free_at = now
        for allowed, length in self._windows():
            if len(used) >= allowed:
                free_at = max(free_at, used[-allowed] + length) if allowed else float("inf")
        return free_at

    def _windows(self) -> list[tuple[int, float]]:
        limits = (
            (self.limits.per_second, _SECOND),
            (self.limits.per_minute, _MINUTE),
            (self.limits.per_day, _DAY),
        )
        return [(allowed, length) for allowed, length in limits if allowed is not None]

    def _record_use(self, used: dict[str, list[float]], key: str, now: float, version: str) -> bool:
        longest = max((length for _, length in self._windows()), default=0.0)
        recent = [moment for moment in used.get(key, []) if moment > now - longest]
        used[key] = sorted([*recent, now]) if longest else []
        return self._save(used, version)

    def _read(self) -> tuple[dict[str, list[float]], str]:
        stored = self.store.read(self._key)
        if stored is None:
            return {}, ABSENT
        try:
            state = json.loads(stored.content)
            used = {str(key): sorted(float(moment) for moment in moments) for key, moments in state.items()}
        except (ValueError, TypeError, AttributeError):
            used = {}
        return used, stored.version

    def _save(self, used: dict[str, list[float]], version: str) -> bool:
        try:
            self.store.write(self._key, json.dumps(used, sort_keys=True).encode(), version)
        except VersionConflictError:
            return False
        return True

    @property
    def _key(self) -> str:
        return f"state/quota/{self.provider}.json"


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:12]
