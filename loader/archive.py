"""Vendors' responses, byte for byte, by their SHA-256."""

import gzip
import hashlib

from loader.store import Store


def sha256(payload: bytes) -> str:
    """Give the payload's SHA-256 in hexadecimal: its name in the archive and its mark on every line."""
    return hashlib.sha256(payload).hexdigest()


class Archive:
    """Keeps payloads as `payloads/<first two digits>/<sha256>.gz`; keeping one twice changes nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, payload: bytes) -> str:
        """Store the payload and return its key."""
        digest = sha256(payload)
        key = f"payloads/{digest[:2]}/{digest}.gz"
        if self._store.read(key) is None:
            self._store.write(key, gzip.compress(payload, 6, mtime=0))
        return key
