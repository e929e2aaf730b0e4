"""A server over a lake, a Chromium, and pages that fail on an error or a request that leaves this machine."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

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
def served(lake: Path) -> Iterator[str]:
    """Serve a lake on a free port for the length of the block; gives the address."""
    process = subprocess.Popen(
        [PYTHON, "-m", "serving.api", "--lake", lake, "--port", "0", "--rate", "0"],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield _until(process)
    finally:
        process.terminate()
        process.wait(20)


def _until(process: "subprocess.Popen[str]") -> str:
    for line in process.stdout or ():
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            return found[0]
    raise RuntimeError(f"the server did not start (exit {process.wait()})")


def chromium() -> tuple[str, dict[str, str]]:
    """Find a Chromium and what it needs in its environment: CHROMIUM, Debian's, else the npm package's, unpacked."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if found:
        return found, {}
    if platform.machine() != "x86_64":
        raise RuntimeError(f"no package has a Chromium for {platform.machine()}: install Debian's, or set CHROMIUM")
    node = PROJECT / ".venv-browser" / "bin" / "node"
    folder = PROJECT / "target" / "chromium"
    folder.mkdir(parents=True, exist_ok=True)
    unpacked = subprocess.run(
        [node, "chromium.mjs"],
        cwd=HERE,
        env=os.environ | {"TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    fonts = folder / "fonts.conf"
    fonts.write_text(_FONTS.format(folder=folder))
    return unpacked.stdout.strip(), {
        "LD_LIBRARY_PATH": str(folder / "al2023" / "lib"),
        "FONTCONFIG_FILE": str(fonts),
    }


@contextmanager
def browser() -> Iterator[Browser]:
    """Start a headless Chromium."""
    path, environment = chromium()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=path,
            env={**os.environ, **environment},
            args=["--no-sandbox", "--headless=shell", "--disable-gpu"],
        )
        yield started
        started.close()


class Watched:
    """A page with what went wrong on it: errors, and requests to elsewhere."""

    def __init__(self, browser: Browser, address: str, **options: Any) -> None:
        options = {"viewport": {"width": 1360, "height": 780}, "color_scheme": "dark"} | options
        self.page: Page = browser.new_page(locale="en-US", **options)
        self.address = address
        self.wrong: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        self.page.on("request", lambda asked: None if asked.url.startswith(address) else self.wrong.append(asked.url))

    def open(self, query: str = "") -> Page:
        """Open the page at a state and wait until it is drawn."""
        self.page.goto(f"{self.address}/?{query}")
        return self.drawn(0)

    def drawn(self, after: int) -> Page:
        """Wait until the page has drawn more often than `after`."""
        for _ in range(300):  # the page's own policy forbids waiting by an evaluated text
            if (self.page.evaluate("() => window.page?.ready ?? 0")) > after:
                return self.page
            self.page.wait_for_timeout(100)
        raise TimeoutError(f"not drawn: {self.wrong}")

    def act(self, what: Any) -> Page:
        """Do something and wait until the page has drawn again."""
        before = int(self.page.evaluate("() => window.page.ready"))
        what()
        return self.drawn(before)
