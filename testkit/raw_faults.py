"""Faults of a raw zone, drawn at random: what no build may lose a line of others over."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from testkit.lake import Lake, bar
from tickerlake import raw_zone

FAULTS = ("stray folder", "stray hour", "empty", "no gzip", "cut", "ahead", "late")


def land_fault(lake: Lake, rng: random.Random, number: int, hour: str) -> str:
    """Land one fault of FAULTS, as `fault-{number}` under the arrival hour (YYYY-MM-DD HH), and return its name.

    An object that is cut holds the first bytes of a good one; one ahead of the clock or late holds a good bar.
    """
    fault = rng.choice(FAULTS)
    good = bar("TSLA", "2026-03-02T12:59:00Z", line_number=number, received_at="2026-04-01T00:00:00.000Z")
    if fault in ("ahead", "late"):
        moved = datetime.now(UTC) + timedelta(days=2) if fault == "ahead" else datetime.fromisoformat(hour + ":00")
        moved -= timedelta(days=0 if fault == "ahead" else 40)
        lake.land([good], f"{moved:%Y-%m-%d %H}", f"fault-{number}")
        return fault
    path = lake.land([good], hour, f"fault-{number}")
    content = {"empty": b"", "no gzip": b"{}\n", "cut": path.read_bytes()[:-9]}.get(fault, path.read_bytes())
    if fault.startswith("stray"):
        path.unlink()
        folder = "dt=foo/hr=00" if fault == "stray folder" else f"dt={hour[:10]}/hr=foo"
        path = lake.folder / "raw" / "bars" / folder / path.name
        path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return fault


def count_readable_lines(raw: Path) -> int:
    """Count the lines of a raw zone's readable objects without the engine: what the account must hold."""
    paths = [raw / entry.path for entry in raw_zone.list_objects(raw) if not entry.problem]
    return sum(raw_zone.inspect(path).lines for path in paths)
