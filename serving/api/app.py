"""The application: a route for each dataset, health, the questions, and the page."""

import logging
from collections.abc import Callable
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import duckdb
import orjson
from fastapi import FastAPI, Request
from fastapi import Path as PathParameter
from fastapi import Query as QueryParameter
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, ConfigDict, Field, create_model
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

from serving.answers import read_questions
from serving.api import datasets, problems
from serving.api.datasets import DATASETS, INTERVALS, MAX_ROWS, MAX_SYMBOLS, Dataset
from serving.api.front import CACHED, Front
from serving.api.problems import ProblemError
from serving.api.store import Release, Store
from tickerlake.errors import UserError

STATIC = Path(__file__).parent / "static"
ABOUT = (
    "The published tables of a tickerlake, read-only. Every time is UTC and says so. An answer shows one release, "
    "named by its ETag, and stays the same until the next; `next_cursor` continues a page. Computed from data that may "
    "be late, wrong or incomplete: **nothing here is trading advice**."
)
_SYMBOL = r"[A-Za-z0-9][A-Za-z0-9.^=/-]{0,19}"
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {problems.MEDIA_TYPE: {"schema": problems.SCHEMA}}}
    for status, text in {
        404: "A symbol that the release does not know",
        414: "The address is too long",
        422: "A parameter that is not right; the detail names it and its value",
        429: "Too many requests; see Retry-After",
        503: "Nothing is published yet, or it cannot be read now",
    }.items()
}


_TIMES = "is not a date (2024-06-07), or for bars a time with its zone (2024-06-07T13:30:00Z)"
_REMEDIES = {
    ("from", "string_pattern_mismatch"): _TIMES,
    ("to", "string_pattern_mismatch"): _TIMES,
    ("symbol", "string_pattern_mismatch"): "is not a list of symbols, as in TSLA,BRK.B",
    ("columns", "string_pattern_mismatch"): "names what is no column here: /openapi.json lists them",
}


class _Parameters(BaseModel):
    """What every dataset takes."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    limit: int = Field(1_000, ge=1, le=MAX_ROWS, description="Rows of a page.")
    cursor: str = Field("", max_length=500, description="next_cursor of the page before.")
    format: Literal["json", "csv"] = Field("json", description="Columnar JSON, or CSV with a header line.")


def create_app(store: Store, *, rate: float = 0) -> Front:
    """Make the application over what is published. `rate` is a client's requests a second (0: no limit)."""
    app = FastAPI(title="tickerlake", version="1", description=ABOUT, docs_url=None, redoc_url=None, openapi_url=None)
    for dataset in DATASETS:
        _add_dataset(app, store, dataset)
    _add_health(app, store)
    _add_questions(app, store)
    _add_page(app)
    _add_errors(app)
    documents: dict[str, bytes] = {}

    @app.get("/openapi.json", include_in_schema=False)
    def openapi() -> Response:
        """Describe the API, with examples from the release at hand."""
        try:
            release = store.release()
        except UserError:
            release = None
        tag = release.tag if release else ""
        if tag not in documents:
            documents.clear()
            documents[tag] = orjson.dumps(_openapi(app, release))
        return Response(documents[tag], media_type="application/json")

    return Front(app, store, rate)


def _add_dataset(app: FastAPI, store: Store, dataset: Dataset) -> None:
    columns = dataset.mart.columns
    fields: dict[str, Any] = {
        "columns": (
            str,
            Field(
                "",
                max_length=600,
                pattern=r"^[a-z0-9_,]*$",
                description="Columns to give, comma-separated; all but lineage when left out.",
            ),
        )
    }
    if "symbol" in columns:
        fields["symbol"] = (
            str,
            Field(
                "",
                max_length=21 * MAX_SYMBOLS,
                pattern=f"^(?:{_SYMBOL}(?:,{_SYMBOL})*)?$",
                description=f"Up to {MAX_SYMBOLS} symbols, comma-separated; all when left out.",
                json_schema_extra={"example": "TSLA"},
            ),
        )
    if "bar_interval" in columns:
        default: Any = ... if dataset.time == "bar_start_at" else ""
        allowed: Any = Literal[*INTERVALS] if default is ... else Literal["", *INTERVALS]
        fields["interval"] = (
            allowed,
            Field(
                "1min" if default is ... else "",
                description="Length of the bars.",
                json_schema_extra={"example": "1min"},
            ),
        )
    if dataset.time:
        kind = "A date, or a time with its zone" if dataset.has_instants else "A date"
        shape = r"[0-9]{4}-[0-9]{2}-[0-9]{2}" + (
            r"(?:T[0-9:.]{5,15}(?:Z|[+-][0-9]{2}:[0-9]{2}))?" * dataset.has_instants
        )
        for name, alias, text in (("from_", "from", "the first that counts"), ("to", "to", "the first that does not")):
            fields[name] = (
                str,
                Field("", alias=alias, max_length=40, pattern=f"^(?:{shape})?$", description=f"{kind}: {text}."),
            )
        fields["order"] = (Literal["asc", "desc"], Field("asc", description="By time, oldest or newest first."))
    for name in dataset.filters:
        values = dataset.values(name)
        allowed = Literal["", *values] if values else Annotated[str, Field(max_length=40, pattern=r"^[a-z_0-9]*$")]
        fields[name] = (allowed, Field("", description=columns[name].description))
    parameters = create_model(f"{dataset.mart_name}_parameters", __base__=_Parameters, **fields)

    def answer(asked: Any) -> Response:
        release = store.release()
        query = _query(dataset, release, asked)
        names, rows, cursor = dataset.rows(release, query)
        if asked.format == "csv":
            response = _kept(datasets.comma_separated(names, rows), release, "text/csv; charset=utf-8")
        else:
            response = _kept(datasets.columnar(dataset.path, release, names, rows, cursor), release)
        if cursor:
            response.headers["Tickerlake-Next-Cursor"] = cursor
        return response

    async def endpoint(asked: Annotated[Any, QueryParameter()]) -> Response:
        return await run_in_threadpool(_again_when_gone, store, lambda: answer(asked))

    endpoint.__annotations__["asked"] = Annotated[parameters, QueryParameter()]
    app.get(
        f"/v1/{dataset.path}",
        name=dataset.path,
        summary=dataset.summary,
        description=dataset.mart.description,
        response_class=Response,
        responses={200: _described(dataset), **_PROBLEMS},
    )(endpoint)


def _query(dataset: Dataset, release: Release, asked: Any) -> datasets.Query:
    """Turn validated parameters into a query. Raises ProblemError for what only the release can tell."""
    symbols = tuple(dict.fromkeys(s.upper() for s in getattr(asked, "symbol", "").split(",") if s))
    if len(symbols) > MAX_SYMBOLS:
        raise problems.about("symbol", asked.symbol, f"names {len(symbols)} symbols, and {MAX_SYMBOLS} are the limit")
    if symbols:
        _, known = release.query("select symbol from dim_symbol")
        for symbol in symbols:
            if (symbol,) not in known:
                raise ProblemError(
                    404, f"symbol '{symbol}' is not known to this release: /v1/symbols lists those that are"
                )
    read: Callable[[str, str], datetime | date] = datasets.instant if dataset.has_instants else datasets.day
    bounds = [
        read(text, name) if (text := getattr(asked, field, "")) else None
        for field, name in (("from_", "from"), ("to", "to"))
    ]
    interval = getattr(asked, "interval", "")
    if isinstance(bounds[0], datetime) and isinstance(bounds[1], datetime) and interval:
        longest = datasets.longest(interval)
        if bounds[1] - bounds[0] > longest:
            raise problems.about(
                "to", asked.to, f"is more than {longest.days} days after from, the limit of {interval}"
            )
    wanted = tuple(dict.fromkeys(name for name in asked.columns.split(",") if name))
    unknown = [name for name in wanted if name not in dataset.mart.columns]
    if unknown:
        there = ", ".join(dataset.mart.columns)
        raise problems.about("columns", ",".join(unknown), f"is no column here; there are {there}")
    return datasets.Query(
        symbols=symbols,
        interval=interval,
        at_least=bounds[0],
        before=bounds[1],
        equal={name: value for name in dataset.filters if (value := getattr(asked, name))},
        columns=wanted,
        is_descending=getattr(asked, "order", "asc") == "desc",
        limit=asked.limit,
        cursor=asked.cursor,
    )


def _again_when_gone(store: Store, answer: Callable[[], Response]) -> Response:
    """Answer; once more on a freshly opened release when maintenance has removed a file of the one at hand."""
    try:
        return answer()
    except duckdb.IOException:
        store.forget()
        return answer()


def _kept(body: bytes, release: Release, media_type: str = "application/json") -> Response:
    return Response(body, headers={"ETag": f'W/"{release.tag}"', "Cache-Control": CACHED}, media_type=media_type)


def _add_health(app: FastAPI, store: Store) -> None:
    def health() -> Response:
        release = store.release()
        return _kept(orjson.dumps(release.health()), release)

    integer, text, number = {"type": "integer"}, {"type": "string"}, {"type": "number"}
    schema = {
        "type": "object",
        "properties": {
            "status": {"enum": ["ok", "lines_missing"]},
            "time_zone": {"const": "UTC"},
            "release": text,
            "published_at": text,
            "last_built_at": {"type": ["string", "null"]},
            "last_batch_id": {"type": ["integer", "null"]},
            "last_bar_start_at": {"type": ["string", "null"]},
            "last_session_date": {"type": ["string", "null"]},
            "landed_lines": integer,
            "quarantined_lines": integer,
            "quarantine_rate": number,
            "missing_lines": integer,
            "quarantine_reasons": {"type": "object", "additionalProperties": integer},
        },
    }
    schema["required"] = list(schema["properties"])

    @app.get(
        "/v1/health",
        summary="Freshness, last batch, refused lines",
        response_class=Response,
        responses={
            200: {
                "description": "How old and how whole the release is",
                "content": {"application/json": {"schema": schema}},
            },
            **{status: _PROBLEMS[status] for status in (429, 503)},
        },
    )
    async def endpoint() -> Response:
        """Tell how fresh the release is, and what share of the landed lines was refused and why."""
        return await run_in_threadpool(_again_when_gone, store, health)


def _add_questions(app: FastAPI, store: Store) -> None:
    known = {question.name: question for question in read_questions()}
    names = StrEnum("Question", {name: name for name in known})  # type: ignore[misc]
    table = {
        "type": "object",
        "required": ["columns", "rows"],
        "properties": {"columns": {"type": "array"}, "rows": {"type": "array"}},
    }

    @app.get(
        "/v1/questions",
        summary="The questions that are answered",
        response_class=Response,
        responses={
            200: {
                "description": "Their names and texts",
                "content": {
                    "application/json": {"schema": {"type": "object", "additionalProperties": {"type": "string"}}}
                },
            },
            429: _PROBLEMS[429],
        },
    )
    async def listed() -> Response:
        """List the questions, each with the name that its answer is asked by."""
        return Response(orjson.dumps({q.name: q.text for q in known.values()}), media_type="application/json")

    def answer(name: str) -> Response:
        release = store.release()
        question = known[name]
        columns, rows = release.query(question.answer)
        _, points = release.query(question.points)
        body = {
            "name": name,
            "asked": question.text,
            "notes": question.notes,
            "shape": question.shape,
            "unit": question.unit,
            "release": release.tag,
            "time_zone": "UTC",
            "answer": {"columns": columns, "rows": rows},
            "points": {"columns": ["x", "series", "y"], "rows": points},
        }
        return _kept(orjson.dumps(body, default=float), release)

    @app.get(
        "/v1/questions/{name}",
        summary="One question, answered",
        response_class=Response,
        responses={
            200: {
                "description": "The answer, and the points of its picture",
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "required": ["name", "asked", "answer", "points"],
                            "properties": {
                                "name": {"type": "string"},
                                "asked": {"type": "string"},
                                "answer": table,
                                "points": table,
                            },
                        }
                    }
                },
            },
            **{status: _PROBLEMS[status] for status in (422, 429, 503)},
        },
    )
    async def answered(name: Annotated[names, PathParameter(examples=[next(iter(known))])]) -> Response:
        """Answer a question of /v1/questions on the release at hand."""
        return await run_in_threadpool(_again_when_gone, store, lambda: answer(str(name)))


def _add_page(app: FastAPI) -> None:
    policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(
            STATIC / "index.html", headers={"Content-Security-Policy": policy, "Cache-Control": "no-cache"}
        )

    app.mount("/static", StaticFiles(directory=STATIC), name="static")


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(ProblemError)
    async def problem(_: Request, error: ProblemError) -> Response:
        return error.response()

    @app.exception_handler(UserError)
    async def nothing(_: Request, error: UserError) -> Response:
        logging.getLogger("uvicorn.error").error("%s", error)  # folder and host are not for clients to know
        detail = (
            "nothing is published yet (run `make build`, or `make demo` for simulated bars), or it cannot be read now"
        )
        return ProblemError(503, detail).response({"Retry-After": "60"})

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        found = [
            {
                "parameter": str(e["loc"][-1]),
                "value": str(e.get("input", ""))[:100],
                "message": _REMEDIES.get((str(e["loc"][-1]), e["type"]), e["msg"]),
            }
            for e in error.errors()
        ]
        first = found[0]
        return ProblemError(422, f"{first['parameter']} '{first['value']}': {first['message']}", found).response()

    @app.exception_handler(HTTPException)
    async def known(request: Request, error: HTTPException) -> Response:
        detail = f"{request.method} {request.url.path[:200]}: {error.detail}"
        return ProblemError(error.status_code, detail).response(dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def unknown(_: Request, __: Exception) -> Response:
        return ProblemError(500, "the request failed; the server's log says why").response()


def _described(dataset: Dataset) -> dict[str, Any]:
    """Document an answer: the contract's columns, as lists."""
    columns = {
        name: {"type": "array", "items": column.schema(), "description": column.description}
        for name, column in dataset.mart.columns.items()
    }
    return {
        "description": "A page of rows, a list for each column; times are UTC",
        "headers": {
            "ETag": {"schema": {"type": "string"}, "description": "The release"},
            "Tickerlake-Next-Cursor": {"schema": {"type": "string"}, "description": "next_cursor, for CSV"},
        },
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["dataset", "time_zone", "release", "count", "next_cursor", "columns"],
                    "properties": {
                        "dataset": {"const": dataset.path},
                        "time_zone": {"const": "UTC"},
                        "release": {"type": "string"},
                        "count": {"type": "integer", "minimum": 0, "maximum": MAX_ROWS},
                        "next_cursor": {"type": ["string", "null"]},
                        "columns": {"type": "object", "properties": columns, "additionalProperties": False},
                    },
                }
            },
            "text/csv": {"schema": {"type": "string"}},
        },
    }


def _openapi(app: FastAPI, release: Release | None) -> dict[str, Any]:
    """Describe the API; the examples are rows of the release."""
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    if release is None:
        return document
    for dataset in DATASETS:
        names, rows, cursor = dataset.rows(release, datasets.Query(limit=2))
        content = document["paths"][f"/v1/{dataset.path}"]["get"]["responses"]["200"]["content"]
        content["application/json"]["example"] = orjson.loads(
            datasets.columnar(dataset.path, release, names, rows, cursor)
        )
    return document
