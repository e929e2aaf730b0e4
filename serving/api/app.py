"""The application: a route for each dataset, health, the questions, and the page."""

import logging
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import duckdb
import orjson
from fastapi import FastAPI, Request
from fastapi import Path as PathParameter
from fastapi import Query as QueryParameter
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

from serving.answers import read_questions
from serving.api import datasets, openapi
from serving.api.caching import CachingMiddleware, mark_as_cacheable
from serving.api.datasets import DATASETS, Dataset
from serving.api.limits import LimitsMiddleware
from serving.api.negotiation import FORMATS, choose_format
from serving.api.parameters import build_query, create_parameters_model, describe_errors, parameter_names
from serving.api.problems import ProblemError
from serving.api.store import ReleaseStore
from tickerlake.errors import UserError

STATIC = Path(__file__).parent / "static"
_PAGE_POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
_UNAVAILABLE = (
    "nothing is published yet (run `make build`, or `make demo` for simulated bars), or it cannot be read now"
)
_LOGGER = logging.getLogger("uvicorn.error")


def create_app(store: ReleaseStore, *, rate: float = 0) -> LimitsMiddleware:
    """Return the application over a store. `rate` is the requests a second of one client (0: no limit)."""
    app = FastAPI(
        title="tickerlake",
        version="1",
        description=openapi.DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    for dataset in DATASETS:
        _add_dataset(app, store, dataset)
    _add_health(app, store)
    _add_questions(app, store)
    _add_openapi(app, store)
    _add_page(app)
    _add_error_handlers(app)
    return LimitsMiddleware(CachingMiddleware(app, store), rate)


def _add_dataset(app: FastAPI, store: ReleaseStore, dataset: Dataset) -> None:
    def respond(request: Request, parameters: Any) -> Response:
        format_name = parameters.format or choose_format(request.headers.get("accept", ""))
        if not format_name:
            accept = request.headers["accept"][:100]
            raise ProblemError(406, f"no format is accepted by '{accept}': accept one of {sorted(FORMATS.values())}")
        release = store.release()
        names, rows, cursor = dataset.rows(release, build_query(dataset, release, parameters))
        mark_as_cacheable(request, release.tag)
        headers = {"Tickerlake-Next-Cursor": cursor} if cursor else {}
        if format_name == "csv":
            return Response(datasets.encode_csv(names, rows), headers=headers, media_type="text/csv; charset=utf-8")
        if format_name == "parquet":
            body = datasets.encode_parquet(dataset.mart, names, rows)
        else:
            encode = datasets.encode_records if format_name == "records" else datasets.encode_columns
            body = encode(dataset.path, release, names, rows, cursor)
        return Response(body, headers=headers, media_type=FORMATS[format_name])

    async def endpoint(request: Request, parameters: Annotated[Any, QueryParameter()]) -> Response:
        return await run_in_threadpool(_retry_once_if_file_removed, store, lambda: respond(request, parameters))

    endpoint.__annotations__["parameters"] = Annotated[create_parameters_model(dataset), QueryParameter()]
    app.get(
        f"/v1/{dataset.path}",
        name=dataset.path,
        summary=dataset.summary,
        description=dataset.mart.description,
        response_class=Response,
        responses=openapi.dataset_responses(dataset),
    )(endpoint)


def _retry_once_if_file_removed(store: ReleaseStore, respond: Callable[[], Response]) -> Response:
    """Respond; when maintenance has removed a file of the open release, respond from a newly opened one."""
    try:
        return respond()
    except duckdb.IOException:
        store.invalidate()
        return respond()


def _add_health(app: FastAPI, store: ReleaseStore) -> None:
    def respond(request: Request) -> Response:
        release = store.release()
        mark_as_cacheable(request, release.tag)
        return Response(orjson.dumps(release.health()), media_type="application/json")

    @app.get(
        "/v1/health",
        summary="Freshness, last batch, quarantined lines",
        response_class=Response,
        responses=openapi.health_responses(),
    )
    async def endpoint(request: Request) -> Response:
        """Return the freshness of the release, and the share of the landed lines that was quarantined, by reason."""
        return await run_in_threadpool(_retry_once_if_file_removed, store, lambda: respond(request))


def _add_questions(app: FastAPI, store: ReleaseStore) -> None:
    questions = {question.name: question for question in read_questions()}
    names = StrEnum("QuestionName", {name: name for name in questions})  # type: ignore[misc]

    @app.get(
        "/v1/questions",
        summary="The questions that the API answers",
        response_class=Response,
        responses=openapi.question_list_responses(),
    )
    async def list_questions() -> Response:
        """List the questions by name; /v1/questions/{name} answers one."""
        return Response(orjson.dumps({q.name: q.text for q in questions.values()}), media_type="application/json")

    def respond(request: Request, name: str) -> Response:
        release = store.release()
        question = questions[name]
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
        mark_as_cacheable(request, release.tag)
        return Response(orjson.dumps(body, default=float), media_type="application/json")

    @app.get(
        "/v1/questions/{name}",
        summary="The answer to one question",
        response_class=Response,
        responses=openapi.question_responses(),
    )
    async def answer_question(
        request: Request, name: Annotated[names, PathParameter(examples=[next(iter(questions))])]
    ) -> Response:
        """Answer a question of /v1/questions from the open release."""
        return await run_in_threadpool(_retry_once_if_file_removed, store, lambda: respond(request, str(name)))


def _add_openapi(app: FastAPI, store: ReleaseStore) -> None:
    documents: dict[str, bytes] = {}  # by release tag, one at a time

    @app.get("/openapi.json", include_in_schema=False)
    def endpoint() -> Response:
        """Return the description of the API, with examples from the release."""
        try:
            release = store.release()
        except UserError:
            release = None
        tag = release.tag if release else ""
        if tag not in documents:
            documents.clear()
            documents[tag] = orjson.dumps(openapi.build_document(app, release))
        return Response(documents[tag], media_type="application/json")


def _add_page(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        headers = {"Content-Security-Policy": _PAGE_POLICY, "Cache-Control": "no-cache"}
        return FileResponse(STATIC / "index.html", headers=headers)

    app.mount("/static", StaticFiles(directory=STATIC), name="static")


def _add_error_handlers(app: FastAPI) -> None:
    names = {f"/v1/{dataset.path}": parameter_names(dataset) for dataset in DATASETS}

    @app.exception_handler(ProblemError)
    async def on_problem(_: Request, error: ProblemError) -> Response:
        return error.response()

    @app.exception_handler(UserError)
    async def on_user_error(_: Request, error: UserError) -> Response:
        _LOGGER.error("%s", error)  # clients must not see folder and host
        return ProblemError(503, _UNAVAILABLE).response({"Retry-After": "60"})

    @app.exception_handler(RequestValidationError)
    async def on_invalid_request(request: Request, error: RequestValidationError) -> Response:
        details = describe_errors(error, names.get(request.url.path, ()))
        first = details[0]
        return ProblemError(422, f"{first['parameter']} '{first['value']}': {first['message']}", details).response()

    @app.exception_handler(HTTPException)
    async def on_http_error(request: Request, error: HTTPException) -> Response:
        headers = {"Allow": "GET, HEAD, OPTIONS"} if error.status_code == 405 else dict(error.headers or {})
        if error.status_code == 405 and request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
        detail = f"{request.method} {request.url.path[:200]}: {error.detail}"
        return ProblemError(error.status_code, detail).response(headers)

    @app.exception_handler(Exception)
    async def on_unexpected_error(_: Request, __: Exception) -> Response:
        return ProblemError(500, "the request failed: see the server's log").response()
