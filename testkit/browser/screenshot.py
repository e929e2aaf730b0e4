"""Draw the README's picture of the page from a lake: `make screenshot`."""

import sys
from pathlib import Path

from testkit.browser.driver import WatchedPage, launch_chromium, serve_lake


def main(lake: str, target: str) -> None:
    """Save a picture of the chart as `target`, a PNG file."""
    with serve_lake(Path(lake)) as address, launch_chromium() as browser:
        page = WatchedPage(browser, address).open("symbol=TSLA&interval=1min&overlays=sma,bollinger,marks,shade")
        page.wait_for_timeout(300)
        page.screenshot(path=target)
    print(f"wrote {target}")


if __name__ == "__main__":
    main(*sys.argv[1:])
