"""Every tool's query of a card, as the tool would send it to the engine."""

from collections.abc import Callable, Mapping

from dashboards import grafana, metabase, powerbi, superset
from dashboards.catalog import Card, Filters, reference_query

TOOLS: Mapping[str, Callable[[Card, Filters], str]] = {
    "reference": reference_query,
    "grafana": lambda card, chosen: grafana.expand(grafana.query(card), chosen),
    "metabase": lambda card, chosen: metabase.expand(metabase.query(card), chosen),
    "powerbi": lambda card, chosen: powerbi.expand(powerbi.query(card), chosen),
    "superset": lambda card, chosen: superset.expand(superset.query(card), chosen),
}


def queries(card: Card, chosen: Filters) -> dict[str, str]:
    """Return each tool's query with these filters, by the tool's name."""
    return {tool: expand(card, chosen) for tool, expand in TOOLS.items()}
