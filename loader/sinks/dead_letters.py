"""Lines that could not be delivered, kept whole, and sent again when the far side is well."""

import gzip
from collections.abc import Sequence
from datetime import datetime

from loader.sinks import Sink, Undelivered
from loader.store import Store

FOLDER = "dead_letters/"


def keep(store: Store, dataset: str, dead: Sequence[Undelivered], name: str) -> str:
    """Write the lines as `dead_letters/<dataset>/<name>.ndjson.gz` and return that key."""
    key = f"{FOLDER}{dataset}/{name}.ndjson.gz"
    store.write(key, gzip.compress(b"".join(item.line + b"\n" for item in dead), 6, mtime=0))
    return key


def resend(store: Store, sink: Sink, now: datetime) -> tuple[int, list[Undelivered]]:
    """Deliver every dead letter again; what is confirmed is removed, what is not stays.

    Returns how many lines were confirmed, and those that were not. A kill between delivery and removal delivers lines
    twice: they carry the run_id and line_number of the run that fetched them, and the warehouse counts a duplicate.
    The ledger of that run stays as it is; a second one would count lines twice.
    """
    confirmed, dead = 0, list[Undelivered]()
    for key in store.keys(FOLDER):
        _, dataset, file = key.split("/")
        found = store.read(key)
        if found is None:
            continue
        lines = gzip.decompress(found.content).removesuffix(b"\n").split(b"\n")
        name = file.removesuffix(".ndjson.gz")
        delivery = sink.deliver(dataset, lines, f"{name}-resent", now)
        if delivery.dead:
            keep(store, dataset, delivery.dead, name)
        else:
            store.delete(key)
        confirmed += delivery.confirmed
        dead += delivery.dead
    return confirmed, dead
