"""What the API serves in a second, beside a bare FastAPI endpoint that returns the same bytes.

`python -m benchmarks.serving`, with `--build` also while a build runs.

Needs `wrk` (Debian's package) and a published lake. Asked for: 1,000 bars of one symbol, from 16 connections, of one
worker, in turns with the bare endpoint (the median of three). "lake" asks one at a time for a new page every time, so
that no answer comes from memory. A build prints to standard error's side of the output: take the JSON at the end.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.build import build
from pipeline.dbt import Dbt
from tickerlake import lake

SECONDS, TURNS = 5, 3
ADDRESS = "/v1/bars?symbol=TSLA&limit=1000"
BARE = """
import sys, uvicorn
from fastapi import FastAPI, Response
content = open(sys.argv[1], "rb").read()
app = FastAPI()
@app.get("/v1/bars")
async def bars(symbol: str, limit: int) -> Response:
    return Response(content, media_type="application/json")
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
"""


@contextmanager
def running(*command: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, *command], cwd=lake.PROJECT, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def load(address: str, seconds: int) -> dict[str, float]:
    """Requests a second and the slowest hundredth of them from 16 connections, none refused."""
    output = subprocess.run(
        ["wrk", "-t1", "-c16", f"-d{seconds}s", "--latency", address], capture_output=True, text=True, check=True
    ).stdout
    assert "Non-2xx" not in output, output
    rate, tail = re.search(r"Requests/sec:\s+([\d.]+)", output), re.search(r"99%\s+([\d.]+)(us|ms|s)", output)
    assert rate and tail
    milliseconds = float(tail[1]) * {"us": 0.001, "ms": 1, "s": 1_000}[tail[2]]
    return {"requests_a_second": round(float(rate[1])), "p99_ms": round(milliseconds, 1)}


def wait_for(address: str) -> bytes:
    for _ in range(200):
        with suppress(OSError), urllib.request.urlopen(address) as answer:
            return bytes(answer.read())
        time.sleep(0.1)
    raise TimeoutError(address)


def from_the_lake(origin: str, count: int, first: int) -> dict[str, float]:
    """Single requests, one after the other, that no memory can answer."""
    milliseconds = []
    for number in range(count):
        started = time.perf_counter()
        with urllib.request.urlopen(f"{origin}/v1/bars?symbol=TSLA&limit={first + number}") as answer:
            answer.read()
        milliseconds.append(1_000 * (time.perf_counter() - started))
    milliseconds.sort()
    return {
        "p50_ms": round(milliseconds[len(milliseconds) // 2], 1),
        "p99_ms": round(milliseconds[int(0.99 * len(milliseconds))], 1),
    }


def measure(folder: Path, *, builds: bool) -> dict[str, Any]:
    """Load the API, then the bare endpoint with the same bytes, then the API while a build runs."""
    ours, bare = "http://127.0.0.1:8391", "http://127.0.0.1:8392"
    figures: dict[str, Any] = {}
    with running("-m", "serving.api", "--lake", str(folder), "--port", "8391", "--rate", "0"):
        content = wait_for(ours + ADDRESS)
        figures["bars"], figures["bytes"] = json.loads(content)["count"], len(content)
        with tempfile.NamedTemporaryFile() as same:
            same.write(content)
            same.flush()
            with running("-c", BARE, same.name, "8392"):
                wait_for(bare + ADDRESS)
                # in turns, so that what else the machine does falls on both
                turns = [(load(ours + ADDRESS, SECONDS), load(bare + ADDRESS, SECONDS)) for _ in range(TURNS)]
        for name, loads in zip(("memory", "bare"), zip(*turns, strict=True), strict=True):
            figures[name] = sorted(loads, key=lambda load: load["requests_a_second"])[TURNS // 2]
        figures["rate_ratio"] = round(figures["memory"]["requests_a_second"] / figures["bare"]["requests_a_second"], 2)
        figures["lake"] = from_the_lake(ours, 200, 1_001)
        if builds:
            building = threading.Thread(target=build, args=(Dbt("local"),))
            building.start()
            figures["memory_while_building"] = load(ours + ADDRESS, SECONDS)
            figures["lake_while_building"] = from_the_lake(ours, 200, 1_201)
            figures["was_building_to_the_end"] = building.is_alive()
            building.join()
    return figures


def main() -> int:
    """Measure, and print the figures."""
    if not shutil.which("wrk"):
        print("error: no wrk: install Debian's package wrk", file=sys.stderr)
        return 2
    measured = measure(lake.folder(), builds="--build" in sys.argv)
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    figures = {"measured_at": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine, "load": os.getloadavg()[0]}
    print(json.dumps(figures | measured, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
