"""Vendors' responses, byte for byte, by their SHA-256."""

import gzip
import hashlib
from pathlib import Path

from loader.sinks.folder import write_atomically


def sha256(payload: bytes) -> str:
    """Give the payload's SHA-256 in hexadecimal: its name in the archive and its mark on every line."""
    return hashlib.sha256(payload).hexdigest()


class Archive:
    """Keeps payloads as `<lake>/payloads/<first two digits>/<sha256>.gz`; keeping one twice changes nothing."""

    def __init__(self, lake: Path) -> None:
        self._folder = lake / "payloads"

    def keep(self, payload: bytes) -> Path:
        """Store the payload and return its path."""
        digest = sha256(payload)
        target = self._folder / digest[:2] / f"{digest}.gz"
        if not target.exists():
            write_atomically(target, gzip.compress(payload, 6, mtime=0))
        return target
