"""Puts DuckDB's ducklake extension, which comes as a Python package, where DuckDB finds it (`make setup`)."""

import duckdb
from duckdb_extensions import import_extension

from tickerlake.lake import extensions


def main() -> None:
    """Copy the extension into the project's extension folder; doing it again changes nothing."""
    extensions().mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"extension_directory": str(extensions())}) as connection:
        import_extension("ducklake", con=connection)
        connection.execute("load ducklake")


if __name__ == "__main__":
    main()
