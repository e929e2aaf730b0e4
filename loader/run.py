"""A run: one attempt of the loader. It adds lineage to rows, lands lines, and ends with a line in the run ledger."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ulid import ULID

from loader.archive import Archive, sha256
from loader.outcome import Outcome
from loader.record import SCHEMA_VERSION, Stamp, bar_line, corporate_action_line, daily_bar_line, to_line, utc_text
from loader.sinks import TOO_LARGE, Sink, UndeliveredLine, dead_letters
from loader.sinks.folder import FolderSink
from loader.sinks.spool import Spool
from loader.store import FolderStore, StateStore


@dataclass
class Run:
    """Collects the lines of one attempt and lands them under one run_id (a ULID, so that runs sort by time).

    Nothing is written before `finish`: an error before it leaves the lake unchanged. Without a `sink`, lines go to the
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
    null_adjusted_closes: int = 0
    sink: Sink | None = None
    store: StateStore | None = None
    dead_letter_reasons: Counter[str] = field(default_factory=Counter)
    _lines: dict[str, list[bytes]] = field(default_factory=dict)
    _payloads: list[bytes] = field(default_factory=list)
    _spool: Spool = field(default_factory=Spool)

    def __post_init__(self) -> None:
        """Generate the run_id, unless the caller passed one."""
        self.run_id = self.run_id or str(ULID.from_datetime(self.started_at))

    @property
    def sent(self) -> int:
        """The number of lines of the run, of all datasets."""
        return sum(map(len, self._lines.values())) + self._spool.count

    @property
    def dead_lettered(self) -> int:
        """The number of lines that could not be delivered and were written as dead letters."""
        return self.dead_letter_reasons.total()

    @property
    def should_retry(self) -> bool:
        """Whether another attempt may deliver some dead letters; a line that is too large never can be."""
        return bool(self.dead_letter_reasons.keys() - {TOO_LARGE})

    def add_response(self, outcome: Outcome, payload: bytes, received_at: datetime) -> None:
        """Add the rows of one response, and archive a failure's payload; with `archive_all`, every payload."""
        self.requests += 1
        self.outcomes[outcome.kind] += 1
        self.parsed += len(outcome.bars) + len(outcome.daily_bars) + len(outcome.actions) + outcome.null_rows
        self.null_rows += outcome.null_rows
        self.null_adjusted_closes += sum(day.is_adjusted_close_unreadable for day in outcome.daily_bars)
        if payload and (self.archive_all or outcome.is_failure):
            self._payloads.append(payload)
        stamp = Stamp(received_at, self.run_id, sha256(payload))
        for bar in outcome.bars:
            self._add("bars", bar_line(bar, stamp, self.sent + 1))
        for day in outcome.daily_bars:
            self._add("daily_bars", daily_bar_line(day, stamp, self.sent + 1))
        for action in outcome.actions:
            self._add("corporate_actions", corporate_action_line(action, stamp, self.sent + 1))

    @property
    def lines(self) -> Mapping[str, Sequence[bytes]]:
        """The rendered lines by dataset, spooled ones apart."""
        return self._lines

    def add_lines(self, lines: Iterable[bytes], dataset: str = "bars") -> None:
        """Add lines of a dataset that are already rendered, such as those of `simulate`."""
        before = self.sent
        self._lines.setdefault(dataset, []).extend(lines)
        self.parsed += self.sent - before

    def add_block(self, lines: bytes, count: int, dataset: str) -> None:
        """Add a block of rendered lines, each with its newline, that waits on disk until `finish`."""
        self._spool.add(self.lake, dataset, lines, count)
        self.parsed += count

    def archive(self, payload: bytes) -> None:
        """Archive a payload when the run is landed."""
        self._payloads.append(payload)

    def discard(self) -> None:
        """Remove what waits on disk: nothing was landed."""
        self._spool.remove()

    def finish(self, arrived_at: datetime) -> dict[str, object]:
        """Land everything and return the ledger record. Raises UserError when the lake is not writable."""
        sink = self.sink or FolderSink(self.lake)
        store = self.store or FolderStore(self.lake)
        archive = Archive(store)
        for payload in self._payloads:
            archive.save(payload)
        confirmed = 0
        for block in self._spool.finish():
            if isinstance(sink, FolderSink):
                sink.adopt(block.dataset, block.path, f"{self.run_id}-b{block.number:04d}", arrived_at)
                confirmed += block.count
            else:
                delivery = sink.deliver(block.dataset, block.read(), self.run_id, arrived_at)
                confirmed += delivery.confirmed
                self._dead_letter(store, block.dataset, delivery.undelivered)
        self._spool.remove()
        for dataset, lines in self._lines.items():
            delivery = sink.deliver(dataset, lines, self.run_id, arrived_at)
            confirmed += delivery.confirmed
            self._dead_letter(store, dataset, delivery.undelivered)
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
        if self.null_adjusted_closes:
            ledger["null_adjusted_closes"] = self.null_adjusted_closes
        if self.dead_letter_reasons:
            ledger["dead_letter_reasons"] = dict(self.dead_letter_reasons)
        delivery = sink.deliver("loader_runs", [to_line(ledger)], self.run_id, arrived_at)
        if delivery.undelivered:
            dead_letters.save(store, "loader_runs", delivery.undelivered, self.run_id)
        return ledger

    def _add(self, dataset: str, line: bytes) -> None:
        self._lines.setdefault(dataset, []).append(line)

    def _dead_letter(self, store: StateStore, dataset: str, undelivered: tuple[UndeliveredLine, ...]) -> None:
        if undelivered:
            dead_letters.save(store, dataset, undelivered, self.run_id)
            self.dead_letter_reasons.update(item.reason for item in undelivered)
