"""AWS Lambda entry point of the API, behind a function URL, over the PostgreSQL copy.

Environment: DATABASE_URL_SECRET, the name of the secret that holds the database address (`ssm:/name` or
`secretsmanager:name`), read once per process; TICKERLAKE_EXTENSIONS, a writable folder.
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
"""Requests a second for each client and process."""


@cache
def _application() -> Mangum:
    store = PostgresStore(fetch_secret(os.environ["DATABASE_URL_SECRET"]))
    text_types = [*DEFAULT_TEXT_MIME_TYPES, MEDIA_TYPE]
    return Mangum(create_app(store, rate=_RATE), lifespan="off", text_mime_types=text_types)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Respond to one request of a function URL."""
    return dict(_application()(event, context))
