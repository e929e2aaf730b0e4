"""Generate the exchange calendars from the package exchange_calendars (`make seeds`): two seed files.

A session calendar is "every weekday, less the exceptions". exchange_exception.csv lists the exceptions: the weekdays on
which an exchange stays closed or closes early, for the exchanges of exchange.csv that have hours of their own.
exchange_calendar.csv says how far they go: to var('calendar_until'), or to the package's own end when that is earlier.
Beyond the holidays that an exchange has announced, the package follows its rules; a newer package may know better.
"""

import csv
from collections.abc import Iterable
from datetime import date

import exchange_calendars
import pandas as pd
import yaml

from tickerlake.lake import PROJECT

SEEDS = PROJECT / "seeds"
FIRST = date(2000, 1, 1)


def last_date(mic: str, wanted: date) -> date:
    """Return the last date of the exchange's calendar: `wanted`, or the package's own end when that is earlier."""
    bound = exchange_calendars.get_calendar(mic).bound_max()
    return wanted if bound is None else min(wanted, bound.date())


def exceptions(mic: str, closes_at: str, last: date) -> list[tuple[str, str, str]]:
    """Return (mic, session_date, early close as HH:MM or '' for closed) up to `last`, oldest first."""
    calendar = exchange_calendars.get_calendar(mic, start=str(FIRST), end=str(last))
    closes = calendar.schedule["close"].dt.tz_convert(calendar.tz).dt.strftime("%H:%M")
    rows = [(mic, f"{day:%Y-%m-%d}", close) for day, close in closes.items() if close != closes_at]
    closed = pd.bdate_range(FIRST, last).difference(calendar.sessions)
    rows += [(mic, f"{day:%Y-%m-%d}", "") for day in closed]
    return sorted(rows)


def main() -> None:
    """Rewrite both seed files."""
    wanted = date.fromisoformat(yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]["calendar_until"])
    with (SEEDS / "exchange.csv").open(newline="") as file:
        exchanges = [row for row in csv.DictReader(file) if row["is_continuous"] == "false"]
    ends = {row["mic"]: last_date(row["mic"], wanted) for row in exchanges}
    _write("exchange_calendar", ["mic", "last_date"], ((mic, str(end)) for mic, end in ends.items()))
    _write(
        "exchange_exception",
        ["mic", "session_date", "closes_at"],
        (line for row in exchanges for line in exceptions(row["mic"], row["closes_at"], ends[row["mic"]])),
    )


def _write(seed: str, header: list[str], rows: Iterable[tuple[str, ...]]) -> None:
    with (SEEDS / f"{seed}.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    main()
