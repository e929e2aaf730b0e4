"""Dead letters: lines that could not be delivered, stored unchanged, and sent again when the destination recovers."""

import gzip
from collections.abc import Sequence
from datetime import datetime

from loader.sinks import Sink, UndeliveredLine
from loader.store import StateStore

FOLDER = "dead_letters/"


def save(store: StateStore, dataset: str, undelivered: Sequence[UndeliveredLine], name: str) -> str:
    """Write the lines as `dead_letters/<dataset>/<name>.ndjson.gz` and return that key."""
    key = f"{FOLDER}{dataset}/{name}.ndjson.gz"
    store.write(key, gzip.compress(b"".join(item.line + b"\n" for item in undelivered), 6, mtime=0))
    return key


def resend(store: StateStore, sink: Sink, now: datetime) -> tuple[int, list[UndeliveredLine]]:
    """Deliver every dead letter again, and remove the files whose lines are confirmed.

    Returns the number of confirmed lines, and the lines that are still undelivered. A kill between delivery and removal
    delivers lines twice: they carry the run_id and line_number of the run that fetched them, and the warehouse counts a
    duplicate. The ledger of that run is not written again; a second one would count lines twice.
    """
    confirmed, undelivered = 0, list[UndeliveredLine]()
    for key in store.keys(FOLDER):
        _, dataset, file = key.split("/")
        stored = store.read(key)
        if stored is None:
            continue
        lines = gzip.decompress(stored.content).removesuffix(b"\n").split(b"\n")
        name = file.removesuffix(".ndjson.gz")
        delivery = sink.deliver(dataset, lines, f"{name}-resent", now)
        if delivery.undelivered:
            save(store, dataset, delivery.undelivered, name)
        else:
            store.delete(key)
        confirmed += delivery.confirmed
        undelivered += delivery.undelivered
    return confirmed, undelivered
