"""The OpenAPI description of the API, from the marts' contract, with rows of the open release as examples."""

from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from serving.api import datasets, problems
from serving.api.datasets import DATASETS, MAX_ROWS, Dataset
from serving.api.negotiation import FORMATS
from serving.api.store import Release

DESCRIPTION = (
    "The published tables of a tickerlake, read-only. Every time is in UTC and is marked so. A response shows one "
    "release, named by its ETag, and stays the same until the next; `next_cursor` continues a page. Computed from data "
    "that may be late, wrong or incomplete: **nothing here is trading advice**."
)
_ERRORS = {
    404: "A symbol that is not in the release",
    406: "The Accept header allows none of the formats",
    414: "The address is too long",
    422: "An invalid parameter; the detail names it and its value",
    429: "Too many requests; see Retry-After",
    503: "Nothing is published yet, or it cannot be read now",
}
_INTEGER, _TEXT, _NUMBER = {"type": "integer"}, {"type": "string"}, {"type": "number"}
_HEALTH = {
    "status": {"enum": ["ok", "lines_missing"]},
    "time_zone": {"const": "UTC"},
    "release": _TEXT,
    "published_at": _TEXT,
    "last_built_at": {"type": ["string", "null"]},
    "last_batch_id": {"type": ["integer", "null"]},
    "last_bar_start_at": {"type": ["string", "null"]},
    "last_session_date": {"type": ["string", "null"]},
    "landed_lines": _INTEGER,
    "quarantined_lines": _INTEGER,
    "quarantine_rate": _NUMBER,
    "missing_lines": _INTEGER,
    "quarantine_reasons": {"type": "object", "additionalProperties": _INTEGER},
}
_TABLE = {
    "type": "object",
    "required": ["columns", "rows"],
    "properties": {"columns": {"type": "array"}, "rows": {"type": "array"}},
}

Responses = dict[int | str, dict[str, Any]]


def error_responses(*statuses: int) -> Responses:
    """Return the descriptions of these errors; without statuses, of all."""
    return {
        status: {"description": text, "content": {problems.MEDIA_TYPE: {"schema": problems.SCHEMA}}}
        for status, text in _ERRORS.items()
        if status in statuses or not statuses
    }


def health_responses() -> Responses:
    """Describe the responses of /v1/health."""
    schema = {"type": "object", "properties": _HEALTH, "required": list(_HEALTH)}
    return {200: _json_response("Freshness and completeness of the release", schema), **error_responses(429, 503)}


def question_list_responses() -> Responses:
    """Describe the responses of /v1/questions."""
    schema = {"type": "object", "additionalProperties": {"type": "string"}}
    return {200: _json_response("Their names and texts", schema), **error_responses(429)}


def question_responses() -> Responses:
    """Describe the responses of /v1/questions/{name}."""
    properties = {"name": _TEXT, "asked": _TEXT, "answer": _TABLE, "points": _TABLE}
    schema = {"type": "object", "required": list(properties), "properties": properties}
    return {
        200: _json_response("The answer, and the points of its chart", schema),
        **error_responses(422, 429, 503),
    }


def dataset_responses(dataset: Dataset) -> Responses:
    """Describe the responses of a dataset: the columns of its contract, as lists."""
    columns = {
        name: {"type": "array", "items": column.schema(), "description": column.description}
        for name, column in dataset.mart.columns.items()
    }
    properties = {
        "dataset": {"const": dataset.path},
        "time_zone": {"const": "UTC"},
        "release": _TEXT,
        "count": {"type": "integer", "minimum": 0, "maximum": MAX_ROWS},
        "next_cursor": {"type": ["string", "null"]},
        "columns": {"type": "object", "properties": columns, "additionalProperties": False},
        "records": {"type": "array", "items": {"type": "object"}, "description": "Instead of columns: format=records"},
    }
    required = [name for name in properties if name not in ("columns", "records")]
    page = _json_response(
        "A page of rows, as one list for each column; times are UTC",
        {"type": "object", "required": required, "properties": properties},
    )
    page["headers"] = {
        "ETag": {"schema": _TEXT, "description": "The release"},
        "Tickerlake-Next-Cursor": {"schema": _TEXT, "description": "next_cursor, for CSV and Parquet"},
    }
    page["content"]["text/csv"] = {"schema": _TEXT}
    page["content"][FORMATS["parquet"]] = {"schema": {"type": "string", "format": "binary"}}
    return {200: page, **error_responses()}


def build_document(app: FastAPI, release: Release | None) -> dict[str, Any]:
    """Return the OpenAPI document of an app; the examples are rows of the release, if there is one."""
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    if release is None:
        return document
    for dataset in DATASETS:
        names, rows, cursor = dataset.rows(release, datasets.Query(limit=2))
        content = document["paths"][f"/v1/{dataset.path}"]["get"]["responses"]["200"]["content"]
        content["application/json"]["example"] = orjson.loads(
            datasets.encode_columns(dataset.path, release, names, rows, cursor)
        )
    return document


def _json_response(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
