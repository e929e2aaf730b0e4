"""One attempt of the loader: it stamps bars, lands lines, and closes with a line in the run ledger."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from ulid import ULID

from loader import reference
from loader.archive import Archive, sha256
from loader.outcome import Outcome
from loader.record import (
    BAR_INTERVALS,
    SCHEMA_VERSION,
    Bar,
    DailyBar,
    Stamp,
    bar_line,
    corporate_action_line,
    daily_bar_line,
    to_line,
    utc_text,
)
from loader.sinks import TOO_LARGE, Sink, Undelivered, dead_letters
from loader.sinks.folder import FolderSink
from loader.store import FolderStore, Store


def is_final(bar: Bar, received_at: datetime) -> bool:
    """Tell whether the vendor can no longer change the bar: its end plus the feed's settling time has passed."""
    if bar.bar_start is None or bar.is_live:
        return False
    end = bar.bar_start + timedelta(minutes=BAR_INTERVALS[bar.bar_interval])
    return received_at > end + timedelta(seconds=reference.source(bar.source).settling_seconds)


def is_final_day(bar: DailyBar, received_at: datetime) -> bool:
    """Tell whether a session's bar is settled: its exchange day and the feed's settling time are over."""
    if bar.session_date is None or bar.is_live:
        return False
    hours = reference.exchange(reference.instrument(bar.symbol).mic)
    zone = ZoneInfo(hours["timezone"])
    if hours["is_continuous"] == "true":
        midnight = datetime.combine(bar.session_date + timedelta(days=1), time(), zone)
        end = midnight - timedelta(hours=int(hours["day_shift_hours"]))
    else:
        end = datetime.combine(bar.session_date, time.fromisoformat(hours["post_closes_at"]), zone)
    return received_at > end.astimezone(UTC) + timedelta(seconds=reference.source(bar.source).settling_seconds)


@dataclass
class Run:
    """Collects the lines of one attempt and lands them under one run_id (a ULID, so that runs sort by time).

    Nothing is written before `finish`: an error on the way leaves the lake as it was. Without a `sink`, lines go to the
    folder `lake`; without a `store`, archived payloads and dead letters do.
    """

    lake: Path
    command: str
    provider: str
    started_at: datetime
    archive_all: bool = False
    run_id: str = ""
    outcomes: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    parsed: int = 0
    null_rows: int = 0
    sink: Sink | None = None
    store: Store | None = None
    dead_letter_reasons: Counter[str] = field(default_factory=Counter)
    _lines: dict[str, list[bytes]] = field(default_factory=dict)
    _payloads: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Draw the run_id, unless the caller brought one."""
        self.run_id = self.run_id or str(ULID.from_datetime(self.started_at))

    @property
    def sent(self) -> int:
        """How many lines the run holds, whatever their dataset."""
        return sum(map(len, self._lines.values()))

    @property
    def dead_lettered(self) -> int:
        """How many lines were given up and kept."""
        return self.dead_letter_reasons.total()

    @property
    def is_worth_repeating(self) -> bool:
        """True when lines were given up that another attempt may deliver; one that is too large would block it."""
        return bool(self.dead_letter_reasons.keys() - {TOO_LARGE})

    def take(self, outcome: Outcome, payload: bytes, received_at: datetime) -> None:
        """Stamp the rows of one answer. A failure's payload is kept for the archive; with `archive_all`, every one."""
        self.requests += 1
        self.outcomes[outcome.kind] += 1
        self.parsed += len(outcome.bars) + len(outcome.daily_bars) + len(outcome.actions) + outcome.null_rows
        self.null_rows += outcome.null_rows
        if payload and (self.archive_all or outcome.is_failure):
            self._payloads.append(payload)
        stamp = Stamp(received_at, self.run_id, sha256(payload))
        for bar in outcome.bars:
            self._add("bars", bar_line(bar, stamp, self.sent + 1, is_final=is_final(bar, received_at)))
        for day in outcome.daily_bars:
            line = daily_bar_line(day, stamp, self.sent + 1, is_final=is_final_day(day, received_at))
            self._add("daily_bars", line)
        for action in outcome.actions:
            self._add("corporate_actions", corporate_action_line(action, stamp, self.sent + 1))

    def take_lines(self, lines: Iterable[bytes], dataset: str = "bars") -> None:
        """Take lines of a dataset that are already rendered, as `simulate` makes them."""
        before = self.sent
        self._lines.setdefault(dataset, []).extend(lines)
        self.parsed += self.sent - before

    def finish(self, arrived_at: datetime) -> dict[str, object]:
        """Land everything and return the ledger record. Raises UserError when the lake cannot be written."""
        sink = self.sink or FolderSink(self.lake)
        store = self.store or FolderStore(self.lake)
        archive = Archive(store)
        for payload in self._payloads:
            archive.keep(payload)
        confirmed = 0
        for dataset, lines in self._lines.items():
            delivery = sink.deliver(dataset, lines, self.run_id, arrived_at)
            confirmed += delivery.confirmed
            self._bury(store, dataset, delivery.dead)
        ledger: dict[str, object] = {
            "schema_version": SCHEMA_VERSION,
            "run_id": self.run_id,
            "command": self.command,
            "provider": self.provider,
            "started_at": utc_text(self.started_at),
            "finished_at": utc_text(arrived_at),
            "requests": self.requests,
            "outcomes": dict(self.outcomes),
            "parsed": self.parsed,
            "null_rows": self.null_rows,
            "sent": self.sent,
            "confirmed": confirmed,
            "dead_lettered": self.dead_lettered,
        }
        if self.dead_letter_reasons:
            ledger["dead_letter_reasons"] = dict(self.dead_letter_reasons)
        last = sink.deliver("loader_runs", [to_line(ledger)], self.run_id, arrived_at)
        if last.dead:
            dead_letters.keep(store, "loader_runs", last.dead, self.run_id)
        return ledger

    def _add(self, dataset: str, line: bytes) -> None:
        self._lines.setdefault(dataset, []).append(line)

    def _bury(self, store: Store, dataset: str, dead: tuple[Undelivered, ...]) -> None:
        if dead:
            dead_letters.keep(store, dataset, dead, self.run_id)
            self.dead_letter_reasons.update(item.reason for item in dead)
