"""Draw the README's picture from a demo lake: `make screenshot`."""

import sys
from pathlib import Path

from serving.browser.drive import Watched, browser, served


def main(lake: str, target: str) -> None:
    """Save the picture of the chart."""
    with served(Path(lake)) as address, browser() as running:
        page = Watched(running, address).open("symbol=TSLA&interval=1min&overlays=sma,bollinger,marks,shade")
        page.wait_for_timeout(300)
        page.screenshot(path=target)
    print(f"wrote {target}")


if __name__ == "__main__":
    main(*sys.argv[1:])
