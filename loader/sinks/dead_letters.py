"""Lines that could not be delivered, kept whole so that they can be landed later."""

import gzip
from collections.abc import Sequence

from loader.sinks import Undelivered
from loader.store import Store


def keep(store: Store, dataset: str, dead: Sequence[Undelivered], name: str) -> str:
    """Write the lines as `dead_letters/<dataset>/<name>.ndjson.gz` and return that key.

    The object has the form of a raw object: moved below `raw/<dataset>/dt=…/hr=…/`, it is landed.
    """
    key = f"dead_letters/{dataset}/{name}.ndjson.gz"
    store.write(key, gzip.compress(b"".join(item.line + b"\n" for item in dead), 6, mtime=0))
    return key
