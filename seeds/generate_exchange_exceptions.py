"""Generate seeds/exchange_exception.csv from the exchange_calendars package (`make seeds`).

A session calendar is "every weekday, less the exceptions": this writes the exceptions, that is the weekdays on which an
exchange stayed closed or closed early, for the exchanges of seeds/exchange.csv that have hours of their own.
"""

import csv
from datetime import date
from pathlib import Path

import exchange_calendars
import pandas as pd

SEEDS = Path(__file__).parent
FIRST, LAST = date(2000, 1, 1), date(2027, 12, 31)


def exceptions(mic: str, closes_at: str) -> list[tuple[str, str, str]]:
    """List (mic, session_date, early close as HH:MM or '' for closed), oldest first."""
    calendar = exchange_calendars.get_calendar(mic, start=str(FIRST), end=str(LAST))
    closes = calendar.schedule["close"].dt.tz_convert(calendar.tz).dt.strftime("%H:%M")
    found = [(mic, f"{day:%Y-%m-%d}", close) for day, close in closes.items() if close != closes_at]
    closed = pd.bdate_range(FIRST, LAST).difference(calendar.sessions)
    found += [(mic, f"{day:%Y-%m-%d}", "") for day in closed]
    return sorted(found)


def main() -> None:
    """Rewrite the seed file."""
    with (SEEDS / "exchange.csv").open(newline="") as file:
        exchanges = [row for row in csv.DictReader(file) if row["is_continuous"] == "false"]
    with (SEEDS / "exchange_exception.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["mic", "session_date", "closes_at"])
        for row in exchanges:
            writer.writerows(exceptions(row["mic"], row["closes_at"]))


if __name__ == "__main__":
    main()
