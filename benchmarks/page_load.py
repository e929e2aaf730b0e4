"""Measure how long the page takes to draw 20,000 bars: `.venv-browser/bin/python -m benchmarks.page_load LAKE`.

Each page load starts with an empty browser cache; the first one also with an empty response cache in the API. LAKE
needs more than 20,000 bars of TSLA, such as 45 simulated sessions.
"""

import os
import statistics
import sys
import time
from pathlib import Path

from testkit.browser.driver import WatchedPage, launch_chromium, serve_lake


def main(lake: str) -> None:
    """Print the seconds from the request to the drawn chart, accurate to a tenth."""
    seconds = []
    with serve_lake(Path(lake)) as address, launch_chromium() as browser:
        for _ in range(6):
            watched = WatchedPage(browser, address)
            started = time.perf_counter()
            page = watched.open("symbol=TSLA&interval=1min")
            seconds.append(time.perf_counter() - started)
            bars = page.evaluate("() => page.drawn.candles.data().length")
            page.close()
    first, *others = seconds
    print(f"{bars:,} bars: first {first:.1f} s, then {statistics.median(others):.1f} s; load {os.getloadavg()[0]}")


if __name__ == "__main__":
    main(sys.argv[1])
