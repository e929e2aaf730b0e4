"""Vendors' responses, byte for byte, by their SHA-256."""

import gzip
import hashlib

from loader.store import StateStore


def sha256(payload: bytes) -> str:
    """Return the payload's SHA-256 in hexadecimal: its name in the archive, and `payload_sha256` on every line."""
    return hashlib.sha256(payload).hexdigest()


class Archive:
    """Payloads as `payloads/<first two digits>/<sha256>.gz`; saving one twice changes nothing."""

    def __init__(self, store: StateStore) -> None:
        self._store = store

    def save(self, payload: bytes) -> str:
        """Write the payload and return its key."""
        digest = sha256(payload)
        key = f"payloads/{digest[:2]}/{digest}.gz"
        if self._store.read(key) is None:
            self._store.write(key, gzip.compress(payload, 6, mtime=0))
        return key
