"""Datasets, charts and dashboards in Apache Superset's import format."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from dashboards.catalog import Card, Dashboard, Filters, as_yaml, cards, dashboards, identifier, quoted, with_filters

DATABASE = "tickerlake"
_FORMAT = "%Y-%m-%d %H:%M:%S"
_KINDS = {"timestamp": "TIMESTAMP", "date": "DATE", "varchar": "VARCHAR", "double": "DOUBLE", "bigint": "BIGINT"}
_CHARTS = {
    "candlestick": "echarts_timeseries_line",
    "lines": "echarts_timeseries_line",
    "bars": "echarts_timeseries_bar",
    "heatmap": "heatmap_v2",
    "points": "bubble_v2",
    "table": "table",
}
_NUMBERS = {"percent": ".1f", "price": ",.2f", "short": "SMART_NUMBER", "none": "SMART_NUMBER"}
_LENGTH = "(filter_values('bar_interval') or ['1min'])[:1] | where_in"


def query(card: Card) -> str:
    """Return the card's query with Superset's Jinja, so that a dashboard's filters prune partitions."""

    def between(column: str, day: str = "") -> str:
        first, last = (f"timestamp '{{{{ chosen.{end}_expr }}}}'" for end in ("from", "to"))
        return (
            f"{{% if chosen.from_expr %}}{column} >= {first}{' - ' + day if day else ''} and {{% endif %}}"
            f"{{% if chosen.to_expr %}}{column} < {last}{' + ' + day if day else ''} and {{% endif %}}true"
        )

    sql = with_filters(
        card.sql,
        {
            "symbols": lambda column: (
                f"{{% if filter_values('symbol') %}}{column} in {{{{ filter_values('symbol') | where_in }}}}"
                "{% else %}true{% endif %}"
            ),
            "dates": between,
            "times": between,
            "partition": lambda column: between(column, "interval '1' day"),
            "interval": lambda column: f"{column} in {{{{ {_LENGTH} }}}}",
        },
    )
    chosen = (
        f"{{% set chosen = get_time_filter('{card.time_column}', strftime='{_FORMAT}') %}}" if card.has_time else ""
    )
    return chosen + sql


def dataset(card: Card) -> str:
    """Return the dataset's query: the card's, with the chosen length of bars as a column that a filter can use."""
    if "interval" not in card.filters:
        return query(card)
    return f"select\n  card.*,\n  {{{{ {_LENGTH} }}}} as bar_interval\nfrom (\n{query(card)}) as card\n"


def expand(sql: str, chosen: Filters) -> str:
    """Expand Jinja as Superset does, with its functions returning these filters."""
    environment = jinja2.Environment(autoescape=False)  # noqa: S701 - SQL, not HTML
    environment.filters["where_in"] = lambda values: f"({quoted(values)})"
    values: dict[str, Sequence[str]] = {"symbol": chosen.symbols, "bar_interval": [chosen.interval]}
    window = {"from_expr": f"{chosen.first} 00:00:00", "to_expr": f"{chosen.end} 00:00:00"}
    return environment.from_string(sql).render(
        filter_values=lambda column: values[column], get_time_filter=lambda column, strftime: window
    )


def render(uri: str = "duckdb:///:memory:", kind: str = "Dashboard") -> dict[Path, str]:
    """Return the files of an import, for a database at `uri`. Files of kind `assets` replace what is there."""
    database = {
        "database_name": DATABASE,
        "sqlalchemy_uri": uri,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "extra": {"allows_virtual_table_explore": True},
        "uuid": identifier("superset", "database"),
        "version": "1.0.0",
    }
    metadata = {"version": "1.0.0", "type": kind, "timestamp": "2026-01-01T00:00:00+00:00"}
    files = {Path("metadata.yaml"): as_yaml(metadata), Path(f"databases/{DATABASE}.yaml"): as_yaml(database)}
    for card in cards():
        files[Path(f"datasets/{DATABASE}/{card.name}.yaml")] = as_yaml(_dataset(card))
        files[Path(f"charts/{card.name}.yaml")] = as_yaml(_chart(card))
    for name, board in dashboards().items():
        files[Path(f"dashboards/{name}.yaml")] = as_yaml(_dashboard(board))
    return files


def chart_query(card: Card) -> dict[str, Any]:
    """Return the request of the card's chart to its dataset, in the form of the chart data API."""
    if card.chart_type == "table":
        return {"columns": list(card.columns), "metrics": [], "orderby": []}
    columns = [_entity(card) if card.chart_type == "points" else card.x, card.series]
    return {"columns": columns, "metrics": _metrics(card), "orderby": []}


def _dataset(card: Card) -> dict[str, Any]:
    columns = dict(card.columns) | ({"bar_interval": "varchar"} if "interval" in card.filters else {})
    return {
        "table_name": card.name,
        "main_dttm_col": card.time_column or None,
        "description": card.description,
        "sql": dataset(card),
        "always_filter_main_dttm": False,
        "columns": [
            {
                "column_name": name,
                "is_dttm": kind in ("timestamp", "date"),
                "is_active": True,
                "type": _KINDS[kind],
                "groupby": True,
                "filterable": True,
            }
            for name, kind in columns.items()
        ],
        "metrics": [{"metric_name": "count", "expression": "count(*)"}],
        "uuid": identifier("superset", "dataset", card.name),
        "version": "1.0.0",
        "database_uuid": identifier("superset", "database"),
    }


def _entity(card: Card) -> str:
    """Return the column that makes a point: its time."""
    return card.time_column


def _metrics(card: Card) -> list[dict[str, Any]]:
    shown = {"points": [card.x, *card.y], "candlestick": ["high", "low", *card.y]}  # Superset draws no candles
    names = shown.get(card.chart_type, list(card.y))
    of = "sum" if card.columns[card.y[0]] == "bigint" else "avg"
    return [
        {
            "expressionType": "SQL",
            "sqlExpression": f"{of}({name})",
            "label": name,
            "hasCustomLabel": True,
            "optionName": f"metric_{name}",
        }
        for name in names
    ]


def _chart(card: Card) -> dict[str, Any]:
    kind = _CHARTS[card.chart_type]
    parameters: dict[str, Any] = {"viz_type": kind, "row_limit": 50000, "adhoc_filters": []}
    if card.has_time:
        window = {
            "clause": "WHERE",
            "expressionType": "SIMPLE",
            "subject": card.time_column,
            "operator": "TEMPORAL_RANGE",
            "comparator": "No filter",
        }
        parameters["adhoc_filters"] = [window]
    time_format = "%Y-%m-%d %H:%M" if "timestamp" in card.columns.values() else "%Y-%m-%d"
    if kind == "table":
        decimals = [name for name, kind in card.columns.items() if kind == "double"]
        parameters |= {
            "query_mode": "raw",
            "all_columns": list(card.columns),
            "table_timestamp_format": time_format,
            "show_cell_bars": False,
            "page_length": 0,
            "column_config": {name: {"d3NumberFormat": ",.2f"} for name in decimals},
        }
    elif kind == "heatmap_v2":
        parameters |= {
            "x_axis": card.x,
            "groupby": card.series,
            "metric": _metrics(card)[0],
            "sort_x_axis": "alpha_asc",
            "sort_y_axis": "alpha_desc",
            "linear_color_scheme": "schemeRdYlGn",
            "normalize_across": "heatmap",
            "show_legend": True,
            "y_axis_format": ".1f",
            "x_axis_time_format": "%Y-%m",
            "value_bounds": [-25, 25],
            "xscale_interval": -1,
            "yscale_interval": -1,
        }
    elif kind == "bubble_v2":
        x, y = _metrics(card)
        size = {"expressionType": "SQL", "sqlExpression": "count(*)", "label": "days", "hasCustomLabel": True}
        parameters |= {
            "entity": _entity(card),
            "series": card.series,
            "x": x,
            "y": y,
            "size": size,
            "max_bubble_size": "5",
            "x_axis_label": x["label"],
            "x_axis_title_margin": 30,
            "y_axis_label": y["label"],
            "y_axis_title_margin": 40,
            "show_legend": True,
            "opacity": 0.6,
            "logXAxis": True,
            "xAxisFormat": "SMART_NUMBER",
        }
    else:
        parameters |= {
            "x_axis": card.x,
            "time_grain_sqla": None,
            "metrics": _metrics(card),
            "groupby": [card.series],
            "show_legend": True,
            "rich_tooltip": True,
            "truncateYAxis": kind.endswith("line"),
            "y_axis_bounds": [None, None],
            "y_axis_format": _NUMBERS[card.unit],
            "x_axis_time_format": time_format.removeprefix("%Y-"),
            "y_axis_title": "%" if card.unit == "percent" else "",
            "y_axis_title_margin": 50,
            "y_axis_title_position": "Left",
        }
    return {
        "slice_name": card.title,
        "description": card.description,
        "viz_type": kind,
        "params": parameters,
        "uuid": identifier("superset", "chart", card.name),
        "version": "1.0.0",
        "dataset_uuid": identifier("superset", "dataset", card.name),
    }


def _dashboard(board: Dashboard) -> dict[str, Any]:
    rows = [board.cards[at : at + 2] for at in range(0, len(board.cards), 2)]
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"id": "ROOT_ID", "type": "ROOT", "children": ["GRID_ID"]},
        "GRID_ID": {
            "id": "GRID_ID",
            "type": "GRID",
            "parents": ["ROOT_ID"],
            "children": [f"ROW-{number}" for number in range(len(rows))],
        },
        "HEADER_ID": {"id": "HEADER_ID", "type": "HEADER", "meta": {"text": board.title}},
    }
    for number, row in enumerate(rows):
        position[f"ROW-{number}"] = {
            "id": f"ROW-{number}",
            "type": "ROW",
            "parents": ["ROOT_ID", "GRID_ID"],
            "children": [f"CHART-{card.name}" for card in row],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        for card in row:
            position[f"CHART-{card.name}"] = {
                "id": f"CHART-{card.name}",
                "type": "CHART",
                "children": [],
                "parents": ["ROOT_ID", "GRID_ID", f"ROW-{number}"],
                "meta": {
                    "uuid": identifier("superset", "chart", card.name),
                    "sliceName": card.title,
                    "chartId": _chart_id(board, card),
                    "width": 12 // len(row),
                    "height": 50,
                },
            }
    return {
        "dashboard_title": board.title,
        "description": board.description,
        "slug": f"tickerlake-{board.name}",
        "published": True,
        "uuid": identifier("superset", "dashboard", board.name),
        "position": position,
        "metadata": {"native_filter_configuration": _native_filters(board), "cross_filters_enabled": True},
        "version": "1.0.0",
    }


def _native_filters(board: Dashboard) -> list[dict[str, Any]]:
    listed = {"datasetUuid": identifier("superset", "dataset", "freshness")}  # the card that lists all series
    filters = []
    if any("symbols" in card.filters for card in board.cards):
        is_bars = any("interval" in card.filters for card in board.cards)  # of which one symbol is enough at first
        controls = {"multiSelect": True, "enableEmptyFilter": is_bars, "defaultToFirstItem": is_bars}
        targets = [listed | {"column": {"name": "symbol"}}]
        symbols = _native_filter(board, "symbols", "Symbols", "filter_select", targets, controls)
        filters.append(symbols | {"requiredFirst": is_bars})
    if any("interval" in card.filters for card in board.cards):
        controls = {"multiSelect": False, "enableEmptyFilter": False}
        targets = [listed | {"column": {"name": "bar_interval"}}]
        bars = {"clause": "WHERE", "expressionType": "SQL", "sqlExpression": "bar_interval <> '1day'"}
        length = _native_filter(board, "interval", "Length of bars", "filter_select", targets, controls)
        filters.append(length | {"adhoc_filters": [bars]})
    return [*filters, _native_filter(board, "time", "Time range", "filter_time", [{}], {})]


def _native_filter(
    board: Dashboard, kind: str, label: str, of: str, targets: list[dict[str, Any]], controls: dict[str, Any]
) -> dict[str, Any]:
    others = [_chart_id(board, card) for card in board.cards if kind not in card.filters | {"time"}]
    return {
        "id": f"NATIVE_FILTER-{board.name}-{kind}",
        "name": label,
        "filterType": of,
        "type": "NATIVE_FILTER",
        "targets": targets,
        "controlValues": controls,
        "defaultDataMask": {},
        "cascadeParentIds": [],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": others},
        "description": "",
    }


def _chart_id(board: Dashboard, card: Card) -> int:
    """Return the chart's number in the dashboard's file; the import replaces it by the real id."""
    return board.cards.index(card) + 1
