"""Landing of described files: rows become lines in blocks, and what a file is believed to be is checked first.

A sound row of bars takes a short way (a table of the hour's minutes, one pattern for its numbers, one template), and
any other row the way through `Bar`, `bar_line` and the warehouse's rules; both give the same bytes.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import chain, islice, pairwise
from pathlib import Path
from statistics import median
from typing import NamedTuple

from loader import reference
from loader.calendar import NonexistentTimeError, parse_bar_starts
from loader.outcome import Kind
from loader.providers.described import (
    ContradictionError,
    build_context,
    find_time_error,
    is_null_row,
    of_symbol,
    plain_rows,
    symbol_reader,
    time_text,
    to_actions,
    to_bars,
    to_days,
)
from loader.providers.description import LONGER_INTERVALS, Description
from loader.providers.file_check import TimedBar, detect_interval, find_interval_error, find_zone_error, interval_name
from loader.providers.file_rows import FileError, Row, find_compression, hash_content, is_unterminated, read_file
from loader.providers.label_check import detect_other_label, format_label_error
from loader.providers.parse_context import ParseContext
from loader.record import BAR_INTERVALS, Bar, DailyBar, Stamp, bar_line, corporate_action_line, daily_bar_line, utc_text
from loader.rules import PRICE_LIMIT, SMALLEST_PRICE, VOLUME_LIMIT, Acceptance
from loader.run import Run
from tickerlake.errors import UserError

BLOCK_ROWS = 20_000
SAMPLED_ROWS = 25_000
"""The beliefs about a file are checked on so many rows: fifty sessions of minutes."""

_SOUND = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,18})?(?:,[0-9]{1,9}(?:\.[0-9]{1,18})?){3},[0-9]{1,15}(?:\.[0-9]{1,18})?")
_SAFE_LABEL = re.compile(r"[ -!#-\[\]-~]{1,60}")
_ISO_SPLIT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:)([0-5][0-9])"
    r"((?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)"
)
_MINUTES = tuple(f"{minute:02d}" for minute in range(60))
_DAYS_OF_A_WEEK = 5
_MIN_SPACINGS = 3
_MOST_HOURS = 4_000
"""Tables of hours that are kept, of 7 KB each."""


class SampledBar(NamedTuple):
    """What the checks of a file need of a bar: `vendor_label` is its time in ISO 8601."""

    symbol: str
    bar_start: datetime | None
    vendor_label: str
    volume: str | None


@dataclass
class Claims:
    """What a user says about files; None where the description or the file decides."""

    source: str | None = None
    symbol: str | None = None
    bar_interval: str | None = None
    label: str | None = None
    timezone: str | None = None
    is_trusted: bool = False


@dataclass
class Series:
    """One symbol of a file: its context, and the template of its lines in parts."""

    context: ParseContext
    template: str


@dataclass
class FileLanding:
    """The landing of one file as lines of a run. `name_of` returns the symbol of a file's name."""

    run: Run
    path: Path
    description: Description
    dataset: str
    claims: Claims
    received_at: datetime
    name_of: Callable[[Path], str]
    acceptance: Acceptance
    on_rows: Callable[[int], object] = lambda _: None
    null_rows: int = 0
    rows: int = 0
    _minute_at: int = 0
    _series: dict[str, Series | None] = field(default_factory=dict)
    _hours: dict[tuple[str, str], tuple[dict[str, str], str] | None] = field(default_factory=dict)

    def land(self) -> None:
        """Add the file's lines to the run. Raises UserError for what contradicts the description; nothing is landed."""
        if self.description.interval in LONGER_INTERVALS:
            raise UserError(
                f"{self.path}: bars of {self.description.interval} have no dataset: land days, the warehouse computes "
                "weeks and months from them (fct_period_summary)"
            )
        compression = self._compression()
        self._read_symbol: Callable[[str], str] = symbol_reader(self.description)
        self._is_cut = self.description.format == "csv" and is_unterminated(self.path, compression)
        try:
            rows = iter(plain_rows(read_file(self.path, self.description, compression), self.description))
            sample = list(islice(rows, SAMPLED_ROWS))
            self._prepare(sample)
            self._stamp = Stamp(self.received_at, self.run.run_id, hash_content(self.path, compression))
            for block, is_last in self._blocks(chain(sample, rows)):
                self._land_block(block, is_last)
        except (FileError, ContradictionError, NonexistentTimeError) as error:
            raise UserError(
                f"cannot read {self.path} as {self.description.name}: {error}; nothing was landed"
            ) from None
        self.run.requests += 1
        self.run.outcomes[Kind.BARS if self.rows > self.null_rows else Kind.EMPTY] += 1
        self.run.null_rows += self.null_rows
        self.run.parsed += self.null_rows

    def _compression(self) -> str:
        actual = find_compression(self.path)
        if self.description.format == "parquet":
            return "none"
        described = self.description.compression
        if described and described != actual:
            raise UserError(f"{self.path}: the description has compression: {described}, and the file has {actual}")
        return actual

    def _prepare(self, sample: list[Row]) -> None:
        """Decide the file's symbol and interval, and refuse what the sample contradicts."""
        labels = [row[0] for row in sample]
        if not labels:
            self._context = self._first_context("", "")
            return
        if problem := find_time_error(labels[:1000], self._with_dataset()):
            raise FileError(problem)
        is_headerless = self.description.format == "csv" and not self.description.header
        if is_headerless and find_time_error(labels[:1], self._with_dataset()) and len(labels) > 1:
            raise FileError(f"the first line, '{labels[0][:40]}', is a header: the description has header: false")
        names = list(dict.fromkeys(str(row[1] or "") for row in sample))
        self._context = self._first_context(names[0], labels[0])
        if names != [""]:
            self._check_symbols([name for name in names if name])
        if self.dataset != "bars":
            self._check_days(sample)
            return
        bars = list(self._sampled_bars(sample))
        if not (self.claims.bar_interval or self.description.interval):
            detected = detect_interval(bars)
            fitting = interval_name(detected) if detected else None
            if fitting and fitting != self._context.bar_interval:
                self._context = replace(self._context, bar_interval=fitting)
                bars = list(self._sampled_bars(sample))
        problem = None if self.claims.is_trusted else find_contradiction(bars, self._context)
        if not problem and not self.claims.source and self.description.name == "alphavantage_csv":
            problem = find_missing_basis(bars)
        if problem:
            raise UserError(f"{self.path}: {problem}; nothing was landed")

    def _with_dataset(self) -> Description:
        return replace(self.description, dataset=self.dataset)

    def _first_context(self, column_symbol: str, label: str) -> ParseContext:
        source = self.claims.source or self.description.feed
        if column_symbol and not self.claims.symbol:
            try:
                symbol = self._read_symbol(column_symbol)
            except UserError:
                symbol = column_symbol.strip()
        else:
            symbol = self._file_symbol()
        if not source:
            is_free = reference.get_instrument(symbol).asset_class in ("crypto", "forex")
            if not is_free:
                raise UserError(
                    f"{self.path}: the description does not say the price basis: pass --source file_raw, "
                    "file_split_adjusted or file_total_return_adjusted (seeds/source.csv has the others)"
                )
            source = "file_raw"
        claimed = ParseContext.build(
            "simulated", symbol, "1min", self.received_at.date(), self.claims.label, self.claims.timezone
        ).convention
        described = self.description
        zone = claimed.zone if self.claims.timezone else described.zone
        convention = _convention(source, self.received_at)
        if zone is None and not convention and self.dataset == "bars" and not self._has_zone(label):
            raise UserError(f"{self.path}: the description does not say the zone of its times: pass --timezone")
        described = replace(
            described,
            zone=zone or (convention.zone if convention else UTC),
            label=self.claims.label or described.label or (convention.label if convention else "start"),
        )
        interval = self.claims.bar_interval or described.interval
        if self.dataset != "bars" or interval == "1day":
            interval = "1min"
        return build_context(described, source, symbol, interval or "1min", self.received_at.date())

    def _has_zone(self, label: str) -> bool:
        """Return whether a time is a number or has an offset, so that it needs no zone."""
        text = time_text(label, self.description)
        try:
            return datetime.fromisoformat(text).tzinfo is not None
        except ValueError:
            return False

    def _file_symbol(self) -> str:
        if self.claims.symbol:
            return reference.resolve_symbol(self.claims.symbol)
        pattern = self.description.symbol_pattern
        match = pattern.fullmatch(self.path.name) if pattern else None
        if match:
            return reference.resolve_symbol(match["symbol"].upper())
        return self.description.symbol or self.name_of(self.path)

    def _check_symbols(self, names: list[str]) -> None:
        """Refuse a column of symbols of which no seed resolves one, or without the claimed symbol."""
        problems: list[UserError] = []
        for name in names:
            try:
                symbol = self._read_symbol(name)
            except UserError as error:
                problems.append(error)
                continue
            if not self.claims.symbol or symbol == self._context.symbol:
                return
        if problems and not self.claims.symbol:
            raise UserError(f"{self.path}: {problems[0]}; nothing was landed")
        shown = ", ".join(names[:5])
        raise FileError(f"no rows of {self._context.symbol} in the symbol column: it has {shown}")

    def _check_days(self, sample: list[Row]) -> None:
        """Refuse weeks and months in place of days."""
        if self.dataset != "daily_bars" or self.claims.is_trusted:
            return
        days = ((str(row[1] or ""), _as_date(time_text(row[0], self.description))) for row in sample)
        if problem := find_longer_spacing(list(days)):
            raise UserError(f"{self.path}: {problem}; nothing was landed")

    def _sampled_bars(self, sample: list[Row]) -> Iterator[SampledBar]:
        by_symbol: dict[str, list[tuple[str, str | None]]] = {}
        for row in sample:
            by_symbol.setdefault(str(row[1] or ""), []).append((time_text(row[0], self.description), row[6]))
        minutes = BAR_INTERVALS[self._context.bar_interval]
        for name, rows in by_symbol.items():
            symbol = self._symbol_of_row(name)
            if symbol is None:
                continue
            times = [text for text, _ in rows]
            for start, (text, volume) in zip(
                parse_bar_starts(times, self._context.convention, minutes), rows, strict=True
            ):
                yield SampledBar(symbol, start, text, volume)

    def _symbol_of_row(self, name: str) -> str | None:
        """Return the symbol of a row, None when the row is of another symbol than the claimed one."""
        if not name:
            return self._context.symbol
        try:
            symbol = self._read_symbol(name)
        except UserError:
            symbol = name.strip()
        return symbol if not self.claims.symbol or symbol == self._context.symbol else None

    def _blocks(self, rows: Iterable[Row]) -> Iterator[tuple[list[Row], bool]]:
        """Yield rows in blocks that do not end within a time that the wall clock shows twice; the last is marked."""
        rows = iter(rows)
        block = list(islice(rows, BLOCK_ROWS))
        while block:
            following: list[Row] = []
            if len(block) >= BLOCK_ROWS:
                for row in rows:
                    if self.dataset != "bars" or self._hour(row[0]) is not None:
                        following = [row, *islice(rows, BLOCK_ROWS - 1)]
                        break
                    block.append(row)
            yield block, not following
            block = following

    def _land_block(self, rows: list[Row], is_last: bool) -> None:
        self.rows += len(rows)
        lines = self._bar_lines(rows, is_last) if self.dataset == "bars" else self._day_lines(rows)
        if lines:
            block = ("\n".join(lines) + "\n").encode("ascii")
            if is_last and self.rows <= BLOCK_ROWS:
                self.run.add_lines(block.splitlines(), self.dataset)
            else:
                self.run.add_block(block, len(lines), self.dataset)
        self.on_rows(len(rows))

    def _bar_lines(self, rows: list[Row], is_last: bool) -> list[str]:
        """Return the lines of a block of bars in the file's order."""
        number = self.run.sent
        lines: list[str | None] = []
        slow: dict[str, list[int]] = {}
        ambiguous: set[str] = set()
        hours, all_series, is_sound, append = self._hours, self._series, _SOUND.fullmatch, lines.append
        at, after = self._minute_at, self._minute_at + 2
        accepted = 0
        for row in rows:
            label, name, open_, high, low, close, volume, *_ = row
            series = all_series.get(name) or self._series_of(name or "")
            if series is None:
                append(None)
                continue
            table = hours.get((label[:at], label[after:])) if at else None
            start = table[0].get(label[at:after]) if table else None
            hour = (start, table[1]) if start and table else self._hour(label)
            if hour and is_sound(f"{open_},{high},{low},{close},{volume}"):
                high_number, low_number, shares = float(high), float(low), float(volume)
                if (
                    low_number <= float(open_) <= high_number
                    and low_number <= float(close) <= high_number
                    and low_number >= SMALLEST_PRICE
                    and high_number < PRICE_LIMIT
                    and shares < VOLUME_LIMIT
                ):
                    number += 1
                    accepted += 1
                    append(series.template % (hour[0], label, open_, high, low, close, volume, hour[1], number))
                    continue
            if hour is None:
                ambiguous.add(name or "")
            if is_null_row(row, self.description):
                self.null_rows += 1
                append(None)
                continue
            number += 1
            slow.setdefault(name or "", []).append(len(lines))
            append(str(number))
        self.acceptance.accepted += accepted
        for name, places in slow.items():
            self._fill_slow(rows, lines, name, places, name in ambiguous)
        if is_last and self._is_cut and lines and lines[-1]:
            lines[-1] = lines[-1].replace('"is_final":true', '"is_final":false')
        return [line for line in lines if line is not None]

    def _fill_slow(
        self, rows: list[Row], lines: list[str | None], name: str, places: list[int], in_order: bool
    ) -> None:
        """Render the rows at `places`: each has its line number there. Ambiguous times need all rows of the symbol."""
        series = self._series_of(name)
        if series is None:
            return
        own = [at for at, row in enumerate(rows) if (row[1] or "") == name] if in_order else places
        bars = dict(zip(own, to_bars([rows[at] for at in own], series.context, self.description), strict=True))
        for at in places:
            line = bar_line(bars[at], self._stamp, int(lines[at] or 0))
            self.acceptance.add_line("bars", line)
            lines[at] = line.decode("ascii")

    def _day_lines(self, rows: list[Row]) -> list[str]:
        """Return the lines of a block of days, or of corporate actions; actions among days are landed beside them."""
        lines: list[str] = []
        number = self.run.sent
        by_symbol: dict[str, list[Row]] = {}
        for row in rows:
            if self.dataset == "daily_bars" and is_null_row(row, self.description):
                self.null_rows += 1
            by_symbol.setdefault(str(row[1] or ""), []).append(row)
        actions = []
        for name, own in by_symbol.items():
            series = self._series_of(name)
            if series is None:
                continue
            if self.dataset == "corporate_actions":
                actions += to_actions(own, series.context, self.description)
                continue
            days, own_actions = to_days(own, series.context, self.description)
            actions += own_actions
            for day in days:
                number += 1
                lines.append(daily_bar_line(day, self._stamp, number).decode("ascii"))
        action_lines = [
            corporate_action_line(action, self._stamp, number + at) for at, action in enumerate(actions, start=1)
        ]
        self.acceptance.add_lines("daily_bars", (line.encode() for line in lines))
        self.acceptance.add_lines("corporate_actions", action_lines)
        if self.dataset == "corporate_actions":
            return [line.decode("ascii") for line in action_lines]
        self.run.add_lines(action_lines, "corporate_actions")
        return lines

    def _series_of(self, name: str) -> Series | None:
        """Return a symbol's series, None for rows of another symbol than the claimed one."""
        if name in self._series:
            return self._series[name]
        symbol = self._symbol_of_row(name)
        series = None
        if symbol is not None:
            context = of_symbol(self._context, self.description, symbol)
            series = Series(context, _template(context, self._stamp))
        self._series[name] = series
        return series

    def _hour(self, label: str) -> tuple[str, str] | tuple[()] | None:
        """Return the start and `is_final` of a bar as text; () for a label of the slow way, None when ambiguous."""
        description = self.description
        if description.per_second:
            return self._epoch_hour(label)
        split = description.time_format[0].split if description.time_format else _ISO_SPLIT
        match = split.fullmatch(label) if split else None
        if match is None or not _SAFE_LABEL.fullmatch(label):
            return ()
        before, minute, after = match.groups()
        self._minute_at = self._minute_at or match.start(2)
        key = (before, after)
        if key not in self._hours:
            self._forget_hours()
            self._hours[key] = self._table(before, after)
        table = self._hours[key]
        if table is None:
            return None
        start = table[0].get(minute)
        return (start, table[1]) if start else ()

    def _epoch_hour(self, label: str) -> tuple[str, str] | tuple[()]:
        if not (label.isascii() and label.isdecimal() and len(label) < 20):
            return ()
        seconds = int(label) // self.description.per_second
        hour, rest = divmod(seconds, 3600)
        key = (str(hour), "")
        if key not in self._hours:
            self._forget_hours()
            text = time_text(str(hour * 3600 * self.description.per_second), self.description)
            self._hours[key] = self._minutes(text, f"{text[:14]}59{text[16:]}") if text else ({}, "")
        table = self._hours[key]
        start = table[0].get(_MINUTES[rest // 60]) if table else None
        return (start, table[1]) if table and start else ()

    def _forget_hours(self) -> None:
        if len(self._hours) >= _MOST_HOURS:
            self._hours.clear()

    def _table(self, before: str, after: str) -> tuple[dict[str, str], str] | None:
        """Return the starts of an hour's 60 minutes; empty when they are not alike, None for ambiguous times."""
        texts = [time_text(f"{before}{minute}{after}", self.description) for minute in ("00", "59")]
        return self._minutes(*texts) if all(texts) else ({}, "")

    def _minutes(self, first: str, last: str) -> tuple[dict[str, str], str] | None:
        context = self._context
        length = BAR_INTERVALS[context.bar_interval]
        try:
            starts = parse_bar_starts([first], context.convention, length)
            starts += parse_bar_starts([last], context.convention, length)
        except NonexistentTimeError:
            return {}, ""
        start, end = starts
        if start is None or end is None:
            return None if first[:1].isdecimal() and _as_date(first[:10]) else ({}, "")
        if end - start != timedelta(minutes=59) or not 1970 <= start.year < 2049:
            return {}, ""
        settled_at = end + timedelta(minutes=length) + context.source.settling
        if self.received_at <= settled_at:
            return {}, ""
        prefixes = [f"{moment:%Y-%m-%dT%H:}" for moment in (start, start + timedelta(hours=1))]
        texts = [f"{prefixes[0]}{minute}:00Z" for minute in _MINUTES[start.minute :]]
        texts += [f"{prefixes[1]}{minute}:00Z" for minute in _MINUTES[: start.minute]]
        return dict(zip(_MINUTES, texts, strict=True)), "true"


def find_longer_spacing(days: Sequence[tuple[str, datetime | None]]) -> str | None:
    """Return the error of minutes, weeks or months in place of days, by their symbols and dates; None for days."""
    by_symbol: dict[str, set[datetime]] = {}
    if len(set(days)) * 2 < len(days):
        return f"{len(days):,} bars have {len(set(days)):,} dates, so they are no days: pass --dataset bars"
    for symbol, day in days:
        if day:
            by_symbol.setdefault(symbol, set()).add(day)
    spacings = [(after - before).days for own in by_symbol.values() for before, after in pairwise(sorted(own))]
    if len(spacings) < _MIN_SPACINGS or median(spacings) < _DAYS_OF_A_WEEK:
        return None
    return (
        f"the bars are {median(spacings):.0f} days apart, so they are no days: land days, the warehouse computes weeks "
        "and months from them (fct_period_summary); --trust lands them as they are"
    )


def find_weekly_days(days: Iterable[DailyBar]) -> str | None:
    """Return the error of daily bars that are weeks or months."""
    dates = [(day.symbol, _as_date(day.session_date.isoformat())) for day in days if day.session_date]
    return find_longer_spacing(dates)


def find_missing_basis(bars: Sequence[SampledBar]) -> str | None:
    """Return that the price basis of a CSV is unknown, unless it is Alpha Vantage's (newest first) or needs none.

    Currencies have no splits and no dividends: their prices are the same on every basis.
    """
    starts = [bar.bar_start for bar in bars if bar.bar_start]
    needs_basis = any(
        reference.get_instrument(symbol).asset_class not in ("crypto", "forex") for symbol in {b.symbol for b in bars}
    )
    if not needs_basis or len(starts) < 2 or starts[0] > starts[-1]:
        return None
    return (
        "the file does not say its price basis, and it is not newest first as Alpha Vantage's are: pass "
        "--source alphavantage (raw), alphavantage_adjusted (split- and dividend-adjusted) or yahoo (split-adjusted)"
    )


def find_contradiction(bars: Sequence[TimedBar], context: ParseContext) -> str | None:
    """Return what the bars contradict: the interval, the time zone or the label; None when they agree with all."""
    problem = find_interval_error(bars, context.bar_interval)
    by_symbol: dict[str, list[TimedBar]] = {}
    for bar in bars:
        by_symbol.setdefault(bar.symbol, []).append(bar)
    for symbol, own in by_symbol.items():
        if problem:
            return problem
        own_context = context.of_symbol(symbol)
        problem = find_zone_error(own, own_context)
        likely = None if problem else detect_other_label(own, own_context)
        problem = format_label_error(own_context, likely) if likely else problem
    return problem


def _convention(source: str, received_at: datetime) -> reference.LabelConvention | None:
    try:
        return reference.get_label_convention(source, received_at.date())
    except UserError:
        return None


def _template(context: ParseContext, stamp: Stamp) -> str:
    """Return the format of a bar's line: start, label, open, high, low, close, volume, is_final, line number."""
    marks = [f"mark{at}mark" for at in range(6)]
    start = datetime(2001, 1, 1, tzinfo=UTC)
    bar = Bar(
        source=context.source.source,
        symbol=context.symbol,
        bar_interval=context.bar_interval,
        bar_start=start,
        vendor_label=marks[0],
        open=marks[1],
        high=marks[2],
        low=marks[3],
        close=marks[4],
        volume=marks[5],
        price_basis=context.source.price_basis,
        currency=context.currency,
        is_live=True,
    )
    line = bar_line(bar, stamp, 777_777_777).decode("ascii").replace("%", "%%")
    line = line.replace(f'"{utc_text(start)}"', '"%s"', 1)
    for mark in marks:
        line = line.replace(f'"{mark}"', '"%s"')
    return line.replace('"is_final":false', '"is_final":%s').replace("777777777", "%d")


def _as_date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text[:10])
    except ValueError:
        return None
