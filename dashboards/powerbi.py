"""A semantic model for Power BI in TMDL: a table per card, by ODBC, with measures over them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from dashboards.catalog import Card, Filters, cards, identifier, quoted, with_filters

SYMBOLS = "select distinct symbol from dim_series"
MEASURES: Mapping[str, Mapping[str, tuple[str, str]]] = {  # by table and name: DAX, format
    "price_candles": {
        "Last close": ("CALCULATE(MAX(price_candles[close]), LASTNONBLANK(price_candles[bar_start_at], 1))", "#,0.00"),
        "Highest": ("MAX(price_candles[high])", "#,0.00"),
        "Lowest": ("MIN(price_candles[low])", "#,0.00"),
        "Shares traded": ("SUM(price_candles[volume])", "#,0"),
    },
    "volume_spikes": {"Volume spikes": ("COUNT(volume_spikes[spike_volume])", "#,0")},
    "signals": {"Signals": ("COUNTROWS(signals)", "#,0")},
    "daily_change": {
        "Mean daily change %": ("AVERAGE(daily_change[price_change_pct])", "0.00"),
        "Best day %": ("MAX(daily_change[price_change_pct])", "0.00"),
        "Worst day %": ("MIN(daily_change[price_change_pct])", "0.00"),
    },
    "cumulative_return": {
        "Total return %": (
            "CALCULATE(MAX(cumulative_return[total_return_pct]), LASTNONBLANK(cumulative_return[session_date], 1))",
            "0.0",
        )
    },
    "volatility_volume": {"Mean volatility %": ("AVERAGE(volatility_volume[volatility_20_pct])", "0.0")},
    "gaps": {"Missing minutes": ("SUM(gaps[missing_minutes])", "#,0")},
    "quarantine": {"Refused lines": ("SUM(quarantine[refused_lines])", "#,0")},
    "load_account": {"Lost lines": ("SUM(load_account[missing_lines])", "#,0")},
    "run_cost": {"Bytes scanned": ("SUM(run_cost[bytes_scanned])", "#,0")},
}
_TYPES = {"timestamp": "dateTime", "date": "dateTime", "varchar": "string", "double": "double", "bigint": "int64"}
_FORMATS = {"timestamp": "yyyy-mm-dd hh:nn", "date": "yyyy-mm-dd"}
_PARAMETERS = {
    "Dsn": ('"tickerlake"', "Text"),
    "FirstDate": ("#date(2026, 1, 1)", "Date"),
    "LastDate": ("#date(2026, 12, 31)", "Date"),
    "Symbols": ('"TSLA,VOO"', "Text"),
    "Interval": ('"1min"', "Text"),
}
_RUN_QUERY = """(lines as list) as table =>
let
	day = (value as date) as text => Date.ToText(value, [Format = "yyyy-MM-dd", Culture = "en-US"]),
	listed = "'" & Text.Combine(Text.Split(Text.Replace(Symbols, "'", "''"), ","), "', '") & "'",
	chosen = {
		{"{first}", day(FirstDate)},
		{"{last}", day(LastDate)},
		{"{before}", day(Date.AddDays(FirstDate, -1))},
		{"{end}", day(Date.AddDays(LastDate, 1))},
		{"{interval}", Interval},
		{"{symbols}", if Symbols = "" then "%s" else listed}
	},
	sql = List.Accumulate(chosen, Text.Combine(lines, "#(lf)"), (query, pair) => Text.Replace(query, pair{0}, pair{1}))
in
	Odbc.Query("dsn=" & Dsn, sql)""".replace("%s", SYMBOLS)
_CALENDAR = """Table.TransformColumnTypes(
	Table.FromList(
		List.Dates(FirstDate, Duration.Days(LastDate - FirstDate) + 1, #duration(1, 0, 0, 0)),
		Splitter.SplitByNothing(), {"date"}
	),
	{{"date", type date}}
)"""


def query(card: Card) -> str:
    """Return the card's query with marks that the model's function `RunQuery` replaces by its parameters."""
    return with_filters(
        card.sql,
        {
            "symbols": lambda column: f"{column} in ({{symbols}})",
            "dates": lambda column: f"{column} between date '{{first}}' and date '{{last}}'",
            "times": lambda column: (
                f"{column} >= timestamp '{{first}} 00:00:00' and {column} < timestamp '{{end}} 00:00:00'"
            ),
            "partition": lambda column: f"{column} between date '{{before}}' and date '{{end}}'",
            "interval": lambda column: f"{column} = '{{interval}}'",
        },
    )


def expand(sql: str, chosen: Filters) -> str:
    """Replace the marks as `RunQuery` does; no symbols means all."""
    return sql.format(
        first=chosen.first,
        last=chosen.last,
        before=chosen.first - timedelta(days=1),
        end=chosen.end,
        interval=chosen.interval,
        symbols=quoted(chosen.symbols) or SYMBOLS,
    )


def render() -> dict[Path, str]:
    """Return the files of the semantic model, by path."""
    tables = {card.name: _table(card) for card in cards()}
    for name, column, kind, source, description in (
        ("symbols", "symbol", "varchar", _run_query(SYMBOLS), "Every symbol: a slicer on it narrows all tables."),
        ("calendar", "date", "date", _CALENDAR, "Every date of the range: a slicer on it narrows the daily tables."),
    ):
        tables[name] = _lines(_head(name, description), _column(name, column, kind), _partition(name, source))
    model = ["model Model", "\tculture: en-US", "\tdefaultPowerBIDataSourceVersion: powerBI_V3", ""]
    definition = {
        "database": "database\n\tcompatibilityLevel: 1567\n",
        "model": "\n".join([*model, *(f"ref table {name}" for name in tables), ""]),
        "expressions": _expressions(),
        "relationships": _lines(*(_relationship(*ends) for ends in _related())),
        **{f"tables/{name}": text for name, text in tables.items()},
    }
    home = Path("tickerlake.SemanticModel")
    files = {home / "definition" / f"{name}.tmdl": text for name, text in definition.items()}
    return files | {home / "definition.pbism": '{\n  "version": "4.0",\n  "settings": {}\n}\n'}


def query_of(table: str) -> str:
    """Return the query that a table's file holds, joined as `RunQuery` does."""
    match = re.search(r"RunQuery\(\{\n(.*?)\n\t+\}\)", table, re.DOTALL)
    if not match:
        raise ValueError(f"no query in the table: {table[:80]}")
    return "\n".join(
        line.strip("\t")[1:].rstrip(",").removesuffix('"').replace('""', '"') for line in match[1].split("\n")
    )


def _table(card: Card) -> str:
    measures = (_measure(card.name, name, *of) for name, of in MEASURES.get(card.name, {}).items())
    columns = (_column(card.name, name, kind) for name, kind in card.columns.items())
    return _lines(
        _head(card.name, f"{card.title}. {card.description}"),
        *measures,
        *columns,
        _partition(card.name, _run_query(query(card))),
    )


def _head(table: str, description: str) -> list[str]:
    return [f"/// {description}", f"table {table}", f"\tlineageTag: {identifier('powerbi', table)}"]


def _measure(table: str, name: str, dax: str, form: str) -> list[str]:
    return [
        f"\tmeasure '{name}' = {dax}",
        f"\t\tformatString: {form}",
        f"\t\tlineageTag: {identifier('powerbi', table, 'measure', name)}",
    ]


def _column(table: str, name: str, kind: str) -> list[str]:
    form = [f"\t\tformatString: {_FORMATS[kind]}"] if kind in _FORMATS else []
    return [
        f"\tcolumn {name}",
        f"\t\tdataType: {_TYPES[kind]}",
        *form,
        f"\t\tlineageTag: {identifier('powerbi', table, name)}",
        "\t\tsummarizeBy: none",
        f"\t\tsourceColumn: {name}",
    ]


def _partition(table: str, source: str) -> list[str]:
    return [f"\tpartition {table} = m", "\t\tmode: import", "\t\tsource =", *_indented(source, 4)]


def _run_query(sql: str) -> str:
    texts = ('"' + line.replace('"', '""') + '"' for line in sql.rstrip().split("\n"))
    return "RunQuery({\n\t" + ",\n\t".join(texts) + "\n})"


def _expressions() -> str:
    parameters = (
        [
            f'expression {name} = {value} meta [IsParameterQuery=true, Type="{kind}", IsParameterQueryRequired=true]',
            f"\tlineageTag: {identifier('powerbi', 'expression', name)}",
        ]
        for name, (value, kind) in _PARAMETERS.items()
    )
    function = [
        "expression RunQuery =",
        *_indented(_RUN_QUERY, 2),
        f"\tlineageTag: {identifier('powerbi', 'expression', 'RunQuery')}",
    ]
    return _lines(*parameters, function)


def _related() -> Iterator[tuple[str, str, str]]:
    for card in cards():
        if "symbol" in card.columns:
            yield card.name, "symbol", "symbols.symbol"
        if card.columns.get(card.time_column) == "date" and card.has_time:
            yield card.name, card.time_column, "calendar.date"


def _relationship(table: str, column: str, to: str) -> list[str]:
    return [
        f"relationship {identifier('powerbi', 'relationship', table, column)}",
        f"\tfromColumn: {table}.{column}",
        f"\ttoColumn: {to}",
    ]


def _indented(text: str, by: int) -> list[str]:
    return ["\t" * by + line for line in text.split("\n")]


def _lines(*blocks: Sequence[str]) -> str:
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"
