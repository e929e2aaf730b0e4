"""Throughput and memory of `replay` on a plain CSV of minutes, beside the parser that builds an object for each row.

`python -m benchmarks.replay [LINES]` writes sessions of one symbol, replays them in a fresh process, and measures its
processor time and its highest memory. The other way is the one of before: all rows as `Bar` objects, then lines.
"""

import json
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from loader.calendar import sessions

_REPLAY = ["replay", "AAPL.csv", "--provider", "kaggle", "--source", "file_raw", "--lake", "lake"]
_NEW = f"from loader.__main__ import main; main({_REPLAY})"
_OLD = """
import gzip
from datetime import UTC, datetime
from pathlib import Path
from loader.providers import description
from loader.providers.described import build_context, parse_payload
from loader.run import Run
now, content, item = datetime.now(UTC), Path('AAPL.csv').read_bytes(), description.load('kaggle')
run = Run(Path('old'), 'replay', 'kaggle', now)
context = build_context(item, 'file_raw', 'AAPL', '1min', now.date())
run.add_response(parse_payload(content, context, item), content, now)
run.finish(now)
"""


def write(path: Path, lines: int) -> int:
    """Write at least so many minutes of regular sessions, and return their number."""
    written = 0
    with path.open("w") as file:
        file.write("timestamp,open,high,low,close,volume\n")
        for session in sessions("XNYS", date(1990, 1, 2), date(2049, 12, 31)):
            wall = datetime.combine(session.session_date, datetime.min.time(), UTC) + timedelta(hours=9, minutes=30)
            for minute in range(390):
                cents = 10_000 + written * 7919 % 500
                prices = ",".join(f"{(cents + shift) / 100:.2f}" for shift in (0, 20, -20, 10))
                volume = 9000 if minute in (0, 389) else 1000 + written % 100
                file.write(f"{wall + timedelta(minutes=minute):%Y-%m-%d %H:%M:%S},{prices},{volume}\n")
                written += 1
            if written >= lines:
                break
    return written


def measure(code: str, folder: Path) -> dict[str, float]:
    """Run code in a fresh interpreter; return its processor seconds and its highest memory in MiB."""
    program = (
        f"import sys, resource, json; sys.path.insert(0, {str(Path.cwd())!r})\n{code}\n"
        "usage = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print(json.dumps([usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    seconds, memory = json.loads(done.stdout.splitlines()[-1])
    return {"seconds": round(seconds, 2), "peak_mib": round(memory)}


def main() -> None:
    """Measure both ways and print the figures as JSON."""
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 500_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = write(folder / "AAPL.csv", lines)
        figures: dict[str, object] = {"lines": written, "megabytes": (folder / "AAPL.csv").stat().st_size // 10**6}
        new = measure(_NEW, folder)
        figures["replay"] = new | {"lines_per_second": round(written / new["seconds"])}
        if written <= 1_000_000:
            old = measure(_OLD, folder)
            figures["objects"] = old
            figures["ratio"] = round(old["seconds"] / new["seconds"], 1)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
