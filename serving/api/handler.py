"""AWS Lambda entry point of the API, behind a function URL, over the PostgreSQL copy.

Environment: DATABASE_URL_SECRET, which names where the address is (`ssm:/name` or `secretsmanager:name`); it is read
once by each process. TICKERLAKE_EXTENSIONS must name a folder that may be written.
"""

import os
from functools import cache
from typing import Any

from mangum import Mangum
from mangum.adapter import DEFAULT_TEXT_MIME_TYPES

from loader.secret import fetch_secret
from serving.api.app import create_app
from serving.api.postgres import PostgresStore
from serving.api.problems import MEDIA_TYPE

_RATE = 50.0
"""Requests a second and client, of each process."""


@cache
def _application() -> Mangum:
    store = PostgresStore(fetch_secret(os.environ["DATABASE_URL_SECRET"]))
    texts = [*DEFAULT_TEXT_MIME_TYPES, MEDIA_TYPE]
    return Mangum(create_app(store, rate=_RATE), lifespan="off", text_mime_types=texts)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one request of a function URL."""
    return dict(_application()(event, context))
