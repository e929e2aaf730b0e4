"""The two Trino catalogs that read one Glue catalog."""

HIVE = "awsdatacatalog"
"""The catalog that statements see: Athena's own name for Glue."""

ICEBERG = "local_iceberg"
"""Where Trino redirects tables of type ICEBERG; statements may not name it."""
