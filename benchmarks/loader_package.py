"""Size of the Lambda package, its import time and peak memory: `python benchmarks/loader_package.py`.

Beside it a handler of the usual kind, which imports pandas and boto3. Each import is timed in a fresh interpreter, the
median of five; memory is the process's peak.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from loader.package import build

_TIMED = """
import time, resource, sys
started = time.perf_counter()
{code}
print((time.perf_counter() - started) * 1000, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
_TEN_SYMBOLS = """
from datetime import date
from loader.providers.simulate import simulate
from loader.reference import universe
import loader.handler
simulate(universe(), date(2024, 6, 7), 1, 7)
"""


def measure(code: str, folder: Path | None = None) -> tuple[float, float]:
    """Give the median milliseconds and peak MiB of running `code` in a fresh interpreter."""
    prelude = f"import sys; sys.path.insert(0, {str(folder)!r})\n" if folder else ""
    runs = []
    for _ in range(5):
        command = [sys.executable, "-I", "-c", prelude + _TIMED.format(code=code)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        runs.append([float(number) for number in done.stdout.split()])
    return statistics.median(run[0] for run in runs), max(run[1] for run in runs)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "loader.zip"
        size = build(target)
        with zipfile.ZipFile(target) as archive:
            archive.extractall(Path(folder) / "task")
        task = Path(folder) / "task"
        found = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "zip_bytes": size}
        for name, code, where in (
            ("import_handler", "import loader.handler", task),
            ("simulate_ten_symbols", _TEN_SYMBOLS, task),
            ("import_pandas_boto3", "import pandas, boto3", None),
        ):
            milliseconds, mebibytes = measure(code, where)
            found |= {f"{name}_ms": round(milliseconds), f"{name}_peak_mib": round(mebibytes)}
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
