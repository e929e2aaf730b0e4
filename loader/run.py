"""One attempt of the loader: it stamps bars, lands lines, and closes with a line in the run ledger."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from ulid import ULID

from loader import reference
from loader.archive import Archive, sha256
from loader.outcome import Kind, Outcome
from loader.record import BAR_INTERVALS, SCHEMA_VERSION, Bar, Stamp, bar_line, to_line, utc_text
from loader.sinks.folder import FolderSink

_LINES_PER_OBJECT = 50_000


def is_final(bar: Bar, received_at: datetime) -> bool:
    """Tell whether the vendor can no longer change the bar: its end plus the feed's settling time has passed."""
    if bar.bar_start is None:
        return False
    end = bar.bar_start + timedelta(minutes=BAR_INTERVALS[bar.bar_interval])
    return received_at > end + timedelta(seconds=reference.source(bar.source).settling_seconds)


@dataclass
class Run:
    """Collects the lines of one attempt and lands them under one run_id (a ULID, so that runs sort by time).

    Nothing is written before `finish`: an error on the way leaves the lake as it was.
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
    _lines: list[bytes] = field(default_factory=list)
    _payloads: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Draw the run_id, unless the caller brought one."""
        self.run_id = self.run_id or str(ULID.from_datetime(self.started_at))

    @property
    def sent(self) -> int:
        """How many lines of bars the run holds."""
        return len(self._lines)

    def take(self, outcome: Outcome, payload: bytes, received_at: datetime) -> None:
        """Stamp the bars of one answer. A failure's payload is kept for the archive; with `archive_all`, every one."""
        self.requests += 1
        self.outcomes[outcome.kind] += 1
        self.parsed += len(outcome.bars) + outcome.null_rows
        self.null_rows += outcome.null_rows
        if payload and (self.archive_all or outcome.kind is Kind.UNKNOWN):
            self._payloads.append(payload)
        stamp = Stamp(received_at, self.run_id, sha256(payload))
        for bar in outcome.bars:
            line = bar_line(bar, stamp, len(self._lines) + 1, is_final=is_final(bar, received_at))
            self._lines.append(line)

    def take_lines(self, lines: Iterable[bytes]) -> None:
        """Take lines that are already rendered, as `simulate` makes them."""
        before = len(self._lines)
        self._lines.extend(lines)
        self.parsed += len(self._lines) - before

    def finish(self, arrived_at: datetime) -> dict[str, object]:
        """Land everything and return the ledger record. Raises LoaderError when the lake cannot be written."""
        sink = FolderSink(self.lake)
        archive = Archive(self.lake)
        for payload in self._payloads:
            archive.keep(payload)
        for start in range(0, len(self._lines), _LINES_PER_OBJECT):
            name = f"{self.run_id}-{start // _LINES_PER_OBJECT:04d}"
            sink.write("bars", self._lines[start : start + _LINES_PER_OBJECT], name, arrived_at)
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
            "confirmed": self.sent,
            "dead_lettered": 0,
        }
        sink.write("loader_runs", [to_line(ledger)], self.run_id, arrived_at)
        return ledger
