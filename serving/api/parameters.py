"""Query parameters of a dataset: their model, and the query that they describe."""

from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from serving.api.datasets import (
    INTERVALS,
    MAX_ROWS,
    MAX_SYMBOLS,
    Dataset,
    Query,
    max_range,
    parse_day,
    parse_instant,
)
from serving.api.problems import ProblemError, invalid_parameter
from serving.api.store import Release

_SYMBOL = r"[A-Za-z0-9][A-Za-z0-9.^=/-]{0,19}"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"T[0-9:.]{5,15}(?:Z|[+-][0-9]{2}:[0-9]{2})"
_TIME_MESSAGE = "is not a date (2024-06-07), or for bars a time with its zone (2024-06-07T13:30:00Z)"
_MESSAGES = {
    ("from", "string_pattern_mismatch"): _TIME_MESSAGE,
    ("to", "string_pattern_mismatch"): _TIME_MESSAGE,
    ("symbol", "string_pattern_mismatch"): "is not a list of symbols, as in TSLA,BRK.B",
}
"""Messages that replace pydantic's, by parameter and type of error."""
SPELLINGS = {"1m": "1min", "5m": "5min", "15m": "15min", "30m": "30min", "60m": "60min", "1h": "60min"}
"""Other spellings of the lengths of bars."""
_DAYS = ("1d", "1day")
_SYNONYMS = {
    "ticker": "symbol",
    "tickers": "symbol",
    "timeframe": "interval",
    "start": "from",
    "since": "from",
    "end": "to",
    "until": "to",
    "fields": "columns",
    "sort": "order",
    "n": "last",
    "page": "cursor",
}
"""What other interfaces call the parameters."""


class _Parameters(BaseModel):
    """The parameters that every dataset has."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    limit: int = Field(1_000, ge=1, le=MAX_ROWS, description="Rows of a page.")
    cursor: str = Field("", max_length=500, description="next_cursor of the page before.")
    format: Literal["", "json", "records", "csv", "parquet"] = Field(
        "",
        description="JSON with a list for each column or an object for each row, CSV with a header line, or Parquet;"
        " by default what the Accept header prefers, else json.",
    )


def create_parameters_model(dataset: Dataset) -> type[BaseModel]:
    """Return a model of the parameters that the columns of a dataset allow."""
    columns = dataset.mart.columns
    one_of: Any = Literal.__getitem__(("", *columns))
    names: Any = Annotated[list[one_of], BeforeValidator(_split)]
    description = "Columns of the response, repeated or comma-separated; all but lineage by default."
    fields: dict[str, Any] = {"columns": (names, Field([], description=description))}
    if "symbol" in columns:
        fields["symbol"] = (list[_Symbols], _symbol_field())
    if "bar_interval" in columns:
        fields["interval"] = _interval_field(is_required=dataset.time == "bar_start_at")
    if dataset.time:
        fields |= {
            "from_": (str, _time_field("from", "inclusive", has_instants=dataset.has_instants)),
            "to": (str, _time_field("to", "exclusive", has_instants=dataset.has_instants)),
            "order": (Literal["asc", "desc"], Field("asc", description="By time, oldest or newest first.")),
            "last": (int, Field(0, ge=0, le=MAX_ROWS, description="Only so many newest rows of each series; 0: all.")),
        }
    for name in dataset.filters:
        values = dataset.values(name)
        data_type = Literal["", *values] if values else Annotated[str, Field(max_length=40, pattern=r"^[a-z_0-9]*$")]
        fields[name] = (data_type, Field("", description=columns[name].description))
    return create_model(f"{dataset.mart_name}_parameters", __base__=_Parameters, **fields)


_Symbols = Annotated[str, Field(max_length=22 * MAX_SYMBOLS, pattern=f"^ *(?:{_SYMBOL} *(?:, *{_SYMBOL} *)*)?$")]


def _symbol_field() -> Any:
    return Field(
        [],
        description=f"Up to {MAX_SYMBOLS} symbols, repeated or comma-separated; all by default.",
        json_schema_extra={"example": ["TSLA"]},
    )


def _split(texts: Sequence[str]) -> list[str]:
    """Return the values of a parameter that is repeated, comma-separated or both."""
    return [part for text in texts for value in str(text).split(",") if (part := value.strip())]


def _interval_field(*, is_required: bool) -> tuple[Any, Any]:
    default = "1min" if is_required else ""
    data_type: Any = Literal[*INTERVALS, *SPELLINGS] if is_required else Literal["", *INTERVALS, *SPELLINGS, *_DAYS]
    return data_type, Field(default, description="Length of the bars.", json_schema_extra={"example": "1min"})


def _time_field(name: str, bound: str, *, has_instants: bool) -> Any:
    kind = "A date, or a time with its zone" if has_instants else "A date"
    pattern = f"^(?:{_DATE}(?:{_TIME})?)?$" if has_instants else f"^(?:{_DATE})?$"
    return Field("", alias=name, max_length=40, pattern=pattern, description=f"{kind}, {bound}.")


def build_query(dataset: Dataset, release: Release, parameters: Any) -> Query:
    """Convert validated parameters to a query.

    Raises ProblemError for what depends on the release or on several parameters: unknown symbols and columns, too
    many symbols, a range that is too long.
    """
    symbols = _parse_symbols(release, getattr(parameters, "symbol", []))
    parse: Callable[[str, str], datetime | date] = parse_instant if dataset.has_instants else parse_day
    start, end = (
        parse(text, name) if (text := getattr(parameters, field, "")) else None
        for field, name in (("from_", "from"), ("to", "to"))
    )
    interval = getattr(parameters, "interval", "")
    interval = "1day" if interval in _DAYS else SPELLINGS.get(interval, interval)
    last = getattr(parameters, "last", 0)
    if last and dataset.has_instants and not symbols:
        raise invalid_parameter("last", last, "needs a symbol: the newest of every symbol would read every bar")
    if start is not None and end is not None and end <= start:
        raise invalid_parameter("to", parameters.to, f"is not after from '{parameters.from_}'; to is exclusive")
    if isinstance(start, datetime) and isinstance(end, datetime) and interval:
        longest = max_range(interval)
        if end - start > longest:
            message = f"is more than {longest.days} days after from, the limit of {interval}"
            raise invalid_parameter("to", parameters.to, message)
    return Query(
        symbols=symbols,
        interval=interval,
        start=start,
        end=end,
        filters={name: value for name in dataset.filters if (value := getattr(parameters, name))},
        columns=tuple(dict.fromkeys(parameters.columns)),
        is_descending=getattr(parameters, "order", "asc") == "desc",
        last=last,
        limit=parameters.limit,
        cursor=parameters.cursor,
    )


def _parse_symbols(release: Release, texts: Sequence[str]) -> tuple[str, ...]:
    symbols = tuple(dict.fromkeys(symbol.upper() for symbol in _split(texts)))
    if len(symbols) > MAX_SYMBOLS:
        raise invalid_parameter("symbol", ",".join(symbols), f"has {len(symbols)} symbols: the limit is {MAX_SYMBOLS}")
    for symbol in symbols:
        if symbol not in release.symbols():
            raise ProblemError(404, f"symbol '{symbol}' is not known to this release: /v1/symbols lists the known")
    return symbols


def parameter_names(dataset: Dataset) -> list[str]:
    """Return the names of a dataset's parameters, as a request spells them."""
    fields = create_parameters_model(dataset).model_fields
    return [field.alias or name for name, field in fields.items()]


def describe_errors(error: RequestValidationError, names: Collection[str] = ()) -> list[dict[str, str]]:
    """Return the parameter, value and message of each validation error, given the names of the path's parameters."""
    return [
        {
            "parameter": (name := str(detail["loc"][min(1, len(detail["loc"]) - 1)])),
            "value": str(detail.get("input", ""))[:100],
            "message": _describe_error(name, detail, names),
        }
        for detail in error.errors()
    ]


def _describe_error(name: str, detail: dict[str, Any], names: Collection[str]) -> str:
    kind = detail["type"]
    if kind == "extra_forbidden" and names:
        meant = _SYNONYMS.get(name.lower(), "")
        close = [meant] if meant in names else get_close_matches(name.lower(), names, 1)
        question = f"did you mean `{close[0]}`?" if close else f"use one of {', '.join(sorted(names))}"
        return f"is the value of an unknown parameter: {question}"
    if name == "interval" and detail.get("input") in _DAYS:
        return "is a length of days: /v1/daily/bars, /v1/daily/adjusted and the other daily paths have those"
    return str(_MESSAGES.get((name, kind), detail["msg"]))
