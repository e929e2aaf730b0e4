"""Save docs/dashboards-*.png from a headless Chromium: `make dashboard-screenshots`, by the browser's Python."""

import sys
from pathlib import Path

from playwright.sync_api import Page

from testkit.browser.driver import WatchedPage, launch_chromium
from testkit.superset_server import start_superset

CHOSEN = {  # per dashboard: height of the window, and what its filters are set to
    "prices": (1330, {"interval": ["5min"]}),
    "returns": (1760, {"symbols": ["NVDA", "TSLA", "VOO"]}),
}
_HOLDER, _BUSY = "[data-test='dashboard-component-chart-holder']", "[data-test='loading-indicator']"
_QUIET, _TRIES = 8, 240  # quarters of a second


def draw(address: str, password: str, folder: Path) -> None:
    """Save a screenshot of each dashboard. Raises RuntimeError when a chart or a page reports an error."""
    with launch_chromium() as chromium:
        watched = WatchedPage(chromium, address, color_scheme="light")
        page = watched.page
        page.goto(f"{address}/login/")
        page.get_by_label("Username").fill("admin")
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/welcome/**")
        for name, (height, chosen) in CHOSEN.items():
            page.set_viewport_size({"width": 1500, "height": height})
            page.goto(f"{address}/superset/dashboard/tickerlake-{name}/?standalone=1")
            _wait(page)
            for kind, values in chosen.items():
                page.locator(f"#NATIVE_FILTER-{name}-{kind}").click(force=True)
                for value in values:
                    page.keyboard.type(value)
                    page.wait_for_timeout(1000)  # the list is searched a moment after the last key
                    page.keyboard.press("Enter")
                page.keyboard.press("Escape")
            page.get_by_role("button", name="Apply filters").click()
            _wait(page)
            page.mouse.move(0, 0)
            page.screenshot(path=folder / f"dashboards-{name}.png")
            print(f"wrote {folder / f'dashboards-{name}.png'}")
        # the pixel that counts Superset's visitors is asked for and refused by the page's own policy
        errors = [error for error in watched.errors if "scarf" not in error]
        if errors:
            raise RuntimeError("\n".join(errors))


def _wait(page: Page) -> None:
    """Wait until no chart has been loading for a while."""
    page.wait_for_selector(_HOLDER)
    quiet = 0
    for _ in range(_TRIES):
        page.wait_for_timeout(250)
        quiet = 0 if page.locator(_BUSY).count() else quiet + 1
        if quiet == _QUIET:
            return
    raise TimeoutError("charts are still loading")


def main(lake: str, folder: str) -> None:
    """Start Superset over a lake and save the screenshots in `folder`."""
    with start_superset(Path(lake)) as server:
        draw(server.address, server.password, Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
