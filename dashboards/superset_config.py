"""Superset's settings for `make dashboards`: on 127.0.0.1 only, all its files below the lake."""

import os
import secrets
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from tickerlake import lake


def _secret(path: Path) -> str:
    """Return the secret in a file that nobody else may read, created at first."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32))
    return path.read_text()


HOME = Path(os.environ["SUPERSET_HOME"])
SECRET_KEY = _secret(HOME / "secret_key")
SQLALCHEMY_DATABASE_URI = f"sqlite:///{HOME / 'superset.db'}"
FEATURE_FLAGS = {"ENABLE_TEMPLATE_PROCESSING": True}  # the cards' filters are Jinja
PREVENT_UNSAFE_DB_CONNECTIONS = False  # DuckDB is a file
TALISMAN_CONFIG = {  # no requests to other hosts: Superset's pages count their visitors, and offer maps and fonts
    "content_security_policy": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "script-src": ["'self'", "'strict-dynamic'"],
        "object-src": "'none'",
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,
    "session_cookie_secure": False,
}
SQLLAB_TIMEOUT = SUPERSET_WEBSERVER_TIMEOUT = 60


@event.listens_for(Engine, "connect")  # type: ignore[untyped-decorator]
def _attach_the_lake(connection: Any, _: Any) -> None:
    """Attach the published catalogue, as it is at that moment, to each new connection of DuckDB."""
    if type(connection).__module__.startswith("duckdb_engine"):
        connection.execute(f"set extension_directory = {lake.quote(lake.extensions())}")
        for statement in lake.attach_statements(lake.folder(), lake.PUBLISHED):
            connection.execute(statement)
