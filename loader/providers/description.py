"""Descriptions of sources, for files and for APIs: YAML or JSON that says where each field is and what it means.

Every entry is validated, and a wrong one is named with its value: nothing is replaced by a default. Shipped
descriptions are `loader/descriptions/*.yml`; docs/bring-your-data.md explains each entry.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from loader import reference
from loader.calendar import parse_zone
from loader.decode import decode
from loader.outcome import Kind
from loader.providers.base import Limits
from loader.providers.time_format import TimeFormat
from loader.record import BAR_INTERVALS
from tickerlake.errors import UserError

SHIPPED = Path(__file__).resolve().parent.parent / "descriptions"
DATASETS = ("bars", "daily_bars", "corporate_actions")
LONGER_INTERVALS = ("1week", "1month")
"""Lengths that a description may have and no dataset holds: the warehouse computes weeks and months from days."""
MAX_BYTES = 64 * 1024
_PRICES = ("open", "high", "low", "close")
_FIELDS = ("time", "date", "symbol", *_PRICES, "volume", "adjusted_close", "kind", "ratio", "amount")
_UNITS = {"text": 0, "seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
_SHORT_UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "µs": "microseconds", "ns": "nanoseconds"}
_BASES = ("raw", "split_adjusted", "total_return_adjusted")
_PLACES = {"symbol", "interval", "first_date", "until_date", "key", "limit", "offset", "cursor"} | {
    f"{bound}_{form}" for bound in ("first", "until") for form in ("epoch", "ms", "us", "ns", "time")
}
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Paging:
    """How an API goes on after a full answer.

    `by`: `token` (the next token is at `path`, and goes into the parameter `parameter`), `next_url` (the next address
    is at `path`), `offset` (`{offset}` counts rows) or `last_time` (the next range begins after the last row's time).
    """

    by: str
    path: tuple[str, ...] = ()
    parameter: str = ""


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """An error in the body of an answer: a phrase in the text at a path, and the outcome that it means."""

    path: tuple[str, ...]
    phrase: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Description:
    """A described source. `fields` maps this project's names to a source's: a name or a number, or several to try."""

    fields: dict[str, tuple[str, ...]]
    name: str = "http_json"
    # what the rows are
    source: str = ""
    price_basis: str = ""
    dataset: str = "bars"
    interval: str = ""
    zone: tzinfo | None = None
    label: str = ""
    currency: str = ""
    symbol: str = ""
    symbol_pattern: re.Pattern[str] | None = None
    # how they are written
    format: str = "json"
    compression: str = ""
    encoding: str = ""
    separator: str = ","
    header: tuple[str, ...] = ("fields",)
    skip_lines: int = 0
    rows: tuple[str, ...] = ()
    is_columnar: bool = False
    time_format: tuple[TimeFormat, ...] = ()
    time_unit: str = "text"
    decimal: str = "."
    thousands: str = ""
    strip: str = ""
    nulls: frozenset[str] = frozenset()
    price_scale: Decimal | None = None
    # how an API is requested
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    intervals: dict[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    span: timedelta = timedelta(days=30)
    max_rows: int = 0
    paging: Paging | None = None
    errors: tuple[ErrorRule, ...] = ()

    @property
    def per_second(self) -> int:
        """The time unit's ticks in a second; 0 for text."""
        return _UNITS[self.time_unit]

    @property
    def feed(self) -> str:
        """The feed of the rows (seeds/source.csv); empty when neither a source nor a price basis is described."""
        return self.source or (f"file_{self.price_basis}" if self.price_basis else "")

    @property
    def scales_numbers(self) -> bool:
        """Whether numbers are written otherwise than in plain notation in the unit of the currency."""
        return bool(self.decimal != "." or self.thousands or self.strip or self.nulls or self.price_scale is not None)


def names() -> list[str]:
    """List the shipped descriptions of files."""
    return sorted(path.stem for path in SHIPPED.glob("*.yml") if not path.stem.startswith("api_"))


def load(name: str) -> Description:
    """Return a shipped description by its name, or the one in a file. Raises UserError that names what is wrong."""
    path = SHIPPED / f"{name}.yml" if re.fullmatch("[a-z0-9_]+", name) else Path(name)
    if path.parent == SHIPPED and not path.is_file():
        raise UserError(f"unknown description '{name}': choose one of {', '.join(names())}, or a file such as mine.yml")
    return read(path)


def read(path: Path) -> Description:
    """Read a description from a file. Raises UserError that names the file, the entry and its value."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"cannot read the description {path}: larger than {MAX_BYTES:,} bytes")
        body = parse_text(path.read_bytes(), is_json=path.suffix == ".json")
    except OSError as error:
        raise UserError(f"cannot read the description {path}: {error.strerror}") from None
    except ValueError as error:
        raise UserError(f"cannot read the description {path}: {error}") from None
    try:
        return build(body, path.stem.removeprefix("api_"))
    except ValueError as error:
        raise UserError(f"description {path}: {error}") from None


def parse_text(content: bytes, *, is_json: bool) -> object:
    """Return the content of a YAML or JSON document with every scalar as text. Raises ValueError."""
    if is_json:
        try:
            return decode(content)
        except ValueError:
            raise ValueError("not JSON") from None
    import yaml  # only described sources need it

    try:
        text = content.decode("utf-8-sig")
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise ValueError("aliases (*) are not accepted: write the value out")
        return _plain(yaml.compose(text, yaml.SafeLoader))
    except UnicodeDecodeError:
        raise ValueError("not text in UTF-8") from None
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise ValueError(f"not YAML{f', line {mark.line + 1}' if mark else ''}") from None


def _plain(node: Any) -> object:
    """Return a YAML node as mappings, lists and text: a number keeps its digits, and no word becomes a boolean."""
    if node is None:
        return None
    if node.id == "scalar":
        return None if node.tag == "tag:yaml.org,2002:null" and node.style is None else str(node.value)
    if node.id == "sequence":
        return [_plain(item) for item in node.value]
    result: dict[str, object] = {}
    for key, value in node.value:
        if key.id != "scalar":
            raise ValueError(f"line {key.start_mark.line + 1}: a name must be text")
        if key.value in result:
            raise ValueError(f"line {key.start_mark.line + 1}: '{key.value}' is there twice")
        result[str(key.value)] = _plain(value)
    return result


def build(body: object, name: str = "http_json") -> Description:
    """Return the description of a decoded document. Raises ValueError with the entry and its value."""
    if not isinstance(body, dict) or not body:
        raise ValueError("it must be a mapping of entries to values")
    unknown = [entry for entry in body if entry not in _ENTRIES]
    if unknown:
        raise ValueError(f"unknown entries {', '.join(sorted(unknown))}: known are {', '.join(sorted(_ENTRIES))}")
    values: dict[str, Any] = {"name": name}
    for entry, value in body.items():
        target, parse = _ENTRIES[entry]
        if target in values and target != "name":
            raise ValueError(f"'{entry}' repeats another entry: keep one of days_per_request and hours_per_request")
        try:
            parsed = parse(value)
        except ValueError as error:
            shown = str(value)
            raise ValueError(f"'{entry}' cannot be '{shown[:80]}': {error}") from None
        if target:
            values[target] = parsed
    if "fields" not in values:
        raise ValueError(f"'fields' is missing: name the source's field of each of {', '.join(_FIELDS)}")
    if values.get("url") and not values.get("source"):
        values["source"] = "http_json"
    description = Description(**values)
    _check_together(description, body)
    return description


def _check_together(description: Description, body: Mapping[str, object]) -> None:
    """Raise ValueError for entries that contradict each other, and for fields that the dataset needs."""
    fields = description.fields
    if "time" not in fields and "date" not in fields:
        raise ValueError("'fields' lacks time (or date)")
    if description.dataset == "corporate_actions":
        if not {"ratio", "amount"} & fields.keys():
            raise ValueError("'fields' lacks ratio (of splits) or amount (of dividends)")
    elif missing := [name for name in _PRICES if name not in fields]:
        raise ValueError(f"'fields' lacks {', '.join(missing)}")
    if description.url and description.dataset == "bars" and "volume" not in fields:
        raise ValueError("'fields' lacks volume")
    if description.time_unit != "text" and description.time_format:
        raise ValueError("'time_format' is for text: leave it out, or write time_unit: text")
    if description.decimal == description.thousands:
        raise ValueError(f"'thousands' cannot be '{description.thousands}': it is the decimal sign too")
    if description.source and description.price_basis:
        basis = reference.get_source(description.source).price_basis
        if basis != description.price_basis:
            raise ValueError(
                f"'price_basis' cannot be '{description.price_basis}': prices of source '{description.source}' are "
                f"{basis} (seeds/source.csv)"
            )
    needs_numbers = description.format == "csv" and "fields" not in description.header
    named = [name for names in fields.values() for name in names if not name.isdecimal()]
    if needs_numbers and named:
        raise ValueError(f"'fields' cannot have the name '{named[0]}': without a header, columns have numbers from 0")
    if not description.url:
        api_only = sorted(_API_ENTRIES & body.keys())
        if api_only:
            raise ValueError(f"'{api_only[0]}' needs 'url': it is about requests")
    elif description.format != "json":
        raise ValueError(f"'format' cannot be '{description.format}' with a url: an API answers in JSON")
    if description.paging and description.paging.by == "offset" and "{offset}" not in description.url:
        raise ValueError("'paging' by offset needs {offset} in 'url'")


def _text(value: object) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError("write text")
    return value


def _choice(*choices: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"choose one of {', '.join(choices)}")
        return str(value)

    return parse


def _whole(lowest: int, highest: int) -> Callable[[object], int]:
    def parse(value: object) -> int:
        text = str(value)
        if not re.fullmatch("[0-9]{1,9}", text) or not lowest <= int(text) <= highest:
            raise ValueError(f"write a whole number from {lowest} to {highest:,}")
        return int(text)

    return parse


def _boolean(value: object) -> bool:
    if str(value).lower() not in ("true", "false"):
        raise ValueError("write true or false")
    return str(value).lower() == "true"


def _texts(value: object) -> tuple[str, ...]:
    parts = value if isinstance(value, list) else [value]
    return tuple(_text(part) for part in parts)


def _path(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError("write a list of names, [] for the top")
    return _texts(value)


def _map(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError("write names with values")
    return {_text(name): _text(text) for name, text in value.items()}


def _parse_fields(value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict) or not value:
        raise ValueError("write this project's names with the source's")
    unknown = [name for name in value if name not in _FIELDS]
    if unknown:
        raise ValueError(f"unknown fields {', '.join(map(str, unknown))}: known are {', '.join(_FIELDS)}")
    return {name: _texts(names) for name, names in value.items()}


def _parse_zone(value: object) -> tzinfo:
    return parse_zone(_text(value))


def _parse_header(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ("fields",) if _boolean(value) else ()
    lines = _texts(value)
    if set(lines) - {"fields", "symbols", "ignored"} or lines.count("fields") != 1 or lines.count("symbols") > 1:
        raise ValueError("write true, false, or what each line of the header is: fields, symbols, ignored")
    return lines


def _parse_time_formats(value: object) -> tuple[TimeFormat, ...]:
    return tuple(TimeFormat.compile(text) for text in _texts(value))


def _parse_unit(value: object) -> str:
    text = _SHORT_UNITS.get(str(value), str(value))
    if text not in _UNITS:
        raise ValueError(f"choose one of {', '.join(_UNITS)}")
    return text


def _parse_pattern(value: object) -> re.Pattern[str]:
    text = _text(value)
    try:
        pattern = re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"not a regular expression: {error}") from None
    if "symbol" not in pattern.groupindex:
        raise ValueError("name the group that is the symbol: (?P<symbol>…)")
    if len(text) > 200 or re.search(r"[+*}]\)?[+*{]", text):
        raise ValueError("write a shorter pattern without nested repetition")
    return pattern


def _parse_encoding(value: object) -> str:
    text = _text(value)
    try:
        "0,".encode(text)
    except (LookupError, UnicodeError):
        raise ValueError("use a name such as utf-8, utf-16 or cp1252") from None
    return text


def _parse_sign(value: object) -> str:
    if not isinstance(value, str) or len(value) != 1 or value.isalnum() or value in '"\n\r':
        raise ValueError("write one character that is no letter and no digit")
    return value


def _parse_separator(value: object) -> str:
    return "\t" if value in ("tab", "\\t", "\t") else _parse_sign(value)


def _parse_nulls(value: object) -> frozenset[str]:
    return frozenset(_texts(value))


def _parse_scale(value: object) -> Decimal:
    try:
        scale = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("write a number such as 1e-9 or 0.01") from None
    if not scale.is_finite() or not Decimal("1e-12") <= scale <= 10**6:
        raise ValueError("write a number from 1e-12 to 1e6")
    return scale


def _parse_source(value: object) -> str:
    try:
        return reference.get_source(_text(value)).source
    except UserError as error:
        raise ValueError(str(error).partition(": ")[2]) from None


def _parse_currency(value: object) -> str:
    if not re.fullmatch("[A-Z]{3}", str(value)):
        raise ValueError("write three capital letters; for a hundredth of a unit, such as pence, add price_scale: 0.01")
    return str(value)


def _parse_symbol(value: object) -> str:
    try:
        return reference.resolve_symbol(_text(value))
    except UserError as error:
        raise ValueError(str(error)) from None


def _parse_url(value: object) -> str:
    text = _text(value)
    if not text.startswith(("https://", "http://127.0.0.1")):
        raise ValueError("it must begin with https://")
    unknown = [name for name in _PLACEHOLDER.findall(text) if name not in _PLACES]
    if unknown:
        raise ValueError(f"unknown place {{{unknown[0]}}}: known are {', '.join(sorted(_PLACES))}")
    return text


def _parse_limits(value: object) -> Limits:
    limits = _map(value)
    unknown = set(limits) - {"per_second", "per_minute", "per_day"}
    if unknown:
        raise ValueError(f"unknown limits {', '.join(sorted(unknown))}: known are per_second, per_minute, per_day")
    return Limits(**{name: _whole(1, 10**6)(number) for name, number in limits.items()})


def _parse_paging(value: object) -> Paging:
    entries = value if isinstance(value, dict) else {"by": value}
    if unknown := set(entries) - {"by", "path", "parameter"}:
        raise ValueError(f"unknown entries {', '.join(sorted(unknown))}: known are by, path, parameter")
    by = _choice("token", "next_url", "offset", "last_time")(entries.get("by"))
    path = _path(entries["path"]) if "path" in entries else ()
    parameter = _text(entries["parameter"]) if "parameter" in entries else ""
    if by in ("token", "next_url") and not path:
        raise ValueError(f"paging by {by} needs the path of the {by} in the answer")
    if by == "token" and not parameter:
        raise ValueError("paging by token needs the parameter that the token goes into")
    return Paging(by, path, parameter)


def _parse_errors(value: object) -> tuple[ErrorRule, ...]:
    if not isinstance(value, list) or not all(isinstance(rule, dict) for rule in value):
        raise ValueError("write a list of rules, each with path, words and outcome")
    rules = []
    for rule in value:
        if set(rule) != {"path", "words", "outcome"}:
            raise ValueError("each rule has path, words and outcome")
        kind = _choice(*(kind.value for kind in Kind if kind is not Kind.BARS))(rule["outcome"])
        rules.append(ErrorRule(_path(rule["path"]), _text(rule["words"]).lower(), Kind(kind)))
    return tuple(rules)


def _parse_days(value: object) -> timedelta:
    return timedelta(days=_whole(1, 36_500)(value))


def _parse_hours(value: object) -> timedelta:
    return timedelta(hours=_whole(1, 24)(value))


def _parse_intervals(value: object) -> dict[str, str]:
    intervals = _map(value)
    unknown = [name for name in intervals if name not in BAR_INTERVALS and name != "1day"]
    if unknown:
        raise ValueError(f"unknown interval {unknown[0]}: known are {', '.join(BAR_INTERVALS)}, 1day")
    return intervals


_ENTRIES: dict[str, tuple[str, Callable[[object], Any]]] = {
    "about": ("", _text),
    "source": ("source", _parse_source),
    "price_basis": ("price_basis", _choice(*_BASES)),
    "dataset": ("dataset", _choice(*DATASETS)),
    "interval": ("interval", _choice(*BAR_INTERVALS, "1day", *LONGER_INTERVALS)),
    "zone": ("zone", _parse_zone),
    "label": ("label", _choice("start", "end")),
    "currency": ("currency", _parse_currency),
    "symbol": ("symbol", _parse_symbol),
    "symbol_pattern": ("symbol_pattern", _parse_pattern),
    "format": ("format", _choice("csv", "json", "json_lines", "parquet")),
    "compression": ("compression", _choice("none", "gz", "zip", "zst")),
    "encoding": ("encoding", _parse_encoding),
    "separator": ("separator", _parse_separator),
    "header": ("header", _parse_header),
    "skip_lines": ("skip_lines", _whole(0, 1000)),
    "rows": ("rows", _path),
    "columnar": ("is_columnar", _boolean),
    "fields": ("fields", _parse_fields),
    "time_format": ("time_format", _parse_time_formats),
    "time_unit": ("time_unit", _parse_unit),
    "decimal": ("decimal", _choice(".", ",")),
    "thousands": ("thousands", _parse_sign),
    "strip": ("strip", _text),
    "nulls": ("nulls", _parse_nulls),
    "price_scale": ("price_scale", _parse_scale),
    "url": ("url", _parse_url),
    "headers": ("headers", _map),
    "intervals": ("intervals", _parse_intervals),
    "limits": ("limits", _parse_limits),
    "days_per_request": ("span", _parse_days),
    "hours_per_request": ("span", _parse_hours),
    "max_rows": ("max_rows", _whole(2, 10**6)),
    "paging": ("paging", _parse_paging),
    "errors": ("errors", _parse_errors),
}
"""Each entry of a description: the attribute that it becomes, and its validation."""

_API_ENTRIES = {
    "headers",
    "intervals",
    "limits",
    "days_per_request",
    "hours_per_request",
    "max_rows",
    "paging",
    "errors",
}


def received_convention(description: Description, source: str, received_on: date) -> reference.LabelConvention:
    """Return how the rows are labelled: as described, and else by the source's convention at that time.

    Raises UserError when neither says it.
    """
    if description.zone and description.label:
        return reference.LabelConvention(description.label, description.zone)
    convention = reference.get_label_convention(source, received_on)
    return reference.LabelConvention(description.label or convention.label, description.zone or convention.zone)
