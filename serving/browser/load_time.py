"""How long the page takes to draw 20,000 bars: `.venv-browser/bin/python -m serving.browser.load_time LAKE`.

Each time in a browser without a cache, the first with an API that has kept no answer yet. Give a lake of more than
20,000 bars of TSLA, such as 45 simulated sessions.
"""

import os
import statistics
import sys
import time
from pathlib import Path

from serving.browser.drive import Watched, browser, served


def main(lake: str) -> None:
    """Print seconds from the request to the drawn chart, within a tenth."""
    took = []
    with served(Path(lake)) as address, browser() as running:
        for _ in range(6):
            watched = Watched(running, address)
            started = time.perf_counter()
            page = watched.open("symbol=TSLA&interval=1min")
            took.append(time.perf_counter() - started)
            bars = page.evaluate("() => page.drawn.candles.data().length")
            page.close()
    print(
        f"{bars:,} bars: {took[0]:.1f} s at first, then {statistics.median(took[1:]):.1f} s; load {os.getloadavg()[0]}"
    )


if __name__ == "__main__":
    main(sys.argv[1])
