"""What a vendor grants, kept: no window of a second, a minute or a day ever holds more requests of a key than allowed.

Windows slide, so that the hour at which a vendor starts its day does not matter. Use is written down before a request:
a kill costs a request, never a breach. Keys are remembered by a digest.
"""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from loader.providers.base import Limits
from loader.store import ABSENT, Conflict, Store

_DAY = 86_400.0
_MINUTE = 60.0
_SECOND = 1.0


@dataclass
class Quota:
    """Grants the keys of one provider in turn. `clock` in epoch seconds; `patience`: the longest wait in seconds."""

    store: Store
    provider: str
    limits: Limits
    keys: Sequence[str]
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], object] = time.sleep
    patience: float = 70.0
    refused: set[str] = field(default_factory=set)

    def take(self) -> str | None:
        """Wait until some key may be used, count the use, give the key; None when that is further off than patience.

        Several processes may share the state: the one that loses a conditional write decides anew.
        """
        deadline = self.clock() + self.patience
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
            if self._write(used, _digest(key), now, version):
                return key

    def exhaust(self, key: str) -> None:
        """Note that the vendor itself called the key's day used up: it is not asked again for an hour."""
        while True:
            used, version = self._read()
            ahead = [self.clock() - _DAY + 3600.0] * (self.limits.per_day or 0)
            if not ahead:
                self.refused.add(key)
                return
            used[_digest(key)] = sorted(ahead + used.get(_digest(key), []))
            if self._save(used, version):
                return

    def refuse(self, key: str) -> None:
        """Leave a key that the vendor does not accept out for the rest of this process."""
        self.refused.add(key)

    def left_today(self) -> int | None:
        """Give how many requests all keys have left in their day; None where a day has no limit."""
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
        granted = (
            (self.limits.per_second, _SECOND),
            (self.limits.per_minute, _MINUTE),
            (self.limits.per_day, _DAY),
        )
        return [(allowed, length) for allowed, length in granted if allowed is not None]

    def _write(self, used: dict[str, list[float]], key: str, now: float, version: str) -> bool:
        longest = max((length for _, length in self._windows()), default=0.0)
        recent = [moment for moment in used.get(key, []) if moment > now - longest]
        used[key] = sorted([*recent, now]) if longest else []
        return self._save(used, version)

    def _read(self) -> tuple[dict[str, list[float]], str]:
        found = self.store.read(self._key)
        if found is None:
            return {}, ABSENT
        try:
            state = json.loads(found.content)
            return {
                str(key): sorted(float(moment) for moment in moments) for key, moments in state.items()
            }, found.version
        except (ValueError, TypeError, AttributeError):
            return {}, found.version

    def _save(self, used: dict[str, list[float]], version: str) -> bool:
        try:
            self.store.write(self._key, json.dumps(used, sort_keys=True).encode(), version)
        except Conflict:
            return False
        return True

    @property
    def _key(self) -> str:
        return f"state/quota/{self.provider}.json"


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:12]
