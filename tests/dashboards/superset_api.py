"""A running Superset, asked as its own pages ask it."""

from typing import Any

import requests

from dashboards.catalog import Card
from dashboards.superset import asked


class Superset:
    """A session of the administrator."""

    def __init__(self, base: str, password: str) -> None:
        self._base = base
        self._session = requests.Session()
        login = {"username": "admin", "password": password, "provider": "db", "refresh": True}
        answer = self._session.post(f"{base}/api/v1/security/login", json=login, timeout=30)
        answer.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        token = self._session.get(f"{base}/api/v1/security/csrf_token/", timeout=30).json()["result"]
        self._session.headers.update({"X-CSRFToken": token, "Referer": base})

    def charts(self) -> dict[str, dict[str, Any]]:
        """The charts by title, with the type of picture and the dataset's id."""
        charts = self._session.get(f"{self._base}/api/v1/chart/?q=(page_size:100)", timeout=30).json()["result"]
        return {chart["slice_name"]: chart for chart in charts}

    def rows(self, card: Card, dataset: int, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What the card's chart gets with these filters."""
        query = asked(card) | {"filters": filters, "row_limit": 50000}
        body = {
            "datasource": {"id": dataset, "type": "table"},
            "queries": [query],
            "result_format": "json",
            "result_type": "full",
            "force": True,
        }
        answer = self._session.post(f"{self._base}/api/v1/chart/data", json=body, timeout=60)
        assert answer.status_code == 200, f"{card.name}: {answer.text[:800]}"
        return list(answer.json()["result"][0]["data"])
