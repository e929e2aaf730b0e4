"""The raw zone of a lake under test."""

import gzip
import json
from pathlib import Path
from typing import Any


def read_landed(lake: Path, dataset: str = "bars") -> list[dict[str, Any]]:
    """Return the landed lines of a dataset, decoded, in the order of their objects."""
    objects = sorted((lake / "raw" / dataset).glob("dt=*/hr=*/*.ndjson.gz"))
    return [json.loads(line) for path in objects for line in gzip.decompress(path.read_bytes()).splitlines()]
