"""Query parameters of a dataset: their model, and the query that they describe."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, create_model

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
    ("columns", "string_pattern_mismatch"): "has a character that no column name has: /openapi.json lists the columns",
}
"""Messages that replace pydantic's, by parameter and type of error."""


class _Parameters(BaseModel):
    """The parameters that every dataset has."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    limit: int = Field(1_000, ge=1, le=MAX_ROWS, description="Rows of a page.")
    cursor: str = Field("", max_length=500, description="next_cursor of the page before.")
    format: Literal["json", "csv"] = Field("json", description="Columnar JSON, or CSV with a header line.")


def create_parameters_model(dataset: Dataset) -> type[BaseModel]:
    """Return a model of the parameters that the columns of a dataset allow."""
    columns = dataset.mart.columns
    fields: dict[str, Any] = {"columns": (str, _columns_field())}
    if "symbol" in columns:
        fields["symbol"] = (str, _symbol_field())
    if "bar_interval" in columns:
        fields["interval"] = _interval_field(is_required=dataset.time == "bar_start_at")
    if dataset.time:
        fields |= {
            "from_": (str, _time_field("from", "inclusive", has_instants=dataset.has_instants)),
            "to": (str, _time_field("to", "exclusive", has_instants=dataset.has_instants)),
            "order": (Literal["asc", "desc"], Field("asc", description="By time, oldest or newest first.")),
        }
    for name in dataset.filters:
        values = dataset.values(name)
        data_type = Literal["", *values] if values else Annotated[str, Field(max_length=40, pattern=r"^[a-z_0-9]*$")]
        fields[name] = (data_type, Field("", description=columns[name].description))
    return create_model(f"{dataset.mart_name}_parameters", __base__=_Parameters, **fields)


def _columns_field() -> Any:
    return Field(
        "",
        max_length=600,
        pattern=r"^[a-z0-9_,]*$",
        description="Columns of the response, comma-separated; all but lineage by default.",
    )


def _symbol_field() -> Any:
    return Field(
        "",
        max_length=21 * MAX_SYMBOLS,
        pattern=f"^(?:{_SYMBOL}(?:,{_SYMBOL})*)?$",
        description=f"Up to {MAX_SYMBOLS} symbols, comma-separated; all by default.",
        json_schema_extra={"example": "TSLA"},
    )


def _interval_field(*, is_required: bool) -> tuple[Any, Any]:
    default = "1min" if is_required else ""
    data_type: Any = Literal[*INTERVALS] if is_required else Literal["", *INTERVALS]
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
    symbols = _parse_symbols(release, getattr(parameters, "symbol", ""))
    parse: Callable[[str, str], datetime | date] = parse_instant if dataset.has_instants else parse_day
    start, end = (
        parse(text, name) if (text := getattr(parameters, field, "")) else None
        for field, name in (("from_", "from"), ("to", "to"))
    )
    interval = getattr(parameters, "interval", "")
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
        columns=_parse_columns(dataset, parameters.columns),
        is_descending=getattr(parameters, "order", "asc") == "desc",
        limit=parameters.limit,
        cursor=parameters.cursor,
    )


def _parse_symbols(release: Release, text: str) -> tuple[str, ...]:
    symbols = tuple(dict.fromkeys(symbol.upper() for symbol in text.split(",") if symbol))
    if len(symbols) > MAX_SYMBOLS:
        raise invalid_parameter("symbol", text, f"has {len(symbols)} symbols: the limit is {MAX_SYMBOLS}")
    if symbols:
        _, known_symbols = release.query("select symbol from dim_symbol")
        for symbol in symbols:
            if (symbol,) not in known_symbols:
                raise ProblemError(404, f"symbol '{symbol}' is not known to this release: /v1/symbols lists the known")
    return symbols


def _parse_columns(dataset: Dataset, text: str) -> tuple[str, ...]:
    columns = tuple(dict.fromkeys(name for name in text.split(",") if name))
    unknown = [name for name in columns if name not in dataset.mart.columns]
    if unknown:
        message = f"is not a column of this dataset: it has {', '.join(dataset.mart.columns)}"
        raise invalid_parameter("columns", ",".join(unknown), message)
    return columns


def describe_errors(error: RequestValidationError) -> list[dict[str, str]]:
    """Return the parameter, value and message of each validation error."""
    return [
        {
            "parameter": str(detail["loc"][-1]),
            "value": str(detail.get("input", ""))[:100],
            "message": _MESSAGES.get((str(detail["loc"][-1]), detail["type"]), detail["msg"]),
        }
        for detail in error.errors()
    ]
