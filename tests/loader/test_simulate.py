"""Simulated bars: equal arguments produce equal bytes, and every fault is accounted for."""

import itertools
import json
from collections import Counter
from datetime import date

from loader.providers.simulate import simulate

SYMBOLS = ["TSLA", "NVDA", "SCHG"]


def test_equal_arguments_produce_equal_bytes_and_another_seed_others() -> None:
    first, second = (simulate(["TSLA"], date(2024, 6, 7), 1, seed=7, faults=True) for _ in range(2))
    assert first == second
    assert simulate(["TSLA"], date(2024, 6, 7), 1, seed=8, faults=True) != first


def test_every_planted_line_is_counted() -> None:
    parts = simulate(SYMBOLS, date(2024, 6, 7), 2, seed=7, parts=2, faults=True)
    for part in parts:
        assert len(part.lines) == sum(part.counts.values())
    total = sum((part.counts for part in parts), Counter())
    assert all(total[fault] for fault in ("late", "correction", "provisional", "duplicate", "malformed", "impossible"))
    keys = {(r["symbol"], r["bar_start"]) for part in parts for r in _records(part.lines) if float(r["low"]) > 0}
    assert len(keys) == total["bars"] + total["late"]


def test_without_faults_every_line_is_a_bar_of_its_own() -> None:
    (part,) = simulate(SYMBOLS, date(2024, 6, 7), 1, seed=7)
    records = _records(part.lines)
    assert part.counts == {"bars": len(records)} == {"bars": len({(r["symbol"], r["bar_start"]) for r in records})}
    assert all(r["is_final"] for r in records)


def test_bars_look_like_a_market() -> None:
    (part,) = simulate(["TSLA", "SCHG"], date(2024, 6, 5), 5, seed=7)
    records = _records(part.lines)
    by_minute: Counter[str] = Counter()
    for record in records:
        if record["symbol"] == "TSLA":
            by_minute[record["bar_start"][11:16]] += int(record["volume"])
    assert by_minute["13:30"] > 2 * by_minute["16:45"], "the open is busier than midday"
    assert by_minute["19:59"] > 2 * by_minute["16:45"], "and so is the close"
    assert 0 < by_minute["10:00"] < by_minute["16:45"] / 10, "extended hours are thin"
    count = Counter(record["symbol"] for record in records)
    assert count["SCHG"] < count["TSLA"], "illiquid symbols skip minutes"


def test_real_splits_fall_on_their_dates() -> None:
    (part,) = simulate(["NVDA"], date(2024, 6, 7), 2, seed=7)
    closes = {record["bar_start"]: float(record["close"]) for record in _records(part.lines)}
    before = [close for start, close in closes.items() if start < "2024-06-08"]
    after = [close for start, close in closes.items() if start > "2024-06-10T08"]
    assert 9 < before[-1] / after[0] < 11


def test_a_history_of_days_ends_with_the_days_of_the_minutes() -> None:
    runs = [simulate(["NVDA"], date(2024, 6, 6), 3, seed=7, parts=2, history=40) for _ in range(2)]
    assert runs[0] == runs[1]
    (first, second) = runs[0]
    days = {r["session_date"]: r for part in runs[0] for r in _records(part.days)}
    assert len(days) == 43
    assert min(days) == "2024-04-10"
    # the second of three sessions is under way when the first delivery ends
    assert [r["session_date"] for r in _records(first.days) if not r["is_final"]] == ["2024-06-07"]
    assert [r["session_date"] for r in _records(second.days)] == ["2024-06-07", "2024-06-10"]
    regular = [r for r in _records(first.lines) if "2024-06-06T13:30" <= r["bar_start"] < "2024-06-06T20:00"]
    assert days["2024-06-06"]["open"] == regular[0]["open"]
    assert float(days["2024-06-06"]["high"]) == max(float(r["high"]) for r in regular)
    assert float(days["2024-06-05"]["close"]) == 1200.0, "the price that the minutes start with"
    events = [(r["kind"], r["effective_date"]) for r in map(json.loads, first.actions)]
    assert events == [("split", "2024-06-10")]
    closes = [float(days[at]["close"]) for at in sorted(days)[:-1]]
    assert all(0.8 < after / before < 1.25 for before, after in itertools.pairwise(closes))
    over_the_split = simulate(["NVDA"], date(2024, 6, 11), 1, seed=7, history=2)[0].days
    before, after = (float(r["volume"]) for r in _records(over_the_split)[:2])
    assert 3 < after / before < 30, "ten times the shares are traded after it"
    assert simulate(["NVDA"], date(2024, 6, 6), 1, seed=7)[0].days == []


def _records(lines: list[bytes]) -> list[dict[str, str]]:
    records = []
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and "low" in record:
            records.append(record)
    return records
