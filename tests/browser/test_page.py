"""The page draws the values of the API, keeps its state in its address, and sends requests to no other host."""

import itertools
import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from testkit.browser.driver import PROJECT, PYTHON, WatchedPage, launch_chromium, serve_lake

SHOTS = PROJECT / "target" / "screenshots"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launch_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake named by TICKERLAKE_LAKE if it is published, else a demo lake made here."""
    configured = Path(os.environ.get("TICKERLAKE_LAKE") or PROJECT / "lake")
    if (configured / "published.ducklake").exists():
        return configured
    folder = tmp_path_factory.mktemp("demo") / "lake"
    subprocess.run([PYTHON, "-m", "pipeline", "--lake", folder, "demo"], cwd=PROJECT, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def address(lake: Path) -> Iterator[str]:
    with serve_lake(lake) as url:
        yield url


@pytest.fixture
def watched(chromium: Browser, address: str) -> Iterator[WatchedPage]:
    page = WatchedPage(chromium, address)
    yield page
    page.page.close()
    assert page.errors == []


def get(address: str, path: str) -> Any:
    with urllib.request.urlopen(f"{address}/v1/{path}") as response:
        return json.load(response)


def test_text_is_drawn(watched: WatchedPage) -> None:
    page = watched.open("symbol=TSLA&interval=1min")
    width = (
        "text => { const pen = document.createElement('canvas').getContext('2d'); return pen.measureText(text).width }"
    )
    assert page.evaluate(width, "iiii") > 0
    assert page.evaluate(width, "WWWW") > page.evaluate(width, "iiii")
    assert page.locator("#symbol").bounding_box()["width"] > 0


def save_screenshot(watched: WatchedPage, name: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    watched.page.wait_for_timeout(200)
    watched.page.screenshot(path=SHOTS / f"{name}.png")


@pytest.mark.parametrize("interval", ["1min", "5min"])
def test_candles_volume_and_averages_equal_the_api(watched: WatchedPage, address: str, interval: str) -> None:
    page = watched.open(f"symbol=NVDA&interval={interval}&overlays=sma,ema,bollinger,vwap,marks,shade")
    bars = get(address, f"bars/adjusted?symbol=NVDA&interval={interval}&limit=20000")["columns"]
    drawn = page.evaluate("() => page.drawn.candles.data().map(({open, high, low, close}) => [open, high, low, close])")
    assert drawn == [list(row) for row in zip(bars["open"], bars["high"], bars["low"], bars["close"], strict=True)]
    assert page.evaluate("() => page.drawn.volume.data().map((bar) => bar.value)") == bars["volume"]
    averages = get(address, f"moving-averages?symbol=NVDA&interval={interval}&limit=20000")["columns"]
    raw = get(address, f"bars?symbol=NVDA&interval={interval}&limit=20000")["columns"]
    lines = page.evaluate("() => page.drawn.lines.sma_20.data().map((point) => point.value)")
    expected = [
        average * adjusted / close
        for average, adjusted, close in zip(averages["sma_20"], bars["close"], raw["close"], strict=True)
        if average is not None
    ]
    assert lines == pytest.approx(expected, rel=1e-12)
    marks = page.evaluate("() => page.drawn.marks.markers().map((mark) => mark.id)")
    assert marks.count("BUY") == averages["crossover"].count("BUY") > 0
    assert marks.count("SELL") == averages["crossover"].count("SELL")
    spikes = get(address, f"volume-spikes?symbol=NVDA&interval={interval}&volume_spike=SPIKE&limit=20000")
    assert marks.count("SPIKE") == spikes["count"] > 0
    shaded = page.evaluate("() => page.drawn.shade.data().map((point) => point.value)")
    assert shaded == [1 if session in ("pre", "post", "closed") else 0 for session in bars["session"]]
    assert set(page.evaluate("() => Object.keys(page.drawn.lines)")) == {
        "sma_5",
        "sma_20",
        "ema_12",
        "ema_26",
        "bollinger_upper",
        "bollinger_middle",
        "bollinger_lower",
        "vwap",
    }
    save_screenshot(watched, f"chart_{interval}")


def test_times_are_in_the_exchanges_zone_and_pixels_are_drawn(watched: WatchedPage, address: str) -> None:
    page = watched.open("symbol=TSLA&interval=1min")
    first = get(address, "bars?symbol=TSLA&limit=1")["columns"]["bar_start_at"][0]
    utc = page.evaluate("(text) => Date.parse(text) / 1000", first)
    assert page.evaluate("() => page.drawn.candles.data()[0].time") == utc - 4 * 3600, "June is four hours behind UTC"
    colours = page.evaluate(
        "() => { const c = document.querySelector('#chart canvas'); const d = c.getContext('2d')"
        ".getImageData(0, 0, c.width, c.height).data; const s = new Set();"
        " for (let i = 0; i < d.length; i += 4) s.add(`${d[i]},${d[i+1]},${d[i+2]}`); return s.size; }"
    )
    assert colours > 10


def test_days_are_continuous_over_a_split(watched: WatchedPage, address: str) -> None:
    page = watched.open("symbol=NVDA&interval=1day&overlays=sma,bollinger,marks")
    closes = page.evaluate("() => page.drawn.candles.data().map((bar) => bar.close)")
    assert closes == get(address, "daily/adjusted?symbol=NVDA&limit=20000")["columns"]["close"]
    assert max(abs(b / a - 1) for a, b in itertools.pairwise(closes)) < 0.5
    returns = get(address, "daily/returns?symbol=NVDA&order=desc&limit=1")["columns"]["price_change_pct"]
    assert f"{returns[0]:+.2f} %" in page.inner_text("#legend")
    save_screenshot(watched, "chart_1day")


def test_symbols_are_compared_in_percent(watched: WatchedPage, address: str) -> None:
    page = watched.open("view=compare&with=TSLA,NVDA")
    closes = get(address, "daily/adjusted?symbol=TSLA&limit=20000")["columns"]["close"]
    assert page.evaluate("() => page.drawn.compare.TSLA.data().map((point) => point.value)") == closes
    legend = page.inner_text("#compare-legend")
    assert f"TSLA {100 * (closes[-1] / closes[0] - 1):+.1f} %" in legend
    page.evaluate("() => { page.pageRows = 50 }")  # so that three symbols need several responses
    watched.act(lambda: page.click("#compared button:has-text('AAPL')"))
    assert page.evaluate("() => page.drawn.compare.TSLA.data().map((point) => point.value)") == closes
    assert set(page.evaluate("() => Object.keys(page.drawn.compare)")) == {"TSLA", "NVDA", "AAPL"}
    assert "with=TSLA%2CNVDA%2CAAPL" in page.url
    save_screenshot(watched, "compare")


def test_the_heat_map_shows_each_return_and_its_sign_by_colour(watched: WatchedPage, address: str) -> None:
    page = watched.open("view=heatmap")
    rows = get(address, "daily/returns?symbol=TSLA&order=desc&limit=24")["columns"]
    for day, change in zip(rows["session_date"], rows["price_change_pct"], strict=True):
        cell = page.locator(f"[data-cell='TSLA {day}']")
        assert float(cell.inner_text()) == float(f"{change:.1f}")
        assert ("--down" if change < 0 else "--up") in (cell.get_attribute("style") or "")
    save_screenshot(watched, "heatmap")


def test_movers_questions_gaps_and_health_equal_the_api(watched: WatchedPage, address: str) -> None:
    page = watched.open("symbol=TSLA")
    movers = get(address, "movers")["columns"]
    assert sorted(page.locator("#movers tr[data-symbol] td:first-child").all_inner_texts()) == sorted(movers["symbol"])
    watched.act(lambda: page.click("#views button[data-view=questions]"))
    assert page.locator("[data-question]").count() == len(get(address, "questions")) == 5
    assert page.locator("[data-question] svg").count() == 5
    save_screenshot(watched, "questions")
    watched.act(lambda: page.click("#views button[data-view=health]"))
    health = get(address, "health")
    assert f"{100 * health['quarantine_rate']:.2f} %" in page.inner_text("#tiles")
    assert page.locator("#gaps tr[data-symbol]").count() == min(40, get(address, "gaps?limit=40")["count"])
    assert page.locator("#quarantine tr").count() == 1 + len(health["quarantine_reasons"])
    save_screenshot(watched, "health")


def test_the_address_holds_the_state_and_back_returns(watched: WatchedPage) -> None:
    page = watched.open("symbol=TSLA&interval=5min&overlays=ema")
    watched.act(lambda: page.click("#intervals button[data-interval='1day']"))
    assert "interval=1day" in page.url
    page.reload()
    watched.wait_for_draw(0)
    assert page.evaluate("() => [page.drawn.symbol, page.drawn.interval]") == ["TSLA", "1day"]
    watched.act(page.go_back)
    assert page.evaluate("() => page.drawn.interval") == "5min"


def test_the_page_works_by_keyboard_alone(watched: WatchedPage) -> None:
    page = watched.open("symbol=TSLA&interval=1min")
    page.keyboard.press("/")
    page.wait_for_timeout(300)
    page.keyboard.type("meta")
    watched.act(lambda: page.keyboard.press("Enter"))
    assert page.evaluate("() => page.drawn.symbol") == "META"
    page.keyboard.press("Escape")
    watched.act(lambda: page.keyboard.press("2"))
    assert page.evaluate("() => page.drawn.interval") == "5min"
    watched.act(lambda: page.keyboard.press("ArrowRight"))
    assert page.evaluate("() => page.drawn.symbol") == "MSFT"
    watched.act(lambda: page.keyboard.press("t"))
    assert page.evaluate("() => document.documentElement.dataset.theme") == "light"


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_view_fits_a_phone_without_horizontal_scrolling(chromium: Browser, address: str, theme: str) -> None:
    watched = WatchedPage(chromium, address, viewport={"width": 390, "height": 844}, color_scheme=theme, has_touch=True)
    for view in ("chart", "compare", "heatmap", "questions", "health"):
        page = watched.open(f"view={view}&symbol=TSLA")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390, view
    assert page.evaluate("() => document.documentElement.dataset.theme") == theme
    watched.open("symbol=TSLA")
    save_screenshot(watched, f"phone_{theme}")
    assert watched.errors == []
    watched.page.close()


def test_the_newest_bars_are_drawn_when_there_are_more_than_one_response_holds(
    chromium: Browser, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    environment = os.environ | {"TICKERLAKE_LAKE": str(lake)}
    for command in (["loader", "simulate", "--symbols", "TSLA", "--sessions", "45"], ["pipeline", "build"]):
        subprocess.run([PYTHON, "-m", *command], cwd=PROJECT, env=environment, check=True, capture_output=True)
    with serve_lake(lake) as address:
        watched = WatchedPage(chromium, address)
        page = watched.open("symbol=TSLA&interval=1min")
        newest = get(address, "bars/adjusted?symbol=TSLA&interval=1min&order=desc&limit=20000")["columns"]["close"]
        drawn = page.evaluate("() => page.drawn.candles.data().map((bar) => bar.close)")
        assert len(drawn) == 20_000
        assert drawn == newest[::-1]
        save_screenshot(watched, "twenty_thousand")
        assert watched.errors == []
        page.close()


def test_an_unknown_symbol_and_an_empty_lake_show_an_error(chromium: Browser, address: str, tmp_path: Path) -> None:
    page = WatchedPage(chromium, address).open("symbol=NOPE")
    assert "symbol 'NOPE' is not known" in page.inner_text("#problem")
    page.close()
    with serve_lake(tmp_path) as empty_address:
        watched = WatchedPage(chromium, empty_address)
        page = watched.open()
        assert "run `make build`" in page.inner_text("#problem")
        save_screenshot(watched, "empty")
        page.close()
